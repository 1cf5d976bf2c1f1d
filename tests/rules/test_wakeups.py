"""Whoever waits is woken by what is written, and looks by itself now and then."""

import threading
import time

import pytest

from idp import wakeups as module
from idp.wakeups import Occasion, Wakeups


class Monotonic:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_what_is_written_between_a_look_and_the_wait_ends_the_wait() -> None:
    wakeups = Wakeups()
    seen = wakeups.count("sms")
    wakeups.wake("sms")
    began = time.monotonic()
    wakeups.wait("sms", seen, 60)

    assert time.monotonic() - began < 10


def test_only_those_who_wait_for_the_topic_are_woken_or_all() -> None:
    wakeups, woken = Wakeups(), []

    def waiting(topic: str) -> None:
        wakeups.wait(topic, 0, 60)
        woken.append(topic)

    threads = [threading.Thread(target=waiting, args=(topic,)) for topic in ("sms", "email")]
    for thread in threads:
        thread.start()
    wakeups.wake("email")
    threads[1].join(10)
    assert woken == ["email"]
    wakeups.wake_all()
    threads[0].join(10)
    assert woken == ["email", "sms"]


def test_an_occasion_comes_once_for_each_wakeup_and_by_itself_in_the_end(clock: Monotonic) -> None:
    wakeups = Wakeups()
    occasion = Occasion(wakeups, "keys", 30)
    assert [occasion.take() for _ in range(3)] == [True, False, False]
    clock.now += 29
    assert not occasion.take()
    wakeups.wake("keys")
    assert [occasion.take(), occasion.take()] == [True, False]
    clock.now += 30
    assert [occasion.take(), occasion.take()] == [True, False]


def test_an_occasion_may_last_for_a_while(clock: Monotonic) -> None:
    wakeups = Wakeups()
    occasion = Occasion(wakeups, "audit", 30, lasting=5)
    taken = []
    for _ in range(40):
        clock.now += 1
        taken.append(occasion.take())
    # For five seconds, and then after thirty.
    assert [second for second, is_taken in enumerate(taken) if is_taken] == [0, 1, 2, 3, 4, 34]


def test_a_wakeup_in_a_pause_counts_after_it(clock: Monotonic) -> None:
    wakeups = Wakeups()
    occasion = Occasion(wakeups, "audit", 60, pause=5)
    assert occasion.take()
    clock.now += 1
    wakeups.wake("audit")
    assert not occasion.take()
    clock.now += 4
    assert [occasion.take(), occasion.take()] == [True, False]
