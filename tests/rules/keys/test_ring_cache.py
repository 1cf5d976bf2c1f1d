"""A process follows the stored ring within two seconds, and keeps its last good one when it cannot."""

import logging
from threading import Event, Thread

import pytest

from keys.cache import RingCache
from keys.ring import KeyRing
from tests.support.clock import FrozenClock
from tests.support.keys import ring_of, signing_key

FIRST = ring_of(signing_key(number=0), version=1)
SECOND = ring_of(signing_key(number=0), signing_key(number=1), version=2)


class StoreUnderTest:
    """A `KeyStore` that holds one ring, can be out of order, and counts how often it was asked."""

    def __init__(self, stored: KeyRing) -> None:
        self.stored = stored
        self.trouble: Exception | None = None
        self.versions_asked = 0
        self.rings_loaded = 0

    def version(self) -> int:
        self.versions_asked += 1
        if self.trouble:
            raise self.trouble
        return self.stored.version

    def load(self) -> KeyRing:
        self.rings_loaded += 1
        if self.trouble:
            raise self.trouble
        return self.stored

    def replace(self, before: KeyRing, after: KeyRing, reason: str) -> bool:
        raise NotImplementedError


def test_a_new_ring_is_seen_after_two_seconds_and_not_asked_for_before(clock: FrozenClock) -> None:
    store = StoreUnderTest(FIRST)
    cache = RingCache(store, clock)
    assert cache.ring() is FIRST
    store.stored = SECOND
    clock.move(1.999)
    assert cache.ring() is FIRST
    assert store.versions_asked == 0
    clock.move(0.001)
    assert cache.ring() is SECOND


def test_an_unchanged_ring_is_not_loaded_again(clock: FrozenClock) -> None:
    store = StoreUnderTest(FIRST)
    cache = RingCache(store, clock)
    for _ in range(5):
        assert cache.ring() is FIRST
        clock.move(2)
    assert (store.rings_loaded, store.versions_asked) == (1, 4)


def test_whoever_needs_the_newest_ring_gets_it_at_once(clock: FrozenClock) -> None:
    store = StoreUnderTest(FIRST)
    cache = RingCache(store, clock)
    assert cache.ring() is FIRST
    store.stored = SECOND
    assert cache.newest() is SECOND
    assert cache.ring() is SECOND
    clock.move(1)
    store.trouble = ConnectionError()
    assert cache.newest() is SECOND


def test_names_that_nobody_has_make_us_ask_once_a_second_at_most(clock: FrozenClock) -> None:
    store = StoreUnderTest(FIRST)
    cache = RingCache(store, clock)
    for _ in range(1000):
        cache.newest()
    assert store.versions_asked == 1
    clock.move(1)
    cache.newest()
    assert store.versions_asked == 2


def test_a_clock_set_back_does_not_keep_an_old_ring_alive(clock: FrozenClock) -> None:
    store = StoreUnderTest(FIRST)
    cache = RingCache(store, clock)
    cache.ring()
    store.stored = SECOND
    clock.move(-3600)
    assert cache.ring() is SECOND


def test_f_17_a_store_out_of_order_leaves_the_last_good_ring_and_one_line_in_the_log(
    clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = StoreUnderTest(FIRST)
    cache = RingCache(store, clock)
    cache.ring()
    store.stored, store.trouble = SECOND, ConnectionError("no route to host")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            clock.move(2)
            assert cache.ring() is FIRST
    assert [record.message for record in caplog.records] == ["ALARM: cannot reload the key ring, keeping version 1"]
    assert "no route to host" in caplog.text
    assert cache.is_failing


def test_a_store_out_of_order_is_not_asked_by_every_request(clock: FrozenClock) -> None:
    store = StoreUnderTest(FIRST)
    cache = RingCache(store, clock)
    cache.ring()
    store.trouble = ConnectionError()
    clock.move(2)
    for _ in range(10):
        cache.ring()
    assert store.versions_asked == 1


def test_a_store_in_order_again_is_followed_again_and_said_so(
    clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = StoreUnderTest(FIRST)
    cache = RingCache(store, clock)
    cache.ring()
    store.trouble = ConnectionError()
    clock.move(2)
    cache.ring()
    store.stored, store.trouble = SECOND, None
    clock.move(2)
    assert cache.ring() is SECOND
    assert caplog.records[-1].message == "the key ring can be reloaded again, version 2"
    assert not cache.is_failing


def test_without_any_ring_the_trouble_is_told(clock: FrozenClock) -> None:
    store = StoreUnderTest(FIRST)
    store.trouble = ConnectionError("no route to host")
    cache = RingCache(store, clock)
    with pytest.raises(ConnectionError, match="no route to host"):
        cache.ring()
    store.trouble = None
    assert cache.ring() is FIRST


def test_while_one_thread_asks_the_others_go_on(clock: FrozenClock) -> None:
    class SlowStore(StoreUnderTest):
        asked, answer = Event(), Event()

        def version(self) -> int:
            self.asked.set()
            assert self.answer.wait(10)
            return super().version()

    store = SlowStore(FIRST)
    cache = RingCache(store, clock)
    cache.ring()
    store.stored = SECOND
    clock.move(2)
    asking = Thread(target=cache.ring)
    asking.start()
    assert store.asked.wait(10)
    assert cache.ring() is FIRST
    store.answer.set()
    asking.join(10)
    assert cache.ring() is SECOND
    assert store.versions_asked == 1
