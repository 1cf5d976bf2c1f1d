"""Which new passwords are allowed, and how long a password stays valid.

Length counts, character classes do not (NIST SP 800-63B-4, 3.1.1.2). Passwords that are too common, or known to anyone
who knows the person, are refused, and the person learns which of the two it was.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Literal

from idp.accounts.account import Account
from idp.accounts.passwords import SHORTEST, WeakPassword, checked
from idp.dates import VIETNAM

Due = Literal["first", "expired", "expiring"]
SERVICES = ("bhxh", "vssid", "baohiemxahoi", "baohiem", "dichvucong", "vneid", "dinhdanh", "vietnam", "matkhau")
_FILLER = re.compile(r"[^a-z]+")
FEW = 3
"""This many characters besides something known do not make a password."""


def checked_new(password: str, account: Account) -> str:
    """`password` in the form to hash. Raises `WeakPassword`: too_short, unusable, common, service, own_number,
    own_name or own_date.
    """
    normal = checked(password)
    folded = fold(normal)
    for reason, known in _known(account):
        if known in folded and len(folded) - len(known) <= FEW:
            raise WeakPassword(reason)
    if _FILLER.sub("", folded) in SERVICES or _is_monotonous(folded):
        raise WeakPassword("common")
    if normal.casefold() in common():
        raise WeakPassword("common")
    return normal


def fold(text: str) -> str:
    """Lower case, without marks, spaces and separators: common variants of the same text become equal."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in plain if c.isalnum() and unicodedata.category(c) != "Mn")


@cache
def common() -> frozenset[str]:
    """The most commonly tried passwords that are long enough to be set. Read when the first password is set."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST)


@dataclass(frozen=True, slots=True)
class PasswordAge:
    """The calendar months after which a password is too old (None: never), and how many days before that we warn."""

    months: int | None = 6
    warn_days: int = 14
    exempt: str | None = None

    def due(self, account: Account, now: float) -> Due | None:
        """Why this account has to change its password, now or soon; `exempt` (test mode's person) never has to."""
        if account.id == self.exempt:
            return None
        if account.password_temporary:
            return "first"
        until = self.good_until(account)
        if until is None:
            return None
        if now >= until:
            return "expired"
        return "expiring" if now >= until - self.warn_days * 86_400 else None

    def good_until(self, account: Account) -> float | None:
        """When the password will be too old; None: never."""
        if self.months is None or account.password_changed_at is None:
            return None
        return months_later(account.password_changed_at, self.months)


def months_later(moment: float, months: int) -> float:
    """The same time of day that many months later in Việt Nam; the last day of a month that has no such day."""
    begun = datetime.fromtimestamp(moment, VIETNAM)
    count = begun.year * 12 + begun.month - 1 + months
    first = begun.replace(year=count // 12, month=count % 12 + 1, day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    last_day = (following - timedelta(days=1)).day
    return first.replace(day=min(begun.day, last_day)).astimezone(UTC).timestamp()


def _known(account: Account) -> Iterator[tuple[str, str]]:
    """What anyone who knows the person would know, folded, with the reason to give."""
    for held in account.identifiers:
        yield "own_number", fold(held.value)
    if account.phone:
        yield "own_number", account.phone.removeprefix("+84")
    if account.email:
        yield "own_name", fold(account.email.partition("@")[0])
    name = fold(account.name)
    if len(name) >= 4:
        yield "own_name", name
    given_name = fold(account.name.split()[-1]) if account.name.split() else ""
    if len(given_name) >= 4:
        yield "own_name", given_name
    year, _, rest = (account.birth_date or "").partition("-")
    month, _, day = rest.partition("-")
    if day:
        for shape in (day + month + year, year + month + day, day + month + year[2:]):
            yield "own_date", shape


def _is_monotonous(folded: str) -> bool:
    """One or two characters repeated, or a run such as 123456789 and abcdefgh."""
    steps = {ord(b) - ord(a) for a, b in pairwise(folded)}
    return len(set(folded)) <= 2 or steps in ({1}, {-1})
