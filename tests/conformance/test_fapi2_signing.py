"""FAPI 2.0 Message Signing: signed request objects at `/par`, and answers that come signed (JARM)."""

import pytest
from joserfc.jwk import RSAKey

from tests.conformance.fapi2 import SIGNED, Party, Plan
from tests.conformance.test_fapi2_security import JAR, refused
from tests.support.app import ISSUER
from tests.support.pushed import asked
from tests.support.request_objects import signed

signing = pytest.mark.parametrize("plan", SIGNED, ids=str)
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
MINUTE = 60


@signing
def test_ensure_request_object_with_multiple_aud_succeeds(first: Party, plan: Plan) -> None:
    sealed = {"aud": [ISSUER, "https://other1.example.test", "https://other2.example.test"]}
    assert first.outcome(first.authorized(sealed=sealed)) == "code"


@signing
def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(first: Party, plan: Plan) -> None:
    assert first.push(sealed={"nbf": int(first.app.clock()) + 8}).status_code == 201


@pytest.mark.parametrize("name", ["exp", "nbf"])
@signing
def test_ensure_request_object_without_exp_fails(first: Party, plan: Plan, name: str) -> None:
    """And ensure-request-object-without-nbf-fails."""
    assert refused(first.push(sealed={name: None}), "invalid_request_object")


@signing
def test_ensure_expired_request_object_fails(first: Party, plan: Plan) -> None:
    now = int(first.app.clock())
    over = {"nbf": now - 10 * MINUTE, "exp": now - 5 * MINUTE}
    assert refused(first.push(sealed=over), "invalid_request_object")


@signing
def test_ensure_request_object_with_bad_aud_fails(first: Party, plan: Plan) -> None:
    assert refused(first.push(sealed={"aud": "https://other.example.test"}), "invalid_request_object")


@signing
def test_ensure_request_object_with_exp_over_60_fails(first: Party, plan: Plan) -> None:
    sealed = {"exp": int(first.app.clock()) + 70 * MINUTE}
    assert refused(first.push(sealed=sealed), "invalid_request_object")


@signing
def test_ensure_request_object_with_nbf_over_60_fails(first: Party, plan: Plan) -> None:
    sealed = {"nbf": int(first.app.clock()) - 70 * MINUTE}
    assert refused(first.push(sealed=sealed), "invalid_request_object")


@signing
def test_ensure_signed_request_object_with_rs256_fails(first: Party, plan: Plan) -> None:
    """Also with a key that is registered: the algorithm is what is refused."""
    first.registered(RSA)
    assert first.push(sealed={"key": RSA, "header": {"alg": "PS256"}}).status_code == 201
    assert refused(first.push(sealed={"key": RSA, "header": {"alg": "RS256"}}), "invalid_request_object")


@signing
def test_ensure_request_object_signature_algorithm_is_not_none(first: Party, plan: Plan) -> None:
    head, body, _ = first.request_object(asked()).split(".")
    unsigned = signed({}, first.key, alg="ES256").split(".")[0]
    assert unsigned != head
    none = "eyJhbGciOiJub25lIn0"
    assert refused(first.push_object(f"{none}.{body}."), "invalid_request_object", "request_not_supported")


@signing
def test_ensure_request_object_with_invalid_signature_fails(first: Party, plan: Plan) -> None:
    text = first.request_object(asked())
    broken = text[:-8] + ("A" if text[-8] != "A" else "B") + text[-7:]
    assert refused(first.push_object(broken), "invalid_request_object")


@signing
def test_ensure_matching_key_in_authorization_request(first: Party, second: Party, plan: Plan) -> None:
    assert refused(first.push(sealed={"key": second.key}), *JAR)


@signing
def test_ensure_unsigned_request_at_par_endpoint_fails(first: Party, plan: Plan) -> None:
    assert refused(first.post("/par", asked(scope="openid")), "invalid_request")


@signing
def test_par_authorization_request_containing_request_uri(first: Party, plan: Plan) -> None:
    sealed = {"request_uri": "urn:ietf:params:oauth:request_uri:x"}
    assert refused(first.push(sealed=sealed), "invalid_request_object")
