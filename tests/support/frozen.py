"""Servers whose processes stand still while their host goes on answering: a stuck disk, a machine that was paused."""

import contextlib
import os
import signal
from collections.abc import Iterator

import psycopg
import redis

from tests.support.processes import children


@contextlib.contextmanager
def frozen(*processes: int) -> Iterator[None]:
    """Until the block ends these processes, and those that they have started, do nothing."""
    stopped: list[int] = []
    try:
        for first in processes:
            os.kill(first, signal.SIGSTOP)
            stopped.append(first)
            # It starts nobody any more; whom it started may end by itself in this very moment.
            for process in children(first):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGSTOP)
                    stopped.append(process)
        yield
    finally:
        for process in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def postmaster(url: str) -> int:
    """The first process of a PostgreSQL server."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select pg_read_file('postmaster.pid', 0, 20)").fetchone()
    assert row
    return int(row[0].split()[0])


def redis_process(url: str) -> int:
    """The process of a Redis server."""
    with redis.Redis.from_url(url) as client:
        return int(client.info()["process_id"])
