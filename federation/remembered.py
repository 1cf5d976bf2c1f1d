"""Something of an upstream that is fetched, kept for an hour, and outlives the upstream's bad days by one day."""

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
"""Seconds of a login that may go into fetching anew what is known already."""


@dataclass(frozen=True, slots=True)
class FetchedValue(Generic[T]):
    """What was fetched, and when."""

    value: T
    at: float


class Remembered(Generic[T]):
    """One document of one upstream, in one process (F-28, F-29).

    `fetch(deadline)` raises `UpstreamFailed`. One thread fetches and the others use what is there, or wait when nothing
    is. After a failure there is a pause of a minute, and what was fetched last is good for a day.
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
        """What we know, fetched if it must be. Raises `UpstreamFailed`."""
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
        """Something newer than `than`, if it can be had: each kind of asker makes us fetch once a minute at most."""
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
        # A clock that was set back must not keep anything for ever.
        return -seconds < self._clock() - moment < seconds


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
