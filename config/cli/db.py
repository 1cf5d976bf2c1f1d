"""`idp db`: migrations and their state, and the epoch that ends everything issued before."""

import sys
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError

from config import migrate
from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, settings, stop
from config.key_stores import open_database
from config.schema import all_tables
from config.settings import BadSettings
from config.witness import Witness
from idp.ports import Event
from idp.store.copying import copy_all
from idp.store.counters import bump_epoch
from idp.store.database import Database

LOCK_NOT_AVAILABLE = "55P03"
LONG_READS = "end what reads it for long (pg_stat_activity), and try again"


@click.group()
def db() -> None:
    """The database: migrations, epoch, moving to another."""


def _database() -> Database:
    try:
        return open_database(settings())
    except BadSettings as error:
        stop(error.complaints, 2)


@db.command()
@as_json
@reports_errors
def status(as_json: bool) -> None:
    """Print the revision of the database, what `upgrade` would do, and which releases run on it.

    Example: idp db status
    """
    database = _database()
    schema, pending = migrate.schema(database), migrate.pending(database)
    facts = {**asdict(schema), "runs": schema.runs, "pending": [f"{revision} {what}" for revision, what in pending]}
    output.as_json(facts) if as_json else output.facts(facts)
    if not schema.runs:
        click.echo(schema.remedy, err=True)


@db.command()
@click.option("--check", is_flag=True, help="Print which migrations would run, and change nothing; status 1 if any.")
@as_json
@reports_errors
def upgrade(check: bool, as_json: bool) -> None:
    """Bring the database to the newest revision. The release before goes on running, and may be restarted.

    Example: idp db upgrade
    """
    database = _database()
    if check:
        pending = [f"{revision} {what}" for revision, what in migrate.pending(database)]
        output.as_json({"pending": pending}) if as_json else click.echo("\n".join(pending) or "nothing to do")
        sys.exit(1 if pending else 0)
    try:
        before, after = migrate.upgrade(database)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", "") != LOCK_NOT_AVAILABLE:
            raise
        stop([f"a table stayed locked for {migrate.LOCK_TIMEOUT} s, and nothing was changed: {LONG_READS}"])
    if as_json:
        output.as_json({"before": before, "after": after})
    else:
        click.echo(f"database is at {after}" if before == after else f"database went from {before} to {after}")


@db.command()
@click.option("--from", "source", required=True, help="URL to copy from.")
@click.option("--to", "target", required=True, help="URL to copy to; must be empty.")
@as_json
@reports_errors
def copy(source: str, target: str, as_json: bool) -> None:
    """Move a small installation to another database, for example from SQLite to PostgreSQL. Stop the server first.

    Example: idp db copy --from sqlite:///data/idp.db --to postgresql://idp@localhost/idp
    """
    if source.startswith("sqlite:///") and not Path(source.removeprefix("sqlite:///")).is_file():
        stop([f"there is no database {source}"])
    try:
        origin, goal = Database(source), Database(target, statement_timeout=None)
    except ValueError as error:
        stop([str(error)], 2)
    if migrate.current(origin) != migrate.newest():
        stop(["the source is not at the newest revision: run `idp db upgrade` on it"])
    if migrate.current(goal) is not None:
        stop(["the target is not empty"])
    migrate.upgrade(goal)
    rows = copy_all(origin, goal, all_tables())
    output.as_json(rows) if as_json else output.facts(rows)


@db.group()
def epoch() -> None:
    """The epoch: whatever was issued before it is invalid."""


@epoch.command("bump")
@reasoned
@as_json
@reports_errors
def bump(reason: str, as_json: bool) -> None:
    """End every session, refresh family and grant that exists now.

    Needed after a restored backup, which may have forgotten revocations.

    Example: idp db epoch bump --reason "restored backup of 3 May"
    """
    base = opened_stores()
    moment = bump_epoch(base.database, base.clock())
    base.audit.record(Event("epoch.bumped", reason=reason))
    base.trail.seal()
    Witness(base.settings.data_dir).write(base.trail.head(), moment)
    output.as_json({"epoch": moment}) if as_json else click.echo(f"everything issued before {moment} is ended")
