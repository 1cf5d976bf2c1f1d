"""Reads that go around SQLAlchemy find what SQLAlchemy would find, and fail as it would fail."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from idp.store.tables import counter
from keys.database import Database
from keys.prepared import Prepared

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
