"""The allowed changes of a key ring, as rules: each takes a ring and returns the resulting ring, or refuses.

    published, a standby --- the lead ---> may sign --- promoted ---> signs --- the next is promoted ---> still shown
    until its last token has expired ---> kept, unpublished

Every algorithm in use always has a standby: the change that promotes one also publishes the next. Nothing here uses a
store or a clock, so any process may plan, and `rotation.Rotator` ensures that one of them acts.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from keys.ring import ALGORITHMS, KeyRing, PrivateKey, SigningKey

FOLLOWING = 5.0
"""Seconds until every process certainly uses a changed ring; a process checks every two seconds."""


class KeyChangeRefused(Exception):
    """The change would break something; the message says what, and what to do instead."""


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """The times of a key's life, in seconds. `algorithms` always have keys; clients may need further ones."""

    algorithms: tuple[str, ...] = ()
    lead: float = 86_400.0
    token_life: float = 600.0
    clock_skew: float = 60.0
    rotate_every: float | None = None

    @property
    def overlap(self) -> float:
        """How long a key stays published after its successor has begun to sign."""
        return self.token_life + self.clock_skew + FOLLOWING

    @staticmethod
    def shortest_lead(max_age: float, clock_skew: float) -> float:
        """The least time between publishing and signing.

        The machine that publishes may be behind the one that clients ask, and that one behind the one that signs: twice
        the skew. Add the maximum age of the client's copy.
        """
        return max_age + 2 * clock_skew + FOLLOWING


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one key: "published", "activated", "replaced" or "revoked", and when it takes effect."""

    kind: str
    key: SigningKey
    at: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes allowed at one moment. Each returns the same ring when there is nothing to do.

    `make` generates a private key for an algorithm.
    """

    policy: KeyPolicy
    now: float
    make: Callable[[str], PrivateKey]

    def ready_at(self, ring: KeyRing, key: SigningKey) -> float:
        """When every client certainly knows the key. The keys of the very first ring need no lead."""
        return key.published_from if key.published_from <= ring.began else key.published_from + self.policy.lead

    def due_at(self, ring: KeyRing, alg: str) -> float | None:
        """When `rotated` promotes the standby of the algorithm; None when none waits to be promoted."""
        waiting = ring.successors(alg, self.now)
        if not waiting or waiting[0].signs_from is not None:
            return None
        ready, signing = self.ready_at(ring, waiting[0]), ring.signs_now(alg, self.now)
        if signing is None or signing.signs_from is None or self.policy.rotate_every is None:
            return ready
        return max(ready, signing.signs_from + self.policy.rotate_every)

    def completed(self, ring: KeyRing, algs: Collection[str] = ()) -> KeyRing:
        """Every algorithm that is configured, requested or in use gets a key that signs, or will, and a standby."""
        wanted = dict.fromkeys((*self.policy.algorithms, *algs, *ring.in_use()))
        for alg in wanted:
            if alg not in ALGORITHMS:
                raise ValueError(f"we do not sign with {alg!r}")
        is_first = not ring.keys
        for alg in wanted:
            ring = self._replaced_are_dated(ring, alg)
            if not self._will_sign(ring, alg):
                ring = self._begun(ring, alg, at_once=is_first)
            if not any(key.signs_from is None for key in ring.successors(alg, self.now)):
                ring = _with(ring, self._new(alg, self._dated_back() if is_first else self._shown(ring), None))
        return ring

    def rotated(self, ring: KeyRing, alg: str | None = None) -> KeyRing:
        """Promote every standby that is due, or only that of `alg`, and publish the next ones."""
        for each in ring.in_use():
            due = self.due_at(ring, each) if alg in (None, each) else None
            if due is not None and due <= self.now:
                ring = self._promoted(ring, ring.successors(each, self.now)[0], self.now)
        return self.completed(ring)

    def activated(self, ring: KeyRing, kid: str, *, at_once: bool, force: bool) -> KeyRing:
        """Let this key sign, now or as soon as every client certainly knows it. Raises `KeyChangeRefused`."""
        key = named(ring, kid)
        if not key.is_wanted:
            raise KeyChangeRefused(
                f"{key.name} was replaced or revoked, and a key never comes back: activate the standby"
            )
        if key.signs(self.now):
            raise KeyChangeRefused(f"{key.name} signs already")
        for other in ring.successors(key.alg, self.now):
            if other.signs_from is not None and other.kid != key.kid:
                raise KeyChangeRefused(
                    f"{other.name} already has a date to sign {key.alg} from: activate that one, or wait"
                )
        ready = self.ready_at(ring, key)
        if at_once and self.now < ready and not force:
            raise KeyChangeRefused(
                f"portals may not know {key.name} before {moment(ready)}: wait, leave out --now to let it sign from "
                "then, or give --force and break portals until their copies are renewed"
            )
        return self.completed(self._promoted(ring, key, self.now if at_once else max(self.now, ready)))

    def retired(self, ring: KeyRing, kid: str, needed: Mapping[str, str]) -> KeyRing:
        """Drop an algorithm: its key is removed when its last token has expired, its standby immediately.

        `needed` maps algorithms to what depends on them. Raises `KeyChangeRefused`.
        """
        key = named(ring, kid)
        if key.is_revoked or key.is_retired(self.now):
            raise KeyChangeRefused(f"{key.name} is unpublished already")
        if key.published_until is not None:
            raise KeyChangeRefused(
                f"{key.name} may have live tokens until {moment(key.published_until)}; it is unpublished then by "
                "itself. If it must be gone now, revoke it"
            )
        if key.alg in needed:
            raise KeyChangeRefused(
                f"{key.alg} is needed by {needed[key.alg]}. To replace the key: `idp keys rotate` or "
                "`idp keys activate`; to give up the algorithm, change those first"
            )
        last = self.now + self.policy.overlap
        for each in ring.keys:
            if each.alg == key.alg and each.is_wanted:
                ring = _with(ring, replace(each, published_until=self.now if each.waits(self.now) else last))
        return ring

    def revoked(self, ring: KeyRing, kid: str, *, force: bool) -> KeyRing:
        """Revoke the key immediately; the standby signs at once. Raises `KeyChangeRefused`."""
        key = named(ring, kid)
        if key.is_revoked:
            return ring
        wanted = [other for other in ring.keys if other.alg == key.alg and other.is_wanted and other.kid != key.kid]
        if key.is_wanted and not wanted and not force:
            raise KeyChangeRefused(
                f"{key.name} is the last {key.alg} key: `idp keys generate --alg {key.alg}` publishes another; or give "
                "--force, then a new key signs that no portal knows yet"
            )
        signed = ring.signs_now(key.alg, self.now)
        ring = _with(ring, replace(key, revoked_at=self.now))
        return self.completed(self._taken_over(ring, key.alg) if signed else ring)

    def _taken_over(self, ring: KeyRing, alg: str) -> KeyRing:
        """A key signs from now on, even on a machine whose clock is behind and that has no other key."""
        slow = self._dated_back()
        # A key that signs there but has been removed by now would leave a gap.
        if ring.signs_now(alg, slow) and ring.signs_now(alg, self.now):
            waiting = ring.successors(alg, self.now)
            coming = waiting[0].signs_from if waiting else None
            # A reactivated key signs until then, and has to stay for those tokens too.
            return ring if coming is None else self._promoted(ring, waiting[0], coming)
        waiting = ring.successors(alg, slow)
        successor = waiting[0] if waiting else self._new(alg, self._shown(ring), None)
        published = min(successor.published_from, max(slow, ring.began + 0.001))
        return self._promoted(ring, replace(successor, published_from=published), slow)

    def _promoted(self, ring: KeyRing, key: SigningKey, at: float) -> KeyRing:
        """The key signs from then on, and its predecessors are removed when their last tokens have expired."""
        before = [k for k in ring.keys if k.alg == key.alg and k.kid != key.kid and k.signs_from is not None]
        # Not before a key that is still valid: the newest date decides which key signs.
        at = max([at, *(k.signs_from + 0.001 for k in before if not k.is_revoked and k.signs_from is not None)])
        signing = ring.signs_now(key.alg, self.now)
        ring = _with(ring, replace(key, signs_from=at))
        for each in before:
            if each.is_wanted or each is signing:
                until = max(each.published_until or 0.0, at + self.policy.overlap)
                ring = _with(ring, replace(each, published_until=until))
        return ring

    def _replaced_are_dated(self, ring: KeyRing, alg: str) -> KeyRing:
        """A key that was replaced outside the plan (as in test mode) is also removed."""
        signing = ring.signs_now(alg, self.now)
        for key in ring.keys:
            if signing and key.alg == alg and key.is_wanted and key.signs(self.now) and key.kid != signing.kid:
                ring = _with(ring, replace(key, published_until=self.now + self.policy.overlap))
        return ring

    def _will_sign(self, ring: KeyRing, alg: str) -> bool:
        signing = ring.signs_now(alg, self.now)
        dated = any(key.signs_from is not None for key in ring.successors(alg, self.now))
        return dated or (signing is not None and signing.is_wanted)

    def _begun(self, ring: KeyRing, alg: str, *, at_once: bool) -> KeyRing:
        if at_once:
            return _with(ring, self._new(alg, self._dated_back(), self._dated_back()))
        if waiting := ring.successors(alg, self.now):
            return self._promoted(ring, waiting[0], max(self.now, self.ready_at(ring, waiting[0])))
        return _with(ring, self._new(alg, self._shown(ring), self.now + self.policy.lead))

    def _new(self, alg: str, published_from: float, signs_from: float | None) -> SigningKey:
        private = self.make(alg)
        return SigningKey(private.thumbprint(), alg, private, published_from, signs_from)

    def _shown(self, ring: KeyRing) -> float:
        """When a new key is published: later than the very first ring, whose keys alone need no lead."""
        return max(self.now, ring.began + 0.001)

    def _dated_back(self) -> float:
        return self.now - self.policy.clock_skew


def changes(before: KeyRing, after: KeyRing) -> list[Change]:
    """The differences between two rings, by algorithm, in reading order."""
    made = []
    for key in after.keys:
        old = before.find(key.kid)
        if old is None:
            made.append(Change("published", key, key.published_from))
        if key.signs_from is not None and (old is None or old.signs_from != key.signs_from):
            made.append(Change("activated", key, key.signs_from))
        if key.published_until is not None and (old is None or old.published_until != key.published_until):
            made.append(Change("replaced", key, key.published_until))
        if key.revoked_at is not None and (old is None or old.revoked_at != key.revoked_at):
            made.append(Change("revoked", key, key.revoked_at))
    order = ("revoked", "activated", "replaced", "published")
    return sorted(made, key=lambda change: (ALGORITHMS.index(change.key.alg), order.index(change.kind), change.at))


def lack(ring: KeyRing, alg: str, now: float) -> str | None:
    """Why a client cannot use this algorithm now, and the remedy; None when it can."""
    signing, waiting = ring.signs_now(alg, now), ring.successors(alg, now)
    if signing and (signing.is_wanted or waiting):
        return None
    dates = [key.signs_from for key in waiting if key.signs_from is not None]
    if dates:
        return f"{alg} signs from {moment(dates[0])}, when every portal surely knows the key: register the client then"
    return f"no {alg} key signs: `idp keys generate --alg {alg} --reason ...` publishes one, which signs after the lead"


def named(ring: KeyRing, prefix: str) -> SigningKey:
    """The one key whose name starts with `prefix`. Raises `KeyChangeRefused`."""
    keys = ring.begins(prefix) if prefix else ()
    if not keys:
        raise KeyChangeRefused(f"there is no key {prefix[:64]!r}: `idp keys list --all` names them")
    if len(keys) > 1:
        raise KeyChangeRefused(f"{prefix!r} is ambiguous: {', '.join(key.kid for key in keys)}")
    return keys[0]


def moment(at: float) -> str:
    """A human-readable date, to the minute, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _with(ring: KeyRing, key: SigningKey) -> KeyRing:
    """The ring with this key added, or replacing the one of the same name."""
    others = tuple(key if each.kid == key.kid else each for each in ring.keys)
    return KeyRing(others if ring.find(key.kid) else (*ring.keys, key), ring.version)
