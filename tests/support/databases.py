"""A database of its own for each test, on SQLite and on PostgreSQL, copied from a template that was migrated once."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from config import migrate
from keys.database import Database

_TEMPLATE = "idp_template"


def create_tables(url: str) -> None:
    """Migrate the database at `url`, as `idp db upgrade` does."""
    database = Database(url, statement_timeout=None)
    migrate.upgrade(database)
    database.close()


def sqlite_template(directory: Path) -> Path:
    """An SQLite file with all tables; closing its last connection folds the WAL into it, so that it can be copied."""
    path = directory / "template.db"
    create_tables(f"sqlite:///{path}")
    return path


def sqlite_copy(template: Path, directory: Path) -> str:
    """The URL of a fresh copy of the template."""
    path = directory / "idp.db"
    shutil.copy(template, path)
    return f"sqlite:///{path}"


def postgresql_template(server: str) -> str:
    """A PostgreSQL database with all tables, on the server of that URL; gives its name."""
    _command(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    create_tables(_named(server, _TEMPLATE))
    return _TEMPLATE


@contextlib.contextmanager
def postgresql_copy(server: str, template: str) -> Iterator[str]:
    """The URL of a fresh copy of the template, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    words = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    _command(server, sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**words))
    try:
        yield _named(server, name)
    finally:
        _command(server, sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**words))


def _named(server: str, name: str) -> str:
    return f"{server.rpartition('/')[0]}/{name}"


def _command(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)
