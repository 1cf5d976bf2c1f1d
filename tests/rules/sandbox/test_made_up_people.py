"""The people of the sandbox cannot be anybody, and stress what real names and records do."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

SANDBOX = Path(__file__).parents[3] / "sandbox"


@pytest.fixture
def people() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SANDBOX / "people.json").read_text(encoding="utf-8"))
    return found


def test_nobody_could_exist(people: list[dict[str, Any]]) -> None:
    for person in people:
        if person["kind"] == "individual":
            assert person["identifiers"]["bhxh"].startswith("00")
            assert person["identifiers"].get("cccd", "000").startswith("000")
        domain = person.get("email", "@example.com").rpartition("@")[2]
        # RFC 2606: nobody can ever own these.
        assert domain == "example.com" or domain.endswith(".example")


def test_no_identifier_is_used_twice(people: list[dict[str, Any]]) -> None:
    used = [pair for person in people for pair in person["identifiers"].items()]

    assert len(used) == len(set(used))


def test_the_names_stress_folding(people: list[dict[str, Any]]) -> None:
    names = [person["name"] for person in people]

    assert any(unicodedata.normalize("NFC", name) != name for name in names)
    assert any("\u00d0" in name for name in names)
    assert any("\u0110" in name for name in names)
    assert any("'" in name for name in names)
    assert any("’" in name for name in names)
    assert any(" " not in name for name in names)
    assert any(name.endswith(" ") for name in names)
    assert any(len(name) > 60 for name in names)
