"""An officer's passkeys: added with a code of the authenticator, a login of two factors in one, dead after a reset."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support import databases
from tests.support.officers import CONSOLE, Desk, OfficerBrowser, running_desk
from tests.support.passkeys import HONEST, HONESTLY, VERIFIED, Authenticator, Lies


@pytest.fixture
def desk(app_template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_desk(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        running.officer()
        yield running


def added(desk: Desk, browser: OfficerBrowser, device: Authenticator, code: str | None = None) -> TestResponse:
    """Make a passkey and send it in, with what the authenticator shows now."""
    options: Any = browser.get("/passkeys/add").json
    desk.app.clock.move(30)
    code = desk.code() if code is None else code
    return browser.post(
        "/passkeys/add", {"answer": device.create(options), "name": "Khóa ở bàn làm việc", "code": code}
    )


def with_passkey(desk: Desk) -> Authenticator:
    device = Authenticator(CONSOLE)
    assert added(desk, desk.browser("lan.nguyen"), device).headers["Location"] == "/passkeys"
    return device


def come_in(browser: OfficerBrowser, device: Authenticator, lies: Lies = HONESTLY) -> TestResponse:
    options: Any = browser.get("/login/key").json
    return browser.send("POST", "/login/key", data={"answer": device.get(options, lies)})


def test_a_passkey_is_added_with_a_code_and_opens_the_console(desk: Desk) -> None:
    device = with_passkey(desk)
    browser = desk.browser()

    answer = come_in(browser, device)

    assert answer.headers["Location"] == "/"
    assert "Hồ sơ chờ duyệt" in browser.get("/").text
    assert "Khóa ở bàn làm việc" in browser.get("/passkeys").text


def test_l9_a_login_by_passkey_ends_the_session_that_the_browser_had(desk: Desk) -> None:
    """L-9: as the one by password does; a cookie that somebody noted before opens nothing any more."""
    device = with_passkey(desk)
    browser, noted = desk.browser("lan.nguyen"), desk.browser()
    [before] = [c for c in (browser.http.get_cookie(n, "officers.example.test") for n in ("__Host-o", "o")) if c]
    noted.http.set_cookie(before.key, before.value, domain="officers.example.test", secure=True)
    assert noted.get("/passkeys").status_code == 200

    assert come_in(browser, device).headers["Location"] == "/"

    assert browser.get("/passkeys").status_code == 200
    assert noted.get("/passkeys").headers["Location"] == "/login?why=ended"


@pytest.mark.parametrize("code", ["000000", "", "used"])
def test_without_a_fresh_code_none_is_added(desk: Desk, code: str) -> None:
    """7.5.1: an unlocked browser alone binds no authenticator."""
    browser = desk.browser("lan.nguyen")
    used = desk.code()
    desk.app.clock.move(-30)

    answer = added(desk, browser, Authenticator(CONSOLE), used if code == "used" else code)

    assert answer.headers["Location"] == "/passkeys?why=wrong_code"
    assert "Khóa ở bàn" not in browser.get("/passkeys").text


@pytest.mark.parametrize(
    "lies",
    [
        Lies(origin="https://officers.evil.test"),
        Lies(rp_id="id.example.test"),
        Lies(flags=HONEST & ~VERIFIED),
        Lies(user_handle=b"x" * 32),
        Lies(sign_count=1),
    ],
    ids=["origin", "party", "not recognised", "handle", "count"],
)
def test_every_lie_ends_in_one_answer(desk: Desk, lies: Lies) -> None:
    device = with_passkey(desk)
    browser = desk.browser()
    assert come_in(desk.browser(), device).headers["Location"] == "/"

    answer = come_in(browser, device, lies)

    assert answer.headers["Location"] == "/login?why=passkey"
    assert browser.get("/").headers["Location"].startswith("/login")


def test_a_question_is_answered_once_and_in_its_browser(desk: Desk) -> None:
    device, browser, thief = with_passkey(desk), desk.browser(), desk.browser()
    options: Any = browser.get("/login/key").json
    answer = device.get(options)
    thief.get("/login/key")

    assert thief.send("POST", "/login/key", data={"answer": answer}).headers["Location"] == "/login?why=passkey"
    assert browser.send("POST", "/login/key", data={"answer": answer}).headers["Location"] == "/login?why=passkey"


def test_a_reset_and_a_closed_account_end_what_a_passkey_opens(desk: Desk) -> None:
    device = with_passkey(desk)
    officer = next(each for each in desk.roster.all() if each.login == "lan.nguyen")
    desk.app.clock.move(1)

    desk.roster.disable(officer, "left")
    assert come_in(desk.browser(), device).headers["Location"] == "/login?why=passkey"
    desk.roster.enable(next(each for each in desk.roster.all() if each.id == officer.id), "came back")
    assert come_in(desk.browser(), device).headers["Location"] == "/login?why=passkey"


def test_a_removed_passkey_opens_nothing_and_nobody_removes_anothers(desk: Desk) -> None:
    device = with_passkey(desk)
    desk.officer("minh.tran")
    browser = desk.browser("lan.nguyen")
    passkey = browser.get("/passkeys").text.split('name="passkey" value="')[1].split('"')[0]

    assert desk.browser("minh.tran").post("/passkeys", {"passkey": passkey}).status_code == 400
    assert browser.post("/passkeys", {"passkey": passkey}).status_code == 303
    assert come_in(desk.browser(), device).headers["Location"] == "/login?why=passkey"


def test_a_citizens_passkey_opens_no_console(desk: Desk) -> None:
    """Another holder, another host: the store tells them apart too."""
    device = with_passkey(desk)
    desk.app.person("0000000777")
    citizen = desk.app.base.people.find_by_identifier("bhxh", "0000000777")
    assert citizen
    with desk.app.base.database.transaction.begin() as connection:
        connection.exec_driver_sql(f"UPDATE passkey SET holder_kind = 'account', holder = '{citizen.id}'")

    assert come_in(desk.browser(), device).headers["Location"] == "/login?why=passkey"
