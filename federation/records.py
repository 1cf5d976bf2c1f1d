"""What is kept of a login through an upstream while it is in progress."""

from dataclasses import dataclass, field
from typing import Literal

from federation.linking import Links
from idp.ephemeral_records import EphemeralRecords
from idp.login.attempt import Purpose
from keys.sealing import MasterKey

Mode = Literal["confirm", "code", "password", "differs", "open", "unresolved", "session"]
"""The next step of the person: press "Xác nhận", enter a code too, log in first, open an account, identify themselves.

`differs`: read that the phone numbers differ, and log in to link anyway."""


@dataclass(frozen=True, slots=True)
class PendingUpstreamLogin:
    """A browser that is at an upstream, and why; `sid` names our session when a link is added to its account."""

    upstream: str
    attempt: str
    browser: str
    kept: dict[str, str] = field(default_factory=dict)
    sid: str = ""
    again: bool = False
    purpose: Purpose = Purpose.LOGIN


@dataclass(frozen=True, slots=True)
class LinkingFlow:
    """What the table proposed, waiting for the person. `sealed` holds the arrival; `since` is the account state seen.

    `phone` is our number that the decision is based on, `sid` the session from which the person linked. `may_open` says
    that a person without an account gets one, with `bhxh_code` when the register knows them.
    """

    upstream: str
    attempt: str
    browser: str
    mode: Mode
    sealed: str
    account_id: str = ""
    since: float = 0.0
    phone: str = ""
    sid: str = ""
    may_open: bool = False
    bhxh_code: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamRecords:
    """The stores: links, upstream logins in progress, and linking flows, sealed."""

    links: Links
    pending: EphemeralRecords[PendingUpstreamLogin]
    flows: EphemeralRecords[LinkingFlow]
    sealing: MasterKey
