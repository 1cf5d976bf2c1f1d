"""Pages that are clients, in Chromium, with oidc-client-ts: docs/portals/browser-pages.md as it stands there.

Browser, TLS and names are as in `test_https_portal`. One page is of the provider's site, one of another, and one is of
nobody.
"""

import contextlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from tests.support.chromium import launched, profile
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PASSWORD, bhxh, people
from tests.support.provider import FIXED_CAPTCHA, Provider
from tests.support.tls import authority, listening, proxy_to

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "tests/foreign/node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
DOCUMENT = (ROOT / "docs/portals/browser-pages.md").read_text(encoding="utf-8")
ISSUER, NEAR, FAR = "https://id.test.example", "https://portal.test.example", "https://portal.another.example"
STRANGER = "https://stranger.example"
HTTPS = CHEAP_HASH | {"IDP_ISSUER": ISSUER, "IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
CLIENTS: dict[str, str] = {}
"""The client of each origin."""


def documented(kind: str, origin: str) -> str:
    """All blocks of a kind, for the client of this origin."""
    text = "\n".join(re.findall(rf"```{kind}\n(.*?)```", DOCUMENT, re.DOTALL))
    text = text.replace("https://portal.example.vn", origin).replace("https://id.example.vn", ISSUER)
    return text.replace("c-0123456789abcdef", CLIENTS.get(origin, "nobody"))


class Pages(BaseHTTPRequestHandler):
    """The files of a portal that has no server of its own."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        silent = "<script>manager.signinSilentCallback()</script>" if self.path.startswith("/silent") else ""
        scripts = '<script src="/library.js"></script><script src="/settings.js"></script>' + silent
        files = {
            "/library.js": LIBRARY.read_text(),
            "/settings.js": documented("js", f"https://{self.headers['Host']}"),
        }
        body = files.get(self.path, f"<!doctype html><title>Trang</title><main></main>{scripts}").encode()
        self.send_response_only(200)
        kind = "text/javascript" if self.path in files else "text/html"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to tell."""


@dataclass(frozen=True)
class World:
    """The provider, and the browser that knows it and the pages by name."""

    provider: Provider
    browser: Browser


@pytest.fixture(scope="module")
def world(
    chromium: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    home = tmp_path_factory.mktemp("pages")
    names = [urlsplit(url).hostname or "" for url in (ISSUER, NEAR, FAR, STRANGER)]
    trusted = authority(home, *names)
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(installed(home, request, settings=HTTPS, people=people(1), workers=2))
        for origin in (NEAR, FAR):
            words = shlex.split(documented("sh", origin).replace("\\\n", " "))
            CLIENTS[origin] = json.loads(provider.command(*words[1:]))["client_id"]
        stack.enter_context(provider.serving())
        ours = stack.enter_context(listening(trusted, proxy_to(provider.port, "198.51.100.77")))
        theirs = stack.enter_context(listening(trusted, Pages))
        hosts = [f"MAP {names[0]}:443 127.0.0.1:{ours}", *(f"MAP {each}:443 127.0.0.1:{theirs}" for each in names[1:])]
        pinned = f"--ignore-certificate-errors-spki-list={trusted.fingerprint}"
        browser = stack.enter_context(launched(chromium.browser_type, ", ".join([*hosts, "MAP * ~NOTFOUND"]), pinned))
        yield World(provider, browser)


@contextlib.contextmanager
def opened(world: World, origin: str) -> Iterator[Page]:
    with profile(world.browser) as context:
        screen = context.new_page()
        screen.goto(f"{origin}/")
        yield screen


def log_in(screen: Page, manager: str = "manager") -> dict[str, Any]:
    """Log in by the page; what it then knows."""
    origin = f"https://{urlsplit(screen.url).hostname}"
    screen.evaluate(f"void {manager}.signinRedirect()")
    expect(screen.locator("main")).to_have_attribute("data-page", "login")
    screen.locator("#username").fill(bhxh(1))
    screen.locator("#password").fill(PASSWORD)
    screen.locator("#captcha").fill(FIXED_CAPTCHA)
    screen.locator("#login-submit").click()
    return returned(screen, origin, manager)


def returned(screen: Page, origin: str, manager: str = "manager") -> dict[str, Any]:
    """What the page knows when the browser is back with a code."""
    screen.wait_for_url(f"{origin}/?code=*")
    user: dict[str, Any] = screen.evaluate(f"{manager}.signinRedirectCallback()")
    screen.evaluate("history.replaceState(null, '', '/')")
    return user


@pytest.mark.parametrize("origin", [NEAR, FAR])
def test_a_page_logs_in_refreshes_and_logs_out(world: World, origin: str) -> None:
    """B-24: metadata, keys, tokens and userinfo are read by the library itself, from another origin."""
    with opened(world, origin) as screen:
        user = log_in(screen)
        assert (user["profile"]["iss"], user["profile"]["bhxh_number"]) == (ISSUER, bhxh(1))
        assert user["profile"]["name"] == people(1)[0]["name"]

        refreshed = screen.evaluate("manager.signinSilent()")
        assert refreshed["access_token"] != user["access_token"]
        assert refreshed["refresh_token"] != user["refresh_token"]

        with screen.expect_navigation(url=f"{origin}/"):
            screen.evaluate("void manager.signoutRedirect()")
        refusal = screen.evaluate(REFRESH, [ISSUER, CLIENTS[origin], refreshed["refresh_token"]])
        assert refusal == [400, "invalid_grant"]


REFRESH = """async ([issuer, client_id, refresh_token]) => {
  const body = new URLSearchParams({ grant_type: 'refresh_token', client_id, refresh_token })
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body })
  return [answer.status, (await answer.json()).error]
}"""


def test_a_page_proves_a_key_that_no_script_can_read(world: World) -> None:
    """G-03 to G-06, B-24"""
    with opened(world, FAR) as screen:
        user = log_in(screen, "bound")
        assert user["token_type"] == "DPoP"
        told = screen.evaluate("bound.getUser().then((user) => person(user))")
        assert (told["sub"], told["bhxh_number"]) == (user["profile"]["sub"], bhxh(1))

        refreshed = screen.evaluate("bound.signinSilent()")
        assert (refreshed["token_type"], refreshed["access_token"] != user["access_token"]) == ("DPoP", True)
        assert screen.evaluate(REFRESH, [ISSUER, CLIENTS[FAR], refreshed["refresh_token"]]) == [400, "invalid_grant"]


def test_silent_login_in_a_frame_works_within_a_site_only(world: World) -> None:
    """D-04: the cookie of the session is not sent into frames of other sites."""
    silently = "manager.signinSilent({ forceIframeAuth: true }).then((u) => u.profile.sub, (e) => e.error)"
    with opened(world, NEAR) as screen:
        assert screen.evaluate(silently) == "login_required"
        user = log_in(screen)
        assert screen.evaluate(silently) == user["profile"]["sub"]
    with opened(world, FAR) as screen:
        user = log_in(screen)
        assert screen.evaluate(silently) == "login_required"

        screen.evaluate("void manager.signinRedirect({ prompt: 'none' })")
        assert returned(screen, FAR)["profile"]["sub"] == user["profile"]["sub"]


def test_a_page_of_nobody_reads_public_documents_and_nothing_else(world: World) -> None:
    """B-24"""
    read = "([url, given]) => fetch(url, given).then((answer) => answer.status)"
    with opened(world, STRANGER) as screen:
        for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks"):
            assert screen.evaluate(read, [ISSUER + path, {}]) == 200
        form = {"method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "body": "token=x"}
        for path, given in [
            ("/token", form),
            ("/revoke", form),
            ("/userinfo", {"headers": {"Authorization": "Bearer x"}}),
            ("/introspect", form),
            ("/authorize", {}),
            ("/account", {}),
            ("/jwks/audit", {}),
        ]:
            with pytest.raises(Error, match="Failed to fetch"):
                screen.evaluate(read, [ISSUER + path, given])
    with opened(world, FAR) as screen, pytest.raises(Error, match="Failed to fetch"):
        screen.evaluate(REFRESH, [ISSUER, CLIENTS[NEAR], "x"])
