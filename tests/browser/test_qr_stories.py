"""Logins by QR code in two Chromium windows, a computer's screen and the sandbox's phone, with every ending.

The screen is photographed and the photograph given to the phone; pictures of both windows are left in
`build/screenshots`. Nothing but the public API lies between them.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.test_portal_in_chromium import on_page
from tests.support.handset import PICTURES, Handset, Screen, handset, read, screen_window
from tests.support.sandbox import Sandbox, started, three_ports_in_a_row

OWNER = "0012345678"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with started(tmp_path_factory.mktemp("qr"), three_ports_in_a_row()) as running:
        yield running


@pytest.fixture(scope="module")
def phone(chromium: Browser, sandbox: Sandbox) -> Iterator[Handset]:
    """The owner's phone, enrolled."""
    with handset(chromium, sandbox) as owned:
        owned.enrol(OWNER)
        yield owned


@pytest.fixture
def computer(chromium: Browser, sandbox: Sandbox) -> Iterator[Screen]:
    with screen_window(chromium, sandbox) as screen:
        yield screen


def test_a_phone_lets_a_browser_in(phone: Handset, computer: Screen) -> None:
    """Acceptance 1: the picture, its reading, the card, the number, the passcode, the portal."""
    computer.wait_for_a_phone()
    computer.picture("qr-story-picture")
    shot = computer.shot()
    assert read(shot).startswith(f"{computer.sandbox.url(0)}/q#v1.")
    phone.show(shot)
    phone.on("phone-card")
    phone.says("Cổng Dịch vụ (thử nghiệm)", "localhost", "Chrome", "127.0.0.0/24", "Cùng mạng")
    computer.said("Đã quét, đang chờ xác nhận trên thiết bị Galaxy A15.")
    computer.picture("qr-story-scanned")
    phone.picture("phone-card")
    number = computer.number
    phone.press("confirm")
    phone.picture("phone-number")
    phone.type_number(number)
    phone.picture("phone-passcode")
    phone.type_passcode()

    phone.ends("done")
    on_page(computer.page, "portal-person")
    phone.picture("phone-done")
    computer.picture("qr-story-done")
