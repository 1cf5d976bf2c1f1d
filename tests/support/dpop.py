"""A client's key and the proofs it makes (RFC 9449), written by hand so that a test can spoil any part of one."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode
from werkzeug.test import TestResponse

from idp.oidc.dpop import access_token_hash
from tests.support.app import REDIRECT, VERIFIER, Visitor


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


@dataclass
class BoundApp:
    """An app of a visitor that proves its key with every request, with the newest nonce that it was told."""

    visitor: Visitor
    client_id: str = "app"
    secret: str | None = None
    key: ProofKey = field(default_factory=ProofKey)
    nonce: str | None = None

    def proof(self, method: str, path: str, **more: Any) -> str:
        """A proof for a request to us."""
        app = self.visitor.app
        return self.key.proof(method, app.settings.issuer + path, **({"now": app.clock(), "nonce": self.nonce} | more))

    def send(self, method: str, path: str, proof: str, data: Any = None, headers: Any = None) -> TestResponse:
        """One request with this proof; the nonce of the answer is kept."""
        auth = (self.client_id, self.secret) if self.secret and path == "/token" else None
        more = {"DPoP": proof} | (headers or {})
        given = {"headers": more, "auth": auth}
        answer = self.visitor.get(path, **given) if method == "GET" else self.visitor.post(path, data, **given)
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer

    def token(self, **fields: Any) -> TestResponse:
        """A token request, tried again when a nonce is asked for."""
        data = fields if self.secret else {"client_id": self.client_id} | fields
        answer = self.send("POST", "/token", self.proof("POST", "/token"), data)
        if (answer.json or {}).get("error") == "use_dpop_nonce":
            answer = self.send("POST", "/token", self.proof("POST", "/token"), data)
        return answer

    def redeem(self, code: str, **more: Any) -> TestResponse:
        fields = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return self.token(code=code, **(fields | more))

    def refresh(self, refresh_token: str) -> TestResponse:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def code(self, **more: Any) -> str:
        return self.visitor.code(client_id=self.client_id, scope="openid profile offline_access", **more)

    def tokens(self) -> dict[str, Any]:
        """Log in and redeem; the token response."""
        answer = self.redeem(self.code())
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def userinfo(self, access_token: str, method: str = "GET", scheme: str = "DPoP", **more: Any) -> TestResponse:
        proof = self.proof(method, "/userinfo", access_token=access_token, **more)
        return self.send(method, "/userinfo", proof, headers={"Authorization": f"{scheme} {access_token}"})
