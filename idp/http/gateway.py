"""The front door: every request passes here before Flask or an endpoint for machines sees it.

It bounds what comes in (host, method, path), names the request, turns every failure into one small answer, and
dresses, counts and logs what goes out. It is plain WSGI and free of any server's habits.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from idp.at_once import NeedsThread, at_once
from idp.errors import UserError
from idp.http import request as current_request
from idp.http.headers import Headers, dressed
from idp.http.metrics import Metrics
from idp.http.request import Current
from idp.http.request_log import log, log_answer
from idp.http.store_errors import STORE_DOWN

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]
EndpointResponse = tuple[int, Headers, bytes]
Endpoint = Callable[[Environ], EndpointResponse]
Shortcut = Callable[[Environ], EndpointResponse | None]
"""An endpoint for the requests to a page that need no page; None: the page answers."""


METHODS = ("GET", "HEAD", "POST")
MANAGING = (*METHODS, "PUT", "DELETE")
REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found", 303: "See Other", 304: "Not Modified",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 410: "Gone", 413: "Content Too Large", 415: "Unsupported Media Type",
    421: "Misdirected Request", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip
JSON = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Site:
    """The `Host` values that are ours, and whether people come by TLS."""

    hosts: frozenset[str]
    https: bool


class Gateway:
    """The whole application. `endpoints` maps paths to endpoints, everything else goes to `pages`.

    `look` sees every request. `at_once` are the paths that `answer_at_once` is for, `storeless` those of them that ask
    no store, `preflighted` those whose endpoints answer pre-flights, `managed` those that take PUT and DELETE too.
    `console` is what officers have on hosts of their own: nothing of it is here, and nothing of this is there.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        pages: Wsgi,
        metrics: Metrics,
        site: Site,
        *,
        look: Callable[[Environ], object] = lambda environ: None,
        shortcuts: Mapping[str, Shortcut] | None = None,
        at_once: frozenset[str] = frozenset(),
        storeless: frozenset[str] = frozenset(),
        preflighted: frozenset[str] = frozenset(),
        managed: frozenset[str] = frozenset(),
        console: tuple[frozenset[str], Wsgi] | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._pages = pages
        self.metrics = metrics
        self._hosts = site.hosts
        self._https = site.https
        self._look = look
        self._shortcuts = shortcuts or {}
        self.at_once = at_once
        self.storeless = storeless
        self._preflighted = preflighted
        self._managed = managed
        self._console_hosts, self._console = console or (frozenset[str](), pages)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        current = current_request.begin()
        started = time.perf_counter()
        seen: list[str] = []

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            seen[:] = [status[:3]]
            status = f"{status[:3]} {REASONS.get(int(status[:3]), status[4:])}"
            out = dressed([*headers, ("X-Request-Id", current.id)], https=self._https)
            return start_response(status, out, exc_info) if exc_info else start_response(status, out)

        try:
            self._look(environ)
            return self._answer(environ, start)
        finally:
            self._note(current, environ, int(seen[0]) if seen else 0, started)

    def answer_at_once(self, environ: Environ) -> EndpointResponse | None:
        """The whole answer to a program, computed here and now; None when the request needs a thread.

        Then nothing has happened yet, and the application has to be called.
        """
        current = current_request.begin()
        started = time.perf_counter()
        try:
            with at_once():
                answer = self._refuse(environ) or self._answer_of_endpoint(environ) or self._page_at_once(environ)
                if answer is not None:
                    self._look(environ)
        except NeedsThread:
            return None
        except Exception:
            log.exception("unexpected error", extra={"request_id": current.id})
            answer = problem(500, "server_error")
        if answer is None:
            return None
        status, headers, body = answer
        self._note(current, environ, status, started)
        more = [("X-Request-Id", current.id), ("Content-Length", str(len(body)))]
        return status, dressed([*headers, *more], https=self._https), body

    def _note(self, current: Current, environ: Environ, status: int, started: float) -> None:
        """Count and log one answer; 0 is the status of none."""
        seconds = time.perf_counter() - started
        method = environ.get("REQUEST_METHOD", "")
        self.metrics.answered(current.route or "page", method, status, seconds)
        log_answer(current, method, status, seconds)

    def _answer(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        answer = self._refuse(environ) or self._answer_of_endpoint(environ)
        if answer is not None:
            return _send(environ, start, answer)
        return self._console(environ, start) if self._is_console(environ) else self._pages(environ, start)

    def _is_console(self, environ: Environ) -> bool:
        return environ["HTTP_HOST"].lower() in self._console_hosts

    def _answer_of_endpoint(self, environ: Environ) -> EndpointResponse | None:
        """The answer to a program, or of a page that needs no page; None for everything else."""
        if self._is_console(environ):
            return None
        path = environ.get("PATH_INFO", "")
        endpoint, shortcut = self._endpoints.get(path), self._shortcuts.get(path)
        if endpoint is not None:
            current_request.current().route = path
            return guarded(endpoint, environ)
        answer = shortcut(environ) if shortcut else None
        if answer is not None:
            current_request.current().route = path
        return answer

    def _page_at_once(self, environ: Environ) -> EndpointResponse | None:
        """A page that only shows or redirects; None for a form, which may have to wait for a hash."""
        if environ["REQUEST_METHOD"] != "GET" or self._is_console(environ):
            return None
        started: list[tuple[int, Headers]] = []

        def start(status: str, headers: Headers, exc_info: Any = None) -> None:
            started.append((int(status[:3]), [each for each in headers if each[0] != "Content-Length"]))

        chunks = self._pages(environ, start)
        try:
            return *started[-1], b"".join(chunks)
        finally:
            if callable(close := getattr(chunks, "close", None)):
                close()

    def _methods(self, environ: Environ) -> tuple[str, ...]:
        """The methods that are taken at this path; its own endpoint may take fewer."""
        is_console = environ.get("HTTP_HOST", "").lower() in self._console_hosts
        return MANAGING if environ.get("PATH_INFO") in self._managed and not is_console else METHODS

    def _is_preflight(self, environ: Environ) -> bool:
        """Whether a browser asks for a page of another origin (Fetch, 4.8), where pages may call."""
        if environ.get("REQUEST_METHOD") != "OPTIONS" or environ.get("PATH_INFO") not in self._preflighted:
            return False
        asks = "HTTP_ORIGIN" in environ and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        return asks and environ.get("HTTP_HOST", "").lower() not in self._console_hosts

    def _refuse(self, environ: Environ) -> EndpointResponse | None:
        """What no endpoint has to think about (table in docs/bad-requests.md)."""
        methods = self._methods(environ)
        if environ.get("REQUEST_METHOD") not in methods and not self._is_preflight(environ):
            return problem(405, "method_not_allowed", [("Allow", ", ".join(methods))])
        host = environ.get("HTTP_HOST", "").lower()
        ours = self._console_hosts if host in self._console_hosts else self._hosts
        if host not in ours:
            return problem(421 if host else 400, "host")
        target = environ.get("RAW_URI", "/")
        if not target.startswith("/") and urlsplit(target).netloc.lower() not in ours:
            # A whole URL as target outranks the Host header (RFC 9112, 3.2.2); gunicorn gives us the header's host.
            return problem(421, "host")
        if environ.get("HTTP_TRANSFER_ENCODING", "chunked").lower() != "chunked":
            # With two codings, or an unknown one, the end of the body is ambiguous (RFC 9112, 6.1).
            return problem(501, "transfer_encoding", [("Connection", "close")])
        path = environ.get("PATH_INFO", "")
        if "\0" in path or len(path) > 1024:
            return problem(400, "path")
        return None


def guarded(endpoint: Endpoint, environ: Environ) -> EndpointResponse:
    """Call an endpoint for machines; refusals become JSON, anything unexpected a 500 without a word about why."""
    try:
        return endpoint(environ)
    except STORE_DOWN as error:
        return unavailable(error)
    except UserError as error:
        current_request.current().detail = error.detail
        retry = [("Retry-After", str(error.retry_after))] if error.retry_after else []
        return problem(error.status, "invalid_request" if error.kind == "bad_request" else error.kind, retry)
    except Exception:
        log.exception("unexpected error", extra={"request_id": current_request.current().id})
        return problem(500, "server_error")


def unavailable(error: Exception) -> EndpointResponse:
    """A store did not answer: nothing was done, come back in a moment."""
    log.error("store down", extra={"reason": type(error).__name__, "request_id": current_request.current().id})
    return problem(503, "temporarily_unavailable", [("Retry-After", "2")])


def problem(status: int, error: str, headers: Headers | None = None) -> EndpointResponse:
    """A small JSON error."""
    return reply(status, {"error": error}, headers or [])


def reply(status: int, body: Any, headers: Headers) -> EndpointResponse:
    """A JSON answer."""
    return status, [JSON, *headers], json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def status_line(status: int) -> str:
    """The status and its reason phrase."""
    return f"{status} {REASONS.get(status, 'Status')}"


def _send(environ: Environ, start: StartResponse, answer: EndpointResponse) -> Iterable[bytes]:
    status, headers, body = answer
    length = [] if status == 204 else [("Content-Length", str(len(body)))]
    start(status_line(status), [*headers, *length])
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]
