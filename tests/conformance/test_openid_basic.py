"""OpenID Connect basic and form post certification, and the one module of the configuration plan."""

from typing import Any

import pytest

from tests.conformance.openid import NOT_LOGGED_IN, Portal, is_page
from tests.support.app import REDIRECT, SECRET, VERIFIER, App, challenge

SCOPES = {
    "profile": {"name", "updated_at", "birthdate", "gender"},
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
}
CLAIMS: dict[str, Any] = {"birth_date": "1990-05-17", "gender": "female", "email": "hoa@example.test"}


@pytest.fixture(params=["", "form_post"], ids=["basic", "formpost"])
def portal(request: pytest.FixtureRequest, app: App) -> Portal:
    app.client(require_pkce=False)
    return Portal(app.visitor(), request.param)


def error_of(portal: Portal, **params: Any) -> str:
    return portal.read(portal.ask(**params)).get("error", "none")


def test_server(portal: Portal) -> None:
    """And idtoken-signature, ensure-request-without-nonce-succeeds-for-code-flow."""
    back = portal.authorized()
    assert (back["state"], len(back["code"]) >= 22) == ("a state", True)
    tokens = portal.redeemed(back["code"])
    assert (tokens["token_type"], tokens["expires_in"] > 0) == ("Bearer", True)
    assert "name" not in portal.id_token(tokens)
    assert portal.userinfo(tokens)["sub"] == portal.id_token(tokens)["sub"]
    portal.id_token(portal.tokens(nonce=None), nonce=None)


def test_response_type_missing(portal: Portal) -> None:
    assert error_of(portal, response_type=None) in ("unsupported_response_type", "invalid_request")


def test_userinfo_get(portal: Portal) -> None:
    """And userinfo-post-header, userinfo-post-body."""
    tokens = portal.tokens()
    token, post = tokens["access_token"], portal.visitor.post
    answers = [portal.userinfo(tokens)]
    answers.append(post("/userinfo", headers={"Authorization": f"Bearer {token}"}).json)
    answers.append(post("/userinfo", {"access_token": token}).json)
    assert [answer["sub"] for answer in answers] == [portal.id_token(tokens)["sub"]] * 3


@pytest.mark.parametrize("scope", [*SCOPES, "all"])
def test_scope_profile(portal: Portal, scope: str) -> None:
    """And scope-email, scope-address, scope-phone, scope-all."""
    asked = SCOPES if scope == "all" else {scope: SCOPES[scope]}
    tokens = portal.tokens(scope=" ".join(["openid", *asked]))

    answer, told = portal.userinfo(tokens), portal.id_token(tokens)
    known = {"name", "updated_at"}
    assert known & set().union(*asked.values()) <= set(answer)
    assert {name for claims in SCOPES.values() for name in claims}.isdisjoint(told)
    assert scope in ("email", "all") or "email" not in answer
    assert scope in ("profile", "all") or "name" not in answer


def test_alternate_happy_flow(portal: Portal) -> None:
    assert portal.userinfo(portal.tokens(scope="email openid"))["sub"]


@pytest.mark.parametrize("display", ["page", "popup"])
def test_display_page(portal: Portal, display: str) -> None:
    """And display-popup."""
    assert portal.tokens(display=display)


def test_prompt_login(portal: Portal) -> None:
    first = portal.id_token(portal.tokens())
    portal.visitor.app.clock.move(1)
    again = portal.ask(prompt="login")
    assert "/login?" in again.headers["Location"]
    second = portal.id_token(portal.redeemed(portal.read(portal.visitor.log_in(again))["code"]))
    assert second["auth_time"] > first["auth_time"]


def test_prompt_none_not_logged_in(portal: Portal) -> None:
    back = portal.read(portal.ask(prompt="none", state="s" * 128))
    assert (back["error"] in NOT_LOGGED_IN, back["state"]) == (True, "s" * 128)


def test_prompt_none_logged_in(portal: Portal) -> None:
    """And id-token-hint."""
    tokens = portal.tokens()
    for hint in ({}, {"id_token_hint": tokens["id_token"]}):
        again = portal.redeemed(portal.read(portal.ask(prompt="none", **hint))["code"])
        told = [[portal.id_token(each)[name] for name in ("sub", "auth_time")] for each in (tokens, again)]
        assert told[0] == told[1]


def test_max_age_1(portal: Portal) -> None:
    first = portal.id_token(portal.tokens())
    portal.visitor.app.clock.move(2)
    again = portal.ask(max_age="1")
    assert "/login?" in again.headers["Location"]
    second = portal.id_token(portal.redeemed(portal.read(portal.visitor.log_in(again))["code"]))
    assert second["auth_time"] > first["auth_time"]


def test_max_age_10000(portal: Portal) -> None:
    first = portal.id_token(portal.tokens(max_age="15000"))
    portal.visitor.app.clock.move(2)
    second = portal.id_token(portal.redeemed(portal.read(portal.ask(max_age="10000"))["code"]))
    assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"])


@pytest.mark.parametrize(
    "params",
    [{"extra": "foobar"}, {"login_hint": "0000000001"}, {"ui_locales": "se"}, {"claims_locales": "se"}],
    ids=str,
)
def test_ensure_request_with_unknown_parameter_succeeds(portal: Portal, params: dict[str, str]) -> None:
    """And login-hint, ui-locales, claims-locales."""
    assert portal.tokens(**params)


@pytest.mark.parametrize("acr", ["urn:bhxh:acr:1", "1 2"])
def test_ensure_request_with_acr_values_succeeds(portal: Portal, acr: str) -> None:
    assert portal.id_token(portal.tokens(acr_values=acr))["acr"] == "urn:bhxh:acr:1"


@pytest.mark.parametrize("seconds", [0, 30])
def test_codereuse(portal: Portal, seconds: int) -> None:
    """And codereuse-30seconds."""
    code = portal.authorized()["code"]
    tokens = portal.redeemed(code)
    portal.visitor.app.clock.move(seconds)
    again = portal.redeem(code)
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert portal.visitor.userinfo(tokens["access_token"]).status_code == 401


def test_ensure_registered_redirect_uri(portal: Portal) -> None:
    assert is_page(portal.ask(redirect_uri=f"{REDIRECT}/other"))


def test_ensure_post_request_succeeds(portal: Portal) -> None:
    portal.tokens()
    params = {"client_id": "portal", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid"}
    params |= {"state": "a state"} | ({"response_mode": portal.mode} if portal.mode else {})
    assert "code" in portal.read(portal.visitor.post("/authorize", params))


def test_server_client_secret_post(portal: Portal) -> None:
    form = {"client_id": "portal", "client_secret": SECRET, "grant_type": "authorization_code"}
    form |= {"redirect_uri": REDIRECT, "code": portal.authorized()["code"]}
    assert portal.id_token(portal.visitor.post("/token", form).json)


UNSIGNED = "eyJhbGciOiJub25lIn0.e30."


def test_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(portal: Portal) -> None:
    """And ensure-request-object-with-redirect-uri, which is skipped as `none` is not listed."""
    assert error_of(portal, request=UNSIGNED) == "request_not_supported"
    document = portal.visitor.get("/.well-known/openid-configuration").json
    assert "none" not in document["request_object_signing_alg_values_supported"]


def test_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(portal: Portal) -> None:
    assert error_of(portal, request_uri="https://portal.example.test/object#x") == "request_uri_not_supported"


def test_claims_essential(portal: Portal) -> None:
    tokens = portal.tokens(claims='{"userinfo":{"name":{"essential":true}}}')
    assert (bool(portal.userinfo(tokens)["name"]), "name" in portal.id_token(tokens)) == (True, False)


def test_refresh_token(portal: Portal) -> None:
    portal.visitor.app.client("second", require_pkce=False)
    second = Portal(portal.visitor, portal.mode, "second")
    asked = {"scope": "openid offline_access", "prompt": "consent"}
    tokens, others = (each.redeemed(consented(each, **asked)) for each in (portal, second))

    answer = portal.visitor.refresh(tokens["refresh_token"])

    assert (tokens["refresh_token"].isascii(), len(tokens["refresh_token"]) >= 22) == (True, True)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.json["token_type"] == "Bearer"
    before, after = portal.id_token(tokens), portal.id_token(answer.json)
    assert [before[name] for name in ("sub", "auth_time")] == [after[name] for name in ("sub", "auth_time")]
    foreign = portal.visitor.refresh(others["refresh_token"])
    assert (foreign.status_code, foreign.json["error"]) == (400, "invalid_grant")


def consented(portal: Portal, **params: Any) -> str:
    """A code after the page that asks for consent."""
    answer = portal.ask(**params)
    if "/login?" in answer.headers.get("Location", ""):
        answer = portal.visitor.log_in(answer)
    attempt = answer.headers["Location"].partition("attempt=")[2]
    agreed = portal.visitor.post("/consent", {"attempt": attempt, "agree": "1", "consent-allow": ""})
    return portal.read(portal.visitor.get(agreed.headers["Location"]))["code"]


def test_ensure_request_with_valid_pkce_succeeds(portal: Portal) -> None:
    back = portal.authorized(code_challenge=challenge(), code_challenge_method="S256")
    assert portal.redeemed(back["code"], code_verifier=VERIFIER)


def test_discovery_endpoint_verification(app: App) -> None:
    """The configuration plan, and the same of the logout plans."""
    answer = app.visitor().get("/.well-known/openid-configuration")
    document = answer.json
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert document["issuer"] == app.settings.issuer
    assert document["response_types_supported"] == ["code"]
    assert document["grant_types_supported"]
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert set(document["subject_types_supported"]) <= {"public", "pairwise"}
    assert "openid" in document["scopes_supported"]
    assert isinstance(document["code_challenge_methods_supported"], list)
    assert document["claims_supported"]
    assert document["userinfo_endpoint"]
    assert all(url.startswith("https://") for name, url in document.items() if name.endswith(("_endpoint", "_uri")))
    keys = app.visitor().get("/jwks").json["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) > 0
    assert (document["backchannel_logout_supported"], document["backchannel_logout_session_supported"]) == (True, True)
