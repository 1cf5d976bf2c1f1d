"""Changing what is registered and stopping: asked by the owner, confirmed by codes, decided by an officer."""

import re
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from idp.accounts.account import Account
from idp.accounts.people import IdentifierTaken
from idp.errors import StaleState
from idp.messages.message import Channel, Message
from idp.registration.decisions import Unfit
from idp.registration.declaration import Declaration
from tests.flows.test_passwords_life import field, follow, log_in, page_of
from tests.support.app import App, Visitor
from tests.support.desk import OFFICER, open_agencies

CODE, PHONE, EMAIL = "0000000777", "0981234567", "nga@example.com"
OTHER_PHONE, OTHER_EMAIL, CARD = "0987654321", "nga.moi@example.com", "000190000777"
AGENCY = "07906"
OVER = "Lần ghi nhận đó đã được gửi"


@pytest.fixture(autouse=True)
def ready(app: App) -> None:
    open_agencies(app)
    app.client()


def owner(app: App, code: str = CODE, **more: object) -> str:
    fields = {"phone": PHONE, "phone_verified": True, "email": EMAIL, "email_verified": True, "address": "1 Đường Thử"}
    identifiers = {"bhxh": code, "cccd": "000190000111"}
    return app.person(code, **{"identifiers": identifiers, **fields, **more})


def account_of(app: App, code: str = CODE) -> Account:
    account = app.base.people.find_by_identifier("bhxh", code)
    assert account
    return account


def logged_in(app: App, code: str = CODE, address: str = "192.0.2.7") -> Visitor:
    visitor = app.visitor(address)
    visitor.log_in(visitor.authorize(), code)
    return visitor


def opened(app: App, visitor: Visitor, path: str = "/account/profile") -> TestResponse:
    """The page with its form, behind a fresh code to the phone where one is due."""
    page = visitor.get(path)
    if page_of(page) == "profile":
        page = visitor.post(path, data={"csrf": field(page, "csrf"), "open": "1"})
    page = follow(visitor, page)
    if page_of(page) == "code":
        fields = {"attempt": field(page, "attempt"), "code": app.code_sent()}
        page = follow(visitor, visitor.post("/login/code", data=fields))
    assert 'id="form01"' in page.text, page_of(page)
    return page


def filled(page: TestResponse, **changes: str) -> dict[str, str]:
    """The form of the page as it stands there, with changes, and the undertaking ticked."""
    names = ("csrf", "paper_number", "email", "phone", "street")
    typed = {name: field(page, name) for name in names if f'name="{name}"' in page.text}
    return typed | {"paper_kind": "cccd", "agency": AGENCY, "agrees": "1", "save": "1"} | changes


def record(app: App, visitor: Visitor, **changes: str) -> TestResponse:
    """ "Ghi nhận"; the answer, after the page of the code if it led there."""
    page = opened(app, visitor)
    return follow(visitor, visitor.post("/account/profile", data=filled(page, **changes)))


def enter(visitor: Visitor, page: TestResponse, code: str) -> TestResponse:
    fields = {"ticket": field(page, "ticket"), "csrf": field(page, "csrf"), "code": code}
    return follow(visitor, visitor.post("/account/profile/code", data=fields))


def codes_sent(app: App, channel: Channel) -> list[Message]:
    return [m for m in app.told(channel) if m.template == "otp"]


def requests(app: App, code: str = CODE) -> list[Declaration]:
    return app.provider.stores.declarations.of_account(account_of(app, code).id)


def asked(app: App, visitor: Visitor, **changes: str) -> Declaration:
    """A change that waits for an officer."""
    page = record(app, visitor, **changes)
    while page_of(page) == "code":
        page = enter(visitor, page, app.code_sent("email"))
    assert page_of(page) == "profile", page.text
    return requests(app)[0]


def test_what_is_registered_is_masked_until_a_fresh_code(app: App) -> None:
    owner(app, birth_date="1990-05-17")
    visitor = logged_in(app)

    masked = visitor.get("/account/profile")
    shown = opened(app, visitor)

    for secret in (CODE, "000190000111", "17/05/1990", "0981 234 567", "1 Đường Thử", EMAIL):
        assert secret not in masked.text
        assert secret in shown.text
    assert 'id="form01"' not in masked.text
    app.clock.move(301)
    assert EMAIL not in visitor.get("/account/profile").text


def test_a_change_takes_a_code_to_the_registered_address_and_waits_for_an_officer(app: App) -> None:
    owner(app)
    before, visitor = account_of(app), logged_in(app)

    page = record(app, visitor, phone=OTHER_PHONE, street="2 Đường Thử", paper_number=CARD)
    sent = codes_sent(app, "email")
    assert [(m.to, m.facts["purpose"]) for m in sent] == [(EMAIL, "profile")]
    done = enter(visitor, page, sent[0].facts["code"])

    waiting = requests(app)[0]
    assert "Yêu cầu thay đổi đang chờ cơ quan BHXH duyệt" in done.text
    assert waiting.formatted_reference in done.text
    assert (waiting.request, waiting.state, waiting.form.agency) == ("amend", "submitted", AGENCY)
    assert (waiting.form.phone, waiting.form.paper_number) == ("+84987654321", CARD)
    assert waiting.form_digest == waiting.form.digest
    # The number that is to be learns nothing and proves nothing.
    assert {m.to for m in app.told("sms")} == {"+84981234567"}
    assert [(m.to, m.template) for m in app.told("email")] == [(EMAIL, "declaration_received")]
    assert account_of(app) == before


def test_an_approval_makes_the_change_and_keeps_the_former_number_with_its_dates(app: App) -> None:
    owner(app)
    visitor = logged_in(app)
    waiting = asked(app, visitor, phone=OTHER_PHONE, paper_number=CARD)

    app.provider.registration.decisions.approve(waiting, OFFICER)

    after = account_of(app)
    assert (after.phone, after.identifier("cccd"), after.phone_changed_at) == ("+84987654321", CARD, app.clock())
    page = logged_in(app).get("/account/profile")
    assert "Số giấy tờ trước đây" in page.text
    assert "********0111" in page.text
    assert "22/11/2026" in page.text or re.search(r"đến \d\d/\d\d/\d{4}", page.text)


def test_another_address_is_proved_by_a_second_code_and_never_by_that_alone(app: App) -> None:
    owner(app)
    visitor = logged_in(app)

    page = record(app, visitor, email=OTHER_EMAIL)
    first = codes_sent(app, "email")
    assert [m.to for m in first] == [EMAIL]
    page = enter(visitor, page, first[0].facts["code"])
    assert page_of(page) == "code"
    assert requests(app) == []
    second = codes_sent(app, "email")
    assert [m.to for m in second] == [OTHER_EMAIL]
    assert page_of(enter(visitor, page, first[0].facts["code"])) == "code"
    enter(visitor, page, second[0].facts["code"])

    waiting = requests(app)[0]
    assert (waiting.form.email, waiting.email_verified_at) == (OTHER_EMAIL, app.clock())
    assert account_of(app).email == EMAIL
    assert {m.to for m in app.told("email") if m.template == "declaration_received"} == {EMAIL, OTHER_EMAIL}
    app.provider.registration.decisions.approve(waiting, OFFICER)
    assert (account_of(app).email, account_of(app).email_verified_at) == (OTHER_EMAIL, app.clock())
    assert EMAIL in {m.to for m in app.told("email") if m.template == "notice"}


def test_without_a_proved_address_the_code_goes_to_the_registered_phone(app: App) -> None:
    owner(app, email=EMAIL, email_verified=False)
    visitor = logged_in(app)

    page = opened(app, visitor)
    app.clock.move(61)
    page = follow(visitor, visitor.post("/account/profile", data=filled(page, email=OTHER_EMAIL)))
    assert codes_sent(app, "email") == []
    page = enter(visitor, page, app.code_sent("sms"))
    enter(visitor, page, app.code_sent("email"))

    assert requests(app)[0].form.email == OTHER_EMAIL


def test_without_either_the_page_says_that_the_desk_has_to_do_it(app: App) -> None:
    app.person(CODE)

    page = logged_in(app).get("/account/profile")

    assert "Hãy mang giấy tờ đến cơ quan BHXH" in page.text
    assert 'id="profile-open"' not in page.text


def test_a_newer_request_takes_the_place_of_the_one_that_waits(app: App) -> None:
    owner(app)
    visitor = logged_in(app)

    first = asked(app, visitor, street="2 Đường Thử")
    app.clock.move(3601)
    second = asked(app, logged_in(app), street="3 Đường Thử")

    assert [(d.id, d.state) for d in requests(app)] == [(second.id, "submitted"), (first.id, "superseded")]
    with pytest.raises((StaleState, Unfit)):
        app.provider.registration.decisions.approve(first, OFFICER)
    visitor = logged_in(app)
    of_before = {"csrf": field(visitor.get("/account/profile"), "csrf"), "cancel": first.id}
    assert OVER in follow(visitor, visitor.post("/account/profile", data=of_before)).text
    assert requests(app)[0].state == "submitted"


def test_the_owner_takes_a_request_back_and_nobody_else_does(app: App) -> None:
    owner(app)
    owner(app, "0000000778", identifiers={"bhxh": "0000000778"})
    visitor, stranger = logged_in(app), logged_in(app, "0000000778", "192.0.2.8")
    waiting = asked(app, visitor, street="2 Đường Thử")

    theirs = {"csrf": field(stranger.get("/account/profile"), "csrf"), "cancel": waiting.id}
    stranger.post("/account/profile", data=theirs)
    assert requests(app)[0].state == "submitted"
    mine = {"csrf": field(visitor.get("/account/profile"), "csrf"), "cancel": waiting.id}
    gone = follow(visitor, visitor.post("/account/profile", data=mine))
    again = follow(visitor, visitor.post("/account/profile", data=mine))

    assert requests(app)[0].state == "cancelled"
    assert "Đã hủy" in gone.text
    assert OVER in again.text
    with pytest.raises((StaleState, Unfit)):
        app.provider.registration.decisions.approve(waiting, OFFICER)


def test_a_changed_number_rests_for_72_hours(app: App) -> None:
    """U-07"""
    owner(app)
    assert app.provider.accounts.credentials.set_number(account_of(app), "+84987654321", "lost")
    app.clock.move(72 * 3600 - 600)
    visitor = logged_in(app)

    refused = record(app, visitor, phone=PHONE)
    assert page_of(refused) == "profile"
    assert "Sau 72 giờ mới thay đổi tiếp được" in refused.text
    assert requests(app) == []
    other = follow(visitor, visitor.post("/account/profile", data=filled(refused, phone=OTHER_PHONE, street="2 Đường")))
    assert page_of(other) == "code"
    app.clock.move(3601)
    assert page_of(record(app, logged_in(app), phone=PHONE)) == "code"


def test_at_submission_nothing_is_said_about_others_and_the_officer_sees_who_has_the_number(app: App) -> None:
    owner(app)
    owner(app, "0000000778", identifiers={"bhxh": "0000000778", "cccd": CARD})
    visitor = logged_in(app)

    waiting = asked(app, visitor, paper_number=CARD)

    with pytest.raises((IdentifierTaken, Unfit)):
        app.provider.registration.decisions.approve(waiting, OFFICER)
    assert account_of(app).identifier("cccd") == "000190000111"
    assert account_of(app, "0000000778").identifier("cccd") == CARD


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"phone": "02838123456"}, "Nhập số di động Việt Nam có 10 chữ số"),
        ({"email": "nga@"}, "Địa chỉ thư không đúng"),
        ({"paper_number": "12"}, "Số căn cước/CCCD có 12 chữ số"),
        ({"phone": ""}, "Vui lòng điền đầy đủ thông tin"),
        ({"street": "x" * 201}, "quá dài"),
        ({"agency": "99999", "street": "2 Đường"}, "không còn tiếp nhận"),
        ({"agrees": "", "street": "2 Đường"}, "ô cam kết"),
        ({}, "Bạn chưa thay đổi mục nào"),
    ],
)
def test_what_cannot_be_recorded_is_told_and_nothing_typed_is_lost(
    app: App, changes: dict[str, str], sentence: str
) -> None:
    owner(app)
    visitor = logged_in(app)

    page = record(app, visitor, **{"street": "2 Đường Giữ Lại", **changes} if changes else {})

    assert page_of(page) == "profile"
    assert sentence in page.text
    if changes and "street" not in changes:
        assert "2 Đường Giữ Lại" in page.text
    assert codes_sent(app, "email") == []


def test_fields_that_the_form_does_not_have_change_nothing(app: App) -> None:
    """Mass assignment: name, code, verified flags and state are not read."""
    owner(app)
    visitor = logged_in(app)
    more = {
        "name": "Kẻ Khác",
        "code": "0000000001",
        "email_verified_at": "1",
        "state": "approved",
        "birth_date": "1970",
    }

    waiting = asked(app, visitor, street="2 Đường Thử", **more)

    assert (waiting.form.name, waiting.form.code, waiting.state) == ("Nguyễn Thị Hoà", CODE, "submitted")
    assert waiting.form.birth_date == ""


def test_twice_sent_is_once_asked(app: App) -> None:
    owner(app)
    visitor = logged_in(app)
    page = opened(app, visitor)
    one, two = (follow(visitor, visitor.post("/account/profile", data=filled(page, street="2 Đường"))) for _ in "12")
    codes = [m.facts["code"] for m in codes_sent(app, "email")]
    assert len(codes) == 1

    enter(visitor, one, codes[0])
    again = enter(visitor, one, codes[0])
    assert page_of(enter(visitor, two, codes[0])) == "code"

    assert OVER in again.text
    assert len(requests(app)) == 1
    # The back button: the page of the code leads to where the request is shown.
    back = follow(visitor, visitor.get("/account/profile/code", query_string={"ticket": field(one, "ticket")}))
    assert requests(app)[0].formatted_reference in back.text


def test_a_code_confirms_the_values_it_was_sent_for_and_no_others(app: App) -> None:
    owner(app)
    visitor = logged_in(app)
    page = opened(app, visitor)
    first = follow(visitor, visitor.post("/account/profile", data=filled(page, street="2 Đường Thử")))
    code = app.code_sent("email")
    other = follow(visitor, visitor.post("/account/profile", data=filled(page, phone=OTHER_PHONE)))

    assert "Mã xác thực không đúng" in enter(visitor, other, code).text
    assert requests(app) == []
    enter(visitor, first, code)
    assert requests(app)[0].form.street == "2 Đường Thử"
    assert requests(app)[0].form.phone == "+84981234567"


def test_a_code_serves_the_session_that_asked_and_only_in_its_time(app: App) -> None:
    owner(app)
    visitor, elsewhere = logged_in(app), logged_in(app, address="192.0.2.8")
    page = record(app, visitor, street="2 Đường Thử")
    code = app.code_sent("email")
    theirs = {"ticket": field(page, "ticket"), "csrf": field(elsewhere.get("/account/profile"), "csrf"), "code": code}

    assert OVER in follow(elsewhere, elsewhere.post("/account/profile/code", data=theirs)).text
    app.clock.move(301)
    assert "Mã xác thực không đúng hoặc đã hết hạn" in enter(visitor, page, code).text
    app.clock.move(700)
    assert OVER in enter(visitor, page, code).text
    assert requests(app) == []


def test_without_a_fresh_code_or_the_value_against_forgery_nothing_is_recorded(app: App) -> None:
    owner(app)
    visitor = logged_in(app)
    csrf = field(visitor.get("/account/profile"), "csrf")
    typed = {"csrf": csrf, "street": "2 Đường Thử", "agency": AGENCY, "agrees": "1"}

    assert page_of(follow(visitor, visitor.post("/account/profile", data=typed))) == "code"
    assert visitor.post("/account/profile", data=typed | {"csrf": "x"}).status_code == 403
    assert visitor.post("/account/stop", data=typed | {"csrf": "x"}).status_code == 403
    assert visitor.post("/account/profile/code", data={"csrf": "x"}).status_code == 403
    assert codes_sent(app, "email") == []


def test_filling_in_may_take_longer_than_the_page_stays_unmasked_but_not_for_ever(app: App) -> None:
    owner(app)
    visitor = logged_in(app)
    page = opened(app, visitor)
    app.clock.move(1200)
    recorded = visitor.post("/account/profile", data=filled(page, street="2 Đường"))
    visitor.get("/account")
    app.clock.move(601)
    too_late = visitor.post("/account/profile", data=filled(page, street="2 Đường"))

    assert recorded.headers["Location"].startswith("/account/profile/code?ticket=")
    assert too_late.headers["Location"].startswith("/login/code?")


def test_a_stop_waits_can_be_taken_back_and_closes_the_account_once_approved(app: App) -> None:
    owner(app)
    visitor = logged_in(app)
    page = opened(app, visitor, "/account/stop")
    assert "ô cam kết" in visitor.post("/account/stop", data=filled(page) | {"agrees": ""}).text

    page = follow(visitor, visitor.post("/account/stop", data=filled(page)))
    done = enter(visitor, page, app.code_sent("email"))

    waiting = requests(app)[0]
    assert (waiting.request, waiting.state) == ("stop", "submitted")
    assert "Hủy yêu cầu" in done.text
    assert page_of(log_in(app.visitor("192.0.2.9"), CODE)).startswith("303 https://portal")
    app.provider.registration.decisions.approve(waiting, OFFICER)
    assert page_of(log_in(app.visitor("192.0.2.9"), CODE)) == "login"
    assert page_of(follow(visitor, visitor.get("/account/profile"))) == "login"


def test_what_an_officer_asks_to_correct_is_told_and_asked_anew(app: App) -> None:
    owner(app)
    visitor = logged_in(app)
    waiting = asked(app, visitor, paper_number=CARD)

    app.provider.registration.decisions.ask_for_correction(
        waiting, OFFICER, "paper_unreadable", "Mang căn cước bản gốc"
    )

    page = visitor.get("/account/profile")
    assert "Cần sửa" in page.text
    assert "Mang căn cước bản gốc" in page.text
    app.clock.move(3601)
    again = asked(app, logged_in(app), paper_number=CARD)
    assert [d.state for d in requests(app)] == ["submitted", "superseded"]
    assert replace(again.form, agency="") == replace(waiting.form, agency="")


def test_an_organisation_changes_contact_data_and_has_no_paper(app: App) -> None:
    owner(app, "0000000002", kind="organisation", identifiers={"unit": "TZ0001A", "tax": "0000000002"})
    visitor = app.visitor()
    begun = visitor.authorize()
    visitor.log_in(begun, "TZ0001A", kind="organisation")
    page = opened(app, visitor)

    assert 'name="paper_number"' not in page.text
    typed = filled(page, email=EMAIL, phone=OTHER_PHONE) | {"paper_kind": "passport"}
    page = follow(visitor, visitor.post("/account/profile", data=typed))
    enter(visitor, page, app.code_sent("email"))

    account = app.base.people.find_by_identifier("unit", "TZ0001A")
    assert account
    waiting = app.provider.stores.declarations.of_account(account.id)[0]
    assert (waiting.kind, waiting.form.code, waiting.form.phone) == ("organisation", "TZ0001A", "+84987654321")
    app.provider.registration.decisions.approve(waiting, OFFICER)
    after = app.base.people.find(account.id)
    assert after
    assert {i.kind for i in after.identifiers} == {"unit", "tax"}
