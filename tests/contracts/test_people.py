"""Who holds a phone number, on both databases: the question that comes before any link to somebody outside."""

import pytest
from sqlalchemy import insert

from idp.accounts.account import Account, Identifier
from idp.store import tables as t
from idp.store.people import SqlPeople
from keys.database import Database
from tests.support.plans import plan_of

NUMBER = "+84381234567"


def account(number: int, phone: str | None, **more: object) -> Account:
    held = (Identifier("bhxh", f"00{number:08d}", 1.0), Identifier("cccd", f"0009{number:08d}", 1.0))
    return Account(f"{number:032x}", "individual", "Trần Văn Ấn", phone=phone, identifiers=held, **more)  # type: ignore[arg-type]


@pytest.fixture
def people(database: Database) -> SqlPeople:
    return SqlPeople(database)


def test_accounts_that_hold_a_number_are_found_with_their_identifiers(people: SqlPeople) -> None:
    one, other = account(1, NUMBER), account(2, NUMBER, phone_verified_at=5.0)
    for each in (other, account(3, "+84381234568"), account(4, None), one):
        people.add(each)

    assert people.holding_phone(NUMBER) == [one, other]
    assert people.holding_phone("+84381234569") == []


def test_a_closed_account_holds_no_number(people: SqlPeople) -> None:
    people.add(account(1, NUMBER, status="disabled"))

    assert people.holding_phone(NUMBER) == []


@pytest.mark.parametrize("written", ["+841681234567", "01681234567", "841681234567", "0381234567", "84381234567"])
def test_a_number_in_an_old_record_counts_before_it_was_converted(people: SqlPeople, written: str) -> None:
    """U-02: whoever is overlooked here would make a collision look like a match."""
    people.add(account(1, NUMBER))
    people.add(account(2, written))

    assert [each.phone for each in people.holding_phone(NUMBER)] == [NUMBER, written]


def test_no_more_are_read_than_are_needed_to_refuse(people: SqlPeople) -> None:
    for number in range(5):
        people.add(account(number, NUMBER))

    assert len(people.holding_phone(NUMBER)) == 3
    assert len(people.holding_phone(NUMBER, limit=2)) == 2


def test_the_number_is_looked_up_by_its_index(database: Database) -> None:
    rows = [{"id": f"{n:032x}", "phone": f"+8490{n:07d}"} for n in range(3000)]
    rest = {
        "kind": "individual",
        "status": "active",
        "name": "x",
        "more_claims": "{}",
        "created_at": 1,
        "updated_at": 1,
    }
    with database.transaction.begin() as connection:
        connection.execute(insert(t.account), [row | rest for row in rows])

    plan = plan_of(database, lambda: SqlPeople(database).holding_phone("+84900001234"))

    assert "account_by_phone" in plan
    assert "SCAN account" not in plan
    assert "Seq Scan on account" not in plan
