"""What the rules need from outside and what belongs to no single noun.

A Protocol here is a promise; `idp/store` keeps each of them, and `tests/contracts` holds every implementation to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

Clock = Callable[[], float]
"""Seconds since the epoch, UTC."""


class Spent:
    """What `take` answers for a value that was taken before: it existed, and it is gone."""


SPENT: Final = Spent()


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record that is still to be put; `expires_at` is in seconds since the epoch."""

    key: str
    value: bytes
    expires_at: float


class EphemeralStore(Protocol):
    """Short-lived values under unguessable keys. Every method is atomic, and all but the last two touch one key.

    Expiry is a fact in the record and compared with `now`; a store's own time-to-live is only the broom.
    """

    def put(self, key: str, value: bytes, *, expires_at: float, now: float) -> bool:
        """Create the record; False when a live or spent one has this key already."""
        ...

    def get(self, key: str, *, now: float) -> bytes | None:
        """Return the live value, or None when it is missing, expired or spent."""
        ...

    def take(self, key: str, *, now: float) -> bytes | Spent | None:
        """Return the live value and leave a tombstone until it would have expired: exactly one caller gets it.

        Everybody later gets `SPENT`; None means that there is no such thing.
        """
        ...

    def replace(self, key: str, old: bytes, new: bytes, *, now: float) -> bool:
        """Put `new` in the place of exactly `old`, keeping the expiry; False when it is no longer `old`."""
        ...

    def get_and_put(self, key: str, new: NewRecord, *, now: float) -> tuple[bytes | None, bool]:
        """`get` and, only beside a live value, `put` of `new` under another key: the value, and whether it was put."""
        ...

    def take_and_put(self, key: str, new: NewRecord, *, now: float) -> bytes | Spent | None:
        """`take` and, only for the caller who gets the value, `put` of `new` under another key."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """Another way to log in, as the login page shows it; `note` says that it is slow or down just now."""

    label: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Seeker:
    """Who looks for a way in: on which tab, with which login, to which client, in what language, on a phone or not."""

    kind: Literal["individual", "organisation"]
    attempt: str
    client_id: str = ""
    language: str = "vi"
    on_phone: bool = False


class WaysIn(Protocol):
    """The ways to log in that other rooms bring in."""

    def offered(self, seeker: Seeker) -> list[Way]:
        """Those for this person, in order."""
        ...

    def message(self, query: Mapping[str, str], language: str) -> str | None:
        """The sentence for how a way ended, when the browser came back from one to the login page."""
        ...

    def out(self, through: str, account_id: str, auth_time: float, state: str) -> str | None:
        """Where the browser also ends its session there, when the login of that moment came `through` such a way.

        It comes back with `state`; None when nothing is to be ended, or when it cannot be asked for now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the audit trail, as the rules say it; the store adds time, request and chain."""

    name: str
    account_id: str | None = None
    client_id: str | None = None
    facts: Mapping[str, str | int | bool | None] = ()  # type: ignore[assignment]
    reason: str | None = None


class AuditLog(Protocol):
    """Where decisions are recorded durably."""

    def record(self, event: Event) -> None:
        """Write the event before the decision is answered; raises when it cannot be stored."""
        ...


class ConflictOver(Exception):
    """A conflict cannot be decided like this any more: it was decided, or what it is about has changed."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A person who came through an upstream and was not linked; names and numbers are masked.

    `said` is what the upstream told, `agreement` how far that fits, `linked_to` the account that has the link now.
    `concerns` are the numbers of whom it is about, to compare with an officer's own and never to show.
    """

    id: str
    upstream: str
    reason: str
    account_id: str | None
    times: int
    created_at: float
    upstream_facts: Mapping[str, str | None] = ()  # type: ignore[assignment]
    agreement: Mapping[str, str] = ()  # type: ignore[assignment]
    linked_to: str | None = None
    concerns: frozenset[str] = field(default=frozenset(), repr=False)


class Conflicts(Protocol):
    """Refused links that wait for officers."""

    def waiting(self, limit: int) -> list[Conflict]:
        """Oldest first, without what tells who came."""
        ...

    def find(self, conflict_id: str) -> Conflict | None:
        """An undecided one."""
        ...

    def refuse(self, conflict_id: str, officer: str, reason: str) -> None:
        """Settle it without a link. Raises `ConflictOver`."""
        ...

    def link(self, conflict_id: str, by: str, approved_by: str, reason: str) -> None:
        """Link all the same; both officers are named by login. Raises `ConflictOver`."""
        ...
