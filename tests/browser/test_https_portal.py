"""Acceptance 5, security.md 2.17: TLS in front of the provider, a portal on another host, the final policies, Chromium.

The names are real ones for the browser, which meets the loopback under them and trusts an authority that was made for
this test and nothing else. Whatever it objects to, a content policy above all, is a failure.
"""

import contextlib
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import urllib3
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect

from tests.support.chromium import launched, profile
from tests.support.installation import installed
from tests.support.live import BASIC, CHEAP_HASH, FORM, PASSWORD, PORTAL, REQUEST, VERIFIER, bhxh, people
from tests.support.provider import FIXED_CAPTCHA, Provider
from tests.support.tls import Authority, authority, listening, proxy_to

ISSUER, SHOP = "https://id.test.example", "https://portal.another.example"
CALLBACK, GOODBYE = f"{SHOP}/callback", f"{SHOP}/goodbye"
CLIENT = PORTAL | {"redirect_uris": [CALLBACK], "post_logout_redirect_uris": [GOODBYE]}
PARTNER = CLIENT | {"client_id": "partner", "first_party": False}
HTTPS = CHEAP_HASH | {"IDP_ISSUER": ISSUER, "IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
CITIZEN = "198.51.100.77"
"""Where the proxy says that the browser is."""

TELL_BREACHES = """
document.addEventListener("securitypolicyviolation",
  (breach) => console.error(`breach of ${breach.violatedDirective} by ${breach.blockedURI}`))
"""


class Portal(BaseHTTPRequestHandler):
    """The smallest portal: it begins a login, and shows what came back by redirect or by form."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/login":
            asked = REQUEST | {"redirect_uri": CALLBACK} | dict(parse_qsl(parts.query))
            return self._go(f"{ISSUER}/authorize?{urlencode(asked)}")
        if parts.path == "/logout":
            return self._go(f"{ISSUER}/end_session?{urlencode({'client_id': 'portal', **self._after()})}")
        if parts.path == "/badly-made":
            return self._show("badly-made", {}, "<style>pre { color: red }</style>", "default-src 'none'")
        return self._show(parts.path.strip("/"), dict(parse_qsl(parts.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._show(urlsplit(self.path).path.strip("/"), dict(parse_qsl(body)))

    def _after(self) -> dict[str, str]:
        return {"post_logout_redirect_uri": GOODBYE, "state": "goodbye"}

    def _go(self, url: str) -> None:
        self.send_response_only(303)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _show(self, name: str, came: dict[str, str], more: str = "", policy: str = "default-src 'self'") -> None:
        told = html.escape(json.dumps(came | {"method": self.command}))
        body = f"<!doctype html><title>Portal</title><main data-page={name}><pre>{told}</pre></main>{more}".encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to tell."""


@dataclass(frozen=True)
class World:
    """Provider, proxy and portal, and the browser that knows them by name."""

    provider: Provider
    browser: Browser
    trusted: Authority
    port: int


@pytest.fixture(scope="module")
def world(
    chromium: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    home = tmp_path_factory.mktemp("https")
    trusted = authority(home, *(urlsplit(url).hostname or "" for url in (ISSUER, SHOP)))
    given = {"settings": HTTPS, "people": people(1), "clients": [CLIENT, PARTNER], "workers": 2}
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(installed(home, request, **given))  # type: ignore[arg-type]
        stack.enter_context(provider.serving())
        ours = stack.enter_context(listening(trusted, proxy_to(provider.port, CITIZEN)))
        theirs = stack.enter_context(listening(trusted, Portal))
        hosts = f"MAP id.test.example:443 127.0.0.1:{ours}, MAP portal.another.example:443 127.0.0.1:{theirs}"
        # Chromium has no option for an authority's file; it may be told to trust one by its public key.
        pinned = f"--ignore-certificate-errors-spki-list={trusted.fingerprint}"
        browser = stack.enter_context(launched(chromium.browser_type, f"{hosts}, MAP * ~NOTFOUND", pinned))
        yield World(provider, browser, trusted, ours)


@dataclass
class Visit:
    """One browser profile with everything that it objected to, and every answer of ours."""

    context: BrowserContext
    screen: Page
    complaints: list[str] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def on(self, name: str) -> None:
        expect(self.screen.locator("main")).to_have_attribute("data-page", name)

    def came_back(self) -> dict[str, str]:
        """What the portal was told."""
        found: dict[str, str] = json.loads(self.screen.locator("pre").inner_text())
        return found

    def log_in(self, **asked: str) -> None:
        self.screen.goto(f"{SHOP}/login?{urlencode(asked)}")
        self.on("login")
        self.screen.locator("#username").fill(bhxh(1))
        self.screen.locator("#password").fill(PASSWORD)
        self.screen.locator("#captcha").fill(FIXED_CAPTCHA)
        self.screen.locator("#login-submit").click()


@contextlib.contextmanager
def visiting(world: World, *, script: bool = True) -> Iterator[Visit]:
    """A fresh profile; at the end the browser must have had nothing to object to."""
    with profile(world.browser, script=script) as context:
        visit = watched(context)
        yield visit
        assert visit.complaints == []


def watched(context: BrowserContext) -> Visit:
    context.add_init_script(TELL_BREACHES)
    visit = Visit(context, context.new_page())
    visit.screen.on("console", visit.hear)
    visit.screen.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.screen.on("requestfailed", lambda request: visit.complaints.append(f"failed: {request.url}"))
    visit.screen.on("response", lambda answer: visit.answers.append(answer) if answer.url.startswith(ISSUER) else None)
    return visit


def redeemed(world: World, code: str) -> dict[str, object]:
    """What the portal's own server gets for the code, over TLS that it verifies with the authority's certificate."""
    name = urlsplit(ISSUER).hostname
    with urllib3.HTTPSConnectionPool(
        "127.0.0.1", world.port, ca_certs=str(world.trusted.certificate), server_hostname=name, assert_hostname=name
    ) as pool:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        headers = {"Host": name or "", "Authorization": BASIC, "Content-Type": FORM}
        answer = pool.request("POST", "/token", body=urlencode(fields), headers=headers)
    assert answer.status == 200, answer.data
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_login_and_logout_between_two_hosts(world: World, mode: str, script: bool) -> None:
    """B-27, 2.17: the content policy lets the answer through to the portal, and nothing else."""
    with visiting(world, script=script) as visit:
        visit.log_in(response_mode=mode)
        if mode == "form_post" and not script:
            visit.on("form-post")
            visit.screen.get_by_role("button").click()
        visit.on("callback")
        came = visit.came_back()
        assert (came["method"], came["iss"], came["state"]) == (
            "POST" if mode == "form_post" else "GET",
            ISSUER,
            "a state",
        )
        assert redeemed(world, came["code"])["id_token"]

        visit.screen.goto(f"{SHOP}/logout")
        visit.on("logout")
        visit.screen.locator("#logout-confirm").click()
        visit.on("goodbye")
        assert visit.came_back()["state"] == "goodbye"
        assert "__Host-s" not in cookies(visit)
        visit.screen.goto(f"{SHOP}/login")
        visit.on("login")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_consent_leads_to_another_host(world: World, mode: str, script: bool) -> None:
    with visiting(world, script=script) as visit:
        visit.log_in(client_id="partner", response_mode=mode, prompt="consent")
        visit.on("consent")
        visit.screen.locator("[name=agree]").check()
        visit.screen.locator("#consent-allow").click()
        if mode == "form_post" and not script:
            visit.screen.get_by_role("button").click()

        visit.on("callback")
        assert visit.came_back()["code"]


@pytest.mark.parametrize("button", ["#login-cancel", "#consent-deny"])
def test_no_leads_back_as_well(world: World, button: str) -> None:
    with visiting(world) as visit:
        if button == "#consent-deny":
            visit.log_in(client_id="partner", prompt="consent")
            visit.on("consent")
        else:
            visit.screen.goto(f"{SHOP}/login?response_mode=query")
        visit.screen.locator(button).click()

        visit.on("callback")
        assert visit.came_back()["error"] == "access_denied"


def cookies(visit: Visit) -> dict[str, dict[str, object]]:
    return {cookie["name"]: dict(cookie) for cookie in visit.context.cookies(ISSUER)}  # type: ignore[typeddict-item]


def test_cookies_and_headers_are_those_of_an_https_site(world: World) -> None:
    """P-12, ASVS 3.3, 3.4: as the browser itself keeps them."""
    with visiting(world) as visit:
        visit.screen.goto(f"{SHOP}/login")
        visit.screen.locator("[name=remember]").check()
        visit.log_in()
        visit.on("callback")
        visit.screen.goto(f"{ISSUER}/account?lang=en")
        visit.on("account")
        kept = cookies(visit)

        assert "198.51.100.0/24" in visit.screen.locator("main").inner_text()
        assert {"__Host-b", "__Host-s", "__Host-l"} <= set(kept)
        for name, cookie in kept.items():
            assert name.startswith("__Host-")
            wanted = {"secure": True, "httpOnly": True, "sameSite": "Lax", "path": "/", "domain": "id.test.example"}
            assert {key: cookie[key] for key in wanted} == wanted
        assert visit.context.cookies(SHOP) == []
        # Of each address the first answer: what the browser keeps, it keeps without this header. It fetches a site's
        # icon by itself, and does not show how it was answered.
        answers = {answer.url: answer for answer in reversed(visit.answers) if "/favicon" not in answer.url}
        assert len(answers) > 8
        for url, answer in answers.items():
            assert answer.all_headers()["strict-transport-security"] == "max-age=63072000; includeSubDomains", url


def test_the_browser_remembers_that_the_provider_is_https_only(world: World) -> None:
    """HSTS counts only from a site whose certificate the browser trusts: so this also proves that it does."""
    with profile(world.browser) as context:
        screen = context.new_page()
        screen.goto(f"{ISSUER}/account")
        answer = screen.goto(f"{ISSUER.replace('https', 'http')}/account")

        assert answer
        first = answer.request
        while first.redirected_from:
            first = first.redirected_from
        moved = first.response()
        assert moved
        assert (moved.status, moved.headers["non-authoritative-reason"]) == (307, "HSTS")


def test_a_breach_of_a_content_policy_would_be_heard(world: World) -> None:
    """The tests above are worth something only if the browser tells."""
    for script in (True, False):
        with profile(world.browser, script=script) as context:
            visit = watched(context)
            visit.screen.goto(f"{SHOP}/badly-made")

            assert any("style-src" in said for said in visit.complaints), visit.complaints
