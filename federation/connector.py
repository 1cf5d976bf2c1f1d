"""The interface of every upstream: a `Connector` that sends a browser away and reads what it brings back.

Nothing from an upstream is trusted before its connector has checked it, and every failure is one `UpstreamFailed` with
one of five kinds; details are for the log and never contain profile data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from idp.accounts.account import Kind
from idp.accounts.birth_date import BirthDate
from idp.accounts.phone import PhoneNumber

FailureKind = Literal["cancelled", "unavailable", "refused", "misconfigured", "expired"]
PhoneVerified = Literal["claim", "by_agreement", "never"]


class UpstreamFailed(Exception):
    """The upstream login failed.

    `cancelled`: the person cancelled there; `unavailable`: it is down, slow or violates the protocol; `refused`: what
    it said is invalid or not for us; `misconfigured`: it does not know us (an alarm for operators); `expired`: its code
    was too old, and starting again helps.
    """

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind: FailureKind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class UpstreamIdentity:
    """What an upstream asserts about one person, in our terms; everything else in its profile is dropped.

    `upstream` is our name for it (its issuer is pinned in configuration) and `subject` its stable name for the person:
    only both together identify a person. `citizen_number` is the 12-digit CCCD. `phone` is set only when the upstream's
    policy counts it as verified. `bhxh_code` is what people typed there: a hint for a lookup, never a proof. `acr` is
    our level 1 to 4, `ial` our proofing level 0 to 2; an unmapped value does not raise the level.
    """

    upstream: str
    subject: str
    kind: Kind = "individual"
    citizen_number: str | None = None
    name: str | None = None
    birth_date: BirthDate | None = None
    phone: PhoneNumber | None = None
    bhxh_code: str | None = None
    tax_code: str | None = None
    acr: int = 1
    ial: int = 0
    amr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A person returned by an upstream, and what is needed to end the session there later.

    `auth_time` is when the person logged in there, if a signed value says so. `sid` is the upstream's name for its
    session (OIDC Back-Channel Logout 1.0) and `logout_hint` what its logout needs (an ID token); both may be empty.
    """

    identity: UpstreamIdentity
    sid: str = ""
    logout_hint: str = ""
    auth_time: float | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A browser about to leave for an upstream. `fresh` requires a new login there, `acr` is the requested level.

    `login_hint` is what the upstream itself sent along, empty without: nothing of ours is told there.
    """

    state: str
    redirect_uri: str
    fresh: bool = False
    acr: int = 1
    language: str = "vi"
    login_hint: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and what the connector needs again when it comes back (nonce, verifier)."""

    url: str
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Callback:
    """How the browser came back: the raw query as it was sent, and what `start` asked to keep.

    The state was taken and belongs to this browser and this upstream; everything else in `query` is untrusted.
    """

    query: str
    redirect_uri: str
    kept: Mapping[str, str] = field(default_factory=dict)


class Connector(Protocol):
    """One upstream. Each method is bounded by the outbound deadline of five seconds for all its requests together."""

    def start(self, leaving: Leaving) -> Departure:
        """Where to send the browser. Raises `UpstreamFailed` when the upstream cannot be asked."""
        ...

    def finish(self, callback: Callback) -> Arrival:
        """The person who came back. Raises `UpstreamFailed`."""
        ...

    def logout_url(self, hint: str, return_to: str, state: str) -> str | None:
        """Where the browser ends its session there (RP-initiated logout), or None when there is no such page."""
        ...

    def ended(self, logout_token: str) -> tuple[str | None, str | None]:
        """The subject and the `sid` of the session that the upstream reports as ended. Raises `UpstreamFailed`."""
        ...

    def check(self) -> None:
        """Ask the upstream for something harmless (its metadata, its page). Raises `UpstreamFailed`."""
        ...

    def forget(self) -> None:
        """Fetch metadata and keys anew when they are next needed."""
        ...
