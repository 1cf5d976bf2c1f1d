"""FAPI 2.0 Security Profile: the flow, parameters, codes and refresh tokens; with signed requests and answers too."""

import secrets
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from tests.conformance.fapi2 import ALL, PKJ_DPOP, Party, Plan
from tests.support.app import ISSUER, attempt_of, challenge

every = pytest.mark.parametrize("plan", ALL, ids=str)
JAR = ("invalid_request", "invalid_request_object")


def refused(answer: TestResponse, *errors: str, statuses: tuple[int, ...] = (400,)) -> bool:
    return answer.status_code in statuses and (answer.json or {}).get("error") in errors


def id_token(party: Party, tokens: dict[str, Any]) -> dict[str, Any]:
    keys = KeySet.import_key_set(party.visitor.get("/jwks").json)
    token = jwt.decode(tokens["id_token"], keys, algorithms=["PS256", "ES256", "EdDSA"])
    assert token.header["kid"]
    assert (token.claims["iss"], token.claims["aud"]) == (ISSUER, party.client_id)
    return dict(token.claims)


@every
def test_discovery_end_point_verification(first: Party, plan: Plan) -> None:
    document = first.visitor.get("/.well-known/openid-configuration").json
    assert document["issuer"] == ISSUER
    assert "code" in document["response_types_supported"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert isinstance(document["require_pushed_authorization_requests"], bool)
    assert "S256" in document["code_challenge_methods_supported"]
    assert document["tls_client_certificate_bound_access_tokens"] is True
    method = "private_key_jwt" if plan.auth == "private_key_jwt" else "self_signed_tls_client_auth"
    assert method in document["token_endpoint_auth_methods_supported"]
    assert "authorization_code" in document["grant_types_supported"]
    for kind in ("id_token", "userinfo", "token_endpoint_auth", "dpop", "request_object", "authorization"):
        assert {"ES256", "PS256", "EdDSA"} & set(document[f"{kind}_signing_alg_values_supported"]), kind
    assert "jwt" in document["response_modes_supported"]
    endpoints = [url for name, url in document.items() if name.endswith(("_endpoint", "jwks_uri"))]
    assert all(url.startswith("https://") for url in endpoints)


@every
def test_happy_flow(first: Party, second: Party, plan: Plan) -> None:
    pushed = first.push()
    assert (pushed.status_code, len(pushed.json["request_uri"]) > 40) == (201, True)
    assert 5 <= pushed.json["expires_in"] < 31_000_000
    tokens = first.tokens()
    jkt = {"dpop_jkt": second.proof_key.jkt} if plan.bound == "dpop" else {}
    others = second.tokens(says={"nonce": "n" * 43} | jkt)

    assert (id_token(first, tokens)["nonce"], id_token(second, others)["nonce"]) == ("a nonce", "n" * 43)
    assert min(len(tokens["access_token"]), len(tokens["refresh_token"])) >= 22
    for party, owned in ((first, tokens), (second, others)):
        assert (party.resource(owned["access_token"]).status_code, owned["expires_in"] > 0) == (200, True)
    assert first.resource(others["access_token"]).status_code == 401
    in_query = first.visitor.get("/userinfo", query_string={"access_token": tokens["access_token"]})
    assert in_query.status_code == 400


@every
def test_user_rejects_authentication(first: Party, second: Party, plan: Plan) -> None:
    for party in (first, second):
        begun = party.open(party.push(says={"state": "s" * 128}).json["request_uri"])
        answer = party.visitor.post("/login", {"attempt": attempt_of(begun), "login-cancel": ""})
        back = party.read(answer)
        assert (back["error"], back["state"]) == ("access_denied", "s" * 128)
        assert ("dummy1" in back) == (party is second)


@every
def test_ensure_authorization_request_without_state_success(first: Party, plan: Plan) -> None:
    back = first.read(first.authorized(says={"state": None}))
    assert ("code" in back, "state" in back) == (True, False)


@every
def test_ensure_authorization_request_without_nonce_success(first: Party, plan: Plan) -> None:
    assert "nonce" not in id_token(first, first.tokens(says={"nonce": None}))


@pytest.mark.parametrize("length", [64, 384])
@every
def test_ensure_authorization_request_with_64_char_nonce_success(first: Party, plan: Plan, length: int) -> None:
    """And ensure-authorization-request-with-long-nonce."""
    assert id_token(first, first.tokens(says={"nonce": "n" * length}))["nonce"] == "n" * length


@every
def test_ensure_authorization_request_with_long_state(first: Party, plan: Plan) -> None:
    assert first.read(first.authorized(says={"state": "s" * 1000}))["state"] == "s" * 1000


@every
def test_ensure_other_scope_order_succeeds(first: Party, plan: Plan) -> None:
    assert first.tokens(says={"scope": "offline_access profile openid"})["id_token"]


@every
def test_test_claims_parameter_identity_claims(first: Party, plan: Plan) -> None:
    supported = first.visitor.get("/.well-known/openid-configuration").json["claims_supported"]
    forms: list[Any] = [None, {"essential": True}, {"essential": False}, {"value": "x"}]
    wanted = {name: forms[at % 4] for at, name in enumerate(supported) if name not in ("acr", "sub", "auth_time")}
    wanted |= {"made_up": None, "http://example.test/claim": {"essential": True}}
    text = '{"userinfo":%s,"id_token":%s}' % (
        (str(wanted).replace("'", '"').replace("None", "null").replace("True", "true").replace("False", "false"),) * 2
    )
    tokens = first.tokens(says={"claims": text})

    answer = first.resource(tokens["access_token"]).json
    assert answer["sub"] == id_token(first, tokens)["sub"]
    assert "made_up" not in answer


@every
def test_access_token_type_header_case_sensitivity(first: Party, plan: Plan) -> None:
    scheme = "dPOP" if plan.bound == "dpop" else "bEARER"
    assert first.resource(first.tokens()["access_token"], scheme=scheme).status_code == 200


@pytest.mark.parametrize("name", ["nonce", "state"])
@every
def test_ensure_different_nonce_inside_and_outside_request_object(first: Party, plan: Plan, name: str) -> None:
    """And ensure-different-state-inside-and-outside-request-object."""
    answer = first.authorized(beside={name: "another one"})
    back = first.read(answer)
    assert back["state"] == "a state"
    assert id_token(first, first.redeem(back["code"]).json)["nonce"] == "a nonce"


@every
def test_state_only_outside_request_object_not_used(first: Party, plan: Plan) -> None:
    back = first.read(first.authorized(says={"state": None}, beside={"state": "outside"}))
    assert ("code" in back, "state" in back) == (True, False)


@every
def test_ensure_request_object_without_redirect_uri_fails(first: Party, plan: Plan) -> None:
    """And ensure-redirect-uri-in-authorization-request."""
    assert refused(first.push(says={"redirect_uri": None}), *JAR)


@every
def test_plain_fapi_tolerate_unregistered_redirect_uri(first: Party, plan: Plan) -> None:
    assert refused(first.push(says={"redirect_uri": "https://portal.example.test/other"}), *JAR)


@every
def test_ensure_unsigned_authorization_request_without_using_par_fails(first: Party, plan: Plan) -> None:
    first.visitor.headers = {"X-Forwarded-For": "203.0.113.7"}
    answer = first.visitor.authorize("first", redirect_uri=first.redirect_uri)
    assert "error=invalid_request" in answer.headers["Location"]
    assert "code=" not in answer.headers["Location"]


@pytest.mark.parametrize("response_type", ["code id_token", "token"])
@every
def test_ensure_response_type_code_idtoken_fails(first: Party, plan: Plan, response_type: str) -> None:
    """And ensure-response-type-token-fails."""
    answer = first.push(says={"response_type": response_type})
    assert refused(answer, "unsupported_response_type", "invalid_request", "unauthorized_client")


@every
def test_ensure_client_id_in_token_endpoint(first: Party, second: Party, plan: Plan) -> None:
    code = first.code()
    claims = first.assertion(iss="second", sub="second") if plan.auth == "private_key_jwt" else {}
    answer = first.redeem(code, client_id="second", credentials=claims)
    assert refused(answer, "invalid_client", "invalid_grant", statuses=(400, 401))


@every
def test_ensure_authorization_code_is_bound_to_client(first: Party, second: Party, plan: Plan) -> None:
    assert refused(second.redeem(first.code()), "invalid_grant")


@every
def test_attempt_reuse_authorization_code_after_one_second(first: Party, plan: Plan) -> None:
    code = first.code()
    tokens = first.redeem(code).json
    first.app.clock.move(1)
    assert refused(first.redeem(code), "invalid_grant")
    assert first.resource(tokens["access_token"]).status_code == 401


@every
def test_ensure_token_endpoint_fails_with_expired_auth_code(first: Party, plan: Plan) -> None:
    code = first.code()
    first.app.clock.move(62)
    assert refused(first.redeem(code), "invalid_grant")


@every
def test_refresh_token(first: Party, second: Party, plan: Plan) -> None:
    asked = {"says": {"prompt": "consent"}}
    tokens, others = first.tokens(**asked), second.tokens(**asked)
    answer = first.refresh(tokens["refresh_token"])
    renewed = answer.json

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert renewed["token_type"] == ("DPoP" if plan.bound == "dpop" else "Bearer")
    before, after = id_token(first, tokens), id_token(first, renewed)
    assert [before[name] for name in ("iss", "sub", "aud")] == [after[name] for name in ("iss", "sub", "aud")]
    assert before["auth_time"] == after["auth_time"]
    first.app.clock.move(3600)
    assert first.refresh(tokens["refresh_token"]).status_code == 200, "J-04: it does not rotate"
    assert renewed["refresh_token"] == tokens["refresh_token"]
    if plan.auth == "private_key_jwt":
        anonymous = first.refresh(renewed["refresh_token"], credentials={})
    else:
        anonymous = first.refresh(renewed["refresh_token"], connection={"X-Forwarded-For": "203.0.113.7"})
    assert refused(anonymous, "invalid_client", "invalid_grant", "invalid_request", statuses=(400, 401))
    assert refused(first.refresh(others["refresh_token"]), "invalid_grant")
    if plan.bound == "dpop":
        assert refused(first.refresh(renewed["refresh_token"], proof=None), "invalid_request", "invalid_dpop_proof")


@every
def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(first: Party, plan: Plan) -> None:
    """Ours is for one visit: a second one is told so on a page, which the module allows with a warning."""
    name = first.push().json["request_uri"]
    begun = first.open(name)
    assert first.outcome(first.open(name)) == "page"
    assert first.outcome(first.finish(begun)) == "code"


@every
def test_par_attempt_reuse_request_uri(first: Party, plan: Plan) -> None:
    name = first.push().json["request_uri"]
    assert first.outcome(first.finish(first.open(name))) == "code"
    assert first.outcome(first.open(name)) == "page"


@every
def test_par_attempt_to_use_expired_request_uri(first: Party, plan: Plan) -> None:
    pushed = first.push().json
    first.app.clock.move(pushed["expires_in"])
    assert first.outcome(first.open(pushed["request_uri"])) == "page"


@every
def test_par_attempt_to_use_request_uri_for_different_client(first: Party, second: Party, plan: Plan) -> None:
    assert first.outcome(second.open(first.push().json["request_uri"])) == "page"


@every
def test_par_authorization_request_containing_request_uri_form_param(first: Party, plan: Plan) -> None:
    answer = first.post("/par", {"request_uri": f"urn:ietf:params:oauth:request_uri:{secrets.token_hex(8)}"})
    assert refused(answer, "invalid_request", "invalid_request_object", "request_uri_not_supported")


@pytest.mark.parametrize("plan", [PKJ_DPOP], ids=str)
def test_par_attempt_invalid_http_method(first: Party, plan: Plan) -> None:
    answer = first.visitor.http.open("/par", method="PUT", base_url=ISSUER)
    assert answer.status_code == 405


@every
def test_par_ensure_pkce_required(first: Party, plan: Plan) -> None:
    assert refused(first.push(says={"code_challenge": None, "code_challenge_method": None}), "invalid_request")


@every
def test_par_plain_pkce_rejected(first: Party, plan: Plan) -> None:
    plain = {"code_challenge": "v" * 43, "code_challenge_method": "plain"}
    assert refused(first.push(says=plain), "invalid_request")


@every
def test_ensure_pkce_code_verifier_required(first: Party, plan: Plan) -> None:
    """And incorrect-pkce-code-verifier-rejected."""
    for verifier in (None, challenge()):
        assert refused(first.redeem(first.code(), code_verifier=verifier), "invalid_grant")


@every
def test_par_without_duplicate_parameters(first: Party, plan: Plan) -> None:
    assert first.outcome(first.finish(first.open(first.push().json["request_uri"]))) == "code"
