"""`BirthDate`: a date of birth, as precise as it is known. Many people's papers state only the year."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

Sameness = Literal["exact", "year", "different"]
FIRST_YEAR = 1890

_FORMS = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})(?:-(?P<day>\d{2}))?", re.ASCII),
    re.compile(r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})", re.ASCII),
    re.compile(r"(?:(?P<month>\d{1,2})/)?(?P<year>\d{4})", re.ASCII),
)


class NotABirthDate(ValueError):
    """The text is not a date of birth."""


@dataclass(frozen=True, slots=True)
class BirthDate:
    """Year, and month and day where they are known. An unknown day is never written as the first."""

    year: int
    month: int | None = None
    day: int | None = None

    @classmethod
    def parse(cls, text: str, *, today: date) -> "BirthDate":
        """Read `dd/MM/yyyy`, `yyyyMMdd`, `yyyy-MM-dd`, `MM/yyyy`, `yyyy-MM` or `yyyy`. Raises `NotABirthDate`.

        Records write `00` for an unknown day or month.
        """
        written = text.strip()
        matched = next(filter(None, (form.fullmatch(written) for form in _FORMS)), None)
        if matched is None:
            raise NotABirthDate("not a date")
        parts = matched.groupdict()
        month, day = (int(parts.get(name) or 0) or None for name in ("month", "day"))
        read = cls(int(parts["year"]), month, day)
        try:
            earliest = date(read.year, month or 1, day or 1)
        except ValueError:
            raise NotABirthDate("no such day") from None
        if day and not month:
            raise NotABirthDate("a day without a month")
        if read.year < FIRST_YEAR or earliest > today:
            raise NotABirthDate("out of range")
        return read

    def may_be_under(self, years: int, today: date) -> bool:
        """Whether a person born then may not have had that birthday yet; an unknown day counts as the last."""
        birthday = (self.year + years, self.month or 12, self.day or 31)
        return birthday > (today.year, today.month, today.day)

    @property
    def is_full(self) -> bool:
        """Whether the day is known."""
        return self.day is not None

    def __str__(self) -> str:
        """As it is stored: `yyyy-mm-dd`, `yyyy-mm` or `yyyy`."""
        parts = [f"{self.year:04}", *(f"{part:02}" for part in (self.month, self.day) if part is not None)]
        return "-".join(parts)

    def same_as(self, other: "BirthDate") -> Sameness:
        """`exact` only when both know the day; `year` when they agree up to the precision of the less precise one."""
        mine, theirs = (self.year, self.month, self.day), (other.year, other.month, other.day)
        known = [(a, b) for a, b in zip(mine, theirs, strict=True) if a is not None and b is not None]
        if any(a != b for a, b in known):
            return "different"
        return "exact" if self.is_full and other.is_full else "year"
