"""`Agency`: an office of the social insurance, with the days on which it existed, and the tree that they form.

Offices are dissolved and merged: what was sent to one that no longer exists belongs to its successor.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

EVERYWHERE = "*"
"""The whole country, where a right names an agency."""

MOST_SUCCESSORS = 20


@dataclass(frozen=True, slots=True)
class Agency:
    """`kind` is central, province, district_legacy, base, defence or police; days are inclusive, None is open-ended."""

    code: str
    name: str
    kind: str
    parent: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str | None = None
    address: str = ""
    phone: str = ""

    def is_open(self, day: date) -> bool:
        """Whether it accepts declarations on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


class Agencies(Protocol):
    """Stores agencies; there are a few thousand, so all of them are read at once."""

    def tree(self) -> "Tree":
        """All agencies, as they were at most a few seconds ago."""
        ...


class Tree:
    """All agencies by code."""

    def __init__(self, agencies: Mapping[str, Agency]) -> None:
        self._agencies = agencies

    @property
    def by_code(self) -> Mapping[str, Agency]:
        return self._agencies

    def get(self, code: str) -> Agency | None:
        return self._agencies.get(code)

    def receiving(self, code: str, day: date) -> Agency | None:
        """The agency that receives what was sent to `code`: itself, or the successor that is open on that day."""
        agency = self._agencies.get(code)
        for _ in range(MOST_SUCCESSORS):
            if agency is None or agency.is_open(day):
                return agency
            agency = self._agencies.get(agency.successor or "")
        return None

    def above(self, code: str) -> Iterator[str]:
        """The code itself and everything above it, nearest first."""
        seen: set[str] = set()
        agency = self._agencies.get(code)
        while agency and agency.code not in seen:
            seen.add(agency.code)
            yield agency.code
            agency = self._agencies.get(agency.parent or "")

    def beneath(self, code: str) -> set[str]:
        """The code itself, everything beneath it, and their predecessors: the scope of a right."""
        children: dict[str, list[str]] = {}
        for agency in self._agencies.values():
            children.setdefault(agency.parent or "", []).append(agency.code)
            if agency.successor:
                children.setdefault(agency.successor, []).append(agency.code)
        codes, left = set[str](), [code]
        while left:
            here = left.pop()
            if here not in codes:
                codes.add(here)
                left += children.get(here, [])
        return codes

    def open(self, day: date) -> list[Agency]:
        """Those that accept declarations on that day, by code."""
        return sorted((a for a in self._agencies.values() if a.is_open(day)), key=lambda agency: agency.code)

    def __len__(self) -> int:
        return len(self._agencies)
