"""The participant register on both databases: found by code and by citizen number, written in batches, counted."""

import random
from dataclasses import replace
from datetime import date

import pytest

from idp.accounts.birth_date import BirthDate
from idp.accounts.participants import Imported, Participant
from idp.accounts.phone import PhoneNumber
from idp.store.database import Database
from idp.store.participants import SqlParticipants
from tests.support.plans import plan_of
from tests.support.rivals import PROCESSES, THREADS, outcomes

HOA = Participant(
    "0012345678", "Nguyễn Thị Hoà", BirthDate(1990, 5, 17), "000890123456", PhoneNumber("+84981234567"), 100.0
)
LITTLE = Participant("0077777777", "Mão", BirthDate(1950), updated_at=100.0)


@pytest.fixture
def register(database: Database) -> SqlParticipants:
    return SqlParticipants(database)


def test_what_was_put_is_found_as_it_was(register: SqlParticipants) -> None:
    assert register.put([HOA, LITTLE]) == Imported(written=2, unchanged=0)

    assert register.find(HOA.bhxh_code) == HOA
    assert register.find(LITTLE.bhxh_code) == LITTLE
    assert register.find_by_citizen_number("000890123456") == HOA
    assert register.find("0012345679") is None
    assert register.find_by_citizen_number("000890123457") is None


@pytest.mark.parametrize("known", [BirthDate(1950), BirthDate(1950, 3), BirthDate(1950, 12, 31)], ids=str)
def test_a_birth_date_keeps_its_precision(register: SqlParticipants, known: BirthDate) -> None:
    register.put([replace(LITTLE, birth_date=known)])

    found = register.find(LITTLE.bhxh_code)
    assert found
    assert found.birth_date == known


def test_a_citizen_number_of_two_is_nobodys(register: SqlParticipants) -> None:
    """Which of them it is would be a guess."""
    register.put([HOA, replace(LITTLE, citizen_number=HOA.citizen_number)])

    assert register.find_by_citizen_number("000890123456") is None
    assert register.find(HOA.bhxh_code) == HOA


@pytest.mark.parametrize(
    "change",
    [{"name": "Nguyễn Thị Hòa"}, {"birth_date": None}, {"citizen_number": "000890123450"}, {"phone": None}],
    ids=lambda change: next(iter(change)),
)
def test_what_is_put_again_is_written_only_when_it_says_something_new(
    register: SqlParticipants, change: dict[str, object]
) -> None:
    register.put([HOA, LITTLE])
    changed = replace(HOA, updated_at=200.0, **change)  # type: ignore[arg-type]

    assert register.put([changed, replace(LITTLE, updated_at=200.0)]) == Imported(written=1, unchanged=1)

    assert register.find(HOA.bhxh_code) == changed
    assert register.find(LITTLE.bhxh_code) == LITTLE
    assert register.count() == 2


def test_of_two_with_one_code_the_later_stays(register: SqlParticipants) -> None:
    register.put([HOA, replace(HOA, name="Nguyễn Thị Họa")])

    found = register.find(HOA.bhxh_code)
    assert found
    assert found.name == "Nguyễn Thị Họa"
    assert register.count() == 1


def test_nobody_is_put_or_counted(register: SqlParticipants) -> None:
    assert register.put([]) == Imported(0, 0)
    assert register.count() == 0


def test_a_batch_is_written_wholly_or_not_at_all(register: SqlParticipants) -> None:
    with pytest.raises(Exception, match="name"):
        register.put([HOA, replace(LITTLE, name=None)])  # type: ignore[arg-type]

    assert register.count() == 0


def put_all(url: str) -> list[int]:
    database = Database(url)
    people = [replace(HOA, bhxh_code=f"00{n:08d}") for n in range(2000)]
    random.shuffle(people)
    done = SqlParticipants(database).put(people)
    database.close()
    return [done.written]


def test_imports_at_once_write_each_of_them_once_and_never_wait_crosswise(
    register: SqlParticipants, database_url: str
) -> None:
    written = outcomes(put_all, database_url)

    assert sum(written) == 2000
    assert len(written) == PROCESSES * THREADS
    assert register.count() == 2000


def test_both_ways_of_finding_use_an_index(database: Database) -> None:
    """Forty million rows are not read one by one."""
    register = SqlParticipants(database)
    register.put(replace(HOA, bhxh_code=f"00{n:08d}", citizen_number=f"0008{n:08d}") for n in range(3000))

    by_code = plan_of(database, lambda: register.find("0000001234"))
    by_number = plan_of(database, lambda: register.find_by_citizen_number("000800001234"))

    for plan, index in (
        (by_code, ("participant_pkey", "sqlite_autoindex_participant_1")),
        (by_number, ("participant_by_citizen_number",)),
    ):
        assert any(name in plan for name in index), plan
        assert "SCAN participant" not in plan
        assert "Seq Scan" not in plan


def test_a_stored_date_is_read_without_asking_for_today() -> None:
    assert BirthDate.parse("2026-11-23", today=date.max) == BirthDate(2026, 11, 23)
