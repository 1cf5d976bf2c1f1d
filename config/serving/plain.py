"""Requests in the plain form in which programs send them, read and answered without gunicorn's parser.

Everything else (another version, a coding, a fragment, a repeated or unusual header, a byte outside ASCII, a request in
pieces) is left to `Inbox` and gunicorn, which refuse what may be read in two ways.
"""

import io
import re
import sys
import time
from email.utils import formatdate
from typing import Any

from gunicorn.http.wsgi import SERVER_SOFTWARE

from idp.http.forms import LARGEST_BODY
from idp.http.gateway import EndpointResponse, Environ, status_line

_PLAIN = re.compile(r"(?:[ -~]+\r\n)+\r\n")
_LINE = re.compile(r"(GET|POST) (/[!\"$-~]*) HTTP/1\.1")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_MOST_HEADERS, _LONGEST_LINE = 60, 8188
_UNUSUAL = frozenset(("EXPECT", "TE", "TRAILER", "TRANSFER_ENCODING", "UPGRADE"))
_KEYS: dict[str, str | None] = {}
"""The names in an environ of headers that were seen, None for those that gunicorn has to read."""

_BASE: Environ = {
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": SERVER_SOFTWARE,
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.url_scheme": "http",
    "wsgi.version": (1, 0),
}


def read_plain(data: bytes, paths: frozenset[str], peer: Any, own: Any) -> Environ | None:
    """The WSGI environ of `data` if that is one complete plain request for one of `paths`; otherwise None.

    `peer` and `own` are the addresses of the connection's two ends.
    """
    end = data.find(b"\r\n\r\n") + 4
    head = data[:end].decode("latin-1")
    if end < 4 or not _PLAIN.fullmatch(head):
        return None
    first, *lines = head.split("\r\n")[:-2]
    line = _LINE.fullmatch(first)
    path, _, query = line[2].partition("?") if line else ("", "", "")
    if not line or path not in paths or len(lines) > _MOST_HEADERS or len(max(first, *lines, key=len)) > _LONGEST_LINE:
        return None
    environ = _BASE | {"REQUEST_METHOD": line[1], "RAW_URI": line[2], "PATH_INFO": path, "QUERY_STRING": query}
    if not _add_headers(environ, lines) or len(data) - end != _length(environ):
        return None
    environ["wsgi.input"] = io.BytesIO(data[end:])
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer[0], str(peer[1])
    environ["SERVER_NAME"], environ["SERVER_PORT"] = own[0], str(own[1])
    return environ


def _add_headers(environ: Environ, lines: list[str]) -> bool:
    """Whether all headers are plain, and each is there once."""
    for line in lines:
        name, colon, value = line.partition(":")
        try:
            key = _KEYS[name]
        except KeyError:
            key = _key(name)
        if key is None or not colon or key in environ:
            return False
        environ[key] = value.strip(" ")
    return "HTTP_HOST" in environ and environ.get("HTTP_CONNECTION", "").lower() in ("", "close", "keep-alive")


def _key(name: str) -> str | None:
    upper = name.upper().replace("-", "_")
    key = upper if upper in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{upper}"
    if not _NAME.fullmatch(name) or upper in _UNUSUAL:
        return None
    if len(_KEYS) < 1000:
        _KEYS[name] = key
    return key


def _length(environ: Environ) -> int:
    text = environ.get("CONTENT_LENGTH", "0" if environ["REQUEST_METHOD"] == "GET" else "")
    return int(text) if text.isdecimal() and len(text) < 6 and int(text) <= LARGEST_BODY else -1


def is_last(environ: Environ) -> bool:
    """Whether the client sends nothing more on this connection."""
    return bool(environ.get("HTTP_CONNECTION", "").lower() == "close")


def response_bytes(answer: EndpointResponse, *, keep: bool) -> bytes:
    """The whole response as it is sent; `keep` tells the client that the connection stays open.

    Raises `ValueError` for a header that would end its line.
    """
    status, headers, body = answer
    written = "".join([name + value for name, value in headers])
    if not (written.isascii() and written.isprintable()):
        raise ValueError("a header of the response is not printable")
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    connection = "keep-alive" if keep else "close"
    head = f"HTTP/1.1 {status_line(status)}\r\nServer: gunicorn\r\nDate: {_date()}\r\nConnection: {connection}\r\n"
    return f"{head}{lines}\r\n".encode("latin-1") + body


_last_date = (0, "")


def _date() -> str:
    global _last_date
    second, last = int(time.time()), _last_date
    if last[0] != second:
        last = _last_date = (second, formatdate(second, usegmt=True))
    return last[1]
