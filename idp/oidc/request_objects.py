"""Signed request objects (RFC 9101): what a client asks, as a JWT of its own, by value or at a registered address.

What stands beside an object counts for nothing, except `client_id`, which has to be the same. An object is judged when
a request begins: it may be over when the person comes back from a step of the login.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from joserfc.jwk import KeySet

from idp.at_once import needs_thread
from idp.ephemeral_records import digest
from idp.errors import TooMany
from idp.limits.local import LocalRateLimiter
from idp.oidc.assertions import STRICT_ALGS, named_key
from idp.oidc.authorization import Params
from idp.oidc.clients import ASSERTION_ALGS, Client
from idp.outbound import Outbound, OutboundFailed
from idp.ports import Clock
from keys.signing import BadToken, check_signature, unverified_parts

LONGEST_LIFE, SKEW = 3600, 60
"""Seconds from `nbf` to `exp`, and how far clocks may differ."""

LONGEST_URI = 512
TYPES = ("oauth-authz-req+jwt", "jwt")
PARAMETERS = (
    *("response_type", "response_mode", "redirect_uri", "scope", "state", "nonce", "resource", "dpop_jkt"),
    *("code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint", "id_token_hint", "ui_locales"),
    *("acr_values", "claims", "authorization_details"),
)
"""What is read of an object; everything else is ignored, as at `/authorize`."""

_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_TEXT = re.compile(r"[^\0\ud800-\udfff]*")


class RequestNotSupported(OAuth2Error):  # type: ignore[misc]
    """The client has no keys to sign with, or did not sign (OIDC Core 3.1.2.6)."""

    error = "request_not_supported"


class RequestUriNotSupported(OAuth2Error):  # type: ignore[misc]
    """The client registered no address (OIDC Core 3.1.2.6)."""

    error = "request_uri_not_supported"


class InvalidRequestObject(OAuth2Error):  # type: ignore[misc]
    """The object proves nothing, or is not of now (RFC 9101, 7)."""

    error = "invalid_request_object"


class InvalidRequestUri(OAuth2Error):  # type: ignore[misc]
    """The address is not registered, or gave no object (RFC 9101, 7)."""

    error = "invalid_request_uri"


class RequestObjects:
    """Opens request objects. `claim_jti(key, expires_at)` must be durable and true exactly once per key.

    `open_encrypted(text)` gives what is inside of an encrypted object, or raises `BadToken`. `fetches` bounds how often
    browsers of one network make us ask a client's server.
    """

    def __init__(
        self,
        issuer: str,
        keys_of: Callable[[Client, str], KeySet | None],
        open_encrypted: Callable[[str], str],
        outbound: Outbound,
        claim_jti: Callable[[str, float], bool],
        clock: Clock,
        fetches: LocalRateLimiter,
    ) -> None:
        self._issuer = issuer
        self._keys_of = keys_of
        self._open_encrypted = open_encrypted
        self._outbound = outbound
        self._claim_jti = claim_jti
        self._clock = clock
        self._fetches = fetches

    def unfold(self, client: Client, values: Mapping[str, str], network: str) -> Params | None:
        """The parameters in the object of a request. Raises `OAuth2Error`, `TooMany`."""
        if "request" in values and "request_uri" in values:
            raise InvalidRequestError("'request' and 'request_uri' are given together.")
        if "request_uri" in values:
            return self._opened(client, self._fetched(client, values["request_uri"], network))
        if "request" in values:
            return self._opened(client, values["request"])
        if client.require_signed_request_object:
            raise InvalidRequestError("This request has to come in a signed request object (RFC 9101).")
        return None

    def _opened(self, client: Client, text: str) -> Params:
        if not client.has_keys:
            raise RequestNotSupported("Request objects need keys of the client (jwks or jwks_uri).")
        # Verifying costs whatever key the client has.
        needs_thread()
        claims = self._verified(client, self._inner(text))
        until = self._checked(client, claims)
        params = _params(client, claims)
        jti = claims.get("jti")
        if jti is not None and not self._claim_jti(digest("request-object", f"{client.client_id}\0{jti}"), until):
            raise InvalidRequestObject("The request object was used before.")
        return params

    def _inner(self, text: str) -> str:
        """The signed object, taken out of the encryption if there is one (RFC 9101, 6.1)."""
        if text.count(".") != 4:
            return text
        try:
            return self._open_encrypted(text)
        except BadToken as error:
            raise InvalidRequestObject(f"The encrypted request object {error}.") from None

    def _verified(self, client: Client, text: str) -> Mapping[str, Any]:
        """The claims of an object that the client signed (RFC 9101, 6.2). Raises `OAuth2Error`."""
        try:
            header, claims = unverified_parts(text)
        except BadToken as error:
            raise InvalidRequestObject(f"The request object is no JWT: it {error}.") from None
        alg, own = header.get("alg"), client.request_object_signing_alg
        allowed = (own,) if own else STRICT_ALGS if client.is_fapi2 else ASSERTION_ALGS
        if alg == "none" and not own:
            raise RequestNotSupported("Request objects are signed.")
        if alg not in allowed:
            raise InvalidRequestObject(f"The request object may be signed with {', '.join(allowed)}.")
        if str(header.get("typ", "JWT")).lower().removeprefix("application/") not in TYPES:
            raise InvalidRequestObject("The typ of a request object is oauth-authz-req+jwt.")
        keys = self._keys_of(client, named_key(header))
        if keys is None:
            raise InvalidRequestObject("No keys of the client can be had now.")
        try:
            check_signature(text, keys, allowed)
        except BadToken:
            raise InvalidRequestObject("The signature of the request object matches no key of the client.") from None
        return claims

    def _checked(self, client: Client, claims: Mapping[str, Any]) -> float:
        """When an object is surely over, in seconds since the epoch. Raises `InvalidRequestObject`."""
        now, jti = self._clock(), claims.get("jti", "-")
        aud = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
        rules = (
            (claims.get("iss") == client.client_id, "its iss is not the client_id"),
            (claims.get("client_id") == client.client_id, "its client_id is another one"),
            (self._issuer in aud, "its aud is not this issuer"),
            # Such an object would be a client assertion (RFC 9101, 10.8).
            ("sub" not in claims, "it has a sub"),
            (not {"request", "request_uri"} & claims.keys(), "it names another request"),
            (isinstance(jti, str) and 0 < len(jti) <= 256 and _TEXT.fullmatch(jti), "its jti is 1 to 256 characters"),
        )
        for good, why in rules:
            if not good:
                raise InvalidRequestObject(f"The request object is refused: {why}.")
        nbf, exp = _date(claims, "nbf"), _date(claims, "exp")
        if not (nbf - SKEW <= now < exp + SKEW and now - LONGEST_LIFE - SKEW < nbf and exp <= nbf + LONGEST_LIFE):
            raise InvalidRequestObject("The request object is over, not valid yet, or valid for more than an hour.")
        return exp + SKEW

    def _fetched(self, client: Client, uri: str, network: str) -> str:
        """The object at an address of the client; no other address is ever asked. Raises `OAuth2Error`, `TooMany`."""
        if not client.request_uris:
            raise RequestUriNotSupported("Request URIs are not registered for this client.")
        if not is_registered(uri, client.request_uris):
            raise InvalidRequestUri("The request_uri is not registered for this client.")
        needs_thread()
        if not self._fetches.hit(f"{client.client_id}|{network}"):
            raise TooMany("too many request objects fetched", retry_after=self._fetches.retry_after)
        try:
            answer = self._outbound.get(uri, {"Accept": "application/oauth-authz-req+jwt, application/jwt"})
        except OutboundFailed as error:
            raise InvalidRequestUri(f"The request object cannot be fetched: {error}.") from None
        if answer.status != 200:
            raise InvalidRequestUri(f"The request object cannot be fetched: status {answer.status}.")
        return answer.body.decode("ascii", errors="replace").strip()


def is_registered(uri: str, registered: Collection[str]) -> bool:
    """Whether it is an address of the client, letter for letter, or one name right under one that ends in a slash."""
    if len(uri) > LONGEST_URI:
        return False
    return any(
        uri == each or (each.endswith("/") and uri.startswith(each) and _SEGMENT.fullmatch(uri.removeprefix(each)))
        for each in registered
    )


def _params(client: Client, claims: Mapping[str, Any]) -> Params:
    """The parameters in an object as `/authorize` reads them: texts. Raises `InvalidRequestObject`."""
    values = {name: claims[name] for name in PARAMETERS if name in claims}
    for name, kind in (("claims", dict), ("authorization_details", list)):
        if isinstance(values.get(name), kind):
            values[name] = json.dumps(values[name])
    if type(values.get("max_age")) is int:
        values["max_age"] = str(values["max_age"])
    for name, value in values.items():
        if not isinstance(value, str) or not _TEXT.fullmatch(value):
            raise InvalidRequestObject(f"The request object is refused: '{name}' is no text.")
    return ("client_id", client.client_id), *values.items()


def _date(claims: Mapping[str, Any], name: str) -> float:
    """A claim in seconds since the epoch. Raises `InvalidRequestObject`."""
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise InvalidRequestObject(f"The request object is refused: its {name} is a date, and needed.")
    return float(value)
