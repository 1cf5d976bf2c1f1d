"""The front door: every request passes here before Flask or an endpoint for machines sees it.

It bounds what comes in (host, method, path), names the request, turns whatever goes wrong into one small answer, and
dresses, counts and logs what goes out. It is plain WSGI and free of any server's habits.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from idp.errors import UserError
from idp.store.store_errors import STORE_DOWN
from idp.web import request as current_request
from idp.web.headers import Headers, dressed
from idp.web.metrics import Metrics

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]
EndpointResponse = tuple[int, Headers, bytes]
Endpoint = Callable[[Environ], EndpointResponse]

METHODS = frozenset(("GET", "HEAD", "POST"))
REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 302: "Found", 303: "See Other", 304: "Not Modified",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 410: "Gone", 413: "Content Too Large", 415: "Unsupported Media Type",
    421: "Misdirected Request", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip
JSON = ("Content-Type", "application/json")
log = logging.getLogger("idp.requests")


class Gateway:
    """The whole application. `endpoints` maps paths to endpoints, everything else goes to `pages`.

    `look` sees every request first. `console` is what officers have on hosts of their own: nothing of it is here, and
    nothing of this is there.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        pages: Wsgi,
        metrics: Metrics,
        *,
        hosts: frozenset[str],
        https: bool,
        look: Callable[[Environ], object] = lambda environ: None,
        console: tuple[frozenset[str], Wsgi] | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._pages = pages
        self.metrics = metrics
        self._hosts = hosts
        self._https = https
        self._look = look
        self._console_hosts, self._console = console or (frozenset[str](), pages)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        current = current_request.begin()
        started = time.perf_counter()
        seen: list[str] = []

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            seen[:] = [status[:3]]
            out = dressed([*headers, ("X-Request-Id", current.id)], https=self._https)
            return start_response(status, out, exc_info) if exc_info else start_response(status, out)

        try:
            self._look(environ)
            return self._answer(environ, start)
        finally:
            seconds = time.perf_counter() - started
            self.metrics.answered(current.route or "page", environ.get("REQUEST_METHOD", ""), seen, seconds)
            _log_line(current, environ, seen, seconds)

    def _answer(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        refused = self._refuse(environ)
        if refused is not None:
            return _send(environ, start, refused)
        if environ["HTTP_HOST"].lower() in self._console_hosts:
            return self._console(environ, start)
        path = environ.get("PATH_INFO", "")
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            return self._pages(environ, start)
        current_request.current().route = path
        return _send(environ, start, guarded(endpoint, environ))

    def _refuse(self, environ: Environ) -> EndpointResponse | None:
        """What no endpoint has to think about (table in docs/bad-requests.md)."""
        if environ.get("REQUEST_METHOD") not in METHODS:
            return problem(405, "method_not_allowed", [("Allow", "GET, HEAD, POST")])
        host = environ.get("HTTP_HOST", "").lower()
        ours = self._console_hosts if host in self._console_hosts else self._hosts
        if host not in ours:
            return problem(421 if host else 400, "host")
        target = environ.get("RAW_URI", "/")
        if not target.startswith("/") and urlsplit(target).netloc.lower() not in ours:
            # A whole URL as target outranks the Host header (RFC 9112, 3.2.2); gunicorn gives us the header's host.
            return problem(421, "host")
        if environ.get("HTTP_TRANSFER_ENCODING", "chunked").lower() != "chunked":
            # With two codings, or one that we do not know, nobody can be sure where the body ends (RFC 9112, 6.1).
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


def _send(environ: Environ, start: StartResponse, answer: EndpointResponse) -> Iterable[bytes]:
    status, headers, body = answer
    start(f"{status} {REASONS.get(status, 'Status')}", [*headers, ("Content-Length", str(len(body)))])
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def _log_line(current: current_request.Current, environ: Environ, seen: list[str], seconds: float) -> None:
    facts: dict[str, Any] = {
        "request_id": current.id,
        "method": environ.get("REQUEST_METHOD", "")[:16],
        "route": current.route or "page",
        "status": int(seen[0]) if seen else 0,
        "ms": round(seconds * 1000, 2),
    }
    if current.client_id:
        facts["client_id"] = current.client_id
    if current.was_reported:
        facts |= {"support_code": current.support_code, "detail": current.detail[:300]}
    log.info("answered", extra=facts)
