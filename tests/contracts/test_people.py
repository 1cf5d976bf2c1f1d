"""Who holds a phone number, on both databases: the question that comes before any link to somebody outside."""

import pytest
from sqlalchemy import insert

from idp.accounts.account import Account, Identifier
from idp.store import tables as t
from idp.store.database import Database
from idp.store.people import _FOR_LOGIN, SqlPeople
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


def test_an_unknown_code_gets_the_hash_of_the_account_that_follows_its_place(people: SqlPeople) -> None:
    """N-10: as many statements, and never the account itself."""
    for number in (2, 4):
        people.add(account(number, None, password_hash=f"hash {number}"))
    unknown, above = "0099999999", f"{4:032x}"

    for place, stored in ((1, "hash 2"), (2, "hash 2"), (3, "hash 4"), (4, "hash 4"), (5, None)):
        assert people.find_for_login("bhxh", unknown, f"{place:032x}") == (None, stored)
    found, stored = people.find_for_login("bhxh", "0000000002", above)
    assert found == people.find(f"{2:032x}")
    assert stored == "hash 2"
    assert people.find_for_login("cccd", "0000000002", above) == (None, "hash 4")


def test_a_login_looks_no_account_up_but_by_an_index(database: Database) -> None:
    rest = {
        "kind": "individual",
        "status": "active",
        "name": "x",
        "more_claims": "{}",
        "created_at": 1,
        "updated_at": 1,
    }
    with database.transaction.begin() as connection:
        connection.execute(insert(t.account), [{"id": f"{n:032x}"} | rest for n in range(3000)])
    asked = {"kind": "bhxh", "value": "0099999999", "stand_in": f"{1500:032x}"}

    def look() -> None:
        with database.autocommit.connect() as connection:
            assert connection.execute(_FOR_LOGIN, asked).first()

    plan = plan_of(database, look)

    assert "SCAN account" not in plan
    assert "Seq Scan on account" not in plan


def test_a_hash_is_replaced_only_where_it_stands_unchanged(people: SqlPeople) -> None:
    people.add(account(1, None, password_hash="old"))
    held = f"{1:032x}"

    assert not people.rehash(held, "other", "new", is_weak=True)
    assert people.rehash(held, "old", "new")
    assert (people.find(held) or account(9, None)).password_hash == "new"
    assert not people.rehash(held, "old", "newer")
    assert not (people.find(held) or account(9, None)).password_temporary
    assert people.rehash(held, "new", "weak", is_weak=True)
    assert (people.find(held) or account(9, None)).password_temporary


def test_the_numbers_that_are_taken_are_told_before_an_import_writes(people: SqlPeople) -> None:
    people.add(account(1, None))

    assert people.taken([account(1, None), account(2, None)]) == {("bhxh", "0000000001"), ("cccd", "000900000001")}
