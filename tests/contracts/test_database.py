"""What both databases promise behind their two doors, and what each promises alone."""

import os
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from config import migrate
from idp.store.database import Database

metadata = sa.MetaData()
counter = sa.Table("test_counter", metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("n", sa.Integer))
part = sa.Table("test_part", metadata, sa.Column("of", sa.Text, sa.ForeignKey("test_counter.name")))


@pytest.fixture
def database(database: Database) -> Database:
    create_counter(database)
    return database


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/made/for/us/idp.db")
    yield opened
    opened.close()


def create_counter(database: Database) -> None:
    with database.transaction.begin() as connection:
        metadata.create_all(connection)
        connection.execute(counter.insert().values(name="a", n=0))


def count(database: Database) -> int:
    with database.autocommit.connect() as connection:
        n: int = connection.execute(sa.select(counter.c.n)).scalar_one()
    return n


def test_what_is_written_through_the_reading_door_is_there_at_once(database: Database) -> None:
    with database.autocommit.connect() as connection:
        changed = connection.execute(counter.update().values(n=7).returning(counter.c.n)).scalar_one()
        assert changed == count(database) == 7


def test_one_reading_connection_sees_what_others_commit_meanwhile(database: Database) -> None:
    with database.autocommit.connect() as connection:
        assert connection.execute(sa.select(counter.c.n)).scalar_one() == 0
        with database.transaction.begin() as writing:
            writing.execute(counter.update().values(n=1))
        assert connection.execute(sa.select(counter.c.n)).scalar_one() == 1


def test_a_transaction_is_seen_whole_or_not_at_all(database: Database) -> None:
    with database.transaction.begin() as connection:
        connection.execute(counter.update().values(n=1))
        assert count(database) == 0
    assert count(database) == 1


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction.begin() as connection:
            connection.execute(counter.update().values(n=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert count(database) == 0
    with database.transaction.begin() as connection:
        assert connection.execute(sa.select(counter.c.n)).scalar_one() == 0


def test_the_doors_may_be_used_in_turn_on_the_same_connection_of_the_pool(
    database: Database, database_url: str
) -> None:
    single = Database(database_url, pool_size=1)
    for n in range(1, 4):
        with single.transaction.begin() as connection:
            connection.execute(counter.update().values(n=n))
        assert count(single) == n
        with single.transaction.connect() as connection:
            connection.execute(counter.update().values(n=99))
            connection.rollback()
        assert count(single) == n
    single.close()


def test_comparing_and_setting_at_once_loses_nothing(database: Database) -> None:
    def spend(expected: int) -> int:
        with database.transaction.begin() as connection:
            changed = connection.execute(counter.update().where(counter.c.n == expected).values(n=expected + 1))
            return changed.rowcount

    with ThreadPoolExecutor(8) as threads:
        for expected in range(25):
            assert sum(threads.map(spend, [expected] * 8)) == 1
    assert count(database) == 25


def test_a_reference_to_nothing_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.transaction.begin() as connection:
        connection.execute(part.insert().values(of="nobody"))


def test_a_full_pool_is_waited_for_only_so_long(database_url: str) -> None:
    database = Database(database_url, pool_size=1, pool_wait=0.05)
    began = time.monotonic()
    with database.autocommit.connect(), pytest.raises(sa.exc.TimeoutError):
        database.autocommit.connect()
    assert time.monotonic() - began < 10
    database.close()


def test_a_fork_shares_no_connection_with_its_parent(database: Database) -> None:
    assert count(database) == 0
    child = os.fork()
    if child == 0:
        succeeded = False
        try:
            empty = isinstance(database.autocommit.pool, sa.QueuePool) and database.autocommit.pool.checkedin() == 0
            with database.transaction.begin() as connection:
                connection.execute(counter.update().values(n=1))
            succeeded = empty
        finally:
            os._exit(0 if succeeded else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert count(database) == 1


def test_a_database_prints_without_its_password() -> None:
    database = Database("postgresql://idp:s3cret@127.0.0.1/idp")
    assert repr(database) == "Database('postgresql+psycopg://idp:***@127.0.0.1/idp')"


@pytest.mark.parametrize(
    "url", ["mysql://127.0.0.1/idp", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"]
)
def test_a_database_we_do_not_speak_or_cannot_share_is_refused(url: str) -> None:
    with pytest.raises((ValueError, sa.exc.ArgumentError)):
        Database(url)


# SQLite


def test_a_new_sqlite_file_is_in_wal_mode_before_anybody_connects(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path}/idp.db")
    # Bytes 18 and 19 of the header: 1 is a rollback journal, 2 is WAL (sqlite.org/fileformat.html, 1.3.3).
    assert (tmp_path / "idp.db").read_bytes()[18:20] == b"\2\2"


def test_sqlite_makes_its_directory_and_files_for_their_owner_alone(sqlite_file: Database, tmp_path: Path) -> None:
    create_counter(sqlite_file)
    directory = tmp_path / "made/for/us"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {(entry.name, stat.S_IMODE(entry.stat().st_mode)) for entry in directory.iterdir()} == {
        ("idp.db", 0o600),
        ("idp.db-wal", 0o600),
        ("idp.db-shm", 0o600),
    }


def test_sqlite_survives_a_power_cut_and_waits_for_locks(sqlite_file: Database) -> None:
    for door in (sqlite_file.autocommit, sqlite_file.transaction):
        with door.connect() as connection:
            pragmas = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
            }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000, "foreign_keys": 1}


def test_sqlite_transactions_hold_the_write_lock_from_their_first_moment(sqlite_file: Database) -> None:
    create_counter(sqlite_file)

    def increment(_: int) -> None:
        with sqlite_file.transaction.begin() as connection:
            n = connection.execute(sa.select(counter.c.n)).scalar_one()
            connection.execute(counter.update().values(n=n + 1))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(increment, range(100)))
    assert count(sqlite_file) == 100


def test_sqlite_gives_up_on_a_lock_that_is_never_released(tmp_path: Path) -> None:
    first, second = (Database(f"sqlite:///{tmp_path}/idp.db", statement_timeout=0.05) for _ in range(2))
    began = time.monotonic()
    with first.transaction.begin():
        with pytest.raises(sa.exc.OperationalError, match="locked"), second.transaction.begin():
            pass
        with second.autocommit.connect() as connection:
            assert connection.execute(sa.select(1)).scalar_one() == 1
    assert time.monotonic() - began < 4
    with second.transaction.begin() as connection:
        metadata.create_all(connection)
    first.close()
    second.close()


def test_a_new_sqlite_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    ready = threading.Barrier(6, timeout=60)

    def create(path: Path) -> None:
        ready.wait(10)
        database = Database(f"sqlite:///{path}")
        with database.transaction.begin() as connection:
            metadata.create_all(connection)
        database.close()

    with ThreadPoolExecutor(6) as threads:
        for attempt in range(60):
            list(threads.map(create, [tmp_path / f"{attempt}.db"] * 6))
    assert not list(tmp_path.glob(".*"))


# PostgreSQL


on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@on_postgresql
def test_postgresql_cuts_a_statement_off_at_its_deadline(database: Database, database_url: str) -> None:
    with database.autocommit.connect() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "5s"
        assert connection.exec_driver_sql("SHOW timezone").scalar_one() == "UTC"
    hasty = Database(database_url, statement_timeout=0.05)
    with hasty.autocommit.connect() as connection, pytest.raises(sa.exc.OperationalError, match="statement timeout"):
        connection.exec_driver_sql("SELECT pg_sleep(10)")
    hasty.close()


@on_postgresql
def test_postgresql_migrations_may_take_their_time(database_url: str) -> None:
    patient = Database(database_url, statement_timeout=None)
    with patient.autocommit.connect() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "0"
    patient.close()


@on_postgresql
def test_f_10_after_postgresql_dropped_its_connections_one_statement_fails_and_the_next_ones_work(
    database: Database, database_url: str
) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: count(database), range(8)))
    other = Database(database_url)
    with other.autocommit.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    other.close()
    with pytest.raises(sa.exc.OperationalError):
        count(database)
    assert [count(database) for _ in range(8)] == [0] * 8
    with database.transaction.begin() as connection:
        connection.execute(counter.update().values(n=1))
    assert count(database) == 1


def test_the_newest_revision_is_the_one_that_alembic_leads_to(database: Database) -> None:
    head = ScriptDirectory.from_config(migrate.configuration()).get_current_head()
    assert (migrate.newest(), migrate.current(database)) == (head, head)
