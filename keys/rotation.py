"""Seeing to it that every algorithm in use has a key that signs.

`plan` says what is missing; `Rotator` makes it and hands it to the store, which takes a key only for the version of
the ring that the plan was made for. Whoever comes second finds nothing left to do.
"""

import logging
from collections.abc import Iterable
from typing import Protocol

from joserfc.jwk import ECKey, OKPKey, RSAKey

from keys.ring import Clock, KeyRing, NoSigningKey, PrivateKey, SigningKey

logger = logging.getLogger(__name__)

# Another machine's clock may be this much behind ours (seconds), and must be able to use a ring made here at once.
CLOCK_SKEW = 60.0


class KeyStore(Protocol):
    """Where the ring is kept."""

    def load(self) -> KeyRing:
        """The whole ring as of one moment. Raises when any part of it is damaged."""

    def version(self) -> int:
        """The version of the ring; 0 before the first key."""

    def add(self, key: SigningKey, expected_version: int) -> bool:
        """Add a key and raise the version, if the version is still the expected one. Says whether it was."""


def plan(ring: KeyRing, now: float, algs: Iterable[str]) -> tuple[str, ...]:
    """The algorithms for which no key may sign now."""
    return tuple(alg for alg in dict.fromkeys(algs) if not _can_sign(ring, alg, now))


class Rotator:
    """Brings the stored ring to what the plan asks for; safe at any time, from any number of processes."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def ensure(self, algs: Iterable[str]) -> KeyRing:
        """Give every one of these algorithms a signing key, and return the ring. Idempotent.

        Raises `ValueError` for an algorithm we do not sign with.
        """
        wanted = tuple(algs)
        now = self._clock()
        made: dict[str, SigningKey] = {}
        ring = self._store.load()
        while missing := plan(ring, now, wanted):
            alg = missing[0]
            if alg not in made:
                # An RSA key takes long to find: never while a transaction is open.
                made[alg] = new_key(alg, now)
            if self._store.add(made[alg], ring.version):
                logger.info("added signing key", extra={"kid": made[alg].kid, "alg": alg})
            # If it was not taken, somebody else was first: the ring is ahead of us and perhaps complete.
            ring = self._store.load()
        return ring

    def replace(self, alg: str) -> SigningKey:
        """Add a key that signs at once, before portals can know it: for test mode only."""
        key = new_key(alg, self._clock())
        while not self._store.add(key, self._store.version()):
            pass
        return key


def new_key(alg: str, now: float) -> SigningKey:
    """Generate a key that is shown and signs from now on. Raises `ValueError` for an unknown algorithm."""
    private = _generate(alg)
    begins = now - CLOCK_SKEW
    return SigningKey(private.thumbprint(), alg, private, published_from=begins, signs_from=begins)


def _generate(alg: str) -> PrivateKey:
    match alg:
        case "RS256" | "PS256":
            return RSAKey.generate_key(2048)
        case "ES256":
            return ECKey.generate_key("P-256")
        case "EdDSA":
            return OKPKey.generate_key("Ed25519")
    raise ValueError(f"we do not sign with {alg!r}")


def _can_sign(ring: KeyRing, alg: str, now: float) -> bool:
    try:
        ring.signing_key(alg, now)
    except NoSigningKey:
        return False
    return True
