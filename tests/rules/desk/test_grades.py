"""Odd numbers are graded, and refuse nobody."""

from datetime import date

import pytest

from idp.registration.declaration import Form
from idp.registration.grades import grades, is_under

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("number", "birth_date", "found"),
    [
        ("001190000001", "1990", ()),
        ("001190000001", "1990-05-17", ()),
        ("001190000001", "1991", ("MISMATCH_DOB",)),
        ("000190000001", "1990", ("WARN_PROVINCE",)),
        ("111190000001", "1990", ("WARN_PROVINCE",)),
        ("001890000001", "1990", ("WARN_CENTURY", "MISMATCH_DOB")),
        ("001327000001", "", ("WARN_FUTURE",)),
    ],
)
def test_citizen_numbers(number: str, birth_date: str, found: tuple[str, ...]) -> None:
    assert grades(Form(paper_number=number, birth_date=birth_date), TODAY) == found


def test_a_card_that_is_not_valid_any_more() -> None:
    card = Form(paper_kind="cmnd", paper_number="012345678")

    assert grades(card, TODAY) == ("WARN_CMND",)
    assert grades(card, date(2024, 12, 31)) == ()


@pytest.mark.parametrize("code", ["0312345673", "0123456787", "0700000012", "0312345673001", "TA1234B", "001190000001"])
def test_tax_codes_that_fit(code: str) -> None:
    assert grades(Form(code=code), TODAY) == ()


@pytest.mark.parametrize("code", ["0312345674", "0100000000"])
def test_tax_codes_that_do_not(code: str) -> None:
    assert grades(Form(code=code), TODAY) == ("WARN_TAX",)


@pytest.mark.parametrize(
    ("birth_date", "number", "under"),
    [
        ("2010-11-22", "", False),
        ("2010-11-23", "", True),
        ("2010-11", "", False),
        ("2010-12", "", True),
        ("2010", "", False),
        ("2011", "", True),
        ("1990", "001211000001", True),
        ("1990", "001210000001", False),
        ("1990", "001890000001", False),
        ("1990", "001390000001", False),
        ("", "", False),
    ],
)
def test_who_is_surely_under_16(birth_date: str, number: str, under: bool) -> None:
    """L13"""
    assert is_under(16, birth_date, number, TODAY) is under
