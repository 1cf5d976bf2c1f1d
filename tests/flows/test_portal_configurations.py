"""Portals configured by what `idp clients add --for` prints, in five languages, and a person who logs in there.

What each portal has beside that text is in tests/foreign/portals.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.cli.libraries import read_library
from tests.support.browser import Browser, Page
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PASSWORD, bhxh, people
from tests.support.ports import free_port
from tests.support.processes import running
from tests.support.provider import Provider
from tests.support.relying_party import log_in
from tests.support.servers import program

FOREIGN = Path(__file__).parents[1] / "foreign"
PERSON = {"username": bhxh(1), "password": PASSWORD, "captcha": "00000"}
SECRET = "a-secret-of-the-portal-of-at-least-256-bits"


@dataclass(frozen=True)
class Portal:
    """What runs the text of a library, and where a login begins, which is at `button` if that is a page with one."""

    runs: str
    begins: str = "/login"
    button: str = ""


PORTALS = {
    "authjs": Portal("authjs.mjs", "/auth/signin", "Sign in with BHXH"),
    "authlib": Portal("flask_app.py"),
    "django-allauth": Portal("django_app.py", "/accounts/oidc/bhxh/login/", "Continue"),
    "express-openid-connect": Portal("express-openid-connect.mjs"),
    "flask-oidc": Portal("flask_app.py", "/private"),
    "flask-pyoidc": Portal("flask_app.py"),
    "mod_auth_openidc": Portal("mod_auth_openidc.conf", "/protected/me.shtml"),
    "mozilla-django-oidc": Portal("django_app.py", "/oidc/authenticate/"),
    "oauth4webapi": Portal("oauth4webapi.mjs"),
    "openid-client": Portal("openid-client.mjs"),
    "openid_connect": Portal("openid_connect.rb"),
    "passport": Portal("passport.mjs"),
    "requests-oauthlib": Portal("flask_app.py"),
    "simple-openid-connect": Portal("flask_app.py"),
    "social-auth": Portal("django_app.py", "/", "begin"),
}


@dataclass(frozen=True)
class World:
    """The provider, and the port of each portal."""

    provider: Provider
    ports: dict[str, int]
    clients: dict[str, dict[str, object]]

    def text(self, name: str) -> str:
        """What the command prints for this portal."""
        return read_library(name).configuration(self.clients[name], SECRET, self.provider.issuer)


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home, ports = tmp_path_factory.mktemp("provider"), {name: free_port() for name in [*PORTALS, "go-oidc"]}
    clients = {}
    for name, port in ports.items():
        library = read_library(name)
        back = library.callback.replace("https://portal.example.vn", f"http://localhost:{port}")
        clients[name] = library.metadata({"client_id": f"portal-{name}", "redirect_uris": [back]})
    loaded = [{"client_secret": SECRET, **client} for client in clients.values()]
    with installed(home, request, settings=CHEAP_HASH, people=people(1), clients=loaded) as ready, ready.serving():
        yield World(ready, ports, clients)


@contextlib.contextmanager
def portal(world: World, name: str, home: Path, *without: str) -> Iterator[str]:
    """The portal, until the block ends; its origin. `without` are lines that are missing in its configuration."""
    runs, text = PORTALS[name].runs, world.text(name)
    for line in without:
        assert line in text
        text = text.replace(line, "")
    suffix, port = Path(runs).suffix, world.ports[name]
    file = home / f"portal{suffix}"
    file.write_text(program_text(runs, text), encoding="utf-8")
    environment = {"PORT": str(port), "HERE": str(home), "AUTH_SECRET": SECRET, "SESSION_SECRET": SECRET}
    environment |= {"OIDC_PASSPHRASE": SECRET, "OAUTHLIB_INSECURE_TRANSPORT": "1", "PATH": os.environ["PATH"]}
    with running(
        command(suffix, home, file),
        log=home / "log",
        answers=lambda: is_open(port),
        environment=environment,
        directory=home,
    ):
        yield f"http://localhost:{port}"


def program_text(runs: str, text: str) -> str:
    """What runs the text of a library, with its blocks in their places."""
    blocks = re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)
    wrapper = (FOREIGN / "portals" / runs).read_text(encoding="utf-8")
    for mark, block in zip(("CONFIGURATION", "SECOND"), blocks, strict=False):
        wrapper = re.sub(rf"^(#|//) {mark}$", lambda _, block=block: block, wrapper, flags=re.MULTILINE)
    return wrapper


def command(suffix: str, home: Path, file: Path) -> list[str | Path]:
    if suffix == ".py":
        return [FOREIGN.parents[1] / ".setup/portals/bin/python", file]
    if suffix == ".rb":
        return [program("ruby"), file]
    if suffix == ".mjs":
        (home / "node_modules").symlink_to(FOREIGN / "node_modules")
        for shared in ("before.mjs", "served.mjs"):
            (home / shared).symlink_to(FOREIGN / "portals" / shared)
        return [program("node"), "--preserve-symlinks", file]
    (home / "pages/protected").mkdir(parents=True)
    page = '<main data-page="me"><!--#echo encoding="none" var="OIDC_CLAIM_name" --></main>'
    (home / "pages/protected/me.shtml").write_text(page)
    return [program("apache2"), "-D", "FOREGROUND", "-f", file]


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def come(world: World, name: str, origin: str) -> Page:
    """Begin a login at the portal and do what the provider's pages ask; the page of the portal at the end."""
    browser, kind = Browser(origin, world.provider.issuer), PORTALS[name]
    page = browser.open(origin + kind.begins)
    if kind.button:
        page = page.press(kind.button)
    return log_in(browser, page.url, PERSON) if page.name == "login" else page


@pytest.mark.parametrize("name", PORTALS)
def test_a_person_logs_in_at_a_portal_that_is_configured_by_the_text(world: World, name: str, tmp_path: Path) -> None:
    with portal(world, name, tmp_path) as origin:
        page = come(world, name, origin)

    assert page.name == "me", (tmp_path / "log").read_text()
    assert people(1)[0]["name"] in page.text


PKCE = "PKCE with code_challenge_method=S256 is required."
MISSING = {
    "authlib": ([', "code_challenge_method": "S256"'], f"OAuthError: invalid_request: {PKCE}"),
    "django-allauth": (['"OAUTH_PKCE_ENABLED": True,'], "Third-Party Login Failure"),
    "express-openid-connect": (['response_type: "code",'], "unsupported_response_type"),
    "flask-oidc": (['oidc.oauth.oidc.client_kwargs["code_challenge_method"] = "S256"'], f"invalid_request: {PKCE}"),
    "mod_auth_openidc": (["OIDCPKCEMethod S256", 'OIDCDefaultURL "{origin}/"'], "because OIDCDefaultURL is not set."),
    "mozilla-django-oidc": (["OIDC_USE_PKCE = True"], "GET / HTTP"),
    "oauth4webapi": (
        ['code_challenge_method: "S256",', "code_challenge: await oauth.calculatePKCECodeChallenge(session.verifier),"],
        "AuthorizationResponseError",
    ),
    "openid-client": (
        [
            'code_challenge_method: "S256",',
            "code_challenge: await client.calculatePKCECodeChallenge(session.verifier),",
        ],
        "AuthorizationResponseError",
    ),
    "openid_connect": (
        ["code_challenge: Base64.urlsafe_encode64(Digest::SHA256.digest(session[:verifier]), padding: false),"],
        f"invalid_request: {PKCE}",
    ),
    "requests-oauthlib": (
        ['pkce="S256",', 'session["verifier"] = bhxh._code_verifier', 'code_verifier=session["verifier"],'],
        "InvalidClientIdError",
    ),
    "simple-openid-connect": (
        ["code_challenge=challenge,", 'code_challenge_method="S256",'],
        "AuthenticationFailedError",
    ),
    "social-auth": (["SOCIAL_AUTH_OIDC_USE_PKCE = True"], "Authentication configuration is invalid."),
}
"""What is missing in the text, and how that shows at the portal or in its log, as the text says itself."""


@pytest.mark.parametrize("name", MISSING)
def test_a_portal_without_the_line_that_it_needs_shows_what_the_text_says(
    world: World, name: str, tmp_path: Path
) -> None:
    lines, sign = MISSING[name]
    lines = [line.replace("{origin}", f"http://localhost:{world.ports[name]}") for line in lines]
    with portal(world, name, tmp_path, *lines) as origin:
        page = come(world, name, origin)

    assert page.name != "me"
    assert sign in page.text + (tmp_path / "log").read_text()


@pytest.mark.soak
@pytest.mark.skipif(not shutil.which("go"), reason="there is no Go on this machine")
def test_a_person_logs_in_at_a_portal_in_go(world: World, tmp_path: Path) -> None:
    home = shutil.copytree(FOREIGN / "portals/go", tmp_path / "go")
    (home / "main.go").write_text(program_text("go/main.go.txt", world.text("go-oidc")), encoding="utf-8")
    subprocess.run(["go", "build", "-o", "portal", "."], cwd=home, check=True)
    pipe = subprocess.PIPE
    with subprocess.Popen([home / "portal"], stdin=pipe, stdout=pipe, text=True) as running_portal:
        assert running_portal.stdout
        page = log_in(Browser(world.provider.issuer), running_portal.stdout.readline().strip(), PERSON)
        told, _ = running_portal.communicate(page.answer["code"] + "\n", timeout=60)

    assert told.strip() == people(1)[0]["name"]
