"""The upstreams of this installation: which are currently open to whom, and what each may do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from federation.connector import Connector
from federation.matching import LinkPolicy
from idp.accounts.account import Kind
from idp.errors import UserError
from idp.ports import Clock

State = Literal["ok", "slow", "down"]
AGREED_WITHIN = 5.0
"""Seconds after which every worker knows that an operator closed an upstream."""


Tell = Callable[[str, str, str, float], None]
"""Called for every request to an upstream: its id, the operation, "ok" or the kind of failure, and seconds."""


@dataclass
class UpstreamNotices:
    """Who is notified of requests; no observer by default."""

    tell: Tell = lambda *_: None


class UnknownUpstream(UserError):
    """No upstream of this name is configured, or it is not open today."""

    kind = "bad_request"
    status = 404


@dataclass(frozen=True, slots=True)
class Upstream:
    """One upstream. Dates are seconds since the epoch, None for no end; `labels` and `names` are by language.

    `by_form` says that it sends people back in a form instead of an address. `issuer` is its name for itself, empty
    when it has none; `frames` are the origins of its pages, which may show our front-channel logout.
    """

    id: str
    connector: Connector
    policy: LinkPolicy
    labels: Mapping[str, str]
    names: Mapping[str, str]
    audience: Sequence[Kind] = ("individual",)
    enabled_from: float | None = None
    enabled_to: float | None = None
    order: int = 0
    by_form: bool = False
    issuer: str = ""
    frames: Sequence[str] = ()
    state: Callable[[], State] = field(default=lambda: "ok")

    def is_open(self, now: float) -> bool:
        """Whether its dates allow it."""
        begun = self.enabled_from is None or now >= self.enabled_from
        return begun and (self.enabled_to is None or now < self.enabled_to)

    def label(self, language: str) -> str:
        """The label of the button."""
        return self.labels.get(language) or self.labels["vi"]

    def name(self, language: str) -> str:
        """Its name in sentences."""
        return self.names.get(language) or self.names["vi"]


class Upstreams:
    """Finds upstreams. `closed` returns those that an operator closed; the result is cached for a few seconds."""

    def __init__(
        self,
        known: Sequence[Upstream],
        closed: Callable[[], Mapping[str, float]],
        clock: Clock,
        telling: UpstreamNotices,
    ) -> None:
        self.telling = telling
        self.known = tuple(sorted(known, key=lambda upstream: (upstream.order, upstream.id)))
        self._closed = closed
        self._clock = clock
        self._seen: tuple[float, frozenset[str]] = (float("-inf"), frozenset())

    def find(self, upstream_id: str) -> Upstream:
        """An upstream that is open today. Raises `UnknownUpstream`."""
        upstream = self.configured(upstream_id)
        if upstream is None or not self.is_open(upstream):
            raise UnknownUpstream("no such upstream is open")
        return upstream

    def named(self, upstream_id: str) -> Upstream:
        """An upstream of this name, open or not. Raises `UnknownUpstream`."""
        upstream = self.configured(upstream_id)
        if upstream is None:
            raise UnknownUpstream("no such upstream is configured")
        return upstream

    def configured(self, upstream_id: str) -> Upstream | None:
        """An upstream, open or not: a closed one still ends its sessions."""
        return next((upstream for upstream in self.known if upstream.id == upstream_id), None)

    def open_to(self, kind: Kind) -> list[Upstream]:
        """The upstreams that people of this kind may use today, in the order of the page."""
        return [upstream for upstream in self.known if kind in upstream.audience and self.is_open(upstream)]

    def is_open(self, upstream: Upstream) -> bool:
        """Whether people may log in through it today."""
        return upstream.is_open(self._clock()) and upstream.id not in self._closed_now()

    def _closed_now(self) -> frozenset[str]:
        now = self._clock()
        at, closed = self._seen
        if not self.known or 0 <= now - at < AGREED_WITHIN:
            return closed
        closed = frozenset(self._closed())
        self._seen = (now, closed)
        return closed
