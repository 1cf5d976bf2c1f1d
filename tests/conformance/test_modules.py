"""Each module of the plans has a test of its name, or one that names it; a new module of a plan is added here."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FAPI2 = """
discovery-end-point-verification happy-flow user-rejects-authentication
ensure-authorization-request-without-state-success ensure-authorization-request-without-nonce-success
ensure-authorization-request-with-64-char-nonce-success ensure-other-scope-order-succeeds
test-claims-parameter-identity-claims access-token-type-header-case-sensitivity check-dpop-proof-nbf-exp
ensure-dpopproof-with-iat-10seconds-before-succeeds ensure-dpopproof-with-iat-10seconds-after-succeeds
ensure-mismatched-dpop-jkt-fails ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt
ensure-token-endpoint-fails-with-mismatched-dpop-jkt ensure-dpopproof-at-par-endpoint-binding-success
ensure-dpop-auth-code-binding-success ensure-different-nonce-inside-and-outside-request-object
ensure-different-state-inside-and-outside-request-object ensure-authorization-request-with-long-nonce
ensure-authorization-request-with-long-state state-only-outside-request-object-not-used
ensure-request-object-without-redirect-uri-fails plain-fapi-tolerate-unregistered-redirect-uri
ensure-unsigned-authorization-request-without-using-par-fails ensure-redirect-uri-in-authorization-request
ensure-response-type-code-idtoken-fails ensure-response-type-token-fails ensure-client-id-in-token-endpoint
ensure-holder-of-key-required ensure-authorization-code-is-bound-to-client
attempt-reuse-authorization-code-after-one-second ensure-token-endpoint-fails-with-expired-auth-code
ensure-signed-client-assertion-with-RS256-fails ensure-client-assertion-in-token-endpoint
ensure-client-assertion-with-exp-is-5-minutes-in-past-fails ensure-client-assertion-with-wrong-aud-fails
ensure-client-assertion-with-no-sub-fails dpop-negative-tests refresh-token
par-ensure-reused-request-uri-prior-to-auth-completion-succeeds par-attempt-reuse-request_uri
par-attempt-to-use-expired-request_uri par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails
par-attempt-to-use-request_uri-for-different-client par-authorization-request-containing-request_uri-form-param
par-attempt-invalid-http-method par-ensure-pkce-required ensure-pkce-code-verifier-required
incorrect-pkce-code-verifier-rejected par-plain-pkce-rejected par-without-duplicate-parameters
par-test-array-as-audience-fails par-test-par-endpoint-url-as-audience-fails
par-test-token-endpoint-url-as-audience-fails
"""
SIGNING = """
ensure-request-object-with-multiple-aud-succeeds ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted
ensure-request-object-without-exp-fails ensure-request-object-without-nbf-fails ensure-expired-request-object-fails
ensure-request-object-with-bad-aud-fails ensure-request-object-with-exp-over-60-fails
ensure-request-object-with-nbf-over-60-fails ensure-signed-request-object-with-RS256-fails
ensure-request-object-signature-algorithm-is-not-none ensure-request-object-with-invalid-signature-fails
ensure-matching-key-in-authorization-request ensure-unsigned-request-at-par-endpoint-fails
par-authorization-request-containing-request_uri
"""
BASIC = """
server response-type-missing idtoken-signature userinfo-get userinfo-post-header userinfo-post-body
ensure-request-without-nonce-succeeds-for-code-flow scope-profile scope-email scope-address scope-phone scope-all
alternate-happy-flow display-page display-popup prompt-login prompt-none-not-logged-in prompt-none-logged-in max-age-1
max-age-10000 ensure-request-with-unknown-parameter-succeeds id-token-hint login-hint ui-locales claims-locales
ensure-request-with-acr-values-succeeds codereuse codereuse-30seconds ensure-registered-redirect-uri
ensure-post-request-succeeds server-client-secret-post
request-uri-unsigned-supported-correctly-or-rejected-as-unsupported
unsigned-request-object-supported-correctly-or-rejected-as-unsupported claims-essential
ensure-request-object-with-redirect-uri refresh-token ensure-request-with-valid-pkce-succeeds
discovery-endpoint-verification
"""
LOGOUT = """
rp-initiated-logout bad-post-logout-redirect-uri modified-id-token-hint no-id-token-hint no-params
no-post-logout-redirect-uri no-state only-state query-added-to-post-logout-redirect-uri bad-id-token-hint
backchannel-rp-initiated-logout
"""
DYNAMIC = """
server idtoken-rs256 idtoken-unsigned userinfo-rs256 ensure-redirect-uri-in-authorization-request redirect-uri-query-OK
redirect-uri-query-mismatch redirect-uri-query-added redirect-uri-regfrag refresh-token request-uri-unsigned
request-uri-signed-rs256 registration-sector-uri registration-sector-bad
server-rotate-keys registration-jwks-uri refresh-token-rp-key-rotation
ensure-request-object-with-redirect-uri ensure-client-assertion-with-iss-aud-succeeds
"""
PLANS = {
    "oidcc-dynamic": (DYNAMIC, ("test_openid_dynamic.py", "../attacks/test_client_keys.py")),
    "fapi2-security-profile-final": (FAPI2, ("test_fapi2_security.py", "test_fapi2_clients.py")),
    "fapi2-message-signing-final": (SIGNING, ("test_fapi2_signing.py",)),
    "oidcc-basic, oidcc-formpost-basic, oidcc-config": (BASIC, ("test_openid_basic.py",)),
    "oidcc-rp-initiated-logout, oidcc-backchannel-rp-initiated-logout": (LOGOUT, ("test_openid_logout.py",)),
}


def tested(*files: str) -> set[str]:
    """The modules that the tests in these files are named after, or name in what they say."""
    found = set[str]()
    for file in files:
        for each in ast.walk(ast.parse((HERE / file).read_text())):
            if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"):
                found.add(each.name.removeprefix("test_"))
                words = (ast.get_docstring(each) or "").replace(",", " ").replace(":", " ").replace(".", " ").split()
                found |= {word.lower().replace("-", "_") for word in words}
    return found


@pytest.mark.parametrize("plan", PLANS)
def test_every_module_has_a_test(plan: str) -> None:
    modules, files = PLANS[plan]
    names = tested(*files)

    assert [module for module in modules.split() if module.lower().replace("-", "_") not in names] == []
