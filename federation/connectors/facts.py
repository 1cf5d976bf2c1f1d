"""Facts of a profile in our own terms. A value that cannot be parsed as its fact counts as missing."""

import re
from collections.abc import Mapping
from typing import Any

from idp.accounts.birth_date import BirthDate, NotABirthDate
from idp.accounts.names import LONGEST, tidy
from idp.accounts.phone import NotAMobileNumber, PhoneNumber
from idp.dates import local_day

_AMR = re.compile(r"[A-Za-z0-9:._-]{1,32}", re.ASCII)


def text(value: object) -> str | None:
    """A string, or a whole number where upstreams send one, stripped of spaces; an empty one is missing."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < 10**18 else ""
    stripped = value.strip() if isinstance(value, str) else ""
    return stripped if 0 < len(stripped) <= 1000 else None


def subject(value: object, *, may_be_whole: bool = False) -> str | None:
    """A stable name for a person: 1 to 255 visible ASCII characters, exactly as signed (OIDC Core 2).

    Nothing is trimmed: a name with surrounding spaces could become another's. A whole number is accepted only where the
    protocol says so.
    """
    if may_be_whole and isinstance(value, int):
        value = text(value)
    is_name = isinstance(value, str) and 0 < len(value) <= 255 and all("!" <= c <= "~" for c in value)
    return str(value) if is_name else None


def citizen_number(value: object) -> str | None:
    """A 12-digit CCCD. Sent as a number it lost its leading zeros, of which there are at most two."""
    number = text(value)
    if number and isinstance(value, int) and len(number) >= 10:
        number = number.zfill(12)
    return number if number and re.fullmatch(r"[0-9]{12}", number, re.ASCII) else None


def digits(value: object, *lengths: int) -> str | None:
    """A code of so many digits (BHXH code, tax code); its last part may follow a hyphen."""
    number = (text(value) or "").replace("-", "")
    return number if len(number) in lengths and number.isascii() and number.isdigit() else None


def name(value: object) -> str | None:
    """A person's name, tidied. A name with control or invisible characters is rejected."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    tidied = tidy(value)
    return tidied if tidied and tidied.isprintable() else None


def birth_date(value: object, now: float) -> BirthDate | None:
    """A date of birth, as precise as it was given."""
    today = local_day(now)
    try:
        return BirthDate.parse(text(value) or "", today=today)
    except NotABirthDate:
        return None


def phone(value: object) -> PhoneNumber | None:
    """A Vietnamese mobile number."""
    try:
        return PhoneNumber.parse(text(value) or "")
    except NotAMobileNumber:
        return None


def level(value: object, table: Mapping[str, int], otherwise: int) -> int:
    """Our level for theirs; an unmapped value does not raise the level."""
    return table.get(text(value) or "", otherwise)


def methods(value: object) -> tuple[str, ...]:
    """`amr`: up to eight short words (RFC 8176)."""
    listed: list[Any] = value if isinstance(value, list) else []
    return tuple(each for each in listed[:8] if isinstance(each, str) and _AMR.fullmatch(each))
