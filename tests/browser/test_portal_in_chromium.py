"""A citizen's way through the portal in a real browser: redirects, cookies and content policies are judged by it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import WIDTHS, keep_picture, profile
from tests.support.provider import FIXED_CAPTCHA
from tests.support.sandbox import Sandbox, free_ports, started
from tests.support.waiting import until


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("sandbox"), free_ports()) as running:
        yield running


def on_page(screen: Page, name: str) -> None:
    expect(screen.locator("main")).to_have_attribute("data-page", name)


def log_in(screen: Page, sandbox: Sandbox, button: str) -> None:
    screen.goto(sandbox.url(1))
    screen.get_by_role("link", name=button, exact=True).click()
    on_page(screen, "login")
    screen.get_by_label("Tên đăng nhập").fill("0012345678")
    screen.locator("#password").fill("Matkhau#2026")
    screen.locator("#captcha").fill(FIXED_CAPTCHA)
    screen.locator("#login-submit").click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_login_and_logout_work(chromium: Browser, sandbox: Sandbox, script: bool) -> None:
    with profile(chromium, script=script) as context:
        screen = context.new_page()
        complaints: list[str] = []
        screen.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

        log_in(screen, sandbox, "Đăng nhập")
        on_page(screen, "portal-person")
        expect(screen.locator("#name")).to_have_text("Nguyễn Thị Hoà")
        screen.locator("#logout").click()
        on_page(screen, "portal-signed-out")
        screen.goto(sandbox.url(1) + "/login")

        on_page(screen, "login")
        assert complaints == []


def test_consent_is_given_in_the_browser(chromium: Browser, sandbox: Sandbox) -> None:
    with profile(chromium) as context:
        screen = context.new_page()
        log_in(screen, sandbox, "Đăng nhập cổng đối tác")
        on_page(screen, "consent")
        screen.locator("[name=agree]").check()
        screen.locator("#consent-allow").click()

        on_page(screen, "portal-person")


def test_years_of_a_record_are_read_in_words_given_and_taken_back(chromium: Browser, sandbox: Sandbox) -> None:
    """RFC 9396, C-05"""
    sentence = "Xem quá trình đóng BHXH của bạn, từ năm 2015 đến năm 2020"
    with profile(chromium, width=320) as context:
        screen = context.new_page()
        log_in(screen, sandbox, "Cho đối tác xem quá trình đóng 2015–2020")
        on_page(screen, "consent")
        expect(screen.get_by_role("listitem").filter(has_text=sentence).last).to_be_visible()
        keep_picture(screen, "years-of-a-record-asked")
        screen.locator("[name=agree]").check()
        screen.locator("#consent-allow").click()
        on_page(screen, "portal-person")
        expect(screen.get_by_text('"from_year": 2015')).to_be_visible()

        screen.goto(sandbox.url() + "/account")
        agreed = screen.get_by_role("listitem").filter(has_text=sentence)
        agreed.get_by_role("button", name="Rút lại đồng ý").click()
        on_page(screen, "account")
        expect(agreed).to_have_count(0)


def enter_both(screen: Page, sandbox: Sandbox) -> None:
    log_in(screen, sandbox, "Đăng nhập")
    on_page(screen, "portal-person")
    screen.goto(sandbox.url(7))
    screen.get_by_role("link", name="Đăng nhập", exact=True).click()
    on_page(screen, "portal-person")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_logout_at_one_portal_is_seen_at_the_other(chromium: Browser, sandbox: Sandbox, script: bool) -> None:
    """D-13"""
    with profile(chromium, script=script) as context:
        screen = context.new_page()
        enter_both(screen, sandbox)
        screen.goto(sandbox.url(1))
        screen.locator("#logout").click()
        on_page(screen, "portal-signed-out")

        until(lambda: _page_of(screen, sandbox.url(7)) == "portal")
        keep_picture(screen, f"logout-seen-at-the-other-{'script' if script else 'plain'}", whole=False)


def test_the_page_at_the_end_lists_the_portals_as_they_are_told(chromium: Browser, sandbox: Sandbox) -> None:
    with profile(chromium, script=False) as context:
        screen = context.new_page()
        enter_both(screen, sandbox)
        screen.goto(sandbox.url(0) + "/logout")
        screen.locator("#logout-confirm").click()
        on_page(screen, "logged-out")
        for name in ("Cổng Dịch vụ (thử nghiệm)", "Cổng Lương hưu (thử nghiệm)"):
            expect(screen.get_by_text(name)).to_be_visible()

        again = screen.locator("#again")
        until(lambda: again.count() == 0 or again.click() is not None)
        expect(screen.locator("dd")).to_have_text(["Đã đăng xuất", "Đã đăng xuất"])
        keep_picture(screen, "logout-portals-told", whole=False)
        assert _page_of(screen, sandbox.url(7)) == "portal"


def _page_of(screen: Page, url: str) -> str | None:
    screen.goto(url)
    return screen.locator("main").get_attribute("data-page")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_portal_needs_no_sideways_scrolling(chromium: Browser, sandbox: Sandbox, width: int) -> None:
    with profile(chromium, width=width) as context:
        screen = context.new_page()
        log_in(screen, sandbox, "Đăng nhập")
        on_page(screen, "portal-person")
        # Its words are there before its style is.
        screen.wait_for_load_state("load")

        assert screen.evaluate("document.documentElement.scrollWidth") <= width
