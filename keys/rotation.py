"""Brings the stored ring to the state that a rule requires, exactly once, however many processes try at the same time.

Keys are generated outside of any transaction, and the store accepts a new ring only for the version that it was planned
for. A process that comes second plans again and finds nothing left to do; that is success.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from joserfc.jwk import ECKey, OKPKey, RSAKey

from keys.changes import Change, KeyPolicy, Plan, changes
from keys.ring import Clock, KeyRing, PrivateKey, SigningKey

Transition = Callable[[Plan, KeyRing], KeyRing]


class KeyStore(Protocol):
    """Where the ring is stored."""

    def load(self) -> KeyRing:
        """The whole ring at one point in time. Raises when any part of it is damaged."""

    def version(self) -> int:
        """The version of the ring; 0 before the first key."""

    def replace(self, before: KeyRing, after: KeyRing, reason: str) -> bool:
        """Store `after` and raise the version, if the stored ring is still `before`. Returns whether it was."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a change: the ring before and after it, and its plan."""

    before: KeyRing
    after: KeyRing
    plan: Plan

    @property
    def changes(self) -> list[Change]:
        return changes(self.before, self.after)

    @property
    def too_early(self) -> list[SigningKey]:
        """Keys that sign before every client certainly knows them: the guarantee does not hold."""
        begun = [c.key for c in self.changes if c.kind == "activated" and self.before.keys]
        return [
            key
            for key in begun
            if max(key.signs_from or 0.0, self.plan.now)
            < self.plan.ready_at(self.before, self.before.find(key.kid) or key)
        ]


class Rotator:
    """Changes the stored ring by a rule; safe at any time, from any number of processes."""

    def __init__(self, store: KeyStore, clock: Clock, policy: KeyPolicy | None = None) -> None:
        self._store = store
        self._clock = clock
        self.policy = policy or KeyPolicy()

    def plan(self, make: Callable[[str], PrivateKey] | None = None) -> Plan:
        """The changes allowed now."""
        return Plan(self.policy, self._clock(), make or generate)

    def preview(self, transition: Transition) -> Outcome:
        """What `change` would do now."""
        plan, ring = self.plan(), self._store.load()
        return Outcome(ring, transition(plan, ring), plan)

    def change(self, transition: Transition, reason: str) -> Outcome:
        """Apply the change, unless another process has. Raises what the transition raises."""
        supply = _Supply()
        while True:
            plan, ring = self.plan(supply.again()), self._store.load()
            wanted = transition(plan, ring)
            if wanted == ring:
                return Outcome(ring, ring, plan)
            if self._store.replace(ring, wanted, reason):
                return Outcome(ring, KeyRing(wanted.keys, ring.version + 1), plan)

    def ensure(self, algs: Collection[str] = ()) -> KeyRing:
        """Create missing keys for every configured, used or requested algorithm, and return the ring. Idempotent.

        In the very first ring they sign at once; a later algorithm signs after the lead. Raises `ValueError` for an
        algorithm we do not sign with.
        """
        wanted = tuple(algs)
        return self.change(lambda plan, ring: plan.completed(ring, wanted), "needed").after

    def prepare(self, algs: Collection[str]) -> KeyRing:
        """The stored ring; if this creates the very first one, it contains these algorithms from the start."""
        ring = self._store.load()
        return ring if ring.keys else self.ensure(algs)

    def rotate(self, reason: str, alg: str | None = None) -> Outcome:
        """Promote what is due."""
        return self.change(lambda plan, ring: plan.rotated(ring, alg), reason)

    def tend(self, known: KeyRing, reason: str) -> Outcome | None:
        """Do what is due by the calendar: complete the ring and, with `rotate_every`, rotate. May be called often.

        `known` is this process's ring: when nothing is due in it, the store is not asked.
        """
        transition: Transition = Plan.completed if self.policy.rotate_every is None else Plan.rotated
        try:
            if transition(self.plan(_no_key), known) == known:
                return None
        except _KeyNeeded:
            pass
        return self.change(transition, reason)

    def replace(self, alg: str) -> SigningKey:
        """Add a key that signs at once, before clients can know it: for test mode only."""
        begins = self._clock() - self.policy.clock_skew
        private = generate(alg)
        signing = self._store.load().signs_now(alg, self._clock())
        if signing is not None and signing.signs_from is not None:
            begins = max(begins, signing.signs_from + 0.001)
        key = SigningKey(private.thumbprint(), alg, private, min(begins, self._clock()), begins)
        self.change(lambda _, ring: KeyRing((*ring.keys, key), ring.version), "test mode")
        return key


class _KeyNeeded(Exception):
    """A plan needs a new key."""


def _no_key(alg: str) -> PrivateKey:
    raise _KeyNeeded(alg)


@dataclass
class _Supply:
    """New private keys by algorithm; a second try gets the same ones again, because generating an RSA key is slow."""

    _made: dict[str, list[PrivateKey]] = field(default_factory=dict)

    def again(self) -> Callable[[str], PrivateKey]:
        waits: dict[str, int] = {}

        def make(alg: str) -> PrivateKey:
            number = waits.get(alg, 0)
            waits[alg] = number + 1
            made = self._made.setdefault(alg, [])
            if number == len(made):
                made.append(generate(alg))
            return made[number]

        return make


def generate(alg: str) -> PrivateKey:
    """Generate a private key. Raises `ValueError` for an algorithm we do not sign with."""
    while True:
        keys = _found(alg)
        # A name that begins with a dash could not be passed as a command argument.
        if not keys.thumbprint().startswith("-"):
            return keys


def _found(alg: str) -> PrivateKey:
    match alg:
        case "RS256" | "PS256":
            return RSAKey.generate_key(2048)
        case "ES256" | "ECDH-ES":
            return ECKey.generate_key("P-256")
        case "EdDSA":
            return OKPKey.generate_key("Ed25519")
    raise ValueError(f"we do not sign with {alg!r}")
