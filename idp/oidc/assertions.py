"""Client assertions (RFC 7523), read strictly: pinned algorithms, our audience, short life, single use.

The rules of RFC 8725 apply too: the key comes from the registration and never from the token's header.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import KeySet

from idp.oidc.clients import ASSERTION_ALGS
from keys.signing import BadToken, check_signature, unverified_parts

STRICT_ALGS = ("PS256", "ES256", "EdDSA")
"""The algorithms of FAPI 2.0 (5.4.1)."""
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE, LONGEST_STRICT_LIFE = 600, 300
SKEW = 60


class BadAssertion(Exception):
    """The assertion proves nothing; the message is for the log."""


@dataclass(frozen=True, slots=True)
class AssertionRules:
    """What one client's assertions are judged by. The first of `audiences` is our issuer.

    With `is_strict` it is the only one, named as a text and not in a list, so that no assertion is also for somebody
    else (FAPI 2.0, 5.3.2.1).
    """

    keys: KeySet | None
    audiences: tuple[str, ...]
    is_strict: bool

    @property
    def algs(self) -> tuple[str, ...]:
        return STRICT_ALGS if self.is_strict else ASSERTION_ALGS

    @property
    def longest_life(self) -> int:
        """Seconds until the latest `exp`."""
        return LONGEST_STRICT_LIFE if self.is_strict else LONGEST_LIFE

    def is_for_us(self, aud: object) -> bool:
        """Whether `aud` names us, and nobody else."""
        if self.is_strict:
            return aud == self.audiences[0]
        named = aud if isinstance(aud, list) else [aud]
        return bool(named) and set(map(str, named)) <= set(self.audiences)


def read_assertion(text: str, rules_of: Callable[[str, str], AssertionRules], now: float) -> dict[str, Any]:
    """The verified claims. `rules_of(client_id, kid)` are those of a client that names this key of its own.

    Raises `BadAssertion`.
    """
    try:
        header, claims = unverified_parts(text)
    except BadToken as error:
        raise BadAssertion(str(error)) from None
    if header.get("alg") not in ASSERTION_ALGS or header.get("typ", "JWT") not in ("JWT", "client-authentication+jwt"):
        raise BadAssertion("algorithm or type")
    rules = rules_of(claims["sub"], named_key(header)) if isinstance(claims.get("sub"), str) else None
    if rules is None or rules.keys is None:
        raise BadAssertion("no sub, or no keys of the client can be had")
    if header["alg"] not in rules.algs:
        raise BadAssertion("algorithm, for a client of profile fapi2")
    try:
        check_signature(text, rules.keys, rules.algs)
    except BadToken as error:
        raise BadAssertion(f"signature: {error}") from None
    _check(claims, rules, now)
    return claims


def named_key(header: Mapping[str, Any]) -> str:
    """The `kid` of a header; empty without one."""
    kid = header.get("kid", "")
    return kid if isinstance(kid, str) else ""


def _check(claims: dict[str, Any], judged: AssertionRules, now: float) -> None:
    exp, iat, jti = claims.get("exp"), claims.get("iat", now), claims.get("jti")
    rules = (
        (claims.get("iss") == claims["sub"], "iss is not sub"),
        (judged.is_for_us(claims.get("aud")), "aud is not us, or not only us"),
        (isinstance(jti, str) and 0 < len(jti) <= 256, "jti"),
        (_is_number(exp) and now - SKEW < exp <= now + judged.longest_life, "exp"),  # type: ignore[operator]
        (_is_number(iat) and iat <= now + SKEW, "iat"),
        (_is_number(claims.get("nbf", now)) and claims.get("nbf", now) <= now + SKEW, "nbf"),
    )
    for good, name in rules:
        if not good:
            raise BadAssertion(name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
