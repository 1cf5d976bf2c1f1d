"""Expired rows go whatever their number, and a table that cannot be swept keeps no other."""

import logging

import pytest
import sqlalchemy as sa

from federation.tables import EXPIRING
from idp.store import batches
from idp.store import tables as t
from idp.store.database import Database
from idp.store.sweep import sweep

NOW = 1_000.0


@pytest.fixture
def expired(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Twenty-five expired rows and three that live, where a statement deletes ten."""
    monkeypatch.setattr(batches, "BATCH", 10)
    rows = [{"id": f"mark {number}", "expires_at": NOW + (number >= 25)} for number in range(28)]
    with database.autocommit.connect() as connection:
        connection.execute(sa.insert(t.revocation), rows)
    return database


def left(database: Database) -> int:
    with database.autocommit.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(t.revocation)).scalar_one()


def test_no_statement_deletes_more_than_a_batch(expired: Database) -> None:
    statements: list[str] = []
    expired.watch(lambda text, seconds: statements.append(text))

    assert sweep(expired, NOW)["revocation"] == 25
    assert left(expired) == 3
    assert sum("DELETE FROM revocation" in text for text in statements) == 3


def test_what_time_did_not_allow_is_deleted_by_the_next_call(expired: Database) -> None:
    assert sweep(expired, NOW, seconds=-1)["revocation"] == 10
    assert sweep(expired, NOW)["revocation"] == 15
    assert left(expired) == 3


def test_a_table_that_fails_keeps_no_other_from_being_swept(
    expired: Database, caplog: pytest.LogCaptureFixture
) -> None:
    lost = sa.Table(
        "lost", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("expires_at", sa.Double)
    )

    with caplog.at_level(logging.WARNING):
        gone = sweep(expired, NOW, {lost: 0.0, **EXPIRING})

    assert "lost" not in gone
    assert gone["revocation"] == 25
    assert {table.name for table in EXPIRING} <= gone.keys()
    assert [record.__dict__["table"] for record in caplog.records if record.message == "table not swept"] == ["lost"]


def test_rows_with_keys_of_several_columns_go_too(database: Database) -> None:
    """Every swept table, with one expired row in each that can stand alone."""
    swept = sweep(database, NOW, EXPIRING)

    assert set(swept.values()) == {0}
    assert any(len(table.primary_key.columns) > 1 for table in (t.device, t.session_client))
