"""A broken upstream affects nothing else: few threads wait for it, and after some failures none until it recovers.

`Guarded` is a `Connector` around another one. Failures of kind `unavailable` count, and a person who came back proves
that the upstream works; a refusal proves nothing, as the browser alone can cause one. The state is per process, because
threads are (F-23, F-25).
"""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from federation.connector import Arrival, Callback, Connector, Departure, Leaving, UpstreamFailed
from idp.ports import Clock

State = Literal["ok", "slow", "down"]
Observe = Callable[[str, str, float], None]
"""(operation, "ok" or the kind of failure, seconds), for metrics."""
SLOW_FOR = 300.0


@dataclass(frozen=True, slots=True)
class Patience:
    """After how many consecutive failures an upstream counts as down, how long it then rests, and what is slow."""

    failures: int = 5
    first_pause: float = 5.0
    longest_pause: float = 60.0
    slow: float = 2.0


USUAL_PATIENCE = Patience()


class Breaker:
    """Closed, it lets every request through; open, none; after the pause one at a time may try (half-open).

    The pause doubles with each failed try, plus up to a fifth at random, so that processes do not all try at the same
    time.
    """

    def __init__(
        self, clock: Clock, patience: Patience = USUAL_PATIENCE, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._chance = chance
        self._lock = threading.Lock()
        self._failures = 0
        self._times_opened = 0
        self._opened_at = self._pause = 0.0
        self._begun_at = float("-inf")
        self._is_tried = False

    @property
    def is_closed(self) -> bool:
        return self._times_opened == 0

    @property
    def is_resting(self) -> bool:
        """Whether it is open and the pause is not over; a clock that is set back ends the pause."""
        return not self.is_closed and 0 <= self._clock() - self._opened_at < self._pause

    def may_begin(self) -> bool:
        """Whether a person may start now; after the pause of an open breaker, one per pause."""
        with self._lock:
            if self.is_closed:
                return True
            if self.is_resting or 0 <= self._clock() - self._begun_at < self._pause:
                return False
            self._begun_at = self._clock()
            return True

    def may_ask(self) -> bool:
        """Whether to ask the upstream now; the caller must then report the outcome."""
        with self._lock:
            if self.is_closed:
                return True
            if self.is_resting or self._is_tried:
                return False
            self._is_tried = True
            return True

    def lives(self) -> None:
        """The upstream answered."""
        with self._lock:
            self._failures = self._times_opened = 0
            self._is_tried = False

    def unclear(self) -> None:
        """The outcome says nothing about the upstream: the browser alone may have forged what came."""
        with self._lock:
            self._is_tried = False

    def failed(self) -> None:
        """The upstream did not answer."""
        with self._lock:
            self._is_tried = False
            self._failures += 1
            if self._failures >= self._patience.failures and not self.is_resting:
                pause = self._patience.first_pause * 2 ** min(self._times_opened, 30)
                self._pause = min(pause, self._patience.longest_pause) * (1 + self._chance() / 5)
                self._opened_at = self._clock()
                self._times_opened += 1


class Guarded:
    """A connector behind a breaker; at most a quarter of the `threads` may wait for it."""

    def __init__(
        self,
        connector: Connector,
        clock: Clock,
        *,
        threads: int,
        observe: Observe | None = None,
        patience: Patience = USUAL_PATIENCE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._connector = connector
        self._clock = clock
        self._bindings = threading.BoundedSemaphore(max(1, threads // 4))
        self._observe = observe or (lambda operation, outcome, seconds: None)
        self._patience = patience
        self._breaker = Breaker(clock, patience, chance)
        self._slow_at = float("-inf")

    @property
    def state(self) -> State:
        """For pages and metrics: `down` while it rests, `slow` while it is retried or was slow a moment ago."""
        if self._breaker.is_resting:
            return "down"
        was_slow = 0 <= self._clock() - self._slow_at < SLOW_FOR
        return "ok" if self._breaker.is_closed and not was_slow else "slow"

    def start(self, leaving: Leaving) -> Departure:
        if not self._breaker.may_begin():
            raise self._turned_away("start", "it rests")
        # A successful departure proves nothing: most upstreams are not asked for it.
        with self._seat("start"), self._measured("start", proves=False):
            return self._connector.start(leaving)

    def finish(self, callback: Callback) -> Arrival:
        with self._seat("finish"):
            if not self._breaker.may_ask():
                raise self._turned_away("finish", "it rests")
            with self._measured("finish", proves=True):
                return self._connector.finish(callback)

    def logout_url(self, hint: str, return_to: str, state: str) -> str | None:
        """Also None when the upstream cannot be asked now: a logout with us does not wait for it."""
        try:
            with self._seat("logout"):
                return self._connector.logout_url(hint, return_to, state)
        except UpstreamFailed:
            return None

    def ended(self, logout_token: str) -> tuple[str | None, str | None]:
        # Strangers may call this, so it does not change the breaker.
        with self._seat("ended"):
            return self._connector.ended(logout_token)

    def check(self) -> None:
        with self._seat("check"):
            self._connector.check()

    def forget(self) -> None:
        self._connector.forget()

    @contextmanager
    def _seat(self, operation: str) -> Iterator[None]:
        """One of the threads that may wait for this upstream."""
        if not self._bindings.acquire(blocking=False):
            self._slow_at = self._clock()
            raise self._turned_away(operation, "too many wait for it")
        try:
            yield
        finally:
            self._bindings.release()

    @contextmanager
    def _measured(self, operation: str, *, proves: bool) -> Iterator[None]:
        """Report the outcome to the breaker and the metrics."""
        began, outcome = self._clock(), "error"
        try:
            yield
            outcome = "ok"
        except UpstreamFailed as failure:
            outcome = failure.kind
            raise
        finally:
            seconds = max(0.0, self._clock() - began)
            if outcome in ("unavailable", "error"):
                self._breaker.failed()
            elif proves and outcome == "ok":
                self._breaker.lives()
            elif proves:
                self._breaker.unclear()
            if seconds >= self._patience.slow:
                self._slow_at = self._clock()
            elif proves and outcome == "ok":
                self._slow_at = float("-inf")
            self._observe(operation, outcome, seconds)

    def _turned_away(self, operation: str, why: str) -> UpstreamFailed:
        self._observe(operation, "turned_away", 0.0)
        return UpstreamFailed("unavailable", f"{operation}: {why}")
