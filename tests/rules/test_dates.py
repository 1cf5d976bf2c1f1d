"""One module writes dates for people, so that a page, a mail and an officer's list never write them differently."""

import ast
import re
from collections.abc import Iterator

import pytest

from idp.dates import local_date
from tests.rules.test_words import PROJECT, modules
from tests.support.clock import FrozenClock

HERE = "idp/dates.py"
FOR_PROGRAMS = re.compile(r"%Y-%m(?:-%d|$)")
"""How a format begins that programs and operators read."""


def formats(tree: ast.AST) -> Iterator[str]:
    """What writes a date for people: a format that is not ISO 8601, Babel, a stored date turned round, a zone."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="strftime"), args=[ast.Constant(value=str(text))]):
                if not FOR_PROGRAMS.match(text):
                    yield text
            case ast.Call(func=ast.Attribute(attr="strftime")):
                yield ast.unparse(node)
            case ast.FormattedValue(format_spec=ast.JoinedStr() as spec) if "%" in ast.unparse(spec):
                yield ast.unparse(node)
            case ast.ImportFrom(module="flask_babel", names=names) | ast.ImportFrom(module="babel.dates", names=names):
                yield from (each.name for each in names if "date" in each.name or each.name == "format_time")
            case ast.Call(func=ast.Name(id="reversed"), args=[ast.Call(func=ast.Attribute(attr="split"))]):
                yield ast.unparse(node)
            case ast.Call(func=ast.Name(id="ZoneInfo")) | ast.Call(func=ast.Name(id="timezone")):
                yield ast.unparse(node)


@pytest.mark.parametrize("file", [file for file in modules() if file != HERE])
def test_no_other_module_writes_a_date_for_people(file: str) -> None:
    assert list(formats(modules()[file])) == []


def test_no_template_writes_one() -> None:
    templates = [*(PROJECT / "idp" / "templates").rglob("*.html")]

    assert len(templates) > 30
    assert [t.name for t in templates if re.search(r"strftime|format_?date|dateformat", t.read_text("utf-8"))] == []


def test_the_rule_knows_how_dates_are_written() -> None:
    wrong = (
        'at.strftime("%d/%m/%Y")', "at.strftime(form)", 'f"{at:%d/%m/%Y}"', "from flask_babel import format_datetime",
        'reversed(day.split("-"))', 'ZoneInfo("Asia/Ho_Chi_Minh")', "timezone(timedelta(hours=7))",
    )  # fmt: skip

    assert all(list(formats(ast.parse(line))) for line in wrong)
    assert list(formats(ast.parse('at.strftime("%Y-%m-%dT%H:%M:%SZ")'))) == []


def test_a_moment_is_of_viet_nam_and_a_stored_date_is_as_precise_as_it_is() -> None:
    assert local_date(FrozenClock.MONDAY_MORNING) == "08:00 02/03/2026"
    assert local_date(FrozenClock.MONDAY_MORNING, with_time=False) == "02/03/2026"
    assert [local_date(day) for day in ("1990-05-17", "1990-05", "1990", "")] == ["17/05/1990", "05/1990", "1990", ""]
    assert local_date(None) == "–"
