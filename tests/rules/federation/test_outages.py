"""A broken upstream is left alone, tried one at a time, and never holds more than a quarter of the threads."""

import threading
from collections.abc import Callable

import pytest

from federation.circuit_breaker import Breaker, Guarded, Patience
from federation.connector import Arrival, Callback, Departure, Leaving, UpstreamFailed, UpstreamIdentity
from tests.support.clock import FrozenClock

LEAVING = Leaving("state", "https://idp.example/via/x/callback")
CALLBACK = Callback("code=c", LEAVING.redirect_uri)
ARRIVAL = Arrival(UpstreamIdentity("x", "person"))


class SimulatedUpstreams:
    """An upstream that does what the test says when it is asked."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.does: Callable[[], None] = lambda: None
        self.asked = 0

    def _ask(self) -> None:
        self.asked += 1
        self.does()

    def fails(self, kind: str = "unavailable", seconds: float = 0.0) -> None:
        def fail() -> None:
            self.clock.move(seconds)
            raise UpstreamFailed(kind, "as the test says")  # type: ignore[arg-type]

        self.does = fail

    def answers(self, seconds: float = 0.0) -> None:
        self.does = lambda: self.clock.move(seconds)

    def start(self, leaving: Leaving) -> Departure:
        return Departure("https://upstream.example/")

    def finish(self, callback: Callback) -> Arrival:
        self._ask()
        return ARRIVAL

    def logout_url(self, hint: str, return_to: str, state: str) -> str | None:
        self._ask()
        return return_to

    def ended(self, logout_token: str) -> tuple[str | None, str | None]:
        self._ask()
        return None, "sid"

    def check(self) -> None:
        self._ask()

    def forget(self) -> None:
        self._ask()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def simulated(clock: FrozenClock) -> SimulatedUpstreams:
    return SimulatedUpstreams(clock)


@pytest.fixture
def guarded(simulated: SimulatedUpstreams, clock: FrozenClock) -> Guarded:
    return Guarded(simulated, clock, threads=8, chance=lambda: 0.0)


def turned_away(guarded: Guarded, kind: str = "unavailable") -> None:
    with pytest.raises(UpstreamFailed) as failure:
        guarded.finish(CALLBACK)
    assert failure.value.kind == kind


def break_down(guarded: Guarded, simulated: SimulatedUpstreams) -> None:
    simulated.fails()
    for _ in range(Patience().failures):
        turned_away(guarded)


def test_a_dead_upstream_is_left_alone_after_five_failures(guarded: Guarded, simulated: SimulatedUpstreams) -> None:
    """F-23"""
    break_down(guarded, simulated)
    for _ in range(10):
        turned_away(guarded)
        with pytest.raises(UpstreamFailed):
            guarded.start(LEAVING)

    assert (simulated.asked, guarded.state) == (5, "down")


def test_fewer_failures_with_an_arrival_between_them_close_nothing(
    guarded: Guarded, simulated: SimulatedUpstreams
) -> None:
    for _ in range(4):
        simulated.fails()
        for _ in range(4):
            turned_away(guarded)
        simulated.answers()
        assert guarded.finish(CALLBACK) == ARRIVAL
    assert guarded.state == "ok"


@pytest.mark.parametrize("kind", ["refused", "cancelled", "expired", "misconfigured"])
def test_refusals_neither_close_a_breaker_nor_keep_it_closed(
    guarded: Guarded, simulated: SimulatedUpstreams, kind: str
) -> None:
    """Whoever holds a browser could bring them about at will."""
    simulated.fails(kind)
    for _ in range(20):
        turned_away(guarded, kind)
    assert guarded.state == "ok"
    for _ in range(5):
        simulated.fails()
        turned_away(guarded)
        simulated.fails(kind)
        with pytest.raises(UpstreamFailed):
            guarded.finish(CALLBACK)
    assert guarded.state == "down"


def test_after_the_pause_one_may_try_and_an_arrival_heals(
    guarded: Guarded, simulated: SimulatedUpstreams, clock: FrozenClock
) -> None:
    """F-23: half-open."""
    break_down(guarded, simulated)
    clock.move(5)
    assert guarded.state == "slow"
    guarded.start(LEAVING)
    with pytest.raises(UpstreamFailed):
        guarded.start(LEAVING)

    simulated.answers()
    assert guarded.finish(CALLBACK) == ARRIVAL
    assert guarded.state == "ok"
    for _ in range(3):
        guarded.start(LEAVING)


def test_only_one_at_a_time_tries_an_upstream_that_may_have_mended(
    guarded: Guarded, simulated: SimulatedUpstreams, clock: FrozenClock
) -> None:
    break_down(guarded, simulated)
    clock.move(5)
    simulated.does = lambda: turned_away(guarded)

    assert guarded.finish(CALLBACK) == ARRIVAL
    assert simulated.asked == 6


def test_the_pause_doubles_up_to_a_minute(guarded: Guarded, simulated: SimulatedUpstreams, clock: FrozenClock) -> None:
    break_down(guarded, simulated)
    for pause in (5, 10, 20, 40, 60, 60, 60):
        clock.move(pause - 1)
        asked = simulated.asked
        turned_away(guarded)
        assert simulated.asked == asked, f"nobody asks before {pause} seconds"
        clock.move(1)
        turned_away(guarded)
        assert simulated.asked == asked + 1


def test_processes_do_not_all_try_at_the_same_moment(clock: FrozenClock) -> None:
    breakers = [Breaker(clock, Patience(failures=1), chance=lambda part=part: part / 10) for part in range(10)]
    for breaker in breakers:
        breaker.failed()
    resting = []
    for _ in range(3):
        resting.append(sum(breaker.is_resting for breaker in breakers))
        clock.move(4.999 if len(resting) == 1 else 0.5)

    assert resting[0] == 10
    assert 0 < resting[2] < 10


def test_a_clock_that_is_set_back_closes_nobody_out(
    guarded: Guarded, simulated: SimulatedUpstreams, clock: FrozenClock
) -> None:
    break_down(guarded, simulated)
    clock.move(-3600)
    simulated.answers()

    assert guarded.finish(CALLBACK) == ARRIVAL


def test_a_slow_upstream_is_called_slow_until_it_is_quick_again(
    guarded: Guarded, simulated: SimulatedUpstreams, clock: FrozenClock
) -> None:
    simulated.answers(seconds=3)
    guarded.finish(CALLBACK)
    assert guarded.state == "slow"

    simulated.answers()
    guarded.finish(CALLBACK)
    assert guarded.state == "ok"

    simulated.answers(seconds=3)
    guarded.finish(CALLBACK)
    clock.move(300)
    assert guarded.state == "ok"


def test_at_most_a_quarter_of_the_threads_wait_for_one_upstream(
    guarded: Guarded, simulated: SimulatedUpstreams
) -> None:
    """F-25: two of eight wait, everybody else has an answer at once, whatever was asked for."""
    let_go, waiting = threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        waiting.release()
        assert let_go.wait(20)

    simulated.does = wait
    arrivals: list[Arrival] = []
    threads = [threading.Thread(target=lambda: arrivals.append(guarded.finish(CALLBACK))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert waiting.acquire(timeout=20)

    turned_away(guarded)
    assert guarded.logout_url("", "https://idp.example/", "s") is None
    for ask in (lambda: guarded.ended("token"), guarded.check, lambda: guarded.start(LEAVING)):
        with pytest.raises(UpstreamFailed, match="too many"):
            ask()
    assert guarded.state == "slow"
    let_go.set()
    for thread in threads:
        thread.join(20)
    assert arrivals == [ARRIVAL] * 2
    assert guarded.finish(CALLBACK) == ARRIVAL
    assert simulated.asked == 3


def test_a_seat_comes_back_whatever_happens(guarded: Guarded, simulated: SimulatedUpstreams) -> None:
    for kind in ("unavailable", "refused") * 2:
        simulated.fails(kind)
        with pytest.raises(UpstreamFailed):
            guarded.finish(CALLBACK)
    for _ in range(3):
        with pytest.raises(UpstreamFailed):
            guarded.ended("token")
        with pytest.raises(UpstreamFailed):
            guarded.check()

    simulated.answers()
    assert guarded.finish(CALLBACK) == ARRIVAL


def test_what_strangers_post_opens_no_breaker(guarded: Guarded, simulated: SimulatedUpstreams) -> None:
    simulated.fails()
    for _ in range(20):
        with pytest.raises(UpstreamFailed):
            guarded.ended("token")
    assert guarded.state == "ok"


def test_every_end_is_told_for_the_metrics(simulated: SimulatedUpstreams, clock: FrozenClock) -> None:
    told: list[tuple[str, str, float]] = []
    guarded = Guarded(simulated, clock, threads=8, observe=lambda *what: told.append(what))
    guarded.start(LEAVING)
    simulated.answers(seconds=1)
    guarded.finish(CALLBACK)
    break_down(guarded, simulated)
    turned_away(guarded)

    assert told[:3] == [("start", "ok", 0.0), ("finish", "ok", 1.0), ("finish", "unavailable", 0.0)]
    assert told[-1] == ("finish", "turned_away", 0.0)
