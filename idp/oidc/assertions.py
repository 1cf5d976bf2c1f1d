"""Client assertions (RFC 7523), read strictly: pinned algorithms, our audience, short life, single use.

The rules of RFC 8725 apply too: the key comes from the registration and never from the token's header.
"""

from collections.abc import Callable
from typing import Any

from joserfc import jws
from joserfc.jwk import KeySet

from idp.oidc.clients import ASSERTION_ALGS
from keys.signing import BadToken, unverified_parts

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE = 600
SKEW = 60


class BadAssertion(Exception):
    """The assertion proves nothing; the message is for the log."""


def read_assertion(
    text: str, keys_of: Callable[[str], KeySet | None], audiences: tuple[str, ...], now: float
) -> dict[str, Any]:
    """The verified claims. `keys_of(client_id)` returns the registered keys. Raises `BadAssertion`, `JoseError`."""
    try:
        header, claims = unverified_parts(text)
    except BadToken as error:
        raise BadAssertion(str(error)) from None
    if header.get("alg") not in ASSERTION_ALGS or header.get("typ", "JWT") not in ("JWT", "client-authentication+jwt"):
        raise BadAssertion("algorithm or type")
    keys = keys_of(claims["sub"]) if isinstance(claims.get("sub"), str) else None
    if keys is None:
        raise BadAssertion("no sub, or no keys of the client can be had")
    jws.deserialize_compact(text.encode(), keys, algorithms=list(ASSERTION_ALGS))
    _check(claims, audiences, now)
    return claims


def _check(claims: dict[str, Any], audiences: tuple[str, ...], now: float) -> None:
    aud = claims.get("aud")
    named = aud if isinstance(aud, list) else [aud]
    exp, iat, jti = claims.get("exp"), claims.get("iat", now), claims.get("jti")
    rules = (
        (claims.get("iss") == claims["sub"], "iss is not sub"),
        (bool(named) and set(map(str, named)) <= set(audiences), "aud is not us, or not only us"),
        (isinstance(jti, str) and 0 < len(jti) <= 256, "jti"),
        (_is_number(exp) and now - SKEW < exp <= now + LONGEST_LIFE, "exp"),  # type: ignore[operator]
        (_is_number(iat) and iat <= now + SKEW, "iat"),
        (_is_number(claims.get("nbf", now)) and claims.get("nbf", now) <= now + SKEW, "nbf"),
    )
    for good, name in rules:
        if not good:
            raise BadAssertion(name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
