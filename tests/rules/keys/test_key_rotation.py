"""A change of the ring happens once, whoever asks and however many ask at the same time."""

import pytest

from keys.changes import KeyChangeRefused, KeyPolicy, Plan
from keys.ring import KeyRing, SigningKey
from keys.rotation import Rotator
from tests.support.clock import FrozenClock
from tests.support.keys import signing_key

NOW = FrozenClock.MONDAY_MORNING
SKEW = KeyPolicy().clock_skew
DAY = 86_400.0


class RingInMemory:
    """A `KeyStore` without a database; a `rival` acts right after the ring was first loaded."""

    def __init__(self, *keys: SigningKey) -> None:
        self.ring = KeyRing(keys, len(keys))
        self.refused = 0
        self.reasons: list[str] = []
        self.rival: Rotator | None = None

    def load(self) -> KeyRing:
        ring = self.ring
        rival, self.rival = self.rival, None
        if rival is not None:
            rival.ensure(("ES256", "EdDSA"))
        return ring

    def version(self) -> int:
        return self.ring.version

    def replace(self, before: KeyRing, after: KeyRing, reason: str) -> bool:
        if self.ring != before:
            self.refused += 1
            return False
        self.ring = KeyRing(after.keys, before.version + 1)
        self.reasons.append(reason)
        return True


def test_an_empty_ring_gets_a_key_and_a_standby_for_every_algorithm(clock: FrozenClock) -> None:
    ring = Rotator(RingInMemory(), clock).ensure(("RS256", "PS256", "ES256", "EdDSA"))
    assert ring.algorithms(clock()) == ("RS256", "PS256", "ES256", "EdDSA")
    assert len(ring.published(clock())) == 8
    assert [len(ring.successors(alg, clock())) for alg in ring.algorithms(clock())] == [1, 1, 1, 1]


def test_a_complete_ring_is_left_alone(clock: FrozenClock) -> None:
    store = RingInMemory()
    rotator = Rotator(store, clock)
    first = rotator.ensure(("ES256", "EdDSA"))
    clock.move(86_400)
    assert rotator.ensure(("ES256", "EdDSA")) == first
    assert store.reasons == ["needed"]


def test_who_comes_second_takes_the_ring_of_who_came_first(clock: FrozenClock) -> None:
    store = RingInMemory()
    store.rival = Rotator(store, clock)
    ring = Rotator(store, clock).ensure(("ES256", "EdDSA"))
    assert store.refused == 1
    assert [key.alg for key in ring.keys] == ["ES256", "ES256", "EdDSA", "EdDSA"]


def test_who_comes_second_still_adds_what_the_first_did_not_want(clock: FrozenClock) -> None:
    store = RingInMemory()
    store.rival = Rotator(store, clock)
    ring = Rotator(store, clock).ensure(("PS256", "ES256"))
    assert [key.alg for key in ring.keys] == ["ES256", "ES256", "EdDSA", "EdDSA", "PS256", "PS256"]


def test_a_machine_whose_clock_is_behind_can_use_the_first_ring(clock: FrozenClock) -> None:
    store = RingInMemory()
    ring = Rotator(store, clock).ensure(("ES256",))
    clock.move(-SKEW)
    assert Rotator(store, clock).ensure(("ES256",)) == ring
    assert ring.signing_key("ES256", clock())


def test_a_second_rotation_finds_nothing_due_and_says_from_when(clock: FrozenClock) -> None:
    store = RingInMemory()
    rotator = Rotator(store, clock)
    rotator.ensure(("ES256",))
    assert rotator.rotate("r").changes
    again = rotator.rotate("r")
    assert (again.changes, store.reasons) == ([], ["needed", "r"])
    assert again.plan.due_at(again.after, "ES256") == NOW + DAY


def test_what_would_happen_is_told_without_doing_it(clock: FrozenClock) -> None:
    store = RingInMemory()
    rotator = Rotator(store, clock)
    before = rotator.ensure(("ES256",))
    outcome = rotator.preview(Plan.rotated)
    assert {change.kind for change in outcome.changes} == {"activated", "replaced", "published"}
    assert store.ring == before


def test_a_refusal_leaves_the_ring_alone(clock: FrozenClock) -> None:
    store = RingInMemory(signing_key())
    with pytest.raises(KeyChangeRefused):
        Rotator(store, clock).change(lambda plan, ring: plan.revoked(ring, "nobody", force=False), "r")
    assert store.reasons == []


def test_tending_a_ring_in_which_nothing_is_due_asks_nobody(clock: FrozenClock) -> None:
    store = RingInMemory()
    rotator = Rotator(store, clock, KeyPolicy(rotate_every=30 * DAY))
    ring = rotator.ensure(("ES256",))
    store.load = None  # type: ignore[assignment]
    clock.move(29 * DAY)
    assert rotator.tend(ring, "r") is None


def test_tending_rotates_by_the_calendar_once(clock: FrozenClock) -> None:
    store = RingInMemory()
    rotator = Rotator(store, clock, KeyPolicy(rotate_every=30 * DAY))
    ring = rotator.ensure(("ES256",))
    clock.move(30 * DAY)
    outcome, late = rotator.tend(ring, "r"), rotator.tend(ring, "r")
    assert outcome
    assert outcome.changes
    assert late
    assert late.changes == []
    assert late.after == store.ring


def test_without_a_calendar_tending_only_completes(clock: FrozenClock) -> None:
    store = RingInMemory(signing_key())
    rotator = Rotator(store, clock)
    outcome = rotator.tend(store.ring, "r")
    assert outcome
    assert [change.kind for change in outcome.changes] == ["published"]
    clock.move(1000 * DAY)
    assert rotator.tend(store.ring, "r") is None


def test_a_key_that_is_put_in_place_for_tests_hands_over_at_once_and_the_old_one_leaves(clock: FrozenClock) -> None:
    store = RingInMemory()
    rotator = Rotator(store, clock)
    old = rotator.ensure(("ES256",)).signing_key("ES256", clock())
    new = rotator.replace("ES256")
    assert store.load().signing_key("ES256", clock()) == new
    assert old in store.load().published(clock())
    left = rotator.ensure().find(old.kid)
    assert left
    assert left.published_until == NOW + rotator.policy.overlap


def test_an_algorithm_that_we_do_not_sign_with_is_refused_by_name(clock: FrozenClock) -> None:
    for alg in ("HS256", "none", "es256"):
        with pytest.raises(ValueError, match=alg):
            Rotator(RingInMemory(), clock).ensure((alg,))
