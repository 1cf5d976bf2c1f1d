"""The sandbox inbox in Chromium: a phone and a mailbox, newest first, links that can be clicked, and no barrier."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page

from idp.messages.file_inbox import FileSender
from idp.messages.message import Message
from tests.support.browser import Browser as Reader
from tests.support.chromium import WIDTHS, keep_picture, profile
from tests.support.clock import FrozenClock
from tests.support.ports import free_port
from tests.support.processes import running

PROJECT = Path(__file__).parents[2]
UNDO = "https://id.example.test/undo/abc"


class Inbox:
    """The running program, and a sender that fills its folder."""

    def __init__(self, home: Path, port: int) -> None:
        self.url = f"http://localhost:{port}/"
        self.clock = FrozenClock()
        self.sender = FileSender(home / "inbox", self.clock)

    def put(self, message: Message) -> Message:
        self.clock.move(60)
        self.sender.send(message)
        return message


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    port = free_port()
    environment = os.environ | {"SANDBOX_PORT_OFFSET": str(port - 8002), "IDP_DATA_DIR": str(tmp_path)}
    url = f"http://localhost:{port}/"

    def answers() -> bool:
        try:
            return Reader(url).open(url).status == 200
        except Exception:
            return False

    command = [sys.executable, "-m", "sandbox", "inbox"]
    log = tmp_path / "inbox.log"
    with running(command, log=log, answers=answers, environment=environment, directory=PROJECT):
        yield Inbox(tmp_path, port)


def code(number: str) -> Message:
    return Message("sms", "+84912345678", "otp", 0, {"code": number, "purpose": "login", "minutes": "5"})


def notice() -> Message:
    facts = {"event": "password_changed", "time": "08:00 02/03/2026", "browser": "Chrome", "undo_url": UNDO}
    return Message("email", "hoa@example.com", "notice", 0, facts)


def barriers(screen: Page) -> list[str]:
    screen.evaluate(AXE_SCRIPT)
    found = screen.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})")
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]


def test_messages_are_shown_as_a_phone_and_as_a_mailbox_newest_first(inbox: Inbox, screen: Page) -> None:
    for each in (code("111111"), code("222222"), notice()):
        inbox.put(each)

    screen.goto(inbox.url)

    texts = screen.locator("[data-channel=sms]").all_inner_texts()
    assert ["222222" in texts[0], "111111" in texts[1]] == [True, True]
    letter = screen.locator("[data-channel=email]")
    assert "Mật khẩu đã được đổi" in letter.inner_text()
    assert letter.get_by_role("link", name=UNDO).get_attribute("href") == UNDO
    letter.get_by_role("link", name="Xem bản HTML").click()
    assert screen.get_by_role("link", name="Không phải tôi").get_attribute("href") == UNDO


def test_the_page_renews_itself_without_script_when_asked_to(inbox: Inbox, chromium: Browser) -> None:
    with profile(chromium, script=False) as context:
        screen = context.new_page()
        screen.goto(inbox.url)
        assert screen.get_by_text("Chưa có tin nào").is_visible()
        screen.get_by_role("link", name="Tự tải lại").click()
        inbox.put(code("333333"))
        screen.get_by_text("333333").wait_for()
        screen.get_by_role("link", name="Dừng tự tải lại").click()
        assert screen.url == inbox.url


def test_markup_in_a_message_stays_text(inbox: Inbox, screen: Page) -> None:
    sly = Message(
        "email", "<b>x</b>@example.com", "notice", 0, dict(notice().facts) | {"browser": "<script>1</script>"}
    )
    inbox.put(sly)

    screen.goto(inbox.url)

    assert screen.locator("main script, main b").count() == 0
    assert "<script>1</script>" in screen.locator("main").inner_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nobody_is_kept_out_and_nothing_is_wider_than_the_screen(
    inbox: Inbox, chromium: Browser, width: int, dark: bool
) -> None:
    for each in (code("111111"), notice()):
        inbox.put(each)
    with profile(chromium, width=width, dark=dark) as context:
        screen = context.new_page()
        screen.goto(inbox.url)
        keep_picture(screen, f"inbox-{width}-{'dark' if dark else 'light'}")

        assert barriers(screen) == []
        assert screen.evaluate("document.documentElement.scrollWidth") <= width
