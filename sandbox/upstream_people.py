"""The made-up people of the simulated VNeID and national portal, and what each of the two knows of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.addresses import HERE

PASSWORD = "Dinhdanh#2026"
PASSCODE = "123456"
SHARED_PHONE = "0911000555"
"""The number that two accounts of `people.json` hold."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at one upstream. `login` is typed there; `story` says which row of the linking table is walked.

    `birth_date` is a day (`1990-05-17`), a year or empty; `bhxh_code` is what the person once typed there.
    """

    login: str
    story: str
    citizen_number: str = ""
    name: str = ""
    birth_date: str = ""
    phone: str = ""
    bhxh_code: str = ""
    level: str = "2"
    subject: str = ""
    tax_code: str = ""

    @property
    def is_organisation(self) -> bool:
        return bool(self.tax_code)

    def born(self, day_form: str) -> str:
        """The birth date in a form such as `{d}/{m}/{y}`; a year stays a year."""
        parts = self.birth_date.split("-")
        return day_form.format(y=parts[0], m=parts[1], d=parts[2]) if len(parts) == 3 else self.birth_date


def another(person: Person, people: Mapping[str, Person]) -> Person:
    """The next one in the list."""
    everybody = list(people.values())
    return everybody[(everybody.index(person) + 1) % len(everybody)]


def changed(number: str) -> str:
    """Another number of the same length."""
    return f"{number[:-1]}{(int(number[-1]) + 1) % 10}" if number else ""


def people_of(upstream: str) -> dict[str, Person]:
    """Those of `vneid` or `dvcqg`, by their login."""
    found: dict[str, list[dict[str, Any]]] = json.loads((HERE / "upstream_people.json").read_text(encoding="utf-8"))
    return {each["login"]: Person(**each) for each in found[upstream]}


def registration_of(upstream: str) -> dict[str, Any]:
    """How the provider is registered there: what `upstreams.json` tells the provider, read from the other side."""
    known: list[dict[str, Any]] = json.loads((HERE / "upstreams.json").read_text(encoding="utf-8"))
    return next(each for each in known if each["id"] == upstream)
