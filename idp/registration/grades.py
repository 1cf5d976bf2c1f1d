"""Grades of a form: what looks odd is shown to the person and to the officer, but never refused.

Real people's numbers break every structural rule: they were issued wrongly, corrected, or for another century.
"""

from datetime import date

from idp.registration.declaration import Form
from idp.registration.divisions import divisions

CMND_ENDED = date(2024, 12, 31)
_TAX_WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)


def grades(form: Form, today: date) -> tuple[str, ...]:
    """What looks odd: WARN_PROVINCE, WARN_CENTURY, WARN_FUTURE, MISMATCH_DOB of a citizen number, WARN_CMND of a card
    that is no longer valid, WARN_TAX of a tax code with a wrong check digit. Empty when nothing does.
    """
    doubts = list(_of_citizen_number(form.citizen_number, form.birth_date, today))
    if form.paper_kind == "cmnd" and form.paper_number and today > CMND_ENDED:
        doubts.append("WARN_CMND")
    if not form.paper_number and form.code.isdigit() and len(form.code) in (10, 13) and not _tax_code_fits(form.code):
        doubts.append("WARN_TAX")
    return tuple(doubts)


def birth_year(citizen_number: str) -> int | None:
    """The year of birth in a citizen number: its fourth digit encodes century and sex."""
    if len(citizen_number) != 12 or not citizen_number.isdigit():
        return None
    return 1900 + 100 * (int(citizen_number[3]) // 2) + int(citizen_number[4:6])


def is_under(age: int, birth_date: str, citizen_number: str, today: date) -> bool:
    """Whether the person is certainly younger, by the date of birth or by a number of this century.

    A year alone is doubtful until it is over, and doubtful cases are left to the officer.
    """
    if birth_date:
        year, month, day = [*(int(part) for part in birth_date.split("-")), 1, 1][:3]
        if (year + age, month, day) > (today.year, today.month, today.day):
            return True
    born = birth_year(citizen_number)
    return born is not None and born <= today.year and today.year - born < age


def _of_citizen_number(number: str, birth_date: str, today: date) -> list[str]:
    year = birth_year(number)
    if year is None:
        return []
    doubts = []
    if number[0] != "0" or number[1:3] not in divisions().before_2025:
        doubts.append("WARN_PROVINCE")
    if int(number[3]) > 3:
        doubts.append("WARN_CENTURY")
    elif year > today.year:
        doubts.append("WARN_FUTURE")
    if birth_date and int(birth_date[:4]) != year:
        doubts.append("MISMATCH_DOB")
    return doubts


def _tax_code_fits(code: str) -> bool:
    """Whether the check digit of a tax code (its tenth) is correct."""
    left = sum(weight * int(digit) for weight, digit in zip(_TAX_WEIGHTS, code, strict=False)) % 11
    return int(code[9]) == 10 - left
