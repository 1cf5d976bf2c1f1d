"""Every page in every state, both languages, three widths, light and dark: pictures to look at, and no barrier in any.

`make pictures` leaves them in `build/screenshots`. axe-core judges WCAG 2.2 AA and its own good practice.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, cast

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from flask.testing import FlaskClient
from playwright.sync_api import Browser, ConsoleMessage, Error, Page

from tests.support.chromium import WIDTHS, keep_picture, profile
from tests.support.document import Document
from tests.support.preview import AXE, addresses, create_preview, previewing

Theme = Literal["light", "dark"]
EVERY_RULE = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What a width or a theme may break; the other rules judge what stands on the page.
RULES_OF_LOOKS = {
    "type": "rule",
    "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
}

# Links inside a sentence are exempt from the size of targets (WCAG 2.5.8); everything else is 44 pixels high.
SMALL_TARGETS = """
[...document.querySelectorAll("a, button, input, label.check, audio")]
  .filter((target) => !target.matches("[type=hidden], [type=checkbox], [type=radio], .unseen, .skip, p a, dd a"))
  .filter((target) => target.checkVisibility() && target.getBoundingClientRect().height < 44)
  .map((target) => target.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def preview() -> Iterator[str]:
    with previewing() as address:
        yield address


@pytest.fixture(scope="module")
def pages() -> FlaskClient:
    return create_preview().test_client()


@pytest.fixture(scope="module")
def window(chromium: Browser) -> Iterator[Page]:
    with profile(chromium) as context:
        screen = context.new_page()
        # A colour that is still changing is neither light nor dark.
        screen.emulate_media(reduced_motion="reduce")
        yield screen


@pytest.fixture
def complaints(window: Page) -> Iterator[list[str]]:
    """What the browser itself objects to: broken scripts, missing files, breaches of the content policy."""
    heard: list[str] = []

    def hear(message: ConsoleMessage | Error) -> None:
        heard.append(str(message))

    window.on("console", hear)
    window.on("pageerror", hear)
    yield heard
    window.remove_listener("console", hear)
    window.remove_listener("pageerror", hear)


@pytest.fixture(scope="module")
def window_without_script(chromium: Browser) -> Iterator[Page]:
    with profile(chromium, script=False) as context:
        yield context.new_page()


def looks(path: str) -> list[tuple[int, Theme]]:
    """Widths and themes to look at. Error pages differ in their sentences only, so one of them stands for all; a theme
    changes no layout, so the middle width needs one.
    """
    if path.startswith("/error/") and path != "/error/internal":
        return [(320, "light"), (768, "light"), (1280, "dark")]
    return [(320, "light"), (320, "dark"), (768, "light"), (1280, "light"), (1280, "dark")]


def assert_it_fits(screen: Page, width: int) -> None:
    """Nothing reaches out sideways, and whatever is pressed is high enough."""
    reaches, small = screen.evaluate(f"[document.documentElement.scrollWidth, {SMALL_TARGETS}]")
    assert reaches <= width, f"sideways scrolling at {width}"
    assert small == [], f"too small to press at {width}"


def barriers(screen: Page, rules: dict[str, object] = EVERY_RULE) -> list[str]:
    """What axe-core objects to; it is given to a page once."""
    if not screen.evaluate("'axe' in window"):
        screen.evaluate(AXE_SCRIPT)
    run = "(rules) => axe.run({runOnly: rules, resultTypes: ['violations']}).then((found) => found.violations)"
    violations = cast(list[dict[str, Any]], screen.evaluate(run, rules))
    return [f"{v['id']}: {n['html'][:120]} {n['failureSummary']}" for v in violations for n in v["nodes"]]


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("path", [path for path in addresses() if path != "/form-post/plain"])
def test_page(window: Page, complaints: list[str], preview: str, path: str, language: str) -> None:
    window.goto(f"{preview}{path}?lang={language}")
    window.add_script_tag(url=preview + AXE)
    name = f"{path[1:].replace('/', '-')}-{language}"

    for number, (width, theme) in enumerate(looks(path)):
        window.set_viewport_size({"width": width, "height": 640})
        window.emulate_media(color_scheme=theme)
        keep_picture(window, f"{name}-{width}-{theme}")
        assert_it_fits(window, width)
        # Both languages have one layout and the same colours: each look is judged in one of them, by turns; by every
        # rule where it is the narrowest in Vietnamese and the widest in English.
        if number % 2 == (language == "en"):
            rules = EVERY_RULE if number == 0 or (language == "en" and width == 1280) else RULES_OF_LOOKS
            assert barriers(window, rules) == [], f"{width} {theme}"
    assert complaints == []


@pytest.mark.parametrize("path", ["/login/everything", "/form-post/plain"])
def test_page_without_script(window_without_script: Page, preview: str, path: str) -> None:
    screen = window_without_script
    screen.goto(f"{preview}{path}")
    for width in WIDTHS:
        screen.set_viewport_size({"width": width, "height": 640})
        keep_picture(screen, f"{path[1:].replace('/', '-')}-no-script-{width}")
        edge = screen.locator("main").bounding_box()
        assert edge
        assert edge["x"] >= 0
        assert edge["x"] + edge["width"] <= width


@pytest.mark.parametrize("path", addresses())
def test_page_says_what_it_is(pages: FlaskClient, path: str) -> None:
    for language, brand in (("vi", "BHXH Việt Nam"), ("en", "Vietnam Social Security")):
        page = Document(pages.get(f"{path}?lang={language}").text)
        tags = Counter(tag for tag, _ in page.elements)
        assert page.element("html", lang=language)
        assert page.title.endswith(f" – {brand}")
        assert (tags["h1"], page.page) == (1, path.split("/")[1])
        assert [found["lang"] for _, found in page.elements if found.get("aria-current") and "lang" in found] == [
            language
        ]


def test_keyboard_users_can_skip_the_top(window: Page, preview: str) -> None:
    window.goto(f"{preview}/consent/everything?lang=vi")
    assert not window.locator(".skip").evaluate("(link) => link.getBoundingClientRect().bottom > 0")
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.className") == "skip"
    assert window.locator(".skip").evaluate("(link) => link.getBoundingClientRect().top >= 0")
    window.keyboard.press("Enter")
    assert window.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("path", ["/login/everything", "/consent/plain", "/account/full", "/error/internal"])
def test_keyboard_users_see_where_they_are(window: Page, preview: str, path: str) -> None:
    window.goto(f"{preview}{path}?lang=vi")
    seen = set()
    for _ in range(20):
        window.keyboard.press("Tab")
        focused = window.evaluate("document.activeElement.outerHTML")
        if focused.startswith("<body"):
            break
        seen.add(focused)
        assert window.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px", focused
    assert len(seen) >= 4


def test_nothing_moves_for_people_who_asked_for_rest(window: Page, preview: str) -> None:
    window.goto(f"{preview}/login/plain")
    moving = "getComputedStyle(document.getElementById('login-submit')).transitionDuration"
    window.emulate_media(reduced_motion="no-preference")
    assert window.evaluate(moving) != "0s"
    window.emulate_media(reduced_motion="reduce")
    assert window.evaluate(moving) == "0s"


def test_a_printed_page_is_dark_on_white_and_has_nothing_to_press(window: Page, preview: str) -> None:
    window.emulate_media(media="print", color_scheme="dark")
    window.goto(f"{preview}/error/internal?lang=vi")
    assert window.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor") == "rgb(255, 255, 255)"
    assert window.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not window.locator(".buttons").is_visible()
    assert window.locator(".support-code").is_visible()
    window.emulate_media(media="screen", color_scheme="light")
