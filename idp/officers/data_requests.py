"""`DataRequest`: a person's request about their own data, and the legal deadlines for it.

Acknowledged within two working days, answered within fifteen days, once prolonged by fifteen (Decree 356/2025). To
erase means to close the account and to delete everything about the person that no law makes us keep, under whichever
number it is filed: approved declarations stay for ten years, without pictures and found only by their reference, and
the numbers as long. Nothing is erased while the requester may still turn out not to be the person (L-7).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal, Protocol

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.credentials import Securing
from idp.accounts.notices import NOWHERE, UNDO_LIFE, Notice, Notices, Scene
from idp.accounts.people import People
from idp.accounts.references import KEPT, format_reference, new_id, new_reference
from idp.dates import VIETNAM, local_day
from idp.errors import StaleState
from idp.messages.message import Message
from idp.officers.officers import NotAllowed, Officer, demand_persons
from idp.ports import Clock, Event
from idp.sentences import Language

DataKind = Literal["erase"]
DataState = Literal["open", "acknowledged", "done", "refused", "withdrawn"]
WAITING: tuple[DataState, ...] = ("open", "acknowledged")
REFUSALS = ("proceedings", "debt", "identity", "other")
"""Why an erasure is refused: an open dispute or proceeding, money owed, doubt about the requester, or see the note."""

WORKING_DAYS = 2
ANSWER_DAYS = 15
DAY = 86_400.0
ERASED_NAME = "Đã xóa theo yêu cầu"


class TooEarly(Exception):
    """The owner can still answer "not me"."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """One request. Times are seconds since the epoch, UTC."""

    id: str
    reference: str
    account_id: str
    kind: DataKind
    asked_at: float
    acknowledge_by: float
    answer_by: float
    state: DataState = "open"
    acknowledged_at: float | None = None
    answered_at: float | None = None
    decided_by: str | None = None
    reason: str | None = None
    note: str | None = None

    @property
    def is_waiting(self) -> bool:
        return self.state in WAITING

    @property
    def erased_from(self) -> float:
        """The earliest time to carry it out: until then the "not me" link of the notice is valid."""
        return self.asked_at + UNDO_LIFE

    @property
    def can_be_prolonged(self) -> bool:
        """Only once, and only while it waits."""
        return self.is_waiting and self.answer_by <= self.asked_at + (ANSWER_DAYS + 1) * DAY

    @classmethod
    def new(cls, account_id: str, now: float) -> "DataRequest":
        """A new request for erasure."""
        return cls(new_id(), new_reference(), account_id, "erase", now, working_days_after(now), days_after(now))


@dataclass(frozen=True, slots=True)
class DataAnswer:
    """An officer's answer to a request; `secures` is the erasure itself."""

    before: DataRequest
    after: DataRequest
    event: Event
    messages: tuple[Message, ...] = ()
    secures: Securing | None = None


@dataclass(frozen=True, slots=True)
class KeptData:
    """What the law keeps after an erasure, and until when."""

    what: Literal["declaration", "numbers"]
    until: float
    reference: str = ""


class DataRequestStore(Protocol):
    """Stores requests."""

    def add(self, request: DataRequest, event: Event, notice: Notice) -> DataRequest:
        """Store a new request and notify the person; returns the waiting one if there is one already."""
        ...

    def find(self, request_id: str) -> DataRequest | None:
        """The request."""
        ...

    def of_account(self, account_id: str) -> list[DataRequest]:
        """A person's requests, newest first."""
        ...

    def waiting(self, *, limit: int) -> list[DataRequest]:
        """Requests that wait for an officer, oldest first."""
        ...

    def kept(self, account_id: str) -> list[tuple[str, float]]:
        """References of the declarations that remain after an erasure, and until when."""
        ...

    def answer(self, answer: DataAnswer, now: float) -> None:
        """Store all of it in one transaction. Raises `StaleState`."""
        ...


class DataRequests:
    """Requested by people, answered by officers."""

    def __init__(self, store: DataRequestStore, people: People, notices: Notices, clock: Clock) -> None:
        self._store = store
        self._people = people
        self._notices = notices
        self._clock = clock

    def ask(self, account: Account, scene: Scene = NOWHERE) -> DataRequest:
        """Request erasure; a repeated request counts once. The owner is notified: someone else may be asking."""
        event = Event("data.asked", account.id, facts={"kind": "erase"})
        notice = self._notices.of("erasure_asked", account, scene)
        return self._store.add(DataRequest.new(account.id, self._clock()), event, notice)

    def of_account(self, account_id: str) -> list[DataRequest]:
        """A person's requests, newest first."""
        return self._store.of_account(account_id)

    def waiting(self, officer: Officer, *, limit: int = 50) -> list[DataRequest]:
        """Requests that wait for an answer. Raises `NotAllowed`."""
        _demand(officer)
        return self._store.waiting(limit=limit)

    def find(self, request_id: str, officer: Officer) -> DataRequest | None:
        """One request, if it is not about the officer. Raises `NotAllowed`."""
        _demand(officer)
        request = self._store.find(request_id)
        account = self._people.find(request.account_id) if request else None
        if account and officer.is_among(frozenset(i.value for i in account.identifiers)):
            raise NotAllowed("own_request")
        return request

    def kept(self, account_id: str) -> list[KeptData]:
        """What an erasure of this account would leave, and until when."""
        forms = [KeptData("declaration", until, format_reference(each)) for each, until in self._store.kept(account_id)]
        return [*forms, KeptData("numbers", self._clock() + KEPT)]

    def withdraw(self, account_id: str, request_id: str) -> None:
        """The person withdraws the request. Raises `StaleState`."""
        request = self._store.find(request_id)
        if request is None or request.account_id != account_id or not request.is_waiting:
            raise StaleState
        after = replace(request, state="withdrawn", answered_at=self._clock())
        event = Event("data.answered", account_id, facts={"state": "withdrawn"})
        self._store.answer(DataAnswer(request, after, event), self._clock())

    def acknowledge(self, request: DataRequest, officer: Officer) -> DataRequest:
        """Acknowledge the request. Raises `NotAllowed`, `StaleState`."""
        self._demand(request, officer)
        return self._decide(request, officer, replace(request, state="acknowledged", acknowledged_at=self._clock()))

    def prolong(self, request: DataRequest, officer: Officer, note: str) -> DataRequest:
        """Prolong the deadline by fifteen days, once, and say why. Raises `NotAllowed`, `StaleState`."""
        self._demand(request, officer)
        if not request.can_be_prolonged:
            raise StaleState
        later = days_after(request.asked_at, 2 * ANSWER_DAYS)
        return self._decide(request, officer, replace(request, answer_by=later, note=note or None))

    def refuse(self, request: DataRequest, officer: Officer, reason: str, note: str) -> DataRequest:
        """Refuse, and say why. Raises `NotAllowed`, `StaleState`, `ValueError`."""
        if reason not in REFUSALS:
            raise ValueError("no such reason")
        account = self._demand(request, officer)
        now = self._clock()
        after = replace(request, state="refused", answered_at=now, reason=reason, note=note or None)
        return self._decide(request, officer, after, _letters(account, after, "data_refused", now))

    def erase(self, request: DataRequest, officer: Officer) -> DataRequest:
        """Erase what no law keeps, and close the account. Raises `NotAllowed`, `StaleState`, `TooEarly`."""
        account = self._demand(request, officer)
        now = self._clock()
        if now < request.erased_from:
            raise TooEarly
        after = replace(request, state="done", answered_at=now)
        event = Event("account.erased", account.id, facts={"officer": officer.login})
        securing = Securing(account.id, account.secured_at, dict(ERASED), event, passkeys_end="all")
        return self._decide(request, officer, after, _letters(account, after, "data_erased", now), securing)

    def _demand(self, request: DataRequest, officer: Officer) -> Account:
        """The account of a request that this officer may answer. Raises `NotAllowed`, `StaleState`."""
        _demand(officer)
        demand_persons(officer)
        account = self._people.find(request.account_id)
        if account is None or not request.is_waiting:
            raise StaleState
        if officer.is_among(frozenset(i.value for i in account.identifiers)):
            raise NotAllowed("own_request")
        return account

    def _decide(
        self,
        before: DataRequest,
        officer: Officer,
        after: DataRequest,
        messages: Sequence[Message] = (),
        secures: Securing | None = None,
    ) -> DataRequest:
        decided = replace(after, decided_by=officer.id)
        facts = {"officer": officer.login, "state": decided.state, "reason_code": decided.reason}
        event = Event("data.answered", before.account_id, facts=facts, reason=decided.note)
        self._store.answer(DataAnswer(before, decided, event, tuple(messages), secures), self._clock())
        return decided


ERASED: dict[str, object] = {
    "status": "disabled",
    "name": ERASED_NAME,
    "birth_date": None,
    "phone": None,
    "phone_verified_at": None,
    "email": None,
    "phone_source": "",
    "email_verified_at": None,
    "email_source": "",
    "address": None,
    "street": None,
    "commune": None,
    "province": None,
    "password_hash": None,
    "password_temporary": False,
    "more_claims": "{}",
}
"""The values of an account after its erasure; its identifiers end and stay as history."""


def working_days_after(now: float, days: int = WORKING_DAYS) -> float:
    """The end of the last of so many working days after today, in Vietnam; weekends are not working days."""
    day = local_day(now)
    left = days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return datetime.combine(day, time.max, VIETNAM).astimezone(UTC).timestamp()


def days_after(now: float, days: int = ANSWER_DAYS) -> float:
    """The end of the day so many days after today, in Vietnam."""
    day = local_day(now) + timedelta(days=days)
    return datetime.combine(day, time.max, VIETNAM).astimezone(UTC).timestamp()


def _demand(officer: Officer) -> None:
    if not officer.holds("data"):
        raise NotAllowed("right")


def _letters(
    account: Account, request: DataRequest, template: str, now: float, language: Language = "vi"
) -> list[Message]:
    """To the addresses where the person could be reached before."""
    facts = {"reference": request.reference, "note": request.note or ""}
    until, ways = now + 3 * DAY, trust.reachable(account, "notice", now)
    return [Message(w.channel, w.to, template, until, facts, language, account_id=account.id) for w in ways]
