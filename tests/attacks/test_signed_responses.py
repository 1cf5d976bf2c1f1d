"""Signed authorization responses (JARM): the client reads who answered, whom, and until when; nobody changes it."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp.oidc.registration import BadClient, read_client
from tests.attacks.test_tokens import parts
from tests.support.app import ISSUER, REDIRECT, SECRET, App, Visitor, attempt_of
from tests.support.pushed import asked, go, push, pushed
from tests.support.request_objects import request_object, send, signer

MODES = ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"]


def response_of(answer: TestResponse, mode: str) -> str:
    """The one parameter of the response, from where the mode puts it."""
    if mode.startswith("form_post"):
        fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text))
    else:
        location = urlsplit(answer.headers["Location"])
        inside, outside = location.query, location.fragment
        if mode.startswith("fragment"):
            inside, outside = outside, inside
        assert outside == ""
        fields = dict(parse_qsl(inside))
    assert list(fields) == ["response"]
    return unescape(fields["response"])


def read(visitor: Visitor, answer: TestResponse, mode: str, alg: str = "RS256") -> dict[str, Any]:
    """The verified parameters, without the frame."""
    keys = KeySet.import_key_set(visitor.get("/jwks").json)
    token = jwt.decode(response_of(answer, mode), keys, algorithms=[alg])
    assert token.header["typ"] == "oauth-authz-resp+jwt"
    claims = dict(token.claims)
    assert claims.pop("iss") == ISSUER
    assert claims.pop("aud") == "portal"
    assert 10 < claims.pop("exp") - visitor.app.clock() <= 600
    return claims


@pytest.mark.parametrize("mode", MODES)
def test_code_and_errors_come_as_one_signed_parameter(everywhere: App, mode: str) -> None:
    visitor = everywhere.visitor()
    first = read(visitor, visitor.log_in(visitor.authorize(response_mode=mode)), mode)
    again = read(visitor, visitor.authorize(response_mode=mode), mode)

    for response in (first, again):
        assert response.keys() == {"code", "state"}
        assert response["state"] == "a state"
        assert visitor.redeem(response["code"]).status_code == 200
    for wrong, error in (({"scope": "profile"}, "invalid_scope"), ({"code_challenge": None}, "invalid_request")):
        refused = read(visitor, visitor.authorize(response_mode=mode, **wrong), mode)
        assert (refused["error"], refused["state"]) == (error, "a state")


@pytest.mark.parametrize("mode", MODES)
def test_who_gives_up_is_told_in_the_same_way(app: App, mode: str) -> None:
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize(response_mode=mode))

    answer = visitor.post("/login", {"attempt": attempt, "login-cancel": ""})

    assert read(visitor, answer, mode)["error"] == "access_denied"


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_the_client_says_by_which_algorithm(app: App, alg: str) -> None:
    """And metadata names it."""
    app.client(authorization_signed_response_alg=alg)
    visitor = app.visitor()

    answer = visitor.authorize(response_mode="jwt", prompt="none")

    assert read(visitor, answer, "jwt", alg)["error"] == "login_required"
    document = visitor.get("/.well-known/openid-configuration").json
    assert alg in document["authorization_signing_alg_values_supported"]


@pytest.mark.parametrize("alg", ["none", "HS256", "RS512", ""])
def test_no_other_algorithm_is_registered(alg: str) -> None:
    metadata = {"client_id": "portal", "redirect_uris": [REDIRECT], "authorization_signed_response_alg": alg}

    with pytest.raises(BadClient):
        read_client(metadata, secret_digest="x")


def test_a_pushed_and_signed_request_is_answered_signed(app: App) -> None:
    """FAPI 2.0 Message Signing: all three together; an error of `/par` is JSON, whatever the mode."""
    signer(app)
    visitor = app.visitor()
    visitor.code()
    text = request_object(app, response_mode="jwt")
    name = visitor.post("/par", {"request": text}, auth=("signer", SECRET)).json["request_uri"]

    _, claims, _ = parts(response_of(go(visitor, name, "signer"), "jwt"))
    assert (claims["aud"], claims["state"]) == ("signer", "a state")
    assert visitor.redeem(claims["code"], "signer").status_code == 200
    assert "code" in read(visitor, go(visitor, pushed(visitor, response_mode="jwt")), "jwt")
    assert push(visitor, response_mode="jwt", scope="profile").json["error"] == "invalid_scope"
    # An object that proves nothing cannot say how its error is sent.
    refused = send(visitor, text[:-4], **asked(response_mode="fragment.jwt"))
    assert parts(response_of(refused, "fragment.jwt"))[1]["error"] == "invalid_request_object"


def test_a_response_is_no_other_token(app: App) -> None:
    """H-05: not a hint, not a bearer token, not an assertion."""
    visitor = app.visitor()
    visitor.code()
    text = response_of(visitor.authorize(response_mode="jwt"), "jwt")

    assert visitor.userinfo(text).status_code == 401
    assert visitor.introspect(text) == {"active": False}
    hinted = read(visitor, visitor.authorize(response_mode="jwt", id_token_hint=text), "jwt")
    assert hinted["error"] == "invalid_request"


def test_an_app_with_a_scheme_of_its_own_gets_no_form(app: App) -> None:
    app.client(
        "app", secret=None, redirect_uris=["vn.app:/cb"], application_type="native", token_endpoint_auth_method="none"
    )
    visitor = app.visitor()

    answer = visitor.authorize("app", redirect_uri="vn.app:/cb", response_mode="form_post.jwt")

    assert parts(response_of(answer, "form_post.jwt"))[1]["error"] == "invalid_request"
