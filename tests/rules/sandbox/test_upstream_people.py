"""The people of the simulated upstreams cannot be anybody, and the register knows everybody who has an account."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

SANDBOX = Path(__file__).parents[3] / "sandbox"
ACCOUNTS: list[dict[str, Any]] = json.loads((SANDBOX / "people.json").read_text(encoding="utf-8"))
AT: dict[str, list[dict[str, str]]] = json.loads((SANDBOX / "upstream_people.json").read_text(encoding="utf-8"))
EVERYBODY = [each for people in AT.values() for each in people]


@pytest.fixture
def register() -> list[dict[str, str]]:
    with (SANDBOX / "participants.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("upstream", list(AT))
def test_logins_and_subjects_are_used_once(upstream: str) -> None:
    for field in ("login", "subject"):
        used = [each[field] for each in AT[upstream] if field in each]
        assert len(used) == len(set(used))


def test_nobody_could_exist(register: list[dict[str, str]]) -> None:
    numbers = {each["citizen_number"] for each in [*EVERYBODY, *register]} - {""}

    assert {number for number in numbers if not re.fullmatch("000[0-9]{9}", number)} == set()
    assert all(re.fullmatch("00[0-9]{8}", each["bhxh_code"]) for each in register)


def test_the_register_knows_everybody_with_an_account_and_some_without(register: list[dict[str, str]]) -> None:
    known = {each["bhxh_code"]: each for each in register}
    people = [each for each in ACCOUNTS if each["kind"] == "individual"]

    for person in people:
        row = known[person["identifiers"]["bhxh"]]
        assert row["citizen_number"] == person["identifiers"].get("cccd", "")
        assert row["phone"] == person.get("phone", "")
    assert len(known) == len(register) > len(people)


def test_every_story_of_a_code_to_type_names_one_of_the_register(register: list[dict[str, str]]) -> None:
    known = {each["bhxh_code"] for each in register}
    named = {code for each in EVERYBODY for code in re.findall("00[0-9]{8}", each["story"])}

    assert len(named) >= 2
    assert named <= known
