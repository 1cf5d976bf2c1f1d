"""Migrations: Alembic on our own connection, for SQLite and PostgreSQL, one machine at a time.

Only a migration loads Alembic: every start reads the revision, and loading Alembic would make that a third slower.

A migration only adds (expand); what no release uses any more is removed by one of a later release (contract). So the
release before runs on a newer database, and may be restarted there. How far back that holds each migration says by
`runs_with`: the newest revision that a release has to know at least. The database keeps that number, because the old
release cannot read the new migration.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from idp.store.counters import put_in, read_counter
from idp.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent / "migrations"
RUNS_WITH = "schema_runs_with"
LOCK_TIMEOUT = 5
"""Seconds that a migration waits for a table: behind one that waits longer every request would wait."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The revision of the database (None: empty), the newest that this release knows, and what the database admits.

    `runs_with` is the revision that a release has to know at least to run on this database.
    """

    current: str | None
    newest: str
    runs_with: str

    @property
    def runs(self) -> bool:
        """Whether this release runs on the database."""
        return self.current is not None and self.runs_with <= self.newest <= self.current

    @property
    def remedy(self) -> str:
        """What to do when it does not run."""
        if self.current is None or self.current < self.newest:
            at = "is empty" if self.current is None else f"is at {self.current}"
            return f"the database {at} and this release needs {self.newest}: run `idp db upgrade`"
        return (
            f"the database is at {self.current}, on which only releases run that know {self.runs_with}; this one knows "
            f"{self.newest}: start the newer release"
        )


def schema(database: Database) -> Schema:
    """The state of the database for this release."""
    at, known = current(database), newest()
    if at is None or at <= known:
        return Schema(at, known, at or known)
    runs_with = read_counter(database, RUNS_WITH)
    # A release that wrote no number lets no older one run.
    return Schema(at, known, f"{runs_with:04d}" if runs_with else at)


def upgrade(database: Database, lock_timeout: float = LOCK_TIMEOUT) -> tuple[str | None, str]:
    """Upgrade the database to the newest revision; returns (before, after). Safe from many machines at once.

    Raises `sqlalchemy.exc.OperationalError` when a table stays locked for `lock_timeout` seconds; nothing is changed
    then.
    """
    from alembic import command
    from alembic.script import ScriptDirectory

    with database.transaction.begin() as connection:
        database.lengthen(connection, 0)
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7266002)"))
            connection.execute(text(f"SET LOCAL lock_timeout = {int(lock_timeout * 1000)}"))
        before = _revision(connection)
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        head = ScriptDirectory.from_config(config).get_revision("head")
        put_in(connection, RUNS_WITH, int(head.module.runs_with))
    return before, newest()


def pending(database: Database) -> list[tuple[str, str]]:
    """The migrations that `upgrade` would run, in their order: revision and what it does."""
    from alembic.script import ScriptDirectory

    at = current(database) or ""
    scripts = ScriptDirectory.from_config(configuration()).walk_revisions()
    return sorted((each.revision, each.doc) for each in scripts if each.revision > at)


def current(database: Database) -> str | None:
    """The revision of the database, or None when it is empty."""
    with database.autocommit.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def newest() -> str:
    """The newest revision known to this version: each is a file whose name begins with its number."""
    return max(file.name.partition("_")[0] for file in (HERE / "versions").glob("[0-9]*.py"))


def configuration() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    return config
