"""Making the keys that are missing, once, whoever asks and however many ask at the same time."""

import pytest

from keys.ring import KeyRing, SigningKey
from keys.rotation import CLOCK_SKEW, Rotator, new_key, plan
from tests.support.clock import FrozenClock
from tests.support.keys import ring_of, signing_key

NOW = FrozenClock.MONDAY_MORNING


class RingInMemory:
    """A `KeyStore` without a database; a `rival` acts right after the ring was first loaded."""

    def __init__(self) -> None:
        self.keys: tuple[SigningKey, ...] = ()
        self.refused = 0
        self.rival: Rotator | None = None

    def load(self) -> KeyRing:
        ring = KeyRing(self.keys, self.version())
        rival, self.rival = self.rival, None
        if rival is not None:
            rival.ensure(("ES256", "EdDSA"))
        return ring

    def version(self) -> int:
        return len(self.keys)

    def add(self, key: SigningKey, expected_version: int) -> bool:
        if self.version() != expected_version:
            self.refused += 1
            return False
        self.keys += (key,)
        return True


def test_the_plan_names_each_algorithm_without_a_signing_key_once() -> None:
    ring = ring_of(signing_key("ES256"), signing_key("RS256", signs_from=NOW + 1), signing_key("EdDSA", revoked_at=NOW))
    assert plan(ring, NOW, ["EdDSA", "ES256", "RS256", "EdDSA"]) == ("EdDSA", "RS256")


def test_an_empty_ring_gets_a_key_for_every_algorithm(clock: FrozenClock) -> None:
    ring = Rotator(RingInMemory(), clock).ensure(("RS256", "PS256", "ES256", "EdDSA"))
    assert ring.algorithms(clock()) == ("RS256", "PS256", "ES256", "EdDSA")
    assert len(ring.published(clock())) == 4


def test_a_complete_ring_is_left_alone(clock: FrozenClock) -> None:
    rotator = Rotator(RingInMemory(), clock)
    first = rotator.ensure(("ES256", "EdDSA"))
    clock.move(86_400)
    assert rotator.ensure(("ES256", "EdDSA")) == first


def test_who_comes_second_takes_the_ring_of_who_came_first(clock: FrozenClock) -> None:
    store = RingInMemory()
    store.rival = Rotator(store, clock)
    ring = Rotator(store, clock).ensure(("ES256", "EdDSA"))
    assert store.refused == 1
    assert [key.alg for key in ring.keys] == ["ES256", "EdDSA"]


def test_who_comes_second_still_adds_what_the_first_did_not_want(clock: FrozenClock) -> None:
    store = RingInMemory()
    store.rival = Rotator(store, clock)
    ring = Rotator(store, clock).ensure(("PS256", "ES256"))
    assert [key.alg for key in ring.keys] == ["ES256", "EdDSA", "PS256"]


def test_a_machine_whose_clock_is_behind_can_use_a_new_key(clock: FrozenClock) -> None:
    store = RingInMemory()
    ring = Rotator(store, clock).ensure(("ES256",))
    clock.move(-CLOCK_SKEW)
    assert Rotator(store, clock).ensure(("ES256",)) == ring


def test_a_replaced_key_hands_over_at_once_and_stays_shown(clock: FrozenClock) -> None:
    store = RingInMemory()
    (old,) = Rotator(store, clock).ensure(("ES256",)).keys
    clock.move(1)
    new = Rotator(store, clock).replace("ES256")
    assert store.load().signing_key("ES256", clock()) == new
    assert store.load().published(clock()) == (old, new)


def test_new_keys_differ() -> None:
    assert new_key("ES256", NOW).kid != new_key("ES256", NOW).kid


def test_an_algorithm_that_we_do_not_sign_with_is_refused_by_name(clock: FrozenClock) -> None:
    for alg in ("HS256", "none", "es256"):
        with pytest.raises(ValueError, match=alg):
            Rotator(RingInMemory(), clock).ensure((alg,))
