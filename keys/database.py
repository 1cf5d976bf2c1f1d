"""One SQL database behind two doors: `autocommit` runs single statements, `transaction` several as one.

SQLite in WAL mode is the default; PostgreSQL through psycopg 3 is chosen by URL. Nothing waits here without a
deadline, not even for a server whose host answers and whose processes do not; both doors share one pool of connections.
"""

import os
import sqlite3
import time
import weakref
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection

SLACK = 0.25
"""Seconds that the server has for ending a statement by itself before we end the connection."""


class Database:
    """The SQL database of one process.

    `autocommit` is for single statements, reading or writing: each takes effect by itself and sees the newest committed
    state. `transaction` is for `with database.transaction.begin() as connection`: on SQLite it holds the one write lock
    from its first moment. On PostgreSQL it is READ COMMITTED, so rules that compare and set say so in their WHERE
    clause.
    """

    autocommit: Engine
    transaction: Engine

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 16,
        pool_wait: float = 5.0,
        connect_timeout: float = 5.0,
        statement_timeout: float | None = 5.0,
    ) -> None:
        """Open lazily; times are seconds. On SQLite `statement_timeout` is the wait for the write lock.

        Raises `ValueError` for a database we do not speak. `None` as `statement_timeout` is for migrations.
        """
        parsed = make_url(url)
        # Hidden parameters: an error of a statement must not quote what it was about.
        pool = {
            "hide_parameters": True,
            "pool_size": pool_size,
            "pool_timeout": pool_wait,
            "max_overflow": 0,
            "pool_use_lifo": True,
        }
        match parsed.get_backend_name():
            case "sqlite":
                self._engine = _sqlite(parsed, 5.0 if statement_timeout is None else statement_timeout, pool)
                begin = "BEGIN IMMEDIATE"
            case "postgresql":
                self._engine = _postgresql(parsed, connect_timeout, statement_timeout, pool)
                begin = "BEGIN"
            case other:
                raise ValueError(f"database {other!r} is not supported: use sqlite:///path or postgresql://...")
        # Both drivers are in autocommit mode all the time, and only `transaction` says BEGIN. Switching a connection to
        # SQLAlchemy's AUTOCOMMIT and back would cost each read on PostgreSQL a third of its time, and would leave
        # pysqlite in its legacy mode.
        self.autocommit = self._engine.execution_options()
        self.transaction = self._engine.execution_options()
        event.listen(self.transaction, "begin", lambda connection: connection.exec_driver_sql(begin))
        self.dialect = self._engine.dialect.name
        self._observers: list[Callable[[str, float], None]] = []
        _leave_connections_at_fork(self._engine)

    def watch(self, observe: Callable[[str, float], None]) -> None:
        """Tell `observe` the text of each statement and the seconds that it took."""
        if not self._observers:
            event.listen(self._engine, "before_cursor_execute", _note_beginning)
            event.listen(self._engine, "after_cursor_execute", self._note_end)
        self._observers.append(observe)

    def observed(self, text: str, seconds: float) -> None:
        """A statement was run: tell those who watch."""
        for observe in self._observers:
            observe(text, seconds)

    def _note_end(self, connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        self.observed(text, time.perf_counter() - connection.info["began"])

    def lengthen(self, connection: Connection, seconds: int) -> None:
        """Let the statements of this transaction last for so long each; 0: for as long as they like."""
        if self.dialect == "postgresql":
            connection.execute(text(f"SET LOCAL statement_timeout = {seconds * 1000}"))
            driver: Any = connection.connection.driver_connection
            driver.longest = seconds + SLACK if seconds else None

    def close(self) -> None:
        """Close every pooled connection; the object opens new ones when it is used again."""
        self._engine.dispose()

    def __repr__(self) -> str:
        return f"Database({self._engine.url.render_as_string(hide_password=True)!r})"


def _note_beginning(connection: Any, *_: Any) -> None:
    connection.info["began"] = time.perf_counter()


def _sqlite(url: URL, lock_wait: float, pool: dict[str, Any]) -> Engine:
    if not url.database or url.database == ":memory:" or url.query.get("uri"):
        raise ValueError("an SQLite database needs a plain file path: threads and workers share it")
    _create_private(Path(url.database))
    engine = create_engine(url.set(drivername="sqlite+pysqlite"), connect_args={"timeout": lock_wait}, **pool)

    def prepare(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)
    return engine


def _create_private(path: Path) -> None:
    """Make an empty database in WAL mode, for our user alone; its -wal and -shm files inherit the mode.

    It is made aside and linked into place: of two processes that switch the same new file to WAL, one would be told
    at once that it is locked, whatever the timeout.
    """
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    draft.touch(mode=0o600, exist_ok=False)
    try:
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _postgresql(url: URL, connect_timeout: float, statement_timeout: float | None, pool: dict[str, Any]) -> Engine:
    options = ["-c timezone=UTC"]
    if statement_timeout is not None:
        options.append(f"-c statement_timeout={int(statement_timeout * 1000)}")
    connect_args = {
        "autocommit": True,
        "connect_timeout": max(1, round(connect_timeout)),
        "options": " ".join(options),
        "fallback_application_name": "bhxh-idp",
        # The server's statement timeout cannot help when the host has gone: then TCP must notice.
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }
    # No ping before each use: a broken connection fails once, and SQLAlchemy then discards the whole pool.
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), connect_args=connect_args | dict(url.query), pool_recycle=1800, **pool
    )
    _bound(engine, connect_timeout, None if statement_timeout is None else statement_timeout + SLACK)
    return engine


def _bound(engine: Engine, connect_in: float, longest: float | None) -> None:
    """Let no statement last longer; `Database.lengthen` does so for one transaction."""
    # Not at the top: an installation on SQLite has no use for the driver.
    from keys.bounded import Bounded

    ours = Bounded.of(connect_in, longest)

    def end_exception(driver: Any, _record: object) -> None:
        if driver is not None:
            driver.longest = longest

    event.listen(engine, "do_connect", lambda _dialect, _record, given, named: ours.open(*given, **named))
    event.listen(engine, "checkin", end_exception)


def _leave_connections_at_fork(engine: Engine) -> None:
    """A connection opened before a fork belongs to the parent; the child starts with an empty pool."""
    reference = weakref.ref(engine)

    def forget() -> None:
        if (found := reference()) is not None:
            found.dispose(close=False)

    os.register_at_fork(after_in_child=forget)
