"""What every short-lived store promises: SQLite, PostgreSQL and Redis pass one suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from idp.ephemeral_records import EphemeralRecords, RecordKind, new_secret
from idp.login.attempt import LoginAttempt
from idp.login.authentication import Authentication
from idp.oidc.grant import AuthorizationCode, Grant
from idp.ports import SPENT, EphemeralStore
from idp.store.ephemeral_redis import RedisEphemeralStore
from idp.store.ephemeral_sql import SqlEphemeralStore
from keys.database import Database
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


def keys(count: int) -> list[str]:
    return [f"k:{number}" for number in range(count)]


@pytest.mark.parametrize("race", [take_all, replace_all], ids=["take", "replace"])
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
