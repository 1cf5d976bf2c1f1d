"""NOTIFY: what is written on PostgreSQL wakes those who wait for it when its transaction commits.

It is part of the statement that writes, so it costs no round trip. On SQLite there is nothing to do: `FileWatch` sees
the file change.
"""

from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Insert, Update, func, literal, select

PG_CHANNEL = "idp"

Writing = TypeVar("Writing", Insert, Update)


def notifying(dialect: str, statement: Writing, topic: ColumnElement[str] | str) -> Writing:
    """The statement, which on PostgreSQL wakes the topic for each row that it writes."""
    if dialect != "postgresql":
        return statement
    named = literal(topic) if isinstance(topic, str) else topic
    return statement.returning(func.pg_notify(PG_CHANNEL, named))


def notify(connection: Connection, topic: str) -> None:
    """Wake the topic when the caller's transaction commits."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(PG_CHANNEL, topic)))
