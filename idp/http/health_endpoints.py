"""What operators and load balancers ask: `/healthz`, `/readyz`, `/metrics`. No personal value is ever in an answer."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from idp.http.gateway import EndpointResponse, problem, reply

Check = Callable[[], object]
PATIENCE = 1.0
"""Seconds after which a part that has not said that it works does not work."""


class HealthEndpoints:
    """Health, readiness and metrics. `checks` are what must work before requests may come, by name.

    `page` gives content type and body of the metrics. Each check runs in a thread of its own, at most once at a time,
    so a store that hangs is reported and blocks nothing.
    """

    def __init__(
        self, page: Callable[[], tuple[str, bytes]], checks: Mapping[str, Check], notes: Mapping[str, object]
    ) -> None:
        self.is_stopping = False
        self._page = page
        self._checks = checks
        self._notes = notes
        self._asked: dict[str, Future[object]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max(1, len(checks)), "readiness")

    def answer(self, path: str) -> EndpointResponse:
        """What is said at this path."""
        match path:
            case "/healthz":
                return reply(200, {"status": "ok"}, [])
            case "/readyz":
                return self._ready()
            case "/metrics":
                content_type, body = self._page()
                return 200, [("Content-Type", content_type)], body
            case _:
                return problem(404, "not_found")

    def close(self) -> None:
        """Stop asking."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ready(self) -> EndpointResponse:
        """200 when every part works, else 503 that names what is missing; at a stop 503 before anything else ends."""
        missing = [] if self.is_stopping else self._missing()
        status = "stopping" if self.is_stopping else "not ready" if missing else "ready"
        body = {"status": status, "missing": missing, **self._notes}
        return reply(200, body, []) if status == "ready" else reply(503, body, [("Retry-After", "2")])

    def _missing(self) -> list[str]:
        with self._lock:
            for name, check in self._checks.items():
                if name not in self._asked or self._asked[name].done():
                    self._asked[name] = self._pool.submit(check)
            asked = dict(self._asked)
        wait(asked.values(), PATIENCE)
        return [name for name, done in asked.items() if not done.done() or done.exception()]
