"""`idp db`: migrations, and the epoch that ends everything issued before."""

from pathlib import Path

import click

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


@click.group()
def db() -> None:
    """The database: migrations, epoch, moving to another."""


@db.command()
@as_json
@reports_errors
def upgrade(as_json: bool) -> None:
    """Bring the database to the newest revision.

    Example: idp db upgrade
    """
    try:
        database = open_database(settings())
    except BadSettings as error:
        stop(error.complaints, 2)
    before, after = migrate.upgrade(database)
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
