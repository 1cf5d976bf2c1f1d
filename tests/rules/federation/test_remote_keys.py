"""The keys of an upstream: judged, kept through its bad days, and asked for again no more than once a minute."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from federation.connector import UpstreamFailed
from federation.remembered import Remembered
from federation.remote_keys import MOST_KEYS, RemoteKeys
from tests.support.clock import FrozenClock
from tests.support.liar import KEY, STRANGER, public_jwk

GOOD = {"keys": [public_jwk(KEY)]}
NEW = {"keys": [public_jwk(STRANGER, "new")]}
BROKEN = {
    "empty": {"keys": []},
    "garbage": {"keys": [1, "x", None]},
    "no list": {"keys": 7},
    "another document": {"error": "x"},
    "too many": {"keys": [public_jwk(KEY, f"k{n}") for n in range(MOST_KEYS + 1)]},
    "one name twice": {"keys": [public_jwk(KEY), public_jwk(STRANGER)]},
    "500": UpstreamFailed("unavailable", "jwks: status 500"),
}


class Published:
    """What the upstream's address answers."""

    def __init__(self) -> None:
        self.now: Any = GOOD
        self.fetches = 0
        self.before: Callable[[], None] = lambda: None

    def fetch(self, deadline: float) -> Any:
        self.fetches += 1
        self.before()
        if isinstance(self.now, UpstreamFailed):
            raise self.now
        return self.now


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def keys(published: Published, clock: FrozenClock) -> RemoteKeys:
    return RemoteKeys(published.fetch, ("RS256",), clock)


def soon() -> float:
    return time.monotonic() + 5


def knows(keys: RemoteKeys, kid: str | None = "liar-1", asker: str = "login") -> bool:
    try:
        return keys.find(kid, "RS256", soon(), asker) is not None
    except UpstreamFailed:
        return False


def test_keys_are_fetched_once_an_hour(keys: RemoteKeys, published: Published, clock: FrozenClock) -> None:
    for _ in range(10):
        assert knows(keys)
        clock.move(359)
    assert published.fetches == 1
    clock.move(11)
    assert knows(keys)
    assert published.fetches == 2


@pytest.mark.parametrize("name", BROKEN)
def test_the_last_good_keys_are_kept_for_a_day(
    keys: RemoteKeys, published: Published, clock: FrozenClock, name: str
) -> None:
    """F-28: and nobody is asked more often than once a minute meanwhile."""
    assert knows(keys)
    published.now = BROKEN[name]
    for _ in range(23 * 60):
        clock.move(60)
        for _ in range(3):
            assert knows(keys)
    assert published.fetches <= 23 * 60 + 1
    clock.move(3600)
    assert not knows(keys), "after a day they are too old to be believed"

    published.now = GOOD
    clock.move(60)
    assert knows(keys), "and they are back as soon as the upstream is"


@pytest.mark.parametrize("name", BROKEN)
def test_without_good_keys_nobody_is_believed_and_nobody_is_asked_all_the_time(
    keys: RemoteKeys, published: Published, clock: FrozenClock, name: str
) -> None:
    """F-28"""
    published.now = BROKEN[name]
    for _ in range(20):
        assert not knows(keys)
    assert published.fetches == 1


def test_a_flapping_upstream_is_asked_once_a_minute(keys: RemoteKeys, published: Published, clock: FrozenClock) -> None:
    """F-28"""
    assert knows(keys)
    clock.move(3600)
    for minute in range(60):
        published.now = GOOD if minute % 2 else BROKEN["500"]
        for _ in range(5):
            assert knows(keys)
            clock.move(12)
    assert published.fetches <= 60


def test_a_new_key_is_found_with_one_more_fetch(keys: RemoteKeys, published: Published, clock: FrozenClock) -> None:
    """F-29: also right after another fetch."""
    assert knows(keys)
    published.now = NEW
    assert all(knows(keys, "new") for _ in range(50))
    assert published.fetches == 2


UNNAMED = [{name: value for name, value in public_jwk(key).items() if name != "kid"} for key in (KEY, STRANGER)]


def test_keys_without_names_are_no_outage_and_the_reason_is_told(keys: RemoteKeys, published: Published) -> None:
    """OIDC Core 10.1: with several keys a token has to name its own; the upstream works for those that do."""
    published.now = {"keys": [*UNNAMED, public_jwk(KEY)]}
    assert knows(keys)
    with pytest.raises(UpstreamFailed, match="several keys of the upstream fit") as failure:
        keys.find(None, "RS256", soon())
    assert failure.value.kind == "refused"

    keys.forget()
    published.now = {"keys": UNNAMED[:1]}
    assert knows(keys, None)


def test_what_is_forgotten_is_fetched_again(keys: RemoteKeys, published: Published) -> None:
    published.now = UpstreamFailed("unavailable", "jwks: status 500")
    assert not knows(keys)
    published.now = GOOD
    assert not knows(keys), "it rests for a minute"
    keys.forget()
    assert knows(keys)


def test_made_up_names_make_us_fetch_once_a_minute(keys: RemoteKeys, published: Published, clock: FrozenClock) -> None:
    """F-28"""
    assert knows(keys)
    for number in range(60):
        assert not knows(keys, f"made-up-{number}")
        clock.move(2)
    assert published.fetches == 1 + 2


def test_logout_tokens_of_strangers_do_not_use_up_the_look_that_logins_need(
    keys: RemoteKeys, published: Published
) -> None:
    """F-29: anybody may post a logout token with any `kid`."""
    assert knows(keys)
    assert not any(knows(keys, f"made-up-{number}", asker="logout") for number in range(10))
    assert published.fetches == 2

    published.now = NEW
    assert knows(keys, "new")


def test_fifty_logins_while_the_keys_change_make_one_fetch_and_none_fails(
    keys: RemoteKeys, published: Published
) -> None:
    """F-29"""
    assert knows(keys)
    published.now = NEW
    published.before = lambda: time.sleep(0.05)
    came: list[bool] = []
    begin = threading.Barrier(50, timeout=60)

    def log_in() -> None:
        begin.wait(20)
        came.append(knows(keys, "new"))

    threads = [threading.Thread(target=log_in) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert came == [True] * 50
    assert published.fetches == 2


def test_who_comes_while_another_fetches_is_served_from_what_is_known(published: Published, clock: FrozenClock) -> None:
    """F-25: a slow refresh holds one thread, not all."""
    let_go, fetching = threading.Event(), threading.Event()
    known = Remembered(published.fetch, clock)
    known.now(soon())
    clock.move(3600)

    def wait() -> None:
        fetching.set()
        assert let_go.wait(20)

    published.before = wait
    thread = threading.Thread(target=lambda: known.now(soon()))
    thread.start()
    assert fetching.wait(20)
    began = time.monotonic()
    assert known.now(soon()).value == GOOD
    assert time.monotonic() - began < 10
    let_go.set()
    thread.join(20)
    assert published.fetches == 2


def test_a_refresh_leaves_the_login_its_time(clock: FrozenClock) -> None:
    """F-28: whoever happens to come when the hour is over has a token to fetch as well."""
    given: list[float] = []

    def fetch(deadline: float) -> dict[str, Any]:
        given.append(deadline - time.monotonic())
        return GOOD

    known = Remembered(fetch, clock)
    for _ in range(2):
        known.now(time.monotonic() + 5)
        clock.move(3600)

    assert 4 < given[0] <= 5
    assert given[1] <= 1.5


def test_the_first_fetch_is_waited_for_and_not_longer_than_the_deadline(
    published: Published, clock: FrozenClock
) -> None:
    let_go, fetching = threading.Event(), threading.Event()
    known = Remembered(published.fetch, clock)

    def wait() -> None:
        fetching.set()
        assert let_go.wait(20)

    published.before = wait
    thread = threading.Thread(target=lambda: known.now(soon()))
    thread.start()
    assert fetching.wait(20)
    with pytest.raises(UpstreamFailed):
        known.now(time.monotonic() + 0.05)
    let_go.set()
    thread.join(20)
    assert known.now(soon()).value == GOOD


def test_a_clock_that_was_set_back_makes_nothing_good_for_ever(published: Published, clock: FrozenClock) -> None:
    known = Remembered(published.fetch, clock)
    known.now(soon())
    clock.move(-100_000)
    known.now(soon())
    assert published.fetches == 2


def test_a_bad_key_among_good_ones_does_not_hide_them(keys: RemoteKeys, published: Published) -> None:
    bad = [
        {"kty": "oct", "k": "AAAA", "kid": "secret"},
        public_jwk(STRANGER, "enc", use="enc"),
        public_jwk(STRANGER, "private", d="AQAB"),
        public_jwk(STRANGER, "short", n="4" * 100),
        public_jwk(STRANGER, "of 2040 bits", n="4" * 340),
        {"kty": "EC", "crv": "P-256", "kid": "half"},
        {"kty": "new", "kid": "of tomorrow"},
    ]
    published.now = {"keys": [*bad, public_jwk(KEY)]}

    assert knows(keys)
    for name in ("secret", "enc", "private", "short", "of 2040 bits", "half", "of tomorrow"):
        assert not knows(keys, name)


def test_without_a_name_only_an_only_key_is_meant(published: Published, clock: FrozenClock) -> None:
    """OIDC Core 10.1"""
    assert knows(RemoteKeys(published.fetch, ("RS256",), clock), None)
    published.now = {"keys": [public_jwk(KEY), public_jwk(STRANGER, "other")]}
    assert not knows(RemoteKeys(published.fetch, ("RS256",), clock), None)
