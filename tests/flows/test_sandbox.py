"""`python -m sandbox run`, as a newcomer meets it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, Page
from tests.support.processes import stop
from tests.support.provider import FIXED_CAPTCHA
from tests.support.sandbox import PROJECT, Sandbox, free_ports, started
from tests.support.waiting import until


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("sandbox"), free_ports()) as running_sandbox:
        yield running_sandbox


def log_in(sandbox: Sandbox, button: str) -> Page:
    browser = Browser(sandbox.url(0), sandbox.url(1), sandbox.url(7))
    page = browser.open(sandbox.url(1) + "/").follow(button)
    assert page.name == "login", page.summary
    page.fill("Tên đăng nhập", "0012345678").fill("Mật khẩu", "Matkhau#2026").fill("Mã kiểm tra", FIXED_CAPTCHA)
    return page.press("login-submit")


def test_it_says_where_everything_is_and_whom_to_log_in_as(sandbox: Sandbox) -> None:
    for expected in (sandbox.url(0), sandbox.url(1), sandbox.url(2), "0012345678", "Matkhau#2026", "Đăng nhập"):
        assert expected in sandbox.printed()


def test_a_citizen_logs_in_refreshes_and_logs_out_for_good(sandbox: Sandbox) -> None:
    page = log_in(sandbox, "Đăng nhập")

    assert page.name == "portal-person", page.summary
    assert "Nguyễn Thị Hoà" in page.document.text
    assert "0012345678" in page.document.text
    refreshed = page.press("refresh")
    assert refreshed.name == "portal-person", refreshed.summary
    assert refreshed.text != page.text
    left = refreshed.press("logout")
    assert (left.name, left.url.partition("?")[0]) == ("portal-signed-out", sandbox.url(1) + "/signed-out")
    assert left.browser.open(sandbox.url(1) + "/").name == "portal"
    assert left.browser.open(sandbox.url(1) + "/").follow("Đăng nhập").name == "login"


def test_a_logout_at_one_portal_is_a_logout_at_the_other(sandbox: Sandbox) -> None:
    """D-13"""
    browser = log_in(sandbox, "Đăng nhập").browser
    other = browser.open(sandbox.url(7) + "/").follow("Đăng nhập")
    assert other.name == "portal-person", other.summary
    browser.open(sandbox.url(1) + "/").press("logout")

    until(lambda: browser.open(sandbox.url(7) + "/").name == "portal")


def test_a_portal_ends_nothing_for_a_token_that_is_none(sandbox: Sandbox) -> None:
    person = log_in(sandbox, "Đăng nhập")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for token in (b"", b"logout_token=", b"logout_token=a.b.c", b"logout_token=" + b"e" * 10_000):
        answer = Browser(sandbox.url(1)).send("POST", sandbox.url(1) + "/backchannel-logout", token, form)
        assert answer.status == 400, answer.text

    assert person.browser.open(sandbox.url(1) + "/").name == "portal-person"


def test_a_partner_asks_for_consent_once(sandbox: Sandbox) -> None:
    consent = log_in(sandbox, "Đăng nhập cổng đối tác")

    assert consent.name == "consent", consent.summary
    person = consent.tick("agree").press("consent-allow")
    assert person.name == "portal-person", person.summary
    again = person.browser.open(sandbox.url(1) + "/partner/login")
    assert again.name == "portal-person", again.summary


def test_cancelling_comes_back_to_the_portal_with_a_way_on(sandbox: Sandbox) -> None:
    browser = Browser(sandbox.url(0), sandbox.url(1))

    page = browser.open(sandbox.url(1) + "/login").press("login-cancel")

    assert page.name == "portal-error"
    assert "access_denied" in page.document.text
    assert page.follow("Thử lại").name == "login"


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(sandbox: Sandbox) -> None:
    somebody_else = Browser(sandbox.url(1)).open(sandbox.url(1) + "/login")

    page = Browser(sandbox.url(1)).open(f"{sandbox.url(1)}/callback?code=c&state={_state(somebody_else)}")

    assert (page.status, page.name) == (400, "portal-error")


def test_the_inbox_shows_what_the_provider_sends(sandbox: Sandbox) -> None:
    """A login on a device that nobody knows is told by text and by mail."""
    log_in(sandbox, "Đăng nhập")

    def told() -> bool:
        return "not-me" in Browser(sandbox.url(2)).open(sandbox.url(2) + "/").text

    until(told)


def test_control_c_ends_all_of_it_and_a_second_start_keeps_the_data(tmp_path: Path) -> None:
    first_port = free_ports()
    with started(tmp_path, first_port) as sandbox:
        assert log_in(sandbox, "Đăng nhập").name == "portal-person"
        began = time.monotonic()
        assert stop(sandbox.process, signal.SIGINT) == 0
        assert time.monotonic() - began < 10
    assert not any(_listens(first_port + place) for place in range(3))

    (tmp_path / "output").unlink()
    loaded = (tmp_path / "data" / "sandbox" / "loaded").stat().st_mtime_ns
    with started(tmp_path, first_port) as sandbox:
        # What is there already is not loaded again: that is what makes a second start quick.
        assert (tmp_path / "data" / "sandbox" / "loaded").stat().st_mtime_ns == loaded
        assert log_in(sandbox, "Đăng nhập").name == "portal-person"


def test_a_child_that_dies_takes_the_rest_along_and_its_last_lines_are_shown(tmp_path: Path) -> None:
    first_port = free_ports()
    with started(tmp_path, first_port) as sandbox:
        os.kill(_child_of(sandbox, "portal"), signal.SIGKILL)

        assert sandbox.process.wait(20) == 1
        assert "portal ended with -9" in sandbox.printed()
    assert not any(_listens(first_port + place) for place in range(3))


def test_a_taken_port_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    first_port = free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first_port + 1))
        taken.listen()
        environment = os.environ | {
            "SANDBOX_PORT_OFFSET": str(first_port - 8000),
            "IDP_DATA_DIR": str(tmp_path / "data"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", "run"], env=environment, cwd=PROJECT, capture_output=True, text=True
        )

    assert done.returncode == 1
    assert f"Port {first_port + 1} (portal) is taken" in done.stderr
    assert not (tmp_path / "data").exists()


def _state(page: Page) -> str:
    return page.answer["state"]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _child_of(sandbox: Sandbox, program: str) -> int:
    """The process id of the child whose command line ends in that word (Linux)."""
    children = Path(f"/proc/{sandbox.process.pid}/task/{sandbox.process.pid}/children").read_text().split()
    for child in children:
        if Path(f"/proc/{child}/cmdline").read_bytes().rstrip(b"\0").endswith(program.encode()):
            return int(child)
    raise AssertionError(f"no child {program}")
