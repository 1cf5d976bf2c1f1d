"""Further requirements for registering a client: what certificates (RFC 8705) and a chosen profile demand of it."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final

from idp.oidc.assertions import STRICT_ALGS
from idp.oidc.certificates import SUBJECT_MEMBERS, TLS_METHODS, expected_subject
from idp.oidc.clients import DEVICE_CODE, PROFILES, Client

FAPI2_METHODS = ("private_key_jwt", *TLS_METHODS)
FAPI2: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "ES256",
        "authorization_signed_response_alg": "ES256",
        "introspection_signed_response_alg": "ES256",
        "require_pkce": True,
        "require_pushed_authorization_requests": True,
        "refresh_grace": 60,
    }
)
"""What a client of the profile is registered with if nothing else is said.

A used refresh token is good for a minute, because the profile wants no rotation that a lost answer makes a logout.
"""

SIGNED = (
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "userinfo_signed_response_alg",
    "request_object_signing_alg",
)
"""What else is signed, by us or by the client."""


def chosen(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is registered of a client without what is as usual and a profile decides: that it may decide now."""
    usual = {each.name: each.default for each in fields(Client)}
    decided = (*FAPI2, "dpop_bound_access_tokens")
    return {name: value for name, value in facts.items() if name not in decided or value != usual[name]}


def completed(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata with what the profile says where they say nothing: DPoP, if tokens are not bound to certificates."""
    if metadata.get("profile") != "fapi2":
        return metadata
    by_certificate = metadata.get("tls_client_certificate_bound_access_tokens") is True
    return {**FAPI2, "dpop_bound_access_tokens": not by_certificate, **metadata}


def profile_rules(client: Client) -> list[tuple[bool, str]]:
    """The table of refusals for the FAPI 2.0 Security Profile (5.3.2, 5.4): (is bad, why)."""
    unbound = not (client.dpop_bound_access_tokens or client.tls_client_certificate_bound_access_tokens)
    alg, pushed = client.id_token_signed_response_alg, client.require_pushed_authorization_requests
    insecure = client.application_type == "web" and any(uri.startswith("http:") for uri in client.redirect_uris)
    rules = [
        (client.token_endpoint_auth_method not in FAPI2_METHODS, f"authentication may be {', '.join(FAPI2_METHODS)}"),
        (unbound, "tokens are bound to a key or a certificate: dpop or certificate-bound"),
        (alg not in STRICT_ALGS, f"ID tokens may use {', '.join(STRICT_ALGS)}"),
        *(
            (getattr(client, member) not in (None, *STRICT_ALGS), f"{member} may be {', '.join(STRICT_ALGS)}")
            for member in SIGNED
        ),
        (not client.require_pkce, "PKCE cannot be omitted"),
        (not pushed, "require_pushed_authorization_requests cannot be switched off"),
        (DEVICE_CODE in client.grant_types, "it has no device grant"),
        (insecure, "a redirect URI must be https"),
    ]
    refused = [(bad, f"profile fapi2: {why}") for bad, why in rules if client.is_fapi2]
    return [(client.profile not in PROFILES, "profile may be fapi2, or empty"), *refused]


def certificate_rules(client: Client) -> list[tuple[bool, str]]:
    """The table of refusals for what is said of certificates: (is bad, why)."""
    subjects, by_ca = client.tls_subjects, client.may_authenticate_by("tls_client_auth")
    bound = client.tls_client_certificate_bound_access_tokens
    return [
        (by_ca and len(subjects) != 1, f"tls_client_auth needs exactly one of {', '.join(SUBJECT_MEMBERS)}"),
        (bool(subjects) and not by_ca, f"{', '.join(name for name, _ in subjects)}: only for tls_client_auth"),
        *((_is_bad_subject(*subject), f"{subject[0]}: {subject[1][:200]!r} is no such name") for subject in subjects),
        (bound and client.one_device, "one_device binds its tokens by dpop, not to a certificate"),
    ]


def _is_bad_subject(member: str, value: str) -> bool:
    try:
        expected_subject(member, value)
    except ValueError:
        return True
    return False
