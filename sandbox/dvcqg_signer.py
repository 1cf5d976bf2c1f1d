"""The ID tokens of the simulated national portal, good ones and those that the fault panel asks for."""

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import uuid4

from joserfc import jws, jwt
from joserfc.jwk import RSAKey

from sandbox.faults import Panel
from sandbox.upstream_people import Person

SECONDS = 3600
_ALGORITHMS = ["RS256"]


class Signer:
    """One signing key, and a second one once `rotated_keys` is on; both are then published."""

    def __init__(self, issuer: str, audience: str, panel: Panel) -> None:
        self.issuer = issuer
        self._audience = audience
        self._panel = panel
        self._earlier: dict[str, str] = {}

    def public_keys(self) -> list[dict[str, Any]]:
        """What stands in the JWKS: the second key only once somebody's tokens are signed with it."""
        rotated = any("rotated_keys" in on for on in self._panel.on.values())
        return [dict(key.as_dict(private=False)) for key in (_key("first"), _key("second"))[: 1 + rotated]]

    def id_token(self, person: Person, at: int, session: str, access_token: str, asked: Mapping[str, str]) -> str:
        """The ID token of a login, as the panel wants it."""
        login = person.login
        earlier = self._earlier.get(login)
        if earlier and self._panel.is_on("replayed", login):
            return earlier
        now = int(time.time())
        claims = self._claims(login, access_token, asked)
        claims |= {"iat": now, "nbf": now, "exp": now + SECONDS, "auth_time": at, "sid": session, "jti": str(uuid4())}
        token = self._sign(claims, login)
        self._earlier[login] = token
        return token

    def made(self, token: str) -> bool:
        """Whether an ID token is ours; an old one will do."""
        try:
            header = jws.extract_compact(token.encode()).headers()
            keys = {key.kid: key for key in (_key("first"), _key("second"))}
            jws.deserialize_compact(token, keys[header["kid"]], algorithms=_ALGORITHMS)
        except Exception:
            return False
        return True

    def _claims(self, login: str, access_token: str, asked: Mapping[str, str]) -> dict[str, Any]:
        is_on = self._panel.is_on
        claims: dict[str, Any] = {
            "iss": "https://xacthuc.example.test/oauth2/token" if is_on("wrong_issuer", login) else self.issuer,
            "aud": ["somebody-else" if is_on("wrong_audience", login) else self._audience],
            "azp": self._audience,
            "sub": login,
            "at_hash": _half_hash(access_token),
            "amr": ["BasicAuthenticator"],
            "acr": asked.get("acr_values", "LoA1").split(" ")[0],
        }
        nonce = uuid4().hex if is_on("wrong_nonce", login) else asked.get("nonce")
        return {**claims, "nonce": nonce} if nonce else claims

    def _sign(self, claims: dict[str, Any], login: str) -> str:
        key = _key("second" if self._panel.is_on("rotated_keys", login) else "first")
        header = {"alg": "RS256", "kid": key.kid}
        if self._panel.is_on("wrong_key", login):
            key = _key("nobody's")
        return jwt.encode(header, claims, key, algorithms=_ALGORITHMS)


@cache
def _key(name: str) -> RSAKey:
    """Made when it is first needed, and gone with the process: the real portal announces no rotation either."""
    del name
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, private=True)
    key.ensure_kid()
    return key


def _half_hash(token: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).decode().rstrip("=")
