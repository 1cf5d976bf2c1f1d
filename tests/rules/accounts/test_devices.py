"""Passcodes and names of devices: what may be one, and what everybody tries first."""

from dataclasses import replace

import pytest

from idp.accounts.account import Account, Identifier
from idp.accounts.devices import DeviceRefused, checked_name, checked_passcode, is_passcode

OWNER = Account(
    "1" * 32,
    "individual",
    "Trần Văn Ấn",
    phone="+84901234567",
    birth_date="1990-04-25",
    identifiers=(Identifier("bhxh", "0123987654", 1.0), Identifier("cccd", "001090123321", 1.0)),
)


def why(passcode: str, account: Account = OWNER) -> str:
    try:
        return "" if checked_passcode(passcode, account) == passcode else "changed"
    except DeviceRefused as refused:
        return refused.why


@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", "12345a", "١٣٥٧٩٠", "１３５７９０", "135790\n", " 35790", "-35790", "1e5790"]
)
def test_six_ascii_digits_and_nothing_else(text: str) -> None:
    """O-08"""
    assert not is_passcode(text)
    assert why(text) == "passcode_form"
    assert is_passcode("135790")


@pytest.mark.parametrize(
    "passcode",
    [
        "000000", "121212", "112211", "123456", "456789", "567890", "890123", "987654", "543210", "109876", "210987",
        "123123", "907907",
        "234567",  # the end of the phone's number
        "012398",  # the BHXH code, whose end is a row anyway
        "123321", "001090",  # the citizen number
        "250490", "900425", "042590",  # the birth date
    ],
)  # fmt: skip
def test_what_everybody_tries_first_is_refused(passcode: str) -> None:
    assert why(passcode) == "passcode_weak"


def test_anything_else_may_be_one_also_for_people_of_whom_little_is_known() -> None:
    assert why("135790") == why("864209") == why("100200") == ""
    unknown = replace(OWNER, phone=None, birth_date=None, identifiers=())
    assert why("250490", unknown) == why("135790", unknown) == ""
    assert why("900425", replace(OWNER, birth_date="1990")) == ""


def test_few_passcodes_are_lost_to_that() -> None:
    """L-04: five tries of what is left are a chance of less than one in a hundred thousand."""
    left = sum(why(f"{number:06}") == "" for number in range(0, 1_000_000, 97))

    assert left > 0.98 * 1_000_000 / 97


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Galaxy A15", "Galaxy A15"), ("  Máy của Hoà ", "Máy của Hoà"), ("Ha\u0300", "Hà"), ("x" * 64, "x" * 64)],
)
def test_a_name_is_kept_in_one_form(given: str, kept: str) -> None:
    assert checked_name(given) == kept


@pytest.mark.parametrize(
    "given", ["", "  ", "x" * 65, "a\0b", "a\nb", "\u202eA15", "A\u200b15", "\ud800", "\ufeff", "a\u2028b"]
)
def test_a_name_that_misleads_is_refused(given: str) -> None:
    """K-03: it stands on the browser's page and on the page that warns of a takeover."""
    with pytest.raises(DeviceRefused, match="name"):
        checked_name(given)
