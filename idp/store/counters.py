"""Named numbers watched by many processes: revisions that grow, the epoch, and when something was noticed."""

import math

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.store import tables as t
from idp.store.database import Database

_c = t.counter.c


def read_counter(database: Database, name: str) -> int:
    """The number; 0 until it is first raised."""
    with database.autocommit.connect() as connection:
        return int(connection.execute(select(_c.value).where(_c.name == name)).scalar() or 0)


def bump(connection: Connection, name: str) -> None:
    """Raise the number by one, inside the caller's transaction."""
    if not connection.execute(update(t.counter).where(_c.name == name).values(value=_c.value + 1)).rowcount:
        connection.execute(insert(t.counter), {"name": name, "value": 1})


def bump_epoch(database: Database, now: float) -> int:
    """End all sessions, grants and tokens older than `now`: nothing from before the epoch counts.

    It never moves back, even if a clock does.
    """
    epoch = max(math.ceil(now), read_counter(database, "epoch") + 1)
    put_counter(database, "epoch", epoch)
    return epoch


def put_counter(database: Database, name: str, value: int) -> None:
    """Set the number."""
    with database.transaction.begin() as connection:
        put_in(connection, name, value)


def put_in(connection: Connection, name: str, value: int) -> None:
    """Set the number, inside the caller's transaction."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(t.counter).values(name=name, value=value)
    connection.execute(row.on_conflict_do_update(index_elements=[_c.name], set_={"value": value}))
