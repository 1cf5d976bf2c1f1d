"""A client of the FAPI 2.0 profile has no weaker way in: not at registration, and not by its assertions."""

from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.oidc.assertions import ASSERTION_TYPE
from idp.oidc.clients import DEVICE_CODE, Client
from idp.oidc.profiles import chosen
from idp.oidc.registration import BadClient, read_client
from tests.attacks.test_tokens import signed
from tests.support.app import ISSUER, App

KEYS: dict[str, Any] = {
    "ES256": ECKey.generate_key("P-256", {"kid": "e"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "p"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "o"}),
}
JWKS = {"keys": [key.as_dict(private=False) for key in KEYS.values()]}
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "scope": "reports", "jwks": JWKS}
FAPI2 = MACHINE | {"profile": "fapi2"}
PLAIN = MACHINE | {"token_endpoint_auth_method": "private_key_jwt"}
PORTAL = {"client_id": "portal-7", "redirect_uris": ["https://portal.example.vn/cb"], "jwks": JWKS, "profile": "fapi2"}


def answered(app: App, alg: str = "ES256", **changed: Any) -> str:
    """The error that an assertion of `machine` is told; with a good one it is the proof that is missing."""
    now, header = int(app.clock()), {"alg": alg, "kid": KEYS["PS256" if alg == "RS256" else alg].kid}
    claims = {"iss": "machine", "sub": "machine", "aud": ISSUER, "jti": f"{alg}{changed}", "iat": now, "exp": now + 60}
    key = KEYS["PS256" if alg == "RS256" else alg]
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(header, claims | changed, key)}
    return str(app.visitor().post("/token", form | {"grant_type": "client_credentials"}).json.get("error", "issued"))


def test_an_assertion_is_signed_as_the_profile_says(app: App) -> None:
    """J-02"""
    app.client("machine", secret=None, **FAPI2)
    assert {answered(app, alg) for alg in KEYS} == {"invalid_dpop_proof"}
    assert answered(app, "RS256") == "invalid_client"

    app.client("machine", secret=None, **PLAIN)
    assert answered(app, "RS256", jti="again") == "issued"


AUDIENCES: dict[str, Callable[[int], dict[str, Any]]] = {
    "the token endpoint": lambda now: {"aud": f"{ISSUER}/token"},
    "a list": lambda now: {"aud": [ISSUER]},
    "a list of both": lambda now: {"aud": [ISSUER, f"{ISSUER}/token"]},
    "a longer life": lambda now: {"exp": now + 301},
}


@pytest.mark.parametrize("what", AUDIENCES)
def test_an_assertion_names_the_issuer_and_nothing_else(app: App, what: str) -> None:
    """J-02: what other clients may do."""
    changed = AUDIENCES[what](int(app.clock()))

    app.client("machine", secret=None, **FAPI2)
    strict = answered(app, **changed)
    app.client("machine", secret=None, **PLAIN)

    assert (strict, answered(app, **changed)) == ("invalid_client", "issued")


@pytest.mark.parametrize("aud", [None, "", ISSUER + "/", "https://other.example", {ISSUER: 1}, 7, f" {ISSUER}"])
def test_no_other_audience_is_ours(app: App, aud: Any) -> None:
    app.client("machine", secret=None, **FAPI2)

    assert answered(app, aud=aud) == "invalid_client"


def test_the_profile_is_what_it_is_by_itself() -> None:
    client = read_client(PORTAL, secret_digest=None)

    assert (client.token_endpoint_auth_method, client.id_token_signed_response_alg) == ("private_key_jwt", "ES256")
    assert (client.dpop_bound_access_tokens, client.tls_client_certificate_bound_access_tokens) == (True, False)
    assert (client.require_pushed_authorization_requests, client.require_pkce, client.refresh_grace) == (True, True, 60)
    bound = read_client(PORTAL | {"tls_client_certificate_bound_access_tokens": True}, secret_digest=None)
    assert (bound.dpop_bound_access_tokens, bound.tls_client_certificate_bound_access_tokens) == (False, True)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"token_endpoint_auth_method": "client_secret"}, "authentication may be"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "authentication may be"),
        ({"token_endpoint_auth_method": "none"}, "authentication may be"),
        ({"dpop_bound_access_tokens": False}, "tokens are bound to a key or a certificate"),
        ({"id_token_signed_response_alg": "RS256"}, "ID tokens may use PS256, ES256, EdDSA"),
        ({"require_pkce": False}, "PKCE cannot be omitted"),
        ({"require_pushed_authorization_requests": False}, "cannot be switched off"),
        ({"grant_types": ["authorization_code", DEVICE_CODE]}, "it has no device grant"),
        ({"redirect_uris": ["http://localhost/cb"]}, "a redirect URI must be https"),
        ({"profile": "fapi3"}, "profile may be fapi2, or empty"),
        ({"profile": 2}, "profile must be a text"),
    ],
)
def test_what_contradicts_the_profile_is_refused_with_a_sentence(changed: dict[str, Any], why: str) -> None:
    """J-01"""
    with pytest.raises(BadClient, match=why):
        read_client(PORTAL | changed, secret_digest="x" * 43)


def test_an_existing_client_takes_the_profile_and_keeps_what_was_chosen() -> None:
    usual = {"client_id": "c-1", "jwks": JWKS, "token_endpoint_auth_method": "client_secret", "refresh_grace": 10}
    metadata = chosen(usual | {"id_token_signed_response_alg": "PS256", "dpop_bound_access_tokens": False})

    assert set(metadata) == {"client_id", "jwks", "id_token_signed_response_alg"}
    assert chosen({"token_endpoint_auth_method": "client_secret_post"}), "and then it is refused"
    client = read_client(PORTAL | metadata, secret_digest=None)
    assert isinstance(client, Client)
    assert (client.id_token_signed_response_alg, client.dpop_bound_access_tokens) == ("PS256", True)
