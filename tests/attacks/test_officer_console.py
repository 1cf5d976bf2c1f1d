"""Attacks on the console: other agencies, oneself, old requests, replayed codes, fixed sessions, the other host."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.rooms.pages import officer_context
from config.routes import officer_routes
from idp.http.metrics import Metrics
from tests.attacks.test_every_route import REQUIRED
from tests.support import databases
from tests.support.officers import CONSOLE, PASSWORD, Desk, running_desk

EXAMPLES = {"declaration_id": "f" * 22, "any(portrait,front,back):role": "front", "token": "x" * 43}


@pytest.fixture
def desk(app_template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_desk(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        yield running


def routes(desk: Desk) -> list[str]:
    """An example of every page of the console."""
    pages = officer_routes(desk.app.provider, officer_context(desk.app.settings), Metrics(shared=False))
    return [re.sub("<([^>]+)>", lambda found: EXAMPLES.get(found[1], "e" * 22), url) for url, _, _ in pages]


def test_every_page_of_the_console_carries_the_headers(desk: Desk) -> None:
    """2.17, B-21, ASVS 3.4"""
    desk.officer("lan.nguyen", ("00101", "decide"), ("*", "links"), ("*", "data"))
    for browser in (desk.browser(), desk.browser("lan.nguyen")):
        for path in [*routes(desk), "/nowhere", "/static/officer.css"]:
            for method in ("GET", "HEAD", "POST"):
                answer = browser.send(method, path)
                assert {name: answer.headers.get(name) for name in REQUIRED} == REQUIRED, path
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert "unsafe" not in answer.headers["Content-Security-Policy"]
                assert answer.status_code < 500, (method, path)
                if not path.startswith("/static"):
                    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_session_every_page_leads_to_the_door(desk: Desk) -> None:
    """6.3.4: the routes are read from the application."""
    browser = desk.browser()
    for path in routes(desk):
        if path.startswith(("/login", "/invitation")):
            continue
        for method in ("GET", "POST"):
            answer = browser.send(method, path)
            assert answer.status_code in (303, 405), path
            assert answer.headers.get("Location", "/login") == "/login"


def test_the_console_and_the_citizens_pages_are_nowhere_on_each_others_host(desk: Desk) -> None:
    browser, citizen = desk.browser(), desk.app.visitor()
    for path in ("/authorize", "/account", "/recover", "/token", "/jwks", "/consent"):
        assert browser.get(path).status_code == 404, path
        assert browser.send("POST", path).status_code == 404, path
    for path in routes(desk):
        if path not in ("/", "/login", "/logout"):
            assert citizen.get(path).status_code == 404, path
    assert "Mã từ ứng dụng xác thực" not in citizen.get("/login").text


def test_a_citizens_cookie_opens_nothing_at_the_console_and_the_other_way(desk: Desk) -> None:
    """P-12"""
    desk.officer()
    citizen, browser = desk.app.visitor(), desk.browser("lan.nguyen")
    citizen.code()
    theirs = citizen.http.get_cookie("__Host-s", domain="id.example.test")
    ours = browser.http.get_cookie("__Host-o", domain="officers.example.test")
    assert theirs
    assert ours
    stranger = desk.browser()
    for name in ("__Host-o", "__Host-s"):
        stranger.http.set_cookie(name, theirs.value, domain="officers.example.test")
    visitor = desk.app.visitor()
    for name in ("__Host-o", "__Host-s"):
        visitor.http.set_cookie(name, ours.value, domain="id.example.test")

    assert stranger.get("/").headers["Location"] == "/login"
    assert visitor.get("/account").status_code == 303
    assert "/login" in visitor.authorize().headers["Location"]


def test_a_request_of_another_agency_is_out_of_reach(desk: Desk) -> None:
    """L14: by URL, by picture, by decision, by proposal; in one's own agency all of it works."""
    desk.officer()
    desk.officer("xa.le", ("00200", "decide"))
    far = desk.declaration("00200", pictures={"front": b"far"})
    near = desk.declaration()
    browser, there = desk.browser("lan.nguyen"), desk.browser("xa.le")
    there.post("/proposals", {f"id-{far.id}": str(far.version), "note": "x"})
    proposal = there.get("/proposals").text.split('href="/proposals/')[1].split('"')[0]

    assert browser.get(f"/requests/{far.id}").status_code == 403
    assert browser.get(f"/requests/{far.id}/front.jpg").status_code == 403
    assert browser.decide(far, "approve").status_code == 403
    assert browser.post("/proposals", {f"id-{far.id}": str(far.version), "note": "x"}).status_code == 403
    assert browser.get(f"/proposals/{proposal}").status_code == 403
    assert browser.post(f"/proposals/{proposal}", {"action": "confirm"}).status_code == 403
    assert browser.post(f"/proposals/{proposal}", {"action": "refuse"}).status_code == 403
    assert browser.get("/", query_string={"agency": "00200"}).text.count(far.id) == 0
    assert browser.get("/", query_string={"q": far.formatted_reference}).text.count(far.id) == 0
    assert desk.stored(far).state == "submitted"
    assert there.get(f"/requests/{far.id}/front.jpg").data == b"far"
    assert browser.get(f"/requests/{near.id}").status_code == 200


def test_a_right_holds_beneath_its_agency_and_not_above_it(desk: Desk) -> None:
    """L14"""
    desk.officer()
    desk.officer("tinh.le", ("00100", "decide"))
    above, beneath = desk.declaration("00100"), desk.declaration()

    assert desk.browser("lan.nguyen").get(f"/requests/{above.id}").status_code == 403
    assert desk.browser("tinh.le").get(f"/requests/{beneath.id}").status_code == 200


def test_a_right_in_one_part_opens_no_other(desk: Desk) -> None:
    desk.officer("lan.nguyen", ("*", "links"))
    asked = desk.declaration()
    browser = desk.browser("lan.nguyen")

    assert browser.get(f"/requests/{asked.id}").status_code == 403
    assert browser.get("/").headers["Location"] == "/links"
    desk.officer("minh.tran")
    assert desk.browser("minh.tran").get("/links").status_code == 403


@pytest.mark.parametrize("own", [{"bhxh_code": "0000000077"}, {"citizen_number": "000000000077"}])
def test_nobody_approves_ones_own_request(desk: Desk, own: dict[str, str]) -> None:
    """L14: nor alone, nor as one of two."""
    desk.officer("lan.nguyen", ("00101", "decide"), **own)
    desk.officer("minh.tran")
    asked = desk.declaration(code="0000000077", paper_number="000000000077")
    browser, other = desk.browser("lan.nguyen"), desk.browser("minh.tran")

    assert browser.get(f"/requests/{asked.id}").status_code == 403
    assert browser.decide(asked, "approve").status_code == 403
    assert browser.post("/proposals", {f"id-{asked.id}": str(asked.version), "note": "x"}).status_code == 403
    other.post("/proposals", {f"id-{asked.id}": str(asked.version), "note": "x"})
    proposal = browser.get("/proposals").text.split('href="/proposals/')[1].split('"')[0]
    told = browser.post(f"/proposals/{proposal}", {"action": "confirm"}).text
    assert "Đây là hồ sơ của chính bạn" in told
    assert desk.stored(asked).state == "submitted"


def test_a_superseded_request_cannot_be_approved(desk: Desk) -> None:
    desk.officer()
    old = desk.declaration()
    new = desk.declaration(code=old.form.code, paper_number=old.form.paper_number)
    browser = desk.browser("lan.nguyen")
    browser.decide(new, "approve")
    answer = browser.decide(old, "approve")
    again = browser.decide(desk.stored(old), "approve")

    assert (answer.status_code, again.status_code) == (409, 409)
    assert "Người dân đã nộp tờ khai mới" in answer.text
    assert desk.stored(old).state == "superseded"


def test_a_decision_sent_twice_is_one(desk: Desk) -> None:
    desk.officer()
    asked = desk.declaration()
    browser = desk.browser("lan.nguyen")
    answers = [browser.decide(asked, "approve").status_code for _ in range(2)]

    assert answers == [303, 409]
    assert len([m for m in desk.app.told("sms") if m.template == "activation"]) == 1


def test_forms_need_their_anti_forgery_value(desk: Desk) -> None:
    """P-13"""
    desk.officer()
    asked = desk.declaration()
    browser = desk.browser("lan.nguyen")
    fields = {"action": "approve", "version": asked.version}

    for csrf in ("", "a" * 43):
        assert browser.post(f"/requests/{asked.id}", fields, csrf=csrf).status_code == 403
        assert browser.post("/logout", csrf=csrf).status_code == 403
    for headers in ({"Origin": "https://id.example.test"}, {"Sec-Fetch-Site": "same-site"}):
        sent = {"csrf": browser.csrf(), **fields}
        assert browser.send("POST", f"/requests/{asked.id}", data=sent, headers=headers).status_code == 403
    assert desk.stored(asked).state == "submitted"


def test_a_code_of_the_authenticator_works_once(desk: Desk) -> None:
    """6.5.1"""
    desk.officer()
    desk.app.clock.move(30)
    code = desk.code()
    form = {"login": "lan.nguyen", "password": PASSWORD, "code": code}

    assert desk.browser().send("POST", "/login", data=form).status_code == 303
    assert desk.browser().send("POST", "/login", data=form).status_code == 200
    desk.app.clock.move(30)
    assert desk.browser().send("POST", "/login", data=form).status_code == 200
    assert desk.browser().send("POST", "/login", data=form | {"code": desk.code()}).status_code == 303


@pytest.mark.parametrize(
    "wrong",
    [{"login": "nobody"}, {"password": "x" * 20}, {"code": "000000"}, {"login": "gone.ly"}, {"login": "x" * 64}],
)
def test_every_wrong_login_has_one_answer(desk: Desk, wrong: dict[str, str]) -> None:
    """N-10"""
    desk.officer()
    desk.roster.disable(desk.officer("gone.ly"), "left")
    desk.secrets["gone.ly"] = desk.secrets["lan.nguyen"]
    form = {"login": "lan.nguyen", "password": PASSWORD, "code": desk.code()} | wrong
    answer = desk.browser().send("POST", "/login", data=form)
    shown = answer.text.replace(f'value="{form["login"]}"', "")

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Sai tên đăng nhập, mật khẩu hoặc mã xác thực" in shown


def test_guessing_waits_and_does_not_lock_out_another_network(desk: Desk) -> None:
    """N-08, N-09"""
    desk.officer()
    form = {"login": "lan.nguyen", "password": "a wrong password", "code": "000000"}
    browser = desk.browser(address="198.51.100.7")
    answers = [browser.send("POST", "/login", data=form) for _ in range(7)]

    assert [a.status_code for a in answers[:5]] == [200] * 5
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert desk.browser("lan.nguyen").get("/").status_code == 200


def test_f1_a_stranger_in_the_same_network_keeps_no_officer_out(desk: Desk) -> None:
    """A sibling of F-1: whatever was typed at another address of the agency's network."""
    desk.officer()
    browser = desk.browser(address="198.51.100.7")
    for number in range(70):
        name = "lan.nguyen" if number % 2 else f"nobody.{number}"
        browser.send("POST", "/login", data={"login": name, "password": "a wrong password", "code": "000000"})

    assert desk.browser("lan.nguyen", address="198.51.100.8").get("/").status_code == 200


def test_a_session_that_somebody_planted_is_not_the_one_that_a_login_opens(desk: Desk) -> None:
    """7.2.4: fixation."""
    desk.officer()
    browser = desk.browser()
    browser.http.set_cookie("__Host-o", "o_" + "p" * 43, domain="officers.example.test")
    browser.log_in("lan.nguyen")
    cookie = browser.http.get_cookie("__Host-o", domain="officers.example.test")
    planted = desk.browser()
    planted.http.set_cookie("__Host-o", "o_" + "p" * 43, domain="officers.example.test")

    assert cookie
    assert cookie.value != "o_" + "p" * 43
    assert planted.get("/").headers["Location"] == "/login"


def test_a_login_ends_the_session_before_it_in_this_browser(desk: Desk) -> None:
    """7.2.4"""
    desk.officer()
    browser, thief = desk.browser("lan.nguyen"), desk.browser()
    before = browser.http.get_cookie("__Host-o", domain="officers.example.test")
    assert before
    thief.http.set_cookie("__Host-o", before.value, domain="officers.example.test")
    assert thief.get("/").status_code == 200
    browser.log_in("lan.nguyen")

    assert thief.get("/").headers["Location"] == "/login?why=ended"
    assert browser.get("/").status_code == 200


def test_the_cookie_is_bound_to_its_host(desk: Desk) -> None:
    """P-12, ASVS 3.3"""
    desk.officer()
    cookie = desk.browser().log_in("lan.nguyen").headers["Set-Cookie"]

    assert cookie.startswith("__Host-o=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}


def test_an_address_in_the_target_cannot_change_the_host(desk: Desk) -> None:
    """RFC 9112, 3.2.2: a whole URL as target names the same host as the header."""
    browser = desk.browser()
    crossed = {"RAW_URI": "https://id.example.test/login", "REMOTE_ADDR": browser.address}

    assert browser.http.get("/login", base_url=CONSOLE, environ_overrides=crossed).status_code == 421


@pytest.mark.parametrize("after", ["x", "nan_x", "1_", "_", "1e999_" + "a" * 500, "1_';--"])
@pytest.mark.parametrize("name", ["after", "q", "agency", "state", "request", "done", "ref"])
def test_odd_parameters_end_in_a_page(desk: Desk, name: str, after: str) -> None:
    desk.officer()
    desk.declaration()

    assert desk.browser("lan.nguyen").get("/", query_string={name: after}).status_code in (200, 400)
