"""`docs/scope.md` names every item of the guides once, and nothing that is not there."""

import re
from pathlib import Path

import pytest

from tests.support.app import App

PROJECT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| ([0-9]+) \| (.+?) \| (.+?) \| (.+?) \|$", (PROJECT / "docs/scope.md").read_text(encoding="utf-8"), re.M
)


def test_every_item_of_the_guides_has_its_line() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 96))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_test_that_shows_it_is_there(row: tuple[str, ...]) -> None:
    named = re.fullmatch(r"`(tests/[a-z_/]+\.py)`", row[3])

    assert named
    assert (PROJECT / named[1]).is_file()


def test_every_page_that_is_named_answers(app: App) -> None:
    """Whatever it answers: a form, a redirect, a refusal, but never that there is no such page."""
    visitor = app.visitor()
    for path in sorted({path for row in ROWS for path in re.findall(r"`(/[a-z0-9/-]+)`", row[2])}):
        if path.startswith("/via/"):
            continue  # simulated upstreams answer these in the tests that the line names
        answers = {visitor.get(path).status_code, visitor.post(path).status_code}
        assert answers - {404, 405}, path
