"""What every upstream is to us: a `Connector` that sends a browser away and reads what it brings back.

Nothing that an upstream says is believed before its connector has checked it, and whatever goes wrong is one
`UpstreamFailed` with one of five kinds; details are for the log and never hold anything of the person's profile.
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
    """The upstream did not bring a person back.

    `cancelled`: the person gave up there; `unavailable`: it is down, slow or answers no protocol; `refused`: what it
    said is not true or not for us; `misconfigured`: it does not know us (an alarm for operators); `expired`: its code
    was too old, and beginning anew helps.
    """

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind: FailureKind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class UpstreamIdentity:
    """What an upstream swears to of one person, in our own terms; everything else of its profile is dropped.

    `upstream` is our name for it (its issuer is pinned in configuration) and `subject` its stable name for the person:
    only both together mean somebody. `citizen_number` is the 12-digit CCCD. `phone` is there only when the upstream's
    policy counts it as verified. `bhxh_code` is what people typed there: a hint to look up, never a proof. `acr` is our
    level 1 to 4, `ial` our proofing level 0 to 2; a value that nobody mapped is no elevation.
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
    """A person whom an upstream brought back, and what is needed to end the session there later.

    `auth_time` is when the person logged in there, if something signed tells. `sid` is the upstream's name for its
    session (OIDC Back-Channel Logout 1.0) and `logout_hint` what its logout wants (an ID token); both may be empty.
    """

    identity: UpstreamIdentity
    sid: str = ""
    logout_hint: str = ""
    auth_time: float | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A browser about to leave for an upstream. `fresh` demands a new login there, `acr` is the level wished."""

    state: str
    redirect_uri: str
    fresh: bool = False
    acr: int = 1
    language: str = "vi"


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and what the connector wants to see again when it comes back (nonce, verifier)."""

    url: str
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Callback:
    """How the browser came back: the raw query as it was sent, and what `start` asked to keep.

    The state was taken and belongs to this browser and this upstream; everything else in `query` is hearsay.
    """

    query: str
    redirect_uri: str
    kept: Mapping[str, str] = field(default_factory=dict)


class Connector(Protocol):
    """One upstream. Methods may take as long as the outbound deadline of five seconds, all their requests together."""

    def start(self, leaving: Leaving) -> Departure:
        """Where the browser goes. Raises `UpstreamFailed` when the upstream cannot be asked."""
        ...

    def finish(self, callback: Callback) -> Arrival:
        """Who came back. Raises `UpstreamFailed`."""
        ...

    def logout_url(self, hint: str, return_to: str, state: str) -> str | None:
        """Where the browser ends its session there (RP-initiated logout), or None when there is no such page."""
        ...

    def ended(self, logout_token: str) -> tuple[str | None, str | None]:
        """The subject and the `sid` whose session the upstream says it has ended. Raises `UpstreamFailed`."""
        ...

    def check(self) -> None:
        """Ask the upstream for something harmless (its metadata, its page). Raises `UpstreamFailed`."""
        ...
