"""Headless Chromium from the machine's own package, driven by Playwright."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, ViewportSize, sync_playwright

from tests.support.servers import program

WIDTHS = (320, 768, 1280)
# axe-core is half a megabyte that each page runs once: it is compiled at once, not after it was seen to be slow.
QUICK = "--js-flags=--always-sparkplug --no-lazy-feedback-allocation"
PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium. Whatever host it asks for, it only ever meets the loopback."""
    with sync_playwright() as playwright, launched(playwright.chromium, "MAP * 127.0.0.1") as browser:
        yield browser


@contextlib.contextmanager
def launched(kind: BrowserType, hosts: str, *arguments: str) -> Iterator[Browser]:
    """Another Chromium, with `hosts` as its map of the network. As root it must do without its own sandbox."""
    given = [f"--host-resolver-rules={hosts}", QUICK, *arguments]
    if os.geteuid() == 0:
        given.append("--no-sandbox")
    # Without the windows around it a fresh profile takes a third of the time; the engine is the same.
    shell = shutil.which("chromium-headless-shell")
    browser = kind.launch(executable_path=shell or program("chromium"), args=given)
    yield browser
    browser.close()


@contextlib.contextmanager
def profile(
    browser: Browser,
    *,
    width: int = 1280,
    language: str = "vi-VN",
    script: bool = True,
    dark: bool = False,
    trust_any_certificate: bool = False,
    user_agent: str | None = None,
) -> Iterator[BrowserContext]:
    """A fresh profile: its own cookies, one screen width in pixels, one language, with or without JavaScript."""
    context = browser.new_context(
        viewport=ViewportSize(width=width, height=900),
        locale=language,
        timezone_id="Asia/Ho_Chi_Minh",
        java_script_enabled=script,
        color_scheme="dark" if dark else "light",
        ignore_https_errors=trust_any_certificate,
        user_agent=user_agent,
    )
    context.set_default_timeout(15_000)
    yield context
    context.close()


def keep_picture(screen: Page, name: str, *, whole: bool = True) -> None:
    """Leave a picture of the page to look at in `build/screenshots`, when it is wanted (`make pictures`)."""
    if os.environ.get("IDP_PICTURES"):
        screen.screenshot(path=PICTURES / f"{name}.png", full_page=whole)
