"""The stories of a forgotten, first, old and stolen password in Chromium, with the inbox beside it.

Codes and links are read where a person reads them: on the inbox's phone and in its mailbox.
`make pictures` leaves pictures in `build/screenshots`.
"""

import re
import sqlite3
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_portal_in_chromium import on_page
from tests.support.chromium import keep_picture, profile
from tests.support.inbox import received
from tests.support.provider import FIXED_CAPTCHA
from tests.support.sandbox import Sandbox, free_ports, started
from tests.support.waiting import until

NEW = "một câu mới thật dài để nhớ"
OLD = "Matkhau#2026"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("stories"), free_ports()) as running:
        yield running


@pytest.fixture
def desk(chromium: Browser, sandbox: Sandbox) -> Iterator["Desk"]:
    with profile(chromium) as context:
        yield Desk(context.new_page(), context.new_page(), sandbox)


class Desk:
    """A person with a browser, and the phone and mailbox beside it."""

    def __init__(self, screen: Page, inbox: Page, sandbox: Sandbox) -> None:
        self.screen = screen
        self.inbox = inbox
        self.sandbox = sandbox

    def picture(self, name: str) -> None:
        keep_picture(self.screen, f"story-{name}")

    def newest(self, pattern: str, seen: set[str]) -> str:
        """The newest thing of this shape in the inbox that was not there before."""

        def arrived() -> bool:
            texts = [message["body"] for message in received(self.sandbox.data / "inbox")]
            return not seen.issuperset(re.findall(pattern, "\n".join(texts)))

        # The page is opened once: loading it again and again keeps what sends the message from the processor.
        until(arrived)
        self.inbox.goto(self.sandbox.url(2))
        return next(hit for hit in re.findall(pattern, self.inbox.content()) if hit not in seen)

    def seen(self, pattern: str) -> set[str]:
        self.inbox.goto(self.sandbox.url(2))
        return set(re.findall(pattern, self.inbox.content()))

    def log_in(self, code: str, password: str) -> None:
        self.screen.goto(self.sandbox.url(1) + "/login")
        on_page(self.screen, "login")
        self.screen.get_by_label("Tên đăng nhập").fill(code)
        self.screen.locator("#password").fill(password)
        self.screen.locator("#captcha").fill(FIXED_CAPTCHA)
        self.screen.locator("#login-submit").click()

    def choose(self, new: str = NEW, old: str | None = None) -> None:
        """Fill the page that changes or sets a password."""
        if old is not None:
            self.screen.get_by_label("Mật khẩu cũ").fill(old)
        self.screen.get_by_label("Mật khẩu mới", exact=True).fill(new)
        self.screen.get_by_label("Nhập lại mật khẩu mới").fill(new)
        self.screen.get_by_role("button", name="Hoàn tất").click()

    def enter_code(self, seen: set[str]) -> None:
        on_page(self.screen, "code")
        self.screen.get_by_label("Mã xác thực gồm 6 chữ số").fill(self.newest(CODE, seen))
        self.screen.get_by_role("button", name="Xác nhận").click()

    def forget(self, way: str, code: str, fact: str) -> None:
        """Ask for a recovery, from the login page."""
        self.screen.goto(self.sandbox.url(1) + "/login")
        self.screen.get_by_role("link", name="Quên mật khẩu").click()
        on_page(self.screen, "recover")
        self.screen.get_by_role("link", name=way).click()
        self.screen.locator("#username").fill(code)
        self.screen.locator("#fact").fill(fact)
        self.screen.locator("#captcha").fill(FIXED_CAPTCHA)
        self.screen.get_by_role("button", name="Tiếp tục").click()

    def arrives(self, name: str) -> None:
        on_page(self.screen, "portal-person")
        expect(self.screen.locator("#name")).to_have_text(name)


CODE = r"Ma xac thuc ([0-9]{6})"
RECOVERY = r"(http://localhost:[0-9]+/r/y_[A-Za-z0-9_-]{43})"
NOT_ME = r"(http://localhost:[0-9]+/not-me/[A-Za-z0-9_-]{22})"


def test_the_first_login_forces_a_change_and_leads_to_the_portal(desk: Desk) -> None:
    seen = desk.seen(CODE)
    desk.log_in("0033333330", "Tamthoi#2026")
    on_page(desk.screen, "password")
    desk.picture("first-login-1")
    desk.choose("0033333330", old="Tamthoi#2026")
    desk.choose(old="Tamthoi#2026")
    desk.picture("first-login-2")
    desk.enter_code(seen)
    desk.arrives("Trần Lần Đầu")


def test_a_password_of_six_months_is_changed_on_the_way_to_the_portal(desk: Desk) -> None:
    with sqlite3.connect(desk.sandbox.data / "idp.db") as database:
        whose = "(SELECT account_id FROM identifier WHERE value = '0022222222')"
        database.execute(f"UPDATE account SET password_changed_at = password_changed_at - 16000000 WHERE id = {whose}")
    seen = desk.seen(CODE)
    desk.log_in("0022222222", OLD)
    on_page(desk.screen, "password")
    expect(desk.screen.locator("main")).to_contain_text("quá 06 tháng")
    desk.picture("expired")
    desk.choose(old=OLD)
    desk.enter_code(seen)
    desk.arrives("Đặng Văn Quý")


def test_a_password_is_changed_from_the_account_page(desk: Desk) -> None:
    seen = desk.seen(CODE)
    desk.log_in("0088888888", OLD)
    desk.arrives("Lý Thuý")
    desk.screen.goto(desk.sandbox.url() + "/account")
    desk.picture("account")
    desk.screen.get_by_role("link", name="Đổi mật khẩu").click()
    desk.choose(old=OLD)
    desk.enter_code(seen)
    on_page(desk.screen, "account")


def test_a_forgotten_password_is_set_anew_by_a_code(desk: Desk) -> None:
    seen = desk.seen(CODE)
    desk.forget("Bằng điện thoại", "0012345679", "02/11/1991")
    desk.picture("forgot-code")
    desk.enter_code(seen)
    on_page(desk.screen, "recover-password")
    desk.choose()
    on_page(desk.screen, "recovered")
    desk.picture("forgot-done")
    desk.screen.get_by_role("link", name="ĐĂNG NHẬP").click()
    desk.screen.get_by_label("Tên đăng nhập").fill("0012345679")
    desk.screen.locator("#password").fill(NEW)
    desk.screen.locator("#captcha").fill(FIXED_CAPTCHA)
    desk.screen.locator("#login-submit").click()
    desk.arrives("NGUYỄN THỊ HÒA")


def test_a_forgotten_password_is_set_anew_by_a_link_in_the_mailbox_then_not_me(desk: Desk) -> None:
    """The second half: the notice of that recovery lets its owner say that it was not them."""
    links, notices = desk.seen(RECOVERY), desk.seen(NOT_ME)
    desk.forget("Bằng thư điện tử", "0012345678", "hoa.nguyen@example.com")
    on_page(desk.screen, "recover-sent")
    desk.screen.goto(desk.newest(RECOVERY, links))
    on_page(desk.screen, "recover-password")
    desk.choose()
    on_page(desk.screen, "recovered")

    desk.screen.goto(desk.newest(NOT_ME, notices))
    on_page(desk.screen, "not-me")
    desk.picture("not-me")
    desk.screen.locator("#not-me").click()
    on_page(desk.screen, "not-me-done")
    desk.picture("not-me-done")
    desk.log_in("0012345678", NEW)
    expect(desk.screen.locator("#login-error")).to_have_text("Sai tên đăng nhập hoặc mật khẩu")
