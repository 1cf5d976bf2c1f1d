"""Reads form 01 as it was typed: every field has a limit, one canonical form, and a reason when it is invalid.

Nothing here reveals who has an account: every code gets the same answers.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from idp.accounts import identifiers, names
from idp.accounts.account import Kind
from idp.accounts.birth_date import BirthDate, NotABirthDate
from idp.accounts.phone import NotAMobileNumber, PhoneNumber
from idp.officers.agencies import Tree
from idp.registration.declaration import Form
from idp.registration.divisions import divisions
from idp.registration.grades import is_under

LEAST_AGE = 16
"""Younger people are registered at the agency by a parent or guardian (law on personal data)."""

LONGEST_NAME, LONGEST_LINE, LONGEST_EMAIL = 200, 200, 254
EARLIEST_START, LATEST_START = timedelta(days=8), timedelta(days=366)

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "individual": (
        "name", "code", "paper_kind", "paper_number", "birth_date", "province", "commune", "street", "contact_person",
        "email", "phone", "starts_on", "transact_at", "ivan", "agency", "submission", "agrees",
    ),
    "organisation": (
        "name", "code", "province", "commune", "street", "contact_person", "email", "phone", "starts_on",
        "transact_at", "ivan", "agency", "submission", "agrees",
    ),
}  # fmt: skip
"""The fields of a form, in its order. An organisation is known by its codes, not by a person's paper."""

IVANS: Mapping[str, str] = {
    "00001": "TS24", "00020": "VNPT-Vinaphone", "00030": "EFY", "00040": "Thái Sơn", "00050": "Viettel",
    "00060": "Bkav", "00070": "CMC", "00080": "VNPOST", "00090": "Giải trí và Truyền thông Online Việt Nam",
    "00100": "CyberLotus", "00110": "MISA", "00111": "VISNAM", "00113": "ICARE", "00114": "Lâm Hồng Quân",
    "00115": "1Office",
}  # fmt: skip
"""Providers through which people may transact instead of the portal."""

_LOOKALIKES = str.maketrans("ÐðƉɖ", "ĐđĐđ")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'’ʼ‘\-])*")
_PAPERS = {"cccd": r"[0-9]{12}", "cmnd": r"[0-9]{9}", "passport": r"(?=.*[0-9])[A-Z0-9]{5,20}"}
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63})"
)


class Unreadable(ValueError):
    """A field cannot be read; the text is the reason, the key of a sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A form as far as it could be read, and what is wrong by field."""

    form: Form
    problems: Mapping[str, str]


class Reader:
    """Reads the fields of one kind of registrant. `contact` means that the form asks for a contact person."""

    def __init__(self, kind: Kind, tree: Tree, today: date, *, contact: bool) -> None:
        self._kind = kind
        self._tree = tree
        self._today = today
        self._contact = contact

    def read(self, typed: Mapping[str, str], before: Form) -> Reading:
        """The input on top of the previous form. A field that is not in the input stays unchanged."""
        values, problems = dict[str, Any](), dict[str, str]()
        form = before
        for name in FIELDS[self._kind]:
            if name not in typed:
                continue
            try:
                values[name] = self._field(name, typed[name], replace(form, **values))
            except Unreadable as why:
                problems[name] = str(why)
                values[name] = getattr(Form(), name)
        form = replace(form, **values)
        return Reading(form, problems | {n: w for n, w in self.missing(form).items() if n not in problems})

    def missing(self, form: Form) -> dict[str, str]:
        """What is missing before the form can be submitted, and what only the complete form shows."""
        optional = {"ivan", "agrees"} if form.transact_at == "portal" else {"agrees"}
        optional |= set() if self._contact else {"contact_person"}
        names_left = [name for name in FIELDS[self._kind] if name not in optional and not getattr(form, name)]
        wrong = dict.fromkeys(names_left, "missing")
        if not form.agrees:
            wrong["agrees"] = "unticked"
        if self._kind == "individual":
            if is_under(LEAST_AGE, form.birth_date, form.citizen_number, self._today):
                wrong["birth_date"] = "under_age"
            if len(form.code) == 12 and form.paper_number and form.code != form.citizen_number:
                wrong["code"] = "differs"
        commune = divisions().commune(form.commune)
        if commune is not None and commune.into != form.province:
            wrong["commune"] = "missing"
        return wrong

    def _field(self, name: str, typed: str, form: Form) -> Any:
        text = tidy(typed)
        if not text and name not in ("agrees", "transact_at", "submission", "paper_kind"):
            return ""
        readers: dict[str, Callable[[str], Any]] = {
            "name": self._name,
            "contact_person": _person,
            "code": self._code,
            "paper_kind": _one_of("cccd", "cmnd", "passport"),
            "paper_number": lambda text: _paper(form.paper_kind, text),
            "birth_date": self._birth_date,
            "province": self._province,
            "commune": _commune,
            "street": _line,
            "email": _email,
            "phone": _phone,
            "starts_on": self._start,
            "transact_at": _one_of("portal", "ivan"),
            "ivan": _one_of(*IVANS),
            "agency": self._agency,
            "submission": _one_of("desk", "post"),
            "agrees": lambda text: text == "1",
        }
        return readers[name](text)

    def _name(self, text: str) -> str:
        return _person(text) if self._kind == "individual" else _line(text)

    def _code(self, text: str) -> str:
        identifier = identifiers.read(self._kind, text)
        if identifier is None:
            raise Unreadable("form")
        return identifier[1]

    def _birth_date(self, text: str) -> str:
        try:
            return str(BirthDate.parse(text[:32], today=self._today))
        except NotABirthDate:
            raise Unreadable("form") from None

    def _province(self, text: str) -> str:
        return _known(text, divisions().province(text, self._today))

    def _agency(self, text: str) -> str:
        agency = self._tree.get(text)
        return _known(text, agency if agency and agency.is_open(self._today) else None)

    def _start(self, text: str) -> str:
        day = _day(text)
        if not self._today - EARLIEST_START <= day <= self._today + LATEST_START:
            raise Unreadable("range")
        return str(day)


def tidy(text: str) -> str:
    """NFC, without invisible characters, with each run of spaces reduced to one."""
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return names.tidy(visible)


def _person(text: str) -> str:
    named = text.translate(_LOOKALIKES)
    if len(named) > LONGEST_NAME:
        raise Unreadable("long")
    # Marks that do not compose with a letter stay separate (Vietnamese marks in a wrong order) but are part of a name.
    bare = "".join(c for c in named if not unicodedata.combining(c))
    if not _NAME.fullmatch(bare):
        raise Unreadable("form")
    return named


def _line(text: str) -> str:
    if len(text) > LONGEST_LINE:
        raise Unreadable("long")
    if not text.isprintable() or not any(c.isalnum() for c in text):
        raise Unreadable("form")
    return text


def _paper(kind: str, text: str) -> str:
    number = identifiers.canonical(text[: identifiers.LONGEST])
    if not re.fullmatch(_PAPERS[kind], number, re.ASCII):
        raise Unreadable(kind)
    return number


def _email(text: str) -> str:
    matched = _EMAIL.fullmatch(text) if len(text) <= LONGEST_EMAIL else None
    local = text.partition("@")[0]
    if matched is None or local.startswith(".") or local.endswith(".") or ".." in local:
        raise Unreadable("form")
    return f"{local}@{matched[1].lower()}"


def _phone(text: str) -> str:
    try:
        return PhoneNumber.parse(text).e164
    except NotAMobileNumber:
        raise Unreadable("form") from None


def _commune(text: str) -> str:
    return _known(text, divisions().commune(text))


def _known(code: str, entry: object | None) -> str:
    if entry is None:
        raise Unreadable("choose")
    return code


def _one_of(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise Unreadable("choose")
        return text

    return read


def _day(text: str) -> date:
    for writing in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text[:10], writing).date()
        except ValueError:
            continue
    raise Unreadable("form")
