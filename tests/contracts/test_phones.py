"""U-02: the numbers of all accounts on both databases: old forms are found and converted, never into a collision."""

from dataclasses import replace

import pytest

from idp.accounts.phone import PhoneNumber
from idp.store.database import Database
from idp.store.people import SqlPeople
from idp.store.phones import LISTED, PhoneFinding, SqlPhones
from tests.contracts.test_people import account
from tests.support.rivals import outcomes

NEW, OLD = "+84381234567", "+841681234567"
NUMBER = PhoneNumber(NEW, converted=True)


@pytest.fixture
def people(database: Database) -> SqlPeople:
    return SqlPeople(database)


@pytest.fixture
def phones(database: Database) -> SqlPhones:
    return SqlPhones(database)


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{number:032x}" for number in numbers)


def test_numbers_of_today_need_no_look(people: SqlPeople, phones: SqlPhones) -> None:
    for number, phone in enumerate((NEW, "+84981234567", None, None)):
        people.add(account(number, phone))

    assert list(phones.findings()) == []
    assert list(phones.findings(convert_at=9.0)) == []


@pytest.mark.parametrize("written", [OLD, "01681234567", "841681234567"])
def test_an_old_form_is_told_and_then_converted(people: SqlPeople, phones: SqlPhones, written: str) -> None:
    """U-02: it is the same number, so it stays as verified as it was."""
    people.add(account(1, written, phone_verified_at=5.0, secured_at=4.0))

    assert list(phones.findings()) == [PhoneFinding("old form", NUMBER, ids(1))]
    assert list(phones.findings(convert_at=9.0)) == [PhoneFinding("converted", NUMBER, ids(1))]
    assert list(phones.findings()) == []
    assert people.find(*ids(1)) == account(1, NEW, phone_verified_at=5.0, secured_at=4.0, updated_at=9.0)


@pytest.mark.parametrize(
    "holders",
    [(NEW, OLD), (OLD, OLD), ("01681234567", OLD), ("0381234567", OLD), (NEW, "0381234567")],
    ids=" and ".join,
)
@pytest.mark.parametrize("closed", [False, True], ids=["both open", "one closed"])
def test_a_collision_is_told_and_never_made(
    people: SqlPeople, phones: SqlPhones, holders: tuple[str, str], closed: bool
) -> None:
    """U-02: also with a closed account, which may be opened again."""
    one, other = account(1, holders[0]), account(2, holders[1])
    people.add(replace(one, status="disabled") if closed else one)
    people.add(other)

    for convert_at in (None, 9.0, None):
        (found,) = phones.findings(convert_at=convert_at)
        assert (found.state, sorted(found.account_ids)) == ("shared", list(ids(1, 2)))
        assert found.number
        assert found.number.e164 == NEW
    assert [people.find(each).phone for each in ids(1, 2)] == list(holders)  # type: ignore[union-attr]


def test_numbers_of_today_that_are_shared_are_told(people: SqlPeople, phones: SqlPhones) -> None:
    for number in range(LISTED + 5):
        people.add(account(number, NEW))

    (found,) = phones.findings()
    assert (found.state, len(found.account_ids)) == ("shared", LISTED)


@pytest.mark.parametrize("written", ["02437899999", "nonsense", "", "+8416812345678"])
def test_what_is_no_mobile_number_is_told_and_left(people: SqlPeople, phones: SqlPhones, written: str) -> None:
    people.add(account(1, written))

    assert list(phones.findings(convert_at=9.0)) == [PhoneFinding("unreadable", None, ids(1))]
    found = people.find(*ids(1))
    assert found
    assert found.phone == written


def convert_all(url: str) -> list[str]:
    database = Database(url)
    states = [finding.state for finding in SqlPhones(database).findings(convert_at=9.0)]
    database.close()
    return states


def test_two_conversions_at_once_convert_each_number_once(people: SqlPeople, database_url: str) -> None:
    for number in range(100):
        people.add(account(number, f"+84168{number:07d}"))

    assert outcomes(convert_all, database_url).count("converted") == 100
    assert [each.phone for each in people.holding_phone("+84380000042")] == ["+84380000042"]
