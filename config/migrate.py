"""Migrations: Alembic on our own connection, on SQLite and PostgreSQL alike, one machine at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from keys.database import Database

HERE = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> tuple[str | None, str | None]:
    """Bring the database to the newest revision; returns (before, after). Safe from many machines at once."""
    with database.write.begin() as connection:
        database.lengthen(connection, 0)
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7266002)"))
        before = MigrationContext.configure(connection).get_current_revision()
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, newest()


def current(database: Database) -> str | None:
    """The revision of the database, or None when it is empty."""
    with database.read.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The newest revision that this version knows."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    return config
