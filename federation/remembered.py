"""An upstream's document that is fetched, kept for an hour, and kept for one day while the upstream fails."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from federation.connector import UpstreamFailed
from idp.ports import Clock

T = TypeVar("T")
log = logging.getLogger(__name__)
FRESH = 3600.0
LAST_GOOD = 86_400.0
PAUSE = 60.0
LONGEST_REFRESH = 1.5
"""Maximum seconds of a login spent on fetching something again that is already known."""


@dataclass(frozen=True, slots=True)
class FetchedValue(Generic[T]):
    """The fetched value, and when it was fetched."""

    value: T
    at: float


class Remembered(Generic[T]):
    """One document of one upstream, in one process (F-28, F-29).

    `fetch(deadline)` raises `UpstreamFailed`. One thread fetches; the others use the existing value, or wait when there
    is none. After a failure there is a pause of a minute, and the last value stays valid for a day.
    """

    def __init__(self, fetch: Callable[[float], T], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: FetchedValue[T] | None = None
        self._failed_at = float("-inf")
        self._failure = UpstreamFailed("unavailable", "not asked yet")
        self._asked_again: dict[str, float] = {}

    def now(self, deadline: float) -> FetchedValue[T]:
        """The current value, fetched if necessary. Raises `UpstreamFailed`."""
        kept = self._kept
        if kept is not None and self._is_within(FRESH, kept.at):
            return kept
        if not self._lock.acquire(blocking=kept is None, timeout=_left(deadline) if kept is None else -1):
            return self._last_good()
        try:
            if self._kept is kept and not self._is_within(PAUSE, self._failed_at):
                self._try(deadline if kept is None else min(deadline, time.monotonic() + LONGEST_REFRESH))
        finally:
            self._lock.release()
        return self._last_good()

    def newer(self, than: FetchedValue[T], asker: str, deadline: float) -> FetchedValue[T]:
        """A value newer than `than`, if available: each kind of `asker` causes at most one fetch per minute."""
        if not self._lock.acquire(timeout=_left(deadline)):
            return than
        try:
            known = self._kept or than
            if known is not than or self._is_within(PAUSE, self._asked_again.get(asker, float("-inf"))):
                return known
            self._asked_again[asker] = self._clock()
            self._try(deadline)
            return self._kept or than
        finally:
            self._lock.release()

    def forget(self) -> None:
        """As if nothing had been fetched yet."""
        with self._lock:
            self._kept, self._failed_at = None, float("-inf")
            self._asked_again.clear()

    def _try(self, deadline: float) -> None:
        try:
            self._kept = FetchedValue(self._fetch(deadline), self._clock())
        except UpstreamFailed as failure:
            self._failed_at, self._failure = self._clock(), failure
            log.warning("upstream document not fetched", extra={"reason": failure.detail})

    def _last_good(self) -> FetchedValue[T]:
        if self._kept is None or not self._is_within(LAST_GOOD, self._kept.at):
            raise UpstreamFailed(self._failure.kind, self._failure.detail)
        return self._kept

    def _is_within(self, seconds: float, moment: float) -> bool:
        # A clock that is set back must not keep a value forever.
        return -seconds < self._clock() - moment < seconds


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
