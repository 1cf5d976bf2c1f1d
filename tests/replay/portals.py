"""What portals and machines ask: the protocol, and every refusal of it."""

import json

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.replay.steps import hidden, known
from tests.support.app import ISSUER, REDIRECT, SECRET, App, Visitor, attempt_of
from tests.support.device_grant import ask, decide, device, question, tv
from tests.support.dpop import BoundApp
from tests.support.portals import receiving

SEALED = ECKey.import_key(
    {"kty": "EC", "crv": "P-256", "kid": "replay", "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
     "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
)  # fmt: skip
EVIL = {"post_logout_redirect_uri": "https://evil.test/"}


def discovery(app: App) -> None:
    visitor = app.visitor()
    visitor.get("/keys.json")
    for path in ("openid-configuration", "oauth-authorization-server"):
        visitor.get(f"/.well-known/{path}")
    etag = visitor.get("/jwks").headers.get("ETag", "")
    visitor.get("/jwks", headers={"If-None-Match": etag})
    for path in ("/jwks/audit", "/status.json", "/keys", "/status", "/"):
        visitor.get(path)


def documents(app: App) -> None:
    visitor = app.visitor()
    visitor.get("/phone/openapi.json")
    visitor.get("/api/registrations/openapi.json")


def code_flow(app: App) -> None:
    visitor = app.visitor()
    tokens = visitor.tokens(scope="openid profile email phone address bhxh offline_access", ui_locales="en")
    visitor.userinfo(tokens["access_token"])
    visitor.post("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    visitor.introspect(tokens["access_token"])
    visitor.introspect(tokens["refresh_token"])
    app.clock.move(60)
    newer = visitor.refresh(tokens["refresh_token"], scope="openid profile").json or {}
    visitor.refresh(tokens["refresh_token"])
    visitor.introspect(newer["access_token"])
    visitor.post("/revoke", {"token": newer["access_token"]}, auth=("portal", SECRET))
    visitor.introspect(newer["access_token"])
    visitor.authorize(prompt="none")
    visitor.post("/revoke", {"token": newer["refresh_token"]}, auth=("portal", SECRET))
    visitor.introspect(newer["refresh_token"])
    query = {"id_token_hint": tokens["id_token"], "state": "x", "post_logout_redirect_uri": REDIRECT[:-8]}
    visitor.get("/end_session", query_string=query)
    visitor.authorize(prompt="none")


def authorize_errors(app: App) -> None:
    app.client("service", SECRET, grant_types=["client_credentials"], redirect_uris=[], scope="reports.read")
    visitor = app.visitor()
    visitor.get("/authorize")
    visitor.post("/authorize", data={"client_id": "portal"})
    for wrong in (
        {"client_id": "nobody"}, {"client_id": "service"}, {"redirect_uri": REDIRECT + "x"}, {"redirect_uri": None},
        {"response_type": None}, {"response_type": "token"}, {"scope": None}, {"scope": "openid reports.read"},
        {"scope": "profile"}, {"code_challenge": None}, {"code_challenge_method": "plain"},
        {"code_challenge_method": None}, {"code_challenge": "short"}, {"prompt": "none"}, {"prompt": "none login"},
        {"prompt": "sing"}, {"request": "a.b.c"}, {"request_uri": "https://a.test/"}, {"max_age": "-1"},
        {"max_age": "x"}, {"response_mode": "web_message"}, {"id_token_hint": "x"}, {"claims": "{"},
        {"claims": '{"id_token":{"acr":{"essential":true}}}'}, {"acr_values": "x"}, {"state": None}, {"nonce": None},
        {"dpop_jkt": "x"}, {"registration": "{}"}, {"login_hint": "0000000001"}, {"display": "popup"},
    ):  # fmt: skip
        visitor.authorize(**wrong)
    visitor.get("/login")
    visitor.get("/login", query_string={"attempt": "x"})
    other = app.visitor("198.51.100.3")
    other.get("/login", query_string={"attempt": attempt_of(visitor.authorize())})


def token_errors(app: App) -> None:
    app.client("other")
    visitor = app.visitor()
    code = visitor.code(scope="openid offline_access")
    visitor.redeem(code, code_verifier="x" * 50)
    visitor.redeem(code)
    for wrong in ({"code_verifier": None}, {"redirect_uri": REDIRECT + "x"}, {"redirect_uri": None}):
        visitor.redeem(visitor.code(), **wrong)
    visitor.redeem("")
    visitor.redeem(visitor.code(), "other")
    code = visitor.code(scope="openid offline_access")
    tokens = visitor.redeem(code).json or {}
    visitor.redeem(code)
    visitor.userinfo(tokens["access_token"])
    code = visitor.code()
    app.clock.move(3600)
    visitor.redeem(code)
    client_errors(app, visitor)
    tokens = app.visitor().tokens()
    visitor.refresh(tokens["refresh_token"], scope="openid bhxh")
    visitor.refresh("x")
    visitor.refresh(tokens["refresh_token"], "other")
    visitor.token(grant_type="refresh_token")
    first = visitor.refresh(tokens["refresh_token"]).json or {}
    second = visitor.refresh(first["refresh_token"]).json or {}
    app.clock.move(120)
    visitor.refresh(tokens["refresh_token"])
    visitor.refresh(second["refresh_token"])


def client_errors(app: App, visitor: Visitor) -> None:
    visitor.token("nobody", "x", grant_type="authorization_code")
    visitor.token(secret="wrong", grant_type="authorization_code")
    visitor.token(secret=None, grant_type="authorization_code")
    visitor.post("/token", data={"client_id": "portal", "client_secret": SECRET, "grant_type": "refresh_token"})
    visitor.post("/token")
    visitor.token(grant_type="password", username="a", password="b")
    visitor.token(grant_type="client_credentials")
    visitor.token(grant_type="urn:ietf:params:oauth:grant-type:token-exchange")
    visitor.token()
    visitor.get("/token")
    visitor.post("/token", data="{}", headers={"Content-Type": "application/json"}, auth=("portal", SECRET))
    body = {"data": "grant_type=refresh_token&grant_type=x", "content_type": "application/x-www-form-urlencoded"}
    visitor.post("/token", auth=("portal", SECRET), **body)


def resource_errors(app: App) -> None:
    app.client("other")
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]
    visitor.get("/userinfo")
    visitor.userinfo("x")
    visitor.userinfo(token[:-3])
    visitor.get("/userinfo", query_string={"access_token": token})
    visitor.get("/userinfo", headers={"Authorization": f"DPoP {token}"})
    visitor.get("/userinfo", headers={"Authorization": "Basic eDp4"})
    for path in ("/introspect", "/revoke"):
        visitor.get(path)
        visitor.post(path, data={"token": token})
        visitor.post(path, data={"token": token}, auth=("portal", "wrong"))
        visitor.post(path, data={}, auth=("portal", SECRET))
        visitor.post(path, data={"token": "x"}, auth=("portal", SECRET))
        visitor.post(path, data={"token": token}, auth=("other", SECRET))
        visitor.post(path, data={"token": token, "token_type_hint": "x"}, auth=("portal", SECRET))
    app.clock.move(7200)
    visitor.userinfo(token)
    visitor.introspect(token)


def dpop(app: App) -> None:
    app.client("app", None, token_endpoint_auth_method="none", application_type="native", dpop_bound_access_tokens=True)
    bound = BoundApp(app.visitor())
    bound.visitor.token("app", None, grant_type="refresh_token", refresh_token="x")
    tokens = bound.redeem(bound.code(dpop_jkt=bound.key.jkt)).json or {}
    bound.userinfo(tokens["access_token"])
    bound.userinfo(tokens["access_token"], scheme="Bearer")
    bound.userinfo(tokens["access_token"], nonce="x")
    bound.userinfo(tokens["access_token"], htm="POST")
    bound.userinfo(tokens["access_token"], ath="x")
    bound.userinfo(tokens["access_token"], now=1)
    bound.visitor.userinfo(tokens["access_token"])
    proof = bound.proof("GET", "/userinfo", access_token=tokens["access_token"])
    for _ in range(2):
        bound.send("GET", "/userinfo", proof, headers={"Authorization": f"DPoP {tokens['access_token']}"})
    bound.refresh(tokens["refresh_token"])
    BoundApp(bound.visitor, nonce=bound.nonce).refresh(tokens["refresh_token"])
    bound.send("POST", "/token", "x", {"client_id": "app", "grant_type": "refresh_token"})
    bound.visitor.introspect(tokens["access_token"])


def device_grant(app: App) -> None:
    tv(app)
    ask(app, scope="openid bhxh")
    ask(app, secret="wrong")
    ask(app, "portal")
    screen = device(app)
    screen.poll()
    screen.poll()
    screen.poll(device_code="x")
    screen.poll(device_code="")
    person = app.visitor()
    person.get("/device")
    person.post("/device", data={"user_code": "BBBB-BBBB", "device-next": "1"})
    page = question(person, screen.user_code)
    decide(person, page)
    person.get("/device/done")
    app.clock.move(60)
    tokens = screen.tokens()
    screen.poll()
    app.visitor().refresh(tokens["refresh_token"], "tv-app")
    denied = device(app)
    decide(person, question(person, denied.user_code), "device-deny")
    app.clock.move(60)
    denied.poll()
    late = device(app)
    person.get("/device/code.png", query_string={"user_code": late.user_code})
    app.clock.move(3600)
    late.poll()


def machines(app: App) -> None:
    """Client credentials, by each way in which a client authenticates."""
    service = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "reports.read"}
    app.client("service", SECRET, **service)
    app.client("poster", SECRET, token_endpoint_auth_method="client_secret_post", **service)
    keys = {"keys": [SEALED.as_dict(private=False)]}
    app.client("signer", None, token_endpoint_auth_method="private_key_jwt", jwks=keys, **service)
    visitor = app.visitor()
    answer = visitor.token("service", grant_type="client_credentials", scope="reports.read")
    visitor.introspect((answer.json or {})["access_token"], "service")
    visitor.userinfo((answer.json or {})["access_token"])
    visitor.token("service", grant_type="client_credentials", scope="openid")
    fields = {"grant_type": "client_credentials", "client_id": "poster", "client_secret": SECRET}
    visitor.post("/token", data=fields)
    for audience, ident in ((ISSUER, "a"), (ISSUER + "/token", "b"), (ISSUER, "a"), ("https://other.test", "c")):
        claims = {"iss": "signer", "sub": "signer", "aud": audience, "jti": ident, "exp": int(app.clock()) + 60}
        assertion = jwt.encode({"alg": "ES256", "kid": "replay"}, claims, SEALED)
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        visitor.post("/token", data={"grant_type": "client_credentials", "client_assertion_type": kind,
                                     "client_assertion": assertion})  # fmt: skip


def logout(app: App) -> None:
    visitor = app.visitor()
    visitor.get("/end_session")
    visitor.get("/logout")
    with receiving() as receiver:
        known(app, receiver.url, "receiver")
        app.client("told", backchannel_logout_uri=receiver.url)
        visitor.redeem(visitor.code(client_id="told"), "told")
        visitor.get("/end_session", query_string={"client_id": "told"} | EVIL)
        visitor.get("/end_session", query_string={"id_token_hint": "x"})
        asked = visitor.get(visitor.get("/end_session", query_string={"client_id": "told"}).headers["Location"])
        visitor.post("/logout", data={"csrf": "x"})
        done = visitor.post("/logout", data={"csrf": hidden(asked, "csrf"), "request": ""})
        app.provider.oidc.deliveries.once()
        for form in receiver.forms:
            app.wsgi.note("portal is told: " + app.wsgi.names.clean(json.dumps(form)))
        visitor.get(done.headers["Location"])


def front(app: App) -> None:
    """What no endpoint has to think about; health, the hooks of test mode, and the machines' other paths."""
    visitor = app.visitor()
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"):
        visitor._send(method, "/token")
    visitor.get("/nothing")
    visitor.get("/" + "x" * 1100)
    visitor.get("/jwks", headers={"Host": "evil.test"})
    visitor.get("/jwks", headers={"Transfer-Encoding": "gzip"})
    visitor.get("/", headers={"Accept-Language": "en"})
    visitor.get("/", query_string={"lang": "en"})
    visitor.get("/static/page.css")
    for path in ("/healthz", "/readyz", "/nothing"):
        app.wsgi.note(f"operations {path}: {app.operation().answer(path)}")
        visitor.get(path)
    token = visitor.tokens()["access_token"]
    visitor.get("/testing/resource", headers={"Authorization": f"Bearer {token}"})
    visitor.get("/testing/resource")
    visitor.get("/testing/forget")
    visitor.post("/testing/forget")
    visitor.get("/messages/receipts")


def routes(app: App) -> None:
    """Every path with the methods that it knows. A path that is renamed, gone or new is seen here."""
    from tests.support.routes import routes_of

    visitor = app.visitor()
    lines = []
    for path in routes_of(app.wsgi.inner):
        methods = [m for m in ("GET", "POST") if visitor._send(m, path).status_code not in (405, 501)]
        lines.append(f"{path} {' '.join(methods)}")
    app.wsgi.lines[:] = lines
