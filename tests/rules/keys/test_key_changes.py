"""What may be done with a ring, and what is refused with the way to go on; then whole lives of rings at random."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from keys.changes import FOLLOWING, KeyChangeRefused, KeyPolicy, Plan, changes, lack, named
from keys.ring import ALGORITHMS, KeyRing, PrivateKey, SigningKey
from keys.rotation import Outcome
from tests.support.clock import FrozenClock
from tests.support.keys import private_key, ring_of, signing_key

NOW = FrozenClock.MONDAY_MORNING
DAY = 86_400.0
POLICY = KeyPolicy(algorithms=("ES256",), lead=DAY)


@dataclass
class Supply:
    """Private keys that differ, made once for the whole run."""

    given: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: 100))

    def __call__(self, alg: str) -> PrivateKey:
        self.given[alg] += 1
        return private_key(alg, self.given[alg])


FRESH = Supply()


def plan(now: float = NOW, policy: KeyPolicy = POLICY, supply: Supply | None = None) -> Plan:
    return Plan(policy, now, supply or FRESH)


CURRENT = signing_key(number=0, published_from=NOW - 30 * DAY, signs_from=NOW - 30 * DAY)
READY = signing_key(number=1, published_from=NOW - DAY, signs_from=None)
YOUNG = signing_key(number=1, published_from=NOW - DAY + 1, signs_from=None)


def kinds(before: KeyRing, after: KeyRing) -> list[tuple[str, str]]:
    return [(change.kind, change.key.kid) for change in changes(before, after) if before.find(change.key.kid)]


# The lead


def test_the_shortest_lead_holds_the_cache_of_portals_and_twice_the_skew() -> None:
    assert KeyPolicy.shortest_lead(300, 60) == 300 + 120 + FOLLOWING


def test_a_key_may_sign_when_the_whole_lead_has_passed_and_not_a_moment_earlier() -> None:
    ring = ring_of(CURRENT, READY)
    assert plan().rotated(ring).signing_key("ES256", NOW).kid == READY.kid
    assert plan(NOW - 1).rotated(ring) == ring


def test_keys_of_the_first_ring_need_no_lead_because_nobody_can_have_an_older_copy() -> None:
    first = plan().completed(KeyRing((), 0))
    (standby,) = first.successors("ES256", NOW)
    assert plan().rotated(first).signing_key("ES256", NOW).kid == standby.kid


def test_a_key_that_came_after_the_first_ring_needs_the_lead_also_where_a_clock_is_as_far_behind_as_it_may() -> None:
    """Such a machine publishes at the very moment that the first ring was dated back to."""
    behind = plan(NOW - LIFE.clock_skew, LIFE)
    ring = behind.rotated(plan(policy=LIFE).completed(KeyRing((), 0)))
    assert len(ring.keys) == 3
    assert behind.ready_at(ring, ring.keys[2]) == pytest.approx(behind.now + LIFE.lead, abs=0.01)


def test_f_18_an_algorithm_that_comes_later_signs_after_the_lead() -> None:
    ring = plan().completed(ring_of(CURRENT, READY), ("EdDSA",))
    assert ring.signs_now("EdDSA", NOW + DAY - 1) is None
    assert ring.signs_now("EdDSA", NOW + DAY)
    assert len([key for key in ring.published(NOW) if key.alg == "EdDSA"]) == 2
    assert "register the client then" in (lack(ring, "EdDSA", NOW) or "")
    assert lack(ring, "EdDSA", NOW + DAY) is None
    assert "idp keys generate --alg PS256" in (lack(ring, "PS256", NOW) or "")


# Rotation


def test_a_rotation_promotes_the_standby_dates_the_old_key_and_publishes_the_next() -> None:
    ring = plan().rotated(ring_of(CURRENT, READY))
    old, new, nxt = ring.keys
    assert old.published_until == NOW + POLICY.token_life + POLICY.clock_skew + FOLLOWING
    assert (new.signs_from, new.published_until) == (NOW, None)
    assert (nxt.published_from, nxt.signs_from) == (NOW, None)


def test_a_rotation_of_one_algorithm_leaves_the_others_alone() -> None:
    others = signing_key("EdDSA", 0), signing_key("EdDSA", 1, published_from=NOW - DAY, signs_from=None)
    ring = plan().rotated(ring_of(CURRENT, READY, *others), "ES256")
    assert {key.alg for key in ring.keys if key.signs_from == NOW} == {"ES256"}


def test_with_a_calendar_a_rotation_waits_for_its_day() -> None:
    policy = replace(POLICY, rotate_every=30 * DAY)
    ring = ring_of(CURRENT, READY)
    assert plan(NOW - 1, policy).rotated(ring) == ring
    assert plan(NOW - 1, policy).due_at(ring, "ES256") == NOW
    assert plan(NOW, policy).rotated(ring) != ring


# Activation


def test_activating_before_the_lead_is_over_is_refused_with_the_date() -> None:
    ring = ring_of(CURRENT, YOUNG)
    with pytest.raises(KeyChangeRefused, match=r"before 2026-03-02 01:00 UTC: wait, leave out --now"):
        plan().activated(ring, YOUNG.kid, at_once=True, force=False)
    scheduled = plan().activated(ring, YOUNG.kid, at_once=False, force=False)
    assert scheduled.signing_key("ES256", NOW).kid == CURRENT.kid
    assert scheduled.signing_key("ES256", NOW + 1).kid == YOUNG.kid
    forced = plan().activated(ring, YOUNG.kid, at_once=True, force=True)
    assert forced.signing_key("ES256", NOW).kid == YOUNG.kid
    assert [key.kid for key in Outcome(ring, forced, plan()).too_early] == [YOUNG.kid]


def test_a_key_never_comes_back() -> None:
    ring = plan().rotated(ring_of(CURRENT, READY))
    with pytest.raises(KeyChangeRefused, match="a key never comes back: activate the standby"):
        plan().activated(ring, CURRENT.kid, at_once=True, force=True)
    with pytest.raises(KeyChangeRefused, match="signs already"):
        plan().activated(ring, READY.kid, at_once=True, force=True)


def test_two_keys_cannot_be_given_dates_at_once() -> None:
    ring = plan().activated(ring_of(CURRENT, YOUNG), YOUNG.kid, at_once=False, force=False)
    (standby,) = [key for key in ring.keys if key.signs_from is None]
    with pytest.raises(KeyChangeRefused, match=f"{YOUNG.name} already has a date"):
        plan().activated(ring, standby.kid, at_once=False, force=False)


# Retiring


def test_a_key_with_live_tokens_is_not_retired() -> None:
    ring = plan().rotated(ring_of(CURRENT, READY))
    with pytest.raises(
        KeyChangeRefused, match="may have live tokens until 2026-03-02 01:11 UTC; it is unpublished then"
    ):
        plan().retired(ring, CURRENT.kid, {})
    with pytest.raises(KeyChangeRefused, match="is unpublished already"):
        plan(NOW + DAY).retired(ring, CURRENT.kid, {})


def test_an_algorithm_that_somebody_needs_is_not_given_up() -> None:
    with pytest.raises(KeyChangeRefused, match=r"ES256 is needed by client portal.*idp keys rotate"):
        plan().retired(ring_of(CURRENT, READY), READY.kid, {"ES256": "client portal"})


def test_an_algorithm_that_nobody_needs_leaves_with_its_last_token() -> None:
    ring = plan(policy=KeyPolicy()).retired(ring_of(CURRENT, READY), CURRENT.kid, {})
    assert [key.kid for key in ring.published(NOW)] == [CURRENT.kid]
    assert ring.published(NOW + POLICY.overlap) == ()
    assert plan(policy=KeyPolicy()).completed(ring) == ring
    assert lack(ring, "ES256", NOW)


# Revocation


def test_f_34_a_revocation_promotes_the_standby_and_publishes_the_next() -> None:
    before = ring_of(CURRENT, READY)
    ring = plan().revoked(before, CURRENT.kid, force=False)
    assert ring.signing_key("ES256", NOW).kid == READY.kid
    assert CURRENT.kid not in [key.kid for key in ring.published(NOW)]
    assert len(ring.successors("ES256", NOW)) == 1
    assert Outcome(before, ring, plan()).too_early == []


def test_a_machine_whose_clock_is_behind_signs_after_a_revocation_too() -> None:
    ring = plan().revoked(ring_of(CURRENT, YOUNG), CURRENT.kid, force=False)
    behind = NOW - POLICY.clock_skew
    assert ring.signing_key("ES256", behind).kid == YOUNG.kid
    assert CURRENT.kid not in [key.kid for key in ring.published(behind)]


def test_revoking_the_old_key_right_after_a_rotation_leaves_no_slow_machine_without_a_key() -> None:
    """On a machine whose clock is behind, the old key still signs for a while."""
    ring = plan().revoked(plan().rotated(ring_of(CURRENT, READY)), CURRENT.kid, force=False)
    assert ring.signing_key("ES256", NOW - POLICY.clock_skew).kid == READY.kid


@pytest.mark.parametrize("since", [-30.0, 0.0, 10.0, 30.0, 60.0, 90.0])
def test_revoking_a_key_just_after_the_one_before_it_left_leaves_no_slow_machine_without_a_key(since: float) -> None:
    """On a machine whose clock is behind, the key before it signs, and then nobody until the time of the revocation."""
    rotated = plan(policy=LIFE).rotated(ring_of(CURRENT, READY))
    revoked_at = NOW + LIFE.overlap + since
    ring = plan(revoked_at, LIFE).revoked(rotated, READY.kid, force=False)
    assert Outcome(rotated, ring, plan(revoked_at, LIFE)).too_early == []
    for behind in range(-600, int(SKEW) + 1):
        assert ring.signs_now("ES256", revoked_at - behind), behind


def test_a_key_that_a_revocation_brings_back_stays_until_its_last_token_has_expired() -> None:
    """A machine that is behind revokes what another one has just replaced: the key before both signs for a moment."""
    rotated = plan(policy=LIFE).rotated(ring_of(CURRENT, READY))
    rotated = plan(NOW + LIFE.lead, LIFE).rotated(rotated)
    ring = plan(NOW + LIFE.lead - 10, LIFE).revoked(rotated, READY.kid, force=False)
    last = NOW + LIFE.lead - 1
    assert ring.signing_key("ES256", last).kid == CURRENT.kid
    assert CURRENT.kid in [key.kid for key in ring.published(last + LIFE.token_life + SKEW)]


def test_a_second_revocation_within_the_lead_leaves_the_guarantee_and_says_so() -> None:
    first = plan().revoked(ring_of(CURRENT, READY), CURRENT.kid, force=False)
    second = plan(NOW + 60).revoked(first, READY.kid, force=False)
    signing = second.signing_key("ES256", NOW + 60)
    assert Outcome(first, second, plan(NOW + 60)).too_early == [signing]


def test_the_last_key_is_revoked_by_force_only() -> None:
    before = ring_of(CURRENT)
    with pytest.raises(KeyChangeRefused, match="is the last ES256 key: `idp keys generate --alg ES256`"):
        plan().revoked(before, CURRENT.kid, force=False)
    ring = plan().revoked(before, CURRENT.kid, force=True)
    assert ring.signing_key("ES256", NOW - POLICY.clock_skew).kid != CURRENT.kid
    assert Outcome(before, ring, plan()).too_early == [ring.signing_key("ES256", NOW)]


def test_revoking_a_standby_or_a_replaced_key_changes_nobody_who_signs() -> None:
    rotated = plan().rotated(ring_of(CURRENT, READY))
    for kid in (CURRENT.kid, rotated.keys[2].kid):
        ring = plan().revoked(rotated, kid, force=False)
        assert ring.signing_key("ES256", NOW).kid == rotated.signing_key("ES256", NOW).kid
        assert len(ring.successors("ES256", NOW)) == 1
        assert plan().revoked(ring, kid, force=False) == ring, "revoking twice is nothing"


def test_revoking_a_key_with_a_date_keeps_the_one_that_signs_until_another_may() -> None:
    scheduled = plan().activated(ring_of(CURRENT, YOUNG), YOUNG.kid, at_once=False, force=False)
    ring = plan().revoked(scheduled, YOUNG.kid, force=False)
    for hour in range(72):
        assert ring.signing_key("ES256", NOW + hour * 3600)


# Names


def test_a_key_is_named_by_the_beginning_of_its_kid() -> None:
    ring = ring_of(CURRENT, READY)
    assert named(ring, CURRENT.kid[:8]) == CURRENT
    with pytest.raises(KeyChangeRefused, match="there is no key 'nobody'"):
        named(ring, "nobody")
    with pytest.raises(KeyChangeRefused, match="there is no key ''"):
        named(ring, "")


def test_an_ambiguous_beginning_is_refused_with_the_names_it_could_mean() -> None:
    alike = [signing_key(number=number) for number in range(70)]
    first = {}
    for key in alike:
        first.setdefault(key.kid[0], []).append(key)
    letter, some = next((letter, some) for letter, some in first.items() if len(some) > 1)
    with pytest.raises(KeyChangeRefused, match=f"'{letter}' is ambiguous: {some[0].kid}"):
        named(ring_of(*alike), letter)


# Whole lives

MAX_AGE, SKEW = 300.0, 60.0
LIFE = KeyPolicy(algorithms=("ES256",), lead=KeyPolicy.shortest_lead(MAX_AGE, SKEW), token_life=600.0, clock_skew=SKEW)
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""Making a failing story shorter takes minutes, and the long one can be read too."""

AS_SOON_AS_DUE = -1.0
CLOCKS = st.sampled_from([-SKEW / 2, SKEW / 2]) | st.floats(min_value=-SKEW / 2, max_value=SKEW / 2)
"""How far the clock of a machine is off; the worst is drawn often."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["rotate", "rotate", "rotate", "complete", "schedule", "activate", "revoke", "wait"]),
        st.just(AS_SOON_AS_DUE) | st.floats(min_value=0, max_value=4 * LIFE.lead),
        CLOCKS,
    ),
    min_size=1,
    max_size=14,
)


def story(steps: list[tuple[str, float, float]], policy: KeyPolicy) -> list[tuple[float, KeyRing]]:
    """Rings with the true time from which each was stored; every step is planned by a machine with its own clock."""
    time, supply = NOW, Supply()
    stored = [(time, plan(time + steps[0][2], policy, supply).completed(KeyRing((), 0)))]
    for what, wait, skew in steps:
        ring = stored[-1][1]
        if wait == AS_SOON_AS_DUE:
            due = plan(time + skew, policy, supply).due_at(ring, "ES256")
            wait = 0.0 if due is None else max(0.0, due - skew - time)
        time += wait
        now = plan(time + skew, policy, supply)
        signing = ring.signs_now("ES256", now.now)
        standby = ring.successors("ES256", now.now)
        try:
            if what == "rotate":
                ring = now.rotated(ring)
            elif what == "complete":
                ring = now.completed(ring)
            elif what in ("schedule", "activate") and standby:
                ring = now.activated(ring, standby[0].kid, at_once=what == "activate", force=False)
            elif what == "revoke" and signing and standby and now.ready_at(ring, standby[0]) <= now.now:
                # Without a standby that portals know there is no guarantee to keep.
                ring = now.revoked(ring, signing.kid, force=False)
        except KeyChangeRefused:
            pass
        stored.append((time, ring))
    return stored


def seen(stored: list[tuple[float, KeyRing]], time: float) -> list[KeyRing]:
    """The rings that a worker may go by: that of the moment, or one that is up to a few seconds old."""
    newest = [ring for since, ring in stored if since <= time][-1:]
    return (
        newest
        + [ring for since, ring in stored if time - FOLLOWING < since <= time]
        + [[ring for since, ring in stored if since <= max(NOW, time - FOLLOWING)][-1]]
    )


@given(steps=STEPS, every=st.none() | st.just(3 * LIFE.lead), data=st.data())
@settings(max_examples=150, deadline=None, phases=WITHOUT_SHRINKING)
def test_n_16_signing_never_stops_and_portals_verify_every_token_with_any_legal_cache(
    steps: list[tuple[str, float, float]], every: float | None, data: st.DataObject
) -> None:
    """Random schedules, dead timers, clocks that differ and workers that look late."""
    stored = story(steps, replace(LIFE, rotate_every=every))
    revoked = {key.kid for _, ring in stored for key in ring.keys if key.is_revoked}
    after_a_change = st.tuples(
        st.sampled_from([since for since, _ in stored]), st.floats(0, 2 * SKEW) | st.floats(0, 2 * LIFE.lead)
    ).map(sum)
    for _ in range(12):
        time = data.draw(after_a_change)
        signer, ours = data.draw(st.sampled_from(seen(stored, time))), time + data.draw(CLOCKS)
        key = signer.signing_key("ES256", ours)
        # A portal may have fetched from any machine, any time ago that it was allowed to.
        age = data.draw(st.just(MAX_AGE) | st.floats(min_value=0, max_value=MAX_AGE))
        fetched = max(NOW, time - age)
        portal = data.draw(st.sampled_from(seen(stored, fetched)))
        published = {shown.kid for shown in portal.published(fetched + data.draw(CLOCKS))}
        assert key.kid in published or key.kid in revoked
        # Until it expires, a portal that fetches now and we ourselves still know it.
        later = time + data.draw(st.just(LIFE.token_life) | st.floats(min_value=0, max_value=LIFE.token_life))
        for ring in seen(stored, later):
            assert key.kid in {shown.kid for shown in ring.published(later + data.draw(CLOCKS))} | revoked


@given(steps=STEPS)
@settings(max_examples=100, deadline=None, phases=WITHOUT_SHRINKING)
def test_every_algorithm_always_has_a_standby_and_kids_are_never_used_again(
    steps: list[tuple[str, float, float]],
) -> None:
    """A1: a thumbprint names one key for ever."""
    stored = story(steps, LIFE)
    for time, ring in stored:
        assert [key for key in ring.keys if key.is_wanted and key.signs_from is None], time
        assert {key.kid for key in stored[0][1].keys} <= {key.kid for key in ring.keys}
    for (_, before), (_, after) in pairwise(stored):
        for key in before.keys:
            later = after.find(key.kid)
            assert later
            assert later.alg == key.alg
            assert not key.is_revoked or later.is_revoked, "nobody takes a revocation back"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_lives_the_same_life(alg: str) -> None:
    policy = replace(POLICY, algorithms=(alg,))
    supply = Supply()
    ring = plan(NOW, policy, supply).completed(KeyRing((), 0))
    for number in range(3):
        before = ring.signing_key(alg, NOW + number * 2 * DAY)
        ring = plan(NOW + number * 2 * DAY, policy, supply).rotated(ring)
        assert ring.signing_key(alg, NOW + number * 2 * DAY) != before
    assert len(ring.keys) == 5
    assert isinstance(ring.keys[0], SigningKey)
