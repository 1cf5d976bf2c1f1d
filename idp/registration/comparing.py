"""What is shown beside a declaration: the register of participants, field by field, and what else its code has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Protocol

from idp.accounts.birth_date import BirthDate, NotABirthDate
from idp.accounts.masking import masked_name, masked_number, masked_phone
from idp.accounts.names import NameAgreement, agreement, fold
from idp.accounts.participants import Participant
from idp.registration.declaration import Declaration, Form

Verdict = Literal["same", "close", "differs", "unknown"]
Field = Literal["code", "name", "birth_date", "citizen_number", "phone"]


Part = Literal["family", "middle", "given", "accents", "day", "month", "year", "digits", "all"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One field: the declared value, the registered value, how far they agree, and which parts differ.

    A registered value that differs stays hidden: a form may name any code, and its officer learns no more about that
    person than whether the form is correct (M-5).
    """

    field: Field
    declared: str
    registered: str
    verdict: Verdict
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Highlights:
    """Marks in the queue: how many other open declarations have the same code, and whether the code has an account."""

    others: int
    has_account: bool


class DeskViews(Protocol):
    """Queries for the console."""

    def highlights(self, page: Sequence[Declaration]) -> dict[str, Highlights]:
        """The marks of a page of the queue, by id: two statements, regardless of the page's length."""
        ...

    def about(self, declaration: Declaration) -> list[Declaration]:
        """Other declarations about the same code or citizen number, newest first; no drafts."""
        ...


def compare(form: Form, known: Participant | None) -> list[Compared]:
    """Every field that the register also has; without a participant the result is unknown."""
    return [_hidden(each) for each in _compared(form, known)]


def _hidden(compared: Compared) -> Compared:
    """The same without what only the register contains."""
    if compared.verdict == "same" or not compared.registered:
        return compared
    parts = PARTS.get(compared.field, _digits)(compared.declared, compared.registered) if compared.declared else ()
    return replace(compared, registered=_mask(compared.field, compared.registered), parts=parts)


def _mask(field: Field, registered: str) -> str:
    match field:
        case "name":
            return masked_name(registered)
        case "birth_date":
            return "**/**/****"
        case "phone":
            return masked_phone(registered)
        case _:
            return masked_number(registered, visible=2)


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
    """Which of family, middle and given name differ by letters; by accents only when the letters are the same."""
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
    """Whether one or two digits differ, as in a typing error, or it is a different number."""
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
"""How the differing parts are found; numbers have digits."""
