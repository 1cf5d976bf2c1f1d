"""`idp agencies`: the offices that accept declarations. The list comes in a file; closed offices name a successor."""

from datetime import datetime
from typing import Any, BinaryIO

import click

from config.cli import output
from config.cli.agencies_file import BadAgenciesFile, read_agencies
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from idp.dates import local_day
from idp.officers.agencies import Agency
from idp.ports import Event

COMPLAINTS = 50
"""Maximum number of bad lines printed."""


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

    The first line names the columns: code, name, kind, parent, valid_from, valid_to, successor, address, phone.
    Known agencies are updated, none is deleted: an office that ends gets valid_to and a successor, who takes over
    what was sent to it. Good lines are kept; bad ones are reported by line number, and the command ends with 1.

    Example: idp agencies import agencies.csv --reason "merger of July"
    """
    base = opened_stores()
    store = base.agencies
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
@click.option("--at", type=click.DateTime(["%Y-%m-%d"]), help="Agencies of that day; default: today.")
@as_json
@reports_errors
def list_(at: datetime | None, as_json: bool) -> None:
    """List the agencies that take declarations.

    Example: idp agencies list --at 2025-06-30
    """
    base = opened_stores()
    day = at.date() if at else local_day(base.clock())
    rows = [agency_facts(agency) for agency in base.agencies.tree().open(day)]
    output.as_json(rows) if as_json else output.table(rows, ("code", "kind", "parent", "name", "valid_to", "successor"))


def agency_facts(agency: Agency) -> dict[str, Any]:
    """An agency as shown in lists."""
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
