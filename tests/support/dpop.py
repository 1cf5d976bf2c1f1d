"""A client's key and the proofs it makes (RFC 9449), written by hand so that a test can spoil any part of one."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from idp.oidc.dpop import access_token_hash


@dataclass
class ProofKey:
    """One key of a client. A header or claim that is given as None is left out."""

    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256"))
    alg: str = "ES256"

    @property
    def jkt(self) -> str:
        return str(self.key.thumbprint())

    @property
    def jwk(self) -> dict[str, Any]:
        return dict(self.key.as_dict(private=False))

    def proof(
        self,
        method: str,
        url: str,
        *,
        now: float,
        nonce: str | None = None,
        access_token: str | None = None,
        header: dict[str, Any] | None = None,
        signed_by: Key | None = None,
        **claims: Any,
    ) -> str:
        """A proof for a request."""
        head = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.jwk} | (header or {})
        ath = access_token_hash(access_token) if access_token else None
        jti = secrets.token_urlsafe(12)
        body = {"jti": jti, "htm": method, "htu": url, "iat": int(now), "nonce": nonce, "ath": ath} | claims
        return self.signed(head, body, signed_by)

    def signed(self, header: dict[str, Any], claims: dict[str, Any], signed_by: Key | None = None) -> str:
        """A JWT of these parts."""
        signing_input = b".".join(_segment(part) for part in (header, claims))
        signature = JWSRegistry.algorithms[self.alg].sign(signing_input, signed_by or self.key)
        return (signing_input + b"." + urlsafe_b64encode(signature)).decode()


def _segment(part: dict[str, Any]) -> bytes:
    return urlsafe_b64encode(json.dumps({n: v for n, v in part.items() if v is not None}).encode())
