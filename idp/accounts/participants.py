"""Participants: insured people, with or without an account. The register is imported from files.

The register is the agency's knowledge, so it may give an account its BHXH code; knowing such a code proves nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from idp.accounts import identifiers, names
from idp.accounts.birth_date import BirthDate, NotABirthDate
from idp.accounts.phone import NotAMobileNumber, PhoneNumber

COLUMNS = ("bhxh_code", "name", "birth_date", "citizen_number", "phone")
"""The fields of a register record, as text; all but the first two may be empty."""

_LETTER = re.compile("[A-Za-z]")
"""Nearly every name contains one; only the others are folded to check that something is left of them."""


class BadParticipant(ValueError):
    """The record identifies nobody; the message says why, without any personal data."""


@dataclass(frozen=True, slots=True)
class Participant:
    """An insured person. `updated_at` is the last time that the register changed something about them."""

    bhxh_code: str
    name: str
    birth_date: BirthDate | None = None
    citizen_number: str | None = None
    phone: PhoneNumber | None = None
    updated_at: float = 0.0

    @classmethod
    def read(cls, record: Mapping[str, str], *, today: date, now: float) -> "Participant":
        """Parse the texts of `COLUMNS`. Raises `BadParticipant`."""
        code = identifiers.read("individual", record["bhxh_code"])
        if code is None or code[0] != "bhxh":
            raise BadParticipant("bhxh_code has not ten digits")
        birth_date, number, phone = (record[name].strip() for name in COLUMNS[2:])
        return cls(
            bhxh_code=code[1],
            name=_name(record["name"]),
            birth_date=_birth_date(birth_date, today) if birth_date else None,
            citizen_number=_citizen_number(number) if number else None,
            phone=_phone(phone) if phone else None,
            updated_at=now,
        )


@dataclass(frozen=True, slots=True)
class Imported:
    """Result of a batch: how many were new or changed, and how many were already known unchanged."""

    written: int
    unchanged: int


class Participants(Protocol):
    """Finds and keeps participants."""

    def find(self, bhxh_code: str) -> Participant | None:
        """The participant with this code."""
        ...

    def find_by_citizen_number(self, number: str) -> Participant | None:
        """The one participant with this citizen number; also None when the register gives it to several."""
        ...

    def put(self, participants: Iterable[Participant]) -> Imported:
        """Write all of them at once or none; of two with the same code the later one wins."""
        ...

    def count(self) -> int:
        """How many there are."""
        ...


def _name(text: str) -> str:
    name = names.tidy(text)
    if not _LETTER.search(name) and not names.match_key(name):
        raise BadParticipant("name is empty")
    if len(name) > names.LONGEST:
        raise BadParticipant(f"name is longer than {names.LONGEST} characters")
    if not name.isprintable():
        raise BadParticipant("name holds characters that cannot be shown")
    return name


def _birth_date(text: str, today: date) -> BirthDate:
    try:
        return BirthDate.parse(text, today=today)
    except NotABirthDate as error:
        raise BadParticipant(f"birth_date: {error}") from None


def _citizen_number(text: str) -> str:
    number = identifiers.read("individual", text)
    if number is None or number[0] != "cccd":
        raise BadParticipant("citizen_number has not twelve digits")
    return number[1]


def _phone(text: str) -> PhoneNumber:
    try:
        return PhoneNumber.parse(text)
    except NotAMobileNumber:
        raise BadParticipant("phone is no Vietnamese mobile number") from None
