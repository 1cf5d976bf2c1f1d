"""F-02, F-10, F-13: a store whose host answers and whose processes do not costs one deadline, and then nothing."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from config.settings import Settings, Store
from config.stores import open_redis
from idp.at_once import PATIENCE, NeedsThread, at_once
from idp.errors import StoreDown
from idp.http.store_errors import STORE_DOWN
from idp.store import watches
from idp.store.database import Database
from idp.store.ephemeral_redis import RedisEphemeralStore
from idp.store.prepared import Prepared
from idp.store.rest import Rest, Resting
from idp.store.signing_keys import SqlKeyStore, metadata
from idp.store.timeouts import patient
from idp.store.watches import watch_of
from keys.cache import RingCache
from keys.sealing import MasterKey, MasterKeys
from tests.support import servers
from tests.support.clock import FrozenClock
from tests.support.frozen import frozen, postmaster, redis_process
from tests.support.waiting import until

TIMEOUT = 0.5
DEADLINE = TIMEOUT + 1.0
THREADS = 6
one = sa.table("one", sa.column("n", sa.Integer))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with servers.postgresql() as url:
        yield url


@pytest.fixture
def database(server: str) -> Iterator[Database]:
    made = Database(server, pool_wait=TIMEOUT, connect_timeout=TIMEOUT, statement_timeout=TIMEOUT)
    with made.transaction.begin() as connection:
        connection.execute(sa.text("create table if not exists one as select 1 as n"))
    yield made
    made.close()


def reading(database: Database) -> None:
    with database.autocommit.connect() as connection:
        connection.execute(sa.select(one.c.n)).scalar_one()


def writing(database: Database) -> None:
    """Of no row: beside other work six threads would wait for each other's lock longer than `TIMEOUT`."""
    with database.transaction.begin() as connection:
        connection.execute(one.update().where(one.c.n == 2).values(n=1))


def prepared(database: Database) -> None:
    Prepared(database, sa.select(one.c.n)).rows()


def all_at_once(database: Database, *calls: Callable[[Database], None]) -> None:
    """Each call from several threads, on connections that were opened before."""
    for call in calls:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(call, [database] * THREADS))


@pytest.mark.parametrize("call", [reading, writing, prepared])
def test_a_frozen_postgresql_costs_every_thread_at_most_a_deadline(
    server: str, database: Database, call: Callable[[Database], None]
) -> None:
    """Acceptance 5"""
    all_at_once(database, call)
    with frozen(postmaster(server)):
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            ends = [pool.submit(failing, call, database) for _ in range(THREADS)]
            assert {end.result() for end in ends} == {True}
        assert time.monotonic() - began < DEADLINE
    until(lambda: not failing(call, database), patience=5.0)


@pytest.mark.parametrize("call", [reading, prepared])
def test_the_loop_of_a_worker_leaves_a_frozen_postgresql_to_a_thread(
    server: str, database: Database, call: Callable[[Database], None]
) -> None:
    all_at_once(database, call)
    call(database)
    with frozen(postmaster(server)):
        assert PATIENCE <= left_to_a_thread_after(lambda: call(database)) < TIMEOUT
        assert left_to_a_thread_after(lambda: call(database)) < PATIENCE / 2, "it waits once"
        assert failing(call, database), "a thread waits, and tells the others"
        until(lambda: left_to_a_thread_after(lambda: failing(call, database)) > 0, patience=5.0)
    until(lambda: not failing(call, database), patience=5.0)


def left_to_a_thread_after(ask: Callable[[], object]) -> float:
    """The seconds until the loop of a worker left it to a thread; 0 when it did not."""
    began = time.monotonic()
    with at_once():
        try:
            ask()
        except NeedsThread:
            return time.monotonic() - began
    return 0.0


def test_keys_are_shown_while_a_frozen_postgresql_lets_wait(server: str, database: Database) -> None:
    clock = FrozenClock()
    rings = RingCache(SqlKeyStore(database, MasterKeys((MasterKey(b"m" * 32),))), clock)
    metadata.create_all(database.transaction)
    ring = rings.ring()
    with frozen(postmaster(server)):
        clock.move(60)
        began = time.monotonic()
        assert left_to_a_thread_after(lambda: rings.ring() is ring) == 0
        assert rings.is_failing, "so that the housekeeping thread asks again"
        clock.move(60)
        assert left_to_a_thread_after(lambda: rings.ring() is ring) == 0
        assert time.monotonic() - began < TIMEOUT


def test_the_loop_of_a_worker_opens_no_connection(server: str, database: Database) -> None:
    database.close()
    assert left_to_a_thread_after(lambda: prepared(database)) > 0
    prepared(database)
    assert left_to_a_thread_after(lambda: prepared(database)) == 0, "a thread has opened one"
    with servers.redis_server() as url:
        ephemeral = ephemeral_in(url)
        assert left_to_a_thread_after(lambda: ephemeral.get("a", now=0)) > 0
        assert ephemeral.get("a", now=0) is None
        assert left_to_a_thread_after(lambda: ephemeral.get("a", now=0)) == 0


def test_the_loop_of_a_worker_leaves_a_frozen_redis_to_a_thread() -> None:
    with servers.redis_server() as url:
        ephemeral = ephemeral_in(url)
        assert ephemeral.get("a", now=0) is None
        with frozen(redis_process(url)):
            assert PATIENCE <= left_to_a_thread_after(lambda: ephemeral.get("a", now=0)) < TIMEOUT
            assert left_to_a_thread_after(lambda: ephemeral.get("a", now=0)) < PATIENCE / 2, "it waits once"
            assert not redis_answers(ephemeral), "a thread waits, and tells the others"
        until(lambda: redis_answers(ephemeral), patience=5.0)
        assert left_to_a_thread_after(lambda: ephemeral.get("a", now=0)) == 0


def ephemeral_in(url: str) -> RedisEphemeralStore:
    opened = open_redis(Settings(store=Store(redis_url=url, timeout=TIMEOUT)))
    assert opened
    return RedisEphemeralStore(opened)


def failing(call: Callable[[Database], None], database: Database) -> bool:
    try:
        call(database)
    except STORE_DOWN:
        return True
    return False


def test_once_it_is_known_to_hang_nobody_waits(server: str, database: Database) -> None:
    reading(database)
    with frozen(postmaster(server)):
        assert failing(reading, database)
        began = time.monotonic()
        for _ in range(50):
            assert failing(reading, database)
        assert time.monotonic() - began < TIMEOUT


def test_an_operators_long_read_may_take_its_time_and_the_next_use_may_not(database: Database) -> None:
    with patient(database) as connection:
        connection.execute(sa.text(f"select pg_sleep({2 * TIMEOUT})"))
    with pytest.raises(sa.exc.OperationalError), database.autocommit.connect() as connection:
        connection.execute(sa.text(f"select pg_sleep({2 * TIMEOUT})"))
    # The server itself has ended that one, so the connection and the rest are well.
    reading(database)


def test_a_frozen_redis_costs_a_deadline_and_then_nothing() -> None:
    with servers.redis_server() as url:
        ephemeral = ephemeral_in(url)
        assert ephemeral.get("a", now=0) is None
        with frozen(redis_process(url)):
            for bound in (DEADLINE, TIMEOUT / 2, TIMEOUT / 2):
                began = time.monotonic()
                with pytest.raises(StoreDown):
                    ephemeral.get("a", now=0)
                assert time.monotonic() - began < bound
        until(lambda: redis_answers(ephemeral), patience=5.0)


def redis_answers(ephemeral: RedisEphemeralStore) -> bool:
    try:
        ephemeral.get("a", now=0)
    except StoreDown:
        return False
    return True


def test_of_many_one_tries_again() -> None:
    rest = Rest(0.3)
    rest.waited_in_vain()
    assert not may_ask(rest)
    until(lambda: may_ask(rest))

    assert may_ask(rest), "whoever tries may need more than one call"
    with ThreadPoolExecutor(THREADS) as pool:
        assert not any(pool.map(may_ask, [rest] * THREADS))
        rest.answered()
        assert all(pool.map(may_ask, [rest] * THREADS))


def may_ask(rest: Rest) -> bool:
    try:
        rest.ask()
    except Resting:
        return False
    return True


def test_a_watch_of_a_frozen_postgresql_lets_go_and_listens_again(
    server: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "PING_EVERY", 0.1)
    monkeypatch.setattr(watches, "TICK", 0.1)
    watch = watch_of(database)
    watch.start(may_keep_house=True)
    until(lambda: watch.is_housekeeper, patience=5.0)
    with frozen(postmaster(server)):
        assert until(lambda: not watch.is_housekeeper) < 2 * DEADLINE
        began = time.monotonic()
        watch.stop()
        assert time.monotonic() - began < 2 * DEADLINE
    again = watch_of(database)
    again.start(may_keep_house=True)
    until(lambda: again.is_housekeeper)
    again.stop()
