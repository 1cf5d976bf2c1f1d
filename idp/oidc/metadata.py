"""The provider's metadata: OpenID Connect Discovery 1.0 and RFC 8414, one document for both."""

from collections.abc import Collection
from typing import Any

from idp.login.authentication import acr_name
from idp.oidc import claims
from idp.oidc.authorization import PROMPTS, RESPONSE_MODES
from idp.oidc.authorization_details import TYPES
from idp.oidc.certificates import TLS_METHODS, CertificateHeaders
from idp.oidc.clients import ASSERTION_ALGS, AUTH_METHODS, ENCRYPTED, GRANT_TYPES, SCOPES
from idp.oidc.dpop import ALGS as PROOF_ALGS
from idp.oidc.response_encryption import ALGS
from keys import encryption

DISCOVERY = "/.well-known/openid-configuration"
SERVER_METADATA = "/.well-known/oauth-authorization-server"
AUTHORIZE, TOKEN, USERINFO, JWKS = "/authorize", "/token", "/userinfo", "/jwks"
AUDIT_JWKS = "/jwks/audit"
PAR = "/par"
INTROSPECT, REVOKE, END_SESSION = "/introspect", "/revoke", "/end_session"
DEVICE_AUTHORIZATION, DEVICE = "/device_authorization", "/device"
REGISTRATION = "/clients"
"""Where clients register themselves; people register at `/register`."""
CALLED_WITH_CERTIFICATE = (
    "token_endpoint",
    "userinfo_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "device_authorization_endpoint",
    "pushed_authorization_request_endpoint",
)
"""The endpoints that have an alias at the host for mutual TLS, as far as they exist."""


def document(
    issuer: str, id_token_algs: Collection[str], tls: CertificateHeaders, *, requires_pushed: bool, opens: bool = False
) -> dict[str, Any]:
    """The metadata document. Every URL comes from the configured `issuer` and `tls.url`, never from a request.

    `requires_pushed` says that every client has to push its requests (RFC 9126, 5), `opens` that we have a key to
    encrypt request objects to.
    """
    methods = [method for method in AUTH_METHODS if method not in TLS_METHODS or method in tls.methods]
    plain = _plain(issuer, id_token_algs, methods, requires_pushed)
    return _with_mtls(plain | (_ENCRYPTED_REQUESTS if opens else {}), issuer, tls)


_ENCRYPTED_REQUESTS = {
    "request_object_encryption_alg_values_supported": list(encryption.ALGS),
    "request_object_encryption_enc_values_supported": list(encryption.ENCS),
}


def _with_mtls(metadata: dict[str, Any], issuer: str, tls: CertificateHeaders) -> dict[str, Any]:
    """What mutual TLS adds to the document (RFC 8705, 3.3 and 5)."""
    if tls.certificate:
        metadata["tls_client_certificate_bound_access_tokens"] = True
    if tls.url:
        called = {name: metadata[name] for name in CALLED_WITH_CERTIFICATE if name in metadata}
        metadata["mtls_endpoint_aliases"] = {name: tls.url + url.removeprefix(issuer) for name, url in called.items()}
    return metadata


def _plain(issuer: str, id_token_algs: Collection[str], methods: list[str], requires_pushed: bool) -> dict[str, Any]:
    secret_methods = [method for method in methods if method != "none"]
    return {
        **_endpoints(issuer),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["pairwise", "public"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "introspection_endpoint_auth_methods_supported": secret_methods,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        **_answers(sorted({"RS256", *id_token_algs})),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": list(PROOF_ALGS),
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "acr_values_supported": [acr_name(1), acr_name(2)],
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", "iss", "auth_time", "acr", "amr", "ial", "sid", *claims.SUPPORTED],
        "claims_parameter_supported": True,
        "authorization_details_types_supported": list(TYPES),
        "require_pushed_authorization_requests": requires_pushed,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "require_signed_request_object": False,
        "request_object_signing_alg_values_supported": list(ASSERTION_ALGS),
        "prompt_values_supported": list(PROMPTS),
        "ui_locales_supported": ["vi", "en"],
    }


def _answers(signing: list[str]) -> dict[str, list[str]]:
    """By which algorithms each kind of answer is signed and encrypted."""
    signed = {f"{what}_signing_alg_values_supported": signing for what in ENCRYPTED}
    algs = {f"{what}_encryption_alg_values_supported": list(ALGS) for what in ENCRYPTED}
    return signed | algs | {f"{what}_encryption_enc_values_supported": list(encryption.ENCS) for what in ENCRYPTED}


def _endpoints(issuer: str) -> dict[str, str]:
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZE,
        "token_endpoint": issuer + TOKEN,
        "userinfo_endpoint": issuer + USERINFO,
        "jwks_uri": issuer + JWKS,
        "pushed_authorization_request_endpoint": issuer + PAR,
        "introspection_endpoint": issuer + INTROSPECT,
        "revocation_endpoint": issuer + REVOKE,
        "end_session_endpoint": issuer + END_SESSION,
        "device_authorization_endpoint": issuer + DEVICE_AUTHORIZATION,
        "registration_endpoint": issuer + REGISTRATION,
    }
