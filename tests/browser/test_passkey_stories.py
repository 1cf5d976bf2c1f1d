"""A passkey's life in Chromium, whose own virtual authenticator plays the person's device (WebAuthn, section 11).

Added after a code, used to log in to the portal and in the place of a code, removed, and refused afterwards.
`make pictures` leaves pictures in `build/screenshots`.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.browser.test_pages_look_right import assert_it_fits, barriers
from tests.browser.test_password_stories import CODE, Desk
from tests.browser.test_portal_in_chromium import on_page
from tests.support.chromium import WIDTHS, profile
from tests.support.sandbox import Sandbox, free_ports, started

PERSON, PASSWORD = "0012345678", "Matkhau#2026"
PASSKEY_LOGIN = "Đăng nhập bằng khóa truy cập (passkey)"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("passkeys"), free_ports()) as running:
        yield running


class Device:
    """The virtual authenticator of one tab: it holds passkeys and knows its owner, unless told otherwise."""

    def __init__(self, screen: Page) -> None:
        self._door: CDPSession = screen.context.new_cdp_session(screen)
        self._door.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self._id = self._door.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    @property
    def credentials(self) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self._door.send("WebAuthn.getCredentials", {"authenticatorId": self._id})[
            "credentials"
        ]
        return held

    def knows_its_owner(self, known: bool) -> None:
        self._door.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": known})


@pytest.fixture
def desk(chromium: Browser, sandbox: Sandbox) -> Iterator[Desk]:
    with profile(chromium) as context:
        yield Desk(context.new_page(), context.new_page(), sandbox)


def looks(desk: Desk, name: str) -> None:
    """Photographed at every width; nothing on it keeps anybody out."""
    for width in WIDTHS:
        desk.screen.set_viewport_size({"width": width, "height": 800})
        desk.picture(f"passkey-{name}-{width}")
        assert_it_fits(desk.screen, width)
        assert barriers(desk.screen) == [], name


def leave(desk: Desk) -> None:
    desk.screen.context.clear_cookies()


def begin(desk: Desk) -> None:
    """The portal's login page."""
    desk.screen.goto(desk.sandbox.url(1) + "/login")
    on_page(desk.screen, "login")


def test_the_life_of_a_passkey(desk: Desk) -> None:
    """P-14: phishing-resistant, and no code is asked for."""
    screen, device = desk.screen, Device(desk.screen)
    seen = desk.seen(CODE)
    desk.log_in(PERSON, PASSWORD)
    on_page(screen, "portal-person")
    screen.goto(desk.sandbox.url(0) + "/account")
    screen.get_by_role("link", name="Khóa truy cập (passkey)").click()
    desk.enter_code(seen)
    on_page(screen, "passkeys")
    # A page without the focus may not ask for passkeys, and the inbox was looked at in another tab.
    screen.bring_to_front()
    looks(desk, "none")

    screen.get_by_label("Tên để bạn nhận ra khóa này").fill("Máy tính ở nhà")
    screen.get_by_role("button", name="Thêm khóa truy cập").click()
    expect(screen.get_by_role("heading", name="Máy tính ở nhà")).to_be_visible()
    looks(desk, "added")
    assert [held["isResidentCredential"] for held in device.credentials] == [True]

    leave(desk)
    begin(desk)
    looks(desk, "login")
    screen.get_by_role("button", name=PASSKEY_LOGIN).click()
    on_page(screen, "portal-person")
    expect(screen.locator("#name")).to_have_text("Nguyễn Thị Hoà")

    leave(desk)
    seen = desk.seen(CODE)
    desk.log_in(PERSON, PASSWORD)
    on_page(screen, "portal-person")
    screen.goto(desk.sandbox.url(0) + "/account/passkeys")
    on_page(screen, "code")
    looks(desk, "step")
    screen.get_by_role("button", name="Dùng khóa truy cập").click()
    on_page(screen, "passkeys")
    expect(screen.get_by_text("Dùng gần nhất")).to_be_visible()

    screen.get_by_role("button", name="Thêm khóa truy cập").click()
    expect(screen.locator("#passkey-status")).to_have_text("Thiết bị này đã có khóa truy cập của tài khoản.")
    screen.get_by_role("button", name="Xóa Máy tính ở nhà").click()
    expect(screen.get_by_text("Tài khoản của bạn chưa có khóa truy cập nào.")).to_be_visible()

    leave(desk)
    begin(desk)
    screen.get_by_role("button", name=PASSKEY_LOGIN).click()
    expect(screen.locator("#login-error")).to_have_text(
        "Không dùng được khóa truy cập này. Hãy thử lại hoặc chọn cách khác."
    )
    looks(desk, "refused")


def test_a_device_that_says_no_leaves_the_page_as_it_is(desk: Desk) -> None:
    """Cancelled, no passkey there, or the owner was not recognised: browsers tell these apart to nobody."""
    device = Device(desk.screen)
    device.knows_its_owner(False)
    begin(desk)

    desk.screen.get_by_role("button", name=PASSKEY_LOGIN).click()

    expect(desk.screen.locator("#passkey-status")).to_have_text(
        "Thiết bị chưa xác nhận khóa truy cập. Bạn có thể thử lại."
    )
    on_page(desk.screen, "login")


def test_without_script_nobody_is_offered_a_passkey(chromium: Browser, sandbox: Sandbox) -> None:
    with profile(chromium, script=False) as context:
        screen = context.new_page()
        screen.goto(sandbox.url(1) + "/login")

        on_page(screen, "login")
        expect(screen.get_by_role("button", name=PASSKEY_LOGIN)).to_be_hidden()
