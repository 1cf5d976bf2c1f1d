"""The whole application in this process: real stores, real keys, a clock that the test moves, and visitors.

No socket is opened, so a test can make thousands of requests; what needs workers and sockets uses `provider.py`.
"""

import base64
import hashlib
import io
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from werkzeug.test import Client as HttpClient
from werkzeug.test import TestResponse

from config.app import AT_ONCE, create_app, notes, readiness
from config.cli.people_file import read_person
from config.container import Container
from config.keys_setup import noted_in
from config.settings import Settings
from config.stores import Stores
from idp.http.forms import LARGEST_BODY
from idp.http.gateway import REASONS, Environ, Gateway, StartResponse
from idp.http.health_endpoints import HealthEndpoints
from idp.http.metrics import Metrics
from idp.messages.message import Channel, Message
from idp.oidc.clients import secret_digest
from idp.oidc.registration import read_client
from idp.store.signing_keys import SqlKeyStore
from keys.changes import lack
from keys.ring import KeyRing
from tests.support import leaks
from tests.support.clock import FrozenClock
from tests.support.work import asked_on, solve

ISSUER = "https://id.example.test"
REDIRECT = "https://portal.example.test/callback"
SECRET = "a secret of the portal that is long enough"
PASSWORD = "mật khẩu dài để thử"
VERIFIER = "a-code-verifier-of-at-least-forty-three-characters"
CAPTCHA = "00000"
SECRET_FACTS = ("code", "url", "undo_url")


def challenge(verifier: str = VERIFIER) -> str:
    """The S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class AsServed:
    """The application as a worker of `idp serve` calls it: what it can, its loop answers, and a thread the rest."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if environ.get("PATH_INFO") in AT_ONCE["postgresql"] and length.isdecimal() and int(length) <= LARGEST_BODY:
            body = environ["wsgi.input"].read(int(length))
            environ = environ | {"wsgi.input": io.BytesIO(body)}
            if environ["REQUEST_METHOD"] in ("GET", "POST"):
                answer = self.gateway.answer_at_once(environ | {"wsgi.input": io.BytesIO(body)})
                if answer is not None:
                    start_response(f"{answer[0]} {REASONS[answer[0]]}", answer[1])
                    return [answer[2]]
        return self.gateway(environ, start_response)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.gateway, name)


@dataclass
class App:
    """One installation under test."""

    settings: Settings
    clock: FrozenClock
    base: Stores
    provider: Container
    wsgi: Any
    metrics: Metrics
    _people: int = 1

    def person(self, code: str | None = None, password: str = PASSWORD, **more: Any) -> str:
        """Open an account; returns its id."""
        self._people += 1
        identifiers = more.pop("identifiers", None) or {"bhxh": code or f"00{self._people:08d}"}
        record = {"name": "Nguyễn Thị Hoà", "password": password, "identifiers": identifiers} | more
        account, typed = read_person(record, self.clock())
        leaks.PEOPLE.update({typed or PASSWORD, account.name, *(i.value for i in account.identifiers)})
        hashed = self.provider.accounts.passwords.hash(typed or "")
        self.base.people.add(replace(account, password_hash=hashed, password_changed_at=self.clock()))
        return account.id

    def client(self, client_id: str = "portal", secret: str | None = SECRET, **more: Any) -> str:
        """Register a client; returns its id."""
        metadata = {
            "client_id": client_id,
            "client_name": "Cổng thử nghiệm",
            "redirect_uris": [REDIRECT],
            "post_logout_redirect_uris": ["https://portal.example.test/"],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email phone address bhxh offline_access",
            "first_party": True,
        } | more
        digest = secret_digest(self.base.secrets.get("client-secret"), client_id, secret) if secret else None
        client = read_client(metadata, secret_digest=digest)
        for alg in client.signing_algs:
            if lack(self.base.rings.ring(), alg, self.clock()):
                # No portal outside of the test has a copy of our keys.
                self.base.rotator.replace(alg)
        self.base.clients.put(client, self.clock())
        self.provider.oidc.clients.forget()
        return client_id

    def told(self, channel: Channel) -> list[Message]:
        """The messages of a channel that were not looked at yet, oldest first; looking delivers them."""
        found = []
        while taken := self.base.outbox.take(channel, 60):
            self.base.outbox.finish(taken, "sent")
            # Of a link, what opens: its last part, also where a log shows no host.
            secret = [v.rpartition("/")[2] for name, v in taken.message.facts.items() if name in SECRET_FACTS and v]
            leaks.ISSUED.update(secret)
            found.append(taken.message)
        return found

    def code_sent(self, channel: Channel = "sms") -> str:
        """The newest one-time code that was sent."""
        return [m.facts["code"] for m in self.told(channel) if m.template == "otp"][-1]

    def metrics_page(self) -> str:
        """The page for Prometheus."""
        return self.metrics.page()[1].decode()

    def operation(self) -> HealthEndpoints:
        """What operators are told."""
        return HealthEndpoints(self.metrics.page, readiness(self.base), notes(self.settings))

    def visitor(self, address: str = "192.0.2.7") -> "Visitor":
        """A browser of its own, at an address."""
        return Visitor(self, HttpClient(self.wsgi), address)


@dataclass
class Visitor:
    """A browser (cookies) that is also the portal behind it."""

    app: App
    http: HttpClient
    address: str
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, url: str, **more: Any) -> TestResponse:
        return self._send("GET", url, **more)

    def post(self, url: str, data: Any = None, **more: Any) -> TestResponse:
        return self._send("POST", url, data=data, **more)

    def authorize(self, client_id: str = "portal", **more: Any) -> TestResponse:
        """Send the browser to `/authorize`; a parameter given as None is left out."""
        params = {
            "client_id": client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "openid",
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
        } | more
        return self.get("/authorize", query_string={n: v for n, v in params.items() if v is not None})

    def log_in(
        self, begun: TestResponse, code: str = "0000000001", password: str = PASSWORD, **more: Any
    ) -> TestResponse:
        """Fill the login form that `begun` leads to and follow to what `/authorize` says then."""
        answer = self.try_to_log_in(attempt_of(begun), code, password, **more)
        return self.get(answer.headers["Location"]) if answer.status_code == 303 else answer

    def try_to_log_in(self, attempt: str, code: str, password: str, **more: Any) -> TestResponse:
        """Post the login form once."""
        return self.post("/login", data=self.login_form(attempt, code, password) | more)

    def login_form(self, attempt: str, code: str = "0000000001", password: str = PASSWORD) -> dict[str, str]:
        """The fields of the login page, filled in, with the answer to the captcha that it shows."""
        page = self.get("/login", query_string={"attempt": attempt})
        found = re.search(r'name="captcha_id"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="captcha_id"', page.text)
        given = {"captcha_id": found[1] or found[2], "captcha": CAPTCHA} if found else {}
        if work := asked_on(page.text):
            given["altcha"] = solve(work)
        fields = {"attempt": attempt, "kind": "individual", "username": code, "password": password}
        return fields | given

    def code(self, code: str = "0000000001", **more: Any) -> str:
        """A code for the portal, after a login when one is asked for."""
        answer = self.authorize(**more)
        if "/login?" in answer.headers.get("Location", ""):
            answer = self.log_in(answer, code)
        return answer_of(answer)["code"]

    def token(self, client_id: str = "portal", secret: str | None = SECRET, **fields: Any) -> TestResponse:
        """A token request with `client_secret_basic`, or as a public client without a secret."""
        if secret is None:
            return self.post("/token", data={"client_id": client_id} | fields)
        return self.post("/token", data=fields, auth=(client_id, secret))

    def redeem(self, code: str, client_id: str = "portal", secret: str | None = SECRET, **more: Any) -> TestResponse:
        """Redeem a code."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return self.token(client_id, secret, **{n: v for n, v in (fields | more).items() if v is not None})

    def refresh(self, token: str, client_id: str = "portal", secret: str | None = SECRET, **more: Any) -> TestResponse:
        return self.token(client_id, secret, grant_type="refresh_token", refresh_token=token, **more)

    def tokens(self, code: str = "0000000001", scope: str = "openid offline_access", **more: Any) -> dict[str, Any]:
        """Log in and redeem; the token response."""
        answer = self.redeem(self.code(code, scope=scope, **more))
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def userinfo(self, access_token: str) -> TestResponse:
        return self.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def introspect(self, token: str, client_id: str = "portal", secret: str = SECRET) -> dict[str, Any]:
        return dict(self.post("/introspect", data={"token": token}, auth=(client_id, secret)).json or {})

    def _send(self, method: str, url: str, **more: Any) -> TestResponse:
        headers = self.headers | more.pop("headers", {})
        environ = {"REMOTE_ADDR": self.address} | more.pop("environ_overrides", {})
        answer = self.http.open(
            url, method=method, base_url=self.app.settings.issuer, headers=headers, environ_overrides=environ, **more
        )
        leaks.issued(answer)
        return answer


def attempt_of(answer: TestResponse) -> str:
    """The attempt that a redirect to a step carries."""
    return parse_qs(urlsplit(answer.headers["Location"]).query)["attempt"][0]


def answer_of(answer: TestResponse) -> dict[str, str]:
    """The authorization response in a redirect to the portal."""
    location = answer.headers["Location"]
    assert location.startswith(REDIRECT), location
    return dict(parse_qsl(urlsplit(location).query))


@contextmanager
def running_app(home: Path, database_url: str, redis_url: str = "", **more: Any) -> Iterator[App]:
    """An application on fresh stores, closed at the end; `more` are settings sections as dictionaries."""
    testing = {"enabled": True, "fixed_captcha": CAPTCHA}
    sections: dict[str, Any] = {
        "environment": "development",
        "issuer": ISSUER,
        "data_dir": home,
        "store": {"database_url": database_url, "redis_url": redis_url},
        # The cheapest Argon2id there is: tests are about who may enter, not about the price of a guess.
        "login": {"hash_memory": 8, "hash_time": 1, "hash_queue": 1000},
        "keys": {"algorithms": ["RS256", "ES256"]},
        "testing": testing,
    }
    for name, value in more.items():
        sections[name] = {**sections.get(name, {}), **value} if isinstance(value, dict) else value
    clock = FrozenClock()
    settings = Settings(**sections)
    base = Stores(settings, clock)
    if settings.keys.algorithms == ("RS256", "ES256"):
        make_keys(base)
    provider = Container(base)
    metrics = Metrics(shared=False)
    served = AsServed(create_app(provider, metrics, housekeeping=False))
    yield App(settings, clock, base, provider, served, metrics)
    base.close()


_rings: dict[bool, KeyRing] = {}


def make_keys(base: Stores) -> None:
    """The first ring, the same for every installation of this run: finding its RSA keys takes longer than the rest.

    Those whose clock is the machine's have one of their own.
    """
    store, is_real = SqlKeyStore(base.database, base.masters, noted_in(base.audit)), base.clock is time.time
    if is_real not in _rings:
        _rings[is_real] = replace(base.rotator.ensure(base.settings.keys.algorithms), version=0)
    elif store.version() == 0:
        store.replace(KeyRing((), 0), _rings[is_real], "needed")
