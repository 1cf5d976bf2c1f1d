"""`idp agencies`: the offices that take declarations. The list comes in a file; offices that end name a successor."""

from datetime import datetime
from typing import Any, BinaryIO

import click

from config.agencies_file import BadAgenciesFile, read_agencies
from config.commands import output
from config.commands.context import as_json, opened_stores, reasoned, reports_errors, stop
from idp.accounts.password_rules import VIETNAM
from idp.desk.agencies import Agency
from idp.ports import Event
from idp.store.agencies import SqlAgencies

COMPLAINTS = 50
"""How many bad lines are printed at most."""


@click.group()
def agencies() -> None:
    """Agencies: the offices that take declarations."""


@agencies.command("import")
@click.argument("file", type=click.File("rb"))
@reasoned
@as_json
@reports_errors
def import_(file: BinaryIO, reason: str, as_json: bool) -> None:
    """Read agencies from a CSV file, or from standard input when FILE is "-".

    The first line names the columns: code, name, kind, parent, valid_from, valid_to, successor, address, phone. What is
    known already is brought up to date, nothing is deleted: an office that ends gets valid_to and a successor, who
    takes over what was sent to it. Good lines are kept; bad ones are told by number, and the command ends with 1.

    Example: idp agencies import agencies.csv --reason "merger of July"
    """
    base = opened_stores()
    store = SqlAgencies(base.database, base.clock)
    tree = store.tree()
    try:
        read = read_agencies(file, tree.by_code)
    except BadAgenciesFile as error:
        stop([str(error)])
    counts = {"read": read.lines, "written": store.put(read.agencies), "rejected": len(read.complaints)}
    base.audit.record(Event("agencies.imported", facts=counts, reason=reason))
    output.as_json(counts) if as_json else click.echo(", ".join(f"{n} {name}" for name, n in counts.items()))
    if read.complaints:
        more = len(read.complaints) - COMPLAINTS
        lines = [f"line {number}: {why}" for number, why in read.complaints[:COMPLAINTS]]
        stop([*lines, *([f"and {more} lines more"] if more > 0 else [])])


@agencies.command("list")
@click.option("--at", type=click.DateTime(["%Y-%m-%d"]), help="Those of that day; today when it is not given.")
@as_json
@reports_errors
def list_(at: datetime | None, as_json: bool) -> None:
    """List the agencies that take declarations.

    Example: idp agencies list --at 2025-06-30
    """
    base = opened_stores()
    day = at.date() if at else datetime.fromtimestamp(base.clock(), VIETNAM).date()
    rows = [shown(agency) for agency in SqlAgencies(base.database, base.clock).tree().open(day)]
    output.as_json(rows) if as_json else output.table(rows, ("code", "kind", "parent", "name", "valid_to", "successor"))


def shown(agency: Agency) -> dict[str, Any]:
    """An agency as it is listed."""
    return {
        "code": agency.code,
        "kind": agency.kind,
        "parent": agency.parent,
        "name": agency.name,
        "valid_from": agency.valid_from,
        "valid_to": agency.valid_to,
        "successor": agency.successor,
        "address": agency.address,
        "phone": agency.phone,
    }
