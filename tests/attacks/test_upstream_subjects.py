"""Who a linked subject is (H-4, L-12): compared exactly, of one kind, and named again at each login."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from tests.support import databases
from tests.support.liar import PERSON, Change
from tests.support.lied_to import LiedTo, lied_to, press

FACTS = {
    "oidc": ("name", "birthdate", "citizen", "phone_number"),
    "vneid": ("fullName", "birthDate"),
    "dvcqg": ("HoVaTen", "NgayThangNamSinh", "SoDinhDanh", "SoDienThoai"),
}


@pytest.fixture
def here(sqlite_template: Path, tmp_path: Path) -> Iterator[LiedTo]:
    with lied_to(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path)) as running:
        yield running


def told(**more: object) -> Change:
    return lambda document: {**document, **more}


def without(*names: str) -> Change:
    return lambda document: {name: value for name, value in document.items() if name not in names}


def why(answer: TestResponse) -> str:
    """The reason that a callback gives for turning somebody away; empty when it lets in."""
    found = urlsplit(answer.headers["Location"])
    return parse_qs(found.query).get("why", [""])[0] if found.path != "/authorize" else ""


@pytest.mark.parametrize("kind", ["oidc", "vneid", "dvcqg"])
def test_who_is_linked_comes_in_by_the_truth(here: LiedTo, kind: str) -> None:
    here.linked(kind)

    assert urlsplit(here.via(kind).headers["Location"]).path == "/authorize"


@pytest.mark.parametrize("subject", [f" {PERSON}", f"{PERSON} ", f"  {PERSON}  ", f"{PERSON}\t", f"{PERSON}\0", "é"])
def test_h4_a_subject_with_anything_around_it_is_nobody(here: LiedTo, subject: str) -> None:
    """Nothing else is told, so that nothing but the subject could tell the two apart."""
    here.linked("oidc")

    here.lie(claims=told(sub=subject), userinfo=lambda _: {"sub": subject})

    assert why(here.via("oidc")) == "refused"


@pytest.mark.parametrize("number", [" tech-1", "tech-1 ", "tech-1\0", "\uff17"])
def test_h4_a_tech_id_with_anything_around_it_is_nobody(here: LiedTo, number: str) -> None:
    here.linked("dvcqg")

    here.lie(userinfo=lambda profile: without(*FACTS["dvcqg"])(profile) | {"TechID": number})

    assert why(here.via("dvcqg")) == "refused"


def test_h4_only_the_portal_may_name_people_by_whole_numbers(here: LiedTo) -> None:
    here.lie(userinfo=told(TechID=7))
    assert urlsplit(here.via("dvcqg").headers["Location"]).path == "/link/password"

    here.lie(claims=told(sub=7), userinfo=told(sub=7))
    assert why(here.via("oidc")) == "refused"
    here.lie(userinfo=told(citizenPid=890990001))
    assert why(here.via("vneid")) == "refused"


@pytest.mark.parametrize("kind", ["oidc", "vneid", "dvcqg"])
def test_h4_a_login_that_brings_none_of_the_facts_of_its_link_asks_again(here: LiedTo, kind: str) -> None:
    """A person's subject may be another's by now; without a name, a date or a number nobody can tell."""
    here.linked(kind)
    here.lie(userinfo=without(*FACTS[kind]))
    visitor = here.app.visitor()

    turned = here.via(kind, visitor)

    assert why(turned) == "unnamed"
    page = visitor.get(turned.headers["Location"])
    assert "/login?attempt=" in page.text
    assert "Cần xác nhận thêm một lần" in page.text
    assert here.app.provider.federation.upstream_logins.links.of_account(account_of(here))


def test_h4_a_fact_that_is_left_out_beside_others_does_no_harm(here: LiedTo) -> None:
    here.linked("dvcqg")
    here.lie(userinfo=without("HoVaTen", "NgayThangNamSinh", "SoDienThoai"))

    assert why(here.via("dvcqg")) == ""


def test_l12_a_persons_tech_id_that_comes_back_as_an_organisation_opens_nothing(here: LiedTo) -> None:
    here.linked("dvcqg")
    here.lie(userinfo=lambda profile: without(*FACTS["dvcqg"])(profile) | {"LoaiTaiKhoan": "2"})

    assert why(here.via("dvcqg")) == "recycled"
    here.lie(userinfo=told(LoaiTaiKhoan="2", MaSoThue="0312345673", TenDoanhNghiep="Sen Vàng"))
    assert why(here.via("dvcqg")) == "recycled"


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("vneid", {"fullName": "Lê Văn Kia"}),
        ("vneid", {"birthDate": "18/05/1990"}),
        ("dvcqg", {"SoDinhDanh": "000890990002"}),
        ("dvcqg", {"HoVaTen": "LÊ VĂN KIA"}),
        ("oidc", {"name": "Lê Văn Kia"}),
    ],
)
def test_a_person_whose_number_name_or_date_changed_is_stopped(
    here: LiedTo, kind: str, changed: dict[str, str]
) -> None:
    """U-09"""
    here.linked(kind)
    here.lie(userinfo=told(**changed))

    assert why(here.via(kind)) == "recycled"


@pytest.mark.parametrize(("tax_code", "reason"), [("0312345673", ""), (None, "unnamed"), ("0700000012", "recycled")])
def test_h4_an_organisation_is_held_against_its_tax_code(here: LiedTo, tax_code: str | None, reason: str) -> None:
    here.app.person(kind="organisation", identifiers={"tax": "0312345673"}, name="Sen Vàng")
    company = {"TechID": "tech-8", "LoaiTaiKhoan": "2", "TenDoanhNghiep": "Sen Vàng"}
    here.lie(userinfo=lambda profile: {"sub": profile["sub"], "MaSoThue": "0312345673"} | company)
    visitor = here.app.visitor()
    pressed = press(visitor, visitor.get(here.via("dvcqg", visitor).headers["Location"]), "link-password")
    step = visitor.log_in(pressed, "0312345673", kind="organisation")
    press(visitor, visitor.get(step.headers["Location"]), "link-make")

    here.lie(userinfo=lambda profile: {"sub": profile["sub"], "MaSoThue": tax_code} | company)

    assert why(here.via("dvcqg")) == reason


def account_of(here: LiedTo) -> str:
    found = here.app.base.people.find_by_identifier("bhxh", "0012345678")
    assert found
    return found.id
