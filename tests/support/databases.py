"""A database of its own for each test, on SQLite and on PostgreSQL, copied from a template that was migrated once."""

import contextlib
import functools
import shutil
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from config import migrate
from idp.store.database import Database

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
    """The URL of a copy of the template in its first state. Emptying one that was used takes a tenth of a new one."""
    free = _free[server, template]
    name = free.pop() if free else _new_copy(server, template)
    try:
        yield _named(server, name)
    finally:
        try:
            _restore(_named(server, name), _named(server, template))
        except psycopg.Error:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            _command(server, drop.format(sql.Identifier(name)))
        else:
            free.append(name)


_free: defaultdict[tuple[str, str], list[str]] = defaultdict(list)


def _new_copy(server: str, template: str) -> str:
    name = f"test_{uuid.uuid4().hex}"
    words = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    _command(server, sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**words))
    return name


_SHAPE = """
    SELECT count(*) || ' ' || sum(hashtextextended(concat_ws(' ', relname, attname, atttypid, attnotnull), attnum))
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE attrelid >= 16384"""
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
_WRITTEN = """
    SELECT relname, pg_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0"""
_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_MOVED = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"


_LARGE = 100_000
"""Bytes of a table that are better taken away than walked through; nobody vacuums here."""


@functools.cache
def _first_state(template: str) -> tuple[str, dict[str, bytes]]:
    """The shape of what is not the server's own, and the rows of each that is not empty."""
    with psycopg.connect(template, autocommit=True) as connection:
        tables = [row[0] for row in connection.execute(_TABLES)]
        return str(_one(connection, _SHAPE)), {t: kept for t in tables if (kept := _rows(connection, t))}


def _restore(url: str, template: str) -> None:
    """Undo what a test left: connections, rows, sequences. Raises `psycopg.Error` where the tables are others."""
    shape, first = _first_state(template)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '2s'")
        connection.execute("SET session_replication_role = replica")
        connection.execute(_OTHERS)
        if _one(connection, _SHAPE) != shape:
            raise psycopg.DataError("the tables have changed")
        for table, size in connection.execute(_WRITTEN).fetchall():
            # A TRUNCATE makes new files for the table and its indexes. As a replica no key of another table asks.
            how = sql.SQL("DELETE FROM {}" if size < _LARGE else "TRUNCATE {} CASCADE")
            connection.execute(how.format(sql.Identifier(table)))
        for (sequence,) in connection.execute(_MOVED).fetchall():
            connection.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(sequence)))
        for table, rows in first.items():
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
                copy.write(rows)


def _one(connection: psycopg.Connection, question: str) -> object:
    row = connection.execute(question).fetchone()
    return row and row[0]


def _rows(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(each) for each in copy)


def _named(server: str, name: str) -> str:
    return f"{server.rpartition('/')[0]}/{name}"


def _command(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)
