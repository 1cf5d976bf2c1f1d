"""The pages do their work without JavaScript; with it they show a password, change a captcha in place, send once."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from idp.web.sentences import PAGES
from tests.support.chromium import profile
from tests.support.preview import previewing


@pytest.fixture(scope="module")
def preview() -> Iterator[str]:
    with previewing() as address:
        yield address


@pytest.fixture
def screen_without_script(chromium: Browser) -> Iterator[Page]:
    with profile(chromium, script=False) as context:
        yield context.new_page()


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def either(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with profile(chromium, script=request.param) as context:
        yield context.new_page()


def sent(screen: Page) -> list[str]:
    """The fields that the preview received, after the path they were sent to."""
    return screen.locator("pre").inner_text().splitlines()


def test_the_login_form_sends_what_was_typed(either: Page, preview: str) -> None:
    either.goto(f"{preview}/login/captcha")
    answer = either.locator("[name=captcha_id]").input_value()
    either.get_by_label("Tên đăng nhập").fill("0012345678")
    either.locator("#password").fill("Bí mật & <hơn>")
    either.get_by_label("Mã kiểm tra", exact=True).fill("k7m4p")
    either.get_by_label("Ghi nhớ thiết bị này").check()
    either.get_by_role("button", name="ĐĂNG NHẬP", exact=True).click()
    assert sent(either) == [
        "/login",
        "attempt=a-made-up-attempt",
        "kind=individual",
        "username=0012345678",
        "password=Bí mật & <hơn>",
        f"captcha_id={answer}",
        "captcha=k7m4p",
        "remember=1",
        "login-submit=1",
    ]


def test_enter_in_a_field_logs_in_and_does_not_cancel(either: Page, preview: str) -> None:
    either.goto(f"{preview}/login/plain")
    either.get_by_label("Tên đăng nhập").fill("0012345678")
    either.locator("#password").fill("secret")
    either.locator("#password").press("Enter")
    assert "login-submit=1" in sent(either)


def test_cancelling_needs_no_filled_fields(either: Page, preview: str) -> None:
    either.goto(f"{preview}/login/captcha")
    either.get_by_role("button", name="Hủy").click()
    assert "login-cancel=1" in sent(either)


def test_consent_needs_the_box_and_declining_does_not(either: Page, preview: str) -> None:
    either.goto(f"{preview}/consent/plain")
    assert not either.locator("#agree").is_checked()
    either.locator("#consent-allow").click()
    assert either.locator("main").get_attribute("data-page") == "consent"
    either.locator("#agree").check()
    either.locator("#consent-allow").click()
    assert sent(either) == ["/consent", "attempt=a-made-up-attempt", "agree=1", "consent-allow=1"]
    either.goto(f"{preview}/consent/plain")
    either.locator("#consent-deny").click()
    assert sent(either) == ["/consent", "attempt=a-made-up-attempt", "consent-deny=1"]


def test_logging_out_is_one_press(either: Page, preview: str) -> None:
    either.goto(f"{preview}/logout/portal")
    either.locator("#logout-confirm").click()
    assert sent(either) == ["/logout", "csrf=made-up", "request=made-up", "logout-confirm=1"]


def test_sessions_end_and_consents_are_withdrawn_one_by_one(either: Page, preview: str) -> None:
    either.goto(f"{preview}/account/full")
    either.get_by_role("button", name="Kết thúc phiên Safari, iPhone").click()
    assert sent(either) == ["/account/end-session", "csrf=made-up", "session=session-2"]
    either.goto(f"{preview}/account/full")
    either.get_by_role("button", name="Kết thúc tất cả phiên khác").click()
    assert sent(either) == ["/account/end-session", "csrf=made-up", "session=others"]
    either.goto(f"{preview}/account/full")
    either.get_by_role("button", name="Rút lại đồng ý Sổ tay Sao Mai").click()
    assert sent(either) == ["/account/withdraw", "csrf=made-up", "client_id=sao-mai"]


FORM_POST = ["/portal/callback", "code=made-up", "state=ă & <b>", "iss=https://idp.example"]


def test_the_answer_for_the_portal_sends_itself(screen: Page, preview: str) -> None:
    screen.goto(f"{preview}/form-post/plain")
    screen.wait_for_url("**/portal/callback")
    assert sent(screen) == FORM_POST


def test_the_answer_for_the_portal_is_sent_by_a_button_without_script(
    screen_without_script: Page, preview: str
) -> None:
    screen_without_script.goto(f"{preview}/form-post/plain")
    screen_without_script.get_by_role("button", name="Tiếp tục").click()
    assert sent(screen_without_script) == FORM_POST


def test_the_language_is_changed_by_a_link(either: Page, preview: str) -> None:
    either.goto(f"{preview}/login/plain")
    either.get_by_role("link", name="English").click()
    expect(either.get_by_role("button", name="Log in", exact=True)).to_be_visible()


def test_the_kind_of_user_is_changed_by_a_link(either: Page, preview: str) -> None:
    either.goto(f"{preview}/login/plain")
    assert either.get_by_role("link", name="Cá nhân").get_attribute("aria-current") == "page"
    either.get_by_role("link", name="Tổ chức").click()
    expect(either.get_by_role("link", name="Tổ chức")).to_have_attribute("aria-current", "page")
    assert either.locator("#login-form [name=kind]").input_value() == "organisation"


def test_a_password_can_be_shown_and_is_hidden_again_when_it_is_sent(screen: Page, preview: str) -> None:
    screen.goto(f"{preview}/login/plain")
    password, button = screen.locator("#password"), screen.get_by_role("button", name="Hiện mật khẩu")
    password.fill("secret")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(password).to_have_attribute("type", "text")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(password).to_have_attribute("type", "password")
    button.click()
    screen.evaluate("document.getElementById('login-form').addEventListener('submit', (e) => e.preventDefault())")
    screen.get_by_label("Tên đăng nhập").fill("0012345678")
    screen.locator("#login-submit").click()
    expect(password).to_have_attribute("type", "password")


@pytest.mark.parametrize("typed", ["mâtkhau1", "MATKHẨU1", "đ", "ma\u0302t", "hư", "Ă", "kỳ"])
def test_a_vietnamese_keyboard_in_the_password_is_told_at_once(screen: Page, preview: str, typed: str) -> None:
    screen.goto(f"{preview}/login/plain")
    warning = screen.get_by_text("Hãy tắt bộ gõ tiếng Việt khi nhập mật khẩu")
    screen.locator("#password").fill("Matkhau#2026 ñ ß ü")
    expect(warning).to_be_hidden()
    screen.locator("#password").fill(typed)
    expect(warning).to_be_visible()
    screen.locator("#password").fill("")
    expect(warning).to_be_hidden()


def test_controls_that_need_script_are_not_shown_without_it(screen_without_script: Page, preview: str) -> None:
    screen_without_script.goto(f"{preview}/login/captcha")
    assert screen_without_script.locator("#password-show").is_hidden()
    assert screen_without_script.locator("#captcha-listen").is_hidden()
    assert screen_without_script.locator("#password-ime").is_hidden()
    assert screen_without_script.locator("audio[controls]").is_visible()


def test_without_script_a_link_brings_a_new_captcha(screen_without_script: Page, preview: str) -> None:
    screen_without_script.goto(f"{preview}/login/captcha")
    before = screen_without_script.locator("[name=captcha_id]").input_value()
    screen_without_script.get_by_role("link", name="Đổi mã khác").click()
    assert screen_without_script.locator("[name=captcha_id]").input_value() != before


def test_with_script_a_new_captcha_comes_in_place_and_nothing_typed_is_lost(screen: Page, preview: str) -> None:
    screen.goto(f"{preview}/login/captcha")
    handle = screen.locator("[name=captcha_id]")
    seen = [handle.input_value()]
    screen.get_by_label("Tên đăng nhập").fill("0012345678")
    screen.locator("#password").fill("secret")
    for _ in range(2):
        screen.locator("#captcha").fill("wrong")
        screen.get_by_role("link", name="Đổi mã khác").click()
        expect(handle).not_to_have_value(seen[-1])
        seen.append(handle.input_value())
        expect(screen.locator("#captcha-challenge img")).to_have_attribute("src", f"/login/captcha/{seen[-1]}.png")
        expect(screen.locator("#captcha-audio")).to_have_attribute("src", f"/login/captcha/{seen[-1]}.wav")
        expect(screen.locator("#captcha")).to_have_value("")
        expect(screen.locator("#captcha-status")).to_have_text("Đã đổi mã kiểm tra")
        expect(screen.get_by_role("link", name="Đổi mã khác")).to_be_focused()
    expect(screen.locator("#password")).to_have_value("secret")
    expect(screen.locator("#captcha-listen")).to_be_visible()


def test_where_a_new_captcha_cannot_be_fetched_the_link_is_followed(screen: Page, preview: str) -> None:
    screen.goto(f"{preview}/login/captcha")
    before = screen.locator("[name=captcha_id]").input_value()
    screen.route("**/login/captcha", refuse_scripts)
    screen.get_by_role("link", name="Đổi mã khác").click()
    expect(screen.locator("[name=captcha_id]")).not_to_have_value(before)


def refuse_scripts(route: Route) -> None:
    if route.request.resource_type == "fetch":
        route.abort()
    else:
        route.continue_()


def test_the_captcha_is_spoken_and_stopped_in_place(screen: Page, preview: str) -> None:
    screen.goto(f"{preview}/login/captcha")
    audio = screen.locator("#captcha-audio")
    with screen.expect_response("**/*.wav") as spoken:
        screen.get_by_role("button", name="Nghe mã").click()
    assert spoken.value.ok
    expect(audio).to_have_js_property("paused", False)
    assert audio.evaluate("(audio) => audio.error") is None
    screen.get_by_role("button", name="Nghe mã").click()
    expect(audio).to_have_js_property("paused", True)
    assert urlsplit(screen.url).path == "/login/captcha"


def test_a_recording_that_does_not_come_is_said(screen: Page, preview: str) -> None:
    screen.goto(f"{preview}/login/captcha")
    screen.route("**/*.wav", lambda route: route.abort())
    screen.get_by_role("button", name="Nghe mã").click()
    expect(screen.locator("#captcha-status")).to_have_text("Không phát được âm thanh. Hãy đổi mã khác.")


# Counts what gets past the guard, and keeps the browser on the page.
COUNT_SENDINGS = """
window.sendings = [];
window.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) window.sendings.push(event.submitter.name);
  event.preventDefault();
});
"""


def press(screen: Page, button: str) -> None:
    # A button that says it is disabled can still be pressed; Playwright would wait for it.
    screen.locator(f"#{button}").click(force=True)


def test_a_form_is_sent_once_however_often_the_button_is_pressed(screen: Page, preview: str) -> None:
    screen.goto(f"{preview}/logout/own")
    screen.evaluate(COUNT_SENDINGS)
    for _ in range(3):
        press(screen, "logout-confirm")
    assert screen.evaluate("window.sendings") == ["logout-confirm"]
    expect(screen.locator("#logout-confirm")).to_have_attribute("aria-disabled", "true")


def test_another_button_still_works_and_so_does_a_second_try_after_a_while(screen: Page, preview: str) -> None:
    screen.clock.install()
    screen.goto(f"{preview}/consent/plain")
    screen.evaluate(COUNT_SENDINGS)
    screen.locator("#agree").check()
    for button in ("consent-allow", "consent-allow", "consent-deny"):
        press(screen, button)
    assert screen.evaluate("window.sendings") == ["consent-allow", "consent-deny"]
    screen.clock.run_for(11_000)
    press(screen, "consent-allow")
    assert screen.evaluate("window.sendings") == ["consent-allow", "consent-deny", "consent-allow"]


def test_the_button_waits_as_long_as_the_person_has_to(screen: Page, preview: str) -> None:
    screen.clock.install()
    screen.goto(f"{preview}/login/wait")
    note, button = screen.locator("#login-wait"), screen.locator("#login-submit")
    expect(note).to_have_text("Có thể thử lại sau 30 giây")
    expect(button).to_have_attribute("aria-disabled", "true")
    screen.locator("#password").fill("secret")
    screen.evaluate(COUNT_SENDINGS)
    press(screen, "login-submit")
    assert screen.evaluate("window.sendings") == []
    screen.clock.run_for(10_000)
    expect(note).to_have_text("Có thể thử lại sau 20 giây")
    screen.clock.run_for(21_000)
    expect(note).to_be_hidden()
    expect(button).not_to_have_attribute("aria-disabled", "true")
    press(screen, "login-submit")
    assert screen.evaluate("window.sendings") == ["login-submit"]


def test_every_error_offers_a_way_on(screen_without_script: Page, preview: str) -> None:
    for kind in PAGES:
        screen_without_script.goto(f"{preview}/error/{kind}")
        assert screen_without_script.locator(".advice li").count() >= 1, kind
        assert screen_without_script.locator("main .buttons a").count() >= 1, kind
        assert screen_without_script.locator("main a[href='tel:19009068']").is_visible(), kind
        assert screen_without_script.locator(".support-code").inner_text() == "K7M4-P2XR", kind
