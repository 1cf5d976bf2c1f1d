"""Reads that go around SQLAlchemy find what SQLAlchemy would find, and fail as it would fail."""

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from idp.at_once import at_once
from idp.store.database import Database
from idp.store.prepared import WAITED, Prepared
from idp.store.tables import counter

BOTH = sa.select(counter.c.name, (counter.c.value + sa.bindparam("more", type_=sa.Integer)).label("sum")).where(
    counter.c.name.in_([sa.bindparam("one"), sa.bindparam("other")]), counter.c.value > 0
)


@pytest.fixture
def counters(database: Database) -> Database:
    with database.transaction.begin() as connection:
        connection.execute(counter.insert(), [{"name": "a", "value": 1}, {"name": "b", "value": 2}])
    return database


def test_rows_come_by_name_and_parameters_go_where_they_belong(counters: Database) -> None:
    prepared = Prepared(counters, BOTH.order_by(counter.c.name))

    for _ in range(7):  # psycopg prepares a statement on the server at its sixth use.
        assert prepared.rows(other="b", more=10, one="a") == [{"name": "a", "sum": 11}, {"name": "b", "sum": 12}]
    assert prepared.rows(one="c", other="d", more=0) == []


def test_the_newest_committed_state_is_read(counters: Database) -> None:
    prepared = Prepared(counters, BOTH)
    assert prepared.rows(one="a", other="a", more=0)[0]["sum"] == 1

    with counters.transaction.begin() as connection:
        connection.execute(counter.update().values(value=5))

    assert prepared.rows(one="a", other="a", more=0)[0]["sum"] == 5


def test_who_watches_the_database_sees_these_reads_too(counters: Database) -> None:
    seen: list[tuple[str, float]] = []
    counters.watch(lambda text, seconds: seen.append((text, seconds)))

    Prepared(counters, BOTH).rows(one="a", other="b", more=0)

    assert [(text.split()[0], seconds > 0) for text, seconds in seen] == [("SELECT", True)]


def test_in_a_transaction_it_commits_or_rolls_back_with_the_rest(counters: Database) -> None:
    """After a rollback psycopg makes the server forget every prepared statement of the connection."""
    read, add = Prepared(counters, BOTH), Prepared(counters, sa.insert(counter), ("name", "value"))
    for number in range(3):
        with counters.transaction.connect() as connection:
            connection.begin()
            assert read.within(connection, one="a", other="c", more=0) == [{"name": "a", "sum": 1}]
            assert add.within(connection, name="c", value=number) == []
            for _ in range(7):  # psycopg prepares a statement on the server at its sixth use.
                assert connection.execute(sa.select(counter.c.value).where(counter.c.name == "c")).scalar() == number
            connection.rollback()

    with counters.transaction.begin() as connection:
        add.within(connection, name="c", value=5)
    assert read.rows(one="c", other="c", more=0) == [{"name": "c", "sum": 5}]


def test_what_a_transaction_refuses_is_what_sqlalchemy_raises(counters: Database) -> None:
    add = Prepared(counters, sa.insert(counter), ("name", "value"))
    with pytest.raises(DBAPIError), counters.transaction.begin() as connection:
        add.within(connection, name="a", value=5)
    assert Prepared(counters, BOTH).rows(one="a", other="a", more=0) == [{"name": "a", "sum": 1}]


def test_a_change_gives_the_rows_that_it_returns(counters: Database) -> None:
    raised = sa.update(counter).values(value=counter.c.value + 10).where(counter.c.name == sa.bindparam("which"))
    prepared = Prepared(counters, raised.returning(counter.c.name, counter.c.value))
    assert prepared.changed(which="b") == [{"name": "b", "value": 12}]
    assert prepared.changed(which="z") == []


def test_a_read_that_fails_raises_what_sqlalchemy_raises(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path}/empty.db")

    with pytest.raises(OperationalError, match="no such table"):
        Prepared(empty, BOTH).rows(one="a", other="b", more=0)
    empty.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_read_survives_that_its_connection_was_cut(counters: Database) -> None:
    """SQLite has no connections to cut."""
    prepared = Prepared(counters, BOTH)
    assert len(prepared.rows(one="a", other="b", more=0)) == 2

    cut_others(counters)

    assert len(prepared.rows(one="a", other="b", more=0)) == 2


def cut_others(database: Database) -> None:
    """End every other connection to this database, and wait until they are gone."""
    ours = Database(database.autocommit.url.render_as_string(hide_password=False))
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with ours.autocommit.connect() as connection:
        connection.execute(sa.text(f"SELECT pg_terminate_backend(pid, 5000) {others}"))
    ours.close()


def test_a_change_says_how_many_rows_it_changed(counters: Database) -> None:
    raised = sa.update(counter).where(counter.c.name == sa.bindparam("which"), counter.c.value == sa.bindparam("old"))
    prepared = Prepared(counters, raised.values(value=sa.bindparam("new")))

    assert prepared.change(which="a", old=1, new=9) == 1
    assert prepared.change(which="a", old=1, new=9) == 0
    assert Prepared(counters, BOTH).rows(one="a", other="a", more=0)[0]["sum"] == 9


def test_values_of_every_type_come_back_as_they_went(database: Database) -> None:
    kinds = {"text": sa.String, "whole": sa.Integer, "time": sa.Float, "whether": sa.Boolean, "absent": sa.String}
    columns = [sa.cast(sa.bindparam(name, type_=kind), kind).label(name) for name, kind in kinds.items()]
    values = {
        "text": "Nguyễn Thị Hoà ' \\ $1 %s",
        "whole": -7,
        "time": 1767225600.25,
        "whether": False,
        "absent": None,
    }

    assert Prepared(database, sa.select(*columns)).rows(**values) == [values]


def test_literals_in_a_statement_have_their_type(database: Database) -> None:
    """An untyped FALSE would come back from PostgreSQL as text, which is true."""
    row = Prepared(database, sa.select(sa.literal(False).label("no"), sa.literal(2.5).label("half"))).rows()[0]

    assert (bool(row["no"]), row["half"]) == (False, 2.5)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_cannot_be_stored_matches_nothing_shorter(counters: Database, text: str) -> None:
    with pytest.raises((DBAPIError, UnicodeEncodeError)):
        Prepared(counters, BOTH).rows(one=text, other="b", more=0)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_type_that_no_hot_path_reads_is_refused(database: Database) -> None:
    with pytest.raises(KeyError):
        Prepared(database, sa.select(sa.cast(sa.literal("2026-11-30"), sa.Date).label("day"))).rows()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_table_that_a_migration_changed_is_read_again(counters: Database) -> None:
    """The server refuses a plan whose result has another type; the connection is replaced, and the read repeated."""
    whole = Prepared(counters, sa.select(counter))
    before = whole.rows()
    with counters.transaction.begin() as connection:
        connection.execute(sa.text("ALTER TABLE counter ALTER COLUMN value TYPE integer"))

    assert whole.rows() == before


def test_a_wait_that_came_to_its_end_is_not_repeated(counters: Database) -> None:
    """Neither on the driver nor by SQLAlchemy: whoever asks waits for one deadline."""
    url = counters.autocommit.url.render_as_string(hide_password=False)
    hasty = Database(url, statement_timeout=2 * WAITED)
    raised = Prepared(hasty, sa.update(counter).where(counter.c.name == sa.bindparam("which")).values(value=7))

    with counters.transaction.begin() as connection:
        connection.execute(counter.update().values(value=5))
        began = time.monotonic()
        with pytest.raises(OperationalError):
            raised.change(which="a")
        assert time.monotonic() - began < 4 * WAITED
    assert raised.change(which="a") == 1
    hasty.close()


def test_the_loop_of_a_worker_keeps_a_connection_until_it_is_cut(counters: Database) -> None:
    prepared, taken = Prepared(counters, BOTH), []
    sa.event.listen(counters.autocommit, "checkout", lambda *_: taken.append(1))
    for _ in range(3):
        with at_once():
            assert prepared.rows(one="a", other="a", more=0) == [{"name": "a", "sum": 1}]
    assert len(taken) == 1

    with at_once(), counters.connection() as connection:
        connection.driver_connection.close()
    for _ in range(2):
        with at_once():
            assert prepared.rows(one="a", other="a", more=0) == [{"name": "a", "sum": 1}]
    prepared.rows(one="a", other="a", more=0)
    assert len(taken) > 2, "a thread takes one each time"


def test_a_forked_process_leaves_the_connection_of_the_loop_to_its_parent(counters: Database) -> None:
    prepared = Prepared(counters, BOTH)
    # A thread opens each, as the loop opens none.
    prepared.rows(one="a", other="a", more=0)
    with at_once():
        prepared.rows(one="a", other="a", more=0)
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            prepared.rows(one="b", other="b", more=0)
        with at_once(), suppress(BaseException):
            os._exit(0 if prepared.rows(one="b", other="b", more=0) == [{"name": "b", "sum": 2}] else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    with at_once():
        assert prepared.rows(one="a", other="a", more=0) == [{"name": "a", "sum": 1}]
