"""Statements of nearly every request: compiled once, and executed directly on the driver.

For a one-row read SQLAlchemy's Core and the driver's cursor take several times what the database takes
(docs/performance.md): negligible for a page, but most of a token request. So the few statements of the hot paths bypass
them; everything else should use Core.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import Connection, CursorResult, Insert, Select, Update
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.compiler import SQLCompiler

from idp.at_once import NeedsThread, note_change
from idp.store.database import Database

WAITED = 0.25
"""Seconds after which a failure was the end of a wait (for a lock, for a server that hangs), not a cut connection."""

T = TypeVar("T")
Row = dict[str, Any]
Fetched = tuple[list[Sequence[Any]], int]
"""The rows of a statement, and how many it changed."""


Statement = Select[Any] | Update | Insert


class Execute(Protocol):
    """One statement on one driver."""

    def __call__(self, driver: Any, named: dict[str, object]) -> Fetched:
        """Execute with the values of all parameters. Raises the driver's own errors."""
        ...


class Prepared:
    """One SELECT, or a change, with named parameters.

    Values come as the driver returns them: on SQLite a boolean is 0 or 1.
    """

    _known: ClassVar[dict[tuple[Statement, str], SQLCompiler]] = {}

    def __init__(self, database: Database, statement: Statement, columns: Sequence[str] | None = None) -> None:
        """An INSERT without values of its own is given those of these columns, by their names."""
        self._database = database
        self._statement = statement
        self._columns = columns
        self._names = tuple(map(str, statement.exported_columns.keys()))
        self._driver_error: type[Exception] = database.autocommit.dialect.loaded_dbapi.Error
        compiled = self._known.get((statement, database.dialect)) or self._compiled(statement)
        self._known[statement, database.dialect] = compiled
        self._text = str(compiled)
        self._constants = dict(compiled.params)
        order = compiled.positiontup or []
        self._execute = (_on_sqlite if database.dialect == "sqlite" else _on_postgresql)(self._text, order)

    def _compiled(self, statement: Statement) -> SQLCompiler:
        dialect: Any = self._database.autocommit.dialect
        if self._database.dialect == "postgresql":
            dialect = type(dialect)(paramstyle="numeric_dollar")
        return statement.compile(dialect=dialect, column_keys=self._columns)

    def rows(self, **asked: object) -> list[Row]:
        """The rows for these parameters. Raises what SQLAlchemy raises."""
        fetched = self._try(asked)
        return self._by_core(asked, _mappings) if fetched is None else self._named(fetched)

    def _named(self, fetched: Fetched) -> list[Row]:
        return [dict(zip(self._names, row, strict=True)) for row in fetched[0]]

    def change(self, **asked: object) -> int:
        """How many rows it has changed. Raises what SQLAlchemy raises.

        After a cut connection it is executed again. So it must be one whose second execution changes nothing, such as a
        compare-and-set.
        """
        note_change()
        fetched = self._try(asked)
        return self._by_core(asked, lambda result: result.rowcount) if fetched is None else fetched[1]

    def changed(self, **asked: object) -> list[Row]:
        """The rows that it returns of what it has changed, otherwise as `change`."""
        note_change()
        return self.rows(**asked)

    def within(self, connection: Connection, **asked: object) -> list[Row]:
        """The rows that it returns in the caller's transaction. Raises what SQLAlchemy raises."""
        began = time.perf_counter()
        try:
            fetched = self._execute(connection.connection.driver_connection, self._constants | asked)
        except self._driver_error:
            # The transaction or its connection has failed, which SQLAlchemy reports once more and handles.
            return _mappings(connection.execute(self._statement, asked))
        self._database.observed(self._text, time.perf_counter() - began)
        return self._named(fetched)

    def _try(self, asked: dict[str, object]) -> Fetched | None:
        """The outcome, or None when SQLAlchemy has to repeat it: a cut connection is not noticed before, and SQLAlchemy
        handles anything worse and discards all connections of a server that has gone.

        A wait that came to its end is not repeated. Raises `OperationalError`.
        """
        began = time.monotonic()
        try:
            return self._fetched(asked)
        except self._driver_error as error:
            if time.monotonic() - began > WAITED:
                raise OperationalError(self._text, None, error, hide_parameters=True) from error
            return None

    def _by_core(self, asked: dict[str, object], read: Callable[[CursorResult[Any]], T]) -> T:
        with self._database.autocommit.connect() as connection:
            return read(connection.execute(self._statement, asked))

    def _fetched(self, asked: dict[str, object]) -> Fetched:
        with self._database.connection() as connection:
            began = time.perf_counter()
            try:
                fetched = self._execute(connection.driver_connection, self._constants | asked)
            except (self._driver_error, NeedsThread):
                connection.invalidate()
                raise
            self._database.observed(self._text, time.perf_counter() - began)
        return fetched


def _mappings(result: CursorResult[Any]) -> list[Row]:
    return [dict(row) for row in result.mappings()] if result.returns_rows else []


def _on_sqlite(text: str, order: Sequence[str]) -> Execute:
    def execute(driver: Any, named: dict[str, object]) -> Fetched:
        cursor = driver.execute(text, [named[name] for name in order])
        return cursor.fetchall(), cursor.rowcount

    return execute


def _on_postgresql(text: str, order: Sequence[str]) -> Execute:
    # Imported here: an installation on SQLite does not need the driver.
    from idp.store.bounded import parameter, values

    encoded = text.encode()

    def execute(driver: Any, named: dict[str, object]) -> Fetched:
        result = driver.execute_prepared(encoded, [parameter(named[name]) for name in order])
        return values(result), result.command_tuples or 0

    return execute
