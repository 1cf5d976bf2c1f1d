"""Every row of the linking table (design, path c) walked in Chromium through the simulated upstreams.

Every page on the way is judged by axe-core, and each kind of page in both languages; `make pictures` leaves pictures
in `build/screenshots`. Who walks which row is told by `sandbox/upstream_people.json` and docs/integrations/sandbox.md.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_pages_look_right import assert_it_fits, barriers
from tests.browser.test_password_stories import CODE
from tests.browser.test_portal_in_chromium import on_page
from tests.support.browser import Browser as Script
from tests.support.chromium import WIDTHS, keep_picture, profile
from tests.support.provider import FIXED_CAPTCHA
from tests.support.sandbox import Sandbox, free_ports, started
from tests.support.upstreams import PASSCODE
from tests.support.upstreams import PASSWORD as UPSTREAM_PASSWORD
from tests.support.waiting import until

PASSWORD = "Matkhau#2026"
BUTTONS = {
    "vneid": "Đăng nhập bằng tài khoản Định danh điện tử",
    "dvcqg": "ĐĂNG NHẬP QUA DỊCH VỤ CÔNG QUỐC GIA",
}
PLACES = {"vneid": 3, "dvcqg": 4}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("upstreams"), free_ports()) as running:
        yield running


@pytest.fixture
def person(chromium: Browser, sandbox: Sandbox) -> Iterator["Person"]:
    for upstream in PLACES:
        wish(sandbox, upstream, reset=True)
        # The real few seconds are not what these stories are about, and the machine is shared.
        wish(sandbox, upstream, settings={"code_seconds": 120})
    with profile(chromium) as context:
        yield Person(context, sandbox)


def wish(sandbox: Sandbox, upstream: str, **wished: Any) -> None:
    address = sandbox.url(PLACES[upstream]) + "/faults"
    page = Script().send("POST", address, json.dumps(wished).encode(), {"Content-Type": "application/json"})
    assert page.status == 200, page.text


class Person:
    """Somebody in front of a browser."""

    def __init__(self, context: BrowserContext, sandbox: Sandbox) -> None:
        self.context = context
        self.screen = context.new_page()
        # A colour that is still changing is neither light nor dark.
        self.screen.emulate_media(reduced_motion="reduce")
        self.sandbox = sandbox

    def leave_for(self, upstream: str) -> None:
        """From the portal to our login page, and through the button of the upstream."""
        self.screen.goto(self.sandbox.url(1) + "/login")
        on_page(self.screen, "login")
        self.screen.get_by_role("link", name=BUTTONS[upstream], exact=True).click()

    def come_from(self, upstream: str, login: str, *, by: str = "dvcqg-submit") -> None:
        """All of a login there."""
        self.leave_for(upstream)
        self.say_who(upstream, login, by=by)

    def say_who(self, upstream: str, login: str, *, by: str = "dvcqg-submit") -> None:
        on_page(self.screen, f"{upstream}-login")
        self.screen.locator("#number" if upstream == "vneid" else "#username").fill(login)
        self.screen.locator("#password").fill(UPSTREAM_PASSWORD)
        self.screen.locator("#vneid-submit" if upstream == "vneid" else f"#{by}").click()
        if upstream == "vneid":
            on_page(self.screen, "vneid-consent")
            self.screen.locator("#agree").check()
            self.screen.locator("#vneid-share").click()

    def sees(self, page: str, *texts: str, picture: str) -> None:
        """Is on that page, which says these things and keeps nobody out."""
        on_page(self.screen, page)
        for text in texts:
            expect(self.screen.locator("main")).to_contain_text(text)
        self._looks_right(picture, WIDTHS[-1:])

    def looks_around(self, picture: str) -> None:
        """Looks at the page in front in both languages, on a phone's screen; a change of language loses nothing.

        Every page in all widths and themes is looked at by `test_pages_look_right`.
        """
        page = self.screen.locator("main").get_attribute("data-page") or ""
        for language in ("en", "vi"):
            self.screen.locator(f"nav.languages a[lang={language}]").click()
            expect(self.screen.locator("html")).to_have_attribute("lang", language)
            on_page(self.screen, page)
            self._looks_right(f"{picture}-{language}", WIDTHS[:1])

    def press(self, button: str) -> None:
        self.screen.locator(f"#{button}").click()

    def log_in(self, code: str) -> None:
        """With the password, on our own login page."""
        on_page(self.screen, "login")
        self.screen.get_by_label("Tên đăng nhập").fill(code)
        self.screen.locator("#password").fill(PASSWORD)
        self.screen.locator("#captcha").fill(FIXED_CAPTCHA)
        self.press("login-submit")

    def arrives(self, name: str) -> None:
        """At the portal; whoever is asked on the way what to keep keeps everything."""
        self.screen.locator('main:is([data-page="link-keep"], [data-page="portal-person"])').wait_for()
        if self.screen.locator('main[data-page="link-keep"]').count():
            self.keeps_all()
        on_page(self.screen, "portal-person")
        expect(self.screen.locator("#name")).to_have_text(name)

    def keeps_all(self) -> None:
        for box in self.screen.get_by_role("checkbox").all():
            box.check()
        self.press("keep-done")

    def logs_out(self) -> None:
        self.press("logout")
        on_page(self.screen, "portal-signed-out")
        self.context.clear_cookies()

    def _looks_right(self, name: str, widths: tuple[int, ...]) -> None:
        screen = self.screen
        for width in widths:
            screen.set_viewport_size({"width": width, "height": 900})
            keep_picture(screen, f"upstream-{name}-{width}")
            assert_it_fits(screen, width)
            assert barriers(screen) == [], f"{name} at {width}"


# subject already linked


def test_who_confirmed_once_is_let_straight_in(person: Person) -> None:
    person.come_from("vneid", "000890123456")
    person.sees("link-confirm", "Nguyễn T. H.", "******5678", "*** *** *67", picture="confirm")
    person.looks_around("confirm")
    person.press("link-confirm")
    person.sees("link-keep", "VNeID vừa xác nhận đây là bạn", "Mật khẩu", "*** *** *67", picture="keep")
    person.looks_around("keep")
    person.arrives("Nguyễn Thị Hoà")
    person.logs_out()

    person.come_from("vneid", "000890123456")

    person.arrives("Nguyễn Thị Hoà")


def test_a_linked_subject_with_another_citizen_number_is_stopped(person: Person) -> None:
    """U-09"""
    person.come_from("dvcqg", "000985222223")
    person.sees("link-confirm", picture="confirm-old-phone-form")
    person.press("link-confirm")
    person.arrives("Ðặng Văn Quí")
    person.logs_out()
    wish(person.sandbox, "dvcqg", person="000985222223", faults=["changed_number"])

    person.come_from("dvcqg", "000985222223")

    person.sees("link-refused", "Cần cán bộ kiểm tra lại liên kết", picture="recycled")
    person.looks_around("recycled")


# citizen number at the level that the policy asks for


def test_another_phone_number_is_told_with_the_ways_on_and_never_shown(person: Person) -> None:
    person.come_from("dvcqg", "000985222222")
    person.sees("link-password", "Số điện thoại không trùng khớp", "cập nhật số điện thoại", picture="phone-differs")
    person.looks_around("phone-differs")
    assert re.search("0912|[*]22|[*]99", person.screen.locator("main").inner_text()) is None

    person.press("link-password")
    person.log_in("0022222222")
    person.sees("link-step", picture="link-after-phone-differs")
    person.press("link-make")

    goes_on(person, "Đặng Văn Quý")


@pytest.mark.parametrize(
    ("upstream", "login"),
    [("vneid", "000985222223"), ("vneid", "000892444444"), ("dvcqg", "000978333333"), ("vneid", "000897777004")],
    ids=["name differs by a letter", "birth date differs", "another name", "the register knows another name"],
)
def test_another_name_or_birth_date_is_refused(person: Person, upstream: str, login: str) -> None:
    person.come_from(upstream, login)
    person.sees("link-refused", "Thông tin cá nhân không trùng khớp", picture=f"identity-{upstream}-{login}")

    person.press("back-to-login")

    on_page(person.screen, "login")


def test_a_birth_year_is_not_enough_even_with_the_number(person: Person) -> None:
    person.come_from("vneid", "000868444445")

    person.sees("link-password", "Đăng nhập để liên kết", picture="birth-year-with-number")


# an account without a citizen number


def test_name_birth_date_and_phone_need_a_code_to_our_own_number(person: Person) -> None:
    person.come_from("dvcqg", "000887000111")
    person.sees("link-confirm", "Phạm T. M.", "******1111", picture="confirm-with-code")
    person.looks_around("confirm-with-code")
    person.press("link-confirm")
    person.sees("code", "*** *** *11", picture="confirm-code")
    person.looks_around("confirm-code")

    person.screen.get_by_label("Mã xác thực gồm 6 chữ số").fill(code_of(person))
    person.screen.get_by_role("button", name="Xác nhận").click()

    goes_on(person, "Phạm Thị Mơ")


def test_without_a_phone_the_code_is_typed_and_the_password_proves(person: Person) -> None:
    person.come_from("vneid", "000883000222")
    person.sees("link-who", "chúng tôi chưa biết tài khoản BHXH nào là của bạn", picture="who")
    person.looks_around("who")
    person.screen.get_by_label("Mã số BHXH của bạn").fill("0011111112")
    person.press("link-look")
    person.sees("link-password", "Đăng nhập để liên kết", picture="password-first")
    person.looks_around("password-first")
    person.press("link-password")
    person.log_in("0011111112")
    person.sees("link-step", "HOÀNG VĂN TÁM", picture="link-step")
    person.looks_around("link-step")
    person.press("link-make")
    goes_on(person, "Hoàng Văn Tám")
    person.logs_out()

    person.come_from("vneid", "000883000222")

    person.arrives("Hoàng Văn Tám")


def test_who_does_not_want_the_link_is_logged_in_without(person: Person) -> None:
    person.come_from("dvcqg", "000883000222", by="dvcqg-vneid")
    on_page(person.screen, "link-who")
    person.press("link-password")
    person.log_in("0011111112")
    on_page(person.screen, "link-step")
    person.press("link-skip")
    person.arrives("Hoàng Văn Tám")
    person.logs_out()

    person.come_from("dvcqg", "000883000222", by="dvcqg-vneid")

    on_page(person.screen, "link-who")


@pytest.mark.parametrize("login", ["000868000333", "0911000444"], ids=["birth year", "phone only"])
def test_a_phone_number_alone_or_a_year_opens_nothing(person: Person, login: str) -> None:
    person.come_from("dvcqg", login)

    person.sees("link-password", "Đăng nhập để liên kết", picture=f"password-first-{login}")
    assert person.screen.get_by_text(re.compile("[*]{3}")).count() == 0


def test_a_recycled_number_leads_to_nobody(person: Person) -> None:
    person.come_from("dvcqg", "000801000444")

    person.sees("link-who", picture="who-recycled-phone")


def test_a_typed_code_tells_nothing(person: Person) -> None:
    """The code of an account whose phone differs, one of another person, one of nobody: all the same."""
    person.come_from("dvcqg", "000888000666")
    told = set()
    for code in ("0011111117", "0012345678", "0099999999"):
        on_page(person.screen, "link-who")
        person.screen.get_by_label("Mã số BHXH của bạn").fill(code)
        person.press("link-look")
        told.add(person.screen.locator("#who-error").inner_text())

    person.sees("link-who", picture="who-not-found")
    assert len(told) == 1


# several accounts, or one linked to another subject


def test_two_accounts_with_the_same_facts_are_refused(person: Person) -> None:
    person.come_from("dvcqg", "000875000555")

    person.sees("link-refused", "Không thể liên kết tài khoản", picture="several-accounts")


def test_a_second_subject_of_a_linked_account_is_refused(person: Person) -> None:
    person.come_from("dvcqg", "000988888888")
    on_page(person.screen, "link-confirm")
    person.press("link-confirm")
    person.arrives("Lý Thuý")
    person.logs_out()

    person.come_from("dvcqg", "0988000888")

    person.sees("link-refused", "Không thể liên kết tài khoản", picture="linked-to-another")


# nobody has an account


def test_who_the_register_knows_gets_an_account_with_the_code(person: Person) -> None:
    person.come_from("vneid", "000899777001")
    person.sees("link-open", "Vũ Minh Mới", "30/04/1999", "******1120", picture="open-participant")
    person.looks_around("open-participant")

    person.press("link-open")

    person.arrives("Vũ Minh Mới")
    expect(person.screen.locator("main")).to_contain_text("0011111120")


def test_who_nobody_knows_gets_an_account_without_a_code(person: Person) -> None:
    person.come_from("vneid", "000801777002")
    person.sees("link-who", picture="who-or-new")
    person.looks_around("who-or-new")
    person.press("link-new")
    person.sees("link-open", "TÔN NỮ VÔ DANH", "Chưa có", picture="open-nobody")
    person.looks_around("open-nobody")

    person.press("link-open")

    person.arrives("TÔN NỮ VÔ DANH")


def test_a_phone_number_that_is_not_verified_is_never_used(person: Person) -> None:
    """T-05, U-03: VNeID sends the number of somebody's account, and nobody is proposed."""
    person.come_from("vneid", "000896777003")

    person.sees("link-who", picture="who-phone-unused")


@pytest.mark.parametrize(
    ("upstream", "login"), [("dvcqg", "000899777001"), ("vneid", "000893777005")], ids=["opens none", "unknown level"]
)
def test_an_upstream_that_may_not_opens_no_account(person: Person, upstream: str, login: str) -> None:
    if upstream == "vneid":
        person.come_from(upstream, login)
        person.sees("link-who", picture="who-unknown-level")
    else:
        wish(person.sandbox, upstream, person=login, faults=["changed_number"])
        person.come_from(upstream, login)
        person.sees("link-who", picture="who-opens-none")

    assert person.screen.locator("#link-new").count() == 0


def test_an_organisation_proves_itself_with_its_password(person: Person) -> None:
    person.screen.goto(person.sandbox.url(1) + "/login")
    person.screen.get_by_role("link", name="Tổ chức").click()
    person.screen.get_by_role("link", name=BUTTONS["dvcqg"], exact=True).click()
    person.say_who("dvcqg", "0312345673")
    person.sees("link-password", picture="organisation")
    person.looks_around("organisation")
    person.press("link-password")
    person.screen.get_by_role("link", name="Tổ chức").click()
    person.log_in("0312345673")
    person.sees("link-step", picture="organisation-link")

    person.press("link-make")

    goes_on(person, "Công ty TNHH Thử Nghiệm Sen Vàng")


def test_a_logout_here_is_a_logout_at_the_national_portal(person: Person) -> None:
    """6.4: the next person at a shared computer is not the one before."""
    person.come_from("dvcqg", "000890123456")
    on_page(person.screen, "link-confirm")
    person.press("link-confirm")
    person.arrives("Nguyễn Thị Hoà")

    person.press("logout")
    on_page(person.screen, "portal-signed-out")
    person.leave_for("dvcqg")

    on_page(person.screen, "dvcqg-login")


# nobody is brought back


def test_who_cancels_is_back_at_the_login_page_and_the_portal_still_waits(person: Person) -> None:
    person.leave_for("vneid")
    on_page(person.screen, "vneid-login")
    person.screen.locator("#number").fill("000890123456")
    person.screen.locator("#password").fill(UPSTREAM_PASSWORD)
    person.press("vneid-submit")
    person.press("vneid-cancel")
    person.sees("login", "Bạn đã hủy đăng nhập tại VNeID", picture="cancelled")
    person.looks_around("cancelled")

    person.log_in("0012345679")

    person.arrives("NGUYỄN THỊ HÒA")


@pytest.mark.parametrize(
    ("upstream", "fault", "sentence"),
    [
        ("vneid", "wrong_key", "Không xác nhận được kết quả"),
        ("vneid", "html", "đang bận hoặc không trả lời"),
        ("vneid", "redirect", "đang bận hoặc không trả lời"),
        ("vneid", "bad_number", "Không xác nhận được kết quả"),
        ("dvcqg", "unauthorised", "đang có sự cố"),
        ("dvcqg", "outage", "đang bận hoặc không trả lời"),
        ("dvcqg", "slow", "đang bận hoặc không trả lời"),
        ("dvcqg", "bomb", "đang bận hoặc không trả lời"),
        ("dvcqg", "wrong_nonce", "Không xác nhận được kết quả"),
        ("dvcqg", "foreign", "Không xác nhận được kết quả"),
    ],
)
def test_an_upstream_that_lies_or_fails_is_told_and_the_other_ways_stay(
    person: Person, upstream: str, fault: str, sentence: str
) -> None:
    wish(person.sandbox, upstream, person="000890123456", faults=[fault])
    person.come_from(upstream, "000890123456")

    person.sees("login", sentence, picture=f"failed-{upstream}-{fault}")
    for button in BUTTONS.values():
        expect(person.screen.get_by_role("link", name=button, exact=True)).to_be_visible()
    trapped = json.loads(Script().open(person.sandbox.url(PLACES[upstream]) + "/faults.json").text)["trapped"]
    assert trapped == 0
    log = (person.sandbox.data / "logs" / "provider.log").read_text(encoding="utf-8")
    assert re.search(f'brought nobody back.*"upstream": "{upstream}".*"reason": "..', log), "an operator learns why"
    assert "000890123456" not in log


def test_a_qr_code_and_a_phone_do_as_well(person: Person) -> None:
    person.leave_for("vneid")
    on_page(person.screen, "vneid-login")
    with person.context.expect_page() as opened:
        person.screen.get_by_role("link", name="điện thoại", exact=True).click()
    phone: Page = opened.value
    phone.locator("#number").select_option("000995555555")
    phone.locator("#phone-confirm").click()
    phone.locator("#passcode").fill(PASSCODE)
    phone.locator("#phone-passcode").click()

    on_page(person.screen, "vneid-consent")
    person.screen.locator("#agree").check()
    person.press("vneid-share")

    person.sees("link-confirm", "T.", "Chưa có", picture="confirm-without-phone")
    person.looks_around("confirm-without-phone")
    person.press("link-confirm")
    goes_on(person, "Thắm")


def goes_on(person: Person, name: str) -> None:
    """Arrives, perhaps after a page that says which unproved contacts were removed."""
    expect(person.screen.locator("main")).to_have_attribute("data-page", re.compile("linked|link-keep|portal-person"))
    if person.screen.locator("main").get_attribute("data-page") == "linked":
        person.press("go-on")
    person.arrives(name)


def code_of(person: Person) -> str:
    """The newest code on the phone of the inbox."""
    found: list[str] = []

    def arrived() -> bool:
        found[:] = re.findall(CODE, Script().open(person.sandbox.url(2) + "/").text)
        return bool(found)

    until(arrived)
    return found[0]
