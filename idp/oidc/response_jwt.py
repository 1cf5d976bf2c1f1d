"""Signed authorization responses (JARM): the answer to the client as one JWT, so that nobody changes it on the way."""

from collections.abc import Sequence

from idp.oidc.clients import Client
from idp.ports import Clock
from keys.signing import Signer

LIFE = 300
"""Seconds for which a response is good (JARM 2.1 recommends at most 600)."""

TYPE = "oauth-authz-resp+jwt"
"""JARM names no type; with one of its own a response is no ID token (RFC 8725, 3.11)."""


class SignedResponses:
    """Signs responses of this issuer with the algorithm that the client registered."""

    def __init__(self, issuer: str, signer: Signer, clock: Clock) -> None:
        self._issuer = issuer
        self._signer = signer
        self._clock = clock

    def of(self, client: Client, fields: Sequence[tuple[str, str]]) -> str:
        """The response with these parameters, for this client (JARM 2.1). Raises `NoSigningKey`."""
        frame = {"iss": self._issuer, "aud": client.client_id, "exp": int(self._clock()) + LIFE}
        return self._signer.sign({**dict(fields), **frame}, alg=client.authorization_signed_response_alg, typ=TYPE)
