"""`Decisions`: an officer's decision about a declaration and its consequences, in one transaction each.

An approved registration opens an account and sends a link for the first password; an approved change is a credential
event; an approved stop closes the account. If two officers decide at once, one wins; the other is told.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from idp.accounts.account import Account, Identifier
from idp.accounts.credentials import Securing, contacts_of
from idp.accounts.notices import NOWHERE, Notices, previous
from idp.accounts.people import People
from idp.ephemeral_records import digest
from idp.messages.message import Channel, Message
from idp.officers.agencies import Agencies
from idp.officers.officers import Officer, demand_persons
from idp.ports import Clock, Event
from idp.registration.address import address_of, registered_place
from idp.registration.declaration import REASONS, Declaration, DeclarationStore
from idp.registration.identity import identifiers_of
from idp.registration.opening import letters_of_opening, new_account, temporary_password

FirstWay = Literal["link", "temporary"]
HOUR = 3600.0
RESEND_PAUSE = 600.0
"""Seconds between two links for a first password: each is a text message that costs money."""


class Unfit(Exception):
    """The declaration cannot be approved as it is; `why` is account_exists, no_account, secured_meanwhile, held or
    sent_just_now.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class DeskRules:
    """Our address, how the first password is sent, its lifetime, and how long pictures are kept after a decision.

    Lifetimes are in seconds.
    """

    issuer: str
    first_way: FirstWay = "link"
    activation_life: float = 72 * HOUR
    photos_kept: float = 90 * 24 * HOUR


@dataclass(frozen=True, slots=True)
class Activation:
    """The one-time link from an approval to the first password, as it is stored."""

    digest: str
    account_id: str
    declaration_id: str
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Approval:
    """Everything that an approval does. `opens` is a new account; `secures` changes one, and its `identifiers` replace
    those of the same kinds; `closes` ends all identifiers.
    """

    declaration: Declaration
    event: Event
    photos_until: float
    opens: Account | None = None
    secures: Securing | None = None
    identifiers: tuple[Identifier, ...] = ()
    closes: bool = False
    activation: Activation | None = None
    messages: tuple[Message, ...] = ()
    supersedes: Sequence[str] = ()


class DecisionStore(Protocol):
    """Carries out decisions, each in one transaction."""

    def approve(self, approval: Approval, now: float) -> None:
        """All or nothing. Raises `StaleState`, and `IdentifierTaken` when another account holds a number."""
        ...

    def settle(self, new: Declaration, event: Event, messages: Sequence[Message], photos_until: float | None) -> None:
        """A decision that changes no account. Raises `StaleState`."""
        ...

    def send_again(self, activation: Activation, event: Event, messages: Sequence[Message]) -> None:
        """A new link for the first password; earlier ones of the account are void. Raises `Unfit` when the account has
        a password by now, or was sent a link a moment ago.
        """
        ...


@dataclass(frozen=True, slots=True)
class RegistrationStores:
    """The stores that decisions and declarations use."""

    declarations: DeclarationStore
    decisions: DecisionStore
    people: People
    agencies: Agencies


class Decisions:
    """Officers' decisions. `hash_password` returns the stored form of a temporary password."""

    def __init__(
        self,
        stores: RegistrationStores,
        notices: Notices,
        clock: Clock,
        rules: DeskRules,
        hash_password: Callable[[str], str],
    ) -> None:
        self.stores = stores
        self._store = stores.decisions
        self._people = stores.people
        self._agencies = stores.agencies
        self._notices = notices
        self._clock = clock
        self._rules = rules
        self._hash = hash_password

    def approve(self, declaration: Declaration, officer: Officer, *, seconded_by: Officer | None = None) -> Declaration:
        """Approve the read version. Raises `NotAllowed`, `WrongState`, `Unfit`, `StaleState`, `IdentifierTaken`."""
        for each in filter(None, (officer, seconded_by)):
            each.demand("decide", declaration.form.agency, declaration.numbers, self._agencies.tree())
        demand_persons(officer, seconded_by)
        second = seconded_by.id if seconded_by else None
        approved = declaration.decided("approved", self._clock(), officer.id, seconded_by=second)
        match declaration.request:
            case "register":
                approval = self._opening(approved, officer)
            case "amend":
                approval = self._changing(approved, officer)
            case _:
                approval = self._closing(approved, officer)
        self._store.approve(approval, self._clock())
        return approval.declaration

    def reject(self, declaration: Declaration, officer: Officer, reason: str, note: str) -> Declaration:
        """Reject, and say why. Raises `NotAllowed`, `WrongState`, `StaleState`."""
        officer.demand("decide", declaration.form.agency, declaration.numbers, self._agencies.tree())
        demand_persons(officer)
        rejected = declaration.decided("rejected", self._clock(), officer.id, _known(reason), note)
        self._settle(rejected, officer, "declaration_rejected", self._clock() + self._rules.photos_kept)
        return rejected

    def ask_for_correction(self, declaration: Declaration, officer: Officer, reason: str, note: str) -> Declaration:
        """Return it, saying what to correct. Raises `NotAllowed`, `WrongState`, `StaleState`."""
        officer.demand("decide", declaration.form.agency, declaration.numbers, self._agencies.tree())
        demand_persons(officer)
        returned = declaration.returned(self._clock(), officer.id, _known(reason), note)
        self._settle(returned, officer, "declaration_returned", None)
        return returned

    def send_again(self, declaration: Declaration, officer: Officer) -> None:
        """A new link for the first password, while the person has not set one. Raises `NotAllowed`, `Unfit`."""
        officer.demand("decide", declaration.form.agency, declaration.numbers, self._agencies.tree())
        demand_persons(officer)
        account = self._people.find(declaration.account_id or "")
        if declaration.state != "approved" or account is None or not account.is_active or account.has_own_password:
            raise Unfit("no_account")
        activation, messages = self._link(account, declaration)
        event = Event("activation.sent", account.id, facts={"officer": officer.login})
        self._store.send_again(activation, event, messages)

    def _settle(self, new: Declaration, officer: Officer, template: str, photos_until: float | None) -> None:
        event = _event(new, officer)
        self._store.settle(new, event, self._letters(new, template), photos_until)

    def _opening(self, approved: Declaration, officer: Officer) -> Approval:
        form, now = approved.form, self._clock()
        held = identifiers_of(approved.kind, form, now)
        if any(self._people.find_by_identifier(i.kind, i.value) for i in held):
            raise Unfit("account_exists")
        account = new_account(approved, held, now)
        done = replace(approved, account_id=account.id)
        if self._rules.first_way == "temporary":
            account, messages = self._with_temporary(account, done)
            activation = None
        else:
            activation, messages = self._link(account, done)
        others = [
            o
            for o in self.stores.declarations.open_for(approved.kind, form.code, form.citizen_number)
            if o.id != done.id
        ]
        event = _event(done, officer)
        return Approval(
            done,
            replace(event, facts={**event.facts, "superseded": len(others)}),
            now + self._rules.photos_kept,
            opens=account,
            activation=activation,
            messages=(*messages, *self._letters_to_others(others, form.email)),
            supersedes=[other.id for other in others],
        )

    def _letters_to_others(self, others: Sequence[Declaration], email: str) -> list[Message]:
        """Others who declared the same code are notified that theirs ended: one of them may not be the person.

        By mail only: a stranger can submit many, and text messages cost money.
        """
        ended = [replace(other, reason="duplicate", note=None) for other in others if other.form.email != email]
        letters = [letter for each in ended for letter in self._letters(each, "declaration_rejected")]
        return [letter for letter in letters if letter.channel == "email"]

    def _changing(self, approved: Declaration, officer: Officer) -> Approval:
        account, now = self._account_of(approved), self._clock()
        form, kinds = approved.form, {i.kind: i.value for i in account.identifiers if i.valid_to is None}
        news = tuple(i for i in identifiers_of(approved.kind, form, now) if kinds.get(i.kind) != i.value)
        values: dict[str, object] = {"name": form.name}
        if (form.street, form.commune, form.province) != registered_place(account):
            values |= {"address": address_of(approved) or None, "street": form.street or None}
            values |= {"commune": form.commune or None, "province": form.province or None}
        known: dict[str, str] = {}
        if form.phone and form.phone != account.phone:
            # The desk confirms the number; a code that reaches it verifies it.
            values |= {"phone": form.phone, "phone_verified_at": None}
            values |= {"phone_changed_at": now, "phone_source": "desk"}
            known |= previous(account, ["phone"], now)
        if form.email and form.email != account.email:
            values |= {"email": form.email, "email_verified_at": approved.email_verified_at}
            values |= {"email_changed_at": now, "email_source": "desk"}
            known |= previous(account, ["email"], now)
        known |= {"vouched_by": "desk"} if known else {}
        after = replace(account, **contacts_of(values))
        notice = self._notices.of("profile_changed", after, NOWHERE, before=known)
        event = Event("account.changed", account.id, facts={"officer": officer.login, "papers": len(news)})
        securing = Securing(account.id, account.secured_at, values, event, notice, vouched=bool(known))
        return Approval(
            approved,
            _event(approved, officer),
            now + self._rules.photos_kept,
            secures=securing,
            identifiers=news,
            messages=tuple(self._letters(approved, "declaration_approved")),
        )

    def _closing(self, approved: Declaration, officer: Officer) -> Approval:
        account, now = self._account_of(approved), self._clock()
        event = Event("account.stopped", account.id, facts={"officer": officer.login})
        values = {"status": "disabled", "password_hash": None, "password_temporary": False}
        securing = Securing(account.id, account.secured_at, values, event, passkeys_end="all")
        letters = tuple(self._letters(approved, "declaration_approved"))
        until = now + self._rules.photos_kept
        return Approval(approved, _event(approved, officer), until, secures=securing, closes=True, messages=letters)

    def _account_of(self, declaration: Declaration) -> Account:
        account = self._people.find(declaration.account_id or "")
        if account is None or not account.is_active:
            raise Unfit("no_account")
        if declaration.account_since != account.secured_at:
            raise Unfit("secured_meanwhile")
        return account

    def _link(self, account: Account, declaration: Declaration) -> tuple[Activation, list[Message]]:
        now, token = self._clock(), secrets.token_urlsafe(16)
        good_until = now + self._rules.activation_life
        activation = Activation(activation_digest(token), account.id, declaration.id, now, good_until)
        facts = {"url": f"{self._rules.issuer}/a/{token}", "hours": _hours(self._rules.activation_life)}
        return activation, letters_of_opening(account, declaration, "activation", facts, good_until)

    def _with_temporary(self, account: Account, declaration: Declaration) -> tuple[Account, list[Message]]:
        now, life = self._clock(), self._rules.activation_life
        password = temporary_password()
        secured = replace(
            account,
            password_hash=self._hash(password),
            password_temporary=True,
            password_changed_at=now,
            password_good_until=now + life,
        )
        facts = {"password": password, "hours": _hours(life)}
        return secured, letters_of_opening(account, declaration, "temporary_password", facts, now + life)

    def _letters(self, declaration: Declaration, template: str) -> list[Message]:
        """To the contacts in the declaration; to the address only if it was verified."""
        form, until = declaration.form, self._clock() + 72 * HOUR
        facts = {"reference": declaration.formatted_reference, "reason": declaration.reason or "other"}
        facts |= {"note": declaration.note or "", "url": f"{self._rules.issuer}/register/status"}
        if declaration.request == "register" and not declaration.email_verified_at:
            # With only a number, the reference is on paper alone: it is the second proof for activation.
            facts["reference"] = f"...{declaration.reference[-2:]}"
        ways: list[tuple[Channel, str]] = [("sms", form.phone)] if form.phone else []
        ways += [("email", form.email)] if form.email and declaration.email_verified_at else []
        return [Message(way, to, template, until, facts, declaration.language) for way, to in ways]


def activation_digest(token: str) -> str:
    """What the store keeps of an activation link."""
    return digest("activation", token)


def _event(declaration: Declaration, officer: Officer) -> Event:
    facts = {"officer": officer.login, "request": declaration.request, "reason_code": declaration.reason}
    facts["reference"] = declaration.formatted_reference
    return Event(f"declaration.{declaration.state}", declaration.account_id, facts=facts, reason=declaration.note)


def _hours(seconds: float) -> str:
    return str(round(seconds / HOUR))


def _known(reason: str) -> str:
    if reason not in REASONS:
        raise ValueError("no such reason")
    return reason
