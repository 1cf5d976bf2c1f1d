"""The ring and the secrets in SQL: whole, sealed, and the same for every process that asks first."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from keys.database import Database
from keys.ring import ALGORITHMS, BadRing, KeyRing
from keys.rotation import Rotator
from keys.sealing import MasterKey, SealBroken
from keys.store import Secrets, SqlKeyStore, key_ring_version, secret, signing_key
from tests.support import keys
from tests.support.clock import FrozenClock

NOW = FrozenClock.MONDAY_MORNING
MASTER = MasterKey(bytes(range(32)))
OTHER_MASTER = MasterKey(bytes(32))


@pytest.fixture
def store(database: Database) -> SqlKeyStore:
    return SqlKeyStore(database, MASTER)


def change(database: Database, statement: sa.Update | sa.Insert) -> None:
    with database.write.begin() as connection:
        connection.execute(statement)


def test_an_empty_store_holds_an_empty_ring(store: SqlKeyStore) -> None:
    assert store.load() == KeyRing((), 0)
    assert store.version() == 0


def test_every_field_of_a_key_comes_back_as_it_was(store: SqlKeyStore) -> None:
    dated = keys.signing_key(
        "RS256", published_from=0.1 + 0.2, signs_from=NOW + 1 / 3, published_until=2.0**33 + 0.5, revoked_at=NOW
    )
    undated = keys.signing_key("ES256")
    assert store.add(dated, 0)
    assert store.add(undated, 1)
    assert store.load() == KeyRing((undated, dated), 2)
    assert store.version() == 2


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_stored_key_signs_what_its_public_part_verifies(store: SqlKeyStore, alg: str) -> None:
    key = keys.signing_key(alg)
    store.add(key, 0)
    (loaded,) = store.load().keys
    assert loaded.private == key.private
    assert loaded.public_jwk() == key.public_jwk()


def test_a_key_for_another_version_of_the_ring_is_not_taken(store: SqlKeyStore) -> None:
    assert store.add(keys.signing_key(number=0), 0)
    assert not store.add(keys.signing_key(number=1), 0)
    assert not store.add(keys.signing_key(number=1), 2)
    assert store.load() == KeyRing((keys.signing_key(number=0),), 1)


def test_a_key_is_stored_once_and_a_failed_addition_leaves_the_version_alone(store: SqlKeyStore) -> None:
    store.add(keys.signing_key(), 0)
    with pytest.raises(sa.exc.IntegrityError):
        store.add(keys.signing_key(), 1)
    assert store.version() == 1


def test_there_is_one_ring_whatever_else_lies_in_its_table(database: Database, store: SqlKeyStore) -> None:
    store.add(keys.signing_key(number=0), 0)
    change(database, key_ring_version.insert().values(id=2, version=7))
    assert store.version() == 1
    assert not store.add(keys.signing_key(number=1), 7)
    assert store.load() == KeyRing((keys.signing_key(number=0),), 1)


def test_no_private_part_lies_readable_in_the_database(database: Database, store: SqlKeyStore) -> None:
    key = keys.signing_key("EdDSA")
    store.add(key, 0)
    with database.read.connect() as connection:
        row = connection.execute(sa.select(signing_key)).one()
    private = key.private.as_dict(private=True)
    assert str(private["d"]) not in str(tuple(row))
    assert str(private["x"]) not in row.sealed_private


def test_f_17_a_damaged_key_is_refused_with_its_name_and_the_reason(database: Database, store: SqlKeyStore) -> None:
    key = keys.signing_key()
    store.add(key, 0)
    with database.read.connect() as connection:
        sealed = connection.execute(sa.select(signing_key.c.sealed_private)).scalar_one()
    for damaged in (sealed[:-1], sealed[:-6] + "AAAAAA", "2" + sealed[1:], ""):
        change(database, signing_key.update().values(sealed_private=damaged))
        with pytest.raises(BadRing, match=f"signing key {key.kid}: "):
            store.load()


@pytest.mark.parametrize(("column", "value"), [("alg", "RS256"), ("kid", "another-name")])
def test_f_17_a_sealed_key_belongs_to_its_name_and_algorithm(
    database: Database, store: SqlKeyStore, column: str, value: str
) -> None:
    store.add(keys.signing_key("PS256"), 0)
    change(database, signing_key.update().values({column: value}))
    with pytest.raises(BadRing, match="sealed for something else"):
        store.load()


def test_f_17_another_master_key_is_named_as_the_reason(database: Database, store: SqlKeyStore) -> None:
    store.add(keys.signing_key(), 0)
    with pytest.raises(BadRing, match=f"sealed by master key '{MASTER.id}', this is master key '{OTHER_MASTER.id}'"):
        SqlKeyStore(database, OTHER_MASTER).load()


def test_a_secret_is_made_once_and_lasts(database: Database) -> None:
    pepper = Secrets(database, MASTER).get("pepper")
    assert len(pepper) == 32
    assert Secrets(database, MASTER).get("pepper") == pepper


def test_secrets_of_different_names_differ(database: Database) -> None:
    secrets = Secrets(database, MASTER)
    assert len({secrets.get(name) for name in ("pepper", "pairwise", "log-digest", "refresh")}) == 4


def test_a_secret_that_is_known_needs_no_database(database: Database) -> None:
    secrets = Secrets(database, MASTER)
    pepper = secrets.get("pepper")
    change(database, secret.update().values(sealed="gone"))
    assert secrets.get("pepper") == pepper


def test_a_secret_does_not_open_under_another_name_or_master_key(database: Database) -> None:
    Secrets(database, MASTER).get("pepper")
    with pytest.raises(SealBroken, match="this is master key"):
        Secrets(database, OTHER_MASTER).get("pepper")
    change(database, secret.update().values(name="pairwise"))
    with pytest.raises(SealBroken, match="sealed for something else"):
        Secrets(database, MASTER).get("pairwise")


# Many processes at first start


def ensured(database: Database) -> object:
    ring = Rotator(SqlKeyStore(database, MASTER), lambda: NOW).ensure(("RS256", "ES256"))
    return ring.version, tuple(key.kid for key in ring.keys)


def peppered(database: Database) -> object:
    return Secrets(database, MASTER).get("pepper")


def at_once(work: Callable[[Database], object], url: str, processes: int = 4) -> set[object]:
    """Do the work in several processes that begin together; what they came to."""
    context = multiprocessing.get_context("fork")
    ready, results = context.Barrier(processes), context.Queue()
    running = [context.Process(target=_work, args=(work, url, ready, results)) for _ in range(processes)]
    for process in running:
        process.start()
    found = {results.get(timeout=60) for _ in running}
    for process in running:
        process.join(60)
    return found


def _work(work: Callable[[Database], object], url: str, ready: Barrier, results: "multiprocessing.Queue[Any]") -> None:
    database = Database(url)
    ready.wait(60)
    try:
        results.put(work(database))
    except Exception as error:
        results.put(repr(error))


def test_processes_that_start_at_once_come_to_one_ring(database_url: str, store: SqlKeyStore) -> None:
    assert len(at_once(ensured, database_url)) == 1
    ring = store.load()
    assert sorted(key.alg for key in ring.keys) == ["ES256", "RS256"]
    assert ring.version == 2


def test_processes_that_ask_for_a_secret_at_once_get_the_same(database: Database, database_url: str) -> None:
    assert at_once(peppered, database_url) == {Secrets(database, MASTER).get("pepper")}
