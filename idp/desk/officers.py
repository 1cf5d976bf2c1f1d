"""`Officer`: who decides at the desk, what they may do and where.

Officers are no citizens of this provider: their accounts, sessions and second factors are apart from everybody's. A
right holds in an agency and all beneath it. An officer is a person, known by BHXH code and citizen number: nobody
decides about oneself, and two officers are two persons.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal, Protocol

from idp.desk.agencies import EVERYWHERE, Agencies, Tree
from idp.desk.declaration import Declaration, new_id
from idp.ephemeral_records import digest
from idp.ports import Clock, Event

Right = Literal["decide", "links", "data"]
RIGHTS: tuple[Right, ...] = ("decide", "links", "data")
"""To decide declarations, conflicts of links, and what people ask about their own data."""

EVERYWHERE_ONLY: frozenset[Right] = frozenset(("links", "data"))
"""Rights about what belongs to no agency: they hold in the whole country or not at all."""

LOGIN = re.compile(r"(?!.*[0-9]{6})[a-z][a-z0-9._-]{1,30}")
"""A login name; no long numbers, which would look like somebody's in the audit trail."""

INVITATION_LIFE = 3600.0
NAMELESS = "an officer has both numbers, BHXH code and citizen number; whoever cannot have them is a foreigner"
TWICE = "another active officer has one of these numbers: a person has one account"


class BadOfficer(ValueError):
    """The command cannot be carried out; the message says why, for an operator."""


class NumberTaken(Exception):
    """Another active officer has this BHXH code or citizen number: a person has one account."""


class NotAllowed(Exception):
    """The officer may not do this; `why` is own_request, agency, right, same_officer or alone."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer. `rights` are (agency, right); `bhxh_code` and `citizen_number` are the officer's own as a citizen.

    A `foreigner` has no citizen number, as an operator vouched: known as nobody else, and deciding nothing alone.
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
        """Whether both numbers are there, by which a person is told from any other."""
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
        """Whether the officer has the right somewhere; what belongs to no agency takes it everywhere."""
        enough = (where for where, held in self.rights if held == right)
        wide = right in EVERYWHERE_ONLY
        return self.status == "active" and any(where == EVERYWHERE or not wide for where in enough)

    def scope(self, right: Right, tree: Tree) -> set[str] | None:
        """The codes in which the right holds; None is everywhere."""
        mine = [agency for agency, held in self.rights if held == right]
        if EVERYWHERE in mine:
            return None
        return {code for agency in mine for code in tree.beneath(agency)}

    def is_about(self, declaration: Declaration) -> bool:
        """Whether the declaration is the officer's own."""
        # A citizen number may stand in the place of the code.
        return self.is_among(frozenset((declaration.form.code, declaration.form.paper_number)))

    def is_among(self, numbers: frozenset[str]) -> bool:
        """Whether one of these numbers is the officer's own."""
        return bool(numbers & self.numbers)

    def demand(self, right: Right, declaration: Declaration, tree: Tree) -> None:
        """Raises `NotAllowed`."""
        if not self.holds(right):
            raise NotAllowed("right")
        if not self.may(right, declaration.form.agency, tree):
            raise NotAllowed("agency")
        if self.is_about(declaration):
            raise NotAllowed("own_request")


def demand_persons(officer: Officer, other: Officer | None = None) -> None:
    """One officer decides who is a known person; two decide when they are two. Raises `NotAllowed`."""
    if other is None and not officer.is_known:
        raise NotAllowed("alone")
    if other is not None and not officer.is_surely_not(other):
        raise NotAllowed("same_officer")


@dataclass(frozen=True, slots=True)
class Lock:
    """What opens an officer's account: the hash of a password, the secret of a TOTP device and its last used step."""

    password_hash: str | None = None
    totp_secret: str | None = None
    totp_step: int | None = None


class OfficerStore(Protocol):
    """Keeps officers. Every method that takes an event writes it in the same transaction."""

    def add(self, officer: Officer, event: Event, now: float) -> bool:
        """Write a new one; False when the login name is taken. Raises `NumberTaken`."""
        ...

    def find(self, officer_id: str) -> Officer | None:
        """The officer with this id."""
        ...

    def find_by_login(self, login: str) -> Officer | None:
        """The officer with this login name."""
        ...

    def all(self) -> list[Officer]:
        """Everybody, by login name."""
        ...

    def names(self, officer_ids: set[str]) -> Mapping[str, str]:
        """Names by id."""
        ...

    def lock(self, officer_id: str) -> Lock:
        """What opens the account."""
        ...

    def change(self, before: Officer, officer: Officer, event: Event, now: float) -> bool:
        """Write status, numbers and rights in the place of those of `before`; False when status or rights are not the
        stored ones any more. Raises `NumberTaken` when another active officer has one of the numbers.

        A later `secured_at` ends every session and invitation.
        """
        ...

    def invite(self, officer: Officer, invitation: str, event: Event, now: float) -> None:
        """Keep the digest of a link for an hour; earlier ones of the officer die. A later `secured_at` ends sessions
        and takes password and second factor away.
        """
        ...

    def invited(self, invitation: str, now: float) -> Officer | None:
        """Whose live link this digest is."""
        ...

    def enrol(self, invitation: str, officer: Officer, lock: Lock, event: Event, now: float) -> bool:
        """Use up the link and set what opens the account; False when somebody did before."""
        ...

    def spend_step(self, officer_id: str, step: int) -> bool:
        """Remember a used TOTP step; False when it, or a later one, was used."""
        ...


@dataclass(frozen=True, slots=True)
class Own:
    """Who an officer is as a citizen."""

    bhxh_code: str | None = None
    citizen_number: str | None = None
    foreigner: bool = False

    def demand(self) -> None:
        """Raises `BadOfficer` when this names nobody."""
        if not self.foreigner and not (self.bhxh_code and self.citizen_number):
            raise BadOfficer(NAMELESS)


class Roster:
    """Who is an officer and what each may do, as operators decide it."""

    def __init__(self, store: OfficerStore, agencies: Agencies, clock: Clock) -> None:
        self._store = store
        self._agencies = agencies
        self._clock = clock

    def all(self) -> list[Officer]:
        """Everybody, by login name."""
        return self._store.all()

    def find(self, login: str) -> Officer:
        """The officer with this login name. Raises `BadOfficer`."""
        found = self._store.find_by_login(login) if LOGIN.fullmatch(login) else None
        if found is None:
            raise BadOfficer("there is no such officer")
        return found

    def add(self, login: str, name: str, reason: str, own: Own) -> Officer:
        """Open an account without any right. Raises `BadOfficer`."""
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
        """Enter who an officer of before is. Raises `BadOfficer`."""
        own.demand()
        return self._change(officer, replace(officer, **asdict(own)), "identified", reason)

    def invite(self, officer: Officer, reason: str, *, reset: bool = False) -> str:
        """The secret of a link by which the officer sets password and second factor, once, within the hour.

        With `reset` what opened the account so far is gone at once, and every session with it. Raises `BadOfficer`.
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
        """Give a right in an agency and all beneath it. Raises `BadOfficer`."""
        if agency != EVERYWHERE and self._agencies.tree().get(agency) is None:
            raise BadOfficer("there is no such agency")
        if right in EVERYWHERE_ONLY and agency != EVERYWHERE:
            raise BadOfficer(f'the right "{right}" is about no agency: it is granted with "*" or not at all')
        return self._change(
            officer, replace(officer, rights=officer.rights | {(agency, right)}), "granted", reason, agency, right
        )

    def revoke(self, officer: Officer, agency: str, right: Right, reason: str) -> Officer:
        """Take a right away. Raises `BadOfficer`."""
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
        """Open a closed account again."""
        return self._change(officer, replace(officer, status="active"), "enabled", reason)

    def _change(
        self, before: Officer, officer: Officer, what: str, reason: str, agency: str = "", right: str = ""
    ) -> Officer:
        # In groups: a code of six digits or more would look like somebody's number.
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
