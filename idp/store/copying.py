"""Moves every row of a small installation from one database to another, in one transaction on the new one."""

from sqlalchemy import Connection, Table, func, insert, select, text

from idp.store import tables
from keys import store as keys_store
from keys.database import Database

BATCH = 500


def copy_all(source: Database, target: Database) -> dict[str, int]:
    """Copy all tables, parents first; returns how many rows of each. The target has the tables and no rows."""
    copied: dict[str, int] = {}
    with source.autocommit.connect() as origin, target.transaction.begin() as goal:
        for table in (*keys_store.metadata.sorted_tables, *tables.metadata.sorted_tables):
            copied[table.name] = _copy(table, origin, goal)
            _continue_numbering(table, goal)
    return copied


def _copy(table: Table, origin: Connection, goal: Connection) -> int:
    count = 0
    for rows in origin.execute(select(table)).mappings().partitions(BATCH):
        goal.execute(insert(table), [dict(row) for row in rows])
        count += len(rows)
    return count


def _continue_numbering(table: Table, goal: Connection) -> None:
    """PostgreSQL numbers new rows from a sequence that knows nothing of copied ones."""
    if goal.dialect.name != "postgresql" or "id" not in table.c or table.c.id.type.python_type is not int:
        return
    highest = goal.execute(select(func.max(table.c.id))).scalar()
    if highest:
        sequence = goal.execute(text(f"SELECT pg_get_serial_sequence('{table.name}', 'id')")).scalar()
        goal.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})
