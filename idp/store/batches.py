"""Deleting many rows in statements of bounded size."""

import time

from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from idp.store.database import Database

BATCH = 5_000
"""Rows deleted by one statement: some 50 ms, during which SQLite's one writer is busy."""


def delete_in_batches(database: Database, table: Table, mine: ColumnElement[bool], *, until: float) -> int:
    """Delete the rows for which `mine` holds, until that moment of the monotonic clock; returns how many.

    One statement for all would meet its time limit with some million rows, and would then never delete any. Processes
    that do the same at once share the rows. They are looked for by expiry, by the index: from the start of the table
    each batch would read the places of all that went before.
    """
    keys = list(table.primary_key.columns)
    some = select(*keys).where(mine).order_by(table.c.expires_at).limit(BATCH).with_for_update(skip_locked=True)
    statement = delete(table).where((tuple_(*keys) if len(keys) > 1 else keys[0]).in_(some))
    gone = 0
    while True:
        with database.autocommit.connect() as connection:
            deleted = connection.execute(statement).rowcount
        gone += deleted
        if deleted < BATCH or time.monotonic() > until:
            return gone
