"""`idp accounts`: open, list, close accounts, and load made-up people from a file."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from config.cli import output
from config.cli.accounts_import import import_
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.cli.people_file import BadPerson, read_person
from config.cli.phones import phones
from config.cli.records import read_records
from config.container import Container
from config.stores import Stores
from idp.accounts import identifiers, trust
from idp.accounts.account import Account, Kind
from idp.accounts.masking import masked_phone
from idp.accounts.passwords import Passwords
from idp.accounts.people import IdentifierTaken
from idp.accounts.phone import NotAMobileNumber, PhoneNumber
from idp.ports import Event


@click.group()
def accounts() -> None:
    """People and organisations."""


accounts.add_command(phones)
accounts.add_command(import_)


@accounts.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@reasoned
@as_json
@reports_errors
def load(file: Path, reason: str, as_json: bool) -> None:
    """Add the people of a JSON list who do not exist yet.

    Example: idp accounts load people.json --reason "made-up people"
    """
    base = opened_stores()
    hasher = Container(base).accounts.passwords
    added, complaints = 0, []
    for number, person in enumerate(read_records(file), 1):
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


def _add_unless_known(base: Stores, hasher: Passwords, person: Mapping[str, Any], reason: str) -> int:
    account, password = read_person(person, base.clock())
    if any(base.people.find_by_identifier(i.kind, i.value) for i in account.identifiers):
        return 0
    open_account(base, hasher, account, password, reason)
    return 1


def open_account(base: Stores, hasher: Passwords, account: Account, password: str | None, reason: str) -> None:
    """Write a new account with its hash, and the audit event."""
    hashed = hasher.hash(password) if password else None
    base.people.add(replace(account, password_hash=hashed, password_changed_at=base.clock() if hashed else None))
    base.audit.record(Event("account.added", account.id, facts={"kind": account.kind}, reason=reason))


@accounts.command()
@click.argument("name")
@click.option("--bhxh", help="BHXH code, 10 digits.")
@click.option("--cccd", help="CCCD number, 12 digits.")
@click.option("--unit", help="Unit code of an organisation.")
@click.option("--tax", help="Tax code of an organisation.")
@click.option("--phone", help="Mobile number, unverified.")
@click.option("--email", help="E-mail address, unverified.")
@click.option("--birth-date", help="YYYY-MM-DD or YYYY.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of prompting.")
@click.option("--temporary", is_flag=True, help="The password has to be changed at the first login.")
@reasoned
@as_json
@reports_errors
def add(name: str, password_stdin: bool, temporary: bool, reason: str, as_json: bool, **options: str | None) -> None:
    """Open an account. The password is never a command-line argument.

    Example: idp accounts add "Nguyễn Văn Thử" --bhxh 0012345678 --reason "desk 12"
    """
    base = opened_stores()
    identifiers = {kind: options[kind] for kind in ("bhxh", "cccd", "unit", "tax") if options[kind]}
    password = sys.stdin.readline().rstrip("\n") if password_stdin else click.prompt("Password", hide_input=True)
    person = {
        "kind": "organisation" if options["unit"] or options["tax"] else "individual",
        "name": name,
        "password": password,
        "identifiers": identifiers,
        "temporary": temporary,
        **{key: options[key] for key in ("phone", "email", "birth_date")},
    }
    try:
        account, typed = read_person(person, base.clock())
        open_account(base, Container(base).accounts.passwords, account, typed, reason)
    except (BadPerson, IdentifierTaken) as error:
        stop([f"not added: {error}"])
    output.as_json({"id": account.id}) if as_json else click.echo(f"added account {account.id}")


@accounts.command("list")
@click.option("--kind", type=click.Choice(["individual", "organisation"]), help="Only this kind.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
@reports_errors
def list_(kind: Kind | None, limit: int, as_json: bool) -> None:
    """List accounts, newest first; numbers and contact data are masked.

    Example: idp accounts list --kind organisation
    """
    base = opened_stores()
    rows = [account_facts(account, base.clock()) for account in base.people.search(kind=kind, limit=limit)]
    if as_json:
        output.as_json(rows)
    else:
        output.table(rows, ("id", "kind", "status", "name", "identifiers", "phone"))


@accounts.command()
@click.argument("who")
@as_json
@reports_errors
def show(who: str, as_json: bool) -> None:
    """Show one account, by id, BHXH code, CCCD, unit or tax code.

    Example: idp accounts show 0012345678
    """
    base = opened_stores()
    account = account_named(base, who)
    live = Container(base).login.sessions
    facts = account_facts(account, base.clock()) | {"sessions": len(live.of_account(account.id))}
    output.as_json(facts) if as_json else output.facts(facts)


@accounts.command()
@click.argument("who")
@reasoned
@reports_errors
def disable(who: str, reason: str) -> None:
    """Close an account; every session and token of it ends at once.

    Example: idp accounts disable 0012345678 --reason "reported stolen"
    """
    base = opened_stores()
    account = account_named(base, who)
    base.people.set_status(account.id, "disabled", base.clock())
    base.audit.record(Event("account.disabled", account.id, reason=reason))
    click.echo(f"account {account.id} is disabled; {_end_all(base, account.id)} sessions ended")


@accounts.command()
@click.argument("who")
@reasoned
@reports_errors
def enable(who: str, reason: str) -> None:
    """Open a closed account again.

    Example: idp accounts enable 0012345678 --reason "identity checked"
    """
    base = opened_stores()
    account = account_named(base, who)
    base.people.set_status(account.id, "active", base.clock())
    base.audit.record(Event("account.enabled", account.id, reason=reason))
    click.echo(f"account {account.id} is active")


@accounts.command("set-phone")
@click.argument("who")
@click.argument("phone")
@reasoned
@reports_errors
def set_phone(who: str, phone: str, reason: str) -> None:
    """Set an unverified mobile number; only a code sent to it, or an officer, verifies it.

    The previous number, if it was verified, and the mailbox are notified, and every session ends.

    Example: idp accounts set-phone 0012345678 0981234567 --reason "form at desk 12"
    """
    base = opened_stores()
    account = account_named(base, who)
    try:
        number = PhoneNumber.parse(phone)
    except NotAMobileNumber:
        stop(["that is no Vietnamese mobile number"])
    if not Container(base).accounts.credentials.set_number(account, number.e164, reason):
        stop(["the account was changed by somebody else at this moment; look at it and try again"])
    click.echo(f"account {account.id} has the unverified number {number.masked}; its sessions have ended")


@accounts.command("end-sessions")
@click.argument("who")
@reasoned
@reports_errors
def end_sessions(who: str, reason: str) -> None:
    """End every session of an account, and every refresh token with them.

    Example: idp accounts end-sessions 0012345678 --reason "owner called"
    """
    base = opened_stores()
    account = account_named(base, who)
    base.audit.record(Event("session.ended", account.id, reason=reason))
    click.echo(f"{_end_all(base, account.id)} sessions ended")


def _end_all(base: Stores, account_id: str) -> int:
    return len(base.sessions.end(account_id, sid=None, but=None, now=base.clock()))


def account_named(base: Stores, who: str) -> Account:
    """The account that `who` names; ends the command when there is none."""
    account = base.people.find(who) if len(who) == 32 else None
    kinds: tuple[Kind, ...] = ("individual", "organisation")
    for kind in kinds:
        read = identifiers.read(kind, who)
        account = account or (base.people.find_by_identifier(*read) if read else None)
    return account or stop(["there is no such account"])


def account_facts(account: Account, now: float) -> dict[str, Any]:
    """An account as operators see it: masked."""
    proved = {contact.channel for contact in trust.reachable(account, "claim", now)}
    return {
        "id": account.id,
        "kind": account.kind,
        "status": account.status,
        "name": account.name,
        "identifiers": ", ".join(f"{i.kind} {i.masked}" for i in account.identifiers),
        "phone": masked_phone(account.phone) if account.phone else None,
        "phone_verified": "sms" in proved,
        "email_verified": "email" in proved,
        "password_set": account.password_hash is not None,
        "password_temporary": account.password_temporary,
    }
