"""Every security statement of this stage has a test that names it, or a line that says why it does not apply yet."""

import re
from pathlib import Path

import pytest

from config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
STAGE = {
    "B": 27,
    "C": 7,
    "D": 13,
    "E": 8,
    "G": 6,
    "H": 8,
    "I": 6,
    "J": 5,
    "K": 6,
    "L": 8,
    "M": 4,
    "O": 9,
    "P": 15,
    "Q": 6,
    "S": 6,
    "T": 5,
    "U": 9,
    "W": 7,
    "X": 4,
    "Y": 10,
}
STATEMENTS = [f"{letter}-{number:02d}" for letter, most in STAGE.items() for number in range(1, most + 1)]


def named(text: str) -> set[str]:
    """The ids in a text; "H-01 to H-04" names all four."""
    found = set(re.findall(r"\b[A-Z]-[0-9]{2}\b", text))
    for letter, first, last in re.findall(r"\b([A-Z])-([0-9]{2}) to \1-([0-9]{2})\b", text):
        found |= {f"{letter}-{number:02d}" for number in range(int(first), int(last) + 1)}
    return found


def not_yet() -> set[str]:
    page = (ROOT / "docs" / "security.md").read_text()
    return named(page.partition("## Not here yet")[2])


def proven() -> set[str]:
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    return {statement for path in files for statement in named(path.read_text())}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_is_tested_or_accounted_for(statement: str) -> None:
    assert statement in proven() | not_yet()


def test_nothing_is_called_missing_that_has_a_test() -> None:
    assert not_yet() & proven() == set()


NUMBER = re.compile(r"^\| [^|\n]+ \| ([0-9]+)[^|\n]* \| `(limits|login|oidc|budgets)\.(\w+)` \|", re.MULTILINE)


@pytest.mark.parametrize(
    ("told", "section", "field"),
    [found for page in ("security.md", "limits.md") for found in NUMBER.findall((ROOT / "docs" / page).read_text())],
)
def test_the_pages_tell_the_numbers_in_force(told: str, section: str, field: str) -> None:
    """ASVS 6.1.1: the documents and the settings say the same."""
    assert int(told) == getattr(getattr(Settings(), section), field)


def test_the_page_of_limits_names_every_limit() -> None:
    named = {f"{section}.{field}" for _, section, field in NUMBER.findall((ROOT / "docs" / "limits.md").read_text())}
    fields = {f"limits.{field}" for field in type(Settings().limits).model_fields}

    assert fields - named == {"limits.attempts_in_total", "limits.client_failures"}


def test_every_id_that_code_or_tests_name_is_on_the_list() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    listed = {each for cell in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for each in named(cell)}
    rooms = ("config", "federation", "idp", "keys", "qr_login", "tests")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts]

    assert len(listed) > 150
    assert {each for path in files for each in named(path.read_text())} - listed == set()
