"""What holds on every route: headers, cookies, hosts, methods, and small answers to nonsense (security.md 2.17).

The routes are read from the application, so a new one is covered, or fails here, from its first day.
"""

import pytest
from werkzeug.test import TestResponse

from config.rooms.pages import Pages
from config.routes import page_routes
from idp.web.register.api import OPERATIONS as REGISTRATION
from qr_login.phone_api import OPERATIONS
from tests.support.app import ISSUER, App, Visitor

REQUIRED = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
CACHED = ("/jwks", "/jwks/audit", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
PAGES = ["/", "/authorize", "/login", "/consent", "/end_session", "/logout", "/logged-out", "/account"]
PAGES += [
    "/account/end-session",
    "/account/withdraw",
    "/login/captcha/x.png",
    "/static/page.css",
    "/favicon.ico",
    "/nowhere",
]
PAGES += ["/keys"]
PAGES += ["/login/code", "/login/password", "/login/password/code"]
PAGES += ["/account/details", "/account/password", "/account/email"]
PAGES += ["/recover", "/recover/sent", "/recover/code", "/recover/password", "/r/y_x", "/not-me/x"]
PAGES += ["/via/x", "/via/x/callback", "/via/x/logout-token", "/via/x/logged-out", "/status"]
PAGES += ["/via/x/initiate", "/via/x/front-channel-logout"]
PAGES += ["/link", *(f"/link/{name}" for name in ["confirm", "code", "open", "who", "password", "differs", "refused"])]
PAGES += ["/link/keep", "/account/links/keep"]
PAGES += ["/account/links", "/account/links/add/x", "/account/links/confirm", "/account/links/remove"]
PAGES += ["/device", "/device/done", "/login/device"]
PAGES += ["/login/qr", "/q"]
PAGES += ["/login/passkey", "/login/code/passkey", "/account/passkeys"]
PAGES += ["/account/passkeys/add", "/account/passkeys/remove"]
PAGES += ["/account/profile", "/account/profile/code", "/account/stop", "/account/activity", "/account/end-device"]
PAGES += ["/account/data", "/account/data/export", "/account/data/erase"]
PAGES += ["/a/x", "/activate", "/activate/code", "/activate/password"]
PAGES += ["/account/activity", "/account/end-device", "/recover/eid"]
PAGES += ["/account/data", "/account/data/export", "/account/data/erase"]
PAGES += ["/a/x", "/activate", "/activate/code", "/activate/password"]
PAGES += ["/register", *(f"/register/{name}" for name in ["forget", "form", "photo/front", "email", "done"])]
PAGES += ["/register/status", "/register/proof"]
PLACES = [f"/api/registrations/{name}" for name in ["provinces", "communes", "agencies"]]
MACHINES = ["/token", "/par", "/userinfo", "/introspect", "/revoke", *CACHED]
MACHINES += ["/device_authorization", "/device/code.png", "/clients"]
MACHINES += ["/keys.json", "/status.json", "/recovery", "/jwks/audit"]
MACHINES += ["/login/qr/poll", "/phone/openapi.json", *sorted({operation.path for operation in OPERATIONS})]
MACHINES += ["/api/registrations/openapi.json", *sorted({operation.path for operation in REGISTRATION})]
TESTING = ["/testing/resource", "/testing/rotate-keys", "/testing/forget"]
ROUTES = PAGES + MACHINES + TESTING


def test_the_list_of_routes_is_complete(app: App) -> None:
    """N-27: an unknown route fails the build."""
    examples = {
        "<name>.<any(png,wav):form>": "x.png",
        "<handle>": "y_x",
        "<token>": "x",
        "<upstream_id>": "x",
        "<role>": "front",
    }
    pages = {_with(examples, url) for url, _, _ in page_routes(Pages(app.provider, app.metrics))}

    assert pages <= set(ROUTES)
    assert set(app.wsgi._endpoints) <= set(ROUTES)


def _with(examples: dict[str, str], url: str) -> str:
    for parameter, example in examples.items():
        url = url.replace(parameter, example)
    return url


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_every_answer_carries_the_headers(app: App, path: str, method: str) -> None:
    """2.17, B-21, B-22, ASVS 3.4"""
    answer = app.visitor()._send(method, path)
    policy = answer.headers["Content-Security-Policy"]

    assert {name: answer.headers.get(name) for name in REQUIRED} == REQUIRED
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert "Server" not in answer.headers
    assert answer.status_code < 500
    is_static = path.startswith("/static") and answer.status_code == 200
    if not is_static and not (path in (*CACHED, *PLACES) and answer.status_code == 200):
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/authorize", "/login", "/logout", "/account", "/token", "/userinfo", "/introspect"])
def test_no_cross_origin_reading(app: App, path: str) -> None:
    """B-24: `test_cross_origin` tells what pages of clients may read."""
    answer = app.visitor().get(path, headers={"Origin": "https://evil.test"})

    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def test_cookies_are_host_bound_and_opaque(app: App) -> None:
    """P-12, S-05, ASVS 3.3"""
    visitor = app.visitor()
    begun = visitor.authorize()
    done = visitor.log_in(begun, remember="1")
    set_cookies = [*begun.headers.getlist("Set-Cookie"), *done.headers.getlist("Set-Cookie")]

    assert {c.partition("=")[0] for c in set_cookies} == {"__Host-b", "__Host-s", "__Host-d"}
    for cookie in set_cookies:
        attributes = [part.strip() for part in cookie.split(";")[1:]]
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes), cookie
        assert not any(a.startswith("Domain") for a in attributes)


def test_an_http_issuer_drops_the_prefix_and_hsts(
    app_template: object, tmp_path: object, sqlite_template: object
) -> None:
    """The only exception, for development."""
    from tests.support import databases
    from tests.support.app import running_app

    url = databases.sqlite_copy(sqlite_template, tmp_path)  # type: ignore[arg-type]
    with running_app(tmp_path, url, issuer="http://localhost:8000") as app:  # type: ignore[arg-type]
        app.client()
        http = app.visitor().http
        query = "client_id=portal&redirect_uri=https%3A%2F%2Fportal.example.test%2Fcallback&response_type=code"
        pkce = "&scope=openid&code_challenge_method=S256&code_challenge=" + "a" * 43
        answer = http.get(f"/authorize?{query}{pkce}", base_url="http://localhost:8000")

        assert answer.headers["Set-Cookie"].startswith("idp-b=")
        assert "Secure" not in answer.headers["Set-Cookie"]
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("host", ["evil.test", "id.example.test:8443", "id.example.test.evil.test", "localhost", "a b"])
def test_another_host_is_refused(app: App, host: str) -> None:
    """Security 0.10: no link is ever built from a request header."""
    for path in ("/", "/.well-known/openid-configuration", "/token"):
        assert app.visitor().get(path, headers={"Host": host}).status_code == 421


def test_a_missing_host_is_refused(app: App) -> None:
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    environ = EnvironBuilder("/jwks", base_url=ISSUER).get_environ()
    del environ["HTTP_HOST"]

    assert run_wsgi_app(app.wsgi, environ)[1].startswith("400")


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto", "X-Original-URL"])
def test_forwarding_headers_change_nothing(app: App, header: str) -> None:
    """B-26"""
    visitor = app.visitor()
    plain = visitor.get("/.well-known/openid-configuration").data

    assert visitor.get("/.well-known/openid-configuration", headers={header: "evil.test"}).data == plain


def test_addresses_are_believed_from_listed_proxies_only() -> None:
    """B-26, ASVS 4.1.3"""
    from idp.http.network import TrustedProxies

    environ = {"REMOTE_ADDR": "10.0.0.9", "HTTP_X_FORWARDED_FOR": "198.51.100.1, 203.0.113.7, 10.0.0.5"}

    assert TrustedProxies(()).address(environ) == "10.0.0.9"
    assert TrustedProxies(("10.0.0.0/24",)).address(environ) == "203.0.113.7"
    assert TrustedProxies(("10.0.0.0/24",)).address(environ | {"HTTP_X_FORWARDED_FOR": "nonsense"}) == "10.0.0.9"
    assert TrustedProxies(("10.0.0.0/24",)).network({"REMOTE_ADDR": "2001:db8:1:2ff::9"}) == "2001:db8:1:200::/56"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "CONNECT", "PATCH", "OPTIONS", "BREW"])
@pytest.mark.parametrize("path", ["/token", "/authorize", "/account", "/jwks"])
def test_other_methods_are_405(app: App, method: str, path: str) -> None:
    """ASVS 4.1.4"""
    assert app.visitor()._send(method, path).status_code == 405


def small(answer: TestResponse) -> None:
    assert 400 <= answer.status_code < 500
    assert len(answer.data) < 20_000
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/token", "/introspect", "/revoke", "/userinfo", "/authorize", "/login", "/consent", "/device_authorization"],
)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"a=%00", "application/x-www-form-urlencoded"),
        (b"a=%ff%fe", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(100)), "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (b'{"a": 1}', "application/json"),
        (b"<a/>", "text/xml"),
        (b"", ""),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
    ],
    ids=["nul", "not utf-8", "raw bytes", "repeated", "many", "large", "json", "xml", "empty", "multipart"],
)
def test_a_body_that_is_no_form_gets_a_small_4xx(app: App, path: str, body: bytes, kind: str) -> None:
    """The table in docs/bad-requests.md."""
    visitor = app.visitor()
    answer = visitor.post(path, data=body, content_type=kind)
    if path == "/authorize" and answer.status_code == 303:
        # A form from another site comes without cookies and is moved to GET, where it is read again.
        answer = visitor.get(answer.headers["Location"])
    small(answer)


@pytest.mark.parametrize("query", ["a=%00", "a=%ff", "%", "a=1&a=2", "&" * 3000, "x" * 7000, "client_id[]=portal"])
def test_a_query_that_cannot_be_read_gets_a_small_4xx(app: App, query: str) -> None:
    for path in ("/authorize", "/end_session"):
        small(app.visitor().get(f"{path}?{query}&client_id=x"))


def test_a_form_from_another_site_is_refused(app: App) -> None:
    """P-13, threat 4.1: login CSRF."""
    from tests.support.app import PASSWORD, attempt_of

    visitor: Visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    origins = [{"Origin": origin} for origin in ("https://evil.test", f"{ISSUER}.evil.test", f"{ISSUER}:8443")]
    for headers in (*origins, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        fields = {"attempt": attempt, "username": "0000000001", "password": PASSWORD, "kind": "individual"}
        assert visitor.post("/login", data=fields, headers=headers).status_code == 403


def test_an_attempt_of_another_browser_is_refused(app: App) -> None:
    """D-10, threat 4.1: a victim cannot be walked into the attacker's attempt."""
    from tests.support.app import attempt_of

    attempt = attempt_of(app.visitor().authorize())
    victim = app.visitor()
    victim.authorize()

    for path in ("/login", "/authorize", "/consent", "/account"):
        assert victim.get(path, query_string={"attempt": attempt}).status_code in (400, 403), path


@pytest.mark.parametrize("path", ["/account/end-session", "/account/withdraw", "/logout"])
def test_forms_of_a_session_need_its_anti_forgery_value(app: App, path: str) -> None:
    """P-13"""
    visitor = app.visitor()
    visitor.code()

    for data in ({"x": "1"}, {"csrf": "a" * 43}, {"csrf": ""}):
        assert visitor.post(path, data=data).status_code == 403
    assert "code=" in visitor.authorize(prompt="none").headers["Location"]


def test_begun_logins_are_capped_per_network_and_old_ones_go_on(app: App) -> None:
    """C-01"""
    visitor = app.visitor()
    first = visitor.authorize()
    answers = [visitor.authorize().status_code for _ in range(app.settings.limits.attempts_per_address)]

    assert answers[-1] == 429
    assert "code=" in visitor.log_in(first).headers["Location"]
    assert app.visitor("198.51.100.9").authorize().status_code == 303


def test_the_authorization_request_is_bounded(app: App) -> None:
    """C-01: at most 8 KiB of request is kept."""
    answer = app.visitor().authorize(state="s" * 3000)

    assert answer.status_code == 400
