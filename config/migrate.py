"""Migrations: Alembic on our own connection, for SQLite and PostgreSQL, one machine at a time.

Only a migration loads Alembic: every start reads the revision, and loading Alembic would make that a third slower.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from idp.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> tuple[str | None, str]:
    """Upgrade the database to the newest revision; returns (before, after). Safe from many machines at once."""
    from alembic import command

    with database.transaction.begin() as connection:
        database.lengthen(connection, 0)
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7266002)"))
        before = _revision(connection)
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, newest()


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
