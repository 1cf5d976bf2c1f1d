"""FAPI 2.0 Security Profile: what only holds for client assertions, or for tokens that are bound by DPoP."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from tests.conformance.fapi2 import ALL, Party, Plan
from tests.conformance.test_fapi2_security import every, refused
from tests.support.app import ISSUER
from tests.support.dpop import ProofKey

by_assertion = pytest.mark.parametrize("plan", [p for p in ALL if p.auth == "private_key_jwt"], ids=str)
by_proof = pytest.mark.parametrize("plan", [p for p in ALL if p.bound == "dpop"], ids=str)
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
CLIENT = ("invalid_client", "invalid_request")
PROOF = ("invalid_request", "invalid_grant", "invalid_dpop_proof")
EITHER = (400, 401)


def with_assertion(party: Party, where: str, **claims: Any) -> TestResponse:
    """A request with this assertion at `/par` or `/token`, otherwise good."""
    credentials = party.assertion(**claims)
    return (
        party.push(credentials=credentials) if where == "par" else party.redeem(party.code(), credentials=credentials)
    )


@by_assertion
def test_ensure_signed_client_assertion_with_rs256_fails(first: Party, plan: Plan) -> None:
    """Also with a key that is registered: the algorithm is what is refused."""
    first.registered(RSA)
    answer = first.redeem(first.code(), credentials=first.assertion(RSA, {"alg": "RS256"}))
    assert refused(answer, "invalid_client", statuses=EITHER)
    assert first.redeem(first.code(), credentials=first.assertion(RSA, {"alg": "PS256"})).status_code == 200


@by_assertion
def test_ensure_client_assertion_in_token_endpoint(first: Party, plan: Plan) -> None:
    assert refused(first.redeem(first.code(), credentials={}), *CLIENT, statuses=EITHER)


@pytest.mark.parametrize("where", ["token", "par"])
@by_assertion
def test_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(first: Party, plan: Plan, where: str) -> None:
    answer = with_assertion(first, where, iat=None, exp=int(first.app.clock()) - 300)
    assert refused(answer, *CLIENT, statuses=EITHER)


@pytest.mark.parametrize("where", ["token", "par"])
@by_assertion
def test_ensure_client_assertion_with_wrong_aud_fails(first: Party, plan: Plan, where: str) -> None:
    assert refused(with_assertion(first, where, aud="https://other.example.test"), *CLIENT, statuses=EITHER)


@by_assertion
def test_ensure_client_assertion_with_no_sub_fails(first: Party, plan: Plan) -> None:
    assert refused(with_assertion(first, "token", sub=None), *CLIENT, statuses=EITHER)


@pytest.mark.parametrize("seconds", [8, 10])
@by_assertion
def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(
    first: Party, plan: Plan, seconds: int
) -> None:
    """J-03"""
    soon = int(first.app.clock()) + seconds
    assert with_assertion(first, "par", iat=soon, nbf=soon).status_code == 201


@by_assertion
def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(first: Party, plan: Plan) -> None:
    """J-03"""
    later = int(first.app.clock()) + 62
    answer = with_assertion(first, "par", iat=later, nbf=later, exp=later + 60)
    assert refused(answer, *CLIENT, statuses=EITHER)


@pytest.mark.parametrize("aud", [[ISSUER, "https://other.example.test"], f"{ISSUER}/par", f"{ISSUER}/token"])
@by_assertion
def test_par_test_array_as_audience_fails(first: Party, plan: Plan, aud: Any) -> None:
    """And par-test-par-endpoint-url-as-audience-fails, par-test-token-endpoint-url-as-audience-fails."""
    assert refused(with_assertion(first, "par", aud=aud), *CLIENT, statuses=EITHER)


@every
def test_ensure_holder_of_key_required(first: Party, plan: Plan) -> None:
    code = first.code()
    if plan.bound == "dpop":
        answer = first.post("/token", {"grant_type": "authorization_code", "code": code})
        assert refused(answer, *PROOF)
    else:
        answer = first.redeem(code, connection={"X-Forwarded-For": "203.0.113.7"})
        assert refused(answer, *CLIENT, "invalid_grant", statuses=EITHER)


@by_proof
def test_check_dpop_proof_nbf_exp(first: Party, plan: Plan) -> None:
    now = int(first.app.clock())
    dates = {"nbf": now, "exp": now + 300}
    answer = first.redeem(first.code(), proof=dates)
    assert answer.status_code == 200
    assert first.resource(answer.json["access_token"], **dates).status_code == 200


@pytest.mark.parametrize("seconds", [-10, 8])
@by_proof
def test_ensure_dpopproof_with_iat_10seconds_before_succeeds(first: Party, plan: Plan, seconds: int) -> None:
    """And ensure-dpopproof-with-iat-10seconds-after-succeeds (eight seconds, despite its name)."""
    iat = {"iat": int(first.app.clock()) + seconds}
    answer = first.redeem(first.code(proof=iat), proof=iat)
    assert answer.status_code == 200
    assert first.resource(answer.json["access_token"], **iat).status_code == 200


@by_proof
def test_ensure_mismatched_dpop_jkt_fails(first: Party, plan: Plan) -> None:
    answer = first.push(says={"dpop_jkt": ProofKey().jkt}, proof={})
    assert refused(answer, "invalid_request", "invalid_dpop_proof")


@by_proof
def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(first: Party, plan: Plan) -> None:
    assert refused(first.redeem(first.code(proof={}), proof={"key": ProofKey()}), *PROOF)


@by_proof
def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(first: Party, plan: Plan) -> None:
    assert refused(first.redeem(first.code(says={"dpop_jkt": ProofKey().jkt})), *PROOF)


@by_proof
def test_ensure_dpopproof_at_par_endpoint_binding_success(first: Party, plan: Plan) -> None:
    assert first.redeem(first.code(proof={})).status_code == 200


@by_proof
def test_ensure_dpop_auth_code_binding_success(first: Party, plan: Plan) -> None:
    assert first.redeem(first.code(says={"dpop_jkt": first.proof_key.jkt}, proof={})).status_code == 200


@by_proof
def test_refresh_token_with_another_key(first: Party, plan: Plan) -> None:
    """Part of refresh-token: the client authenticates, so its refresh tokens are not bound to one key."""
    first.proof_key, tokens = ProofKey(), first.tokens()
    first.proof_key = ProofKey()
    answer = first.refresh(tokens["refresh_token"])
    assert answer.status_code == 200
    assert first.resource(answer.json["access_token"]).status_code == 200


PRIVATE = ECKey.generate_key("P-256")
HOUR = 3600
SPOILT: dict[str, dict[str, Any]] = {
    **{f"no {name}": {"header": {name: None}} for name in ("typ", "alg", "jwk")},
    **{f"no {name}": {name: None} for name in ("jti", "htm", "htu", "iat", "ath")},
    "another typ": {"header": {"typ": "JWT"}},
    "RS256": {"key": ProofKey(RSA, "RS256")},
    "alg none": {"header": {"alg": "none"}},
    "another key's signature": {"signed_by": PRIVATE},
    "a private key": {"header": {"jwk": PRIVATE.as_dict(private=True)}, "signed_by": PRIVATE},
    "another method": {"htm": "POST"},
    "another address": {"htu": "https://other.example.test/userinfo"},
    "another token": {"ath": "x" * 43},
    "another key": {"key": ProofKey()},
}


@by_proof
def test_dpop_negative_tests(first: Party, plan: Plan) -> None:
    token, now = first.tokens()["access_token"], int(first.app.clock())
    spoilt = SPOILT | {"an hour ago": {"iat": now - HOUR}, "in an hour": {"iat": now + HOUR}}
    for what, proof in spoilt.items():
        assert first.resource(token, **proof).status_code in EITHER, what
    good = first.proof("GET", "/userinfo", access_token=token)["DPoP"]
    headers = first.connection() | {"Authorization": f"DPoP {token}"}
    for what, more in {"none": {}, "no JWT": {"DPoP": "x"}, "two": {"DPoP": f"{good}, {good}"}}.items():
        assert first.visitor.get("/userinfo", headers=headers | more).status_code in EITHER, what
    assert first.visitor.get("/userinfo", headers=headers | {"Authorization": f"Bearer {token}"}).status_code in EITHER
    for what, proof in {
        "a query": {"htu": f"{ISSUER}/userinfo?a=b"},
        "a fragment": {"htu": f"{ISSUER}/userinfo#a"},
        "more members": {"header": {"kid": "x", "extra": 1}, "more": "x"},
        "as ever": {},
    }.items():
        assert first.resource(token, **proof).status_code == 200, what
