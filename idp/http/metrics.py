"""What operators can watch: counters and histograms in the Prometheus text format, across all workers of a machine."""

from collections.abc import Callable
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """The metrics of one process; with `shared` they are summed over all workers through a directory of files."""

    def __init__(self, *, shared: bool) -> None:
        self._answers: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._reads: list[tuple[Gauge, Callable[[], float]]] = []
        self._registry = CollectorRegistry()
        registry = None if shared else self._registry
        own: Any = {"registry": registry} if registry else {}
        self.requests = Counter("idp_requests_total", "Answered requests", ["route", "method", "status"], **own)
        self.seconds = Histogram("idp_request_seconds", "Time to answer", ["route"], buckets=_BUCKETS, **own)
        self.logins = Counter("idp_logins_total", "Logins by method and outcome", ["method", "outcome"], **own)
        self.store = Histogram("idp_store_seconds", "Time of a store round trip", ["store"], buckets=_BUCKETS, **own)
        mode: Any = {"multiprocess_mode": "livesum"} if shared else {}
        self.hashing = Gauge("idp_hash_queue", "Password checks running or waiting", **own, **mode)
        newest: Any = {"multiprocess_mode": "mostrecent"} if shared else {}
        self.messages = Counter("idp_messages_total", "Messages by what became of them", ["channel", "outcome"], **own)
        self.waiting = Gauge("idp_messages_waiting", "Messages that wait", ["channel"], **own, **newest)
        self.oldest = Gauge("idp_messages_oldest_seconds", "Age of the oldest of them", ["channel"], **own, **newest)
        self.views = Counter("idp_officer_alarms_total", "Officers who opened many papers", ["outcome"], **own)
        self.phone = Counter(
            "idp_phone_refusals_total", "Calls of phones that were refused.", ["operation", "code"], **own
        )
        self.qr = Counter("idp_qr_total", "Logins by QR code: started, refused, ended, and why", ["what", "why"], **own)
        self.proofs = Counter(
            "idp_dpop_proofs_total", "Proofs of possession, and what became of them", ["outcome"], **own
        )
        self.unlisted = Counter(
            "idp_forwarded_from_unlisted_total", "Forwarded headers that nobody is believed for", **own
        )
        self.shed = Counter("idp_shed_total", "Requests turned away because too many waited", ["kind"], **own)
        asked = ["upstream", "operation", "outcome"]
        self.upstreams = Histogram("idp_upstream_seconds", "Time of requests", asked, buckets=_BUCKETS, **own)
        self.key_age = Gauge("idp_key_age_seconds", "Age of the signing key", ["alg"], **own, **newest)
        self.key_change = Gauge("idp_key_next_change_days", "Days until portals see other keys", **own, **newest)
        each: Any = {"multiprocess_mode": "liveall"} if shared else {}
        self.ring_version = Gauge("idp_key_ring_version", "Version of the key ring in each worker", **own, **each)
        help_text = "0: works, 1: slow, 2: down, as each worker sees it"
        self.upstream_state = Gauge("idp_upstream_state", help_text, ["upstream"], **own, **each)
        self.ring_failing = Gauge("idp_key_ring_failing", "1: the ring cannot be read, the last goes on", **own, **each)

    def watch(self, gauge: Gauge, read: Callable[[], float]) -> None:
        """Take `read` as the value of `gauge` whenever the metrics are refreshed."""
        self._reads.append((gauge, read))

    def refresh(self) -> None:
        """Write the values that are measured rather than counted; each worker does so periodically."""
        for gauge, read in self._reads:
            gauge.set(read())

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is one of ours, never a path from outside: labels must stay few."""
        labels = route, method if method in ("GET", "POST", "HEAD") else "other", status
        children = self._answers.get(labels)
        if children is None:
            counter = self.requests.labels(*labels[:2], str(status or "none"))
            children = self._answers[labels] = counter, self.seconds.labels(route)
        children[0].inc()
        children[1].observe(seconds)

    def page(self) -> tuple[str, bytes]:
        """Content type and body of `/metrics`, of this process alone."""
        self.refresh()
        return CONTENT_TYPE_LATEST, generate_latest(self._registry)


def page_of(directory: str) -> tuple[str, bytes]:
    """Content type and body of `/metrics`, of all processes that share their numbers in a directory."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    return CONTENT_TYPE_LATEST, generate_latest(registry)
