"""The public signing keys of an upstream, fetched from its JWKS and checked before use (F-28, F-29)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from federation.connector import UpstreamFailed
from federation.remembered import Remembered
from idp.ports import Clock

MOST_KEYS = 64
RSA_BITS = range(2048, 8193)
_TYPES: Mapping[str, type[ECKey | OKPKey | RSAKey]] = {
    "RS256": RSAKey,
    "PS256": RSAKey,
    "ES256": ECKey,
    "EdDSA": OKPKey,
}
_CURVES = {"ES256": "P-256", "EdDSA": "Ed25519"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """One key and the algorithms that it may be used with."""

    kid: str | None
    algorithms: frozenset[str]
    key: Key


class RemoteKeys:
    """Finds keys by `kid`. `fetch(deadline)` gets the JWKS and raises `UpstreamFailed`."""

    def __init__(self, fetch: Callable[[float], dict[str, Any]], algorithms: Collection[str], clock: Clock) -> None:
        self._algorithms = frozenset(algorithms) & _TYPES.keys()
        self._keys = Remembered(lambda deadline: self._usable(fetch(deadline)), clock)

    def find(self, kid: str | None, algorithm: str, deadline: float, asker: str = "login") -> Key:
        """The key to verify with. An unknown `kid` may be a new one, so the JWKS is fetched again.

        Strangers can post logout tokens, so these have their own limit of one fetch per minute: `asker`. Raises
        `UpstreamFailed`.
        """
        kept = self._keys.now(deadline)
        fitting = _fitting(kept.value, kid, algorithm) or _fitting(
            self._keys.newer(kept, asker, deadline).value, kid, algorithm
        )
        if not fitting:
            raise UpstreamFailed("refused", "no key of the upstream fits")
        if len(fitting) > 1:
            raise UpstreamFailed("refused", "several keys of the upstream fit, and the token names none")
        return fitting[0].key

    def forget(self) -> None:
        """Fetch them anew when one is next needed."""
        self._keys.forget()

    def _usable(self, document: dict[str, Any]) -> tuple[RemoteKey, ...]:
        """The keys usable for verification; an absurd or ambiguous set counts as empty."""
        listed = document.get("keys")
        if not isinstance(listed, list) or not 0 < len(listed) <= MOST_KEYS:
            raise UpstreamFailed("unavailable", "jwks: no keys, or too many")
        keys = tuple(key for each in listed if (key := self._judged(each)) is not None)
        kids = [key.kid for key in keys if key.kid is not None]
        if not keys or len(set(kids)) != len(kids):
            raise UpstreamFailed("unavailable", "jwks: no usable key, or two of one name")
        return keys

    def _judged(self, jwk: object) -> RemoteKey | None:
        """A key that is public, meant for signatures and strong enough, or None."""
        if not isinstance(jwk, dict) or not _PRIVATE.isdisjoint(jwk) or jwk.get("use", "sig") != "sig":
            return None
        kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
        if not (kid is None or (isinstance(kid, str) and 0 < len(kid) <= 255)) or not isinstance(operations, list):
            return None
        algorithms = frozenset(alg for alg in self._algorithms if "verify" in operations and _fits(jwk, alg))
        try:
            return RemoteKey(kid, algorithms, _imported(jwk, algorithms)) if algorithms else None
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            return None


def _fits(jwk: dict[str, Any], algorithm: str) -> bool:
    kind = _TYPES[algorithm]
    right_curve = _CURVES.get(algorithm) in (None, jwk.get("crv"))
    return jwk.get("kty") == kind.key_type and right_curve and jwk.get("alg", algorithm) == algorithm


def _imported(jwk: dict[str, Any], algorithms: Collection[str]) -> Key:
    kind = next(_TYPES[algorithm] for algorithm in algorithms)
    if kind is RSAKey and not (_bits(jwk["n"]) in RSA_BITS and _bits(jwk["e"]) <= 32):
        raise ValueError("RSA key is too weak, or too slow to use")
    # Only the members that make up the key: certificates and URLs in it are not used here.
    return kind.import_key({name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk})


def _bits(number: Any) -> int:
    return int.from_bytes(urlsafe_b64decode(number.encode()), "big").bit_length()


def _fitting(keys: Collection[RemoteKey], kid: str | None, algorithm: str) -> list[RemoteKey]:
    """The matching keys; a token without a `kid` is verified only if there is no choice (OIDC Core section 10.1)."""
    return [key for key in keys if algorithm in key.algorithms and (kid is None or key.kid == kid)]
