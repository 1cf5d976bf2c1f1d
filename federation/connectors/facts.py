"""Facts of a profile in our own terms. What does not read as the fact that it should be is not there at all."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.accounts.birth_date import BirthDate, NotABirthDate
from idp.accounts.names import LONGEST, tidy
from idp.accounts.phone import NotAMobileNumber, PhoneNumber

_HANOI = timedelta(hours=7)
_AMR = re.compile(r"[A-Za-z0-9:._-]{1,32}", re.ASCII)


def text(value: object) -> str | None:
    """A string, or a whole number where upstreams drift to it, without spaces around; an empty one is missing."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < 10**18 else ""
    found = value.strip() if isinstance(value, str) else ""
    return found if 0 < len(found) <= 1000 else None


def subject(value: object, *, may_be_whole: bool = False) -> str | None:
    """A stable name for a person: 1 to 255 visible ASCII characters, exactly as they were signed (OIDC Core 2).

    Nothing is trimmed: with spaces around, one name would be another's. A whole number is a name only where the
    protocol says so.
    """
    if may_be_whole and isinstance(value, int):
        value = text(value)
    is_name = isinstance(value, str) and 0 < len(value) <= 255 and all("!" <= c <= "~" for c in value)
    return str(value) if is_name else None


def citizen_number(value: object) -> str | None:
    """A 12-digit CCCD. As a number it lost its leading zeros, of which it never had more than two."""
    found = text(value)
    if found and isinstance(value, int) and len(found) >= 10:
        found = found.zfill(12)
    return found if found and re.fullmatch(r"[0-9]{12}", found, re.ASCII) else None


def digits(value: object, *lengths: int) -> str | None:
    """A code of so many digits (BHXH code, tax code); its last part may stand behind a hyphen."""
    found = (text(value) or "").replace("-", "")
    return found if len(found) in lengths and found.isascii() and found.isdigit() else None


def name(value: object) -> str | None:
    """A person's name, tidied. Control and invisible characters make it no name."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    found = tidy(value)
    return found if found and found.isprintable() else None


def birth_date(value: object, now: float) -> BirthDate | None:
    """A date of birth, as precisely as it is told."""
    today = (datetime.fromtimestamp(now, UTC) + _HANOI).date()
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
    """Our level for theirs; a value that nobody mapped is no elevation."""
    return table.get(text(value) or "", otherwise)


def methods(value: object) -> tuple[str, ...]:
    """`amr`: up to eight short words (RFC 8176)."""
    listed: list[Any] = value if isinstance(value, list) else []
    return tuple(each for each in listed[:8] if isinstance(each, str) and _AMR.fullmatch(each))
