"""The page of a QR login in Chromium: what a real reader sees on the screen, how it changes, and where it ends.

The phone is simulated by the engine on the same stores; `make pictures` leaves pictures in `build/screenshots`.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from qr_login.logins import QrLogins
from tests.support.chromium import keep_picture, profile
from tests.support.installation import installed, laid
from tests.support.live import PORTAL, REQUEST, bhxh, people
from tests.support.qr import DEVICE, engine, enroll
from tests.support.waiting import until


@dataclass
class House:
    """A provider that serves, and beside it the engine that the phone's API would use."""

    issuer: str
    phone: QrLogins
    me: tuple[str, str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[House]:
    home = tmp_path_factory.mktemp("qr")
    with installed(home, request, people=people(1), clients=[PORTAL]) as provider:
        base = laid(provider)
        account = base.people.find_by_identifier("bhxh", bhxh(1))
        assert account
        enroll(base.database, account.id, base.clock())
        with provider.serving():
            yield House(provider.issuer, engine(base), (DEVICE, account.id))
        base.close()


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def either(chromium: Chromium, request: pytest.FixtureRequest) -> Iterator[Page]:
    with profile(chromium, script=request.param) as context:
        yield context.new_page()


def open_picture(screen: Page, house: House) -> None:
    """From the portal's request to the page."""
    screen.goto(f"{house.issuer}/authorize?{urlencode(REQUEST)}")
    screen.get_by_role("link", name="Đăng nhập bằng mã QR").click()
    expect(screen.locator("#qr-picture svg")).to_be_visible()


def seen(screen: Page) -> str:
    """What a reader sees on the screen, without the host that it was drawn for: "v1.<ticket>.<step>.<mac>"."""
    found: list[str] = []

    def readable() -> bool:
        shot = Image.open(io.BytesIO(screen.screenshot()))
        found[:] = [each.text for each in zxingcpp.read_barcodes(shot)]
        return bool(found)

    until(readable)
    return found[0].rpartition("#")[2]


def test_a_person_gets_in(either: Page, house: House) -> None:
    """Seen, scanned, confirmed: the page names the device, and goes back to the portal by itself; script or not."""
    open_picture(either, house)
    ticket, _ = house.phone.scan(seen(either), *house.me, "Galaxy A15")
    expect(either.locator("#qr-said")).to_have_text(
        "Đã quét, đang chờ xác nhận trên thiết bị Galaxy A15.", timeout=20_000
    )
    expect(either.locator("#qr-picture")).to_be_hidden()
    number = either.locator("#qr-number").inner_text()
    # Nobody listens at the portal's address: that the browser goes there is enough.
    with either.expect_request(re.compile(r"https://portal\.example/callback\?code=")):
        house.phone.confirm(ticket, *house.me, number)

    kept = {cookie["name"] for cookie in either.context.cookies()}
    assert "idp-s" in kept
    assert "idp-q" not in kept


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_picture_changes_and_stays_readable(chromium: Chromium, house: House, dark: bool) -> None:
    """Also in dark mode: dark on white."""
    with profile(chromium, width=320, dark=dark) as context:
        screen = context.new_page()
        open_picture(screen, house)
        keep_picture(screen, f"qr-live-{'dark' if dark else 'light'}")
        screen.locator("#qr-picture").scroll_into_view_if_needed()
        first = seen(screen)
        until(lambda: seen(screen) != first)
        ticket, step, _ = first.removeprefix("v1.").split(".")
        later = seen(screen).removeprefix("v1.").split(".")

        assert later[0] == ticket
        assert int(later[1]) > int(step)


def test_a_denial_ends_it_and_a_reload_begins_anew(screen: Page, house: House) -> None:
    open_picture(screen, house)
    ticket, _ = house.phone.scan(seen(screen), *house.me, "Galaxy A15")
    house.phone.deny(ticket, *house.me)
    expect(screen.locator("#qr-said")).to_have_text("Lần đăng nhập này đã bị từ chối trên điện thoại.", timeout=20_000)
    screen.get_by_role("link", name="Tải lại").click()

    expect(screen.locator("#qr-picture svg")).to_be_visible()
    assert seen(screen).split(".")[1] != ticket


def test_a_lost_network_is_said_and_gets_over(screen: Page, house: House) -> None:
    open_picture(screen, house)
    screen.context.set_offline(True)
    expect(screen.locator("#qr-said")).to_have_text("Mất kết nối mạng. Trang này vẫn đang thử lại.", timeout=20_000)
    screen.context.set_offline(False)

    expect(screen.locator("#qr-said")).to_have_text("Đang chờ bạn quét mã.", timeout=20_000)


def test_the_way_back_leads_to_the_login_page(screen: Page, house: House) -> None:
    open_picture(screen, house)
    screen.get_by_role("link", name="Về trang đăng nhập").click()

    expect(screen.locator("main")).to_have_attribute("data-page", "login")


def test_a_browser_that_opens_the_link_is_warned_and_sends_nothing_of_it(screen: Page, house: House) -> None:
    """L-05"""
    asked: list[str] = []
    screen.on("request", lambda request: asked.append(f"{request.url} {request.post_data}"))
    secret = "v1.abcdefghijklmnopqrstuv.03.abcdefghijklmnopqrstuv"
    screen.goto(f"{house.issuer}/q#{secret}")
    screen.wait_for_load_state("networkidle")

    expect(screen.locator(".alert")).to_contain_text("đừng quét")
    assert f"{house.issuer}/q None" in asked
    assert not [each for each in asked if secret in each or not each.endswith(" None")]
    assert all(each.startswith(house.issuer) for each in asked)
