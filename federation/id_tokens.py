"""ID tokens and logout tokens of upstreams, checked by our own rules; joserfc verifies signatures (D-01, D-08, D-13).

The issuer and its signing algorithms are configured, never learned from the token. Every failure is one
`UpstreamFailed` with the name of the rule and none of the content.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.util import urlsafe_b64decode

from federation.connector import UpstreamFailed
from federation.connectors.facts import subject
from keys.signing import half_hash
from keys.strict_json import strict_object

LONGEST = 16_384
LEEWAY = 30
OLDEST = 600
ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_REFUSED_MEMBERS = frozenset({"crit", "jwk", "jku", "x5u", "b64", "enc", "zip"})

FindKey = Callable[[str | None, str], Key]
"""(kid, algorithm) -> the issuer's key. Raises `UpstreamFailed`."""
Rule = tuple[bool, str]


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected issuer, audience and signing of the tokens."""

    issuer: str
    client_id: str
    algorithms: tuple[str, ...]


def read_id_token(
    token: object,
    expected: Expected,
    find_key: FindKey,
    *,
    nonce: str,
    now: float,
    access_token: str = "",
    since: float | None = None,
) -> dict[str, Any]:
    """The claims of a valid ID token. With `since` the person must have logged in there at or after that time."""
    header, claims = _verified(token, expected, find_key)
    _hold(_common_rules(claims, expected, now))
    exp, auth_time = claims.get("exp"), claims.get("auth_time")
    _hold(
        (
            (str(header.get("typ", "JWT")).lower() in ("jwt", "application/jwt"), "typ"),
            (subject(claims.get("sub")) is not None, "sub"),
            (claims.get("nonce") == nonce, "nonce"),
            (_is_date(exp) and now < exp + LEEWAY, "exp"),
            (_is_at_hash_of(claims.get("at_hash"), access_token, header["alg"]), "at_hash"),
            (auth_time is None or (_is_date(auth_time) and auth_time <= now + LEEWAY), "auth_time"),
            (since is None or (_is_date(auth_time) and auth_time >= since - LEEWAY), "auth_time is too old"),
            (isinstance(claims.get("acr", ""), str), "acr"),
            (isinstance(claims.get("sid", ""), str), "sid"),
        )
    )
    return claims


def read_logout_token(token: object, expected: Expected, find_key: FindKey, *, now: float) -> dict[str, Any]:
    """The claims of a valid logout token (OIDC Back-Channel Logout 2.6); the caller has to consume its `jti` once."""
    header, claims = _verified(token, expected, find_key)
    _hold(_common_rules(claims, expected, now))
    events, sub, sid, exp = (claims.get(name) for name in ("events", "sub", "sid", "exp"))
    _hold(
        (
            (str(header.get("typ", "JWT")).lower().removeprefix("application/") in ("logout+jwt", "jwt"), "typ"),
            (isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict), "events"),
            ("nonce" not in claims, "nonce"),
            (sub is None or subject(sub) is not None, "sub"),
            (sid is None or _is_name(sid), "sid"),
            (not (sub is None and sid is None), "neither sub nor sid"),
            (_is_name(claims.get("jti")), "jti"),
            (exp is None or (_is_date(exp) and now < exp + LEEWAY), "exp"),
        )
    )
    return claims


def _verified(token: object, expected: Expected, find_key: FindKey) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token signed by the issuer's key; parsed by us, so that duplicate names are refused."""
    if not isinstance(token, str) or len(token) > LONGEST or not token.isascii() or token.count(".") != 2:
        raise UpstreamFailed("refused", "token: no signed JWT")
    try:
        header, claims = (strict_object(urlsafe_b64decode(part.encode())) for part in token.split(".")[:2])
    except ValueError:
        raise UpstreamFailed("refused", "token: not strict JSON") from None
    algorithm, kid = str(header.get("alg")), header.get("kid")
    _hold(
        (
            (algorithm in expected.algorithms and algorithm in ALGORITHMS, "alg"),
            (kid is None or _is_name(kid), "kid"),
            (_REFUSED_MEMBERS.isdisjoint(header), "header member"),
        )
    )
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(token, find_key(kid, algorithm), registry=registry)
    except (JoseError, ValueError, TypeError):
        raise UpstreamFailed("refused", "token: signature") from None
    return header, claims


def _common_rules(claims: Mapping[str, Any], expected: Expected, now: float) -> tuple[Rule, ...]:
    iat, nbf = claims.get("iat"), claims.get("nbf", 0)
    return (
        (claims.get("iss") == expected.issuer, "iss"),
        (claims.get("aud") in (expected.client_id, [expected.client_id]), "aud"),
        (claims.get("azp", expected.client_id) == expected.client_id, "azp"),
        (_is_date(iat) and now - OLDEST <= iat <= now + LEEWAY, "iat"),
        (_is_date(nbf) and nbf <= now + LEEWAY, "nbf"),
    )


def _hold(rules: Iterable[Rule]) -> None:
    for good, name in rules:
        if not good:
            raise UpstreamFailed("refused", f"token: {name}")


def _is_date(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and all(" " <= c <= "~" for c in value)


def _is_at_hash_of(at_hash: object, access_token: str, algorithm: str) -> bool:
    return at_hash is None or (bool(access_token) and at_hash == half_hash(access_token, algorithm))
