"""U-02: an operator finds numbers of before 2018 and numbers that are shared, and converts what hurts nobody."""

from pathlib import Path

import pytest

from idp.store.database import Database
from idp.store.people import SqlPeople
from tests.contracts.test_people import account
from tests.contracts.test_phones import NEW, OLD, ids
from tests.flows.test_commands import Operator
from tests.flows.test_commands import operator as operator


@pytest.fixture
def people(operator: Operator, tmp_path: Path) -> SqlPeople:
    """Two who share a number once it is converted, one in the old form alone, and one whose number is none."""
    found = SqlPeople(Database(f"sqlite:///{tmp_path}/idp.db"))
    for number, phone in enumerate((NEW, OLD, "01209999999", "02437899999"), 11):
        found.add(account(number, phone))
    return found


def test_numbers_that_need_a_look_are_listed_masked(operator: Operator, people: SqlPeople) -> None:
    told = operator.json("accounts", "phones")

    assert told["counts"] == {"old form": 1, "converted": 0, "shared": 1, "unreadable": 1}
    states = {each["state"]: (each["phone"], sorted(each["accounts"])) for each in told["numbers"]}
    assert states == {
        "old form": ("*** *** *99", list(ids(13))),
        "shared": ("*** *** *67", list(ids(11, 12))),
        "unreadable": (None, list(ids(14))),
    }
    listed = operator.does("accounts", "phones")
    assert "1 old form, 0 converted, 1 shared, 1 unreadable" in listed
    assert len(operator.json("accounts", "phones", "--limit", "1")["numbers"]) == 1
    assert not any(number in listed for number in (NEW[3:], OLD[3:], "9999999", "2437899999"))


def test_a_conversion_is_reasoned_told_and_leaves_collisions(operator: Operator, people: SqlPeople) -> None:
    refused = operator.run("accounts", "phones", "--convert")
    assert (refused.exit_code, refused.output) == (1, "idp: --convert needs --reason\n")

    counts = operator.json("accounts", "phones", "--convert", "--reason", "plan of 2018")["counts"]

    assert counts == {"old form": 0, "converted": 1, "shared": 1, "unreadable": 1}
    phones = [found.phone for each in ids(11, 12, 13, 14) if (found := people.find(each))]
    assert phones == [NEW, OLD, "+84709999999", "02437899999"]
    newest = operator.json("audit", "tail")[-1]
    assert (newest["name"], newest["reason"]) == ("account.phones_converted", "plan of 2018")
    assert newest["facts"] == "converted=1 old_form=0 shared=1 unreadable=1"


def test_where_nothing_is_to_be_done_nothing_is_written(operator: Operator) -> None:
    before = operator.json("audit", "tail")

    assert operator.json("accounts", "phones", "--convert", "--reason", "r")["numbers"] == []
    assert operator.json("audit", "tail") == before
