"""Userinfo and introspection as signed JWTs (OIDC Core 5.3.2, RFC 9701), and answers that only the client can read."""

import json
from typing import Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode
from werkzeug.test import TestResponse

from idp.oidc.clients import ENCRYPTED
from idp.oidc.registration import BadClient, read_client
from idp.oidc.response_encryption import ALGS
from keys.encryption import ENCS
from tests.attacks.test_tokens import parts
from tests.support.app import ISSUER, REDIRECT, SECRET, App, Visitor, answer_of

KEYS: dict[str, Any] = {
    "rsa": RSAKey.generate_key(2048, parameters={"use": "enc", "kid": "rsa"}),
    "ec": ECKey.generate_key("P-256", parameters={"use": "enc", "kid": "ec"}),
    "signs": ECKey.generate_key("P-256", parameters={"use": "sig", "kid": "signs"}),
}
ENCRYPTION_KEYS = {"keys": [KEYS[name].as_dict(private=False) for name in ("signs", "rsa", "ec")]}
JWT = "application/token-introspection+jwt"


def signed_introspection(visitor: Visitor, token: str, accept: str = JWT) -> TestResponse:
    return visitor.post("/introspect", {"token": token}, auth=("portal", SECRET), headers={"Accept": accept})


def encrypted_answer(visitor: Visitor, what: str) -> str:
    """An answer of this kind to the portal, as it came."""
    if what == "authorization":
        return str(answer_of(visitor.authorize(response_mode="jwt", prompt="none"))["response"])
    if what == "introspection":
        return signed_introspection(visitor, "x").text
    tokens = visitor.tokens()
    return str(tokens["id_token"]) if what == "id_token" else visitor.userinfo(tokens["access_token"]).text


def opened(text: str) -> tuple[dict[str, Any], str]:
    """The header of an encrypted answer, and what is in it."""
    kid = json.loads(urlsafe_b64decode(text.partition(".")[0].encode()))["kid"]
    header = jwe.decrypt_compact(text, KEYS[kid], algorithms=[*ALGS, *ENCS])
    return dict(header.protected), (header.plaintext or b"").decode()


def verified(visitor: Visitor, text: str, alg: str = "RS256") -> tuple[dict[str, Any], dict[str, Any]]:
    token = jwt.decode(text, KeySet.import_key_set(visitor.get("/jwks").json), algorithms=[alg])
    return dict(token.header), dict(token.claims)


def encrypting(what: str, alg: str = "ECDH-ES", **more: Any) -> dict[str, Any]:
    signed = {"userinfo_signed_response_alg": "ES256"} if what == "userinfo" else {}
    return {f"{what}_encrypted_response_alg": alg, "jwks": ENCRYPTION_KEYS} | signed | more


def test_userinfo_comes_signed_to_who_registered_it(everywhere: App) -> None:
    everywhere.client(userinfo_signed_response_alg="RS256")
    visitor = everywhere.visitor()
    tokens = visitor.tokens(scope="openid profile")

    answer = visitor.userinfo(tokens["access_token"])

    header, claims = verified(visitor, answer.text)
    assert (answer.headers["Content-Type"], header["typ"]) == ("application/jwt", "userinfo+jwt")
    assert (claims.pop("iss"), claims.pop("aud")) == (ISSUER, "portal")
    assert claims["sub"] == parts(tokens["id_token"])[1]["sub"]
    assert claims["name"]
    assert visitor.userinfo("x").status_code == 401, "an error is no JWT"
    everywhere.client(userinfo_signed_response_alg=None)
    assert visitor.userinfo(tokens["access_token"]).json == claims


def test_introspection_comes_signed_to_who_asks_for_it(everywhere: App) -> None:
    """I-03, RFC 9701, 4 and 5: the answer is a member, so that nobody takes the JWT for the token."""
    visitor = everywhere.visitor()
    token = visitor.tokens()["access_token"]

    answer = signed_introspection(visitor, token)
    header, claims = verified(visitor, answer.text)

    assert (answer.headers["Content-Type"], header["typ"]) == (JWT, "token-introspection+jwt")
    assert claims.keys() == {"iss", "aud", "iat", "token_introspection"}
    assert (claims["iss"], claims["aud"]) == (ISSUER, "portal")
    assert claims["token_introspection"] == visitor.introspect(token)
    _, dead = verified(visitor, signed_introspection(visitor, "made up").text)
    assert dead["token_introspection"] == {"active": False}


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/*", f"{JWT};q=0", "application/jwt"])
def test_who_does_not_name_the_type_gets_json(app: App, accept: str) -> None:
    answer = signed_introspection(app.visitor(), "x", accept)

    assert answer.json == {"active": False}


@pytest.mark.parametrize("accept", [f"application/json;q=0.5, {JWT}", JWT.upper(), f"{JWT};q=0.1"])
def test_a_client_may_name_it_among_others(app: App, accept: str) -> None:
    assert signed_introspection(app.visitor(), "x", accept).headers["Content-Type"] == JWT


def test_an_answer_is_no_other_token(app: App) -> None:
    """H-05, I-03: neither a hint, nor a bearer token, nor refreshed."""
    app.client(userinfo_signed_response_alg="RS256")
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]
    answers = visitor.userinfo(token).text, signed_introspection(visitor, token).text

    for text in answers:
        assert visitor.userinfo(text).status_code == 401
        assert visitor.introspect(text) == {"active": False}
        hinted = answer_of(visitor.authorize(prompt="none", id_token_hint=text))
        assert hinted["error"] == "invalid_request"


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("what", ENCRYPTED)
def test_an_encrypted_answer_holds_a_signed_one(app: App, what: str, alg: str) -> None:
    app.client(**encrypting(what, alg))
    visitor = app.visitor()

    header, inner = opened(encrypted_answer(visitor, what))

    kid = "rsa" if alg.startswith("RSA") else "ec"
    assert (header["alg"], header["enc"], header["cty"], header["kid"]) == (alg, "A128CBC-HS256", "JWT", kid)
    _, claims = verified(visitor, inner, "ES256" if what == "userinfo" else "RS256")
    assert (claims["iss"], claims["aud"]) == (ISSUER, "portal")


def test_a_refreshed_id_token_is_encrypted_too(app: App) -> None:
    app.client(**encrypting("id_token"))
    visitor = app.visitor()
    tokens = visitor.tokens(scope="openid offline_access")

    again = visitor.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json

    for each in (tokens, again):
        assert verified(visitor, opened(each["id_token"])[1])[1]["aud"] == "portal"


def test_the_inner_id_token_is_the_hint(app: App) -> None:
    """We cannot open what was encrypted to the client; it shows us what it found inside (OIDC Core 3.1.2.1)."""
    app.client(**encrypting("id_token"))
    visitor = app.visitor()
    sent = visitor.tokens()["id_token"]

    assert "code" in answer_of(visitor.authorize(prompt="none", id_token_hint=opened(sent)[1]))
    assert answer_of(visitor.authorize(prompt="none", id_token_hint=sent))["error"] == "invalid_request"


SHORT = RSAKey.generate_key(1024, parameters={"kid": "short"}).as_dict(private=False)
SECP = ECKey.generate_key("secp256k1").as_dict(private=False)
ED25519 = OKPKey.generate_key("Ed25519").as_dict(private=False)
ONLY_SIGNS = KEYS["signs"].as_dict(private=False)
FOR_ANOTHER = KEYS["ec"].as_dict(private=False) | {"alg": "ECDH-ES+A256KW"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"id_token_encrypted_response_alg": "RSA1_5"},
        {"id_token_encrypted_response_alg": "dir"},
        {"id_token_encrypted_response_enc": "A512GCM"},
        {"id_token_encrypted_response_alg": None, "id_token_encrypted_response_enc": "A128GCM"},
        {"userinfo_encrypted_response_alg": "ECDH-ES"},
        {"jwks": None},
        {"jwks": None, "jwks_uri": "https://portal.example/jwks"},
        {"id_token_encrypted_response_alg": "RSA-OAEP-256", "jwks": {"keys": [SHORT]}},
        *({"jwks": {"keys": [key]}} for key in (SECP, ED25519, ONLY_SIGNS, FOR_ANOTHER)),
        {"userinfo_signed_response_alg": "none"},
        {"userinfo_signed_response_alg": "HS256"},
        {"introspection_signed_response_alg": "none"},
        {"introspection_signed_response_alg": None},
        {"id_token_encrypted_response_alg": ["ECDH-ES"]},
    ],
)
def test_what_cannot_be_kept_is_refused_at_registration(wrong: dict[str, Any]) -> None:
    good = {"client_id": "portal", "redirect_uris": [REDIRECT]} | encrypting("id_token")

    read_client(good, secret_digest="x")
    with pytest.raises(BadClient):
        read_client(good | wrong, secret_digest="x")


def test_a_client_of_the_profile_gets_no_weaker_signature() -> None:
    fapi2 = {"client_id": "portal", "redirect_uris": [REDIRECT], "jwks": ENCRYPTION_KEYS, "profile": "fapi2"}

    read_client(fapi2 | {"userinfo_signed_response_alg": "ES256"}, secret_digest=None)
    with pytest.raises(BadClient, match="userinfo_signed_response_alg may be PS256"):
        read_client(fapi2 | {"userinfo_signed_response_alg": "RS256"}, secret_digest=None)
