"""A citizen's way through the portal in a real browser: redirects, cookies and content policies are judged by it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import WIDTHS, profile
from tests.support.provider import FIXED_CAPTCHA
from tests.support.sandbox import Sandbox, started, three_ports_in_a_row


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("sandbox"), three_ports_in_a_row()) as running:
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


@pytest.mark.parametrize("width", WIDTHS)
def test_the_portal_needs_no_sideways_scrolling(chromium: Browser, sandbox: Sandbox, width: int) -> None:
    with profile(chromium, width=width) as context:
        screen = context.new_page()
        log_in(screen, sandbox, "Đăng nhập")
        on_page(screen, "portal-person")

        assert screen.evaluate("document.documentElement.scrollWidth") <= width
