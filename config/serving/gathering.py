"""Bodies before threads, for a server that lends a thread to a body: it is read whole before a seat is taken."""

import threading
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from typing import Any

from idp.web.forms import largest_body
from idp.web.gateway import Environ, StartResponse, Wsgi

IN_MEMORY = 131_072
AT_ONCE = 65_536


class Gathered:
    """The application with `bindings` for requests that are whole. Whoever still sends has none."""

    def __init__(self, app: Wsgi, bindings: int) -> None:
        self._app = app
        self._bindings = threading.BoundedSemaphore(bindings)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with SpooledTemporaryFile[bytes](IN_MEMORY) as body:
            if _has_body(environ):
                environ["wsgi.input"] = body if _gather(environ, body) else _Broken()
            with self._bindings:
                return self._app(environ, start_response)


def _has_body(environ: Environ) -> bool:
    """Whether there is one that is of any use; what is announced to be too large is refused unread."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        return length.isdecimal() and 0 < int(length) <= _most(environ)
    return bool(environ.get("wsgi.input_terminated"))


class _Broken:
    """A body that broke off: what came of it must not be taken for all of it."""

    def read(self, size: int = -1) -> bytes:
        raise ConnectionError


def _gather(environ: Environ, body: Any) -> bool:
    """Whether all of it came."""
    left = int(environ.get("CONTENT_LENGTH") or _most(environ) + 1)
    try:
        while left > 0 and (some := environ["wsgi.input"].read(min(left, AT_ONCE))):
            body.write(some)
            left -= len(some)
    except Exception:  # each server has its own for chunks that are malformed or end early
        return False
    body.seek(0)
    return True


def _most(environ: Environ) -> int:
    is_somebody = "HTTP_COOKIE" in environ or "HTTP_AUTHORIZATION" in environ
    return largest_body(environ.get("PATH_INFO", "").encode("latin-1"), is_somebody=is_somebody)
