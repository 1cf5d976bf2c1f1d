"""Limits that hold over restarts and over all workers: what is counted, and what a count decides.

Losing such a count would permit something, so they live in SQL (`store/rate_limits.py`). A flood that only keeps a
worker busy is counted in its process (`limits/local.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

HOUR, DAY = 3_600, 86_400


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """After `free` hits wait `base` seconds, doubling up to `cap`; forgotten after `memory` seconds.

    `sliding` memory counts from the last hit, otherwise from the first.
    """

    free: int
    base: int
    cap: int
    memory: int
    sliding: bool = True

    def delay(self, count: int) -> int:
        """Seconds to wait after so many hits."""
        over = count - self.free
        return 0 if over < 0 else min(self.base << min(over, 16), self.cap)


@dataclass(frozen=True, slots=True)
class Hit:
    """One count to raise."""

    key: str
    policy: LimitPolicy
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a hit: whether this try may go on, and until when the next may not."""

    key: str
    allowed: bool
    count: int
    blocked_until: float

    def wait(self, now: float) -> int:
        """Whole seconds until the next try."""
        return max(1, math.ceil(self.blocked_until - now))


NOTHING: Mapping[str, int] = MappingProxyType({})


class RateLimits(Protocol):
    """Durable counts; losing one would permit, so they live in SQL."""

    def hit(self, hits: Sequence[Hit], now: float) -> list[Decision]:
        """Raise all counts in one atomic statement; a blocked count is not raised further."""
        ...

    def forgive(self, *, clear: Sequence[str] = (), give_back: Mapping[str, int] = NOTHING) -> None:
        """Forget the counts in `clear`, and subtract so many from those in `give_back`, so they do not block."""
        ...


COUNTED = LimitPolicy(free=1_000_000_000, base=1, cap=1, memory=30 * DAY)
COUNTED_A_DAY = replace(COUNTED, memory=DAY, sliding=False)
"""These count and never refuse."""
