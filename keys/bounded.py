"""PostgreSQL with a deadline of our own for every answer.

The server's `statement_timeout` needs a server that runs, and TCP's time-outs a host that is gone. Of a server whose
processes are frozen (a stuck disk, a paused machine) the kernel goes on acknowledging: only we can end that wait.
"""

import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg.errors import ConnectionTimeout, _WaitTimeout
from psycopg.pq import TransactionStatus

from keys.rest import Rest, Resting


class Bounded(psycopg.Connection[Any]):
    """A connection that is closed when the server has not answered for `longest` seconds; None: it may take longer.

    Each database has a class of its own (`of`), whose connections share their rest.
    """

    rest = Rest()
    longest: float | None = None
    connect_in = 5.0

    @classmethod
    def of(cls, connect_in: float, longest: float | None) -> type["Bounded"]:
        """The connections of one database."""
        return type(cls.__name__, (cls,), {"rest": Rest(), "connect_in": connect_in, "longest": longest})

    @classmethod
    def open(cls, *given: Any, **named: Any) -> "Bounded":
        """Connect. Raises `psycopg.OperationalError`, at once while the server rests."""
        _ask(cls.rest)
        try:
            opened = cls.connect(*given, **named)
        except ConnectionTimeout:
            cls.rest.waited_in_vain()
            raise
        except psycopg.Error:
            cls.rest.answered()
            raise
        cls.rest.answered()
        return opened

    @classmethod
    def _connect_gen(cls, *given: Any, **named: Any) -> Generator[Any, Any, Any]:
        """psycopg's, which comes by here ten times a second, and by itself takes two seconds for the least deadline."""
        deadline = time.monotonic() + cls.connect_in
        connecting: Any = super()._connect_gen(*given, **named)
        try:
            wanted = next(connecting)
            while time.monotonic() < deadline:
                wanted = connecting.send((yield wanted))
        except StopIteration as made:
            return made.value
        connecting.close()
        raise ConnectionTimeout("connection timeout expired")

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """What psycopg waits with, whatever it waits for."""
        _ask(self.rest)
        try:
            found = super().wait(gen, interval, self.longest if timeout is None else timeout)
        except _WaitTimeout:
            self.rest.waited_in_vain()
            # In the middle of an answer it is of no use to anybody.
            self.pgconn.finish()
            raise psycopg.OperationalError("the server has not answered in time") from None
        except psycopg.Error:
            self.rest.answered()
            raise
        self.rest.answered()
        return found

    def rollback(self) -> None:
        """Nothing to do outside of a transaction, and then not for a server that rests either."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            super().rollback()


def _ask(rest: Rest) -> None:
    try:
        rest.ask()
    except Resting:
        raise psycopg.OperationalError("the server has not answered a moment ago") from None
