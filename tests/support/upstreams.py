"""The simulated VNeID and national portal as programs of their own, visited by a script over real HTTP."""

import base64
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.support.browser import Browser, Page
from tests.support.ports import free_port
from tests.support.processes import running

PROJECT = Path(__file__).parents[2]
PASSWORD, PASSCODE = "Dinhdanh#2026", "123456"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CLIENTS = {
    "vneid": ("bhxh-sandbox-vneid", "sandbox-only-secret-of-the-provider-at-vneid-2026"),
    "dvcqg": ("bhxh-sandbox-dvcqg", "sandbox-only-secret-of-the-provider-at-dvcqg-2026"),
}
_PLACES = {"vneid": 3, "dvcqg": 4}


@dataclass(frozen=True)
class SimulatedUpstreams:
    """Both upstreams, and the address at which they think the provider is."""

    first_port: int
    data: Path

    def url(self, upstream: str) -> str:
        return f"http://localhost:{self.first_port + _PLACES[upstream]}"

    def callback(self, upstream: str) -> str:
        return f"http://localhost:{self.first_port}/via/{upstream}/callback"

    def ask(self, upstream: str, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Page:
        """One request as the provider would make it."""
        body = urlencode(form).encode() if form is not None else None
        sent = (FORM if form is not None else {}) | {name.replace("_", "-"): value for name, value in headers.items()}
        return Browser().send(method, self.url(upstream) + path, body, sent)

    def wish(self, upstream: str, **wish: Any) -> dict[str, Any]:
        """Tell the fault panel; gives what it says then."""
        body = json.dumps(wish).encode()
        page = Browser().send("POST", self.url(upstream) + "/faults", body, {"Content-Type": "application/json"})
        assert page.status == 200, page.text
        found: dict[str, Any] = json.loads(page.text)
        return found

    def begin(self, upstream: str, **more: str) -> Page:
        """A browser that was sent there, on the page where it logs in."""
        path = "/auth" if upstream == "vneid" else "/oauth2/authorize"
        return self.open(upstream, Browser(self.url(upstream)), path, **more)

    def open(self, upstream: str, browser: Browser, path: str, **more: str) -> Page:
        asked = {
            "response_type": "code",
            "client_id": CLIENTS[upstream][0],
            "redirect_uri": self.callback(upstream),
            "scope": "openid",
            "state": "s t+a/te",
        }
        return browser.open(f"{self.url(upstream)}{path}?{urlencode(asked | more)}")

    def come_back(self, upstream: str, login: str, **more: str) -> Page:
        """All of a login by password; gives the answer that leads back to the provider."""
        page = self.begin(upstream, **more)
        if upstream == "dvcqg":
            return page.fill("username", login).fill("password", PASSWORD).press("dvcqg-submit")
        consent = page.fill("number", login).fill("password", PASSWORD).press("vneid-submit")
        return consent.tick("agree").press("vneid-share")

    def private_key(self) -> RSAPrivateKey:
        """The provider's half of VNeID's key pair."""
        found = (self.data / "sandbox" / "vneid-key.pem").read_bytes()
        key = serialization.load_pem_private_key(found, None)
        assert isinstance(key, RSAPrivateKey)
        return key

    def unseal(self, data: str, key: str, mode: str = "ecb") -> bytes:
        """Open an envelope with the provider's key."""
        sealed = base64.b64decode(data)
        secret = self.private_key().decrypt(base64.b64decode(key), PKCS1v15())
        chosen = modes.CBC(sealed[:16]) if mode == "cbc" else modes.ECB()
        decryptor = Cipher(algorithms.AES(secret), chosen).decryptor()
        text = decryptor.update(sealed[16 if mode == "cbc" else 0 :]) + decryptor.finalize()
        return text[: -text[-1]]


def raw_query(page: Page) -> dict[str, str]:
    """The parameters of a redirect as they stand there: nothing is decoded, a `+` stays a `+`."""
    return dict(each.partition("=")[::2] for each in urlsplit(page.location or "").query.split("&"))


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.location or "").query).items()}


@contextlib.contextmanager
def simulated(home: Path) -> Iterator[SimulatedUpstreams]:
    """Run `python -m sandbox upstreams` until the block ends."""
    first = free_port(*_PLACES.values())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
    environment |= {"SANDBOX_PORT_OFFSET": str(first - 8000), "IDP_DATA_DIR": str(home / "data")}
    found = SimulatedUpstreams(first, home / "data")

    def answers() -> bool:
        with contextlib.suppress(Exception):
            return all(found.ask(name, "GET", "/").status == 200 for name in _PLACES)
        return False

    command = [sys.executable, "-m", "sandbox", "upstreams"]
    with running(command, log=home / "upstreams.log", answers=answers, environment=environment, directory=PROJECT):
        yield found
