"""What every short-lived store promises: SQLite, PostgreSQL and Redis pass one suite."""

from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from redis import Redis

from idp.at_once import NeedsThread, at_once, needs_thread
from idp.ephemeral_records import EphemeralRecords, RecordKind, new_secret
from idp.login.attempt import LoginAttempt
from idp.login.authentication import Authentication
from idp.oidc.grant import AuthorizationCode, Grant
from idp.ports import SPENT, EphemeralStore, NewRecord
from idp.store.database import Database
from idp.store.ephemeral_redis import RedisEphemeralStore
from idp.store.ephemeral_sql import SqlEphemeralStore
from tests.support import databases
from tests.support.clock import FrozenClock
from tests.support.rivals import outcomes

NOW, LATER = 1_772_413_200.0, 1_772_413_260.0


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the store is: a URL that other processes can open too."""
    if request.param == "redis":
        yield request.getfixturevalue("empty_redis_url")
    elif request.param == "sqlite":
        yield databases.sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path)
    else:
        server, template = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgresql_template")
        with databases.postgresql_copy(server, template) as url:
            yield url


def open_store(address: str) -> EphemeralStore:
    if address.startswith(("redis", "unix")):
        return RedisEphemeralStore(Redis.from_url(address))
    return SqlEphemeralStore(Database(address))


@pytest.fixture
def store(address: str) -> EphemeralStore:
    return open_store(address)


def test_what_was_put_is_found(store: EphemeralStore) -> None:
    assert store.put("k:1", b"value|with a bar", expires_at=LATER, now=NOW)
    assert store.get("k:1", now=NOW) == b"value|with a bar"


def test_what_was_never_put_is_none(store: EphemeralStore) -> None:
    assert store.get("k:1", now=NOW) is None
    assert store.take("k:1", now=NOW) is None
    assert store.get("k:1", now=NOW) is None
    assert not store.replace("k:1", b"a", b"b", now=NOW)


def test_a_live_record_is_never_overwritten(store: EphemeralStore) -> None:
    store.put("k:1", b"first", expires_at=LATER, now=NOW)

    assert not store.put("k:1", b"second", expires_at=LATER, now=NOW)
    assert store.get("k:1", now=NOW) == b"first"


def test_expiry_is_a_fact_in_the_record(store: EphemeralStore) -> None:
    store.put("k:1", b"value", expires_at=LATER, now=NOW)

    assert store.get("k:1", now=LATER - 0.001) == b"value"
    assert store.get("k:1", now=LATER) is None
    assert not store.replace("k:1", b"value", b"new", now=LATER)
    assert store.take("k:1", now=LATER) is None


def test_a_value_is_taken_once_and_leaves_a_tombstone(store: EphemeralStore) -> None:
    store.put("k:1", b"value", expires_at=LATER, now=NOW)

    assert store.take("k:1", now=NOW) == b"value"
    assert store.take("k:1", now=NOW) is SPENT
    assert store.get("k:1", now=NOW) is None
    assert not store.replace("k:1", b"value", b"new", now=NOW)
    assert not store.put("k:1", b"again", expires_at=LATER, now=NOW)
    assert store.take("k:1", now=NOW) is SPENT


def test_replace_compares_and_keeps_the_expiry(store: EphemeralStore) -> None:
    store.put("k:1", b"old", expires_at=LATER, now=NOW)

    assert not store.replace("k:1", b"other", b"new", now=NOW)
    assert store.replace("k:1", b"old", b"new\0\xff|", now=NOW)
    assert store.get("k:1", now=NOW) == b"new\0\xff|"
    assert store.get("k:1", now=LATER) is None


def test_two_keys_have_nothing_to_do_with_each_other(store: EphemeralStore) -> None:
    store.put("k:1", b"one", expires_at=LATER, now=NOW)
    store.put("k:2", b"two", expires_at=LATER, now=NOW)
    store.take("k:1", now=NOW)

    assert store.get("k:2", now=NOW) == b"two"


NEW = NewRecord("new:1", b"beside|\xff", LATER)


def test_what_is_put_beside_a_live_value_is_there_and_the_value_stays(store: EphemeralStore) -> None:
    store.put("k:1", b"value|with a bar", expires_at=LATER, now=NOW)

    assert store.get_and_put("k:1", NEW, now=NOW) == (b"value|with a bar", True)
    assert store.get_and_put("k:1", NEW, now=NOW) == (b"value|with a bar", False), "put once"
    assert store.get("k:1", now=NOW) == b"value|with a bar"
    assert store.get("new:1", now=LATER - 0.001) == b"beside|\xff"
    assert store.get("new:1", now=LATER) is None


def test_who_takes_puts_and_nobody_later(store: EphemeralStore) -> None:
    store.put("k:1", b"value|with a bar", expires_at=LATER, now=NOW)

    assert store.take_and_put("k:1", NEW, now=NOW) == b"value|with a bar"
    assert store.get("new:1", now=NOW) == b"beside|\xff"
    assert store.take_and_put("k:1", NewRecord("new:2", b"again", LATER), now=NOW) is SPENT
    assert store.get_and_put("k:1", NewRecord("new:2", b"again", LATER), now=NOW) == (None, False)
    assert store.take("k:1", now=NOW) is SPENT
    assert store.get("new:2", now=NOW) is None


def test_beside_nothing_nothing_is_put(store: EphemeralStore) -> None:
    store.put("k:1", b"value", expires_at=LATER, now=NOW)

    for key, now in (("k:unknown", NOW), ("k:1", LATER)):
        new = NewRecord("new:1", b"beside", LATER + 60)
        assert store.get_and_put(key, new, now=now) == (None, False)
        assert store.take_and_put(key, new, now=now) is None
    assert store.get("new:1", now=NOW) is None
    assert store.take("k:1", now=NOW) == b"value", "it was not spent"


def test_what_an_earlier_run_of_redis_kept_is_neither_read_nor_taken(empty_redis_url: str) -> None:
    """It may have lost the tombstone: nothing is put beside it."""
    raw, store = Redis.from_url(empty_redis_url), RedisEphemeralStore(Redis.from_url(empty_redis_url))
    raw.set("idp:2:k:1", f"{LATER}|another|value")

    assert store.get_and_put("k:1", NEW, now=NOW) == (None, False)
    assert store.take_and_put("k:1", NEW, now=NOW) is None
    assert store.get("new:1", now=NOW) is None


def take_all(address: str, count: int) -> list[str]:
    """In a process of its own: take every key, and say which were ours."""
    store = open_store(address)
    return [key for key in keys(count) if isinstance(store.take(key, now=NOW), bytes)]


def replace_all(address: str, count: int) -> list[str]:
    store = open_store(address)
    return [key for key in keys(count) if store.replace(key, b"value", b"mine", now=NOW)]


def put_all(address: str, count: int) -> list[str]:
    store = open_store(address)
    return [key for key in keys(count) if store.put(key, b"value", expires_at=LATER, now=NOW)]


def take_and_put_all(address: str, count: int) -> list[str]:
    """The same, each with a record of its own beside it; those who came too late leave none."""
    store, ours = open_store(address), []
    for key in keys(count):
        new = NewRecord(f"{key}:{token_hex(8)}", b"beside", LATER)
        is_ours = isinstance(store.take_and_put(key, new, now=NOW), bytes)
        assert (store.get(new.key, now=NOW) is not None) == is_ours
        ours += [key] if is_ours else []
    return ours


def put_beside_all(address: str, count: int) -> list[str]:
    """All put the same new records beside the same values."""
    store = open_store(address)
    each = {key: store.get_and_put(key, NewRecord(f"{key}:new", b"beside", LATER), now=NOW) for key in keys(count)}
    assert {kept for kept, _ in each.values()} == {b"value"}
    return [key for key, (_, was_put) in each.items() if was_put]


def keys(count: int) -> list[str]:
    return [f"k:{number}" for number in range(count)]


@pytest.mark.parametrize("race", [take_all, replace_all, take_and_put_all, put_beside_all])
def test_of_many_at_once_exactly_one_wins(address: str, store: EphemeralStore, race: object) -> None:
    """N-01: two processes with four threads each, all at the same keys."""
    for key in keys(50):
        store.put(key, b"value", expires_at=LATER, now=NOW)

    won = outcomes(race, address, 50)

    assert sorted(won) == sorted(keys(50))


def test_of_many_who_create_at_once_exactly_one_does(address: str) -> None:
    """N-01: what `put` promises for things that must be unique."""
    assert sorted(outcomes(put_all, address, 50)) == sorted(keys(50))


def test_every_field_survives_the_round_trip(store: EphemeralStore) -> None:
    """No field stands at its default: one that is dropped would survive unnoticed otherwise."""
    proof = Authentication("ab" * 16, 1.5, ("pwd", "otp"), 3, 2, "vneid")
    grant = Grant("portal", proof, "sid", ("openid", "bhxh"), "https://api.test/", "n", ("name",), ("email",))
    attempt = LoginAttempt((("a", "b"),), "portal", "https://p.test", "digest", 2.5, proof, True, "cd" * 16, 7, "hint")
    clock = FrozenClock()
    codes = EphemeralRecords(RecordKind.AUTHORIZATION_CODE, AuthorizationCode, store, clock, life=60)
    attempts = EphemeralRecords(RecordKind.LOGIN_ATTEMPT, LoginAttempt, store, clock, life=60)
    code = AuthorizationCode(grant, "https://p.test/cb", "challenge", "id")

    assert codes.take(codes.add(code)) == code
    assert attempts.find(attempts.add(attempt)) == attempt


def test_a_record_that_its_handle_does_not_open_is_none(store: EphemeralStore) -> None:
    """One of another version, or one that somebody exchanged for another's."""
    clock = FrozenClock()
    codes = EphemeralRecords(RecordKind.AUTHORIZATION_CODE, str, store, clock, life=60)
    mine, other = codes.add("mine"), new_secret("k")
    value = store.get(codes.key_of(mine), now=clock())
    assert value
    assert b"mine" not in value
    store.put(codes.key_of(other), value, expires_at=clock() + 60, now=clock())

    assert (codes.find(other), codes.take(other)) == (None, None)
    assert codes.find(mine) == "mine"


def test_every_change_is_noted_for_the_loop_of_a_worker(store: EphemeralStore) -> None:
    """Otherwise a request that has changed something would be answered a second time, by a thread."""
    changes: list[Callable[[], object]] = [
        lambda: store.put("k:1", b"1", expires_at=LATER, now=NOW),
        lambda: store.replace("k:1", b"1", b"2", now=NOW),
        lambda: store.get_and_put("k:1", NewRecord("k:2", b"2", LATER), now=NOW),
        lambda: store.take("k:1", now=NOW),
        lambda: store.take_and_put("k:2", NewRecord("k:3", b"3", LATER), now=NOW),
    ]
    assert store.get("k:1", now=NOW) is None, "the loop opens no connection"
    for change in changes:
        with at_once():
            assert change()
            needs_thread()
    with at_once():
        assert store.get("k:3", now=NOW)
        with pytest.raises(NeedsThread):
            needs_thread()
