"""Five journeys of people whose account somebody else is after, in Chromium with the inbox beside it.

A stolen phone, a recycled number, a shared computer, an account that a stranger had first, a mistyped number: the owner
ends with the account, the other without. `make pictures` leaves pictures in `build/screenshots`.
"""

import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_password_stories import CODE, NOT_ME, OLD, Desk
from tests.browser.test_portal_in_chromium import on_page
from tests.browser.test_whole_life import EMAIL, FIRST, LINK, NAME, NUMBER, approve, pictures, register
from tests.support.chromium import keep_picture, profile
from tests.support.provider import FIXED_CAPTCHA
from tests.support.sandbox import Sandbox, free_ports, started
from tests.support.upstreams import PASSWORD as UPSTREAM_PASSWORD

IDP = Path(sys.executable).with_name("idp")
HOA, HOA_NAME, THUY, THAM = "0012345678", "Nguyễn Thị Hoà", "0088888888", "0055555555"
VNEID = "Đăng nhập bằng tài khoản Định danh điện tử"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("journeys"), free_ports()) as running:
        yield running


@pytest.fixture
def owner(chromium: Browser, sandbox: Sandbox) -> Iterator[Desk]:
    with profile(chromium) as context:
        yield Desk(context.new_page(), context.new_page(), sandbox)


@pytest.fixture
def other(chromium: Browser, sandbox: Sandbox) -> Iterator[Desk]:
    """Somebody else, with a browser of their own."""
    with profile(chromium) as context:
        yield Desk(context.new_page(), context.new_page(), sandbox)


def command(sandbox: Sandbox, *words: str) -> str:
    """`idp ...` beside the running sandbox."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
    told = {"IDP_DATA_DIR": str(sandbox.data), "IDP_ISSUER": sandbox.url(), "IDP_ENVIRONMENT": "development"}
    done = subprocess.run([IDP, *words], env=kept | told, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def change(sandbox: Sandbox, statement: str, *values: object) -> None:
    with sqlite3.connect(sandbox.data / "idp.db", timeout=30) as database:
        database.execute(statement, values)


def messages_to(sandbox: Sandbox, number: str) -> list[str]:
    """What the number got, newest last."""
    found = [file.read_text(encoding="utf-8") for file in sorted((sandbox.data / "inbox").glob("*.json"))]
    return [text for text in found if f'"to": "{number}"' in text]


def tries_to_recover(other: Desk, code: str, birth_date: str) -> None:
    """By the phone that the other one holds; the page says what it says to everybody."""
    other.forget("Bằng điện thoại", code, birth_date)
    on_page(other.screen, "code")


def test_a_stolen_phone(owner: Desk, other: Desk, sandbox: Sandbox) -> None:
    """H-2: the desk gave the owner a new number; the thief holds the old one and presses "not me"."""
    owner.log_in(HOA, OLD)
    owner.arrives(HOA_NAME)
    seen = owner.seen(NOT_ME)
    command(sandbox, "accounts", "set-phone", HOA, "0981234599", "--reason", "stolen, form at desk 12")

    other.screen.goto(other.newest(NOT_ME, seen))
    on_page(other.screen, "not-me")
    expect(other.screen.locator("main")).to_contain_text("Chuyển việc này đến cán bộ BHXH")
    other.picture("journey-1-stolen-phone-asked")
    other.screen.locator("#not-me").click()
    on_page(other.screen, "not-me-done")
    other.picture("journey-2-stolen-phone-case")
    before = len(messages_to(sandbox, "+84981234567"))
    tries_to_recover(other, HOA, "17/05/1990")
    other.picture("journey-3-stolen-phone-no-code")

    owner.screen.context.clear_cookies()
    owner.log_in(HOA, OLD)
    owner.arrives(HOA_NAME)
    owner.picture("journey-4-stolen-phone-owner")
    assert not any("Ma xac thuc" in text for text in messages_to(sandbox, "+84981234567")[before:])
    owner.inbox.goto(sandbox.url(2))
    expect(owner.inbox.locator("body")).to_contain_text("Da bao khong phai toi")
    keep_picture(owner.inbox, "story-journey-5-stolen-phone-inbox")


def test_a_recycled_number(owner: Desk, other: Desk, sandbox: Sandbox) -> None:
    """H-1: nobody used the number for thirteen months; its new owner knows code and birth date."""
    long_ago = time.time() - 400 * 86_400
    change(
        sandbox,
        "UPDATE account SET phone_verified_at = ? WHERE id = (SELECT account_id FROM identifier WHERE value = ?)",
        long_ago,
        THUY,
    )
    tries_to_recover(other, THUY, "01/01/1988")
    other.picture("journey-6-recycled-number")

    owner.log_in(THUY, OLD)
    owner.arrives("Lý Thuý")
    assert messages_to(sandbox, "+84988000888") == []
    owner.picture("journey-7-recycled-owner")


def test_a_shared_computer(owner: Desk, other: Desk, sandbox: Sandbox) -> None:
    """M-2: somebody prepared the login page, noted cookie and address, and goes on with them elsewhere."""
    owner.screen.goto(sandbox.url(1) + "/login")
    on_page(owner.screen, "login")
    noted = owner.screen.context.cookies()
    attempt = re.search(r"attempt=([^&]+)", owner.screen.url)
    assert attempt
    owner.screen.locator("#username").fill("0022222222")
    owner.screen.locator("#password").fill(OLD)
    owner.screen.locator("#captcha").fill(FIXED_CAPTCHA)
    # The thief's best moment: the password was right, and the owner's browser has not come back to /authorize yet.
    fields = owner.screen.evaluate("Object.fromEntries(new FormData(document.querySelector('form[method=post]')))")
    sent = owner.screen.context.request.post(
        f"{sandbox.url()}/login", form=fields, max_redirects=0, headers={"Origin": sandbox.url()}
    )
    assert (sent.status, "/authorize?attempt=" in sent.headers["location"]) == (303, True), sent.text()
    other.screen.context.add_cookies(noted)  # type: ignore[arg-type]
    other.screen.goto(f"{sandbox.url()}/authorize?attempt={attempt[1]}")
    on_page(other.screen, "error")
    other.picture("journey-9-shared-thief")

    owner.screen.goto(f"{sandbox.url()}{sent.headers['location']}")
    owner.arrives("Đặng Văn Quý")
    owner.picture("journey-8-shared-owner")
    other.screen.goto(sandbox.url() + "/account")
    on_page(other.screen, "login")


def test_a_session_that_somebody_left_at_vneid(owner: Desk, sandbox: Sandbox) -> None:
    """H-3: whoever sits down next asks for a new password by the electronic identity, and is asked to log in there."""
    screen = owner.screen
    _through_vneid(screen, sandbox, "000892444444")
    screen.goto(sandbox.url() + "/recover/eid?go=1")
    on_page(screen, "login")
    screen.get_by_role("link", name=VNEID, exact=True).click()
    on_page(screen, "vneid-login")
    owner.picture("journey-10-left-session")


def _through_vneid(screen: Page, sandbox: Sandbox, number: str) -> None:
    """A login there, as far as our page about it; the session at VNeID stays in the browser."""
    screen.goto(sandbox.url(1) + "/login")
    on_page(screen, "login")
    screen.get_by_role("link", name=VNEID, exact=True).click()
    on_page(screen, "vneid-login")
    screen.locator("#number").fill(number)
    screen.locator("#password").fill(UPSTREAM_PASSWORD)
    screen.locator("#vneid-submit").click()
    on_page(screen, "vneid-consent")
    screen.locator("#agree").check()
    screen.locator("#vneid-share").click()
    screen.locator("main[data-page^=link-]").wait_for()


def test_an_account_that_a_stranger_had_first(owner: Desk, other: Desk, sandbox: Sandbox) -> None:
    """M-1: the stranger set the password and the address; the person comes by VNeID and keeps nothing of it."""
    other.log_in(THAM, OLD)
    other.arrives("Thắm")
    _through_vneid(owner.screen, sandbox, "000995555555")
    owner.screen.locator("#link-confirm").click()
    on_page(owner.screen, "link-keep")
    owner.picture("journey-11-keep")
    owner.screen.locator("#keep-done").click()
    owner.arrives("Thắm")

    other.screen.context.clear_cookies()
    other.log_in(THAM, OLD)
    on_page(other.screen, "login")
    expect(other.screen.locator("main")).to_contain_text("Sai tên đăng nhập hoặc mật khẩu")
    other.picture("journey-12-stranger-out")


def test_a_mistyped_number(owner: Desk, other: Desk, chromium: Browser, sandbox: Sandbox, tmp_path: Path) -> None:
    """M-7: the code of the activation goes to a stranger, the link does not; the desk puts the number right."""
    stranger, right = "+84989440045", "0989440046"
    seen = owner.seen(LINK)
    reference = register(owner, pictures(tmp_path), phone="0989 440 045")
    with profile(chromium) as context:
        approve(owner, context.new_page(), reference)
    link = owner.newest(LINK, seen)
    assert link not in "".join(messages_to(sandbox, stranger))
    owner.screen.goto(link)
    on_page(owner.screen, "activate")
    owner.picture("journey-13-mistyped-activate")
    owner.screen.locator("#activate-go").click()
    on_page(owner.screen, "code")
    # The stranger has a code and nothing to enter it at: the page is bound to the owner's browser.
    other.screen.goto(owner.screen.url)
    on_page(other.screen, "error")

    command(sandbox, "accounts", "set-phone", NUMBER, right, "--reason", "mistyped, seen at the desk")
    change(sandbox, "DELETE FROM budget")
    seen = owner.seen(LINK)
    command(sandbox, "registrations", "resend", reference, "--by", "lan.nguyen", "--reason", "number put right")
    owner.screen.goto(owner.newest(LINK, seen))
    on_page(owner.screen, "activate")
    codes = owner.seen(CODE)
    owner.screen.locator("#activate-go").click()
    owner.enter_code(codes)
    on_page(owner.screen, "activate-password")
    owner.choose(FIRST)
    on_page(owner.screen, "activated")
    owner.log_in(NUMBER, FIRST)
    owner.arrives(NAME)
    owner.picture("journey-14-mistyped-owner")
    assert EMAIL in "".join(file.read_text(encoding="utf-8") for file in (sandbox.data / "inbox").glob("*.json"))
