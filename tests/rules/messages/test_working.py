"""Senders sleep until something is due, and are woken by what is written meanwhile."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from idp.messages.message import Channel, Message
from idp.messages.sending import Deliveries, Receipt, State, Taken
from idp.messages.working import Workers
from idp.wakeups import Wakeups
from tests.support.waiting import until


class Queue:
    """One channel in memory: what is due at which second, and how often somebody looked."""

    def __init__(self, *turns: float) -> None:
        self.turns = list(turns)
        self.looks = 0
        self.is_locked = False

    def next_turn(self, channel: Channel) -> float | None:
        self.looks += 1
        return min(self.turns, default=None)

    def take(self, channel: Channel, seconds: float) -> Taken | None:
        if self.is_locked or min(self.turns, default=math.inf) > time.time():
            return None
        self.turns.remove(min(self.turns))
        return Taken(Message("sms", "+84912345678", "otp", time.time() + 300, {}), 0, 0.0)

    def put_off(self, taken: Taken, until: float, reason: str) -> None:
        raise AssertionError

    def finish(self, taken: Taken, state: State, reason: str = "") -> None:
        pass


class Gateway:
    longest = 15.0

    def __init__(self) -> None:
        self.sent = 0

    def send(self, message: Message) -> Receipt:
        self.sent += 1
        return Receipt()


@contextmanager
def working(queue: Queue, wakeups: Wakeups, threads: int = 1) -> Iterator[Gateway]:
    gateway = Gateway()
    workers = Workers(Deliveries(queue, {"sms": gateway}, time.time), threads, wakeups)
    workers.start()
    yield gateway
    workers.stop()
    assert not any(thread.is_alive() for thread in threading.enumerate() if thread.name == "send-sms")


def test_a_retry_is_sent_when_it_is_due_and_nobody_looks_before() -> None:
    queue = Queue(time.time() + 1.5)
    with working(queue, Wakeups()) as gateway:
        assert 1.0 < until(lambda: gateway.sent == 1) < 10
        assert queue.looks < 6


def test_an_empty_queue_is_left_alone_until_it_is_written_to() -> None:
    queue, wakeups = Queue(), Wakeups()
    with working(queue, wakeups, threads=2) as gateway:
        until(lambda: queue.looks == 2)
        queue.turns += [time.time(), time.time()]
        wakeups.wake("email")
        wakeups.wake("sms")
        assert until(lambda: gateway.sent == 2) < 10
        assert queue.looks < 10


def test_what_is_due_and_locked_is_not_asked_for_in_a_loop() -> None:
    queue, wakeups = Queue(time.time()), Wakeups()
    queue.is_locked = True
    with working(queue, wakeups) as gateway:
        until(lambda: queue.looks == 2)
        queue.is_locked = False
        until(lambda: gateway.sent == 1)
        assert queue.looks < 6
