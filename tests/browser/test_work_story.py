"""Where many were wrong, the browser does its work while the person types, and nobody notices."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.chromium import profile
from tests.support.installation import installed
from tests.support.live import PASSWORD, PORTAL, bhxh, people
from tests.support.provider import FIXED_CAPTCHA

DEAR_AT_ONCE = {"IDP_LIMITS__NETWORK_WRONG": "1"}


def log_in(screen: Page, username: str, password: str) -> str:
    """Press the button as soon as all is typed; gives what was sent."""
    screen.locator("#username").fill(username)
    screen.locator("#password").fill(password)
    screen.locator("#captcha").fill(FIXED_CAPTCHA)
    with screen.expect_request(lambda request: request.method == "POST") as sent:
        screen.locator("#login-submit").click()
    return sent.value.post_data or ""


def test_the_work_is_done_by_the_page_and_the_login_goes_on(
    chromium: Browser, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with (
        installed(tmp_path, request, settings=DEAR_AT_ONCE, people=people(1), clients=[PORTAL]) as provider,
        provider.serving(),
        profile(chromium) as context,
    ):
        screen = context.new_page()
        screen.goto(f"{provider.issuer}/account")
        first = log_in(screen, bhxh(1), "sai mật khẩu")
        expect(screen.locator("#login-error")).to_be_visible()
        asked = screen.locator("[name=altcha]").get_attribute("data-work") or ""
        second = log_in(screen, bhxh(1), "lại sai mật khẩu")
        expect(screen.locator("[name=altcha]")).not_to_have_attribute("data-work", asked)
        # Another picture brings work of its own.
        old = screen.locator("[name=altcha]").get_attribute("data-work")
        screen.locator("#captcha-new").click()
        screen.wait_for_function("old => document.querySelector('[name=altcha]').dataset.work !== old", arg=old)
        third = log_in(screen, bhxh(1), PASSWORD)
        screen.wait_for_url(f"{provider.issuer}/account")

        assert "altcha" not in first
        assert "altcha=ey" in second
        assert "altcha=ey" in third


def cannot_start(route: Route) -> None:
    route.abort()


def never_ends(route: Route) -> None:
    route.fulfill(content_type="text/javascript", body="")


@pytest.mark.parametrize(("solver", "later"), [(cannot_start, 0), (never_ends, 30_000)])
def test_a_solver_that_fails_does_not_hold_the_form(
    chromium: Browser, tmp_path: Path, request: pytest.FixtureRequest, solver: Callable[[Route], None], later: int
) -> None:
    with (
        installed(tmp_path, request, settings=DEAR_AT_ONCE, people=people(1), clients=[PORTAL]) as provider,
        provider.serving(),
        profile(chromium) as context,
    ):
        screen = context.new_page()
        screen.clock.install()
        screen.route("**/work_solver.js", solver)
        screen.goto(f"{provider.issuer}/account")
        log_in(screen, bhxh(1), "sai mật khẩu")
        expect(screen.locator("[name=altcha][data-begun]")).to_have_count(1)
        screen.locator("#username").fill(bhxh(1))
        screen.locator("#password").fill(PASSWORD)
        screen.locator("#captcha").fill(FIXED_CAPTCHA)
        with screen.expect_request(lambda request: request.method == "POST") as sent:
            screen.locator("#login-submit").click()
            screen.clock.fast_forward(later)

        assert "altcha=ey" in (sent.value.post_data or "")
