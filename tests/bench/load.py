"""Many visitors at once over kept connections, in a process of their own, with as little ceremony as Python allows.

A journey is a generator: it yields the bytes of a request, gets the answer, and yields `START` whenever an operation
begins; what comes before its first `START` is preparation. One process drives all its journeys by epoll, so its own
cost is small and the same for whatever is measured; it is reported with the rest.
"""

import json
import multiprocessing
import re
import select
import socket
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any

START = b""
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head[9:12])

    def header(self, name: str) -> str:
        """The value of a header, or an empty text."""
        found = re.search(rf"\r\n{name}: *([^\r]*)".encode(), self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else ""

    @property
    def cookies(self) -> dict[str, str]:
        found = re.findall(rb"\r\nset-cookie: *([^=]+)=([^;\r]*)", self.head, re.IGNORECASE)
        return {name.decode(): value.decode() for name, value in found}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Journey = Generator[bytes, Answer, None]
MakeJourney = Callable[[int], Journey]


@dataclass
class Tally:
    """What a process saw in one window: the seconds of each operation, and its own CPU time."""

    seconds: list[float] = field(default_factory=list)
    own_cpu: float = 0.0


class _Visitor:
    """One journey on one connection."""

    socket: socket.socket

    def __init__(self, address: tuple[str, int], journey: Journey) -> None:
        self._address = address
        self._journey = journey
        self._received = b""
        self._began = 0.0

    def prepare(self) -> None:
        """Go on until the first operation is about to begin."""
        step = next(self._journey)
        if step is START:
            return
        self.connect()
        while step is not START:
            self.socket.sendall(step)
            answer = None
            while answer is None:
                answer = self._receive()
            step = self._journey.send(answer)
        self.socket.close()

    def begin(self) -> None:
        """Begin an operation on a connection of its own: one that waits between windows would keep a thread busy."""
        self.connect()
        self._send(next(self._journey))

    def begin_due(self, due: float) -> None:
        """Begin an operation that was due at that time, on the connection that is open."""
        self._send(next(self._journey), due)

    def has_ended(self, tally: Tally) -> bool:
        """Take what has come; whether an operation has ended."""
        answer = self._receive()
        if answer is None:
            return False
        step = self._journey.send(answer)
        if step is START:
            tally.seconds.append(time.perf_counter() - self._began)
            return True
        self.socket.sendall(step)
        return False

    def go_on(self, tally: Tally, *, last: bool) -> bool:
        """Take what has come; False when `last` was asked for and an operation has ended."""
        if not self.has_ended(tally):
            return True
        if last:
            self.socket.close()
            return False
        self._send(next(self._journey))
        return True

    def connect(self) -> None:
        self.socket = socket.create_connection(self._address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _send(self, request: bytes, due: float | None = None) -> None:
        self._began = due or time.perf_counter()
        self.socket.sendall(request)

    def _receive(self) -> Answer | None:
        chunk = self.socket.recv(65_536)
        if not chunk:
            raise ConnectionError(f"closed after {self._received[:200]!r}")
        self._received += chunk
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if end else None
        if end and not length and head[9:12] != b"304":
            raise ValueError(f"an answer without its length: {head!r}")
        if not end or (length and len(body) < int(length[1])):
            return None
        self._received = b""
        return Answer(head, body)


def _window(visitors: list[_Visitor], seconds: float) -> Tally:
    """Every visitor repeats its operation for that long, and finishes the one it is in."""
    tally, cpu = Tally(), time.process_time()
    poll, by_number = select.epoll(), {}
    for visitor in visitors:
        visitor.begin()
        poll.register(visitor.socket, select.EPOLLIN)
        by_number[visitor.socket.fileno()] = visitor
    until = time.perf_counter() + seconds
    while by_number:
        for number, _ in poll.poll(30):
            if not by_number[number].go_on(tally, last=time.perf_counter() > until):
                del by_number[number]  # Its socket is closed, so epoll has forgotten it.
    tally.own_cpu = time.process_time() - cpu
    return tally


def _paced(visitors: list[_Visitor], seconds: float, rate: float) -> Tally:
    """Operations begin at a fixed rate, whatever the answers do: one that begins late because of them counts from when
    it was due.
    """
    tally, poll, by_number = Tally(), select.epoll(), dict[int, _Visitor]()
    for visitor in visitors:
        visitor.connect()
        poll.register(visitor.socket, select.EPOLLIN)
        by_number[visitor.socket.fileno()] = visitor
    idle = list(visitors)
    due, until = time.perf_counter(), time.perf_counter() + seconds
    while due < until or len(idle) < len(visitors):
        if due < until and idle and time.perf_counter() >= due:
            idle.pop(0).begin_due(due)
            due += 1 / rate
            continue
        wait = max(0.0, due - time.perf_counter()) if idle and due < until else 30
        idle += [by_number[number] for number, _ in poll.poll(wait) if by_number[number].has_ended(tally)]
    for visitor in visitors:
        visitor.socket.close()
    return tally


def _process(address: tuple[str, int], make: MakeJourney, numbers: range, pipe: Pipe) -> None:
    visitors = [_Visitor(address, make(number)) for number in numbers]
    for visitor in visitors:
        visitor.prepare()
    pipe.send(None)
    while (asked := pipe.recv()) is not None:
        seconds, rate = asked
        pipe.send(_paced(visitors, seconds, rate) if rate else _window(visitors, seconds))


class Crowd:
    """All visitors of one operation, in their processes. `make(number)` gives the journey of each."""

    def __init__(self, address: tuple[str, int], make: MakeJourney, *, connections: int, processes: int = 2) -> None:
        context = multiprocessing.get_context("spawn")
        self._running: list[tuple[Any, Pipe]] = []
        share = connections // processes
        for number in range(processes):
            ours, theirs = context.Pipe()
            numbers = range(number * share, (number + 1) * share)
            process = context.Process(target=_process, args=(address, make, numbers, theirs), daemon=True)
            process.start()
            theirs.close()
            self._running.append((process, ours))
        for _, pipe in self._running:
            pipe.recv()

    def window(self, seconds: float, rate: float | None = None) -> Tally:
        """Measure for that long: as fast as answers come, or `rate` operations a second."""
        for _, pipe in self._running:
            pipe.send((seconds, rate and rate / len(self._running)))
        tallies = [pipe.recv() for _, pipe in self._running]
        return Tally([s for tally in tallies for s in tally.seconds], sum(tally.own_cpu for tally in tallies))

    def leave(self) -> None:
        """End the processes."""
        for process, pipe in self._running:
            pipe.send(None)
            process.join(10)
