"""Migration 0009 on what was there before: numbers that officers shared, and declarations that ended without an end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import column, insert, select, table

from config import migrate
from idp.store.database import Database
from tests.support import databases

OFFICER = "id login name status bhxh_code citizen_number secured_at created_at updated_at"
DECLARATION = (
    "id reference kind request state version agency code citizen_number name phone email form secret_digest channel "
    "network language created_at submitted_at decided_at expires_at"
)
YEARS = 3653 * 86_400.0


def of_before(name: str, columns: str) -> Any:
    return table(name, *map(column, columns.split()))


@pytest.fixture(params=["sqlite", "postgresql"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database as the version before left it."""
    if request.param == "sqlite":
        yield at_0007(f"sqlite:///{tmp_path / 'before.db'}")
    else:
        with databases.postgresql_copy(request.getfixturevalue("postgres_url"), "template0") as url:
            yield at_0007(url)


def at_0007(url: str) -> Database:
    database, config = Database(url, statement_timeout=None), migrate.configuration()
    with database.transaction.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
    return database


def test_m6_a_number_that_two_active_officers_share_stays_with_the_older_one(before: Database) -> None:
    officer = of_before("officer", OFFICER)
    plain = {"name": "x", "secured_at": 0.0, "updated_at": 0.0, "bhxh_code": "0012345678"}
    rows = [("old", "active", 1.0), ("new", "active", 2.0), ("gone", "disabled", 0.0)]
    with before.transaction.begin() as connection:
        for login, status, at in rows:
            own = {
                "id": login,
                "login": login,
                "status": status,
                "created_at": at,
                "citizen_number": f"00109000000{at:.0f}",
            }
            connection.execute(insert(officer), plain | own)

    migrate.upgrade(before)

    with before.autocommit.connect() as connection:
        found = {row.login: row.bhxh_code for row in connection.execute(select(officer))}
        numbers = {row.citizen_number for row in connection.execute(select(officer))}
    before.close()
    assert found == {"old": "0012345678", "new": None, "gone": "0012345678"}
    assert None not in numbers


def test_m8_what_ended_before_ends_too(before: Database) -> None:
    declaration = of_before("declaration", DECLARATION)
    plain = dict.fromkeys(DECLARATION.split(), "x") | {"version": 1, "created_at": 1.0}
    states = {"approved": 50.0, "rejected": None, "submitted": None, "draft": None}
    with before.transaction.begin() as connection:
        for number, (state, decided) in enumerate(states.items()):
            own = {"id": state, "reference": str(number), "secret_digest": str(number), "kind": "individual"}
            moments = {"submitted_at": 9.0, "decided_at": decided, "expires_at": None, "language": "vi"}
            connection.execute(insert(declaration), plain | own | moments | {"state": state, "request": "register"})

    migrate.upgrade(before)

    with before.autocommit.connect() as connection:
        found = {row.state: row.expires_at for row in connection.execute(select(declaration))}
    before.close()
    assert found == {"approved": 50.0 + YEARS, "rejected": 9.0 + YEARS, "submitted": None, "draft": None}
