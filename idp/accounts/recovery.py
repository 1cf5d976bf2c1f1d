"""`Recoveries`: a person who forgot the password proves a registered channel and sets a new one.

Three ways lead to the same page: a link by e-mail, a code to the registered phone plus a second fact, and a link by
text message that the hotline's assistant starts. The response is always the same; only a message that arrives at a
verified channel leads on. A fourth way is a strong login through an upstream (`by_eid`). Only the holder of the channel
ever sets or sees a password, and nobody is logged in.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from idp.accounts import identifiers, trust
from idp.accounts.account import Account, Kind
from idp.accounts.credentials import Credentials, Way
from idp.accounts.notices import Scene
from idp.accounts.one_time import Channel, CodeRequest, OneTimeCodes, Verdict
from idp.accounts.people import People
from idp.accounts.phone import NotAMobileNumber, PhoneNumber
from idp.ephemeral_records import EphemeralRecords, digest
from idp.errors import Expired, RecoveryOver
from idp.limits.budgets import OverBudget
from idp.messages.message import Message
from idp.ports import AuditLog, Clock, Event, Spent
from idp.sentences import Language

LINK_LIFE = {"email": 1800.0, "hotline": 600.0}
"""Seconds that a link is valid: P-11 allows a day by e-mail and ten minutes by text message."""

TRIES = 5
_DATE = re.compile(r"([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-]([0-9]{4})|([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One recovery in progress. `who` is the account's id, or for an unknown account a keyed digest of what was typed.

    `proved` says that the channel was proved: by the code, or because the holder of the ticket read it in the message.
    `browser` is the digest of the browser that started it; empty for the hotline.
    """

    way: Way
    who: str
    to: str
    browser: str
    asked_at: float
    account_id: str | None = None
    proved: bool = False
    failures: int = 0


@dataclass(frozen=True, slots=True)
class RecoveryForm:
    """What the person typed, and from where."""

    kind: Kind
    username: str
    fact: str
    browser: str
    address: str
    language: Language = "vi"


@dataclass(frozen=True, slots=True)
class Tickets:
    """Where tickets are kept, where their links lead, and the key for digests of unknown names."""

    records: EphemeralRecords[Ticket]
    issuer: str
    digest_key: bytes

    def name_of_nobody(self, typed: RecoveryForm) -> str:
        """A keyed digest of what was typed: counters of unknown names must not store it."""
        text = f"{typed.kind}:{identifiers.canonical(typed.username)}"
        return "typed:" + hmac.digest(self.digest_key, text.encode(errors="surrogatepass"), hashlib.sha256).hex()[:32]


class WrongFact(Exception):
    """The second fact asked with the link does not match."""


class Recoveries:
    """Starts, proves and finishes recoveries."""

    def __init__(
        self,
        people: People,
        codes: OneTimeCodes,
        credentials: Credentials,
        tickets: Tickets,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._people = people
        self._codes = codes
        self._credentials = credentials
        self._tickets = tickets
        self._records = tickets.records
        self._audit = audit
        self._clock = clock

    def by_code(self, typed: RecoveryForm) -> str:
        """Begin with a code to the registered phone; `typed.fact` is a birth date or another identifier.

        Returns the handle of a ticket in every case. Raises `OverBudget` when the caller's address asks too often.
        """
        account = self._find(typed)
        fits = account is not None and self._number(account, "recovery") is not None and knows(account, typed)
        ticket = self._ticket("sms", account if fits else None, typed, account.phone if account else None)
        handle = self._records.add(ticket)
        self._send(lambda: self._codes.send(_ask(ticket, handle), typed.address, language=typed.language, trusted=True))
        self._noted(ticket)
        return handle

    def by_mail(self, typed: RecoveryForm) -> None:
        """Send a link to the registered, verified address when it is `typed.fact`. Raises what `by_code` raises."""
        account = self._find(typed)
        email = trust.address(account, "recovery", self._clock()) if account and account.is_active else None
        fits = email is not None and email.casefold() == typed.fact.strip().casefold()
        self._link(self._ticket("email", account if fits else None, typed, email), typed)

    def by_hotline(self, phone: str, username: str) -> None:
        """Send a link by text message to a registered phone that matches the account; the assistant learns nothing."""
        typed = RecoveryForm("individual", username, phone, "", "")
        account = self._find(typed)
        try:
            number = PhoneNumber.parse(phone).e164
        except NotAMobileNumber:
            number = ""
        fits = account is not None and self._number(account, "hotline") == number
        self._link(self._ticket("hotline", account if fits else None, typed, number), typed)

    def ticket(self, handle: str) -> Ticket:
        """The live ticket. Raises `RecoveryOver`."""
        ticket = self._records.find(handle)
        if ticket is None:
            raise RecoveryOver("recovery is over, was used or never existed")
        return ticket

    def enter_code(self, handle: str, ticket: Ticket, code: str) -> Verdict:
        """Check a code; a correct one proves the channel. The fifth failure ends the recovery in every case.

        Tries are counted on the ticket, which exists for unknown accounts too, before they are checked.
        """
        ticket = self._charged(handle, ticket)
        if self._codes.check(_ask(ticket, handle), code) == "right":
            if not self._records.replace(handle, ticket, replace(ticket, proved=True, failures=0)):
                raise Expired("recovery changed meanwhile")
            return "right"
        return self._wrong(handle, ticket)

    def send_again(self, handle: str, ticket: Ticket, address: str, language: Language) -> None:
        """Send another code for the same recovery; its tries stay counted."""
        self._send(lambda: self._codes.send(_ask(ticket, handle), address, language=language, trusted=True))

    def finish(self, handle: str, ticket: Ticket, typed: RecoveryForm | None, new: str, scene: Scene) -> list[str]:
        """Set the new password; returns the names of unproven contacts that were removed.

        `typed` is what a browser other than the one that started it has to know. Raises `RecoveryOver`, `Expired`,
        `WrongFact`, `WeakPassword`, `StaleState`, `Busy`.
        """
        account = self._people.find(ticket.account_id) if ticket.account_id and ticket.proved else None
        if account is None or not account.is_active or account.secured_at > ticket.asked_at:
            raise RecoveryOver("recovery is not proved, or the account was secured meanwhile")
        if typed is not None:
            ticket = self._charged(handle, ticket)
            if not self._is_owner(account, ticket, typed):
                self._wrong(handle, ticket)
                raise WrongFact
        hashed = self._credentials.hashed(new, account)
        taken = self._records.take(handle)
        if taken is None or isinstance(taken, Spent):
            raise RecoveryOver("recovery was finished before")
        return self._credentials.reset(account, hashed, ticket.way, scene)

    def by_eid(self, account: Account, new: str, scene: Scene, through: str) -> list[str]:
        """Set the new password of a person just proved by the upstream `through`; returns removed unproved contacts.

        Raises `WeakPassword`, `StaleState`, `Busy`.
        """
        hashed = self._credentials.hashed(new, account)
        return self._credentials.reset(account, hashed, "eid", scene, through=through)

    def _is_owner(self, account: Account, ticket: Ticket, typed: RecoveryForm) -> bool:
        named = self._find(typed)
        return named is not None and named.id == account.id and (ticket.way != "hotline" or knows(account, typed))

    def _charged(self, handle: str, ticket: Ticket) -> Ticket:
        """The ticket with one more try counted. Raises `Expired` when another try came first."""
        charged = replace(ticket, failures=ticket.failures + 1)
        if not self._records.replace(handle, ticket, charged):
            raise Expired("another try came between")
        return charged

    def _wrong(self, handle: str, ticket: Ticket) -> Verdict:
        """After the last try the ticket is deleted."""
        if ticket.failures < TRIES:
            return "wrong"
        self._records.take(handle)
        return "exhausted"

    def _find(self, typed: RecoveryForm) -> Account | None:
        read = identifiers.read(typed.kind, typed.username)
        account = self._people.find_by_identifier(*read) if read else None
        return account if account and account.kind == typed.kind else None

    def _number(self, account: Account, purpose: trust.Purpose) -> str | None:
        return trust.number(account, purpose, self._clock()) if account.is_active else None

    def _ticket(self, way: Way, account: Account | None, typed: RecoveryForm, to: str | None) -> Ticket:
        nobody = self._tickets.name_of_nobody(typed)
        who, receiver = (account.id, to or "") if account else (nobody, nobody)
        # The holder of a ticket sent in a message has proved to have read it; a ticket that comes back here has not.
        proved = way != "sms"
        account_id = account.id if account else None
        return Ticket(way, who, receiver, typed.browser, self._clock(), account_id, proved)

    def _link(self, ticket: Ticket, typed: RecoveryForm) -> None:
        life = LINK_LIFE[ticket.way]
        handle = self._records.add(ticket, life=life)
        facts = {"url": f"{self._tickets.issuer}/r/{handle}", "minutes": str(round(life / 60))}
        ask = _ask(ticket, handle)
        message = Message(
            ask.channel,
            ticket.to,
            "recovery_link",
            self._clock() + life,
            facts,
            typed.language,
            account_id=ticket.account_id,
        )
        self._send(lambda: self._codes.tell(ask, message, typed.address))
        self._noted(ticket)

    def _send(self, send: Callable[[], object]) -> None:
        """Send, and hide that the budget of a receiver or account is used up: it would reveal which accounts exist."""
        try:
            send()
        except OverBudget as refused:
            if refused.detail == "budget address-hour":
                raise

    def _noted(self, ticket: Ticket) -> None:
        self._audit.record(Event("recovery.asked", ticket.account_id, facts={"way": ticket.way}))


def knows(account: Account, typed: RecoveryForm) -> bool:
    """Whether the second fact matches: the full birth date, or an identifier other than the one typed."""
    date = _DATE.fullmatch(typed.fact.strip())
    if date:
        day, month, year, *iso = date.groups()
        written = "-".join(iso) if iso[0] else f"{year}-{int(month):02d}-{int(day):02d}"
        return account.birth_date == written
    fact, named = identifiers.canonical(typed.fact[:64]), identifiers.canonical(typed.username[:64])
    return any(i.value == fact and i.valid_to is None and i.value not in named for i in account.identifiers)


def _ask(ticket: Ticket, handle: str) -> CodeRequest:
    channel: Channel = "email" if ticket.way == "email" else "sms"
    return CodeRequest("recovery", digest("recovery", handle), ticket.who, channel, ticket.to, ticket.account_id)
