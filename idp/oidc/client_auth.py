"""Client authentication: secret in a header or in the form, a signed assertion, a certificate, or none.

Every failure gives the client the same message (RFC 6749, 5.2), so that nobody learns which ids exist. Its reason is
for the operator alone.
"""

import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from joserfc.jwk import KeySet

from idp.ephemeral_records import digest
from idp.oidc.assertions import ASSERTION_TYPE, AssertionRules, BadAssertion, read_assertion
from idp.oidc.client_secrets import SecretUses
from idp.oidc.clients import Client, secret_digest
from idp.ports import Clock
from keys.signing import BadToken, unverified_parts

SENTENCE = "Client authentication failed."
QueryClient = Callable[[str], Client | None]
KeysOf = Callable[[Client, str], KeySet | None]
ClaimJti = Callable[[str, float], bool]


class NotAuthenticated(InvalidClientError):  # type: ignore[misc]
    """The one response to every failed client authentication: 401 (RFC 6749, 5.2). `reason` is for the operator."""

    def __init__(self, reason: str) -> None:
        super().__init__(description=SENTENCE, status_code=401)
        self.reason = reason


class ClientAuthentication:
    """The methods, in the form that Authlib registers: `(query_client, request) -> client | None`.

    `audiences` begin with our issuer. `claim_jti(key, expires_at)` must be durable and true exactly once per assertion.
    """

    def __init__(
        self,
        digest_key: bytes,
        audiences: tuple[str, ...],
        clock: Clock,
        *,
        keys_of: KeysOf,
        claim_jti: ClaimJti,
        uses: SecretUses,
    ) -> None:
        self._digest_key = digest_key
        self._audiences = audiences
        self._clock = clock
        self._keys_of = keys_of
        self._claim_jti = claim_jti
        self._uses = uses

    def basic(self, query_client: QueryClient, request: Any) -> Client | None:
        """`client_secret_basic` (RFC 6749, 2.3.1): both halves are form-encoded before base64."""
        if "Authorization" not in request.headers:
            return None
        client_id, secret = _basic(request.headers["Authorization"])
        if request.form.get("client_id", client_id) != client_id:
            raise NotAuthenticated("header and form name different clients")
        return self._with_secret(query_client, client_id, secret, "client_secret_basic")

    def post(self, query_client: QueryClient, request: Any) -> Client | None:
        """`client_secret_post`."""
        client_id, secret = request.form.get("client_id"), request.form.get("client_secret")
        if not client_id or not secret:
            return None
        return self._with_secret(query_client, client_id, secret, "client_secret_post")

    def none(self, query_client: QueryClient, request: Any) -> Client | None:
        """A public client only states its id; PKCE and rotation protect its grants."""
        client_id = request.form.get("client_id")
        return _registered(query_client(client_id), "none") if client_id else None

    def private_key_jwt(self, query_client: QueryClient, request: Any) -> Client | None:
        """`private_key_jwt` (RFC 7523, OIDC Core 9): signed by a registered key, for us, once."""
        text = request.form.get("client_assertion")
        if request.form.get("client_assertion_type") != ASSERTION_TYPE or not text:
            return None
        try:
            claims = read_assertion(text, self._rules_for(query_client), self._clock())
        except BadAssertion as error:
            raise NotAuthenticated(f"bad assertion: {error}") from None
        named = request.form.get("client_id")
        if named is not None and named != claims["sub"]:
            raise NotAuthenticated("bad assertion: the form names another client")
        if not self._claim_jti(digest("jti", f"{claims['sub']}\0{claims['jti']}"), float(claims["exp"]) + 60):
            raise NotAuthenticated("bad assertion: jti was used before")
        return query_client(claims["sub"])

    def tls_client_auth(self, query_client: QueryClient, request: Any) -> Client | None:
        """`tls_client_auth` (RFC 8705, 2.1): the registered name, in a certificate whose chain the proxy verified."""
        client = self._with_certificate(query_client, request, "tls_client_auth")
        if client is None:
            return None
        if not request.certificate.is_verified:
            raise NotAuthenticated("bad certificate: the proxy does not say that it verified the chain")
        if not all(request.certificate.has_subject(*subject) for subject in client.tls_subjects):
            raise NotAuthenticated("bad certificate: it does not have the registered name")
        return client

    def self_signed_tls_client_auth(self, query_client: QueryClient, request: Any) -> Client | None:
        """`self_signed_tls_client_auth` (RFC 8705, 2.2): a certificate that is registered itself, whoever signed it."""
        client = self._with_certificate(query_client, request, "self_signed_tls_client_auth")
        if client is None:
            return None
        keys = self._keys_of(client, "")
        if keys is None or not request.certificate.is_one_of(keys):
            raise NotAuthenticated("bad certificate: it is none of the registered ones, or those cannot be had")
        return client

    def _with_certificate(self, query_client: QueryClient, request: Any, method: str) -> Client | None:
        """The client that the form names, if it authenticates by `method` and shows a certificate that is current."""
        client = query_client(request.form.get("client_id"))
        if request.certificate is None or client is None or not client.may_authenticate_by(method):
            return None
        if not request.certificate.is_current(self._clock()):
            raise NotAuthenticated("bad certificate: it has expired, or is not valid yet")
        return _registered(client, method)

    def _with_secret(self, query_client: QueryClient, client_id: str, secret: str, method: str) -> Client:
        client = query_client(client_id)
        digest = secret_digest(self._digest_key, client_id, secret)
        # Both comparisons also run for unknown clients, so that the response time reveals nothing.
        is_current = _is_same(client.secret_digest if client else None, digest)
        is_old = _is_same(client.old_secret_digest if client else None, digest)
        known = _registered(client, method)
        if not is_current and not is_old:
            raise NotAuthenticated("wrong secret")
        if not is_current and known.old_secret_expires_at <= self._clock():
            raise NotAuthenticated("expired secret")
        self._uses.note(client_id, digest)
        return known

    def _rules_for(self, query_client: QueryClient) -> Callable[[str, str], AssertionRules]:
        def rules_of(client_id: str, kid: str) -> AssertionRules:
            """The rules for clients that authenticate with keys.

            For others no key is fetched and no used `jti` is recorded.
            """
            client = _registered(query_client(client_id), "private_key_jwt")
            return AssertionRules(self._keys_of(client, kid), self._audiences, client.is_fapi2)

        return rules_of


def _is_same(stored: str | None, digest: str) -> bool:
    """Whether the digests are equal, in the same time for every other one and for none."""
    return hmac.compare_digest(stored or "-" * len(digest), digest) and stored is not None


def _registered(client: Client | None, method: str) -> Client:
    """A client that may use `method`. Raises `NotAuthenticated`."""
    if client is None:
        raise NotAuthenticated("unknown client")
    if client.disabled:
        raise NotAuthenticated(f"{client.approval or 'disabled'} client")
    if not client.may_authenticate_by(method):
        used = "no credentials" if method == "none" else method
        raise NotAuthenticated(f"wrong method: {used}, but registered is {client.token_endpoint_auth_method}")
    return client


def claimed_id(request: Any) -> str:
    """The client id that a request claims, unverified: for counting failures. Each method has it in another place."""
    try:
        if "Authorization" in request.headers:
            return _basic(request.headers["Authorization"])[0][:128]
        if "client_assertion" in request.form:
            return str(unverified_parts(request.form["client_assertion"])[1].get("sub"))[:128]
    except (InvalidClientError, BadToken):
        return "unreadable"
    return str(request.form.get("client_id", ""))[:128]


def _basic(header: str) -> tuple[str, str]:
    """Client id and secret of a Basic header. Raises `InvalidClientError`."""
    try:
        client_id, colon, secret = b64decode(header[6:], validate=True).decode().partition(":")
    except ValueError:
        raise NotAuthenticated("unreadable Authorization header") from None
    if header[:6].lower() != "basic " or not colon:
        raise NotAuthenticated("unreadable Authorization header")
    return unquote_plus(client_id), unquote_plus(secret)


def shows_secret(request: Any) -> bool:
    """Whether a request authenticates with a secret, correct or not, in the header or in the form."""
    return "Authorization" in request.headers or "client_secret" in request.form


def one_method_only(request: Any) -> None:
    """A request must not use two authentication methods at once (RFC 6749, 2.3). Raises `InvalidRequestError`."""
    used: Mapping[str, bool] = {
        "basic": "Authorization" in request.headers,
        "post": "client_secret" in request.form,
        "assertion": "client_assertion" in request.form,
    }
    if sum(used.values()) > 1:
        raise InvalidRequestError("More than one client authentication method.")
