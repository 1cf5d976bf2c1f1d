"""A browser without a screen: cookies, redirects, and forms filled in by what a person reads. Real HTTP, no script.

Whatever name an address has, the connection goes to the loopback: a test can never reach anybody else's machine. It
does not judge SameSite; the tests in `tests/browser` do that with Chromium.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urldefrag, urlencode, urljoin, urlsplit

import urllib3

from tests.support.cookies import CookieJar
from tests.support.document import Control, Document, Form
from tests.support.work import solve

Fields = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass
class Page:
    """One answer, after redirects inside the browser's own origins were followed."""

    browser: "Browser"
    url: str
    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes
    method: str = "GET"
    history: list["Page"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @cached_property
    def document(self) -> Document:
        return Document(self.text)

    @property
    def name(self) -> str | None:
        """Which of our pages this is: `data-page` of the main element."""
        return self.document.page

    @property
    def location(self) -> str | None:
        """Where a redirect that was not followed points, absolute."""
        target = self.headers.get("Location")
        return urljoin(self.url, target) if target is not None else None

    @property
    def answer(self) -> dict[str, str]:
        """The parameters of `location`, from its query or its fragment."""
        assert self.location is not None, f"no redirect, but {self.status} with page {self.name!r}: {self.summary}"
        parts = urlsplit(self.location)
        return dict(parse_qsl(parts.query or parts.fragment, keep_blank_values=True))

    @property
    def summary(self) -> str:
        return self.document.text[:400]

    def find(self, word: str) -> tuple[Form, Control]:
        """The field or button that goes by this label, text, id or name; fails with what there is instead."""
        for form in self.document.forms:
            for control in form.controls:
                if control.answers_to(word):
                    return form, control
        known = [each.label or each.text or each.name for form in self.document.forms for each in form.controls]
        raise AssertionError(f"{word!r} is not on page {self.name!r} ({self.status} {self.url}); it has {known}")

    def has(self, word: str) -> bool:
        return any(control.answers_to(word) for form in self.document.forms for control in form.controls)

    def fill(self, word: str, value: str) -> "Page":
        """Type into a field, found as by `find`; gives the same page, so that calls chain."""
        self.find(word)[1].value = value
        return self

    def tick(self, word: str, ticked: bool = True) -> "Page":
        self.find(word)[1].ticked = ticked
        return self

    def press(self, word: str, **headers: str) -> "Page":
        """Press a button: its form goes off with what it holds."""
        form, button = self.find(word)
        assert button.is_button, f"{word!r} is not a button"
        for control in form.controls:
            if "data-work" in control.attributes and not button.attributes.get("formnovalidate"):
                control.value = control.value or solve(control.attributes["data-work"])
        target = button.attributes.get("formaction") or form.attributes.get("action") or self.url
        method = button.attributes.get("formmethod", form.method).upper()
        url, fields = urljoin(self.url, target), form.fields(button)
        if method == "GET":
            return self.browser.open(f"{url.partition('?')[0]}?{urlencode(fields)}", came_from=self, headers=headers)
        return self.browser.post(url, fields, came_from=self, headers=headers)

    def follow(self, text: str) -> "Page":
        """Click the link with that text."""
        for link in self.document.links:
            if link.text == text:
                return self.browser.open(urljoin(self.url, link.href), came_from=self)
        raise AssertionError(f"no link {text!r} on {self.url}; there are {[each.text for each in self.document.links]}")


class Browser:
    """One person's browser, at home on `origins`; a redirect to any other origin is where it stops."""

    def __init__(self, *origins: str, headers: Mapping[str, str] | None = None, ca_file: str | None = None) -> None:
        self.origins = {origin_of(each) for each in origins}
        self.cookies = CookieJar()
        self.headers = {"User-Agent": "Mozilla/5.0 (test browser)", "Accept-Language": "vi", "Accept": "text/html,*/*"}
        self.headers |= headers or {}
        self._ca_file = ca_file
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}

    def open(
        self,
        url: str,
        *,
        follow: bool = True,
        came_from: Page | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """GET the address; with `follow=False` the first answer is the result."""
        return self._go("GET", url, None, follow, came_from, headers)

    def post(
        self,
        url: str,
        fields: Fields,
        *,
        follow: bool = True,
        came_from: Page | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """POST the fields urlencoded."""
        pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
        return self._go("POST", url, urlencode(pairs).encode(), follow, came_from, headers)

    def send(self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Page:
        """One request and its answer, cookies kept, nothing followed: for odd methods, bodies and content types."""
        parts = urlsplit(urldefrag(url).url)
        sent = self.headers | {"Host": parts.netloc} | dict(headers or {})
        if cookies := self.cookies.header(parts):
            sent["Cookie"] = cookies
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        answer = self._pool(parts.scheme, parts.hostname or "", parts.port).urlopen(
            method, target, body=body, headers=sent, redirect=False, retries=False, assert_same_host=False
        )
        for each in answer.headers.getlist("Set-Cookie"):
            self.cookies.take(each, parts)
        return Page(self, url, answer.status, answer.headers, answer.data, method)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def _go(
        self,
        method: str,
        url: str,
        body: bytes | None,
        follow: bool,
        came_from: Page | None,
        headers: Mapping[str, str] | None,
    ) -> Page:
        history: list[Page] = []
        for _ in range(20):
            page = self.send(method, url, body, _browser_headers(method, url, came_from) | dict(headers or {}))
            page.history = history
            target = page.location if page.status in (301, 302, 303, 307, 308) else None
            if not follow or target is None or origin_of(target) not in self.origins:
                return page
            history = [*history, page]
            if page.status not in (307, 308):
                method, body = "GET", None
            url = target
        raise AssertionError(f"more than 20 redirects: {[each.url for each in history]}")

    def _pool(self, scheme: str, host: str, port: int | None) -> urllib3.HTTPConnectionPool:
        key = f"{scheme}://{host}:{port}"
        if key not in self._pools:
            secure = scheme == "https"
            tls: dict[str, Any] = {"ca_certs": self._ca_file, "server_hostname": host, "assert_hostname": host}
            kind = urllib3.HTTPSConnectionPool if secure else urllib3.HTTPConnectionPool
            number = port or (443 if secure else 80)
            self._pools[key] = kind("127.0.0.1", number, maxsize=1, timeout=30, **(tls if secure else {}))
        return self._pools[key]


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _browser_headers(method: str, url: str, came_from: Page | None) -> dict[str, str]:
    """What browsers add by themselves: where the request came from, as far as the last page lets them say."""
    sent = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}
    sent["Sec-Fetch-Site"] = _relation(url, came_from)
    if method == "POST":
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        if came_from is not None:
            # Fetch, section 3.1: under `no-referrer` even a form on our own page posts `Origin: null`.
            hidden = came_from.headers.get("Referrer-Policy") == "no-referrer"
            sent["Origin"] = "null" if hidden else origin_of(came_from.url)
    return sent


def _relation(url: str, came_from: Page | None) -> str:
    if came_from is None:
        return "none"
    if origin_of(url) == origin_of(came_from.url):
        return "same-origin"
    return "same-site" if urlsplit(url).hostname == urlsplit(came_from.url).hostname else "cross-site"
