"""`Client`: a registered relying party, with RFC 7591 metadata and a few of our own.

Values are checked once, at registration, so that every request can trust them. Clients are cached in the process and
revalidated by a revision number, so changes and removals take effect within five seconds.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from idp.errors import UnapprovedClient, UnknownClient
from idp.oidc.certificates import SUBJECT_MEMBERS, TLS_METHODS
from idp.oidc.web_origins import web_origin
from idp.ports import Clock

SCOPES = ("openid", "profile", "email", "phone", "address", "bhxh", "offline_access", "device")
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  the name of a grant
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE, TOKEN_EXCHANGE)
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
AUTH_METHODS = (*SECRET_METHODS, "private_key_jwt", *TLS_METHODS, "none")
EITHER_SECRET = "client_secret"  # noqa: S105  our word for a client whose operator fixed neither of the two
REGISTERED_METHODS = (EITHER_SECRET, *AUTH_METHODS)
ID_TOKEN_ALGS = ("RS256", "PS256", "ES256", "EdDSA")
ASSERTION_ALGS = ("RS256", "PS256", "ES256", "EdDSA")
QR_LOGIN = ("off", "on", "near")
ENCRYPTED = ("id_token", "userinfo", "introspection", "authorization")
"""The answers that a client may have encrypted, as their metadata are named."""

PROFILES = ("", "fapi2")
"""The profiles of a client: none, or that of the FAPI 2.0 Security Profile."""
APPROVALS = ("", "pending", "refused")
"""What an operator has said to a client that registered itself: agreed (or it did not), nothing yet, no."""
LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client. Lists are tuples; `secret_digest` is keyed and never leaves the store.

    The secret before it, `old_secret_digest`, is accepted until `old_secret_expires_at` (seconds since the epoch).
    `resource` lists the audiences it may request tokens for, `serves` those that it is itself and may introspect. Every
    logout token contains `sid`, whatever `backchannel_logout_session_required` says. `one_device` marks an app in which
    a person has one enrolled device at a time. `qr_login` says whether people log in to it by QR code: `off`, `on`, or
    `near`, only with browser and phone in one network. `web_origins` are those of its pages that call us themselves.
    Its request objects are at one of `request_uris`, or right under one that ends in a slash. With `id_token_claims`
    its ID tokens carry what the scopes `profile` and `email` release, for libraries that do not ask userinfo. With
    `tls_client_certificate_bound_access_tokens` it gets tokens only for a certificate (RFC 8705). `profile` is one of
    `PROFILES`: what it demands was checked at registration. `exchange_from` are the ids of the clients whose tokens it
    may exchange (RFC 8693), `authorization_details_types` the types of details that it may ask for (RFC 9396, 10).
    While `approval` (one of `APPROVALS`) is not empty, it is `disabled` too.
    """

    client_id: str
    client_name: str
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code",)
    scope: str = "openid"
    token_endpoint_auth_method: str = EITHER_SECRET
    secret_digest: str | None = None
    old_secret_digest: str | None = None
    old_secret_expires_at: float = 0.0
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    subject_type: str = "pairwise"
    sector_identifier: str | None = None
    sector_identifier_uri: str | None = None
    id_token_signed_response_alg: str = "RS256"  # noqa: S105  the name of an algorithm
    require_pkce: bool = True
    first_party: bool = False
    resource: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    minimum_acr: int = 1
    refresh_grace: int = 10
    disabled: bool = False
    application_type: str = "web"
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    dpop_bound_access_tokens: bool = False
    one_device: bool = False
    qr_login: str = "on"
    web_origins: tuple[str, ...] = ()
    id_token_claims: bool = False
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    tls_client_certificate_bound_access_tokens: bool = False
    profile: str = ""
    require_pushed_authorization_requests: bool = False
    request_object_signing_alg: str | None = None
    require_signed_request_object: bool = False
    request_uris: tuple[str, ...] = ()
    authorization_signed_response_alg: str = "RS256"
    userinfo_signed_response_alg: str | None = None
    introspection_signed_response_alg: str = "RS256"
    id_token_encrypted_response_alg: str | None = None
    id_token_encrypted_response_enc: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    introspection_encrypted_response_alg: str | None = None
    introspection_encrypted_response_enc: str | None = None
    authorization_encrypted_response_alg: str | None = None
    authorization_encrypted_response_enc: str | None = None
    exchange_from: tuple[str, ...] = ()
    authorization_details_types: tuple[str, ...] = ()
    approval: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.scope.split())

    @property
    def signing_algs(self) -> tuple[str, ...]:
        """The algorithms that it needs our keys for; RS256 is every client's for responses and asks for no key."""
        responses = {self.authorization_signed_response_alg, self.introspection_signed_response_alg} - {"RS256"}
        id_tokens = self.id_token_signed_response_alg
        return tuple(sorted({id_tokens, self.userinfo_signed_response_alg or id_tokens, *responses}))

    def encryption_of(self, what: str) -> tuple[str | None, str | None]:
        """How its answers of this kind (one of `ENCRYPTED`) are encrypted: `alg` and `enc`; None as `alg`: not."""
        return getattr(self, f"{what}_encrypted_response_alg"), getattr(self, f"{what}_encrypted_response_enc")

    @property
    def has_keys(self) -> bool:
        """Whether it signs: public keys of it can be had."""
        return self.jwks is not None or self.jwks_uri is not None

    @property
    def is_public(self) -> bool:
        """Whether it only states its id: an app in people's hands cannot keep a secret (RFC 6749, 2.1)."""
        return self.token_endpoint_auth_method == "none"  # noqa: S105  the name of a method

    @property
    def is_fapi2(self) -> bool:
        """Whether it is of the FAPI 2.0 Security Profile."""
        return self.profile == "fapi2"

    @property
    def keeps_refresh_tokens(self) -> bool:
        """Whether its refresh tokens do not rotate: nobody else can use them, as it authenticates and its tokens are
        bound, and no lost answer may end a login (FAPI 2.0, 5.3.2.1).
        """
        bound = self.dpop_bound_access_tokens or self.tls_client_certificate_bound_access_tokens
        return bound and not self.is_public

    @property
    def uses_secret(self) -> bool:
        """Whether it authenticates with a secret, wherever that stands."""
        return self.token_endpoint_auth_method in (EITHER_SECRET, *SECRET_METHODS)

    @property
    def tls_subjects(self) -> tuple[tuple[str, str], ...]:
        """The names by which its certificate is known, with their members; `tls_client_auth` has exactly one."""
        named = ((member, getattr(self, member)) for member in SUBJECT_MEMBERS)
        return tuple((member, value) for member, value in named if value)

    @property
    def runs_in_browser(self) -> bool:
        """Whether it is a page: public, of the web, and logged in to by redirects."""
        return self.is_public and self.application_type == "web" and bool(self.redirect_uris)

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may read our answers to it: the registered ones, else where a page is redirected."""
        if self.disabled:
            return frozenset()
        derived = self.redirect_uris if self.runs_in_browser else ()
        return frozenset(web_origin(url) for url in self.web_origins or derived) - {""}

    @property
    def sector(self) -> str:
        """The clients that share its subject identifiers (OIDC Core 8.1): a sector, or the host of redirects."""
        if self.sector_identifier:
            return self.sector_identifier
        if self.sector_identifier_uri:
            return urlsplit(self.sector_identifier_uri).hostname or ""
        hosts = {urlsplit(uri).hostname or "" for uri in self.redirect_uris}
        return hosts.pop() if len(hosts) == 1 else self.client_id

    def may_authenticate_by(self, method: str) -> bool:
        """Whether it is registered for one of `AUTH_METHODS`; header and form hide a secret equally well."""
        registered = self.token_endpoint_auth_method
        return method == registered or (registered == EITHER_SECRET and method in SECRET_METHODS)

    def may_exchange(self, owner: "Client", scopes: Collection[str]) -> bool:
        """Whether it may exchange a token of `owner` for these scopes: the operator allows it, and both have them."""
        allowed = TOKEN_EXCHANGE in self.grant_types and owner.client_id in self.exchange_from
        return allowed and set(scopes) <= set(self.scopes_with(owner))

    def scopes_with(self, other: "Client") -> tuple[str, ...]:
        """What both have and one may hand on to the other: all but offline access."""
        return tuple(scope for scope in self.scopes if scope in other.scopes and scope != "offline_access")

    def is_provable_at(self, redirect_uri: str) -> bool:
        """Whether a code sent there reaches this client only: it authenticates, or it owns the https URL."""
        return not self.is_public or redirect_uri.startswith("https://")

    # What Authlib expects of a client (rfc6749.ClientMixin), one line each.

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(s for s in (scope or "").split() if s in self.scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return any(same_redirect(registered, redirect_uri, self.application_type) for registered in self.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        raise NotImplementedError("secrets are compared in client_auth, with the key")

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return not self.disabled and self.may_authenticate_by(method)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


def same_redirect(registered: str, asked: str, application_type: str) -> bool:
    """Exact string comparison; only the port of a native app's loopback URI may differ (RFC 8252, 7.3)."""
    if hmac.compare_digest(registered.encode(), asked.encode(errors="surrogatepass")):
        return True
    loose = _loopback_form(registered) if application_type == "native" else None
    return loose is not None and loose == _loopback_form(asked)


_LOOPBACK_URI = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?(/[^#]*)?")


def _loopback_form(uri: str) -> str | None:
    match = _LOOPBACK_URI.fullmatch(uri)
    return match[1] + (match[2] or "") if match else None


def secret_digest(key: bytes, client_id: str, secret: str) -> str:
    """The stored form of a client secret: keyed, bound to the client, and fast, as secrets have 256 bits."""
    hashed = hmac.digest(key, f"{client_id}\0{secret}".encode(errors="surrogatepass"), hashlib.sha256)
    return urlsafe_b64encode(hashed).rstrip(b"=").decode()


class ClientStore(Protocol):
    """Where clients are stored."""

    def revision(self) -> int:
        """A number that grows with every change."""
        ...

    def load_all(self) -> list[Client]:
        """Every client."""
        ...

    def put(self, client: Client, now: float) -> None:
        """Add or replace a client, and raise the revision."""
        ...

    def remove(self, client_id: str, now: float) -> bool:
        """Remove a client with all its grants, and raise the revision; False when there was none."""
        ...


class Clients:
    """The clients of this process, at most `max_age` seconds old."""

    def __init__(self, store: ClientStore, clock: Clock, *, max_age: float = 5.0) -> None:
        self._store = store
        self.clock = clock
        self._max_age = max_age
        self._checked_at = float("-inf")
        self._revision = -1
        self._clients: dict[str, Client] = {}
        self._origins: frozenset[str] = frozenset()
        self.known_scopes = frozenset(SCOPES)
        """Every scope of this provider, and those that clients have in their own name."""

    def find(self, client_id: str | None) -> Client | None:
        """The client with this id, including disabled ones."""
        self._revalidate()
        return self._clients.get(client_id) if client_id else None

    def usable(self, client_id: str) -> Client:
        """The client, if it may send people. Raises `UnknownClient`, also for a disabled one, `UnapprovedClient`."""
        client = self.find(client_id)
        if client is None or client.disabled:
            refusal = UnapprovedClient if client and client.approval else UnknownClient
            raise refusal(f"client_id {client_id[:128]!r}")
        return client

    def has_origin(self, origin: str) -> bool:
        """Whether this is an origin of any client."""
        self._revalidate()
        return origin in self._origins

    def forget(self) -> None:
        """Reload on the next use."""
        self._checked_at = float("-inf")

    def _revalidate(self) -> None:
        now = self.clock()
        if self._checked_at <= now < self._checked_at + self._max_age:
            return
        revision = self._store.revision()
        if revision != self._revision:
            self._clients = {c.client_id: c for c in self._store.load_all()}
            self._origins = frozenset().union(*(c.origins for c in self._clients.values()))
            self.known_scopes = frozenset(SCOPES).union(*(c.scopes for c in self._clients.values()))
            self._revision = revision
        self._checked_at = now
