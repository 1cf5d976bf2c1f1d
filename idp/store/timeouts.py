"""Long reads for operators: a count of tens of millions takes longer than a statement of a request may."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from idp.store.database import Database


@contextmanager
def patient(database: Database) -> Iterator[Connection]:
    """A read-only connection without the usual time limit, whose rows are streamed."""
    if database.dialect == "sqlite":
        with database.autocommit.connect() as connection:
            yield connection.execution_options(yield_per=500)
    else:
        with database.transaction.begin() as connection:
            database.lengthen(connection, 0)
            yield connection.execution_options(yield_per=500)
