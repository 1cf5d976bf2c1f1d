"""A person registers: form 01, pictures, a code to the address, the form as it will be signed, and how it stands."""

import re
from io import BytesIO
from typing import Any

import pytest

from tests.support.app import App
from tests.support.declarations import FIELDS, ROLES, Registrant, drawn, hidden
from tests.support.photographs import filled, photograph


@pytest.fixture
def nga(app: App) -> Registrant:
    return Registrant(app)


def stored(registrant: Registrant, reference: str) -> Any:
    return registrant.app.provider.stores.declarations.find_by_reference(reference.replace("-", ""))


def test_a_person_registers_and_reads_the_form_that_is_signed(everywhere: App) -> None:
    nga = Registrant(everywhere)
    reference = nga.register()
    page = nga.visitor.get("/register/done").text
    handed = stored(nga, reference)

    assert handed.state == "submitted"
    assert (handed.form.name, handed.form.phone, handed.form.agency) == ("Trần Thị Nga", "+84981234567", "07906")
    assert handed.email_verified_at == everywhere.clock()
    assert handed.form_digest == handed.form.digest
    assert set(everywhere.provider.stores.declarations.photos(handed.id)) == set(ROLES)
    for said in ("TỜ KHAI", "Trần Thị Nga", "0000000777", "0981 234 567", "BHXH cơ sở Bình Thử", "☒ Đăng ký sử dụng"):
        assert said in page
    assert re.search(r"ngày \d{2} tháng \d{1,2} năm \d{4}", page)
    assert "Phường Thủ Dầu Một, Thành phố Hồ Chí Minh" in page


def test_one_letter_tells_of_the_reference(nga: Registrant) -> None:
    reference = nga.register()
    letters = nga.app.told("email")

    assert [(m.template, m.facts["reference"], m.facts["agency"]) for m in letters] == [
        ("declaration_received", reference, "BHXH cơ sở Bình Thử")
    ]


def test_the_status_is_told_to_whoever_knows_reference_and_number(nga: Registrant) -> None:
    reference = nga.register()

    for typed in (reference, reference.lower(), reference.replace("-", " ")):
        assert "Đang chờ cơ quan BHXH duyệt" in nga.look(typed, "+84 981 234 567").text
    wrong = [nga.look(reference, "0981234568"), nga.look("7KF3-9QTA-2M"), nga.look("x"), nga.look(reference, "x")]
    assert all("không khớp hoặc không có" in answer.text for answer in wrong)


def test_a_draft_survives_a_reload_and_pictures_are_never_asked_for_again(nga: Registrant) -> None:
    nga.begin()
    answer = nga.fill(email="nga", phone="12")

    assert "Địa chỉ thư không đúng" in answer.text
    assert 'href="#email"' in answer.text
    assert 'value="12"' in answer.text
    again = nga.visitor.get("/register/form").text
    assert again.count("Đã có ảnh") == 3
    assert 'value="17/05/1990"' in again
    assert nga.fill(pictures=()).headers["Location"] == "/register/email"


def test_a_bad_picture_has_its_sentence_and_the_good_ones_stay(nga: Registrant) -> None:
    nga.begin()
    answer = nga.fill(pictures={"portrait": drawn((100, 100)), "front": drawn(), "back": b"%PDF-1.7"})

    assert "Ảnh quá nhỏ" in answer.text
    assert "không phải ảnh JPEG" in answer.text
    assert answer.text.count('src="/register/photo/') == 1


def test_what_looks_odd_is_asked_about_once_and_accepted(nga: Registrant) -> None:
    nga.begin()
    odd = nga.fill(paper_number="000890000777")
    grades = hidden(odd, "seen")

    assert grades == "WARN_PROVINCE WARN_CENTURY MISMATCH_DOB"
    assert "Hãy kiểm tra lại một lần nữa" in odd.text
    assert nga.fill(pictures=(), paper_number="000890000777", seen=grades).headers["Location"] == "/register/email"


def test_somebody_under_16_is_led_to_the_agency(nga: Registrant) -> None:
    """L13"""
    nga.begin()

    assert "Cha mẹ hoặc người giám hộ" in nga.fill(birth_date="2020").text


def test_a_button_brings_the_communes_of_a_province_without_script(nga: Registrant) -> None:
    nga.begin()
    answer = nga.fill(button="places", province="01", commune="", email="", pictures=())

    assert "00070 - Phường Hoàn Kiếm" in answer.text
    assert 'id="problems"' not in answer.text
    assert "00102 - BHXH cơ sở Mẫu" in nga.fill(button="regions", region="001", agency="", pictures=()).text


def test_an_organisation_registers_without_pictures(nga: Registrant) -> None:
    nga.begin("organisation")
    fields = {"name": "Công ty TNHH Sao Mai 2", "code": "0312345673", "contact_person": "Trần Thị Nga"}
    more = {"paper_kind": None, "paper_number": None, "birth_date": None}

    assert "Vui lòng điền đầy đủ" in nga.fill(pictures=(), **fields | more | {"contact_person": ""}).text  # type: ignore[arg-type]
    assert nga.fill(pictures=(), **fields | more).headers["Location"] == "/register/email"  # type: ignore[arg-type]
    assert nga.prove().headers["Location"] == "/register/done"
    assert stored(nga, nga.reference()).form.code == "0312345673"


def test_sent_twice_it_is_one_declaration_and_one_letter(nga: Registrant) -> None:
    nga.begin()
    nga.fill()
    page = nga.visitor.get("/register/email")
    code = nga.app.code_sent("email")
    form = {"csrf": hidden(page), "code": code, "code-submit": "1"}
    answers = [nga.visitor.post("/register/email", data=form) for _ in range(3)]

    assert [answer.headers["Location"] for answer in answers] == ["/register/done"] * 3
    assert [m.template for m in nga.app.told("email")] == ["declaration_received"]
    for path in ("/register/form", "/register/email"):
        assert nga.visitor.get(path).headers["Location"] == "/register/done"
    assert nga.visitor.post("/register/form", data={"csrf": "x"}).headers["Location"] == "/register/done"


def test_another_address_kills_the_code_that_was_sent(nga: Registrant) -> None:
    nga.begin()
    nga.fill()
    nga.visitor.get("/register/email")
    code = nga.app.code_sent("email")
    nga.fill(pictures=(), email="other@example.com")
    answer = nga.prove(code)

    assert "Mã xác thực không đúng" in answer.text
    assert nga.app.code_sent("email") != code


def test_a_newer_declaration_of_the_same_address_takes_the_place_of_the_older(nga: Registrant) -> None:
    """T-01: only whoever proved the same address ends a pending declaration."""
    first = nga.register()
    nga.app.clock.move(3600)
    second = Registrant(nga.app).register()
    stranger = Registrant(nga.app).register(email="stranger@example.com")

    assert [stored(nga, r).state for r in (first, second, stranger)] == ["superseded", "submitted", "submitted"]


def test_a_declaration_given_back_is_corrected_in_another_browser(nga: Registrant) -> None:
    from tests.support.desk import OFFICER

    reference = nga.register()
    decisions = nga.app.provider.registration.decisions
    decisions.ask_for_correction(stored(nga, reference), OFFICER, "paper_unreadable", "Chụp lại mặt trước.")
    nga.app.told("email")
    nga.app.clock.move(3600)
    other = Registrant(nga.app)
    other.visitor.get("/register/status")
    seen = other.look(reference)
    wanted = other.look(reference, correct="1")
    proof = other.visitor.get(wanted.headers["Location"])
    code = nga.app.code_sent("email")
    form = {"ticket": hidden(proof, "ticket"), "code": code, "code-submit": "1"}

    assert "Ảnh giấy tờ không rõ" in seen.text
    assert "Chụp lại mặt trước." in seen.text
    assert other.visitor.post("/register/proof", data=form).headers["Location"] == "/register/form"
    assert other.fill(pictures=("front",)).headers["Location"] == "/register/email"
    assert nga.visitor.get("/register/form").headers["Location"] == "/register?why=over"
    nga.app.clock.move(120)
    assert other.prove().headers["Location"] == "/register/done"
    assert stored(nga, reference).state == "submitted"


def test_a_pending_declaration_is_cancelled_by_whoever_proves_its_address(nga: Registrant) -> None:
    reference = nga.register()
    nga.app.told("email")
    nga.app.clock.move(3600)
    wanted = nga.look(reference, cancel="1")
    proof = nga.visitor.get(wanted.headers["Location"])
    form = {"ticket": hidden(proof, "ticket"), "code": nga.app.code_sent("email"), "code-submit": "1"}
    done = nga.visitor.post("/register/proof", data=form)
    handed = stored(nga, reference)

    assert "Đã hủy tờ khai" in done.text
    assert handed.state == "cancelled"
    nga.app.clock.move(1)
    from idp.store.sweep import sweep

    sweep(nga.app.base.database, nga.app.clock())
    assert nga.app.provider.stores.declarations.photos(handed.id) == []


def test_a_dissolved_agency_s_declaration_goes_to_its_successor(nga: Registrant) -> None:
    from dataclasses import replace
    from datetime import timedelta

    nga.begin()
    nga.fill()
    agencies = nga.app.base.agencies
    old = agencies.tree().get("07906")
    assert old
    yesterday = nga.app.provider.registration.declarations.today - timedelta(days=1)
    agencies.put([replace(old, valid_to=yesterday, successor="079")])
    nga.prove()

    assert stored(nga, nga.reference()).form.agency == "079"


def test_to_begin_anew_deletes_the_draft(nga: Registrant) -> None:
    page = nga.begin()
    nga.fill(email="x")
    nga.visitor.post("/register/forget", data={"csrf": hidden(page)})

    assert nga.visitor.get("/register/form").headers["Location"] == "/register?why=over"


def test_drafts_end_and_undecided_declarations_lapse(nga: Registrant) -> None:
    reference = nga.register()
    other = Registrant(nga.app)
    other.begin()
    other.fill(email="x")
    nga.app.clock.move(25 * 3600)

    assert other.visitor.get("/register/form").headers["Location"] == "/register?why=over"
    declarations = nga.app.provider.stores.declarations
    assert declarations.end_expired(nga.app.clock()) == 0
    nga.app.clock.move(90 * 86_400)
    assert declarations.end_expired(nga.app.clock()) == 1
    assert stored(nga, reference).state == "lapsed"


def test_amending_and_stopping_begin_with_a_login(nga: Registrant) -> None:
    for request, path in (("amend", "/account/profile"), ("stop", "/account/stop")):
        answer = nga.visitor.post("/register", data={"kind": "individual", "request": request})
        assert answer.headers["Location"] == path


def test_the_fields_of_the_form_stand_in_the_order_of_the_statute(nga: Registrant) -> None:
    page = nga.begin().text
    order = ["portrait", "name", "code", "paper_number", "front", "back", "birth_date", "province", "commune", "street",
             "email", "phone", "starts_on", "transact_at", "agency", "submission", "agrees"]  # fmt: skip
    places = [page.index(f'id="{name}"') for name in order]

    assert places == sorted(places)
    assert not re.search(r'id="agrees"[^>]* checked', page)
    assert set(FIELDS) - {"region", "ivan"} <= {*order, "paper_kind"}


@pytest.mark.parametrize("kilobytes", [300, 2500, 6000])
def test_c1_photographs_of_a_phone_are_kept(nga: Registrant, kilobytes: int) -> None:
    """The reader of forms judged a file by the bound of a field: a lottery for each 64 KiB of it."""
    nga.begin()
    sent = nga.fill(pictures={role: photograph(kilobytes) for role in ROLES})

    assert sent.headers.get("Location") == "/register/email", sent.text


def test_each_bad_picture_has_its_own_sentence_and_the_good_one_stays(nga: Registrant) -> None:
    nga.begin()
    large = filled(photograph(2500), 9 * 1024 * 1024)
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 2000
    answer = nga.fill(pictures={"portrait": photograph(2500), "front": large, "back": heic})

    assert answer.status_code == 200
    assert "Ảnh lớn hơn 8 MB" in answer.text
    assert "Ảnh HEIC của iPhone" in answer.text
    assert 'src="/register/photo/portrait"' in answer.text
    assert 'src="/register/photo/front"' not in answer.text


def test_two_pictures_in_one_field_are_refused_with_a_sentence(nga: Registrant) -> None:
    nga.begin()
    files = [(BytesIO(drawn()), "a.jpg"), (BytesIO(drawn()), "b.jpg")]
    page = nga.visitor.get("/register/form")
    data: dict[str, Any] = {"csrf": hidden(page), "seen": "", "save": "1", "front": files}
    answer = nga.visitor.post("/register/form", data=data, content_type="multipart/form-data")

    assert "Chỉ gửi một ảnh ở mục này" in answer.text
    assert 'src="/register/photo/front"' not in answer.text


def test_a_form_over_the_bound_leads_back_to_the_form(nga: Registrant) -> None:
    nga.begin()
    huge = filled(photograph(2500), 15 * 1024 * 1024)
    answer = nga.fill(pictures=dict.fromkeys(ROLES, huge))

    assert answer.status_code == 413
    assert 'href="/register/form"' in answer.text
    assert "Mỗi ảnh tối đa 8 MB" in answer.text
