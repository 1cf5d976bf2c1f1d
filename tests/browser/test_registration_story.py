"""Somebody registers in Chromium, with the inbox beside it: with script and without, in one go and with detours.

`make pictures` leaves pictures in `build/screenshots`, beside the printed form as PDF.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_portal_in_chromium import on_page
from tests.support.chromium import PICTURES, WIDTHS, keep_picture, profile
from tests.support.declarations import drawn
from tests.support.inbox import CODE, received
from tests.support.sandbox import Sandbox, free_ports, started
from tests.support.waiting import until

ROLES = ("portrait", "front", "back")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("registration"), free_ports()) as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    made = {role: folder / f"{role}.jpg" for role in ROLES}
    for role, file in made.items():
        file.write_bytes(drawn((900, 600), colour={"portrait": "teal", "front": "olive", "back": "maroon"}[role]))
    return made


class Registrant:
    """A person with a browser and a mailbox."""

    def __init__(self, screen: Page, inbox: Page, sandbox: Sandbox, number: int) -> None:
        self.screen = screen
        self.inbox = inbox
        self.sandbox = sandbox
        self.email = f"nguoi{number}@example.com"
        self.code = f"000000{number:04}"

    def open(self, path: str) -> None:
        self.screen.goto(self.sandbox.url(0) + path)

    def picture(self, name: str) -> None:
        for width in WIDTHS:
            self.screen.set_viewport_size({"width": width, "height": 800})
            assert self.screen.evaluate("document.documentElement.scrollWidth") <= width
            keep_picture(self.screen, f"story-{name}-{width}")

    def begin(self, kind: str = "individual", lang: str = "vi") -> None:
        self.open(f"/register?lang={lang}")
        self.screen.locator(f"[name=kind][value={kind}]").check()
        self.screen.locator("#register-next").click()
        on_page(self.screen, "register-form")

    def fill(self, **more: str) -> None:
        texts = {
            "name": "Trần Thị Nga", "code": self.code, "birth_date": "1990", "street": "12 Đường Thử",
            "paper_number": f"00119000{self.code[-4:]}", "email": self.email, "phone": "0981 234 567",
        } | more  # fmt: skip
        for name, text in texts.items():
            field = self.screen.locator(f"#{name}")
            if field.count():
                field.fill(text)

    def choose(self, *, script: bool) -> None:
        for first, value, second, found, button in (
            ("province", "79", "commune", "25747", "places"),
            ("region", "079", "agency", "07901", "regions"),
        ):
            self.screen.locator(f"#{first}").select_option(value)
            if not script:
                self.screen.locator(f"#{button}").click()
            expect(self.screen.locator(f"#{second} option[value='{found}']")).to_have_count(1)
            self.screen.locator(f"#{second}").select_option(found)
        self.screen.locator("#agrees").check()

    def enter_code(self) -> None:
        on_page(self.screen, "code")
        folder = self.sandbox.data / "inbox"
        until(lambda: any(each["to"] == self.email and CODE.search(each["body"]) for each in received(folder)))
        self.inbox.goto(self.sandbox.url(2))
        letters = [text for text in self.inbox.locator("article, li").all_inner_texts() if self.email in text]
        found = [hit for text in letters for hit in re.findall(r"\b[0-9]{6}\b", text)]
        self.screen.locator("#code").fill(found[0])
        self.screen.locator("#code-submit").click()


@pytest.fixture
def registrant(chromium: Browser, sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Registrant]:
    options: dict[str, Any] = getattr(request, "param", {"script": True, "number": 1})
    with profile(chromium, script=options["script"]) as context, profile(chromium) as mailbox:
        yield Registrant(context.new_page(), mailbox.new_page(), sandbox, options["number"])


def test_a_person_registers_with_detours(registrant: Registrant, files: dict[str, Path]) -> None:
    screen = registrant.screen
    registrant.begin()
    registrant.fill(email="nga")
    screen.locator("#register-save").click()
    expect(screen.locator("#problems")).to_be_focused()
    registrant.picture("register-problems-vi")
    screen.locator("#problems a").first.click()
    expect(screen.locator("#portrait")).to_be_focused()
    for role in ROLES:
        screen.locator(f"#{role}").set_input_files(files[role])
    registrant.choose(script=True)
    expect(screen.locator("#agency-address")).to_contain_text("Đường Ví Dụ")
    screen.locator("#register-later").click()
    on_page(screen, "register")
    screen.get_by_role("link", name="Tiếp tục điền").click()
    screen.reload()
    expect(screen.locator(".kept-photo img")).to_have_count(3)
    expect(screen.locator("#commune")).to_have_value("25747")
    registrant.picture("register-kept-vi")
    screen.locator("#email").fill(registrant.email)
    screen.locator("#agrees").check()
    screen.locator("#register-save").click()
    registrant.enter_code()
    on_page(screen, "register-done")
    registrant.picture("register-done-vi")
    screen.pdf(path=PICTURES / "story-register-done.pdf", prefer_css_page_size=True)
    screen.go_back()
    screen.reload()
    on_page(screen, "register-done")
    reference = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}", screen.content())
    assert reference
    registrant.open("/register/status")
    screen.locator("#reference").fill(reference[0])
    screen.locator("#phone").fill("0981234567")
    screen.locator("#status-submit").click()
    expect(screen.locator("#state-title")).to_have_text("Đang chờ cơ quan BHXH duyệt")
    registrant.picture("register-status-vi")


@pytest.mark.parametrize("registrant", [{"script": False, "number": 2}], indirect=True)
def test_an_organisation_registers_without_script(registrant: Registrant) -> None:
    screen = registrant.screen
    registrant.begin("organisation", "en")
    registrant.fill(code="0312345673", contact_person="Trần Thị Nga", name="Công ty TNHH Sao Mai")
    registrant.choose(script=False)
    registrant.picture("register-organisation-no-script-en")
    screen.locator("#register-save").click()
    registrant.enter_code()
    on_page(screen, "register-done")
    registrant.picture("register-done-organisation-en")


@pytest.mark.parametrize("registrant", [{"script": False, "number": 3}], indirect=True)
def test_a_person_registers_without_script(registrant: Registrant, files: dict[str, Path]) -> None:
    screen = registrant.screen
    registrant.begin()
    registrant.fill()
    for role in ROLES:
        screen.locator(f"#{role}").set_input_files(files[role])
    registrant.choose(script=False)
    screen.locator("#register-save").click()
    registrant.enter_code()
    on_page(screen, "register-done")
