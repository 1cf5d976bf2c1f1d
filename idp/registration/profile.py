"""`Profiles`: the owner of an account asks the desk to change what is registered, or to close the account.

Nothing about the account changes here. A code to a registered channel, and for a new e-mail address one to that as
well, submits a declaration that waits for an officer; the officer also checks whether another account holds a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from idp.accounts import trust
from idp.accounts.account import Account, Kind
from idp.accounts.one_time import Channel, CodeRequest
from idp.accounts.references import new_id, new_reference
from idp.ephemeral_records import EphemeralRecords, digest, new_secret
from idp.errors import Expired, StaleState
from idp.messages.message import Message
from idp.officers.agencies import Agencies
from idp.ports import Clock
from idp.registration.address import registered_place
from idp.registration.declaration import Declaration, DeclarationStore, Form, PaperKind, WrongState
from idp.registration.declarations import MAIL_LIFE, Applicant, Declarations, secret_digest
from idp.registration.reading import Reader, Reading

Wanted = Literal["amend", "stop"]
PLACE = ("province", "commune", "street")
FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "individual": ("paper_kind", "paper_number", "email", "phone", *PLACE, "agency", "agrees"),
    "organisation": ("email", "phone", *PLACE, "agency", "agrees"),
}
"""What an owner may ask to change, and what goes with it. An organisation is known by its codes."""

STOP_FIELDS = ("agency", "agrees")
CHANGEABLE = ("paper_kind", "paper_number", "email", "phone", *PLACE)
PAPERS: tuple[PaperKind, ...] = ("cccd", "passport", "cmnd")


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """A change entered in a session and not yet proved by codes. `proved` counts the codes entered.

    `account_since` is the account's `secured_at`, `after` the newest declaration before this one.
    """

    request: Wanted
    account_id: str
    account_since: float
    sid: str
    form: Form
    after: str
    proved: int = 0


class Profiles:
    """The owner's side of the desk. `issuer` is our address, for messages."""

    def __init__(
        self,
        store: DeclarationStore,
        declarations: Declarations,
        agencies: Agencies,
        wishes: EphemeralRecords[ProfileChange],
        clock: Clock,
        *,
        issuer: str,
    ) -> None:
        self._store = store
        self._declarations = declarations
        self._agencies = agencies
        self._wishes = wishes
        self._clock = clock
        self._issuer = issuer

    def registered(self, account: Account) -> Form:
        """The form as it would be filled in today, addressed to the agency that decided about the person last."""
        held = ((kind, account.identifier(kind)) for kind in PAPERS)
        kind, number = next(((kind, number) for kind, number in held if number), ("cccd", ""))
        names = (account.identifier(name) for name in ("bhxh", "unit", "tax", "cccd"))
        agency = next((d.form.agency for d in self._store.of_account(account.id) if d.form.agency), "")
        street, commune, province = registered_place(account)
        open_now = self._agencies.tree().receiving(agency, self._declarations.today)
        return Form(
            name=account.name,
            code=next(filter(None, names), ""),
            paper_kind=kind,
            paper_number=number or "",
            birth_date=account.birth_date or "",
            street=street,
            commune=commune,
            province=province,
            email=account.email or "",
            phone=account.phone or "",
            starts_on=str(self._declarations.today),
            agency=open_now.code if open_now else "",
        )

    def read(self, account: Account, typed: Mapping[str, str]) -> Reading:
        """What is to change; `problems` contains `nothing` when nothing is."""
        before = self.registered(account)
        reading = self._read(account, FIELDS[account.kind], typed, before)
        form, problems = reading.form, dict(reading.problems)
        if self.phone_rests(account) and form.phone != before.phone and "phone" not in problems:
            problems["phone"] = "rests"
        if not problems and all(getattr(form, name) == getattr(before, name) for name in CHANGEABLE):
            problems["nothing"] = "same"
        known_by_card = account.identifier("bhxh") is None and form.citizen_number
        return Reading(replace(form, code=form.citizen_number) if known_by_card else form, problems)

    def read_stop(self, account: Account, typed: Mapping[str, str]) -> Reading:
        """The agency that receives the request, and the undertaking."""
        return self._read(account, STOP_FIELDS, typed, self.registered(account))

    def phone_rests(self, account: Account) -> bool:
        """Whether the number changed within 72 hours: until then it cannot be changed (security.md U-07)."""
        return trust.is_resting(account, self._clock())

    def latest(self, account: Account) -> Declaration | None:
        """The newest request of the owner, decided or not."""
        return next((d for d in self._store.of_account(account.id) if d.request != "register"), None)

    def begin(self, request: Wanted, account: Account, sid: str, form: Form) -> str:
        """Store the change until the codes are entered; returns the handle under which this session continues."""
        newest = self.latest(account)
        after = newest.id if newest else ""
        return self._wishes.add(ProfileChange(request, account.id, account.secured_at, sid, form, after))

    def under_way(self, ticket: str, account: Account, sid: str) -> ProfileChange:
        """The change entered in this session. Raises `Expired`, also after a credential event in the meantime."""
        wish = self._wishes.find(ticket)
        mine = wish is not None and (wish.account_id, wish.sid) == (account.id, sid)
        if wish is None or not mine or wish.account_since != account.secured_at:
            raise Expired("no such request")
        return wish

    def code_for(self, wish: ProfileChange, account: Account) -> CodeRequest:
        """The code that is due, bound to session and values. Raises `Expired` if nothing can receive it."""
        due = self._codes(wish, account)[wish.proved : wish.proved + 1]
        if not due:
            raise Expired("no way to the person is registered any more")
        return due[0]

    def proved(self, ticket: str, wish: ProfileChange, account: Account, asker: Applicant) -> Declaration | None:
        """A correct code was entered: None if another is due, else the submitted declaration. Raises `Expired`."""
        if wish.proved + 1 < len(self._codes(wish, account)):
            if not self._wishes.replace(ticket, wish, replace(wish, proved=wish.proved + 1)):
                raise Expired("entered in another window")
            return None
        agency = self._agencies.tree().receiving(wish.form.agency, self._declarations.today)
        if agency is None or self._wishes.take(ticket) != wish:
            raise Expired("handed in already, or the agency is no more")
        return self._hand_in(wish, account, replace(wish.form, agency=agency.code), agency.name, asker)

    def cancel(self, account: Account, declaration_id: str) -> bool:
        """Withdraw one's own open request; False when there is none."""
        latest = self.latest(account)
        if latest is None or latest.id != declaration_id:
            return False
        try:
            self._declarations.cancel(latest)
        except (WrongState, StaleState):
            return False
        return True

    def _read(self, account: Account, fields: tuple[str, ...], typed: Mapping[str, str], before: Form) -> Reading:
        declared = {name: typed.get(name, "") for name in fields if name in typed or name == "agrees"}
        reader = Reader(account.kind, self._agencies.tree(), self._declarations.today, contact=False)
        reading = reader.read(declared, before)
        # A field that was never registered may stay empty; a registered one can be changed, not removed.
        wrong = {name: why for name, why in reading.problems.items() if name in fields}
        never = {name for name in CHANGEABLE if not getattr(before, name)}
        if reading.form.province or reading.form.commune:
            never -= {*PLACE}  # an address is chosen whole
        return Reading(reading.form, {n: why for n, why in wrong.items() if why != "missing" or n not in never})

    def _codes(self, wish: ProfileChange, account: Account) -> list[CodeRequest]:
        way = way_to(account, self._clock())
        if way is None:
            return []
        ways: list[tuple[Channel, str]] = [way]
        ways += [("email", wish.form.email)] if _new_email(wish.form, account) else []
        bound = digest("profile", f"{wish.sid}\0{wish.request}\0{wish.after}\0{wish.form.digest}")
        return [CodeRequest("profile", bound, account.id, channel, to, account.id) for channel, to in ways]

    def _hand_in(self, wish: ProfileChange, account: Account, form: Form, agency: str, asker: Applicant) -> Declaration:
        now, rules = self._clock(), self._declarations.rules
        draft = Declaration(
            id=new_id(),
            reference=new_reference(),
            kind=account.kind,
            request=wish.request,
            secret_digest=secret_digest(new_secret("r")),
            created_at=now,
            form=form,
            account_id=account.id,
            account_since=wish.account_since,
            channel=asker.channel,
            network=asker.network,
            language=asker.language,
            expires_at=now + rules.draft_life,
        )
        known = any(way.channel == "email" for way in trust.reachable(account, "claim", now))
        proved_at = now if _new_email(form, account) or known else None
        handed = draft.submitted(now, lapses_at=now + rules.lapse, proved_at=proved_at)
        older = [d for d in self._store.of_account(account.id) if d.is_open and d.request != "register"]
        self._store.add(draft)
        self._store.submit(handed, older, self._letters(handed, account, agency))
        return handed

    def _letters(self, handed: Declaration, account: Account, agency: str) -> list[Message]:
        """To every registered contact, as its owner may not be the requester, and to a new, proved address."""
        now, form = self._clock(), handed.form
        ways: list[tuple[Channel, str]] = [(c.channel, c.to) for c in trust.reachable(account, "profile", now)]
        ways += [("email", form.email)] if _new_email(form, account) else []
        facts = {"reference": handed.formatted_reference, "agency": agency, "url": f"{self._issuer}/account/profile"}
        return [
            Message(way, to, "declaration_received", now + MAIL_LIFE, facts, handed.language, account_id=account.id)
            for way, to in ways
        ]


def way_to(account: Account, now: float) -> tuple[Channel, str] | None:
    """Where the code of a change goes: to the verified address, else to the number; never to a new value."""
    # The address is last in the list but is tried first here.
    ways = trust.reachable(account, "profile", now)
    return (ways[-1].channel, ways[-1].to) if ways else None


def _new_email(form: Form, account: Account) -> bool:
    return bool(form.email) and form.email != (account.email or "")
