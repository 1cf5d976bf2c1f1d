"""Requests that a real visitor and a real portal would send now, with live handles, cookies, codes and tokens."""

import time
from base64 import b64encode
from urllib.parse import parse_qsl, urlsplit

from idp.oidc.clients import DEVICE_CODE, TOKEN_EXCHANGE
from idp.oidc.token_exchange import TOKEN_TYPE
from tests.fuzz.grammar import Pairs, Request
from tests.support.browser import Page
from tests.support.details import details
from tests.support.dpop import ProofKey
from tests.support.live import BASIC, PASSWORD, REDIRECT, REQUEST, SECRET, VERIFIER, Visit, bhxh, read_json
from tests.support.provider import FIXED_CAPTCHA
from tests.support.pushed import asked

PORTAL = (f"Authorization: {BASIC}",)
GATEWAY = (f"Authorization: Basic {b64encode(f'gateway:{SECRET}'.encode()).decode()}",)


def valid_requests(issuer: str, person: int) -> list[Request]:
    """Everything that a login, its tokens and its end are made of, each ready to be sent."""
    kinds = (_login, _consent, _signed_in, _device, _tokens)
    return [request for kind in kinds for request in kind(issuer, person)]


def _login(issuer: str, person: int) -> list[Request]:
    visit = Visit(issuer, person=person)
    page = visit.authorize()
    page.fill("username", bhxh(person)).fill("password", PASSWORD).fill("captcha", FIXED_CAPTCHA)
    form = _form(page, "login-submit")
    captcha = dict(form)["captcha_id"]
    cookies = _cookies(visit)
    return [
        Request("GET", "/authorize", tuple(REQUEST.items())),
        Request("POST", "/authorize", (), tuple(REQUEST.items())),
        _get(page.url, cookies),
        Request("POST", "/login", (), form, cookies),
        Request("POST", "/login", (), (*form, ("login-cancel", "1")), cookies),
        Request("GET", f"/login/captcha/{captcha}.png", (), (), cookies),
        Request("GET", f"/login/captcha/{captcha}.wav", (), (), cookies),
    ]


def _consent(issuer: str, person: int) -> list[Request]:
    visit = Visit(issuer, person=person)
    page = visit.submit(visit.authorize(client_id="partner", prompt="consent"))
    page.tick("agree")
    return [
        _get(page.url, _cookies(visit)),
        Request("POST", "/consent", (), _form(page, "consent-allow"), _cookies(visit)),
        Request("POST", "/consent", (), _form(page, "consent-deny"), _cookies(visit)),
    ]


def _signed_in(issuer: str, person: int) -> list[Request]:
    visit = Visit(issuer, person=person)
    visit.code()
    account = visit.browser.open(f"{issuer}/account")
    logout = visit.browser.open(f"{issuer}/end_session")
    cookies = _cookies(visit)
    return [
        *(Request("GET", "/authorize", tuple({**REQUEST, **more}.items()), (), cookies) for more in ASKED),
        Request("GET", "/account", (), (), cookies),
        Request("POST", "/account/end-session", (), _form(account, "session"), cookies),
        Request("POST", "/account/withdraw", (), (*_form(account, "session"), ("client_id", "partner")), cookies),
        _get(logout.url, cookies),
        Request("POST", "/logout", (), _form(logout, "logout-confirm"), cookies),
    ]


def _device(issuer: str, person: int) -> list[Request]:
    visit = Visit(issuer, person=person)
    visit.code()
    shown = read_json(visit.ask("/device_authorization", scope="openid profile"))
    page = visit.browser.open(shown["verification_uri_complete"])
    cookies, user_code = _cookies(visit), ("user_code", shown["user_code"])
    poll = ("grant_type", DEVICE_CODE), ("device_code", shown["device_code"])
    # Wrong codes of the requests before may have closed the page for a minute.
    buttons = ("device-allow", "device-deny") if page.name == "device" else ()
    return [
        Request("POST", "/device_authorization", (), (("scope", "openid profile"),), PORTAL),
        Request("POST", "/token", (), poll, PORTAL),
        Request("GET", "/device", (user_code,), (), cookies),
        Request("GET", "/device/code.png", (user_code,)),
        Request("POST", "/device", (), (user_code,), cookies),
        *(Request("POST", "/device", (), _form(page, button), cookies) for button in buttons),
    ]


ASKED: list[dict[str, str]] = [
    {},
    {"prompt": "none", "response_mode": "fragment"},
    {"response_mode": "form_post", "nonce": "n"},
    {"prompt": "login", "max_age": "10", "ui_locales": "en vi", "login_hint": "0077000001"},
    {"claims": '{"userinfo":{"name":{"essential":true}},"id_token":{"acr":{"values":["1"]}}}', "acr_values": "1"},
    {"dpop_jkt": ProofKey().jkt},
    {"authorization_details": details((2015, 2020))},
]


def _tokens(issuer: str, person: int) -> list[Request]:
    visit = Visit(issuer, person=person)
    tokens = visit.tokens()
    code = ("grant_type", "authorization_code"), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)
    refresh = ("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"])
    exchange = ("grant_type", TOKEN_EXCHANGE), ("subject_token_type", TOKEN_TYPE), ("scope", "openid")
    bearer = (f"Authorization: Bearer {tokens['access_token']}",)
    userinfo = _proof("GET", f"{issuer}/userinfo", tokens["access_token"])
    hint = ("id_token_hint", tokens["id_token"]), ("post_logout_redirect_uri", "https://portal.example/goodbye")
    return [
        *(Request("POST", "/token", (), (*code, ("code", visit.code())), PORTAL) for _ in range(4)),
        Request("POST", "/token", (), refresh, PORTAL),
        Request("POST", "/token", (), (("grant_type", "client_credentials"),), PORTAL),
        Request("POST", "/token", (), (*exchange, ("subject_token", tokens["access_token"])), GATEWAY),
        Request("POST", "/token", (), refresh, (*PORTAL, _proof("POST", f"{issuer}/token"))),
        Request("GET", "/userinfo", (), (), bearer),
        Request("GET", "/userinfo", (), (), (f"Authorization: DPoP {tokens['access_token']}", userinfo)),
        Request("POST", "/userinfo", (), (("access_token", tokens["access_token"]),)),
        Request("POST", "/par", (), tuple(asked(redirect_uri=REDIRECT).items()), PORTAL),
        *(
            Request("POST", "/introspect", (), (("token", each),), PORTAL)
            for each in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"])
        ),
        Request("POST", "/revoke", (), (("token", tokens["access_token"]),), PORTAL),
        Request("GET", "/end_session", (*hint, ("state", "s"))),
        Request("POST", "/end_session", (), hint, _cookies(visit)),
        Request("GET", "/testing/resource", (), (), bearer),
    ]


def _proof(method: str, url: str, access_token: str | None = None) -> str:
    return "DPoP: " + ProofKey().proof(method, url, now=time.time(), nonce="n", access_token=access_token)


def _form(page: Page, button: str) -> Pairs:
    form, pressed = page.find(button)
    return tuple(form.fields(pressed))


def _get(url: str, headers: tuple[str, ...]) -> Request:
    parts = urlsplit(url)
    return Request("GET", parts.path, tuple(parse_qsl(parts.query)), (), headers)


def _cookies(visit: Visit) -> tuple[str, ...]:
    return (f"Cookie: {visit.browser.cookies.header(urlsplit(visit.issuer))}",)
