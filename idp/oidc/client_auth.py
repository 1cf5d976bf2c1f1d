"""Client authentication: secret in a header or in the form, a signed assertion, or none.

Every failure gives the client the same message (RFC 6749, 5.2), so that nobody learns which ids exist.
"""

import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.ephemeral_records import digest
from idp.oidc.assertions import ASSERTION_TYPE, BadAssertion, read_assertion
from idp.oidc.clients import Client, secret_digest
from idp.ports import Clock
from keys.signing import BadToken, unverified_parts

SENTENCE = "Client authentication failed."
QueryClient = Callable[[str], Client | None]
KeysOf = Callable[[Client], KeySet | None]
ClaimJti = Callable[[str, float], bool]


def failed() -> InvalidClientError:
    """The one response to every failed client authentication: 401 (RFC 6749, 5.2)."""
    return InvalidClientError(description=SENTENCE, status_code=401)


class ClientAuthentication:
    """The four methods, in the form that Authlib registers: `(query_client, request) -> client | None`.

    `claim_jti(key, expires_at)` must be durable and true exactly once per assertion.
    """

    def __init__(
        self, digest_key: bytes, audiences: tuple[str, ...], clock: Clock, *, keys_of: KeysOf, claim_jti: ClaimJti
    ) -> None:
        self._digest_key = digest_key
        self._audiences = audiences
        self._clock = clock
        self._keys_of = keys_of
        self._claim_jti = claim_jti

    def basic(self, query_client: QueryClient, request: Any) -> Client | None:
        """`client_secret_basic` (RFC 6749, 2.3.1): both halves are form-encoded before base64."""
        if "Authorization" not in request.headers:
            return None
        client_id, secret = _basic(request.headers["Authorization"])
        if request.form.get("client_id", client_id) != client_id:
            raise failed()
        return self._with_secret(query_client, client_id, secret)

    def post(self, query_client: QueryClient, request: Any) -> Client | None:
        """`client_secret_post`."""
        client_id, secret = request.form.get("client_id"), request.form.get("client_secret")
        return self._with_secret(query_client, client_id, secret) if client_id and secret else None

    def none(self, query_client: QueryClient, request: Any) -> Client | None:
        """A public client only states its id; PKCE and rotation protect its grants."""
        return query_client(request.form["client_id"]) if request.form.get("client_id") else None

    def private_key_jwt(self, query_client: QueryClient, request: Any) -> Client | None:
        """`private_key_jwt` (RFC 7523, OIDC Core 9): signed by a registered key, for us, once."""
        text = request.form.get("client_assertion")
        if request.form.get("client_assertion_type") != ASSERTION_TYPE or not text:
            return None
        try:
            claims = read_assertion(text, self._key_for(query_client), self._audiences, self._clock())
        except (BadAssertion, JoseError) as error:
            raise failed() from error
        named = request.form.get("client_id")
        if named is not None and named != claims["sub"]:
            raise failed()
        if not self._claim_jti(digest("jti", f"{claims['sub']}\0{claims['jti']}"), float(claims["exp"]) + 60):
            raise failed()
        return query_client(claims["sub"])

    def _with_secret(self, query_client: QueryClient, client_id: str, secret: str) -> Client | None:
        client = query_client(client_id)
        stored = client.secret_digest if client else None
        digest = secret_digest(self._digest_key, client_id, secret)
        # The comparison also runs for unknown clients, so that the response time reveals nothing.
        right = hmac.compare_digest(stored or "-" * len(digest), digest)
        if not right or stored is None:
            raise failed()
        return client

    def _key_for(self, query_client: QueryClient) -> Callable[[str], KeySet | None]:
        def keys_of(client_id: str) -> KeySet | None:
            """Keys of clients that authenticate with keys.

            For others no key is fetched and no used `jti` is recorded.
            """
            client = query_client(client_id)
            comes_so = client is not None and client.check_endpoint_auth_method("private_key_jwt", "token")
            return self._keys_of(client) if client is not None and comes_so else None

        return keys_of


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
        raise failed() from None
    if header[:6].lower() != "basic " or not colon:
        raise failed()
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
