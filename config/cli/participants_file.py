"""Reads the register's file: CSV in UTF-8, one participant per line. Complaints about a line do not quote it.

Lines are read and checked one by one, so that a stray quote spoils one line, whatever the file's size.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from idp.accounts.participants import COLUMNS, BadParticipant, Participant

LONGEST_LINE = 8192
_BOM, _UTF_16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z_ ]{0,31}")


class BadParticipantsFile(ValueError):
    """The file cannot be read at all."""


@dataclass(frozen=True, slots=True)
class ParticipantLine:
    """A line of the file, by its number: a participant, or a complaint."""

    number: int
    participant: Participant | None = None
    complaint: str = ""


def read_participants(file: BinaryIO, *, today: date, now: float) -> Iterator[ParticipantLine]:
    """Every line after the first, which names the columns. Raises `BadParticipantsFile`."""
    lines = _lines(file)
    columns = _columns(next(lines, (1, b""))[1])
    for number, raw in lines:
        try:
            if cells := _cells(raw):
                yield ParticipantLine(number, Participant.read(_record(columns, cells), today=today, now=now))
        except BadParticipant as error:
            yield ParticipantLine(number, complaint=str(error))


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines; None for one that is too long; memory stays within the bound."""
    number = 0
    while raw := file.readline(LONGEST_LINE):
        number += 1
        whole = len(raw) < LONGEST_LINE or raw.endswith(b"\n")
        while len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            raw = file.readline(LONGEST_LINE)
        yield number, raw if whole else None


def _cells(raw: bytes | None) -> list[str]:
    if raw is None:
        raise BadParticipant(f"longer than {LONGEST_LINE} bytes")
    try:
        return next(csv.reader([raw.decode("utf-8")], strict=True), [])
    except UnicodeDecodeError:
        raise BadParticipant("not UTF-8") from None
    except csv.Error:
        raise BadParticipant("a quote or the end of the line is in the wrong place") from None


def _record(columns: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(columns):
        raise BadParticipant(f"{len(cells)} columns instead of {len(columns)}")
    return dict(zip(columns, cells, strict=True))


def _columns(raw: bytes | None) -> list[str]:
    """The columns named by the first line: all that we know, in any order, and no others."""
    if raw and raw.startswith(_UTF_16):
        raise BadParticipantsFile("the file is UTF-16: save it as UTF-8")
    try:
        named = [cell.strip().lower() for cell in _cells(raw.removeprefix(_BOM) if raw else raw)]
    except BadParticipant as error:
        raise BadParticipantsFile(f"line 1: {error}") from None
    if not set(named) & set(COLUMNS):
        # Perhaps the header is missing and this is a person's record, so nothing of it is repeated.
        raise BadParticipantsFile(f"line 1 must name the columns, with commas between them: {','.join(COLUMNS)}")
    unknown = [name if _COLUMN.fullmatch(name) else "(not a name)" for name in named if name not in COLUMNS]
    missing = [name for name in COLUMNS if name not in named]
    if unknown or missing:
        complaints = [("unknown columns", unknown), ("missing columns", missing)]
        raise BadParticipantsFile(
            "line 1: " + "; ".join(f"{what}: {', '.join(names)}" for what, names in complaints if names)
        )
    if len(named) != len(COLUMNS):
        raise BadParticipantsFile("line 1 names a column twice")
    return named
