"""`Officer`: who decides at the desk, what they may do and where.

Officers are not citizens of this provider: their accounts, sessions and second factors are separate. A right holds in
an agency and everything beneath it. An officer is a person, known by BHXH code and citizen number: officers never
decide about themselves, and two officers must be two persons.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal, Protocol

from idp.accounts.references import new_id
from idp.ephemeral_records import digest
from idp.officers.agencies import EVERYWHERE, Agencies, Tree
from idp.ports import Clock, Event

Right = Literal["decide", "links", "data"]
RIGHTS: tuple[Right, ...] = ("decide", "links", "data")
"""Deciding declarations, conflicts of links, and people's requests about their own data."""

EVERYWHERE_ONLY: frozenset[Right] = frozenset(("links", "data"))
"""Rights over things that belong to no agency: they hold in the whole country or not at all."""

LOGIN = re.compile(r"(?!.*[0-9]{6})[a-z][a-z0-9._-]{1,30}")
"""A login name; no long numbers, which would look like a person's number in the audit trail."""

INVITATION_LIFE = 3600.0
NAMELESS = "an officer has both numbers, BHXH code and citizen number; whoever cannot have them is a foreigner"
TWICE = "another active officer has one of these numbers: a person has one account"


class BadOfficer(ValueError):
    """The command cannot be carried out; the message says why, for an operator."""


class NumberTaken(Exception):
    """Another active officer has this BHXH code or citizen number: a person has only one account."""


class NotAllowed(Exception):
    """The officer may not do this; `why` is own_request, agency, right, same_officer or alone."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer. `rights` are (agency, right); `bhxh_code` and `citizen_number` are the officer's own, as a citizen.

    A `foreigner` has no citizen number, as an operator confirmed. Without one they never decide alone.
    """

    id: str
    login: str
    name: str
    status: Literal["active", "disabled"] = "active"
    rights: frozenset[tuple[str, Right]] = frozenset()
    bhxh_code: str | None = None
    citizen_number: str | None = None
    secured_at: float = 0.0
    foreigner: bool = False

    @property
    def is_known(self) -> bool:
        """Whether both numbers are set, which distinguish a person from all others."""
        return bool(self.bhxh_code and self.citizen_number)

    def is_surely_not(self, other: "Officer") -> bool:
        """Whether these accounts are two persons: both known and different, or one known and one a foreigner."""
        if self.id == other.id or self.is_among(other.numbers):
            return False
        return (self.is_known and (other.is_known or other.foreigner)) or (self.foreigner and other.is_known)

    @property
    def numbers(self) -> frozenset[str]:
        """The officer's own numbers."""
        return frozenset(own for own in (self.bhxh_code, self.citizen_number) if own)

    def may(self, right: Right, agency: str, tree: Tree) -> bool:
        """Whether the right holds in this agency."""
        if self.status != "active":
            return False
        return any(r == right and (a == EVERYWHERE or agency in tree.beneath(a)) for a, r in self.rights)

    def holds(self, right: Right) -> bool:
        """Whether the officer has the right somewhere; what belongs to no agency needs the right everywhere."""
        enough = (where for where, held in self.rights if held == right)
        wide = right in EVERYWHERE_ONLY
        return self.status == "active" and any(where == EVERYWHERE or not wide for where in enough)

    def scope(self, right: Right, tree: Tree) -> set[str] | None:
        """The agency codes where the right holds; None means everywhere."""
        mine = [agency for agency, held in self.rights if held == right]
        if EVERYWHERE in mine:
            return None
        return {code for agency in mine for code in tree.beneath(agency)}

    def is_among(self, numbers: frozenset[str]) -> bool:
        """Whether one of these numbers is the officer's own."""
        return bool(numbers & self.numbers)

    def demand(self, right: Right, agency: str, numbers: frozenset[str], tree: Tree) -> None:
        """Check a request at `agency` about the person with these numbers. Raises `NotAllowed`."""
        if not self.holds(right):
            raise NotAllowed("right")
        if not self.may(right, agency, tree):
            raise NotAllowed("agency")
        if self.is_among(numbers):
            raise NotAllowed("own_request")


def demand_persons(officer: Officer, other: Officer | None = None) -> None:
    """One officer decides alone only as a known person; two only as two different persons. Raises `NotAllowed`."""
    if other is None and not officer.is_known:
        raise NotAllowed("alone")
    if other is not None and not officer.is_surely_not(other):
        raise NotAllowed("same_officer")


@dataclass(frozen=True, slots=True)
class Lock:
    """The officer's credentials: the hash of a password, the secret of a TOTP device and its last used step."""

    password_hash: str | None = None
    totp_secret: str | None = None
    totp_step: int | None = None


class OfficerStore(Protocol):
    """Stores officers. Every operation that takes an event writes it in the same transaction."""

    def add(self, officer: Officer, event: Event, now: float) -> bool:
        """Store a new officer; False when the login name is taken. Raises `NumberTaken`."""
        ...

    def find(self, officer_id: str) -> Officer | None:
        """The officer with this id."""
        ...

    def find_by_login(self, login: str) -> Officer | None:
        """The officer with this login name."""
        ...

    def all(self) -> list[Officer]:
        """All officers, by login name."""
        ...

    def names(self, officer_ids: set[str]) -> Mapping[str, str]:
        """Names by id."""
        ...

    def lock(self, officer_id: str) -> Lock:
        """The officer's credentials."""
        ...

    def change(self, before: Officer, officer: Officer, event: Event, now: float) -> bool:
        """Replace status, numbers and rights of `before`; False when the stored status or rights have changed since.
        Raises `NumberTaken` when another active officer has one of the numbers.

        A later `secured_at` ends every session and invitation.
        """
        ...

    def invite(self, officer: Officer, invitation: str, event: Event, now: float) -> None:
        """Store the digest of a link for an hour; earlier links of the officer are void. A later `secured_at` ends
        sessions and removes password and second factor.
        """
        ...

    def invited(self, invitation: str, now: float) -> Officer | None:
        """The officer of the live link with this digest."""
        ...

    def enrol(self, invitation: str, officer: Officer, lock: Lock, event: Event, now: float) -> bool:
        """Use up the link and set the credentials; False when it was already used."""
        ...

    def spend_step(self, officer_id: str, step: int) -> bool:
        """Record a used TOTP step; False when it, or a later one, was already used."""
        ...


@dataclass(frozen=True, slots=True)
class Own:
    """An officer's identity as a citizen."""

    bhxh_code: str | None = None
    citizen_number: str | None = None
    foreigner: bool = False

    def demand(self) -> None:
        """Raises `BadOfficer` when this identifies no person."""
        if not self.foreigner and not (self.bhxh_code and self.citizen_number):
            raise BadOfficer(NAMELESS)


class Roster:
    """The officers and their rights, as decided by operators."""

    def __init__(self, store: OfficerStore, agencies: Agencies, clock: Clock) -> None:
        self._store = store
        self._agencies = agencies
        self._clock = clock

    def all(self) -> list[Officer]:
        """All officers, by login name."""
        return self._store.all()

    def find(self, login: str) -> Officer:
        """The officer with this login name. Raises `BadOfficer`."""
        officer = self._store.find_by_login(login) if LOGIN.fullmatch(login) else None
        if officer is None:
            raise BadOfficer("there is no such officer")
        return officer

    def add(self, login: str, name: str, reason: str, own: Own) -> Officer:
        """Create an account without any right. Raises `BadOfficer`."""
        if not LOGIN.fullmatch(login):
            raise BadOfficer("a login name has 2 to 31 small letters, digits, dots, hyphens; no long numbers")
        if not 1 <= len(name.strip()) <= 100:
            raise BadOfficer("a name has 1 to 100 characters")
        own.demand()
        now = self._clock()
        officer = Officer(new_id(), login, name.strip(), secured_at=now, **asdict(own))
        try:
            if not self._store.add(officer, Event("officer.added", facts={"officer": login}, reason=reason), now):
                raise BadOfficer("the login name is taken")
        except NumberTaken:
            raise BadOfficer(TWICE) from None
        return officer

    def identify(self, officer: Officer, own: Own, reason: str) -> Officer:
        """Set the identity of an officer created without one. Raises `BadOfficer`."""
        own.demand()
        return self._change(officer, replace(officer, **asdict(own)), "identified", reason)

    def invite(self, officer: Officer, reason: str, *, reset: bool = False) -> str:
        """The secret of a link with which the officer sets password and second factor, once, within the hour.

        With `reset` the current credentials and every session end at once. Raises `BadOfficer`.
        """
        if officer.status != "active":
            raise BadOfficer("the officer is disabled")
        Own(officer.bhxh_code, officer.citizen_number, officer.foreigner).demand()
        if not reset and self._store.lock(officer.id).password_hash:
            raise BadOfficer("the officer has a password; `reset` takes it away and gives a new link")
        now, token = self._clock(), secrets.token_urlsafe(32)
        after = replace(officer, secured_at=now) if reset else officer
        event = Event("officer.invited", facts={"officer": officer.login, "reset": reset}, reason=reason)
        self._store.invite(after, invitation_digest(token), event, now)
        return token

    def grant(self, officer: Officer, agency: str, right: Right, reason: str) -> Officer:
        """Grant a right in an agency and everything beneath it. Raises `BadOfficer`."""
        if agency != EVERYWHERE and self._agencies.tree().get(agency) is None:
            raise BadOfficer("there is no such agency")
        if right in EVERYWHERE_ONLY and agency != EVERYWHERE:
            raise BadOfficer(f'the right "{right}" is about no agency: it is granted with "*" or not at all')
        return self._change(
            officer, replace(officer, rights=officer.rights | {(agency, right)}), "granted", reason, agency, right
        )

    def revoke(self, officer: Officer, agency: str, right: Right, reason: str) -> Officer:
        """Revoke a right. Raises `BadOfficer`."""
        if (agency, right) not in officer.rights:
            raise BadOfficer("the officer has no such right")
        return self._change(
            officer, replace(officer, rights=officer.rights - {(agency, right)}), "revoked", reason, agency, right
        )

    def disable(self, officer: Officer, reason: str) -> Officer:
        """Close the account; every session ends."""
        closed = replace(officer, status="disabled", secured_at=self._clock())
        return self._change(officer, closed, "disabled", reason)

    def enable(self, officer: Officer, reason: str) -> Officer:
        """Reopen a closed account."""
        return self._change(officer, replace(officer, status="active"), "enabled", reason)

    def _change(
        self, before: Officer, officer: Officer, what: str, reason: str, agency: str = "", right: str = ""
    ) -> Officer:
        # In groups: a code of six digits or more would look like a person's number.
        where = {"agency": " ".join((agency[:5], agency[5:])).strip(), "right": right} if right else {}
        facts = {"officer": officer.login, "what": what, **where}
        event = Event("officer.changed", facts=facts, reason=reason)
        try:
            if not self._store.change(before, officer, event, self._clock()):
                raise BadOfficer("somebody changed the officer meanwhile; look again")
        except NumberTaken:
            raise BadOfficer(TWICE) from None
        return officer


def invitation_digest(token: str) -> str:
    """What the store keeps of the link."""
    return digest("officer-invitation", token)
