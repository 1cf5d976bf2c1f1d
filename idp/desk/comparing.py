"""What stands beside a declaration: the register of participants, field by field, and what its code has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Protocol

from idp.accounts.birth_date import BirthDate, NotABirthDate
from idp.accounts.masking import masked_name, masked_number, masked_phone
from idp.accounts.names import NameAgreement, agreement, fold
from idp.accounts.participants import Participant
from idp.desk.declaration import Declaration, Form

Verdict = Literal["same", "close", "differs", "unknown"]
Field = Literal["code", "name", "birth_date", "citizen_number", "phone"]


Part = Literal["family", "middle", "given", "accents", "day", "month", "year", "digits", "all"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One field: what was declared, what is registered, how far both agree, and which parts do not.

    What differs from the declaration stays hidden: any form names any code, and its officer learns no more of that
    person than whether the form is right (M-5).
    """

    field: Field
    declared: str
    registered: str
    verdict: Verdict
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Highlights:
    """What the queue says of a declaration: how many others about its code are open, and whether it has an account."""

    others: int
    has_account: bool


class DeskViews(Protocol):
    """Reads for the console."""

    def highlights(self, page: Sequence[Declaration]) -> dict[str, Highlights]:
        """The marks of a page of the queue, by id: two statements, however long the page."""
        ...

    def about(self, declaration: Declaration) -> list[Declaration]:
        """What else was declared about the same code or citizen number, newest first; no drafts."""
        ...


def compare(form: Form, known: Participant | None) -> list[Compared]:
    """Every field that the register has too; without a participant nothing is known."""
    return [_hidden(each) for each in _compared(form, known)]


def _hidden(found: Compared) -> Compared:
    """The same without what only the register knows."""
    if found.verdict == "same" or not found.registered:
        return found
    parts = PARTS.get(found.field, _digits)(found.declared, found.registered) if found.declared else ()
    return replace(found, registered=_mask(found.field, found.registered), parts=parts)


def _mask(field: Field, registered: str) -> str:
    match field:
        case "name":
            return masked_name(registered)
        case "birth_date":
            return "**/**/****"
        case "phone":
            return masked_phone(registered)
        case _:
            return masked_number(registered, shown=2)


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


def _name_parts(declared: str, registered: str) -> tuple[Part, ...]:
    """Family, middle and given name, as far as their letters differ; only accents when the letters are the same."""
    if agreement(declared, registered) > NameAgreement.DIFFERENT:
        return ("accents",)
    one, other = fold(declared).split(), fold(registered).split()
    pairs = {"family": (one[:1], other[:1]), "middle": (one[1:-1], other[1:-1]), "given": (one[-1:], other[-1:])}
    return tuple(part for part, (mine, theirs) in pairs.items() if mine != theirs)  # type: ignore[misc]


def _date_parts(declared: str, registered: str) -> tuple[Part, ...]:
    names: tuple[Part, ...] = ("year", "month", "day")
    pairs = zip(names, declared.split("-"), registered.split("-"), strict=False)
    return tuple(name for name, mine, theirs in pairs if mine != theirs)


def _digits(declared: str, registered: str) -> tuple[Part, ...]:
    """Whether one or two digits differ, which a slip of the pen explains, or it is another number."""
    apart = sum(mine != theirs for mine, theirs in zip(declared, registered, strict=False))
    return ("digits",) if len(declared) == len(registered) and apart <= SLIPS else ("all",)


def _names(declared: str, registered: str) -> Verdict:
    if not declared or not registered:
        return "unknown"
    close = agreement(declared, registered)
    if close >= NameAgreement.TONE:
        return "same"
    return "close" if close > NameAgreement.DIFFERENT else "differs"


def _dates(declared: str, registered: BirthDate | None) -> Verdict:
    if not declared or registered is None:
        return "unknown"
    if declared == str(registered):
        return "same"
    try:
        same = BirthDate.parse(declared, today=date.max).same_as(registered)
    except NotABirthDate:
        return "differs"
    return {"exact": "same", "year": "close"}.get(same, "differs")  # type: ignore[return-value]


SLIPS = 2
PARTS: Mapping[Field, Callable[[str, str], tuple[Part, ...]]] = {"name": _name_parts, "birth_date": _date_parts}
"""How the parts that differ are found; numbers have digits."""
