"""One SQL database with two entry points: `autocommit` for single statements, `transaction` for several as one.

SQLite in WAL mode is the default; PostgreSQL through psycopg 3 is chosen by URL. Every wait has a deadline, even for a
server whose host answers but whose processes do not; both entry points share one connection pool.
"""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from idp.at_once import is_in_loop, needs_thread, note_change

SLACK = 0.25
"""Seconds for the server to end a statement by itself before we close the connection."""

RECYCLED = 1800
"""Seconds after which a connection is replaced: what lies between us and a server forgets the silent ones."""


class Database:
    """The SQL database of one process.

    `autocommit` is for single statements, reading or writing: each takes effect alone and sees the newest committed
    state. `transaction` is for `with database.transaction.begin() as connection`: on SQLite it holds the only write
    lock from the start. On PostgreSQL it is READ COMMITTED, so compare-and-set rules put the comparison into their
    WHERE clause.
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
        """Open lazily; times are in seconds. On SQLite `statement_timeout` is the wait for the write lock.

        Raises `ValueError` for an unsupported database. `None` as `statement_timeout` is for migrations.
        """
        parsed = make_url(url)
        # Hide parameters: the error of a statement must not quote its values.
        pool = {"pool_size": pool_size, "pool_timeout": pool_wait, "max_overflow": 0, "pool_use_lifo": True}
        pool |= {"hide_parameters": True}
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
        event.listen(self.transaction, "begin", lambda connection: _begin(connection, begin))
        self.dialect = self._engine.dialect.name
        self._kept, self._left = _Kept(), list[_Kept]()
        self._observers: list[Callable[[str, float], None]] = []
        _leave_connections_at_fork(self)

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self._engine.url.database or "") if self.dialect == "sqlite" else None

    def watch(self, observe: Callable[[str, float], None]) -> None:
        """Call `observe` with the text of each statement and its duration in seconds."""
        if not self._observers:
            event.listen(self._engine, "before_cursor_execute", _note_beginning)
            event.listen(self._engine, "after_cursor_execute", self._note_end)
        self._observers.append(observe)

    def observed(self, text: str, seconds: float) -> None:
        """A statement was executed: notify the observers."""
        for observe in self._observers:
            observe(text, seconds)

    def _note_end(self, connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        self.observed(text, time.perf_counter() - connection.info["began"])

    @contextmanager
    def connection(self) -> Iterator[PoolProxiedConnection]:
        """A connection for one statement. The loop of a worker keeps its own, as the pool costs it more than a read.

        It opens none and waits for none: that is for a thread. Raises what SQLAlchemy raises, and `NeedsThread`.
        """
        if not is_in_loop():
            with closing(self.autocommit.raw_connection()) as connection:
                yield connection
            return
        kept = self._kept
        if kept.connection is None or not kept.connection.is_valid or time.monotonic() > kept.until:
            self._release()
            if not cast(QueuePool, self._engine.pool).checkedin():
                needs_thread()
            kept.connection, kept.until = self.autocommit.raw_connection(), time.monotonic() + RECYCLED
        yield kept.connection

    def _release(self) -> None:
        kept, self._kept.connection = self._kept.connection, None
        if kept is not None:
            kept.close()

    def leave_connections(self) -> None:
        """Use none of those that are open, and do not close them either."""
        self._left.append(self._kept)
        self._kept = _Kept()
        self._engine.dispose(close=False)

    def lengthen(self, connection: Connection, seconds: int) -> None:
        """Set the time limit of each statement in this transaction; 0: no limit."""
        if self.dialect == "postgresql":
            connection.execute(text(f"SET LOCAL statement_timeout = {seconds * 1000}"))
            driver: Any = connection.connection.driver_connection
            driver.longest = seconds + SLACK if seconds else None

    def detached(self) -> Any:
        """A driver's connection outside of the pool, for a session that lasts; the caller closes it."""
        # Its own pool: one that others have used may be broken.
        pooled = self._engine.pool.recreate().connect()
        driver = pooled.driver_connection
        pooled.detach()
        return driver

    def close(self) -> None:
        """Close every pooled connection; the object opens new ones on its next use."""
        self._release()
        self._engine.dispose()

    def __repr__(self) -> str:
        return f"Database({self._engine.url.render_as_string(hide_password=True)!r})"


class _Kept(threading.local):
    """The connection that the loop of a worker keeps, which is one thread; it is replaced after `until`."""

    connection: PoolProxiedConnection | None = None
    until = 0.0


def _begin(connection: Connection, statement: str) -> None:
    note_change()
    connection.exec_driver_sql(statement)


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
    """Create an empty database in WAL mode, for our user alone; its -wal and -shm files inherit the mode.

    It is created under another name and linked into place: if two processes switched the same new file to WAL, one
    would immediately get "locked", regardless of the timeout.
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
        # The server's statement timeout cannot help when the host is gone: then TCP must notice.
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }
    # No ping before each use: a broken connection fails once, and SQLAlchemy then discards the whole pool.
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args=connect_args | dict(url.query),
        pool_recycle=RECYCLED,
        **pool,
    )
    _bound(engine, connect_timeout, None if statement_timeout is None else statement_timeout + SLACK)
    return engine


def _bound(engine: Engine, connect_in: float, longest: float | None) -> None:
    """Limit the duration of statements; `Database.lengthen` changes it for one transaction."""
    # Imported here: an installation on SQLite does not need the driver.
    from idp.store.bounded import Bounded

    ours = Bounded.of(connect_in, longest)

    def end_exception(driver: Any, _record: object) -> None:
        if driver is not None:
            driver.longest = longest

    event.listen(engine, "do_connect", lambda _dialect, _record, args, named: ours.open(*args, **named))
    event.listen(engine, "checkin", end_exception)


def _leave_connections_at_fork(database: Database) -> None:
    """A connection opened before a fork belongs to the parent; the child starts with an empty pool."""
    reference = weakref.ref(database)

    def forget() -> None:
        if (left := reference()) is not None:
            left.leave_connections()

    os.register_at_fork(after_in_child=forget)
