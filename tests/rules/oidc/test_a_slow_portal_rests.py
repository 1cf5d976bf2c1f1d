"""A portal that is slow or down costs a tenth of a sender's time at most, and one thread at most."""

from contextlib import suppress

import pytest

from idp.messages.sending import TemporaryFailure
from idp.oidc.back_channel import Rests
from tests.support.clock import FrozenClock


def ask(rests: Rests, clock: FrozenClock, seconds: float, client_id: str = "portal") -> bool:
    """Ask a portal that takes so long; False when it is left alone."""
    try:
        with rests.asking(client_id):
            clock.move(seconds)
    except TemporaryFailure:
        return False
    return True


def test_a_quick_portal_is_asked_as_often_as_there_is_something_to_say(clock: FrozenClock) -> None:
    rests = Rests(clock)

    assert all(ask(rests, clock, 0.9) for _ in range(20))


@pytest.mark.parametrize("took", [1, 5])
def test_a_slow_portal_gets_a_tenth_of_the_time(clock: FrozenClock, took: float) -> None:
    rests, began, busy = Rests(clock), clock(), 0.0
    while clock() < began + 600:
        if ask(rests, clock, took):
            busy += took
        else:
            clock.move(1)

    assert 0 < busy <= 600 / 10 + took


def test_nobody_else_waits_while_it_rests(clock: FrozenClock) -> None:
    rests = Rests(clock)
    ask(rests, clock, 5)

    assert not ask(rests, clock, 0)
    assert ask(rests, clock, 0, "other")


def test_after_the_rest_one_finds_out_and_the_others_wait_for_it(clock: FrozenClock) -> None:
    rests = Rests(clock)
    ask(rests, clock, 5)
    clock.move(45)
    with rests.asking("portal"):
        assert not ask(rests, clock, 0)

    assert ask(rests, clock, 0)
    with rests.asking("portal"):
        assert ask(rests, clock, 0), "it is quick again"


def test_whoever_finds_out_and_dies_is_waited_for_no_longer_than_a_sending_lasts(clock: FrozenClock) -> None:
    rests = Rests(clock)
    ask(rests, clock, 5)
    clock.move(45)
    never_ends = rests.asking("portal")
    never_ends.__enter__()
    clock.move(29)
    assert not ask(rests, clock, 0)
    clock.move(1)

    assert ask(rests, clock, 0)


def test_a_portal_that_fails_slowly_rests_as_well(clock: FrozenClock) -> None:
    rests = Rests(clock)
    with suppress(TemporaryFailure), rests.asking("portal"):
        clock.move(5)
        raise TemporaryFailure("no answer")

    assert not ask(rests, clock, 0)
