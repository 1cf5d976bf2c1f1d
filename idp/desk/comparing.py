"""What stands beside a declaration: the register of participants, field by field, and what its code has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from idp.accounts.birth_date import BirthDate, NotABirthDate
from idp.accounts.names import Agreement, agreement
from idp.accounts.participants import Participant
from idp.desk.declaration import Declaration, Form

Verdict = Literal["same", "close", "differs", "unknown"]
Field = Literal["code", "name", "birth_date", "citizen_number", "phone"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One field: what was declared, what is registered, and how far both agree."""

    field: Field
    declared: str
    registered: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Marks:
    """What the queue says of a declaration: how many others about its code are open, and whether it has an account."""

    others: int
    has_account: bool


class DeskViews(Protocol):
    """Reads for the console."""

    def marks(self, page: Sequence[Declaration]) -> dict[str, Marks]:
        """The marks of a page of the queue, by id: two statements, however long the page."""
        ...

    def about(self, declaration: Declaration) -> list[Declaration]:
        """What else was declared about the same code or citizen number, newest first; no drafts."""
        ...


def compare(form: Form, known: Participant | None) -> list[Compared]:
    """Every field that the register has too; without a participant nothing is known."""
    return list(_compared(form, known))


def _compared(form: Form, known: Participant | None) -> Iterator[Compared]:
    phone = known.phone.e164 if known and known.phone else ""
    born = str(known.birth_date) if known and known.birth_date else ""
    yield _plain("code", form.code, known.bhxh_code if known else "")
    name = known.name if known else ""
    yield Compared("name", form.name, name, _names(form.name, name))
    yield Compared("birth_date", form.birth_date, born, _dates(form.birth_date, known.birth_date if known else None))
    yield _plain("citizen_number", form.paper_number, (known.citizen_number or "") if known else "")
    yield _plain("phone", form.phone, phone)


def _plain(field: Field, declared: str, registered: str) -> Compared:
    if not declared or not registered:
        return Compared(field, declared, registered, "unknown")
    return Compared(field, declared, registered, "same" if declared == registered else "differs")


def _names(declared: str, registered: str) -> Verdict:
    if not declared or not registered:
        return "unknown"
    close = agreement(declared, registered)
    if close >= Agreement.TONE:
        return "same"
    return "close" if close > Agreement.DIFFERENT else "differs"


def _dates(declared: str, registered: BirthDate | None) -> Verdict:
    if not declared or registered is None:
        return "unknown"
    try:
        same = BirthDate.parse(declared, today=date.max).same_as(registered)
    except NotABirthDate:
        return "differs"
    return {"exact": "same", "year": "close"}.get(same, "differs")  # type: ignore[return-value]
