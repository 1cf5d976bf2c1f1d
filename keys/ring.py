"""The ring of signing keys: which key signs at a moment, which are shown, which may still be verified with.

A key carries dates and no flags, so every process that knows the ring comes to the same answer by arithmetic:

    published_from .. signs_from .. (a newer key signs) .. published_until .. kept, for old ID tokens as hints
                          revoked_at ends all of it at once
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")

Clock = Callable[[], float]
PrivateKey = RSAKey | ECKey | OKPKey


class NoSigningKey(LookupError):
    """No key of this algorithm may sign at this moment."""


class BadRing(ValueError):
    """These keys do not make a ring; the message says which key and why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key and its dates (seconds since the epoch). `kid` is the RFC 7638 thumbprint and never used again."""

    kid: str
    alg: str
    private: PrivateKey = field(repr=False, compare=False)
    published_from: float
    signs_from: float
    published_until: float | None = None
    revoked_at: float | None = None

    def __post_init__(self) -> None:
        if not self._fits_algorithm():
            raise BadRing(f"signing key {self.kid}: not a private key for {self.alg}")
        if self.kid != self.private.thumbprint():
            raise BadRing(f"signing key {self.kid}: the private key has another thumbprint")

    def is_revoked(self, now: float) -> bool:
        return self.revoked_at is not None and self.revoked_at <= now

    def is_retired(self, now: float) -> bool:
        """Whether no token of this key can still be alive."""
        return self.published_until is not None and self.published_until <= now

    def is_published(self, now: float) -> bool:
        return self.published_from <= now and not self.is_retired(now) and not self.is_revoked(now)

    def signs(self, now: float) -> bool:
        return self.signs_from <= now and self.is_published(now)

    def public_jwk(self) -> dict[str, Any]:
        """The public part as a JWK (RFC 7517) with `kid`, `use` and `alg`."""
        return dict(self.private.as_dict(private=False, kid=self.kid, use="sig", alg=self.alg))

    def _fits_algorithm(self) -> bool:
        match self.private:
            case RSAKey():
                fits = self.alg in ("RS256", "PS256") and self.private.public_key.key_size >= 2048
            case ECKey():
                fits = self.alg == "ES256" and self.private.curve_name == "P-256"
            case OKPKey():
                fits = self.alg == "EdDSA" and self.private.curve_name == "Ed25519"
        return fits and self.private.is_private


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys we ever signed with and still know, and the version that changes whenever one of them does.

    Raises `BadRing` when two keys share a `kid`.
    """

    keys: tuple[SigningKey, ...]
    version: int
    _by_kid: Mapping[str, SigningKey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_kid = {key.kid: key for key in self.keys}
        if len(by_kid) != len(self.keys):
            raise BadRing("two signing keys have the same kid")
        object.__setattr__(self, "_by_kid", by_kid)

    def signing_key(self, alg: str, now: float) -> SigningKey:
        """The key that signs now: of those whose date has come, the newest. Raises `NoSigningKey`.

        A timer that died leaves an old key signing; it never leaves none.
        """
        candidates = [key for key in self.keys if key.alg == alg and key.signs(now)]
        if not candidates:
            raise NoSigningKey(f"no {alg} key may sign")
        return max(candidates, key=lambda key: (key.signs_from, key.kid))

    def published(self, now: float) -> tuple[SigningKey, ...]:
        """What a portal may see, standbys included."""
        return tuple(key for key in self.keys if key.is_published(now))

    def find(self, kid: str) -> SigningKey | None:
        """Any key by its exact name, retired and revoked ones too: ask the key what it is still good for."""
        return self._by_kid.get(kid)

    def jwks(self, now: float) -> dict[str, Any]:
        """The published keys as a JWK Set (RFC 7517 section 5)."""
        return {"keys": [key.public_jwk() for key in self.published(now)]}

    def algorithms(self, now: float) -> tuple[str, ...]:
        """The algorithms that can sign now, in our order of preference."""
        signing = {key.alg for key in self.keys if key.signs(now)}
        return tuple(alg for alg in ALGORITHMS if alg in signing)
