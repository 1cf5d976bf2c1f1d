"""A person with a browser and the portal behind it, at a running provider, over real HTTP.

With `fresh` every request has a connection of its own, so that any worker may be the one that answers it.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from idp.oidc.clients import DEVICE_CODE, TOKEN_EXCHANGE
from tests.support import leaks
from tests.support.browser import Browser, Page
from tests.support.provider import FIXED_CAPTCHA

PASSWORD = "Matkhau#2026"
REDIRECT = "https://portal.example/callback"
SECRET = "a-secret-of-the-portal-that-has-256-bits"
PORTAL: dict[str, Any] = {
    "client_id": "portal",
    "client_name": "Cổng thử nghiệm",
    "client_secret": SECRET,
    "redirect_uris": [REDIRECT],
    "post_logout_redirect_uris": ["https://portal.example/goodbye"],
    "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE],
    "scope": "openid profile bhxh offline_access",
    "first_party": True,
}
GATEWAY = PORTAL | {"client_id": "gateway", "grant_types": [TOKEN_EXCHANGE], "exchange_from": ["portal"]}
"""Exchanges tokens of the portal, and has the same secret."""


def people(count: int) -> list[dict[str, Any]]:
    """Made-up people to load; number 1 has the BHXH code `bhxh(1)`."""
    names = [f"Trịnh Thị Thử Số {number}" for number in range(1, count + 1)]
    return [{"name": n, "password": PASSWORD, "identifiers": {"bhxh": bhxh(i)}} for i, n in enumerate(names, 1)]


def bhxh(number: int) -> str:
    return f"0077{number:06d}"


CHEAP_HASH = {"IDP_LOGIN__HASH_MEMORY": "8", "IDP_LOGIN__HASH_TIME": "1", "IDP_LOGIN__HASH_QUEUE": "100"}
"""For tests that are not about the price of a password: eight people at once may all meet the same worker."""

VERIFIER = "a-code-verifier-of-at-least-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REQUEST = {
    "client_id": "portal",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid offline_access",
    "state": "a state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
BASIC = "Basic " + base64.b64encode(f"portal:{SECRET}".encode()).decode()
FORM = "application/x-www-form-urlencoded"


@dataclass
class Visit:
    """One browser and one portal at the provider with this issuer."""

    issuer: str
    fresh: bool = False
    person: int = 1
    browser: Browser = field(init=False)
    portal: Browser = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Connection": "close"} if self.fresh else {}
        self.browser = Browser(self.issuer, headers=headers)
        self.portal = Browser(headers=headers)

    def authorize(self, **more: str) -> Page:
        """Send the browser to `/authorize` and let it follow to the login page, or as far as the portal's address."""
        return self.browser.open(f"{self.issuer}/authorize?{urlencode(REQUEST | more)}")

    def submit(self, page: Page, password: str = PASSWORD) -> Page:
        """Fill in the login page and press the button."""
        page.fill("username", bhxh(self.person)).fill("password", password)
        if page.has("captcha"):
            page.fill("captcha", FIXED_CAPTCHA)
        return page.press("login-submit")

    def code(self, **more: str) -> str:
        """A code for the portal, after a login when one is asked for."""
        page = self.authorize(**more)
        page = self.submit(page) if page.name == "login" else page
        return code_of(page)

    def redeem(self, code: str) -> Page:
        return self.ask("/token", grant_type="authorization_code", code=code, redirect_uri=REDIRECT)

    def refresh(self, token: str) -> Page:
        return self.ask("/token", grant_type="refresh_token", refresh_token=token)

    def ask(self, path: str, **fields: str) -> Page:
        """A request of the portal, authenticated as such."""
        body = urlencode(fields | ({"code_verifier": VERIFIER} if "code" in fields else {})).encode()
        headers = {"Authorization": BASIC, "Content-Type": FORM}
        return _noted(self.portal.send("POST", self.issuer + path, body, headers))

    def tokens(self) -> dict[str, str]:
        """Log in if need be and redeem the code."""
        return read_json(self.redeem(self.code()))

    def userinfo(self, access_token: str) -> Page:
        return self.portal.send("GET", self.issuer + "/userinfo", None, {"Authorization": f"Bearer {access_token}"})


def code_of(page: Page) -> str:
    """The code in a redirect to the portal."""
    assert (page.location or "").startswith(REDIRECT), f"{page.status} {page.url} {page.location}: {page.summary}"
    code = dict(parse_qsl(urlsplit(page.location or "").query))["code"]
    leaks.ISSUED.add(code)
    return code


def read_json(page: Page, status: int = 200) -> dict[str, Any]:
    assert page.status == status, f"{page.status} {page.url}: {page.text}"
    found: dict[str, Any] = json.loads(page.body)
    return found


def request_ids(page: Page) -> list[str]:
    """The requests behind a page, in order."""
    return [each.headers["X-Request-Id"] for each in (*page.history, page)]


def _noted(page: Page) -> Page:
    if page.status == 200:
        answer: Mapping[str, Any] = json.loads(page.body)
        leaks.ISSUED.update(str(value) for name, value in answer.items() if name.endswith(("_token", "device_code")))
    return page
