"""`idp accounts`: open, list, close accounts, and load made-up people from a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from config.commands import output
from config.commands.context import as_json, foundation, reasoned, stop, told
from config.people_file import BadPerson, read_person
from config.wiring import Foundation, passwords_of
from idp.accounts.account import Account
from idp.accounts.passwords import Passwords
from idp.accounts.people import IdentifierTaken
from idp.ports import Event


@click.group()
def accounts() -> None:
    """People and organisations."""


@accounts.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@reasoned
@as_json
@told
def load(file: Path, reason: str, as_json: bool) -> None:
    """Add the people of a JSON list who do not exist yet.

    Example: idp accounts load people.json --reason "made-up people"
    """
    base = foundation()
    hasher = passwords_of(base.settings, base.secrets)
    added, complaints = 0, []
    for number, person in enumerate(_list(file), 1):
        try:
            added += _add_unless_known(base, hasher, person, reason)
        except (BadPerson, IdentifierTaken) as error:
            complaints.append(f"person {number}: {error}")
    if as_json:
        output.as_json({"added": added, "refused": complaints})
    else:
        click.echo(f"{added} accounts added")
    if complaints:
        stop(complaints)


def _list(file: Path) -> list[Mapping[str, Any]]:
    try:
        people = json.loads(file.read_text())
    except ValueError as error:
        stop([f"{file}: {error}"])
    if not isinstance(people, list):
        stop([f"{file}: not a list"])
    return people


def _add_unless_known(base: Foundation, hasher: Passwords, person: Mapping[str, Any], reason: str) -> int:
    account, password = read_person(person, base.clock())
    if any(base.people.find_by_identifier(i.kind, i.value) for i in account.identifiers):
        return 0
    add(base, hasher, account, password, reason)
    return 1


def add(base: Foundation, hasher: Passwords, account: Account, password: str | None, reason: str) -> None:
    """Write a new account with its hash, and the audit event."""
    from dataclasses import replace

    hashed = hasher.hash(password) if password else None
    base.audit.record(Event("account.added", account.id, facts={"kind": account.kind}, reason=reason))
    base.people.add(replace(account, password_hash=hashed, password_changed_at=base.clock() if hashed else None))
