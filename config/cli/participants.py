"""`idp participants`: insured people. The register is imported from files; its entries are shown masked."""

import csv
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, BinaryIO, TextIO

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.cli.participants_file import BadParticipantsFile, ParticipantLine, read_participants
from config.stores import Stores
from idp.accounts import identifiers
from idp.accounts.account import Identifier
from idp.accounts.masking import masked_name
from idp.accounts.participants import Participant
from idp.dates import local_day
from idp.ports import Event

BATCH, COMPLAINTS = 2000, 50
"""Lines written per batch, and maximum number of complaints printed."""


@click.group()
def participants() -> None:
    """Participants: who is insured, whether or not they have an account."""


@participants.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--rejects", type=click.File("x", encoding="utf-8"), help="CSV file to create with the rejected lines.")
@reasoned
@as_json
@reports_errors
def import_(file: BinaryIO, rejects: TextIO | None, reason: str, as_json: bool) -> None:
    """Read participants from a CSV file, or from standard input when FILE is "-".

    The first line names the columns: bhxh_code, name, birth_date, citizen_number, phone. Known participants are
    updated. Good lines are kept; bad ones are reported by line number, and the command ends with 1. An interrupted
    import can simply be run again.

    Example: idp participants import register.csv --rejects bad.csv --reason "register of November"
    """
    base, refused = opened_stores(), _Refused(rejects)
    now = base.clock()
    lines = read_participants(file, today=local_day(now), now=now)
    counts = dict.fromkeys(("read", "written", "unchanged", "rejected"), 0)
    try:
        with _progress(file) as bar:
            for _ in _written(base, lines, counts, refused):
                bar.update(file.tell() - bar.pos if bar.length else 0)
    except BadParticipantsFile as error:
        stop([str(error)])
    finally:
        if counts["read"]:
            base.audit.record(Event("participants.imported", facts=counts, reason=reason))
    output.as_json(counts) if as_json else click.echo(", ".join(f"{n} {name}" for name, n in counts.items()))
    if counts["rejected"]:
        stop(refused.complaints())


def _written(
    base: Stores, lines: Iterator[ParticipantLine], counts: dict[str, int], refused: "_Refused"
) -> Iterator[None]:
    """Write the lines in batches, each in its own transaction, and count them."""
    register = base.participants
    while batch := list(islice(lines, BATCH)):
        good = [line.participant for line in batch if line.participant]
        refused.add(line for line in batch if not line.participant)
        done = register.put(good)
        for name, more in zip(counts, (len(batch), done.written, done.unchanged, len(batch) - len(good)), strict=True):
            counts[name] += more
        yield


class _Refused:
    """The refused lines and reasons: the first few for the terminal, all of them for a file."""

    def __init__(self, rejects: TextIO | None) -> None:
        self._file = csv.writer(rejects) if rejects else None
        self._first: list[str] = []
        self._count = 0
        if self._file:
            self._file.writerow(("line", "reason"))

    def add(self, lines: Iterable[ParticipantLine]) -> None:
        for line in lines:
            self._count += 1
            if self._file:
                self._file.writerow((line.number, line.complaint))
            elif len(self._first) < COMPLAINTS:
                self._first.append(f"line {line.number}: {line.complaint}")

    def complaints(self) -> list[str]:
        """The complaints to print."""
        more = self._count - len(self._first)
        if self._file:
            return [f"{self._count} lines were refused; the file of rejects says why"]
        return [*self._first, *([f"and {more} lines more; --rejects keeps them all"] if more else [])]


def _progress(file: BinaryIO) -> AbstractContextManager[Any]:
    """A progress bar over the bytes of the file, if there is a terminal and the size is known."""
    size = 0
    if file.seekable():
        size = file.seek(0, 2)
        file.seek(0)
    return click.progressbar(length=size, label="Importing", file=sys.stderr, hidden=not (size and sys.stderr.isatty()))


@participants.command()
@click.argument("code")
@as_json
@reports_errors
def show(code: str, as_json: bool) -> None:
    """Show the register's entry for a BHXH code, masked.

    Example: idp participants show 0012345678
    """
    read = identifiers.read("individual", code)
    participant = opened_stores().participants.find(read[1]) if read and read[0] == "bhxh" else None
    if participant is None:
        stop(["the register has no such code"])
    output.as_json(participant_facts(participant)) if as_json else output.facts(participant_facts(participant))


@participants.command()
@as_json
@reports_errors
def count(as_json: bool) -> None:
    """Count the participants.

    Example: idp participants count
    """
    number = opened_stores().participants.count()
    output.as_json({"participants": number}) if as_json else click.echo(number)


def participant_facts(participant: Participant) -> dict[str, Any]:
    """A participant as operators see them."""
    number = participant.citizen_number
    return {
        "bhxh_code": Identifier("bhxh", participant.bhxh_code, 0).masked,
        "name": masked_name(participant.name),
        "birth_year": participant.birth_date.year if participant.birth_date else None,
        "citizen_number": Identifier("cccd", number, 0).masked if number else None,
        "phone": participant.phone.masked if participant.phone else None,
        "updated": datetime.fromtimestamp(participant.updated_at, UTC).isoformat(timespec="seconds"),
    }
