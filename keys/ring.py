"""The ring of signing keys: which key signs at a given time, which are published, which may still verify.

A key carries dates and no flags, so every process that knows the ring computes the same answer:

    published_from .. signs_from .. (a newer key signs) .. published_until .. kept, for old ID tokens as hints
                          revoked_at ends all of it at once

A key that is published and has no date to sign from is a standby: clients know it, and it can sign at any time.

Callers see a key's dates, its public part, and `sign`, `verify` and `decrypt`, never the private part. A key in a KMS
or behind PKCS#11 would be another holder with the same methods.
"""

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwe
from joserfc.errors import SecurityWarning
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

SIGNING = ("RS256", "PS256", "ES256", "EdDSA")
ENCRYPTION = "ECDH-ES"
"""What others encrypt to us with; its keys keep the same calendar, in which the one that "signs" is the current one."""

ALGORITHMS = (*SIGNING, ENCRYPTION)

Clock = Callable[[], float]
PrivateKey = RSAKey | ECKey | OKPKey


class NoSigningKey(LookupError):
    """No key of this algorithm may sign at this time."""


class BadRing(ValueError):
    """These keys do not form a ring; the message says which key and why."""


def _joserfc_algorithms() -> dict[str, Any]:
    with warnings.catch_warnings():
        # RFC 9864 renames EdDSA to Ed25519, but portals and their libraries know only the old name so far.
        warnings.simplefilter("ignore", SecurityWarning)
        registry = JWSRegistry(algorithms=SIGNING)
        return {name: registry.get_alg(name) for name in SIGNING}


_JWS = _joserfc_algorithms()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key and its dates (seconds since the epoch). `kid` is the RFC 7638 thumbprint and never reused."""

    kid: str
    alg: str
    private: PrivateKey = field(repr=False, compare=False)
    published_from: float
    signs_from: float | None
    published_until: float | None = None
    revoked_at: float | None = None

    def __post_init__(self) -> None:
        if not self._fits_algorithm():
            raise BadRing(f"signing key {self.kid}: not a private key for {self.alg}")
        if self.kid != self.private.thumbprint():
            raise BadRing(f"signing key {self.kid}: the private key has another thumbprint")

    @property
    def name(self) -> str:
        """The prefix of `kid`, long enough for people to tell keys apart."""
        return self.kid[:12]

    @property
    def is_revoked(self) -> bool:
        """A revocation holds as soon as it is known, even on a machine whose clock is behind."""
        return self.revoked_at is not None

    @property
    def is_wanted(self) -> bool:
        """Whether it signs or will sign: neither revoked nor replaced."""
        return not self.is_revoked and self.published_until is None

    def is_retired(self, now: float) -> bool:
        """Whether all tokens of this key have expired."""
        return self.published_until is not None and self.published_until <= now

    def is_published(self, now: float) -> bool:
        return self.published_from <= now and not self.is_retired(now) and not self.is_revoked

    def signs(self, now: float) -> bool:
        return self.signs_from is not None and self.signs_from <= now and self.is_published(now)

    def waits(self, now: float) -> bool:
        """Whether it is still to sign: a standby, or a key with a future date."""
        return self.is_wanted and (self.signs_from is None or self.signs_from > now)

    def sign(self, data: bytes) -> bytes:
        """The signature of these bytes, in the form of JWS (RFC 7518)."""
        signature: bytes = _JWS[self.alg].sign(data, self.private)
        return signature

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature was made by this key."""
        return self.alg in _JWS and bool(_JWS[self.alg].verify(data, signature, self.private))

    def decrypt(self, message: str, algs: Collection[str]) -> bytes:
        """What is inside of a JWE to this key that uses these algorithms (RFC 7516). Raises what joserfc raises."""
        registry = JWERegistry(algorithms=algs, strict_check_header=False)
        return jwe.decrypt_compact(message, self.private, registry=registry).plaintext or b""

    def public_jwk(self) -> dict[str, Any]:
        """The public part as a JWK (RFC 7517) with `kid` and `use`, and `alg` where the key has only one."""
        if self.alg == ENCRYPTION:
            return dict(self.private.as_dict(private=False, kid=self.kid, use="enc"))
        return dict(self.private.as_dict(private=False, kid=self.kid, use="sig", alg=self.alg))

    def public_pem(self) -> str:
        """The public part as PEM (SubjectPublicKeyInfo)."""
        return str(self.private.as_pem(private=False).decode())

    def _fits_algorithm(self) -> bool:
        match self.private:
            case RSAKey():
                fits = self.alg in ("RS256", "PS256") and self.private.public_key.key_size >= 2048
            case ECKey():
                fits = self.alg in ("ES256", ENCRYPTION) and self.private.curve_name == "P-256"
            case OKPKey():
                fits = self.alg == "EdDSA" and self.private.curve_name == "Ed25519"
        return fits and self.private.is_private


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys we ever signed with and still know, and a version that changes with any of them.

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
        """The key that signs now: the newest of those whose date has come. Raises `NoSigningKey`.

        A timer that stopped leaves an old key signing, never no key.
        """
        candidates = [key for key in self.keys if key.alg == alg and key.signs(now)]
        if not candidates:
            raise NoSigningKey(f"no {alg} key may sign")
        return max(candidates, key=lambda key: (key.signs_from or 0.0, key.kid))

    def signs_now(self, alg: str, now: float) -> SigningKey | None:
        """`signing_key`, or None when no key may sign."""
        try:
            return self.signing_key(alg, now)
        except NoSigningKey:
            return None

    def successors(self, alg: str, now: float) -> tuple[SigningKey, ...]:
        """The keys that will sign next: first those with a date, then standbys, the longest known first."""
        waiting = (key for key in self.keys if key.alg == alg and key.waits(now))
        later = float("inf")
        return tuple(sorted(waiting, key=lambda k: (k.signs_from or later, k.published_from, k.kid)))

    def state(self, key: SigningKey, now: float) -> str:
        """The key's state in a word: "signs", "standby", "coming", "replaced", "retired" or "revoked"."""
        if key.is_revoked:
            return "revoked"
        if key.is_retired(now):
            return "retired"
        if key.waits(now):
            return "standby" if key.signs_from is None else "coming"
        return "signs" if self.signs_now(key.alg, now) is key else "replaced"

    def in_order(self) -> list[SigningKey]:
        """All keys, by algorithm in our order of preference, the oldest first."""
        later = float("inf")
        return sorted(
            self.keys, key=lambda k: (ALGORITHMS.index(k.alg), k.published_from, k.signs_from or later, k.kid)
        )

    def in_use(self) -> tuple[str, ...]:
        """The algorithms with a key that signs or will sign, in our order of preference."""
        wanted = {key.alg for key in self.keys if key.is_wanted}
        return tuple(alg for alg in ALGORITHMS if alg in wanted)

    @property
    def began(self) -> float:
        """When the very first key was published: no client can have an older copy."""
        return min((key.published_from for key in self.keys), default=0.0)

    def published(self, now: float) -> tuple[SigningKey, ...]:
        """What clients may see, standbys included."""
        return tuple(key for key in self.keys if key.is_published(now))

    def find(self, kid: str) -> SigningKey | None:
        """Any key by its exact name, including retired and revoked ones: ask the key what it is still valid for."""
        return self._by_kid.get(kid)

    def begins(self, prefix: str) -> tuple[SigningKey, ...]:
        """The keys whose name starts with `prefix`, for operators."""
        return tuple(key for key in self.keys if key.kid.startswith(prefix))

    def jwks(self, now: float) -> dict[str, Any]:
        """The published keys as a JWK Set (RFC 7517 section 5)."""
        return {"keys": [key.public_jwk() for key in self.published(now)]}

    def unrevoked_jwks(self) -> dict[str, Any]:
        """Every key that was not revoked, including retired ones, as a JWK Set: their signatures remain valid."""
        return {"keys": [key.public_jwk() for key in self.keys if not key.is_revoked]}

    def algorithms(self, now: float) -> tuple[str, ...]:
        """The algorithms that can sign now, in our order of preference."""
        signing = {key.alg for key in self.keys if key.signs(now)}
        return tuple(alg for alg in SIGNING if alg in signing)

    def opens(self, now: float) -> bool:
        """Whether others may encrypt to us."""
        return any(key.alg == ENCRYPTION for key in self.published(now))
