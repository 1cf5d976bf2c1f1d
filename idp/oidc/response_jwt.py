"""Answers to a client as one JWT, so that nobody changes them on the way, and it can show others what we said.

Authorization responses (JARM), userinfo (OIDC Core 5.3.2) and introspection responses (RFC 9701).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from idp.oidc.clients import Client
from idp.oidc.response_encryption import encrypted
from idp.ports import Clock
from keys.signing import Signer

LIFE = 300
"""Seconds for which an authorization response is good (JARM 2.1 recommends at most 600)."""

AUTHORIZATION = "oauth-authz-resp+jwt"
USERINFO = "userinfo+jwt"
"""JARM and OpenID Connect name no types; with one of its own an answer is no ID token (RFC 8725, 3.11)."""

INTROSPECTION = "token-introspection+jwt"


class ResponseJwts:
    """Signs answers of this issuer with the algorithm that the client registered, and encrypts them if it did."""

    def __init__(self, issuer: str, signer: Signer, clock: Clock) -> None:
        self._issuer = issuer
        self._signer = signer
        self._clock = clock

    def authorization(self, client: Client, fields: Sequence[tuple[str, str]]) -> str:
        """The response with these parameters, for this client (JARM 2.1). Raises `NoSigningKey`."""
        claims = {**dict(fields), **self._frame(client), "exp": int(self._clock()) + LIFE}
        return self._made(client, claims, client.authorization_signed_response_alg, AUTHORIZATION)

    def userinfo(self, client: Client, released: Mapping[str, Any]) -> str | None:
        """The claims as a JWT, or None for a client that takes them as JSON. Raises `NoSigningKey`."""
        alg = client.userinfo_signed_response_alg
        return self._made(client, {**released, **self._frame(client)}, alg, USERINFO) if alg else None

    def introspection(self, caller: Client, answer: Mapping[str, Any]) -> str:
        """What `caller` learns about a token (RFC 9701, 5). Raises `NoSigningKey`.

        The answer is a member of its own, so that the JWT cannot pass for the token that it describes.
        """
        claims = {**self._frame(caller), "iat": int(self._clock()), "token_introspection": dict(answer)}
        return self._made(caller, claims, caller.introspection_signed_response_alg, INTROSPECTION)

    def _frame(self, client: Client) -> dict[str, Any]:
        return {"iss": self._issuer, "aud": client.client_id}

    def _made(self, client: Client, claims: Mapping[str, Any], alg: str, typ: str) -> str:
        return encrypted(self._signer.sign(claims, alg=alg, typ=typ), client, _ENCRYPTED_AS[typ])


_ENCRYPTED_AS = {AUTHORIZATION: "authorization", USERINFO: "userinfo", INTROSPECTION: "introspection"}
