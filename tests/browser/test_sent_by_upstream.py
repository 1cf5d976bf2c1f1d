"""The national portal's own pages send a browser to us: a link that begins a login, and a frame that ends it.

Beside the policy that names the portal stands `X-Frame-Options: DENY`: browsers go by the policy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_portal_in_chromium import on_page
from tests.browser.test_upstream_stories import Person
from tests.support.chromium import profile
from tests.support.sandbox import Sandbox, free_ports, started


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with started(tmp_path_factory.mktemp("sent"), free_ports()) as running:
        yield running


@contextmanager
def framing(address: str) -> Iterator[str]:
    """A page of somebody else's with this address in a frame."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<!doctype html><title>x</title><iframe src="{address}"></iframe>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()


def test_the_portal_begins_a_login_here_and_ends_it_in_a_frame(chromium: Browser, sandbox: Sandbox) -> None:
    with profile(chromium) as context:
        person = Person(context, sandbox)
        screen, complaints = person.screen, list[str]()
        screen.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

        screen.goto(sandbox.url(4))
        screen.get_by_role("link", name="Đăng nhập vào BHXH").click()
        person.say_who("dvcqg", "000890123456")
        on_page(screen, "link-confirm")
        person.press("link-confirm")
        person.keeps_all()
        on_page(screen, "account")

        screen.goto(sandbox.url(4))
        with screen.expect_response(lambda answer: "/front-channel-logout" in answer.url) as frame:
            screen.locator("#leave").click()
        assert frame.value.status == 200
        expect(screen.frame_locator("iframe").locator("title")).to_have_count(1)
        screen.goto(sandbox.url(0) + "/account")

        on_page(screen, "login")
        assert complaints == []


def test_a_page_of_somebody_else_may_not_frame_it(chromium: Browser, sandbox: Sandbox) -> None:
    address = f"{sandbox.url(0)}/via/dvcqg/front-channel-logout?iss={sandbox.url(4)}/oauth2/token&sid=x"
    with profile(chromium) as context, framing(address) as elsewhere:
        screen = context.new_page()
        screen.goto(address)
        assert screen.title() == "Đã đăng xuất"

        with screen.expect_console_message(lambda message: "frame-ancestors" in message.text):
            screen.goto(elsewhere)

        assert screen.frames[-1].url.startswith("chrome-error:")
