"""`idp officers`: who decides at the desk, and what each officer may do in which agency."""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.cli.records import read_records
from config.container import Container
from config.stores import Stores
from idp.accounts import identifiers
from idp.officers.officers import RIGHTS, BadOfficer, Lock, Officer, Own, Right, Roster, invitation_digest
from idp.ports import Event

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def officers() -> None:
    """Officers of the desk: accounts, rights, invitations."""


def _explained(command: F) -> F:
    """Adds the options of every change, and turns `BadOfficer` into one line."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except BadOfficer as error:
            stop([str(error)])

    return reasoned(as_json(reports_errors(run)))  # type: ignore[return-value]


def _own_options(command: F) -> F:
    foreigner = "Has no citizen number, as you checked: such an officer decides nothing alone."
    for option in (
        click.option("--foreigner", is_flag=True, help=foreigner),
        click.option("--citizen-number", help="The officer's own CCCD number."),
        click.option("--bhxh-code", help="The officer's own BHXH code: nobody decides about oneself."),
    ):
        command = option(command)
    return command


@officers.command()
@click.argument("login")
@click.option("--name", required=True, help="The officer's name.")
@_own_options
@_explained
def add(login: str, name: str, reason: str, as_json: bool, **own: Any) -> None:
    """Open an officer's account without any right, and print the link that sets password and second factor.

    Example: idp officers add lan.nguyen --name "Nguyễn Thị Lan" --bhxh-code 0012345678 --reason "desk 12"
    """
    base = _with_console()
    roster = Container(base).officers.roster
    _show_link(base, roster, roster.add(login, name, reason, _own(base, **own)), reason, as_json)


@officers.command()
@click.argument("login")
@_own_options
@_explained
def identify(login: str, reason: str, as_json: bool, **own: Any) -> None:
    """Record the officer's own numbers; without both an officer cannot decide alone.

    Example: idp officers identify lan.nguyen --bhxh-code 0012345678 --citizen-number 001090123456 --reason "desk 12"
    """
    base = opened_stores()
    roster = Container(base).officers.roster
    _say(roster.identify(roster.find(login), _own(base, **own), reason), as_json)


def _own(base: Stores, bhxh_code: str | None, citizen_number: str | None, *, foreigner: bool) -> Own:
    """An officer's own numbers: a missing one is taken from the register of participants."""
    code, number, register = _read("bhxh", bhxh_code), _read("cccd", citizen_number), base.participants
    known = register.find(code) if code else register.find_by_citizen_number(number) if number else None
    return Own(
        code or (known.bhxh_code if known else None), number or (known.citizen_number if known else None), foreigner
    )


@officers.command()
@click.argument("login")
@_explained
def invite(login: str, reason: str, as_json: bool) -> None:
    """Print a new link for an officer who has no password yet; it works once, within an hour.

    Example: idp officers invite lan.nguyen --reason "the link was over"
    """
    base = _with_console()
    roster = Container(base).officers.roster
    _show_link(base, roster, roster.find(login), reason, as_json)


@officers.command()
@click.argument("login")
@_explained
def reset(login: str, reason: str, as_json: bool) -> None:
    """Remove password and second factor, end every session, and print a new link.

    Example: idp officers reset lan.nguyen --reason "phone lost"
    """
    base = _with_console()
    roster = Container(base).officers.roster
    _show_link(base, roster, roster.find(login), reason, as_json, reset=True)


@officers.command(hidden=True)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@reasoned
@reports_errors
def load(file: Path, reason: str) -> None:
    """Add made-up officers with passwords and secrets that anybody may read; refused in production.

    Example: idp officers load officers.json --reason "sandbox"
    """
    base = opened_stores()
    if base.settings.is_production:
        stop(["officers whose secrets stand in a file are for development only"])
    for record in read_records(file):
        known = base.officers.find_by_login(str(record["login"]))
        if known is None:
            _load(base, record, reason)
        elif not known.is_known:
            Container(base).officers.roster.identify(known, _of(record), reason)


def _load(base: Stores, record: Mapping[str, Any], reason: str) -> None:
    roster, hasher = Container(base).officers.roster, Container(base).accounts.passwords
    officer = roster.add(record["login"], record["name"], reason, _of(record))
    for agency, right in record["rights"]:
        officer = roster.grant(officer, agency, right, reason)
    invitation = invitation_digest(roster.invite(officer, reason))
    lock = Lock(hasher.hash(record["password"]), record["totp_secret"], 0)
    event = Event("officer.changed", facts={"officer": officer.login, "what": "enrolled"}, reason=reason)
    base.officers.enrol(invitation, officer, lock, event, base.clock())


def _of(record: Mapping[str, Any]) -> Own:
    return Own(record["bhxh_code"], record["citizen_number"])


@officers.command("list")
@as_json
@reports_errors
def list_(as_json: bool) -> None:
    """List officers with their rights.

    Example: idp officers list
    """
    rows = [officer_facts(officer) for officer in Container(opened_stores()).officers.roster.all()]
    output.as_json(rows) if as_json else output.table(rows, ("login", "name", "status", "person", "rights"))


def _right_options(command: F) -> F:
    agency = click.option("--agency", required=True, help='Code of an agency, with all beneath it; "*" is everywhere.')
    right = click.option("--right", required=True, type=click.Choice(RIGHTS), help="The right to grant or revoke.")
    return agency(right(command))


@officers.command()
@click.argument("login")
@_right_options
@_explained
def grant(login: str, agency: str, right: Right, reason: str, as_json: bool) -> None:
    """Grant a right in an agency and all agencies below it.

    Example: idp officers grant lan.nguyen --agency 07906 --right decide --reason "desk 12"
    """
    roster = Container(opened_stores()).officers.roster
    _say(roster.grant(roster.find(login), agency, right, reason), as_json)


@officers.command()
@click.argument("login")
@_right_options
@_explained
def revoke(login: str, agency: str, right: Right, reason: str, as_json: bool) -> None:
    """Revoke a right, with immediate effect.

    Example: idp officers revoke lan.nguyen --agency 07906 --right decide --reason "moved"
    """
    roster = Container(opened_stores()).officers.roster
    _say(roster.revoke(roster.find(login), agency, right, reason), as_json)


@officers.command()
@click.argument("login")
@_explained
def disable(login: str, reason: str, as_json: bool) -> None:
    """Close an officer's account; every session ends at once.

    Example: idp officers disable lan.nguyen --reason "left"
    """
    roster = Container(opened_stores()).officers.roster
    _say(roster.disable(roster.find(login), reason), as_json)


@officers.command()
@click.argument("login")
@_explained
def enable(login: str, reason: str, as_json: bool) -> None:
    """Open a closed officer's account again.

    Example: idp officers enable lan.nguyen --reason "is back"
    """
    roster = Container(opened_stores()).officers.roster
    _say(roster.enable(roster.find(login), reason), as_json)


def _with_console() -> Stores:
    base = opened_stores()
    return base if base.settings.officers_url else stop(["officers.url: there is no console; give it an address first"])


def _show_link(
    base: Stores, roster: Roster, officer: Officer, reason: str, as_json: bool, *, reset: bool = False
) -> None:
    url = f"{base.settings.officers_url}/invitation/{roster.invite(officer, reason, reset=reset)}"
    if as_json:
        output.as_json(officer_facts(officer) | {"link": url})
    else:
        click.echo(f"{officer.login} sets password and second factor here, once, within an hour:\n{url}")


def _say(officer: Officer, as_json: bool) -> None:
    output.as_json(officer_facts(officer)) if as_json else output.facts(officer_facts(officer))


def _read(kind: str, value: str | None) -> str | None:
    read = identifiers.read("individual", value) if value else None
    if value and (read is None or read[0] != kind):
        stop([f"{'--bhxh-code' if kind == 'bhxh' else '--citizen-number'}: that is no such number"])
    return read[1] if read else None


def officer_facts(officer: Officer) -> dict[str, Any]:
    """An officer as operators see them."""
    rights = ", ".join(f"{right}@{agency}" for agency, right in sorted(officer.rights))
    who = "foreigner" if officer.foreigner else "known" if officer.is_known else "numbers missing"
    return {"login": officer.login, "name": officer.name, "status": officer.status, "person": who, "rights": rights}
