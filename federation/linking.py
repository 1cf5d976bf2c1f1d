"""Links between accounts and upstreams: what is kept of one, and the port behind which they are kept.

Of an upstream's name for a person and of the citizen number only keyed digests are kept: enough to recognise both
again, and of no use to whoever reads the table.
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
"""What made it: "Xác nhận", a code to our number, the account's password, a live session, a new account, officers."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who came, as it is kept: the upstream, and keyed digests of its subject, of the citizen number, of the person.

    The last one is of name and full birth date: an upstream whose subject *is* the number gives it to another when
    the state does, and only these two tell.
    """

    upstream: str
    digest: str
    citizen_digest: str | None = None
    person_digest: str | None = None

    def is_still(self, now: "Subject") -> bool:
        """Whether nothing that both know contradicts: the same number, the same name and birth date."""
        kept = ((self.citizen_digest, now.citizen_digest), (self.person_digest, now.person_digest))
        return all(then is None or later is None or then == later for then, later in kept)

    def is_unnamed(self, now: "Subject", *, by_number: bool) -> bool:
        """Whether nothing came that the link was made with; `by_number` says that the number would count."""
        kept = [(self.person_digest, now.person_digest)]
        kept += [(self.citizen_digest, now.citizen_digest)] if by_number else []
        made_with = [later for then, later in kept if then is not None]
        return bool(made_with) and not any(made_with)


@dataclass(frozen=True, slots=True)
class Link:
    """A link that holds, or held until `ended_at` (seconds since the epoch).

    `to_review` says that the person has still to say what they keep of what was older.
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
    """A link to be made, with the evidence of its decision; `phone` is the number that the decision stood on.

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
"""Why an officer is asked: a refusal, a citizen number that a linked account lacks, a change that was disavowed."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A question for an officer: why, whom it concerns, and sealed the few facts that tell who came."""

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
    """Which of our sessions came through which session of an upstream: the login is named by account and moment."""

    account_id: str
    auth_time: float
    subject: Subject
    sid_digest: str
    logout_hint: str
    expires_at: float


class LinkConflict(Exception):
    """The subject is linked already, the account has a link to this upstream, or what it stood on has changed."""


class Links(Protocol):
    """Where links, disputes and stays are kept."""

    def find(self, subject: Subject) -> Link | None:
        """The link of this subject that holds."""
        ...

    def of_account(self, account_id: str) -> list[Link]:
        """The account's links that hold, oldest first."""
        ...

    def add(self, link: NewLink, securing: Securing, now: float) -> float:
        """Make a link in one transaction with the credential event that it is, and return the event's date.

        Raises `LinkConflict` when a link is in the way, when another event came first, when the account is not active
        any more, or when `link.phone` is not this one account's number any more.
        """
        ...

    def open(self, account: Account, link: NewLink, event: Event, notice: Notice, now: float) -> None:
        """Write a new account with its link. Raises `LinkConflict`, also when one of its identifiers is taken."""
        ...

    def end(self, link: Link, securing: Securing, now: float) -> float:
        """End a link in one transaction with its credential event. Raises `LinkConflict` when that came too late."""
        ...

    def reviewed(self, link: Link, securing: Securing, now: float) -> float:
        """Carry out what the person said to keep, once, and return the event's date. Raises `LinkConflict`."""
        ...

    def previous_contacts(self, account_id: str, now: float) -> dict[str, str]:
        """`phone` and `email` of before a change that can still be undone."""
        ...

    def used(self, link: Link, event: Event, now: float) -> None:
        """Note that somebody came in through the link. Raises `LinkConflict` when it has ended meanwhile."""
        ...

    def dispute(self, dispute: Dispute, event: Event, now: float) -> None:
        """Queue a refusal for officers; the same one again is counted, not queued twice."""
        ...

    def remember(self, upstream_session: UpstreamSession) -> None:
        """Remember through which session of an upstream a login came."""
        ...

    def upstream_session(self, account_id: str, auth_time: float) -> UpstreamSession | None:
        """Through which session of an upstream the login of that moment came."""
        ...

    def sids_of(self, subject: Subject | None, upstream: str, sid_digest: str | None) -> list[tuple[str, str]]:
        """Our live sessions, as (account, sid), that came through this subject and that session of the upstream."""
        ...


class Digester:
    """Turns names of people into digests that only the holder of `key`, a secret of this purpose alone, can compute."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def subject(self, identity: UpstreamIdentity) -> Subject:
        """What is kept of whoever came."""
        number = identity.citizen_number
        citizen = self.of("citizen", number) if number else None
        person = None
        if identity.name and identity.birth_date and identity.birth_date.is_full:
            person = self.of("person", f"{names.match_key(identity.name)} {identity.birth_date}")
        return Subject(identity.upstream, self.of(identity.upstream, identity.subject), citizen, person)

    def named(self, upstream: str, subject: str) -> Subject:
        """The same for a bare name, as it stands in an upstream's logout token."""
        return Subject(upstream, self.of(upstream, subject))

    def of(self, purpose: str, text: str) -> str:
        """A keyed digest of `text` for a purpose, in base64url (43 characters)."""
        found = hmac.digest(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256)
        return urlsafe_b64encode(found).rstrip(b"=").decode()


def new_id() -> str:
    """A name for a link or a dispute: 128 random bits."""
    return secrets.token_urlsafe(16)


def written(facts: Facts) -> dict[str, str]:
    """The evidence of a decision, as it is stored: words, nothing of the person."""
    kept: dict[str, str] = json.loads(json.dumps(asdict(facts)))
    return kept
