"""`idp accounts import`: many accounts at once, in batches, from a file with one person per line."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.cli.people_file import BadPerson, read_person
from config.container import Container
from config.stores import Stores
from idp.accounts.account import Account
from idp.accounts.legacy_hashes import LegacyHash, UnreadableHash, read_legacy_hash
from idp.accounts.passwords import Passwords
from idp.accounts.people import IdentifierTaken
from idp.ports import Event

BATCH, COMPLAINTS, LONGEST_LINE = 1000, 50, 16_384
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,6}),t=([0-9]{1,2}),p=[0-9]\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}", re.ASCII
)
"""A hash as stored by `idp`, adopted unchanged: rehashing millions of passwords would take too long."""
MOST_WORK = 262_144
"""KiB times passes of one hash, about seven times today's: a login has to wait for it, and others for a place."""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A line of the file: an account, and its hash of another system, if any; or what is wrong with it."""

    number: int
    account: Account | None = None
    complaint: str = ""
    legacy: LegacyHash | None = None


@click.command("import")
@click.argument("file", type=click.File("rb"))
@reasoned
@as_json
@reports_errors
def import_(file: BinaryIO, reason: str, as_json: bool) -> None:
    """Open accounts from FILE ("-": standard input): JSON Lines, each a person as `idp accounts load` takes them.

    A `password_hash` as this provider stores it is taken over instead of a password. One of another system
    (docs/import.md lists the formats) is wrapped in Argon2id, never stored itself, and replaced at the person's next
    login. People who already have an account are left as they are, so an interrupted import can be run again. Good
    lines are kept; bad ones are reported by line number, and the command ends with 1.

    Example: idp accounts import people.jsonl --reason "accounts of the portal before"
    """
    base = opened_stores()
    hasher = Container(base).accounts.passwords
    counts = dict.fromkeys(("read", "added", "known", "refused"), 0)
    complaints: list[str] = []
    lines = read_lines(file, base.clock())
    try:
        while batch := list(islice(lines, BATCH)):
            add_batch(base, hasher, batch, counts)
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


def add_batch(base: Stores, hasher: Passwords, batch: list[AccountLine], counts: dict[str, int]) -> None:
    """Write the good lines of a batch in one transaction, and count all. Raises `IdentifierTaken`, `Busy`."""
    good = [line for line in batch if line.account]
    accounts = list(_wrapped(base, hasher, good))
    added = len(accounts) - len(base.people.add_many(accounts))
    counts["read"] += len(batch)
    counts["known"] += len(good) - added
    counts["added"] += added
    counts["refused"] += len(batch) - len(good)


def _wrapped(base: Stores, hasher: Passwords, lines: list[AccountLine]) -> Iterator[Account]:
    """The accounts with their hashes, before the transaction: each costs a hash, so those that are known are left."""
    taken = base.people.taken([line.account for line in lines if line.account and line.legacy])
    for account, legacy in ((line.account, line.legacy) for line in lines):
        if account and legacy is None:
            yield account
        elif account and legacy and not taken & {(held.kind, held.value) for held in account.identifiers}:
            yield replace(account, password_hash=hasher.wrap(legacy))


def read_lines(file: BinaryIO, now: float) -> Iterator[AccountLine]:
    """Every line that is not empty, each checked on its own; only one is held at a time."""
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
        return _with_hash(AccountLine(number, account), account, person.get("password_hash"), now)
    except BadPerson as error:
        return AccountLine(number, complaint=str(error))
    except (ValueError, RecursionError):
        return AccountLine(number, complaint="not JSON in UTF-8")


def _with_hash(line: AccountLine, account: Account, written: object, now: float) -> AccountLine:
    if written is None:
        return line
    if not isinstance(written, str):
        raise BadPerson("password_hash is a text")
    account = replace(account, password_changed_at=now)
    read = _HASH.fullmatch(written)
    if read is None:
        try:
            return replace(line, account=account, legacy=read_legacy_hash(written))
        except UnreadableHash as error:
            raise BadPerson(f"password_hash is {error}") from None
    if int(read[1]) * int(read[2]) > MOST_WORK:
        raise BadPerson("password_hash takes too long to check")
    return replace(line, account=replace(account, password_hash=written))
