"""What a person sees of their own account: what was done with it, and the phones that confirm for it."""

import re

import pytest

from idp.accounts.history import SHOWN
from idp.audit import EVENTS
from idp.web.activity_words import HAPPENED
from tests.flows.test_passwords_life import field, follow, page_of
from tests.support.app import App, Visitor
from tests.support.phones import enrolled_phone, with_app


def logged_in(app: App, code: str, **headers: str) -> Visitor:
    visitor = app.visitor()
    visitor.headers |= headers
    visitor.log_in(visitor.authorize(), code)
    return visitor


def test_every_event_that_is_shown_is_one_of_the_catalogue_and_has_words() -> None:
    assert set(SHOWN) == set(HAPPENED)
    assert set(SHOWN) <= set(EVENTS)


def test_the_history_says_what_was_done_when_and_from_where(app: App) -> None:
    app.person("0000000777")
    app.person("0000000778")
    app.client()
    stranger = app.visitor("198.51.100.9")
    stranger.log_in(stranger.authorize(), "0000000777", "a wrong password")
    chrome = "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0"
    visitor = logged_in(app, "0000000777", **{"User-Agent": chrome})
    logged_in(app, "0000000778")

    page = visitor.get("/account/activity")

    rows = re.findall(r'<h2 class="row-title">(.*?)</h2>', page.text, re.S)
    assert [re.sub(r"<.*", "", row).strip() for row in rows] == ["Đăng nhập", "Đăng nhập không thành công"]
    assert "Chrome, Windows" in page.text
    assert "192.0.2" in page.text
    assert "bằng mật khẩu" in page.text
    assert "Cần chú ý" in page.text


def test_nobody_sees_a_history_without_a_session(app: App) -> None:
    visitor = app.visitor()

    assert page_of(follow(visitor, visitor.get("/account/activity"))) == "login"
    assert visitor.post("/account/end-device", data={"device": "x"}).status_code == 403


@pytest.mark.parametrize("mine", [True, False])
def test_a_person_ends_an_own_phone_and_nobody_elses(app: App, mine: bool) -> None:
    owner, other = "0000000777", "0000000888"
    owner_id = app.person(owner)
    app.person(other)
    app.client()
    with_app(app, owner)
    enrolled_phone(app, owner)
    device = app.provider.accounts.devices.of_account(owner_id)[0]
    visitor = logged_in(app, owner if mine else other)
    page = visitor.get("/account")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    assert (device.id in page.text) == mine

    form = {"csrf": csrf[1], "device": device.id}

    # L-1: a session alone, on a screen that was left open, removes nothing.
    step = follow(visitor, visitor.post("/account/end-device", data=form))
    assert page_of(step) == "code"
    assert app.provider.accounts.devices.of_account(owner_id)

    if mine:
        proof = {"attempt": field(step, "attempt"), "code": app.code_sent()}
        follow(visitor, visitor.post("/login/code", data=proof))
        csrf = re.search(r'name="csrf" value="([^"]+)"', visitor.get("/account").text)
        assert csrf
        form["csrf"] = csrf[1]
    answer = visitor.post("/account/end-device", data=form)

    assert answer.status_code == 303
    assert bool(app.provider.accounts.devices.of_account(owner_id)) != mine
