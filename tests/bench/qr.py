"""`python -m tests.bench.qr`: what waiting browsers cost.

Polls per second beside a bare WSGI application that asks Redis for one value, window by window in one run; and the time
of a login by password without and with a thousand browsers that wait in front of a picture, in turn.
"""

import argparse
import heapq
import multiprocessing
import os
import re
import select
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from tests.bench.__main__ import about
from tests.bench.journeys import Visitor, expect, fixed, parameter, password_login
from tests.bench.load import START, Answer, Crowd, Journey
from tests.bench.servers import PROJECT, Served, Size, gunicorn, installations, started
from tests.support import servers
from tests.support.ports import free_port

TICKETS = 128
"""Logins that one polling visitor takes in turn: none is asked about more often than agreed."""

LIFE = 110.0
"""Seconds after which a waiting browser takes another picture; the last one dies after 120."""


def begun(host: str, number: int) -> Any:
    """From `/authorize` to a browser that waits: the visitor and the poll it sends."""
    visitor = Visitor(host, number)
    target = yield from visitor.authorize("openid profile")
    attempt = parameter(target, "attempt")
    yield from visitor.visit(visitor.get(f"/login/qr?attempt={attempt}"), 303)
    return visitor.post("/login/qr/poll", {"attempt": attempt})


def polls(host: str, number: int) -> Journey:
    """One poll after the other, each of another waiting browser."""
    asked = []
    for _ in range(TICKETS):
        asked.append((yield from begun(host, number)))
    for request in cycle(asked):
        yield START
        said = expect((yield request), 200).json
        assert said["state"] in ("pending", "slow_down", "expired"), said


@contextmanager
def one_read() -> Iterator[Served]:
    """The yardstick: gunicorn, a bare application, and one GET of a Redis of its own."""
    port = free_port()
    with servers.redis_server() as url, tempfile.TemporaryDirectory(prefix="idp-bench-") as home:
        command = gunicorn("tests.bench.bare:one_read", "gthread", port, Size())
        environment = dict(os.environ) | {"BENCH_REDIS_URL": url}
        with started(command, port, Path(home) / "log", environment, PROJECT) as served:
            yield served


class Waiters:
    """Browsers that wait, each on a connection of its own, in one process; they ask again when they are told to."""

    def __init__(self, address: tuple[str, int], host: str, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_wait, args=(address, host, count, theirs), daemon=True)
        self._process.start()
        self._pipe.recv()

    def leave(self) -> tuple[int, int, float]:
        """How many polls they sent, how many were told to slow down, and the CPU seconds of sending."""
        self._pipe.send(None)
        counted: tuple[int, int, float] = self._pipe.recv()
        self._process.join(10)
        return counted


def _wait(address: tuple[str, int], host: str, count: int, pipe: Pipe) -> None:
    """Keep `count` browsers waiting until told to leave."""
    asked = [_ready(address, host, number) for number in range(count)]
    born = [time.monotonic()] * count
    due = [(time.monotonic() + 4 * number / count, number) for number in range(count)]
    sockets: dict[int, tuple[socket.socket, int]] = {}
    kept: list[socket.socket | None] = [None] * count
    poll, sent, slowed, cpu = select.epoll(), 0, 0, time.process_time()
    pipe.send(None)
    while not pipe.poll():
        now = time.monotonic()
        while due and due[0][0] <= now:
            number = heapq.heappop(due)[1]
            if now - born[number] > LIFE:
                asked[number], born[number] = _ready(address, host, number), now
            connection = kept[number] or socket.create_connection(address, timeout=30)
            kept[number] = connection
            connection.sendall(asked[number])
            sockets[connection.fileno()] = (connection, number)
            poll.register(connection, select.EPOLLIN)
            sent += 1
        for file, _ in poll.poll(0.01):
            connection, number = sockets.pop(file)
            poll.unregister(connection)
            answer = connection.recv(65_536)
            slowed += b"slow_down" in answer
            if not answer or b"onnection: close" in answer:
                connection.close()
                kept[number] = None
            told = re.search(rb"retry-after: *([0-9]+)", answer, re.IGNORECASE)
            heapq.heappush(due, (time.monotonic() + (int(told[1]) if told else 0), number))
    pipe.send((sent, slowed, time.process_time() - cpu))


def _ready(address: tuple[str, int], host: str, number: int) -> bytes:
    """Bring one browser to its waiting page; gives the poll it will send."""
    journey = begun(host, number % 64)
    with socket.create_connection(address, timeout=30) as connection:
        step = next(journey)
        while True:
            connection.sendall(step)
            try:
                step = journey.send(_answer(connection))
            except StopIteration as done:
                return bytes(done.value)


def _answer(connection: socket.socket) -> Answer:
    """One whole answer; each has its length."""
    with connection.makefile("rb") as file:
        head = b"".join(iter(file.readline, b"\r\n"))
        length = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
        return Answer(head, file.read(int(length[1])) if length else b"")


def throughput(served: Served, asked: argparse.Namespace) -> None:
    """Windows of polls and of the yardstick in turn."""
    with one_read() as yardstick, ExitStack() as stack:
        bare = Crowd(yardstick.address, partial(fixed, "/", yardstick.host), connections=asked.connections)
        own = Crowd(served.address, partial(polls, served.host), connections=asked.connections)
        stack.callback(bare.leave)
        stack.callback(own.leave)
        ratios, rates = [], []
        for _ in range(asked.rounds):
            there = len(bare.window(asked.seconds).seconds) / asked.seconds
            here = len(own.window(asked.seconds).seconds) / asked.seconds
            ratios.append(here / there)
            rates.append((there, here))
        there, here = (statistics.median(column) for column in zip(*rates, strict=True))
        print(f"one read of Redis, bare: {there:,.0f}/s; polls: {here:,.0f}/s; ratio {statistics.median(ratios):.3f}")


def beside_waiters(served: Served, asked: argparse.Namespace) -> None:
    """Logins by password, without and with waiting browsers, in turn."""
    logins = Crowd(served.address, partial(password_login, served.host), connections=1, processes=1)
    idle: list[float] = []
    busy: list[float] = []
    for _ in range(asked.rounds):
        idle += logins.window(asked.login_seconds).seconds
        waiters = Waiters(served.address, served.host, asked.waiting)
        began = time.perf_counter()
        busy += logins.window(asked.login_seconds).seconds
        took = time.perf_counter() - began
        sent, slowed, cpu = waiters.leave()
        print(
            f"  {asked.waiting} waiting: {sent / took:,.0f} polls/s, {slowed} slowed, client {cpu:.1f} s CPU",
            flush=True,
        )
    logins.leave()
    for name, seconds in (("alone", idle), (f"beside {asked.waiting}", busy)):
        print(f"login by password {name}: {len(seconds)}, p50 {_at(seconds, 50):.0f} ms, p99 {_at(seconds, 99):.0f} ms")
    print(f"p99 ratio {_at(busy, 99) / _at(idle, 99):.2f}, p50 ratio {_at(busy, 50) / _at(idle, 50):.2f}")


def _at(seconds: list[float], percent: int) -> float:
    return sorted(seconds)[min(len(seconds) - 1, len(seconds) * percent // 100)] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.qr", description=__doc__)
    parser.add_argument("--waiting", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--login-seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=16)
    asked = parser.parse_args()
    asked.workers, asked.threads = Size().workers, Size().threads
    print(about(asked), flush=True)
    with installations("postgresql", PROJECT) as installation, installation.served("gthread", Size()) as served:
        throughput(served, asked)
        beside_waiters(served, asked)


if __name__ == "__main__":
    sys.exit(main())
