"""Dates of birth as papers and systems write them, and how far two of them agree (domain 4.1)."""

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts.birth_date import FIRST_YEAR, BirthDate, NotABirthDate, Sameness

TODAY = date(2026, 11, 22)


def known_dates() -> st.SearchStrategy[BirthDate]:
    days = st.dates(date(FIRST_YEAR, 1, 1), TODAY)
    return st.builds(
        lambda day, precision: BirthDate(*(day.year, day.month, day.day)[:precision]), days, st.integers(1, 3)
    )


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("17/05/1990", BirthDate(1990, 5, 17)),
        ("7/5/1990", BirthDate(1990, 5, 7)),
        ("19900517", BirthDate(1990, 5, 17)),
        ("1990-05-17", BirthDate(1990, 5, 17)),
        (" 1990-05-17\n", BirthDate(1990, 5, 17)),
        ("05/1990", BirthDate(1990, 5)),
        ("5/1990", BirthDate(1990, 5)),
        ("1990-05", BirthDate(1990, 5)),
        ("1990", BirthDate(1990)),
        ("00/00/1990", BirthDate(1990)),
        ("00/05/1990", BirthDate(1990, 5)),
        ("00/1990", BirthDate(1990)),
        ("19900000", BirthDate(1990)),
        ("29/02/2024", BirthDate(2024, 2, 29)),
        ("01/01/1950", BirthDate(1950, 1, 1)),
        ("22/11/2026", BirthDate(2026, 11, 22)),
        ("2026", BirthDate(2026)),
        ("1890", BirthDate(1890)),
    ],
)
def test_every_usual_writing_is_read_as_precisely_as_it_is(text: str, read: BirthDate) -> None:
    assert BirthDate.parse(text, today=TODAY) == read


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "không rõ", "1990-5-7", "90", "17/05/90", "17-05-1990", "17.05.1990", "1990/05/17", "1990517"),
        *("30/02/1990", "29/02/2023", "31/04/1990", "13/1990", "1990-13", "32/01/1990", "19901301", "05/00/1990"),
        *("0000", "1889", "9999", "23/11/2026", "12/2026", "2027", "-1990", "+1990", "１９９０", "١٩٩٠"),
        *("641088000", "17/05/1990 00:00", "1990-05-17T00:00:00Z", "1990\n1991", "9" * 5000),
    ],
)
def test_what_is_no_birth_date_is_refused(text: str) -> None:
    with pytest.raises(NotABirthDate):
        BirthDate.parse(text, today=TODAY)


@pytest.mark.parametrize(
    ("one", "other", "sameness"),
    [
        ("17/05/1990", "19900517", "exact"),
        ("17/05/1990", "18/05/1990", "different"),
        ("17/05/1990", "17/06/1990", "different"),
        ("17/05/1990", "17/05/1991", "different"),
        ("17/05/1990", "05/1990", "year"),
        ("17/05/1990", "06/1990", "different"),
        ("17/05/1990", "1990", "year"),
        ("05/1990", "05/1990", "year"),
        ("1990", "1990", "year"),
        ("1990", "1991", "different"),
        ("01/01/1990", "1990", "year"),
        ("01/01/1990", "01/01/1990", "exact"),
    ],
)
def test_dates_agree_as_far_as_the_less_precise_one_goes(one: str, other: str, sameness: Sameness) -> None:
    first, second = (BirthDate.parse(text, today=TODAY) for text in (one, other))

    assert first.same_as(second) == sameness
    assert second.same_as(first) == sameness


@given(known_dates())
def test_what_is_stored_is_read_as_it_was(known: BirthDate) -> None:
    assert BirthDate.parse(str(known), today=TODAY) == known
    assert known.same_as(known) == ("exact" if known.is_full else "year")


@given(known_dates(), known_dates())
def test_only_two_full_and_equal_dates_are_exactly_the_same(one: BirthDate, other: BirthDate) -> None:
    assert (one.same_as(other) == "exact") == (one == other and one.is_full)
    assert one.same_as(other) == other.same_as(one)


@given(st.one_of(st.text(max_size=12), st.text("0123456789-/ ", max_size=11)))
def test_any_text_is_read_or_refused(text: str) -> None:
    read = None
    with contextlib.suppress(NotABirthDate):
        read = BirthDate.parse(text, today=TODAY)

    assert read is None or len(str(read)) in (4, 7, 10)
