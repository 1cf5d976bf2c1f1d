"""The officer console over HTTP: coming in, the queue, a request, the decision."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.accounts.participants import Participant
from idp.store.participants import SqlParticipants
from tests.support import databases
from tests.support.desk import WHO
from tests.support.officers import PASSWORD, Desk, running_desk


@pytest.fixture
def desk(app_template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_desk(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        yield running


def test_an_officer_sets_password_and_second_factor_by_the_invitation_once(desk: Desk) -> None:
    """6.4.1: the link is good once; the QR code and the secret text are on the page."""
    officer = desk.roster.add("minh.tran", "Trần Văn Minh", "test", WHO)
    token = desk.roster.invite(officer, "test")
    browser = desk.browser()
    page = browser.get(f"/invitation/{token}")
    secret = page.text.split("<code>")[1].split("</code>")[0].replace(" ", "")
    desk.secrets["minh.tran"] = secret
    form = {"password": PASSWORD, "again": PASSWORD, "code": desk.code("minh.tran")}

    assert "<svg" in page.text
    assert browser.send("POST", f"/invitation/{token}", data=form | {"again": "x"}).status_code == 200
    assert (
        "14"
        in browser.send("POST", f"/invitation/{token}", data=form | {"password": "ngắn quá", "again": "ngắn quá"}).text
    )
    assert browser.send("POST", f"/invitation/{token}", data=form | {"code": "000000"}).status_code == 200
    assert browser.send("POST", f"/invitation/{token}", data=form).headers["Location"] == "/login?why=enrolled"
    assert browser.send("POST", f"/invitation/{token}", data=form).status_code == 400
    assert browser.log_in("minh.tran").headers["Location"] == "/"
    assert "Chưa có quyền nào" in browser.get("/").text


def test_an_invitation_is_over_after_an_hour(desk: Desk) -> None:
    token = desk.roster.invite(desk.roster.add("minh.tran", "Trần Văn Minh", "test", WHO), "test")
    desk.app.clock.move(3600)

    assert "Đường dẫn không còn dùng được" in desk.browser().get(f"/invitation/{token}").text


def test_the_queue_shows_what_waits_in_ones_agencies_oldest_first_with_marks(desk: Desk) -> None:
    """L14"""
    desk.officer()
    first = desk.declaration(name="Người Đầu")
    desk.declaration(name="Người Sau", code=first.form.code)
    desk.declaration("00200", name="Người Xa")
    desk.app.person(first.form.code)
    page = desk.browser("lan.nguyen").get("/").text

    assert page.index("Người Đầu") < page.index("Người Sau")
    assert "Người Xa" not in page
    assert page.count("Đã có tài khoản") == 2
    assert page.count("Hồ sơ khác cùng mã số: 1") == 2


def test_an_empty_queue_says_so(desk: Desk) -> None:
    desk.officer()

    assert "Không có hồ sơ nào như vậy" in desk.browser("lan.nguyen").get("/").text


@pytest.mark.parametrize("how", ["code", "name", "phone", "reference", "citizen_number"])
def test_the_queue_is_searched_by_what_an_officer_has_in_hand(desk: Desk, how: str) -> None:
    desk.officer()
    wanted = desk.declaration(name="Phạm Đức Hoà")
    desk.declaration(name="Người Khác")
    form = wanted.form
    typed = {
        "code": form.code,
        "name": "pham duc",
        "phone": "0" + form.phone[3:],
        "reference": wanted.formatted_reference.lower(),
        "citizen_number": form.citizen_number,
    }[how]
    page = desk.browser("lan.nguyen").get("/", query_string={"q": typed}).text

    assert "Phạm Đức Hoà" in page
    assert "Người Khác" not in page


def test_twenty_five_are_on_a_page_and_the_next_page_goes_on(desk: Desk) -> None:
    desk.officer()
    for number in range(30):
        desk.declaration(name=f"Người thứ {number:02d}.")
    browser = desk.browser("lan.nguyen")
    page = browser.get("/").text
    more = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    rest = browser.get(more).text

    assert page.count("Người thứ") == 25
    assert "Người thứ 24." in page
    assert rest.count("Người thứ") == 5
    assert "Người thứ 25." in rest


def test_a_request_stands_beside_the_register_with_differences_in_words(desk: Desk) -> None:
    desk.officer()
    asked = desk.declaration(name="TRẦN THỊ THƯ", code="0000000777")
    SqlParticipants(desk.app.base.database).put(
        [Participant("0000000777", "Trần Thị Thử", citizen_number="000999999999")]
    )
    page = desk.browser("lan.nguyen").get(f"/requests/{asked.id}").text

    assert "Khác cách viết" in page
    assert ">Khác: số khác hẳn<" in page
    assert "000999999999" not in page
    assert "Trùng khớp" in page
    assert "Không có để đối chiếu" in page


def test_after_a_decision_the_next_request_opens_with_one_page_load(desk: Desk) -> None:
    """A hundred an hour: one key (Alt+1), one form, one page for each decision."""
    desk.officer()
    first, second, third = (desk.declaration(name=name) for name in ("Một", "Hai", "Ba"))
    browser = desk.browser("lan.nguyen")
    approved = browser.decide(first, "approve")
    rejected = browser.decide(second, "reject", reason="incomplete", note="thiếu ảnh")
    returned = browser.decide(third, "return", reason="paper_unreadable")

    assert approved.headers["Location"].startswith(f"/requests/{second.id}?")
    assert rejected.headers["Location"].startswith(f"/requests/{third.id}?")
    assert returned.headers["Location"].startswith("/?")
    assert "Đã phê duyệt hồ sơ" in browser.get(approved.headers["Location"]).text
    assert [desk.stored(each).state for each in (first, second, third)] == ["approved", "rejected", "returned"]
    assert desk.stored(second).note == "thiếu ảnh"
    assert desk.app.base.people.find_by_identifier("bhxh", first.form.code)


def test_a_rejection_wants_a_reason(desk: Desk) -> None:
    desk.officer()
    asked = desk.declaration()
    answer = desk.browser("lan.nguyen").decide(asked, "reject")

    assert "Hãy chọn lý do" in answer.text
    assert desk.stored(asked).state == "submitted"


def test_a_request_that_somebody_else_decided_says_who(desk: Desk) -> None:
    desk.officer()
    desk.officer("minh.tran")
    asked = desk.declaration()
    desk.browser("lan.nguyen").decide(asked, "approve")
    answer = desk.browser("minh.tran").decide(asked, "reject", reason="other")

    assert answer.status_code == 409
    assert "Hồ sơ đã được phê duyệt bởi Cán bộ lan.nguyen" in answer.text


def test_an_account_that_exists_is_told(desk: Desk) -> None:
    desk.officer()
    asked = desk.declaration()
    desk.app.person(asked.form.code)
    answer = desk.browser("lan.nguyen").decide(asked, "approve")

    assert answer.status_code == 409
    assert "đã có tài khoản" in answer.text


def test_the_activation_is_sent_again_while_there_is_no_password(desk: Desk) -> None:
    desk.officer()
    asked = desk.declaration()
    browser = desk.browser("lan.nguyen")
    browser.decide(asked, "approve")
    sent = [m.facts["url"] for m in desk.app.told("sms") if m.template == "activation"]
    desk.app.clock.move(600)
    browser.decide(desk.stored(asked), "resend")
    again = [m.facts["url"] for m in desk.app.told("sms") if m.template == "activation"]

    assert len(sent) == len(again) == 1
    assert sent != again


def test_views_of_requests_and_pictures_are_on_record(desk: Desk) -> None:
    """L8, L14"""
    desk.officer()
    asked = desk.declaration(pictures={"portrait": b"\xff\xd8 a picture"})
    browser = desk.browser("lan.nguyen")
    browser.get(f"/requests/{asked.id}")
    picture = browser.get(f"/requests/{asked.id}/portrait.jpg")
    desk.app.base.trail.seal()
    seen = {line["name"] for line in desk.app.base.trail.tail(20)}

    assert picture.data == b"\xff\xd8 a picture"
    assert picture.headers["Cache-Control"] == "no-store"
    assert {"officer.login", "declaration.viewed", "photo.viewed"} <= seen


def test_a_session_ends_after_fifteen_idle_minutes_and_the_page_says_why(desk: Desk) -> None:
    """P-12"""
    desk.officer()
    browser = desk.browser("lan.nguyen")
    desk.app.clock.move(899)
    assert browser.get("/").status_code == 200
    desk.app.clock.move(900)
    answer = browser.get("/")

    assert answer.headers["Location"] == "/login?why=idle"
    assert "15 phút" in browser.get("/login?why=idle").text


def test_a_session_ends_after_eight_hours(desk: Desk) -> None:
    """P-12"""
    desk.officer()
    browser = desk.browser("lan.nguyen")
    for _ in range(47):
        desk.app.clock.move(600)
        assert browser.get("/").status_code == 200
    desk.app.clock.move(600)

    assert browser.get("/").headers["Location"] == "/login?why=idle"


@pytest.mark.parametrize("how", ["logout", "disable", "reset"])
def test_logout_disabling_and_reset_end_the_session_at_once(desk: Desk, how: str) -> None:
    """7.4.1, 7.4.2"""
    officer = desk.officer()
    browser, other = desk.browser("lan.nguyen"), desk.browser("lan.nguyen")
    if how == "logout":
        kept = browser.http.get_cookie("__Host-o", domain="officers.example.test")
        assert kept
        browser.post("/logout")
        browser.http.set_cookie("__Host-o", kept.value, domain="officers.example.test")
    elif how == "disable":
        desk.roster.disable(officer, "test")
    else:
        desk.roster.invite(officer, "test", reset=True)

    assert browser.get("/").headers["Location"] == "/login?why=ended"
    assert (other.get("/").status_code == 200) == (how == "logout")
