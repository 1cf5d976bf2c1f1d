"""Form 01 as people type it: every usual writing is read, everything else has a reason."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts.account import Kind
from idp.officers.agencies import Agency, Tree
from idp.registration.declaration import Form
from idp.registration.reading import FIELDS, Reader

TODAY = date(2026, 11, 22)
TREE = Tree(
    {"07906": Agency("07906", "BHXH cơ sở Thử", "base"), "07907": Agency("07907", "Cũ", "base", valid_to=TODAY)}
)
PERSON = {
    "name": "Trần Thị Nga", "code": "0000000777", "paper_kind": "cccd", "paper_number": "000190000777",
    "birth_date": "17/05/1990", "province": "79", "commune": "25747", "street": "12 Đường Thử",
    "email": "nga@example.com", "phone": "0981 234 567", "starts_on": "22/11/2026", "transact_at": "portal",
    "agency": "07906", "submission": "desk", "agrees": "1",
}  # fmt: skip


def read(kind: Kind = "individual", *, contact: bool = False, **typed: str) -> tuple[Form, dict[str, str]]:
    reading = Reader(kind, TREE, TODAY, contact=contact).read(PERSON | typed, Form())
    return reading.form, dict(reading.problems)


def value(name: str, typed: str, **more: str) -> object:
    form, problems = read(**more, **{name: typed})
    return problems.get(name) or getattr(form, name)


def test_a_whole_form_has_no_problem() -> None:
    form, problems = read()

    assert problems == {}
    assert (form.phone, form.birth_date, form.starts_on) == ("+84981234567", "1990-05-17", "2026-11-22")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Trần  Thị\u00a0Nga ", "Trần Thị Nga"),
        (unicodedata.normalize("NFD", "Nguyễn Thị Hoà"), "Nguyễn Thị Hoà"),
        ("NGUYỄN VĂN ĐÔ", "NGUYỄN VĂN ĐÔ"),
        ("Ðặng Văn Quí", "Đặng Văn Quí"),
        ("H’Hen Niê", "H’Hen Niê"),
        ("K'Brễu", "K'Brễu"),
        ("Nga", "Nga"),
        ("\u202dTrần Thị Nga\u202c", "Trần Thị Nga"),
        ("Jean-Luc St. Pierre", "Jean-Luc St. Pierre"),
        ("Trần Thị Nga 2", "form"),
        ("0981234567", "form"),
        ("<b>Nga</b>", "form"),
        ("Nga\0", "form"),
        ("'", "form"),
        ("N" * 201, "long"),
        (" ", "missing"),
    ],
)
def test_names(typed: str, kept: str) -> None:
    assert value("name", typed) == kept


@given(st.text(max_size=300))
def test_whatever_is_typed_as_a_name_is_read_once_and_for_all(typed: str) -> None:
    form, problems = read(name=typed)

    assert ("name" in problems) is not bool(form.name)
    assert read(name=form.name)[0].name == form.name
    assert form.name == unicodedata.normalize("NFC", form.name)


@given(st.text(max_size=100))
def test_whatever_is_typed_as_a_number_is_a_number_or_refused(typed: str) -> None:
    form, problems = read(phone=typed)

    assert form.phone == "" if "phone" in problems else form.phone.startswith("+84")


@given(st.sampled_from(sorted(PERSON)), st.text(max_size=400))
def test_no_text_breaks_a_field(name: str, typed: str) -> None:
    form, _ = read(**{name: typed})

    assert len(str(getattr(form, name))) <= 254


@pytest.mark.parametrize(
    "typed", ["+84 98 123 45 67", "0084981234567", "84981234567", "0981.234.567", "(098) 123-4567", "981234567"]
)
def test_phones(typed: str) -> None:
    assert value("phone", typed) == "+84981234567"
    assert value("phone", "024 3789 9999") == "form"


def test_codes() -> None:
    assert value("code", "00 0000 0777") == "0000000777"
    assert value("code", "GD4790000000777") == "0000000777"
    assert value("code", "000190000777") == "000190000777"
    assert value("code", "000190000778") == "differs"
    assert value("code", "12345") == "form"
    assert read("organisation", code="0312345673", contact=True, contact_person="Trần Thị Nga")[1] == {}
    assert read("organisation", code="ta1234b")[0].code == "TA1234B"


def test_papers() -> None:
    assert value("paper_number", "000 190 000 777") == "000190000777"
    assert value("paper_number", "012345678") == "cccd"
    assert value("paper_number", "012345678", paper_kind="cmnd") == "012345678"
    assert value("paper_number", "b 1234567", paper_kind="passport") == "B1234567"
    assert value("paper_number", "ABCDEF", paper_kind="passport") == "passport"
    assert value("paper_kind", "licence") == "choose"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("1990", "1990"), ("5/1990", "1990-05"), ("1/2/1990", "1990-02-01"), ("30/02/1990", "form"), ("1889", "form"),
     ("2012", "under_age"), ("23/11/2026", "form"), ("x" * 999, "form")],
)  # fmt: skip
def test_birth_dates(typed: str, kept: str) -> None:
    """L13"""
    assert value("birth_date", typed) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("Nga.Tran+vss@Example.COM", "Nga.Tran+vss@example.com"), ("nga@mail.gov.vn", "nga@mail.gov.vn"), ("nga", "form"),
     ("nga@example", "form"), ("a..b@example.com", "form"), (".a@example.com", "form"), ("nga@-x.com", "form"),
     ("nga@example.com\nBcc: x@example.com", "form"), ("a@b.com,c@d.com", "form"), ("a" * 250 + "@b.com", "form")],
)  # fmt: skip
def test_addresses(typed: str, kept: str) -> None:
    assert value("email", typed) == kept


def test_places_are_of_today_and_a_commune_lies_in_its_province() -> None:
    assert value("province", "74") == "choose"
    assert value("commune", "00070") == "missing"
    assert value("commune", "272") == "choose"
    assert value("agency", "07908") == "choose"
    assert value("agency", "07907") == "07907"


def test_an_undertaking_is_given_by_the_person() -> None:
    for typed in ("", "0", "true", "yes"):
        assert value("agrees", typed) == "unticked"


def test_whoever_does_not_transact_at_the_portal_names_the_provider() -> None:
    assert read(transact_at="ivan")[1] == {"ivan": "missing"}
    assert read(transact_at="ivan", ivan="00111")[1] == {}
    assert read(transact_at="ivan", ivan="99999")[1] == {"ivan": "choose"}


def test_a_contact_person_is_asked_of_organisations_and_apps() -> None:
    assert read(contact=True)[1] == {"contact_person": "missing"}
    assert read(contact=False)[1] == {}


def test_nothing_but_the_fields_of_the_form_is_read() -> None:
    more = {"status": "approved", "account_id": "1", "state": "approved", "role": "officer"}

    assert read(**more) == read()
    assert not {"state", "account_id", "email_verified_at"} & {*FIELDS["individual"], *FIELDS["organisation"]}
