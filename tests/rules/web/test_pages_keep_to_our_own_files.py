"""Templates hold no inline code and name no other host, so that the strictest content policy fits (security 2.17)."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

IDP = Path(__file__).resolve().parents[3] / "idp"
TEMPLATES = sorted((IDP / "templates").rglob("*.html"))
STATIC = sorted((IDP / "static").iterdir())
ELSEWHERE = re.compile(r"""(?:https?:)?//[a-z0-9]|data:|javascript:|@import""", re.IGNORECASE)


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(re.sub(r"\{%.*?%\}", " ", text, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements() -> Iterator[tuple[str, str, dict[str, str | None]]]:
    for path in TEMPLATES:
        for tag, attributes in Elements(path.read_text(encoding="utf-8")).found:
            yield path.name, tag, attributes


def test_there_are_templates_to_look_at() -> None:
    assert len(TEMPLATES) >= 8
    assert len(list(elements())) > 100


def test_no_page_holds_script_or_style_of_its_own() -> None:
    for page, tag, attributes in elements():
        assert tag != "style", page
        assert tag != "script" or attributes.get("src"), page
        assert not [name for name in attributes if name == "style" or name.startswith("on")], (page, tag)


def test_scripts_styles_and_pictures_come_from_our_own_static_files() -> None:
    for page, tag, attributes in elements():
        address = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
        if tag in ("script", "link", "img") and address:
            assert address.startswith(("{{ static(", "{{ captcha.", "/register/photo/", "/requests/")), (
                page,
                address,
            )


def test_every_form_posts_to_an_address_of_ours() -> None:
    for page, tag, attributes in elements():
        if tag == "form" and page != "form_post.html":
            # A search of the console is a form that changes nothing.
            assert attributes["method"] == (
                "get" if page == "queue.html" and attributes["method"] == "get" else "post"
            ), page
            # A sheet's action, and a macro's, is written by our own pages.
            assert str(attributes["action"]).startswith(("/", "{{ sheet.action }}", "{{ action }}")), page


@pytest.mark.parametrize("path", STATIC, ids=lambda path: path.name)
def test_static_files_name_no_other_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE) if path.suffix == ".js" else text
    assert not ELSEWHERE.search(text), ELSEWHERE.search(text)


def test_scripts_never_write_markup_or_run_text() -> None:
    for path in STATIC:
        if path.suffix == ".js":
            assert not re.search(r"innerHTML|outerHTML|document\.write|eval\(|new Function", path.read_text("utf-8")), (
                path
            )


def test_no_file_for_pages_grows_past_one_screen_of_thought() -> None:
    for path in [*TEMPLATES, *STATIC]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, path.name
