"""What visitors do, as generators of requests (`load.Journey`). Any other answer than the expected one ends the run."""

import base64
import hashlib
import re
import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.bench.load import START, Answer, Journey, MakeJourney

REDIRECT = "https://portal.example.test/callback"
SECRET = "a secret of the portal that is long enough"
PASSWORD = "mật khẩu dài để thử"
CAPTCHA = "00000"
PEOPLE = 64
CLIENTS: list[dict[str, Any]] = [
    {
        "client_id": "portal",
        "client_secret": SECRET,
        "client_name": "Cổng thử nghiệm",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email phone bhxh offline_access",
        "first_party": True,
    },
    {
        "client_id": "service",
        "client_secret": SECRET,
        "client_name": "Dịch vụ thử nghiệm",
        "redirect_uris": [],
        "grant_types": ["client_credentials"],
        "scope": "reports.read",
    },
]

Steps = Generator[bytes, Answer, Any]


def person(number: int) -> dict[str, Any]:
    """A made-up person, for `idp accounts load`."""
    return {
        "kind": "individual",
        "name": f"Nguyễn Thị Thử {number}",
        "password": PASSWORD,
        "birth_date": "1990-01-01",
        "identifiers": {"bhxh": _code(number)},
    }


def _code(number: int) -> str:
    return f"00{number:08d}"


@dataclass
class Visitor:
    """A browser and the portal behind it, at the server `host`."""

    host: str
    number: int = 0
    cookies: dict[str, str] = field(default_factory=dict)
    verifier: str = ""

    def get(self, path: str, headers: str = "") -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n{self._cookie()}{headers}\r\n".encode()

    def post(self, path: str, fields: Mapping[str, str], headers: str = "") -> bytes:
        body = urlencode(fields)
        kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        return f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\n{self._cookie()}{kind}{headers}\r\n{body}".encode()

    def visit(self, request: bytes, status: int) -> Steps:
        """Send as a browser; a redirect gives its target, a page its text."""
        answer = yield request
        expect(answer, status)
        self.cookies |= answer.cookies
        return answer.header("Location") if status == 303 else answer.body.decode()

    def authorize(self, scope: str) -> Steps:
        """Where `/authorize` sends the browser."""
        self.verifier = secrets.token_urlsafe(32)
        return (yield from self.visit(self.get(f"/authorize?{_authorization(scope, self.verifier)}"), 303))

    def log_in(self, scope: str) -> Steps:
        """From `/authorize` over the login page to the code."""
        target = yield from self.authorize(scope)
        page = yield from self.visit(self.get(target), 200)
        form = {"attempt": parameter(target, "attempt"), "kind": "individual", "username": _code(self.number)}
        form |= {"password": PASSWORD, "captcha": CAPTCHA, "captcha_id": captcha_of(page)}
        back = yield from self.visit(self.post("/login", form), 303)
        return parameter((yield from self.visit(self.get(back), 303)), "code")

    def redeem(self, code: str) -> Steps:
        """The token response."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        fields |= {"code_verifier": self.verifier}
        return expect((yield self.post("/token", fields, basic("portal"))), 200, b'"id_token"').json

    def tokens(self, scope: str) -> Steps:
        """Log in and redeem."""
        return (yield from self.redeem((yield from self.log_in(scope))))

    def _cookie(self) -> str:
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return f"Cookie: {pairs}\r\n" if pairs else ""


def _authorization(scope: str, verifier: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    request = {"client_id": "portal", "redirect_uri": REDIRECT, "response_type": "code", "scope": scope}
    request |= {"state": verifier[:22], "nonce": verifier[22:], "code_challenge": challenge}
    request["code_challenge_method"] = "S256"
    return urlencode(request)


def basic(client_id: str) -> str:
    """The header of `client_secret_basic`."""
    pair = f"{client_id}:{SECRET.replace(' ', '+')}"
    return f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"


def parameter(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query)[name][0]


def captcha_of(page: str) -> str:
    found = re.search(r'/login/captcha/([^"]+)\.png', page)
    assert found, "no captcha on the login page"
    return found[1]


def expect(answer: Answer, status: int, part: bytes = b"") -> Answer:
    """The answer, when it has this status and its body this part. Raises `AssertionError`."""
    is_expected = answer.status == status and part in answer.body
    assert is_expected, f"{answer.head!r} {answer.body[:500]!r}"
    return answer


def repeat(request: bytes, part: bytes = b"") -> Journey:
    """The same request again and again; each answer has this part."""
    while True:
        yield START
        expect((yield request), 200, part)


def fixed(path: str, host: str, number: int, part: bytes = b"") -> Journey:
    """Get one document."""
    return repeat(Visitor(host).get(path), part)


def client_credentials(host: str, number: int) -> Journey:
    fields = {"grant_type": "client_credentials", "scope": "reports.read"}
    return repeat(Visitor(host).post("/token", fields, basic("service")), b'"access_token"')


def code_flow(host: str, number: int, visitor: type[Visitor] = Visitor) -> Journey:
    """`/authorize` with a live session, then `/token`: access token and ID token."""
    browser = visitor(host, number)
    yield from browser.log_in("openid profile")
    while True:
        yield START
        target = yield from browser.authorize("openid profile")
        yield from browser.redeem(parameter(target, "code"))


def refresh(host: str, number: int, visitor: type[Visitor] = Visitor, scope: str = "openid offline_access") -> Journey:
    """A chain of refresh tokens, each used once."""
    browser = visitor(host, number)
    token = (yield from browser.tokens(scope))["refresh_token"]
    while True:
        yield START
        fields = {"grant_type": "refresh_token", "refresh_token": token}
        token = expect((yield browser.post("/token", fields, basic("portal"))), 200).json["refresh_token"]


def userinfo(host: str, number: int, visitor: type[Visitor] = Visitor, path: str = "/userinfo") -> Journey:
    browser = visitor(host, number)
    token = (yield from browser.tokens("openid profile bhxh"))["access_token"]
    yield from repeat(Visitor(host).get(path, f"Authorization: Bearer {token}\r\n"), _code(browser.number).encode())


def introspection(host: str, number: int, visitor: type[Visitor] = Visitor, path: str = "/introspect") -> Journey:
    browser = visitor(host, number)
    token = (yield from browser.tokens("openid profile"))["access_token"]
    yield from repeat(Visitor(host).post(path, {"token": token}, basic("portal")), b'"sub"')


def captcha_picture(host: str, number: int) -> Journey:
    """The same picture again and again, as a browser that asks for it again gets it."""
    visitor = Visitor(host, number)
    page = yield from visitor.visit(visitor.get((yield from visitor.authorize("openid"))), 200)
    yield from repeat(visitor.get(f"/login/captcha/{captcha_of(page)}.png"))


def password_login(host: str, number: int, visitor: type[Visitor] = Visitor) -> Journey:
    """A browser without a past, of one person after the other: `/authorize`, login page, password, `/authorize`; ends
    with the code.
    """
    for person in count(number):
        yield START
        yield from visitor(host, person % PEOPLE).log_in("openid profile")


def of_provider(host: str) -> dict[str, MakeJourney]:
    """Every operation by its name in the table, as journeys at the provider that calls itself `host`."""
    discovery, jwks = "/.well-known/openid-configuration", "/jwks"
    return {
        "discovery": partial(fixed, discovery, host, part=b'"issuer"'),
        "JWKS": partial(fixed, jwks, host, part=b'"kid"'),
        "client_credentials": partial(client_credentials, host),
        "code flow": partial(code_flow, host),
        "refresh": partial(refresh, host),
        "userinfo": partial(userinfo, host),
        "introspection": partial(introspection, host),
        "password login": partial(password_login, host),
        "captcha picture": partial(captcha_picture, host),
    }


@dataclass
class PeerVisitor(Visitor):
    """The same browser and portal at npm's oidc-provider."""

    def authorize(self, scope: str) -> Steps:
        self.verifier = secrets.token_urlsafe(32)
        return (yield from self.visit(self.get(f"/auth?{_authorization(scope, self.verifier)}"), 303))

    def log_in(self, scope: str) -> Steps:
        page = path_of((yield from self.authorize(scope)))
        yield from self.visit(self.get(page), 200)
        back = yield from self.visit(
            self.post(f"{page}/login", {"login": _code(self.number), "password": PASSWORD}), 303
        )
        return parameter((yield from self.visit(self.get(path_of(back)), 303)), "code")


def path_of(url: str) -> str:
    """The path of a URL that may be whole."""
    return urlsplit(url).path


def of_peer(host: str) -> dict[str, MakeJourney]:
    """The same operations by the same names at npm's oidc-provider; its scope `again` stands for `offline_access`."""

    same = {name: make for name, make in of_provider(host).items() if name != "captcha picture"}
    return same | {
        "code flow": partial(code_flow, host, visitor=PeerVisitor),
        "refresh": partial(refresh, host, visitor=PeerVisitor, scope="openid again"),
        "userinfo": partial(userinfo, host, visitor=PeerVisitor, path="/me"),
        "introspection": partial(introspection, host, visitor=PeerVisitor, path="/token/introspection"),
        "password login": partial(password_login, host, visitor=PeerVisitor),
    }
