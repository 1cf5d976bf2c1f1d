"""The sandbox's phone without a screen: what its server passes on, and the same phone in a terminal."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from PIL import Image

from sandbox.addresses import Addresses
from sandbox.phone_server import create_app
from tests.support.browser import Browser, Page
from tests.support.handset import codes
from tests.support.ports import free_port
from tests.support.provider import FIXED_CAPTCHA
from tests.support.qr import drawn, read
from tests.support.sandbox import PROJECT, Sandbox, free_ports, started
from tests.support.waiting import until

PASSCODE = "135790"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("phone"), free_ports()) as running:
        yield running


def test_it_is_told_where_the_phone_is(sandbox: Sandbox) -> None:
    portal = Browser(sandbox.url(1)).open(sandbox.url(1) + "/")

    assert sandbox.url(5) in sandbox.printed()
    assert f'href="{sandbox.url(5)}/"' in portal.text
    assert Browser().open(sandbox.url(5) + "/").status == 200


class TestWhatIsPassedOn:
    def test_the_providers_answer_comes_back_as_it_is(self, sandbox: Sandbox) -> None:
        """A refusal with its sentence, its code and the nonce for the next proof; no header beside the agreed ones."""
        headers = {"Content-Type": "application/json", "Accept-Language": "en", "Cookie": "idp-s=1", "X-Other": "1"}
        there, here = (
            Browser().send("POST", sandbox.url(place) + "/phone/qr/scan", b'{"picture": "x"}', headers)
            for place in (0, 5)
        )

        assert (here.status, here.text) == (there.status, there.text) == (401, there.text)
        assert json.loads(here.text)["detail"] == "Log in to the app."
        assert here.headers["DPoP-Nonce"]
        assert here.headers["Content-Type"] == "application/problem+json"
        assert "WWW-Authenticate" not in here.headers

    @pytest.mark.parametrize(
        "path",
        [
            "/authorize",
            "/login",
            "/account",
            "/introspect",
            "/phone/../login",
            "/phone/%2e%2e/login",
            "/token/",
            "/jwks?x=1",
        ],
    )
    def test_nothing_but_the_apps_calls_is_passed_on(self, sandbox: Sandbox, path: str) -> None:
        assert Browser().send("GET", sandbox.url(5) + path).status == 404

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
    def test_no_other_method_is(self, sandbox: Sandbox, method: str) -> None:
        answer = Browser().send(method, sandbox.url(5) + "/phone/device")

        assert answer.status in (200, 405)
        assert "DPoP-Nonce" not in answer.headers

    def test_a_provider_that_does_not_answer_is_no_answer_of_it(self, tmp_path: Path) -> None:
        where = Addresses(free_port(), 1, 2, f"http://localhost:{free_port()}", tmp_path)

        answer = create_app(where).test_client().get("/phone/device")

        assert (answer.status_code, answer.data) == (502, b"")

    def test_what_is_too_large_stays_here(self, sandbox: Sandbox) -> None:
        assert Browser().send("POST", sandbox.url(5) + "/token", b"a" * 70_000).status == 413


@dataclass
class Terminal:
    """`python -m sandbox phone` beside a running sandbox, with its own key."""

    sandbox: Sandbox
    home: Path

    def start(self, *words: str) -> "subprocess.Popen[str]":
        offset = str(self.sandbox.first_port - 8000)
        environment = os.environ | {"SANDBOX_PORT_OFFSET": offset, "IDP_DATA_DIR": str(self.home)}
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox", "phone", *words],
            env=environment,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def done(self, *words: str) -> dict[str, Any]:
        output, complaint = self.start(*words).communicate(timeout=60)
        assert complaint == ""
        return dict(json.loads(output))

    def refused(self, *words: str) -> str:
        process = self.start(*words)
        output, complaint = process.communicate(timeout=60)
        assert (process.returncode, output) == (1, "")
        return complaint.strip()

    def enrol(self, person: str) -> dict[str, Any]:
        """Follow the address that it shows, and type the code that the inbox holds."""
        before = len(codes(self.sandbox))
        process = self.start("enrol", "--passcode", PASSCODE, "--name", "Máy thử")
        assert process.stderr
        address = re.search(r"http://\S+/authorize\S+", process.stderr.readline())
        assert address
        page = log_in(Browser(self.sandbox.url(0)), address[0], person)
        back = page.tick("agree").press("consent-allow")
        assert back.location
        Browser().open(back.location)
        until(lambda: len(codes(self.sandbox)) > before)
        output, _ = process.communicate(codes(self.sandbox)[-1] + "\n", timeout=60)
        return dict(json.loads(output))


def log_in(browser: Browser, address: str, person: str) -> Page:
    page = browser.open(address)
    page.fill("Tên đăng nhập", person).fill("Mật khẩu", "Matkhau#2026").fill("Mã kiểm tra", FIXED_CAPTCHA)
    return page.press("login-submit")


class Waiting:
    """A browser in front of the picture, which polls as its script would."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.browser = Browser(sandbox.url(0), sandbox.url(1))
        self.page = self.browser.open(sandbox.url(1) + "/login").follow("Đăng nhập bằng mã QR")
        found = re.search(r'data-attempt="([^"]+)"', self.page.text)
        number = re.search(r'id="qr-number">(\d\d)<', self.page.text)
        assert found
        assert number
        self.attempt, self.number = found[1], number[1]

    def told(self) -> dict[str, Any]:
        fields = urlencode({"attempt": self.attempt}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.sandbox.url(0)}
        headers |= {"Sec-Fetch-Site": "same-origin"}
        answer = self.browser.send("POST", self.sandbox.url(0) + "/login/qr/poll", fields, headers)
        return dict(json.loads(answer.text))

    def until(self, state: str) -> dict[str, Any]:
        told: dict[str, Any] = {}

        def there() -> bool:
            told.clear()
            told.update(self.told())
            return told["state"] == state

        until(there)
        return told


@pytest.fixture(scope="module")
def terminal(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    phone = Terminal(sandbox, tmp_path_factory.mktemp("terminal"))
    assert phone.done("state") == {"state": "none"}
    assert phone.enrol("0012345678")["name"] == "Máy thử"
    return phone


class TestInATerminal:
    def test_it_lets_a_browser_in(self, terminal: Terminal) -> None:
        screen = Waiting(terminal.sandbox)
        card = terminal.done("scan", read(screen.until("pending")["pictures"][0]))
        assert (card["portal"], card["same_network"]) == ("Cổng Dịch vụ (thử nghiệm)", True)
        assert terminal.refused("confirm", "--number", "1", "--passcode", PASSCODE).startswith("number_form: ")
        assert terminal.done("confirm", "--number", screen.number, "--passcode", PASSCODE) == {"result": "confirmed"}

        arrived = screen.browser.open(terminal.sandbox.url(0) + screen.until("delivered")["next"])
        assert arrived.name == "portal-person"
        assert "Nguyễn Thị Hoà" in arrived.document.text

    def test_it_reads_a_picture_and_refuses(self, terminal: Terminal, tmp_path: Path) -> None:
        screen = Waiting(terminal.sandbox)
        drawn(screen.until("pending")["pictures"][0]).save(tmp_path / "screen.png")
        terminal.done("scan", str(tmp_path / "screen.png"))

        assert terminal.done("deny") == {"result": "denied"}
        assert screen.until("denied")["say"] == "denied"

    def test_it_refuses_what_is_not_the_providers(self, terminal: Terminal, tmp_path: Path) -> None:
        """L-05"""
        assert terminal.refused("scan", "https://id.example/q#v1.a.0.a").startswith("not_ours: ")
        assert terminal.refused("scan", terminal.sandbox.url(0) + "/q#v1.a.0.a").startswith("unreadable: ")
        Image.new("L", (100, 100), 255).save(tmp_path / "white.png")
        assert terminal.refused("scan", str(tmp_path / "white.png")).startswith("no_code: ")
        (tmp_path / "text.png").write_text("no picture")
        assert terminal.refused("scan", str(tmp_path / "text.png")).startswith("no_picture: ")

    def test_its_key_is_its_owners_alone(self, terminal: Terminal) -> None:
        file = terminal.home / "sandbox" / "phone.json"

        assert file.stat().st_mode & 0o777 == 0o600
        assert terminal.done("state")["state"] == "active"

    def test_a_phone_that_never_scanned_confirms_nothing(self, terminal: Terminal, tmp_path: Path) -> None:
        other = Terminal(terminal.sandbox, tmp_path)

        assert other.refused("confirm", "--number", "12", "--passcode", PASSCODE).startswith("not_scanned: ")
        assert other.refused("--provider", f"http://localhost:{free_port()}", "state").startswith("lost: ")
