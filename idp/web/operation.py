"""What operators and load balancers ask: `/healthz`, `/readyz`, `/metrics`. No personal value is ever in an answer."""

from collections.abc import Callable, Mapping

from idp.web.front import Endpoint, Environ, Reply, reply
from idp.web.measures import Measures

Check = Callable[[], object]


class Operation:
    """Health, readiness and metrics. `checks` are what must work before requests may come, by name."""

    def __init__(self, measures: Measures, checks: Mapping[str, Check], notes: Mapping[str, object]) -> None:
        self._measures = measures
        self._checks = checks
        self._notes = notes

    def table(self) -> Mapping[str, Endpoint]:
        return {"/healthz": self.health, "/readyz": self.ready, "/metrics": self.metrics}

    def health(self, environ: Environ) -> Reply:
        """The process answers; stores are not asked."""
        return reply(200, {"status": "ok"}, [])

    def ready(self, environ: Environ) -> Reply:
        """200 when every part works, else 503 that names what is missing."""
        missing = [name for name, check in self._checks.items() if not _works(check)]
        body = {"status": "not ready" if missing else "ready", "missing": missing, **self._notes}
        return reply(503 if missing else 200, body, [("Retry-After", "2")] if missing else [])

    def metrics(self, environ: Environ) -> Reply:
        content_type, body = self._measures.page()
        return 200, [("Content-Type", content_type)], body


def _works(check: Check) -> bool:
    try:
        check()
    except Exception:
        return False
    return True
