"""Software statements (RFC 7591, 2.3): what an issuer that the operator trusts vouches for in a client's metadata."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc7591 import InvalidSoftwareStatementError, UnapprovedSoftwareStatementError
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.oidc.clients import ASSERTION_ALGS
from idp.ports import Clock
from keys.signing import BadToken, unverified_parts

SKEW = 60
"""Seconds that clocks may differ."""
TYPES = ("jwt", "software-statement+jwt")


def read_again(kept: str | None) -> Mapping[str, Any]:
    """What a statement says that was verified when the client registered, whether it is over now or not."""
    return unverified_parts(kept)[1] if kept else {}


class SoftwareStatements:
    """Reads statements. `issuers` are the keys of those that the operator trusts, by `iss`; `issuer` is our own."""

    def __init__(self, issuers: Mapping[str, KeySet], issuer: str, clock: Clock) -> None:
        self._issuers = issuers
        self._issuer = issuer
        self._clock = clock

    def claims(self, text: object) -> Mapping[str, Any]:
        """What a statement of now says, verified. Raises `OAuth2Error`.

        It may be shown again: it speaks of a software, of which there are many clients.
        """
        try:
            header, claims = unverified_parts(text if isinstance(text, str) else "")
        except BadToken as error:
            raise InvalidSoftwareStatementError(f"The statement is no JWT: it {error}.") from None
        if header.get("alg") not in ASSERTION_ALGS or str(header.get("typ", "JWT")).lower() not in TYPES:
            raise InvalidSoftwareStatementError(f"A statement is a JWT signed with {', '.join(ASSERTION_ALGS)}.")
        issuer = claims.get("iss")
        keys = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if keys is None:
            raise UnapprovedSoftwareStatementError("Statements of this issuer are not accepted here.")
        try:
            jws.deserialize_compact(str(text).encode(), keys, algorithms=list(ASSERTION_ALGS))
        except (JoseError, ValueError, TypeError):
            raise InvalidSoftwareStatementError("The signature matches no key of the issuer.") from None
        self._check(claims)
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        now, aud = self._clock(), claims.get("aud", self._issuer)
        dates = {name: claims.get(name, now) for name in ("iat", "nbf")} | {"exp": claims.get("exp")}
        if not all(isinstance(date, int | float) and not isinstance(date, bool) for date in dates.values()):
            raise InvalidSoftwareStatementError("The exp of a statement is needed; exp, iat and nbf are dates.")
        if dates["exp"] <= now - SKEW or max(dates["iat"], dates["nbf"]) > now + SKEW:
            raise InvalidSoftwareStatementError("The statement is over, or not valid yet.")
        if self._issuer not in (aud if isinstance(aud, list) else [aud]):
            raise InvalidSoftwareStatementError("The statement is for another provider.")
