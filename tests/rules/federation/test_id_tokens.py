"""ID tokens and logout tokens of upstreams: what is right is taken, and each rule alone refuses."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode

from federation.connector import UpstreamFailed
from federation.id_tokens import LOGOUT_EVENT, Expected, read_id_token, read_logout_token
from keys.signing import half_hash

NOW = 1_772_413_200
ISSUER, US = "https://op.example", "bhxh"
KEYS: Mapping[str, Any] = {
    "RS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}
EXPECTED = Expected(ISSUER, US, ("RS256", "ES256", "EdDSA"))
CLAIMS = {"iss": ISSUER, "sub": "a", "aud": US, "exp": NOW + 300, "iat": NOW, "nonce": "n"}
LOGOUT = {"iss": ISSUER, "sub": "a", "sid": "s", "aud": US, "iat": NOW, "jti": "j", "events": {LOGOUT_EVENT: {}}}


def signed(claims: Mapping[str, Any], alg: str = "RS256", **header: Any) -> str:
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact({"alg": alg, "kid": "k", **header}, json.dumps(claims), KEYS[alg], registry=registry)


def found(kid: str | None, algorithm: str) -> Key:
    key: Key = KEYS[algorithm]
    return key


def read(token: object, **more: Any) -> dict[str, Any]:
    return read_id_token(token, EXPECTED, found, **({"nonce": "n", "now": NOW} | more))


def refused(token: object, why: str, **more: Any) -> None:
    with pytest.raises(UpstreamFailed) as failure:
        read(token, **more)
    assert (failure.value.kind, failure.value.detail) == ("refused", f"token: {why}")


@pytest.mark.parametrize("alg", KEYS)
def test_a_good_token_of_each_algorithm_is_taken(alg: str) -> None:
    claims = CLAIMS | {"at_hash": half_hash("access", alg), "aud": [US], "azp": US}

    assert read(signed(claims, alg), access_token="access") == claims


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"typ": "jwt"}, {"x5t": "of WSO2"}, {"x5t#S256": "a"}, {"x5c": ["a"]}, {"vendor": {"a": 1}}],
)
def test_headers_that_mean_nothing_to_us_do_no_harm(header: dict[str, Any]) -> None:
    assert read(signed(CLAIMS, **header)) == CLAIMS


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 29},
        {"iat": NOW + 30},
        {"iat": NOW - 600, "exp": NOW + 1},
        {"nbf": NOW + 30},
        {"exp": NOW + 300.5},
        {"auth_time": NOW - 86_400},
        {"acr": "LoA2", "sid": "s", "amr": ["pwd"]},
        {"sub": "a" * 255},
    ],
)
def test_the_edge_of_each_rule_is_still_inside(claims: dict[str, Any]) -> None:
    assert read(signed(CLAIMS | claims)) == CLAIMS | claims


@pytest.mark.parametrize(
    ("claims", "rule"),
    [
        ({"exp": NOW - 30}, "exp"),
        ({"iat": NOW + 31}, "iat"),
        ({"iat": NOW - 601}, "iat"),
        ({"nbf": NOW + 31}, "nbf"),
        ({"aud": [US, US]}, "aud"),
        ({"aud": [US, "other"], "azp": US}, "aud"),
        ({"azp": "other"}, "azp"),
        ({"iss": ISSUER + "/"}, "iss"),
        ({"nonce": "N"}, "nonce"),
        ({"sub": "a" * 256}, "sub"),
        ({"at_hash": "a"}, "at_hash"),
    ],
)
def test_a_step_over_it_is_not(claims: dict[str, Any], rule: str) -> None:
    """D-01"""
    refused(signed(CLAIMS | claims), rule, access_token="access")


@pytest.mark.parametrize("rule", CLAIMS)
def test_what_a_token_leaves_out_is_not_taken_for_granted(rule: str) -> None:
    """D-01, Y-07"""
    refused(signed({name: value for name, value in CLAIMS.items() if name != rule}), rule)


def test_an_at_hash_without_an_access_token_proves_nothing() -> None:
    refused(signed(CLAIMS | {"at_hash": half_hash("access", "RS256")}), "at_hash")


@pytest.mark.parametrize("claims", [{"nonce": "other"}, {"nonce": None}, {"nonce": ""}])
def test_no_token_switches_the_nonce_off(claims: dict[str, Any]) -> None:
    """Y-07"""
    refused(signed(CLAIMS | claims | {"nonce_supported": False}), "nonce")


@pytest.mark.parametrize("life", [3600, 30 * 86_400])
def test_how_long_a_token_says_it_lives_makes_it_no_older(life: int) -> None:
    """Y-06: what counts is when it was made, ten minutes ago at most."""
    assert read(signed(CLAIMS | {"exp": NOW + life}))["exp"] == NOW + life
    refused(signed(CLAIMS | {"exp": NOW + life, "iat": NOW - 601}), "iat")


def test_a_login_is_as_fresh_as_was_asked_for() -> None:
    """D-01, D-05: `auth_time` counts when asked for, and must be there then."""
    assert read(signed(CLAIMS | {"auth_time": NOW - 10}), since=NOW - 20.0)["auth_time"] == NOW - 10
    for claims in (CLAIMS, CLAIMS | {"auth_time": NOW - 51}):
        refused(signed(claims), "auth_time is too old", since=NOW - 20.0)
    refused(signed(CLAIMS | {"auth_time": "now"}), "auth_time", since=NOW - 20.0)


@pytest.mark.parametrize("alg", ["none", "HS256", "RS512", "", None])
def test_an_algorithm_that_is_configured_by_mistake_is_still_refused(alg: str) -> None:
    """D-08: neither `none` nor a symmetric one is ever taken, whatever a configuration says."""
    expected = Expected(ISSUER, US, ("none", "HS256", "RS512", "", "None"))
    head, payload, signature = signed(CLAIMS).split(".")
    head = urlsafe_b64encode(json.dumps({"alg": alg}).encode()).decode()
    with pytest.raises(UpstreamFailed, match="alg"):
        read_id_token(f"{head}.{payload}.{signature}", expected, found, nonce="n", now=NOW)


def test_a_key_of_another_algorithm_verifies_nothing() -> None:
    """D-01: the algorithm is the one that is registered for this upstream."""
    with pytest.raises(UpstreamFailed, match="alg"):
        read_id_token(signed(CLAIMS, "ES256"), Expected(ISSUER, US, ("RS256",)), found, nonce="n", now=NOW)
    with pytest.raises(UpstreamFailed, match="signature"):
        read_id_token(signed(CLAIMS, "ES256"), EXPECTED, lambda kid, alg: found(kid, "RS256"), nonce="n", now=NOW)


def test_a_failure_tells_nothing_of_the_person() -> None:
    for claims in ({"aud": "somebody"}, {"nonce": "somebody"}, {"iss": "somebody"}, {"sub": "somebody\n"}):
        with pytest.raises(UpstreamFailed) as failure:
            read(signed(CLAIMS | claims))
        assert "somebody" not in str(failure.value)


def test_a_logout_token_is_taken() -> None:
    """D-13"""
    for claims in (LOGOUT, {k: v for k, v in LOGOUT.items() if k != "sub"}, LOGOUT | {"exp": NOW + 60}):
        for typ in ("logout+jwt", "JWT", "application/logout+jwt"):
            assert read_logout_token(signed(claims, typ=typ), EXPECTED, found, now=NOW) == claims


@pytest.mark.parametrize(
    ("claims", "rule"),
    [
        ({"iss": "https://other.example"}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": [US, "other"]}, "aud"),
        ({"iat": NOW - 601}, "iat"),
        ({"iat": NOW + 31}, "iat"),
        ({"iat": None}, "iat"),
        ({"exp": NOW - 30}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"nonce": "n"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 1}, "jti"),
        ({"events": None}, "events"),
        ({"events": {}}, "events"),
        ({"events": [LOGOUT_EVENT]}, "events"),
        ({"events": {LOGOUT_EVENT: True}}, "events"),
        ({"events": {LOGOUT_EVENT + "/x": {}}}, "events"),
        ({"sub": None, "sid": None}, "neither sub nor sid"),
        ({"sub": 1}, "sub"),
        ({"sid": ""}, "sid"),
    ],
)
def test_a_logout_token_with_one_thing_wrong_is_not(claims: dict[str, Any], rule: str) -> None:
    """D-13"""
    with pytest.raises(UpstreamFailed, match=f"token: {rule}"):
        read_logout_token(signed(LOGOUT | claims), EXPECTED, found, now=NOW)


def test_neither_token_is_taken_for_the_other() -> None:
    """D-11"""
    with pytest.raises(UpstreamFailed):
        read_logout_token(signed(CLAIMS), EXPECTED, found, now=NOW)
    with pytest.raises(UpstreamFailed):
        read(signed(LOGOUT | {"exp": NOW + 60}, typ="logout+jwt"))
    with pytest.raises(UpstreamFailed, match="typ"):
        read_logout_token(signed(LOGOUT, typ="at+jwt"), EXPECTED, found, now=NOW)
