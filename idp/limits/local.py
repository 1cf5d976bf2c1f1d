"""`LocalRateLimiter`: an in-process limit for floods, where losing the count at a restart permits nothing that matters.

Counts that protect passwords live in SQL (`limits/durable.py`); this one only keeps a worker from being kept busy.
"""

from collections import OrderedDict
from threading import Lock

from idp.ports import Clock


class LocalRateLimiter:
    """At most `limit` hits per key within a window of `seconds`; remembers the `most` newest keys."""

    def __init__(self, limit: int, seconds: float, clock: Clock, *, most: int = 10_000) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._most = most
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()

    def hit(self, key: str) -> bool:
        """Count one more for `key`; False when there were too many in this window."""
        with self._lock:
            count = self._count(key) + 1
            began = self._counts[key][0] if count > 1 else self._clock()
            self._counts[key] = (began, count)
            self._counts.move_to_end(key)
            while len(self._counts) > self._most:
                self._counts.popitem(last=False)
        return count <= self._limit

    def is_exhausted(self, key: str) -> bool:
        """Whether `key` has used up its window, without counting."""
        with self._lock:
            return self._count(key) >= self._limit

    def count(self, key: str) -> int:
        """How often `key` was counted in this window."""
        with self._lock:
            return self._count(key)

    @property
    def retry_after(self) -> int:
        return int(self._seconds)

    def _count(self, key: str) -> int:
        began, count = self._counts.get(key, (float("-inf"), 0))
        return count if 0 <= self._clock() - began < self._seconds else 0
