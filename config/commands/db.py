"""`idp db`: migrations, and the epoch that ends everything issued before."""

import click

from config import migrate
from config.commands import output
from config.commands.context import as_json, foundation, reasoned, settings, stop, told
from config.housekeeping import Witness
from config.settings import BadSettings
from config.wiring import open_database
from idp.ports import Event
from idp.store.counters import bump_epoch


@click.group()
def db() -> None:
    """The database: migrations, epoch, moving to another."""


@db.command()
@as_json
@told
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


@db.group()
def epoch() -> None:
    """The moment before which nothing that was issued counts."""


@epoch.command("bump")
@reasoned
@as_json
@told
def bump(reason: str, as_json: bool) -> None:
    """End every session, refresh family and grant that exists now.

    Needed after a restored backup, which may have forgotten revocations.

    Example: idp db epoch bump --reason "restored backup of 3 May"
    """
    base = foundation()
    moment = bump_epoch(base.database, base.clock())
    base.audit.record(Event("epoch.bumped", reason=reason))
    base.trail.seal()
    Witness(base.settings.data_dir).write(base.trail.last_number())
    output.as_json({"epoch": moment}) if as_json else click.echo(f"everything issued before {moment} is ended")
