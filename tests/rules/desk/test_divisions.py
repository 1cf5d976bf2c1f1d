"""Provinces and communes are those of the state, and a code means what it meant on the day."""

import json
from datetime import date

import pytest
import vietnam_provinces

from idp.registration.divisions import FILE, divisions
from tools.divisions import rows

BEFORE, SINCE = date(2025, 6, 30), date(2025, 7, 1)


def test_the_file_is_what_the_tool_writes() -> None:
    written = ["kind,code,name,into,valid_from,valid_to", *(",".join(row) for row in rows())]

    assert FILE.read_text(encoding="utf-8").splitlines() == written


def test_the_file_says_what_the_package_says() -> None:
    told = json.loads(vietnam_provinces.NESTED_DIVISIONS_JSON_PATH.read_text(encoding="utf-8"))

    mine = {p.code: p.name for p in divisions().provinces(SINCE)}
    assert mine.keys() == {f"{p['code']:02}" for p in told}
    assert all(mine[f"{p['code']:02}"].endswith(p["name"]) for p in told)
    for province in told:
        mine = {c.code: c.name for c in divisions().communes(f"{province['code']:02}")}
        assert mine == {f"{ward['code']:05}": ward["name"] for ward in province["wards"]}


def test_there_were_63_and_are_34_with_3321_communes() -> None:
    assert (len(divisions().provinces(BEFORE)), len(divisions().provinces(SINCE))) == (63, 34)
    assert sum(len(divisions().communes(p.code)) for p in divisions().provinces(SINCE)) == 3321


@pytest.mark.parametrize(
    ("code", "before", "since"),
    [
        ("15", "Yên Bái", "Lào Cai"),
        ("24", "Bắc Giang", "Bắc Ninh"),
        ("44", "Quảng Bình", "Quảng Trị"),
        ("52", "Bình Định", "Gia Lai"),
        ("80", "Long An", "Tây Ninh"),
        ("82", "Tiền Giang", "Đồng Tháp"),
        ("91", "Kiên Giang", "An Giang"),
    ],
)
def test_seven_codes_changed_their_name(code: str, before: str, since: str) -> None:
    old, new = divisions().province(code, BEFORE), divisions().province(code, SINCE)

    assert old
    assert new
    assert (old.name, new.name) == (f"Tỉnh {before}", f"Tỉnh {since}")


def test_a_code_that_was_given_up_is_known_in_old_data_only() -> None:
    assert divisions().province("74", BEFORE)
    assert divisions().province("74", SINCE) is None
    assert {p.into for p in divisions().provinces(BEFORE)} == {p.code for p in divisions().provinces(SINCE)}
