"""Tokens that only the holder of a key can use, from the code to userinfo and refresh (RFC 9449)."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from idp.oidc.dpop import NONCE_STEP
from tests.support.app import REDIRECT, SECRET, VERIFIER, App
from tests.support.dpop import BoundApp, ProofKey
from tests.support.trips import Trips, counted

NATIVE: dict[str, Any] = {
    "token_endpoint_auth_method": "none",
    "application_type": "native",
    "dpop_bound_access_tokens": True,
}


@pytest.fixture
def phone(everywhere: App) -> BoundApp:
    """A public native client whose tokens are always bound."""
    everywhere.client("app", secret=None, **NATIVE)
    return BoundApp(everywhere.visitor())


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def test_an_app_gets_tokens_that_only_its_key_can_use(phone: BoundApp) -> None:
    """G-03"""
    tokens = phone.tokens()

    assert tokens["token_type"] == "DPoP"
    assert claims_of(tokens["access_token"])["cnf"] == {"jkt": phone.key.jkt}
    assert "cnf" not in claims_of(tokens["id_token"])
    for method in ("GET", "POST"):
        answer = phone.userinfo(tokens["access_token"], method)
        assert (answer.status_code, answer.json["name"]) == (200, "Nguyễn Thị Hoà")


def test_a_refresh_keeps_the_key(phone: BoundApp) -> None:
    """G-04"""
    answer = phone.refresh(phone.tokens()["refresh_token"])

    assert answer.json["token_type"] == "DPoP"
    assert phone.userinfo(answer.json["access_token"]).status_code == 200


def test_any_client_that_sends_a_proof_gets_bound_tokens(app: App) -> None:
    portal = BoundApp(app.visitor(), "portal", SECRET)

    tokens = portal.tokens()

    assert (tokens["token_type"], portal.userinfo(tokens["access_token"]).status_code) == ("DPoP", 200)


def test_a_client_that_authenticates_may_change_its_key(app: App) -> None:
    """G-04: its refresh token is bound to the client, the new access token to the new key."""
    portal = BoundApp(app.visitor(), "portal", SECRET)
    refresh_token = portal.tokens()["refresh_token"]
    portal.key = ProofKey()

    answer = portal.refresh(refresh_token)

    assert claims_of(answer.json["access_token"])["cnf"] == {"jkt": portal.key.jkt}


def test_a_service_gets_bound_tokens_in_its_own_name(app: App) -> None:
    app.client("service", SECRET, grant_types=["client_credentials"], redirect_uris=[], scope="reports.read")
    service = BoundApp(app.visitor(), "service", SECRET)

    answer = service.token(grant_type="client_credentials", scope="reports.read")

    assert answer.json["token_type"] == "DPoP"
    assert claims_of(answer.json["access_token"])["cnf"] == {"jkt": service.key.jkt}


def test_the_first_request_is_told_the_nonce_and_loses_nothing(phone: BoundApp) -> None:
    """G-06: the code is not touched before the proof is judged."""
    code = phone.code()
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    first = phone.send("POST", "/token", phone.proof("POST", "/token"), {"client_id": "app"} | fields)
    assert (first.status_code, first.json["error"]) == (400, "use_dpop_nonce")
    assert first.headers["DPoP-Nonce"] == phone.nonce

    assert phone.redeem(code).status_code == 200


def test_every_answer_to_a_proof_brings_the_nonce_of_the_moment(phone: BoundApp) -> None:
    """G-06: nobody is ever asked twice in a row, not even over a change of the nonce."""
    access_token = phone.tokens()["access_token"]
    told = {phone.nonce}
    for _ in range(4):
        phone.visitor.app.clock.move(NONCE_STEP / 2)
        assert phone.userinfo(access_token).status_code == 200
        told.add(phone.nonce)

    assert len(told) == 3


def test_userinfo_asks_for_a_fresh_nonce_too(phone: BoundApp) -> None:
    """G-06"""
    access_token = phone.tokens()["access_token"]
    phone.visitor.app.clock.move(2 * NONCE_STEP)

    answer = phone.userinfo(access_token)
    assert (answer.status_code, answer.json["error"]) == (401, "use_dpop_nonce")
    assert 'DPoP realm="idp", algs="ES256 EdDSA", error="use_dpop_nonce"' in answer.headers.getlist("WWW-Authenticate")

    assert phone.userinfo(access_token).status_code == 200


def test_introspection_tells_the_key(phone: BoundApp) -> None:
    """G-03"""
    api = "https://api.example.test"
    phone.visitor.app.client("app", secret=None, resource=[api], **NATIVE)
    phone.visitor.app.client("api", SECRET, serves=[api])
    bound = phone.redeem(phone.code(resource=api)).json["access_token"]

    told = phone.visitor.introspect(bound, "api")

    assert (told["active"], told["token_type"], told["cnf"]) == (True, "DPoP", {"jkt": phone.key.jkt})
    plain = phone.visitor.introspect(phone.visitor.tokens()["access_token"])
    assert (plain["token_type"], "cnf" in plain) == ("Bearer", False)


def test_a_code_that_is_bound_to_a_key_is_redeemed_by_it(phone: BoundApp) -> None:
    """G-05"""
    code = phone.code(dpop_jkt=phone.key.jkt)

    assert phone.redeem(code).status_code == 200


def test_metadata_tells_the_algorithms(app: App) -> None:
    told = app.visitor().get("/.well-known/openid-configuration").json

    assert told["dpop_signing_alg_values_supported"] == ["ES256", "EdDSA"]


def test_a_proof_costs_one_write_and_the_nonce_nothing(phone: BoundApp) -> None:
    """Design 4: the proof is claimed in the durable store; clients without one pay nothing for it."""
    access_token = phone.tokens()["access_token"]
    code = phone.code()

    with counted(phone.visitor.app) as redeeming:
        assert phone.redeem(code).status_code == 200
    with counted(phone.visitor.app) as asking:
        assert phone.userinfo(access_token).status_code == 200

    assert redeeming == Trips(short_lived=1, reads=1, writes=2), "\n".join(redeeming.said)
    assert asking == Trips(reads=1, writes=1), "\n".join(asking.said)


def test_a_bearer_token_is_still_a_bearer_token(app: App) -> None:
    visitor = app.visitor()
    tokens = visitor.tokens()

    assert tokens["token_type"] == "Bearer"
    assert "cnf" not in claims_of(tokens["access_token"])
    answer = visitor.userinfo(tokens["access_token"])
    assert answer.status_code == 200
    assert "DPoP-Nonce" not in answer.headers
