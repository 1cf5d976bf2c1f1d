"""Copies every row of a small installation from one database to another, in one transaction on the new one."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, func, insert, select, text

from idp.store.database import Database

BATCH = 500


def copy_all(source: Database, target: Database, tables: Sequence[Table]) -> dict[str, int]:
    """Copy these tables, parents first; returns the rows of each.

    The target has the tables, and of rows only what its migrations wrote, which the source has too.
    """
    copied: dict[str, int] = {}
    with source.autocommit.connect() as origin, target.transaction.begin() as goal:
        for table in tables:
            copied[table.name] = _copy(table, origin, goal)
            _continue_numbering(table, goal)
    return copied


def _copy(table: Table, origin: Connection, goal: Connection) -> int:
    count = 0
    goal.execute(delete(table))
    for rows in origin.execute(select(table)).mappings().partitions(BATCH):
        goal.execute(insert(table), [dict(row) for row in rows])
        count += len(rows)
    return count


def _continue_numbering(table: Table, goal: Connection) -> None:
    """PostgreSQL numbers new rows from a sequence that is unaware of copied ones."""
    if goal.dialect.name != "postgresql" or "id" not in table.c or table.c.id.type.python_type is not int:
        return
    highest = goal.execute(select(func.max(table.c.id))).scalar()
    if highest:
        sequence = goal.execute(text(f"SELECT pg_get_serial_sequence('{table.name}', 'id')")).scalar()
        goal.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})
