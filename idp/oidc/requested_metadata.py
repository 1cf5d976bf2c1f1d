"""What a client may say of itself when it registers (RFC 7591, 2), and what an operator decides alone.

The rules are those of `idp.oidc.registration`. Here is only what strangers are not asked, and the names of the errors.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc7591 import InvalidClientMetadataError, InvalidRedirectURIError

from idp.login.authentication import acr_level, acr_name
from idp.oidc.certificates import SUBJECT_MEMBERS
from idp.oidc.clients import ENCRYPTED, Client
from idp.oidc.registration import MEMBERS, BadClient, needs_secret, read_client

ADDRESSES = ("jwks_uri", "backchannel_logout_uri", "request_uris", "sector_identifier_uri")
"""Where we ask or post by ourselves: the last one at once, the others when an operator has agreed."""

OFFERED: Final = frozenset(
    (
        *("client_name", "client_uri", "application_type", "redirect_uris", "post_logout_redirect_uris"),
        *("grant_types", "scope", "subject_type", "token_endpoint_auth_method", "jwks", *ADDRESSES, *SUBJECT_MEMBERS),
        *("id_token_signed_response_alg", "authorization_signed_response_alg", "request_object_signing_alg"),
        *("backchannel_logout_session_required", "dpop_bound_access_tokens", "require_signed_request_object"),
        *("tls_client_certificate_bound_access_tokens", "require_pushed_authorization_requests"),
        *("userinfo_signed_response_alg", "introspection_signed_response_alg", "default_acr_values"),
        *(f"{answer}_encrypted_response_{part}" for answer in ENCRYPTED for part in ("alg", "enc")),
    )
)
DECIDED: Final = MEMBERS - OFFERED - {"response_types"}
"""What operators decide: privileges, and whatever makes a login weaker."""

_FLAGS = {each.name for each in fields(Client) if each.type in (bool, "bool")} & OFFERED
_LOCAL = ("localhost", "local", "internal", "localdomain", "arpa")
_NAME = re.compile(r"([a-z0-9_-]+\.)+[a-z][a-z0-9-]*")
_UNSPEAKABLE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")


def requested_client(
    metadata: Mapping[str, Any], scope: str, decided: Mapping[str, Any], secret_digest: str | None
) -> Client:
    """The client that is described so, waiting for an operator.

    `scope` is what it may ask for, and gets if it asks for nothing. `decided` are the members that operators decide.
    Raises `InvalidClientMetadataError`, `InvalidRedirectURIError`.
    """
    stated = {name: value for name, value in metadata.items() if name in OFFERED and value is not None}
    defaults = {"token_endpoint_auth_method": "client_secret_basic", "scope": scope}
    waiting = {"approval": "pending", "disabled": True}
    whole = defaults | stated | {**decided, "default_acr_values": _strictest(stated, decided)} | waiting
    complaints = [why for bad, why in _rules(metadata, whole, scope) if bad]
    try:
        client = read_client(whole, secret_digest=secret_digest)
    except BadClient as error:
        complaints += error.complaints
    if complaints:
        raise refusal(complaints)
    return client


def refusal(complaints: list[str]) -> OAuth2Error:
    """What is wrong, by its name in RFC 7591, 3.2.2, in the characters that an error may have."""
    kind = InvalidRedirectURIError if any("redirect" in each for each in complaints) else InvalidClientMetadataError
    return kind(_UNSPEAKABLE.sub("?", "; ".join(complaints))[:1000])


def registered_metadata(client: Client) -> dict[str, Any]:
    """What is registered, under the names that it may be asked for by (RFC 7591, 3.2.1)."""
    facts = {
        name: value for name, value in asdict(client).items() if name in OFFERED and value not in (None, (), False)
    }
    by_code = "authorization_code" in client.grant_types
    levels = {"default_acr_values": [acr_name(client.minimum_acr)]} if client.minimum_acr > 1 else {}
    grants = {"grant_types": client.grant_types, "response_types": ["code"] if by_code else []}
    return facts | levels | grants


def decided_of(client: Client) -> dict[str, Any]:
    """The members of a registered client that its own request cannot change."""
    facts = {name: value for name, value in asdict(client).items() if name in DECIDED}
    return facts | {"default_acr_values": [acr_name(client.minimum_acr)]}


def wants_secret(metadata: Mapping[str, Any]) -> bool:
    """Whether a client that is described so authenticates with a secret; that is the default (RFC 7591, 2)."""
    method = metadata.get("token_endpoint_auth_method")
    return needs_secret({"token_endpoint_auth_method": method if isinstance(method, str) else "client_secret_basic"})


def _rules(metadata: Mapping[str, Any], whole: Mapping[str, Any], scope: str) -> list[tuple[bool, str]]:
    """The table of refusals for strangers: (is bad, why)."""
    decided, flags = sorted(DECIDED & metadata.keys()), sorted(_FLAGS & whole.keys())
    grants = whole.get("grant_types", ["authorization_code"])
    types = ["code"] if isinstance(grants, list) and "authorization_code" in grants else []
    return [
        (not _is_writable(whole), "a text has half a character, or a number has no end"),
        (bool(decided), f"{', '.join(decided)}: an operator decides that; ask for it"),
        (metadata.get("response_types") not in (None, types), f"response_types may be [{' '.join(types)}]"),
        (bool(whole.get("jwks")) and bool(whole.get("jwks_uri")), "jwks or jwks_uri, not both"),
        (not set(str(whole["scope"]).split()) <= set(scope.split()), f"scope may hold {scope}, as the invitation says"),
        *((not isinstance(whole[name], bool), f"{name} is true or false") for name in flags),
        *((_is_inside(uri), f"{name} names no host that everybody can reach") for name, uri in _asked(whole)),
    ]


def _is_writable(whole: Mapping[str, Any]) -> bool:
    """Whether JSON in UTF-8 can hold it: no surrogate that stands alone, nothing infinite."""
    try:
        json.dumps(whole, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def _strictest(stated: Mapping[str, Any], decided: Mapping[str, Any]) -> Any:
    """The higher level of login of both, as a list of one; what is no level is left to the rules."""
    asked, least = stated.get("default_acr_values"), decided.get("default_acr_values", [acr_name(1)])
    if not asked:
        return least
    if not isinstance(asked, list) or not isinstance(asked[0], str):
        return asked
    return [max((asked[0], *least), key=lambda name: acr_level(name) or 9)]


def _asked(whole: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every address that we would ask, with its member."""
    values = [(name, whole.get(name)) for name in ADDRESSES]
    listed = [(name, value if isinstance(value, list) else [value]) for name, value in values]
    return [(name, uri) for name, uris in listed for uri in uris if isinstance(uri, str)]


def _is_inside(uri: str) -> bool:
    """Whether its host is no plain name with a dot, or means another machine everywhere (RFC 6761, RFC 6762)."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return True
    host = (parts.hostname or "").rstrip(".")
    return "@" in parts.netloc or not _NAME.fullmatch(host) or host.rpartition(".")[2] in _LOCAL
