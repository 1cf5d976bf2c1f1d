"""The requirements for registering a client: RFC 7591 metadata in, a checked `Client` out.

Everything dangerous is refused here, once, with a message that an operator can act on, so that requests need no checks.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.login.authentication import acr_level, acr_name
from idp.oidc.authorization_details import TYPES
from idp.oidc.certificates import SUBJECT_MEMBERS
from idp.oidc.clients import (
    APPROVALS,
    ASSERTION_ALGS,
    DEVICE_CODE,
    EITHER_SECRET,
    ENCRYPTED,
    GRANT_TYPES,
    ID_TOKEN_ALGS,
    LOOPBACK,
    QR_LOGIN,
    SCOPES,
    TOKEN_EXCHANGE,
    Client,
)
from idp.oidc.clients import REGISTERED_METHODS as METHODS
from idp.oidc.profiles import certificate_rules, completed, profile_rules
from idp.oidc.response_encryption import encryption_rules
from idp.oidc.web_origins import web_origin

_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{2,127}")
_LIKE_A_SUBJECT = re.compile(r"[0-9]{9,13}|[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ABSOLUTE_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[!$-;=?-Z_a-z~%\[\]]+")
_PLAIN_NETLOC = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,64}")
MOST_URIS = 50
BY_KEY = ("private_key_jwt", "self_signed_tls_client_auth")
"""The methods that need registered keys."""
ORIGIN_FORM = "web_origins need the form https://portal.example.vn, without a path"
_OWN = {"secret_digest", "old_secret_digest", "old_secret_expires_at", "minimum_acr", "approval"}
MEMBERS = {each.name for each in fields(Client)} - _OWN | {"client_secret", "default_acr_values", "response_types"}
"""Every name that a client may be described with."""


class BadClient(ValueError):
    """The metadata cannot be registered; every complaint is listed."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("; ".join(complaints))
        self.complaints = complaints


class _Metadata:
    """Reads values of the right type and collects complaints about the others."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self.metadata = metadata
        self.complaints: list[str] = []

    def text(self, name: str, default: str) -> str:
        value = self.metadata.get(name, default)
        if isinstance(value, str) and len(value) <= 2000:
            return value
        self.complaints.append(f"{name} must be a text")
        return default

    def optional(self, name: str) -> str | None:
        return self.text(name, "") or None if self.metadata.get(name) is not None else None

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self.metadata.get(name, default)
        if isinstance(value, list | tuple) and len(value) <= MOST_URIS and all(isinstance(v, str) for v in value):
            return tuple(value)
        self.complaints.append(f"{name} must be a list of at most {MOST_URIS} texts")
        return default

    def whole(self, name: str, default: int) -> int:
        value = self.metadata.get(name, default)
        return value if isinstance(value, int) and not isinstance(value, bool) else -1

    def subjects(self) -> dict[str, Any]:
        """The names by which its certificate is known, by their members."""
        return {member: self.optional(member) for member in SUBJECT_MEMBERS}

    def encryption(self) -> dict[str, Any]:
        """How which answers are encrypted, by their members."""
        return {
            f"{what}_encrypted_response_{part}": self.optional(f"{what}_encrypted_response_{part}")
            for what in ENCRYPTED
            for part in ("alg", "enc")
        }

    def acr(self) -> int:
        names = self.texts("default_acr_values", (acr_name(1),))
        return (acr_level(names[0]) or 0) if names else 1


def read_client(metadata: Mapping[str, Any], *, secret_digest: str | None) -> Client:
    """A `Client` from RFC 7591 names and ours; unknown names are ignored as the RFC requires. Raises `BadClient`."""
    read = _Metadata(completed(metadata))
    client = _client(read, secret_digest)
    complaints = read.complaints + [message for bad, message in _rules(client) if bad]
    if complaints:
        raise BadClient(complaints)
    return client


def _client(read: _Metadata, secret_digest: str | None) -> Client:
    metadata = read.metadata
    return Client(
        client_id=read.text("client_id", ""),
        client_name=read.text("client_name", read.text("client_id", "")),
        redirect_uris=read.texts("redirect_uris"),
        post_logout_redirect_uris=read.texts("post_logout_redirect_uris"),
        grant_types=read.texts("grant_types", ("authorization_code",)),
        scope=read.text("scope", "openid"),
        token_endpoint_auth_method=read.text("token_endpoint_auth_method", EITHER_SECRET),
        secret_digest=secret_digest,
        jwks=metadata.get("jwks"),
        jwks_uri=read.optional("jwks_uri"),
        client_uri=read.optional("client_uri"),
        subject_type=read.text("subject_type", "pairwise"),
        sector_identifier=read.optional("sector_identifier"),
        sector_identifier_uri=read.optional("sector_identifier_uri"),
        id_token_signed_response_alg=read.text("id_token_signed_response_alg", "RS256"),
        require_pkce=metadata.get("require_pkce", True) is not False,
        first_party=metadata.get("first_party") is True,
        resource=read.texts("resource"),
        serves=read.texts("serves"),
        minimum_acr=read.acr(),
        refresh_grace=read.whole("refresh_grace", 10),
        application_type=read.text("application_type", "web"),
        disabled=metadata.get("disabled") is True,
        backchannel_logout_uri=read.optional("backchannel_logout_uri"),
        backchannel_logout_session_required=metadata.get("backchannel_logout_session_required") is True,
        dpop_bound_access_tokens=metadata.get("dpop_bound_access_tokens") is True,
        one_device=metadata.get("one_device") is True,
        qr_login=read.text("qr_login", "on"),
        web_origins=read.texts("web_origins"),
        id_token_claims=metadata.get("id_token_claims") is True,
        tls_client_certificate_bound_access_tokens=metadata.get("tls_client_certificate_bound_access_tokens") is True,
        **read.subjects(),
        profile=read.text("profile", ""),
        exchange_from=read.texts("exchange_from"),
        approval=read.text("approval", ""),
        **_request_members(read),
    )


def needs_secret(metadata: Mapping[str, Any]) -> bool:
    """Whether a client that is described so authenticates with a secret."""
    return str(completed(metadata).get("token_endpoint_auth_method", EITHER_SECRET)).startswith(EITHER_SECRET)


def _request_members(read: _Metadata) -> dict[str, Any]:
    """How its authorization requests come, and how it is answered."""
    pushed, signed = "require_pushed_authorization_requests", "require_signed_request_object"
    return {
        pushed: read.metadata.get(pushed) is True,
        signed: read.metadata.get(signed) is True,
        "request_object_signing_alg": read.optional("request_object_signing_alg"),
        "request_uris": read.texts("request_uris"),
        "authorization_signed_response_alg": read.text("authorization_signed_response_alg", "RS256"),
        "userinfo_signed_response_alg": read.optional("userinfo_signed_response_alg"),
        "introspection_signed_response_alg": read.text("introspection_signed_response_alg", "RS256"),
        **read.encryption(),
        "authorization_details_types": read.texts("authorization_details_types"),
    }


def _rules(client: Client) -> list[tuple[bool, str]]:
    """The table of refusals: (is bad, why)."""
    method, public = client.token_endpoint_auth_method, client.is_public
    by_key = client.token_endpoint_auth_method in BY_KEY
    uses_code = "authorization_code" in client.grant_types
    in_own_name = "client_credentials" in client.grant_types
    return [
        (not _CLIENT_ID.fullmatch(client.client_id), "client_id needs 3 to 128 of A-Z a-z 0-9 . _ ~ -"),
        (bool(_LIKE_A_SUBJECT.fullmatch(client.client_id)), "client_id looks like a person's number or subject"),
        (_is_bad_name(client.client_name), "client_name is missing, longer than 200, or has a line break"),
        (not set(client.grant_types) <= set(GRANT_TYPES), f"grant_types may be {', '.join(GRANT_TYPES)}"),
        (not set(client.scopes) <= set(SCOPES) and not in_own_name, f"scope may hold {' '.join(SCOPES)}"),
        (not all(_SCOPE.fullmatch(s) for s in client.scopes), "a scope has a character that RFC 6749 3.3 forbids"),
        (client.token_endpoint_auth_method not in METHODS, f"authentication may be {', '.join(METHODS)}"),
        (client.id_token_signed_response_alg not in ID_TOKEN_ALGS, f"ID tokens may use {', '.join(ID_TOKEN_ALGS)}"),
        (client.subject_type not in ("pairwise", "public"), "subject_type may be pairwise or public"),
        (client.application_type not in ("web", "native"), "application_type may be web or native"),
        (uses_code and not client.redirect_uris, "redirect_uris is missing"),
        (public and in_own_name, "client_credentials needs a client that authenticates"),
        (public and not client.require_pkce, "only a confidential client may do without PKCE"),
        (client.uses_secret and not client.secret_digest, "a secret is missing"),
        (by_key and not (is_key_set(client.jwks) or client.jwks_uri), f"{method} needs public keys in jwks"),
        (client.jwks is not None and not is_key_set(client.jwks), "jwks is no JWK set of public keys"),
        (client.jwks_uri is not None and not _is_https(client.jwks_uri), "jwks_uri must be https"),
        (client.client_uri is not None and not _is_web(client.client_uri), "client_uri must be an http(s) address"),
        (_is_bad_receiver(client.backchannel_logout_uri), "backchannel_logout_uri must be https, without a fragment"),
        (client.one_device and not _is_app(client), "one_device needs a native client with dpop, no device grant"),
        ("device" in client.scopes and not client.one_device, "scope device needs one_device"),
        (_is_open_too_soon(client), "nobody approved it, so it stays disabled: idp clients approve"),
        (client.qr_login not in QR_LOGIN, f"qr_login may be {', '.join(QR_LOGIN)}"),
        (not 0 <= client.refresh_grace <= 60, "refresh_grace is 0 to 60 seconds"),
        (not 1 <= client.minimum_acr <= 4, "default_acr_values may be urn:bhxh:acr:1 to urn:bhxh:acr:4"),
        *_request_rules(client),
        *_exchange_rules(client),
        *_address_rules(client),
        *encryption_rules(client),
        *certificate_rules(client),
        *profile_rules(client),
    ]


def _request_rules(client: Client) -> list[tuple[bool, str]]:
    """The same for requests that it signs, and for the answers to them."""
    answers, userinfo = client.authorization_signed_response_alg, client.userinfo_signed_response_alg
    introspection = client.introspection_signed_response_alg
    alg, signs = client.request_object_signing_alg, client.require_signed_request_object or client.request_uris
    details, uses_code = client.authorization_details_types, client.check_grant_type("authorization_code")
    return [
        (not set(details) <= set(TYPES), f"authorization_details_types may be {', '.join(TYPES)}"),
        (bool(details) and not uses_code, "authorization_details_types need the grant type authorization_code"),
        (alg not in (None, *ASSERTION_ALGS), f"request objects may be signed with {', '.join(ASSERTION_ALGS)}"),
        (answers not in ID_TOKEN_ALGS, f"authorization responses may use {', '.join(ID_TOKEN_ALGS)}"),
        (userinfo not in (None, *ID_TOKEN_ALGS), f"userinfo may be signed with {', '.join(ID_TOKEN_ALGS)}"),
        (introspection not in ID_TOKEN_ALGS, f"introspection responses may use {', '.join(ID_TOKEN_ALGS)}"),
        (bool(signs or alg) and not client.has_keys, "request objects need public keys in jwks or at jwks_uri"),
        *((_is_bad_redirect(u, "web"), f"request_uris must be https: {u[:200]!r}") for u in client.request_uris),
    ]


def _exchange_rules(client: Client) -> list[tuple[bool, str]]:
    """The same for whose tokens it may exchange (RFC 8693)."""
    exchanges, owners = TOKEN_EXCHANGE in client.grant_types, client.exchange_from
    strangers = (owner for owner in owners if owner == client.client_id or not _CLIENT_ID.fullmatch(owner))
    return [
        (exchanges and client.is_public, "token exchange needs a client that authenticates"),
        (exchanges and client.one_device, "token exchange is not for apps of one device"),
        (bool(owners) and not exchanges, f"exchange_from needs the grant type {TOKEN_EXCHANGE}"),
        *((True, f"exchange_from names other clients by their ids: {owner[:200]!r}") for owner in strangers),
    ]


def _address_rules(client: Client) -> list[tuple[bool, str]]:
    """The same for each address that it names."""
    kind, sector = client.application_type, client.sector_identifier_uri
    audiences = client.resource + client.serves
    return [
        (sector is not None and not _is_https(sector), "sector_identifier_uri must be https"),
        (bool(sector and client.sector_identifier), "sector_identifier or sector_identifier_uri, not both"),
        *((_is_bad_redirect(u, kind), f"redirect URI refused: {u[:200]!r}") for u in _all_uris(client)),
        *((_is_bad_resource(r), f"resource must be an absolute URI without fragment: {r[:200]!r}") for r in audiences),
        *((_is_bad_origin(o), f"{ORIGIN_FORM}: {o[:200]!r}") for o in client.web_origins),
    ]


def _is_app(client: Client) -> bool:
    """Whether it may enrol phones: it proves its key, and nobody can be tricked into approving it remotely."""
    is_native = client.application_type == "native" and client.dpop_bound_access_tokens
    return is_native and DEVICE_CODE not in client.grant_types


def _is_open_too_soon(client: Client) -> bool:
    """Whether it is in use before an operator agreed, or the word for that means nothing."""
    return client.approval not in APPROVALS or (client.approval != "" and not client.disabled)


def _is_bad_name(name: str) -> bool:
    return not name or len(name) > 200 or not name.isprintable()


def _all_uris(client: Client) -> tuple[str, ...]:
    return client.redirect_uris + client.post_logout_redirect_uris


def _is_bad_redirect(uri: str, application_type: str) -> bool:
    """https everywhere; http for loopback only; own schemes for native apps only, with a dot (RFC 8252, 7.1)."""
    if not _ABSOLUTE_URI.fullmatch(uri) or "#" in uri or len(uri) > 2000:
        return True
    try:
        parts = urlsplit(uri)
    except ValueError:
        return True
    if parts.netloc and not _PLAIN_NETLOC.fullmatch(parts.netloc):
        return True
    if parts.scheme == "https":
        return not parts.hostname
    if parts.scheme == "http":
        return parts.netloc.rsplit(":", 1)[0] not in LOOPBACK and parts.netloc not in LOOPBACK
    return application_type != "native" or "." not in parts.scheme


def _is_bad_receiver(uri: str | None) -> bool:
    """Where we will post to: https, or http on this machine, which is only used in development (`idp.outbound`)."""
    return uri is not None and _is_bad_redirect(uri, "web")


def _is_bad_origin(origin: str) -> bool:
    """Where the pages of a client are, exactly as a browser says it: by https, or by http on a developer's machine."""
    return _is_bad_redirect(origin, "web") or web_origin(origin) != origin


def _is_bad_resource(uri: str) -> bool:
    return not _ABSOLUTE_URI.fullmatch(uri) or "#" in uri


def _is_https(uri: object) -> bool:
    return isinstance(uri, str) and uri.startswith("https://") and _ABSOLUTE_URI.fullmatch(uri) is not None


def _is_web(uri: object) -> bool:
    return isinstance(uri, str) and uri.startswith(("https://", "http://")) and len(uri) < 2000


def is_key_set(jwks: object) -> bool:
    """At least one key, and public parts only: a private key sent to us is compromised."""
    if not isinstance(jwks, Mapping) or not isinstance(jwks.get("keys"), list) or not jwks["keys"]:
        return False
    try:
        return not any(key.is_private for key in KeySet.import_key_set(jwks).keys)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError):
        return False
