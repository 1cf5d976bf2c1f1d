"""Signing keys for tests; RSA keys take long to find, so the private parts are made once per process."""

from dataclasses import dataclass
from functools import cache

from keys.ring import KeyRing, PrivateKey, SigningKey
from keys.rotation import generate
from tests.support.clock import FrozenClock

LONG_AGO = FrozenClock.MONDAY_MORNING - 86_400.0


@cache
def private_key(alg: str, number: int = 0) -> PrivateKey:
    """A private key for `alg`; different numbers are different keys."""
    return generate(alg)


def signing_key(
    alg: str = "ES256",
    number: int = 0,
    *,
    published_from: float = LONG_AGO,
    signs_from: float | None = LONG_AGO,
    published_until: float | None = None,
    revoked_at: float | None = None,
) -> SigningKey:
    private = private_key(alg, number)
    return SigningKey(
        kid=private.thumbprint(),
        alg=alg,
        private=private,
        published_from=published_from,
        signs_from=signs_from,
        published_until=published_until,
        revoked_at=revoked_at,
    )


@dataclass
class Known:
    """Rings as a process knows them; `stored` is what the store has meanwhile, if that is newer."""

    known: KeyRing
    stored: KeyRing | None = None

    def ring(self) -> KeyRing:
        return self.known

    def newest(self) -> KeyRing:
        self.known = self.stored or self.known
        return self.known


def ring_of(*keys: SigningKey, version: int = 1) -> KeyRing:
    return KeyRing(keys, version)
