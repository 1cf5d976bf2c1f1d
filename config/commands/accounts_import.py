"""`idp accounts import`: many accounts at once, from a file with a person a line, in batches."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO

import click

from config.commands import output
from config.commands.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.people_file import BadPerson, read_person
from config.stores import Stores
from idp.accounts.account import Account
from idp.accounts.people import IdentifierTaken
from idp.ports import Event

BATCH, COMPLAINTS, LONGEST_LINE = 1000, 50, 16_384
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,6}),t=([0-9]{1,2}),p=[0-9]\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}", re.ASCII
)
"""As `idp` stores one: taken over as it is, because nobody could hash millions of passwords again."""
MOST_WORK = 262_144
"""KiB times passes of one hash, some seven times that of today: a login has to wait for it, and others for a place."""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A line of the file: an account, or what is wrong with it."""

    number: int
    account: Account | None = None
    complaint: str = ""


@click.command("import")
@click.argument("file", type=click.File("rb"))
@reasoned
@as_json
@reports_errors
def import_(file: BinaryIO, reason: str, as_json: bool) -> None:
    """Open accounts from FILE ("-": standard input): JSON Lines, each a person as `idp accounts load` takes them.

    A `password_hash` as this provider stores it is taken over instead of a password. Whoever has an account already is
    left as they are, so an interrupted import can be run again. Good lines are kept; bad ones are told by number, and
    the command ends with 1.

    Example: idp accounts import people.jsonl --reason "accounts of the portal before"
    """
    base = opened_stores()
    counts = dict.fromkeys(("read", "added", "known", "refused"), 0)
    complaints: list[str] = []
    lines = read_lines(file, base.clock())
    try:
        while batch := list(islice(lines, BATCH)):
            _write(base, batch, counts)
            bad = [line for line in batch if line.account is None]
            complaints += [f"line {line.number}: {line.complaint}" for line in bad[: COMPLAINTS - len(complaints)]]
    except IdentifierTaken:
        stop([f"line {counts['read']} and after: somebody opened one of these accounts meanwhile; run it again"])
    finally:
        if counts["read"]:
            base.audit.record(Event("accounts.imported", facts=counts, reason=reason))
    output.as_json(counts) if as_json else click.echo(", ".join(f"{n} {name}" for name, n in counts.items()))
    if counts["refused"]:
        stop([*complaints, f"{counts['refused']} lines were refused"])


def _write(base: Stores, batch: list[AccountLine], counts: dict[str, int]) -> None:
    accounts = [line.account for line in batch if line.account]
    known = base.people.add_many(accounts)
    counts["read"] += len(batch)
    counts["known"] += len(known)
    counts["added"] += len(accounts) - len(known)
    counts["refused"] += len(batch) - len(accounts)


def read_lines(file: BinaryIO, now: float) -> Iterator[AccountLine]:
    """Every line that is not empty, each judged by itself; no more than one is held."""
    number = 0
    while raw := file.readline(LONGEST_LINE):
        number += 1
        whole = len(raw) < LONGEST_LINE or raw.endswith(b"\n")
        while len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            raw = file.readline(LONGEST_LINE)
        if not whole:
            yield AccountLine(number, complaint=f"longer than {LONGEST_LINE} bytes")
        elif raw.strip():
            yield _line(number, raw, now)


def _line(number: int, raw: bytes, now: float) -> AccountLine:
    try:
        person = json.loads(raw)
        if not isinstance(person, dict):
            raise BadPerson("not a JSON object")
        if person.get("password"):
            raise BadPerson("give a password_hash, not a password")
        account, _ = read_person(person, now)
        return AccountLine(number, _with_hash(account, person.get("password_hash"), now))
    except BadPerson as error:
        return AccountLine(number, complaint=str(error))
    except (ValueError, RecursionError):
        return AccountLine(number, complaint="not JSON in UTF-8")


def _with_hash(account: Account, given: object, now: float) -> Account:
    if given is None:
        return account
    read = _HASH.fullmatch(given) if isinstance(given, str) else None
    if read is None or not isinstance(given, str):
        raise BadPerson("password_hash is none of this provider's (Argon2id)")
    if int(read[1]) * int(read[2]) > MOST_WORK:
        raise BadPerson("password_hash takes too long to check")
    return replace(account, password_hash=given, password_changed_at=now)
