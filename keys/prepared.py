"""Reads that nearly every request makes: compiled once, and run on the driver itself.

Around a one-row read SQLAlchemy's Core spends more than twice what driver and database spend on it
(docs/performance.md), which is nothing beside a page and most of a token. So the few statements of the hot paths go
around it; everything else is better off with it.
"""

import time
from contextlib import closing
from typing import Any, ClassVar

from sqlalchemy import Compiled, Select

from keys.database import Database

Row = dict[str, Any]


class Prepared:
    """One SELECT with named parameters. Values come as the driver gives them: on SQLite a boolean is 0 or 1."""

    _known: ClassVar[dict[tuple[Select[Any], str], Compiled]] = {}

    def __init__(self, database: Database, statement: Select[Any]) -> None:
        dialect = database.autocommit.dialect
        compiled = self._known.get((statement, dialect.name)) or statement.compile(dialect=dialect)
        self._known[statement, dialect.name] = compiled
        self._database = database
        self._statement = statement
        self._text = str(compiled)
        self._constants = dict(compiled.params)
        self._order: list[str] | None = getattr(compiled, "positiontup", None)
        self._names = tuple(statement.selected_columns.keys())
        self._driver_error: type[Exception] = dialect.loaded_dbapi.Error

    def rows(self, **asked: object) -> list[Row]:
        """What the statement finds for these parameters. Raises what SQLAlchemy raises."""
        try:
            return self._fetched(asked)
        except self._driver_error:
            # Reading once more does no harm: a connection that was cut is not noticed, and of anything worse
            # SQLAlchemy knows what it means, and discards all connections of a server that has gone.
            with self._database.autocommit.connect() as connection:
                return [dict(row) for row in connection.execute(self._statement, asked).mappings()]

    def _fetched(self, asked: dict[str, object]) -> list[Row]:
        named = self._constants | asked
        given = named if self._order is None else [named[name] for name in self._order]
        with closing(self._database.autocommit.raw_connection()) as connection:
            began = time.perf_counter()
            try:
                cursor = connection.cursor()
                cursor.execute(self._text, given)
                found = cursor.fetchall()
            except self._driver_error:
                connection.invalidate()
                raise
            self._database.observed(self._text, time.perf_counter() - began)
        return [dict(zip(self._names, row, strict=True)) for row in found]
