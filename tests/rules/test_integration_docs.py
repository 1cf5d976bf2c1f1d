"""docs/integrations says what is true: its settings can be used, its people exist, its faults are all there are."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from config.sections import UpstreamSettings
from sandbox import dvcqg, faults, vneid
from sandbox.upstream_people import people_of

DOCS = Path(__file__).parents[2] / "docs" / "integrations"
SANDBOX = (DOCS / "sandbox.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["vneid", "dvcqg", "oidc"])
def test_the_settings_of_an_example_can_be_used(kind: str) -> None:
    examples = re.findall(r"```toml\n(.*?)```", (DOCS / f"{kind}.md").read_text(encoding="utf-8"), re.DOTALL)

    found = [UpstreamSettings.model_validate(each) for text in examples for each in tomllib.loads(text)["upstreams"]]

    assert [each.kind for each in found] == [kind]


def test_every_key_that_is_explained_is_a_setting() -> None:
    table = (DOCS / "README.md").read_text(encoding="utf-8").partition("## Common settings")[2].partition("Names of")[0]
    keys = {key for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for key in re.findall("`(.*?)`", row)}

    assert len(keys) > 12
    assert keys <= set(UpstreamSettings.model_fields)


def test_everybody_who_can_be_played_is_in_the_table() -> None:
    named = {kind: set(re.findall(rf"\b{kind} (?:by VNeID )?`([0-9]+)`", SANDBOX)) for kind in "VD"}

    assert named["V"] == set(people_of("vneid"))
    assert named["D"] | {"000883000222"} == set(people_of("dvcqg"))


def test_every_account_in_the_table_exists() -> None:
    sandbox = Path(__file__).parents[2] / "sandbox"
    accounts = json.loads((sandbox / "people.json").read_text(encoding="utf-8"))
    known = {value for each in accounts for value in each["identifiers"].values()}
    known |= set(re.findall("^00[0-9]{8}", (sandbox / "participants.csv").read_text(encoding="utf-8"), re.MULTILINE))

    assert set(re.findall(r"\b00[0-9]{8}\b", SANDBOX)) <= known


def test_every_fault_and_every_setting_is_named() -> None:
    named = set(re.findall("`([a-z_]+)`", SANDBOX))

    assert named >= set(faults.ANSWERS) | set(vneid.LIES) | set(dvcqg.LIES) | set(vneid.SETTINGS) | set(dvcqg.SETTINGS)
