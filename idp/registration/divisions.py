"""Provinces and communes, with the days on which they existed: a code has no meaning without a day.

On 1 July 2025 63 provinces became 34 and districts were abolished. Seven codes now name another province (24 was Bắc
Giang and is Bắc Ninh). `divisions.csv` is written by `tools/divisions.py`.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).with_name("divisions.csv")


@dataclass(frozen=True, slots=True)
class Division:
    """A province or commune. `into` is a commune's province, or the province that a former province became part of."""

    code: str
    name: str
    into: str
    valid_from: str
    valid_to: str

    def is_open(self, day: date) -> bool:
        """Whether it existed on that day."""
        return self.valid_from <= str(day) and (not self.valid_to or str(day) <= self.valid_to)

    @property
    def label(self) -> str:
        """The label in forms: `24 - Tỉnh Bắc Ninh`."""
        return f"{self.code} - {self.name}"


class Divisions:
    """All provinces and communes."""

    def __init__(self, provinces: Sequence[Division], communes: Mapping[str, Division]) -> None:
        self._provinces = provinces
        self._communes = communes
        self._of: dict[str, list[Division]] = {}
        for commune in communes.values():
            self._of.setdefault(commune.into, []).append(commune)

    def provinces(self, day: date) -> list[Division]:
        """The provinces on that day."""
        return [province for province in self._provinces if province.is_open(day)]

    def province(self, code: str, day: date) -> Division | None:
        """What this code meant on that day."""
        return next((p for p in self._provinces if p.code == code and p.is_open(day)), None)

    def current(self, code: str) -> Division | None:
        """What this code means since the last reform."""
        return next((p for p in self._provinces if p.code == code and not p.valid_to), None)

    def communes(self, province: str) -> list[Division]:
        """The communes of a current province."""
        return self._of.get(province, [])

    def commune(self, code: str) -> Division | None:
        """The current commune with this code."""
        return self._communes.get(code)

    @property
    def before_2025(self) -> frozenset[str]:
        """The codes of the 63 provinces: the numbers of identity cards will always begin with them."""
        return frozenset(p.code for p in self._provinces if p.valid_to)


@lru_cache(maxsize=1)
def divisions() -> Divisions:
    """The contents of the file."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = [(row.pop("kind"), Division(**row)) for row in csv.DictReader(file)]
    provinces = [division for kind, division in rows if kind == "province"]
    return Divisions(provinces, {division.code: division for kind, division in rows if kind == "commune"})
