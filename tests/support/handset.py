"""A phone in somebody's hand, as Chromium shows the sandbox's app, and a computer's screen in front of them."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, expect

from tests.support.chromium import keep_picture, profile
from tests.support.inbox import received
from tests.support.provider import FIXED_CAPTCHA
from tests.support.sandbox import Sandbox
from tests.support.waiting import until

PASSWORD = "Matkhau#2026"
PASSCODE = "135790"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Galaxy A15) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)


class Window:
    """One window, whose pictures bear its name."""

    widths: tuple[int, ...] = (1280,)

    def __init__(self, page: Page, sandbox: Sandbox) -> None:
        self.page = page
        self.context = page.context
        self.sandbox = sandbox
        # A colour that is still changing is neither light nor dark.
        page.emulate_media(reduced_motion="reduce")
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if "Content Security" in line.text else None)

    def on(self, name: str) -> None:
        expect(self.page.locator("main")).to_have_attribute("data-page", name)

    def says(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text)

    def press(self, button: str) -> None:
        self.page.locator(f"#{button}").click()

    def picture(self, name: str) -> None:
        """What it looks like at each width; at none of them is anything cut off."""
        before = self.page.viewport_size
        for width in self.widths:
            self.page.set_viewport_size(ViewportSize(width=width, height=900))
            keep_picture(self.page, f"{name}-{width}")
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}: sideways at {width}"
        if before:
            self.page.set_viewport_size(before)

    def log_in(self, person: str) -> None:
        """With the password, on the provider's page."""
        self.on("login")
        self.page.locator("#username").fill(person)
        self.page.locator("#password").fill(PASSWORD)
        self.page.locator("#captcha").fill(FIXED_CAPTCHA)
        self.press("login-submit")


class Screen(Window):
    """The computer, at the page with the picture."""

    widths = (320, 768, 1280)

    def wait_for_a_phone(self) -> None:
        """From the portal to the picture."""
        self.page.goto(self.sandbox.url(1))
        self.page.get_by_role("link", name="Đăng nhập", exact=True).click()
        self.page.get_by_role("link", name="Đăng nhập bằng mã QR").click()
        self.shows_a_picture()

    def shows_a_picture(self) -> None:
        expect(self.page.locator("#qr-picture svg")).to_be_visible()

    def asks_for_another(self) -> None:
        """The way on from an ending."""
        self.page.get_by_role("link", name="Tải lại").click()
        self.shows_a_picture()

    def shot(self) -> bytes:
        """A screenshot in which a reader finds the code."""
        taken: list[bytes] = []

        def readable() -> bool:
            taken[:] = [self.page.screenshot()]
            return bool(read(taken[0]))

        until(readable)
        return taken[0]

    def changes(self, times: int) -> None:
        """Watch until the picture has changed so often."""
        pictures: list[str] = []

        def changed() -> bool:
            pictures.append(read(self.shot()))
            return len(set(pictures)) > times

        until(changed)

    @property
    def number(self) -> str:
        return self.page.locator("#qr-number").inner_text()

    def said(self, sentence: str) -> None:
        expect(self.page.locator("#qr-said")).to_contain_text(sentence)


class Handset(Window):
    """The phone."""

    widths = (320, 390)

    def open(self) -> None:
        self.page.goto(self.sandbox.url(5))

    def log_in_as(self, person: str) -> None:
        """Up to what the provider asks next: the first time, whether the app may know who it is."""
        self.open()
        self.on("phone-welcome")
        self.press("log-in")
        self.log_in(person)

    def agree(self) -> None:
        """An app on a phone cannot prove that it is who it says, so the provider asks (RFC 8252, 8.6)."""
        self.on("consent")
        self.page.locator("[name=agree]").check()
        self.press("consent-allow")

    def fill_enrolment(self, name: str) -> None:
        self.on("phone-enrol")
        self.page.locator("#name").fill(name)
        self.page.locator("#passcode").fill(PASSCODE)
        self.page.locator("#again").fill(PASSCODE)
        self.press("enrol-submit")

    def enrol(self, person: str, name: str = "Galaxy A15") -> None:
        """All of it, with the code from the inbox."""
        before = len(codes(self.sandbox))
        self.log_in_as(person)
        self.agree()
        self.fill_enrolment(name)
        self.on("phone-code")
        self.page.locator("#code-typed").fill(next_code(self.sandbox, before))
        self.press("code-submit")
        self.on("phone-home")

    def show(self, picture: bytes) -> None:
        """Give the app a picture file."""
        self.open_scanner()
        file: FilePayload = {"name": "screen.png", "mimeType": "image/png", "buffer": picture}
        self.page.locator("#picture").set_input_files(file)

    def open_scanner(self) -> None:
        if self.page.locator("main").get_attribute("data-page") == "phone-result":
            self.press("again")
        elif self.page.locator("main").get_attribute("data-page") != "phone-scanner":
            self.open()
            self.on("phone-home")
            self.press("scan")
        self.on("phone-scanner")

    def scan(self, screen: Screen) -> None:
        """From the screen's picture to the card."""
        self.show(screen.shot())
        self.on("phone-card")

    def type_number(self, number: str) -> None:
        self.on("phone-number")
        self.page.locator("#number-typed").fill(number)
        self.press("number-submit")

    def type_passcode(self, passcode: str = PASSCODE) -> None:
        self.on("phone-passcode-page")
        self.page.locator("#passcode").fill(passcode)
        self.press("passcode-submit")

    def ends(self, outcome: str) -> None:
        self.on("phone-result")
        expect(self.page.locator("main")).to_have_attribute("data-outcome", outcome)


def film(picture: bytes, file: Path) -> None:
    """What a camera sees that is held in front of a picture (YUV4MPEG2, grey)."""
    seen = Image.open(io.BytesIO(picture)).convert("L").resize((1280, 900))
    colours = bytes([128]) * (640 * 450 * 2)
    file.write_bytes(b"YUV4MPEG2 W1280 H900 F10:1 Ip A1:1 C420jpeg\nFRAME\n" + seen.tobytes() + colours)


@contextmanager
def screen_window(chromium: Browser, sandbox: Sandbox) -> Iterator[Screen]:
    with profile(chromium) as context:
        yield Screen(context.new_page(), sandbox)


@contextmanager
def handset(chromium: Browser, sandbox: Sandbox, *, language: str = "vi-VN") -> Iterator[Handset]:
    with profile(chromium, width=390, language=language, user_agent=ANDROID) as context:
        phone = Handset(context.new_page(), sandbox)
        yield phone
        assert phone.complaints == []


def read(shot: bytes) -> str:
    """What a reader that is not ours finds in a picture; empty when nothing."""
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(shot)))
    return str(found[0].text) if found else ""


def codes(sandbox: Sandbox) -> list[str]:
    """The one-time codes in the text messages, oldest first."""
    texts = [message["body"] for message in received(inbox(sandbox)) if message["channel"] == "sms"]
    return [found[0] for text in texts if (found := re.search(r"(?<!\d)\d{6}(?!\d)", text)) and "not-me" not in text]


def next_code(sandbox: Sandbox, before: int) -> str:
    until(lambda: len(codes(sandbox)) > before)
    return codes(sandbox)[-1]


def inbox(sandbox: Sandbox) -> Path:
    return sandbox.data / "inbox"
