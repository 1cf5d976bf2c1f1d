"""Links between accounts and upstreams: what is stored of one, and the port to the store.

Only keyed digests are stored of the upstream's name for a person and of the citizen number: enough to recognise both
again, and useless to a reader of the table.
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

from federation.connector import UpstreamIdentity
from federation.matching import Facts, Reason
from idp.accounts import names
from idp.accounts.account import Account
from idp.accounts.credentials import Securing
from idp.accounts.notices import Notice
from idp.ports import Event

How = Literal["confirmed", "code", "password", "session", "opened", "officer"]
"""How it was made: "Xác nhận", a code to our number, the password, a live session, a new account, officers."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The arriving person, as stored: the upstream, and keyed digests of its subject, citizen number and person.

    The last one covers name and full birth date: an upstream whose subject *is* the number reassigns it when the state
    does, and only these two reveal that.
    """

    upstream: str
    digest: str
    citizen_digest: str | None = None
    person_digest: str | None = None

    def is_still(self, now: "Subject") -> bool:
        """Whether the values known on both sides agree: the same number, the same name and birth date."""
        kept = ((self.citizen_digest, now.citizen_digest), (self.person_digest, now.person_digest))
        return all(then is None or later is None or then == later for then, later in kept)

    def is_unnamed(self, now: "Subject", *, by_number: bool) -> bool:
        """Whether none of the values that the link was made with came; `by_number` says that the number would count."""
        kept = [(self.person_digest, now.person_digest)]
        kept += [(self.citizen_digest, now.citizen_digest)] if by_number else []
        made_with = [later for then, later in kept if then is not None]
        return bool(made_with) and not any(made_with)


@dataclass(frozen=True, slots=True)
class Link:
    """An active link, or one that was active until `ended_at` (seconds since the epoch).

    `to_review` says that the person still has to decide which older items they keep.
    """

    id: str
    account_id: str
    subject: Subject
    how: How
    made_at: float
    used_at: float | None = None
    ended_at: float | None = None
    to_review: bool = False


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be made, with the evidence of its decision; `phone` is the number that the decision is based on.

    `to_review` says that it proves the person better than anything before, so that they are asked what to keep of that.
    """

    id: str
    account_id: str
    subject: Subject
    how: How
    evidence: Mapping[str, str]
    phone: str | None = None
    to_review: bool = False


DisputeReason = Reason | Literal["number", "disavowed"]
"""Why an officer is asked: a refusal, a missing citizen number of a linked account, or a disavowed change."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A question for an officer: why, whom it concerns, and sealed the few facts that identify the arriving person."""

    id: str
    subject: Subject
    reason: DisputeReason
    account_id: str | None
    evidence: Mapping[str, str]
    facts: Mapping[str, str]
    times: int = 1
    created_at: float = 0.0
    resolved_at: float | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class UpstreamSession:
    """Which of our logins came through which session of an upstream: the login is identified by account and time."""

    account_id: str
    auth_time: float
    subject: Subject
    sid_digest: str
    logout_hint: str
    expires_at: float


class LinkConflict(Exception):
    """The subject or the account is already linked to this upstream, or the basis of the decision has changed."""


class Links(Protocol):
    """Where links, disputes and upstream sessions are kept."""

    def find(self, subject: Subject) -> Link | None:
        """The active link of this subject."""
        ...

    def of_account(self, account_id: str) -> list[Link]:
        """The account's active links, oldest first."""
        ...

    def add(self, link: NewLink, securing: Securing, now: float) -> float:
        """Make a link in one transaction with its credential event, and return the event's date.

        Raises `LinkConflict` when another link conflicts, when another event came first, when the account is no longer
        active, or when `link.phone` is no longer this one account's number.
        """
        ...

    def open(self, account: Account, link: NewLink, event: Event, notice: Notice, now: float) -> None:
        """Write a new account with its link. Raises `LinkConflict`, also when one of its identifiers is taken."""
        ...

    def end(self, link: Link, securing: Securing, now: float) -> float:
        """End a link in one transaction with its credential event. Raises `LinkConflict` when that came too late."""
        ...

    def reviewed(self, link: Link, securing: Securing, now: float) -> float:
        """Apply, once, what the person decided to keep, and return the event's date. Raises `LinkConflict`."""
        ...

    def previous_contacts(self, account_id: str, now: float) -> dict[str, str]:
        """`phone` and `email` from before a change that can still be undone."""
        ...

    def used(self, link: Link, event: Event, now: float) -> None:
        """Record a login through the link. Raises `LinkConflict` when it has ended meanwhile."""
        ...

    def dispute(self, dispute: Dispute, event: Event, now: float) -> None:
        """Queue a refusal for officers; a repeated one is counted, not queued twice."""
        ...

    def remember(self, upstream_session: UpstreamSession) -> None:
        """Remember through which upstream session a login came."""
        ...

    def upstream_session(self, account_id: str, auth_time: float) -> UpstreamSession | None:
        """The session of an upstream through which the login of that time came."""
        ...

    def sids_of(self, subject: Subject | None, upstream: str, sid_digest: str | None) -> list[tuple[str, str]]:
        """Our live sessions, as (account, sid), that came through this subject and that session of the upstream."""
        ...


class Digester:
    """Turns names of people into digests that only the holder of `key`, a secret for this purpose, can compute."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def subject(self, identity: UpstreamIdentity) -> Subject:
        """What is stored of the arriving person."""
        number = identity.citizen_number
        citizen = self.of("citizen", number) if number else None
        person = None
        if identity.name and identity.birth_date and identity.birth_date.is_full:
            person = self.of("person", f"{names.match_key(identity.name)} {identity.birth_date}")
        return Subject(identity.upstream, self.of(identity.upstream, identity.subject), citizen, person)

    def named(self, upstream: str, subject: str) -> Subject:
        """The same for a bare name, as in an upstream's logout token."""
        return Subject(upstream, self.of(upstream, subject))

    def of(self, purpose: str, text: str) -> str:
        """A keyed digest of `text` for a purpose, in base64url (43 characters)."""
        digest = hmac.digest(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_id() -> str:
    """An id for a link or a dispute: 128 random bits."""
    return secrets.token_urlsafe(16)


def written(facts: Facts) -> dict[str, str]:
    """The evidence of a decision, as stored: words, no personal data."""
    kept: dict[str, str] = json.loads(json.dumps(asdict(facts)))
    return kept
