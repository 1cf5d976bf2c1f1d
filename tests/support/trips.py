"""Counting what an application asks of its stores: SQL statements as they are run, commands at Redis itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from redis import Redis
from sqlalchemy import event

from idp.store.database import Database
from tests.support.app import App


@dataclass
class Trips:
    """Round trips while something was done. A transaction counts once, whatever it holds; `said` tells what it was.

    One that holds nothing but short-lived records is one trip to them, as the script is in Redis.
    """

    short_lived: int = 0
    reads: int = 0
    writes: int = 0
    transactions: int = 0
    said: list[str] = field(default_factory=list, compare=False)


@contextmanager
def counted(app: App) -> Iterator[Trips]:
    """The round trips of the block; complete when the block has ended."""
    trips = Trips()
    with _sql(app.base.database, trips), _redis(app.settings.store.redis_url, trips):
        yield trips


@contextmanager
def _sql(database: Database, trips: Trips) -> Iterator[None]:
    def statement(text: str, _seconds: float) -> None:
        words = " ".join(text.split())
        if over:
            return
        trips.said.append(words[:120])
        is_short_lived = " ephemeral " in f" {words} "
        if words.startswith("BEGIN"):
            inside.append(True)
        elif inside:
            inside.append(is_short_lived)
        elif is_short_lived:
            trips.short_lived += 1
        elif words.startswith(("SELECT", "WITH")):
            trips.reads += 1
        else:
            trips.writes += 1

    def ended(_connection: Any) -> None:
        if not over and inside:
            trips.short_lived += all(inside)
            trips.transactions += not all(inside)
        inside.clear()

    inside: list[bool] = []
    over: list[bool] = []
    database.watch(statement)
    for name in ("commit", "rollback"):
        event.listen(database.transaction, name, ended)
    try:
        yield
    finally:
        over.append(True)
        for name in ("commit", "rollback"):
            event.remove(database.transaction, name, ended)


@contextmanager
def _redis(url: str, trips: Trips) -> Iterator[None]:
    """Redis tells what it was asked; what its scripts do inside costs no further round trip."""
    if not url:
        yield
        return
    end = f"end-{uuid4().hex}"
    with Redis.from_url(url) as marks, Redis.from_url(url) as watches:
        marks.ping()  # Its greeting must not be counted.
        with watches.monitor() as monitor:
            yield
            marks.echo(end)
            trips.said += (asked := list(_until(monitor, end)))
            trips.short_lived += len(asked)


def _until(monitor: Any, end: str) -> Iterator[str]:
    for told in iter(monitor.next_command, None):
        if told["command"] == f"ECHO {end}":
            return
        if told["client_type"] != "lua":
            yield f"redis {told['command'][:60]}"
