"""PostgreSQL with our own deadline for every response.

The server's `statement_timeout` needs a running server, and TCP time-outs need an unreachable host. If the server's
processes are frozen (a stuck disk, a paused machine), the kernel keeps acknowledging: only we can end that wait.
"""

import select
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

import psycopg
from psycopg.errors import ConnectionTimeout, _WaitTimeout, error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from idp.at_once import patience
from idp.store.rest import Rest, Resting


class _InVain(psycopg.OperationalError):
    """The deadline of a wait is over."""


class Bounded(psycopg.Connection[Any]):
    """A connection that is closed when the server has not answered for `longest` seconds; None: no limit.

    Each database has its own class (`of`), whose connections share one `Rest`.
    """

    rest = Rest()
    longest: float | None = None
    connect_in = 5.0
    prepared: dict[bytes, bytes]
    """The names of the statements of `execute_prepared` that the server knows here, by their text."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.prepared = {}

    @classmethod
    def of(cls, connect_in: float, longest: float | None) -> type["Bounded"]:
        """The connections of one database."""
        return type(cls.__name__, (cls,), {"rest": Rest(), "connect_in": connect_in, "longest": longest})

    @classmethod
    def open(cls, *args: Any, **named: Any) -> "Bounded":
        """Connect. Raises `psycopg.OperationalError`, immediately while the server rests."""
        _ask(cls.rest)
        try:
            opened = cls.connect(*args, **named)
        except ConnectionTimeout:
            cls.rest.waited_in_vain()
            raise
        except psycopg.Error:
            cls.rest.answered()
            raise
        cls.rest.answered()
        return opened

    @classmethod
    def _connect_gen(cls, *args: Any, **named: Any) -> Generator[Any, Any, Any]:
        """psycopg's own, which polls ten times a second, but enforces a minimum deadline of two seconds."""
        deadline = time.monotonic() + (patience(cls.connect_in) or cls.connect_in)
        connecting: Any = super()._connect_gen(*args, **named)
        try:
            wanted = next(connecting)
            while time.monotonic() < deadline:
                wanted = connecting.send((yield wanted))
        except StopIteration as made:
            return made.value
        connecting.close()
        raise ConnectionTimeout("connection timeout expired")

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """psycopg calls this for every wait."""
        _ask(self.rest)
        try:
            result = super().wait(gen, interval, patience(self.longest if timeout is None else timeout))
        except _WaitTimeout:
            # In the middle of a response the connection can no longer be used.
            self.pgconn.finish()
            self.rest.waited_in_vain()
            raise psycopg.OperationalError("the server has not answered in time") from None
        except psycopg.Error:
            self.rest.answered()
            raise
        self.rest.answered()
        return result

    def execute_prepared(self, text: bytes, parameters: Sequence["Parameter"]) -> PGresult:
        """The result of a statement with `$1` parameters, which the server prepares at its first use here.

        libpq without psycopg's cursor takes a third of its time. Raises `psycopg.Error`.
        """
        _ask(self.rest)
        try:
            result = self._exchange(text, parameters)
        except _InVain:
            # In the middle of a response the connection can no longer be used.
            self.pgconn.finish()
            self.rest.waited_in_vain()
            raise
        except psycopg.Error:
            self.rest.answered()
            raise
        self.rest.answered()
        return result

    def _exchange(self, text: bytes, parameters: Sequence["Parameter"]) -> PGresult:
        values, formats, types = zip(*parameters, strict=True) if parameters else ((), (), ())
        longest = patience(self.longest)
        deadline = None if longest is None else time.monotonic() + longest
        name = self.prepared.get(text)
        if name is None:
            name = b"idp_%d" % len(self.prepared)
            self.pgconn.send_prepare(name, text, types)
            self._result(deadline)
            self.prepared[text] = name
        self.pgconn.send_query_prepared(name, values, formats)
        return self._result(deadline)

    def _result(self, deadline: float | None) -> PGresult:
        """The result of what was just sent, once the server is ready for more. Raises `psycopg.Error`."""
        pgconn, result = self.pgconn, None
        while pgconn.flush():
            self._await(select.POLLIN | select.POLLOUT, deadline)
            pgconn.consume_input()
        while True:
            while pgconn.is_busy():
                self._await(select.POLLIN, deadline)
                pgconn.consume_input()
            more = pgconn.get_result()
            if more is None:
                break
            result = more
        if result is None or result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise error_from_result(result) if result else psycopg.OperationalError("the server has not answered")
        return result

    def _await(self, events: int, deadline: float | None) -> None:
        """Wait for the socket. Raises `_InVain` at the deadline."""
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        poll = select.poll()
        poll.register(self.pgconn.socket, events)
        if not poll.poll(left):
            raise _InVain("the server has not answered in time")

    def await_notifications(self, seconds: float) -> None:
        """Wait for at most so long; each notification goes to its handlers. Raises `psycopg.Error`."""
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        if poll.poll(seconds * 1000):
            self.pgconn.consume_input()
        while (notification := self.pgconn.notifies()) and self.pgconn.notify_handler:
            self.pgconn.notify_handler(notification)

    def _deallocate(self, name: bytes | None) -> Any:
        """psycopg forgets its statements after a rollback; without a name the server forgets ours as well."""
        if name is None:
            self.prepared.clear()
        return super()._deallocate(name)

    def rollback(self) -> None:
        """Nothing to do outside of a transaction, so a resting server does not matter then."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            super().rollback()


def _ask(rest: Rest) -> None:
    try:
        rest.ask()
    except Resting:
        raise psycopg.OperationalError("the server has not answered a moment ago") from None


_UNKNOWN = 0
_BOOL, _INT8, _INT2, _INT4, _TEXT, _FLOAT8, _VARCHAR, _VOID = 16, 20, 21, 23, 25, 701, 1043, 2278
Parameter = tuple[bytes | None, int, int]
"""The value of a parameter, its format (0: text, 1: binary), and its type where the statement leaves it open."""


def parameter(value: object) -> Parameter:
    """A value for libpq: text goes as binary, so that the server refuses a NUL instead of stopping there."""
    if value is None:
        return None, 0, _UNKNOWN
    if isinstance(value, str):
        return value.encode(), 1, _UNKNOWN
    if isinstance(value, bool):
        return b"t" if value else b"f", 0, _BOOL
    if isinstance(value, int | float):
        return repr(value).encode(), 0, _FLOAT8 if isinstance(value, float) else _UNKNOWN
    raise TypeError(f"no parameter of a prepared statement: {type(value).__name__}")


_READ: dict[int, Callable[[bytes], Any]] = {
    _BOOL: b"t".__eq__, _INT8: int, _INT2: int, _INT4: int, _TEXT: bytes.decode, _FLOAT8: float, _VARCHAR: bytes.decode,
    _VOID: bytes.decode,
}  # fmt: skip
"""How a column of each type is read (the numbers are PostgreSQL's, in pg_type.dat); a type that is missing fails."""


def values(result: PGresult) -> list[Sequence[Any]]:
    """The rows of a result with values of Python. Raises `KeyError` for a type that no hot path reads."""
    columns = [(at, _READ[result.ftype(at)]) for at in range(result.nfields)]
    return [
        [None if (raw := result.get_value(row, at)) is None else read(raw) for at, read in columns]
        for row in range(result.ntuples)
    ]
