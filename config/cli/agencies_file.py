"""Reads the list of agencies: CSV in UTF-8, one agency per line. Bad lines are reported by number, good ones kept.

There are some thousands, so the whole file is read at once: only all lines together show whether a parent or a
successor exists, and whether a chain of parents is a circle.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from typing import BinaryIO

from idp.officers.agencies import MOST_SUCCESSORS, Agency

COLUMNS = ("code", "name", "kind", "parent", "valid_from", "valid_to", "successor", "address", "phone")
KINDS = ("central", "province", "district_legacy", "base", "defence", "police")
LARGEST, LONGEST = 16 * 1024 * 1024, 300
_CODE = re.compile(r"[0-9A-Z]{2,8}", re.ASCII)


class BadAgenciesFile(ValueError):
    """The file cannot be read at all."""


class BadLine(ValueError):
    """What is wrong with a line."""


@dataclass(frozen=True, slots=True)
class AgenciesRead:
    """The good agencies, the number of lines, and the complaints by line."""

    agencies: list[Agency]
    lines: int
    complaints: list[tuple[int, str]]


def read_agencies(file: BinaryIO, known: Mapping[str, Agency]) -> AgenciesRead:
    """Every line after the first; `known` are the stored agencies. Raises `BadAgenciesFile`."""
    rows = _rows(file)
    good: dict[str, tuple[int, Agency]] = {}
    complaints: list[tuple[int, str]] = []
    for number, cells in rows:
        try:
            agency = _agency(cells)
            if agency.code in good:
                raise BadLine(f"{agency.code} stands in line {good[agency.code][0]} already")
            good[agency.code] = number, agency
        except BadLine as error:
            complaints.append((number, str(error)))
    complaints += _drop_loose(good, known)
    return AgenciesRead([agency for _, agency in good.values()], len(rows), sorted(complaints))


def _rows(file: BinaryIO) -> list[tuple[int, list[str]]]:
    raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise BadAgenciesFile(f"the file is larger than {LARGEST >> 20} MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadAgenciesFile("the file is not UTF-8") from None
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    except csv.Error:
        raise BadAgenciesFile(f"line {reader.line_num}: a quote is in the wrong place") from None
    if not rows or tuple(rows[0][1]) != COLUMNS:
        raise BadAgenciesFile(f"line 1 must name the columns: {','.join(COLUMNS)}")
    return rows[1:]


def _agency(cells: list[str]) -> Agency:
    if len(cells) != len(COLUMNS):
        raise BadLine(f"{len(cells)} columns instead of {len(COLUMNS)}")
    row = dict(zip(COLUMNS, cells, strict=True))
    for name in ("code", "parent", "successor"):
        if not _CODE.fullmatch(row[name]) and (row[name] or name == "code"):
            raise BadLine(f"{name} is two to eight digits or capitals")
    if row["kind"] not in KINDS:
        raise BadLine(f"kind is one of {', '.join(KINDS)}")
    if not row["name"] or any(len(cell) > LONGEST or not cell.isprintable() for cell in cells):
        raise BadLine(f"a name is needed, and no cell is longer than {LONGEST} characters or holds control characters")
    opens, ends = _day("valid_from", row["valid_from"]), _day("valid_to", row["valid_to"])
    if opens and ends and ends < opens:
        raise BadLine("valid_to is before valid_from")
    if row["code"] in (row["parent"], row["successor"]):
        raise BadLine("an agency is beneath itself or its own successor")
    plain = {name: row[name] for name in ("code", "name", "kind", "address", "phone")}
    parent, successor = row["parent"] or None, row["successor"] or None
    return Agency(**plain, parent=parent, valid_from=opens, valid_to=ends, successor=successor)


def _day(name: str, text: str) -> date | None:
    for writing in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, writing).date() if text else None
        except ValueError:
            continue
    raise BadLine(f"{name} is a day such as 2025-07-01")


def _drop_loose(good: dict[str, tuple[int, Agency]], known: Mapping[str, Agency]) -> Iterable[tuple[int, str]]:
    """Remove agencies whose parent does not exist or leads in a circle, and everything below them."""
    complaints: list[tuple[int, str]] = []
    while True:
        together = {**known, **{code: agency for code, (_, agency) in good.items()}}
        loose = {code: why for code, (_, agency) in good.items() if (why := _wrong(agency, together))}
        if not loose:
            return complaints
        complaints += [(good.pop(code)[0], why) for code, why in loose.items()]


def _wrong(agency: Agency, together: Mapping[str, Agency]) -> str:
    for name in ("parent", "successor"):
        seen, code = {agency.code}, getattr(agency, name)
        while code:
            if code not in together:
                return f"{name} {code} does not exist" if code == getattr(agency, name) else ""
            if code in seen:
                return f"{name} goes in a circle"
            seen.add(code)
            code = getattr(together[code], name)
        if name == "successor" and len(seen) > MOST_SUCCESSORS:
            return f"more than {MOST_SUCCESSORS} successors after each other"
    return ""
