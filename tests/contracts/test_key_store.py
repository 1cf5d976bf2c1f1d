"""The ring and the secrets in SQL: whole, sealed, and the same for every process that asks first."""

import gc
import multiprocessing
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from config.keys_setup import noted_in
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.signing_keys import TOKENS, Secrets, SqlKeyStore, secret
from keys.changes import KeyPolicy
from keys.ring import ALGORITHMS, BadRing, KeyRing, SigningKey
from keys.rotation import Rotator
from keys.sealing import MasterKey, MasterKeys, SealBroken
from tests.support import keys
from tests.support.clock import FrozenClock

NOW = FrozenClock.MONDAY_MORNING
MASTER = MasterKeys((MasterKey(bytes(range(32))),))
OTHER_MASTER = MasterKeys((MasterKey(bytes(32)),))


@pytest.fixture
def store(database: Database) -> SqlKeyStore:
    return SqlKeyStore(database, MASTER)


def add(store: SqlKeyStore, *added: SigningKey) -> bool:
    """Put these keys on the stored ring."""
    ring = store.load()
    return store.replace(ring, KeyRing((*ring.keys, *added), ring.version), "test")


def change(database: Database, statement: sa.Update | sa.Insert) -> None:
    with database.transaction.begin() as connection:
        connection.execute(statement)


def test_an_empty_store_holds_an_empty_ring(store: SqlKeyStore) -> None:
    assert store.load() == KeyRing((), 0)
    assert store.version() == 0


def test_every_field_of_a_key_comes_back_as_it_was(store: SqlKeyStore) -> None:
    dated = keys.signing_key(
        "RS256", published_from=0.1 + 0.2, signs_from=NOW + 1 / 3, published_until=2.0**33 + 0.5, revoked_at=NOW
    )
    undated = keys.signing_key("ES256")
    standby = keys.signing_key("EdDSA", signs_from=None)
    assert add(store, dated)
    assert add(store, undated, standby)
    assert set(store.load().keys) == {dated, undated, standby}
    assert store.version() == 2


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_stored_key_signs_what_its_public_part_verifies(store: SqlKeyStore, alg: str) -> None:
    key = keys.signing_key(alg)
    add(store, key)
    (loaded,) = store.load().keys
    assert loaded.private == key.private
    assert loaded.public_jwk() == key.public_jwk()


def test_a_key_for_another_version_of_the_ring_is_not_taken(store: SqlKeyStore) -> None:
    first, second = keys.signing_key(number=0), keys.signing_key(number=1)
    assert store.replace(KeyRing((), 0), KeyRing((first,), 0), "test")
    for version in (0, 2):
        assert not store.replace(KeyRing((), version), KeyRing((second,), version), "test")
    assert store.load() == KeyRing((first,), 1)


def test_a_key_is_stored_once_and_a_failed_addition_leaves_the_version_alone(store: SqlKeyStore) -> None:
    add(store, keys.signing_key())
    with pytest.raises(sa.exc.IntegrityError):
        store.replace(KeyRing((), 1), KeyRing((keys.signing_key(),), 1), "test")
    assert store.version() == 1


def test_a_changed_date_is_kept_and_other_keys_are_left_alone(database: Database, store: SqlKeyStore) -> None:
    first, second = keys.signing_key(number=0), keys.signing_key(number=1)
    add(store, first, second)
    before = {row.kid: row.sealed_private for row in store.rows()}
    ring = store.load()
    changed = replace(first, published_until=NOW + 1 / 3)
    store.replace(ring, KeyRing((changed, second), ring.version), "test")
    after = {row.kid: row.sealed_private for row in store.rows()}
    assert set(store.load().keys) == {changed, second}
    assert [kid for kid in before if before[kid] != after[kid]] == [first.kid]


def test_what_is_noted_stands_or_falls_with_the_change(database: Database) -> None:
    def fail(connection: sa.Connection, before: KeyRing, after: KeyRing, reason: str) -> None:
        assert (len(before.keys), len(after.keys), reason) == (0, 1, "test")
        raise ConnectionError

    store = SqlKeyStore(database, MASTER, fail)
    with pytest.raises(ConnectionError):
        add(store, keys.signing_key())
    assert store.load() == KeyRing((), 0)


def test_f_17_two_rings_are_refused(database: Database, store: SqlKeyStore) -> None:
    add(store, keys.signing_key(number=0))
    change(database, TOKENS.version.insert().values(id=2, version=7))
    with pytest.raises(BadRing, match="there are 2 key rings where one belongs"):
        store.load()


def test_f_17_keys_without_their_ring_are_refused(database: Database, store: SqlKeyStore) -> None:
    add(store, keys.signing_key(number=0))
    change(database, TOKENS.version.delete())
    with pytest.raises(BadRing, match="the version of their ring is missing"):
        store.load()


def test_a_ring_made_between_two_reads_is_not_taken_for_a_broken_one(
    database: Database, database_url: str, store: SqlKeyStore
) -> None:
    other = SqlKeyStore(Database(database_url), MASTER)

    def another_process_is_quicker(*_: object) -> None:
        add(other, keys.signing_key())

    sa.event.listen(database.autocommit, "after_cursor_execute", another_process_is_quicker, once=True)
    assert store.load() == KeyRing((), 0)
    assert store.load().version == 1


@pytest.mark.parametrize("column", ["published_from", "signs_from", "published_until", "revoked_at"])
def test_f_17_an_edited_date_is_found(database: Database, store: SqlKeyStore, column: str) -> None:
    """Above all nobody takes a revocation back, or lets a key sign earlier, by one UPDATE."""
    key = keys.signing_key(signs_from=NOW, published_until=NOW + 5, revoked_at=NOW + 1)
    add(store, key)
    for value in (getattr(key, column) + 1, None):
        if value is None and column == "published_from":
            continue
        change(database, TOKENS.key.update().values({column: value}))
        with pytest.raises(BadRing, match=f"signing key {key.kid}: truncated, altered"):
            store.load()


@pytest.mark.parametrize("alg", ["ES256", pytest.param("RS256", marks=pytest.mark.soak)])
def test_f_17_no_flipped_byte_of_a_stored_key_goes_unnoticed(
    database: Database, store: SqlKeyStore, alg: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Acceptance 2: every byte of every column, dates as their eight bytes."""
    key = keys.signing_key(alg, signs_from=NOW, published_until=NOW + 700, revoked_at=NOW + 3)
    add(store, key)
    (row,) = store.rows()
    flipped = 0
    for column in (column.name for column in TOKENS.key.columns):
        whole = getattr(row, column)
        for value in flips(whole):
            try:
                change(database, TOKENS.key.update().values({column: value}))
            except sa.exc.DBAPIError:
                continue  # The database itself does not take it.
            with pytest.raises(BadRing):
                store.load()
            flipped += 1
        change(database, TOKENS.key.update().values({column: whole}))
    assert store.load().keys == (key,)
    with capsys.disabled():
        print(f"\nstored {alg} key, {database.dialect}: {flipped} flipped bytes, 0 accepted")


def flips(value: str | float) -> Iterator[str | float]:
    """The value with each of its bytes flipped, one at a time."""
    if isinstance(value, str):
        yield from (value[:at] + chr(ord(letter) ^ 1) + value[at + 1 :] for at, letter in enumerate(value))
        return
    raw = struct.pack(">d", value)
    for at, byte in enumerate(raw):
        yield struct.unpack(">d", raw[:at] + bytes([byte ^ 0xFF]) + raw[at + 1 :])[0]


def test_no_private_part_lies_readable_in_the_database(database: Database, store: SqlKeyStore) -> None:
    key = keys.signing_key("EdDSA")
    add(store, key)
    with database.autocommit.connect() as connection:
        row = connection.execute(sa.select(TOKENS.key)).one()
    private = key.private.as_dict(private=True)
    assert str(private["d"]) not in str(tuple(row))
    assert str(private["x"]) not in row.sealed_private


def test_f_17_a_damaged_key_is_refused_with_its_name_and_the_reason(database: Database, store: SqlKeyStore) -> None:
    key = keys.signing_key()
    add(store, key)
    with database.autocommit.connect() as connection:
        sealed = connection.execute(sa.select(TOKENS.key.c.sealed_private)).scalar_one()
    for damaged in (sealed[:-1], sealed[:-6] + "AAAAAA", "2" + sealed[1:], ""):
        change(database, TOKENS.key.update().values(sealed_private=damaged))
        with pytest.raises(BadRing, match=f"signing key {key.kid}: "):
            store.load()


@pytest.mark.parametrize(("column", "value"), [("alg", "RS256"), ("kid", "another-name")])
def test_f_17_a_sealed_key_belongs_to_its_name_and_algorithm(
    database: Database, store: SqlKeyStore, column: str, value: str
) -> None:
    add(store, keys.signing_key("PS256"))
    change(database, TOKENS.key.update().values({column: value}))
    with pytest.raises(BadRing, match="sealed for something else"):
        store.load()


def test_f_17_another_master_key_is_named_as_the_reason(database: Database, store: SqlKeyStore) -> None:
    add(store, keys.signing_key())
    reason = f"sealed by master key '{MASTER.newest.id}', this is master key '{OTHER_MASTER.newest.id}'"
    with pytest.raises(BadRing, match=reason):
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
    return ring.version, tuple(sorted(key.kid for key in ring.keys))


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
    assert sorted(key.alg for key in ring.keys) == ["ES256", "ES256", "RS256", "RS256"]
    assert ring.version == 1


def rotated(database: Database) -> object:
    outcome = Rotator(SqlKeyStore(database, MASTER), lambda: NOW + 60).rotate("test")
    return bool(outcome.changes), outcome.after.version


def test_f_18_of_rotations_at_once_one_acts_and_the_others_find_nothing_due(
    database: Database, database_url: str, store: SqlKeyStore
) -> None:
    ensured(database)
    assert at_once(rotated, database_url) == {(True, 2), (False, 2)}


POINTS = 200


@pytest.mark.parametrize("points", [POINTS // 10, pytest.param(POINTS, marks=pytest.mark.soak)])
def test_f_18_a_rotation_that_is_killed_leaves_the_old_state_or_the_new(
    database: Database, database_url: str, points: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Acceptance 2: SIGKILL at lines spread over the whole rotation, its audit records included."""
    audit = SqlAudit(database, lambda: NOW, bytes(32), lambda: None)
    store = SqlKeyStore(database, MASTER, noted_in(audit))
    ring = Rotator(store, lambda: NOW, DAILY).ensure(("ES256",))
    # Each further key costs a rotation some lines more.
    first, second = (killed_at(database_url, NOW + 1000.0 * number, None) for number in (1, 2))
    more, old, new, point = second - first, 0, 0, 0
    # A rotation beside other work may run some lines more (a warning that something was slow), so go on to the commit.
    while point < points or not new:
        assert point < points + 100, "no rotation came as far as its commit"
        now = NOW + 1000.0 * (point + 3)
        lines = second + more * (new + 1)
        before = store.load()
        # Closer together towards the end, where the database is told.
        spread = round(lines * (1 - (1 - (point + 1) / (points + 1)) ** 3))
        killed_at(database_url, now, spread if point < points else lines + 20 * (point - points))
        after = store.load()
        old, new = old + (after == before), new + (after.version == before.version + 1)
        assert after.version in (before.version, before.version + 1)
        assert (
            after.signing_key("ES256", now).kid
            == (before.signing_key("ES256", now) if after == before else before.successors("ES256", now)[0]).kid
        )
        assert len(after.successors("ES256", now)) == 1
        assert activations(database) == after.version - ring.version + 1
        point += 1
    assert old + new == point
    assert old
    with capsys.disabled():
        print(f"\n{database.dialect}: killed at {point} points of {second} lines: {old} times old, {new} times new")


DAILY = KeyPolicy(lead=100.0)


def activations(database: Database) -> int:
    with database.autocommit.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM audit WHERE name = 'key.activated'")).scalar_one())


def killed_at(url: str, now: float, line: int | None) -> int:
    """Rotate in a process that is killed when it comes to this line of Python; gives how many lines it ran."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _rotate_until(url, now, line, writing)
        finally:
            os._exit(1)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return int(told.read() or 0)


def _rotate_until(url: str, now: float, line: int | None, told: int) -> None:
    ran = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal ran
        ran += event == "line"
        if ran == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    # What a collector runs between our lines would be counted too, and differs from run to run.
    gc.disable()
    database = Database(url)
    store = SqlKeyStore(database, MASTER, noted_in(SqlAudit(database, lambda: now, bytes(32), lambda: None)))
    sys.settrace(trace)
    Rotator(store, lambda: now, DAILY).rotate("test")
    sys.settrace(None)
    os.write(told, str(ran).encode())


def test_processes_that_ask_for_a_secret_at_once_get_the_same(database: Database, database_url: str) -> None:
    assert at_once(peppered, database_url) == {Secrets(database, MASTER).get("pepper")}
