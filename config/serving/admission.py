"""`Admission`: which whole request gets a thread next, and which is turned away at once when there are too many.

What is cheap and has a program waiting for it (keys, metadata, tokens, polls) goes before pages, passwords and
pictures, and these never take all threads: a portal's refresh does not wait for strangers' hashes. Within each kind the
household is next that was served longest ago, and when too many wait, the newest of the one that has most waiting goes:
a flood turns away itself.
"""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from idp.oidc import metadata

PATIENCE = 1.0
"""Seconds after which a request that got no thread is turned away. What keeps the wait short is how few may wait; this
is for threads that all wait for a slow store."""

COMPUTING = 2
"""Requests of a worker that compute at a time. More would only take the interpreter from each other, and from the loop
that turns people away."""

AWAY = 0.05
"""Seconds after which a request is taken to wait for a hash, a store or an upstream: another may compute meanwhile."""

LONGEST_BURST, BURST = 32, 0.1
"""Requests of a kind that may wait in a burst, and the seconds that it may last: a hall that opens a page at once."""

LULL = 1.0
"""Seconds with a short queue after which a long one is a burst again."""

SHORT = 6
"""Requests of a kind that wait where it is no burst. At a few milliseconds for each the last is served soon enough."""

LONG = 0.1
"""Seconds after which whoever has waited longest is next, whichever household was served last."""

CHEAP_IN_A_ROW = 3
"""Cheap requests that go before one that is dear and waits: a flood of them does not close the pages."""

REMEMBERED = 4096

CHEAP = frozenset(
    path.encode()
    for path in (
        metadata.DISCOVERY, metadata.SERVER_METADATA, metadata.JWKS, metadata.TOKEN, metadata.INTROSPECT,
        metadata.REVOKE, metadata.USERINFO, metadata.DEVICE_AUTHORIZATION, "/login/qr/poll",
    )
)  # fmt: skip

T = TypeVar("T")


def is_cheap(path: bytes) -> bool:
    """Whether a request for this path, without its query, costs little."""
    return path in CHEAP or path.startswith(b"/static/")


@dataclass(slots=True)
class _Lane(Generic[T]):
    """Requests of one kind that wait, by household, each with the moment since when."""

    waiting: dict[str, deque[tuple[T, float]]] = field(default_factory=dict)
    served: OrderedDict[str, int] = field(default_factory=OrderedDict)
    count: int = 0
    turns: int = 0
    long_since: float = -math.inf
    long_until: float = -math.inf

    def add(self, item: T, who: str, now: float) -> None:
        self.waiting.setdefault(who, deque()).append((item, now))
        self.count += 1
        if self.count > SHORT:
            if now - self.long_until > LULL:
                self.long_since = now
            self.long_until = now

    def is_too_long(self, now: float) -> bool:
        """Longer than a burst may be, or longer than a short queue when it has been so since the last lull."""
        return self.count > (SHORT if now - self.long_since > BURST else LONGEST_BURST)

    def take_next(self, now: float) -> tuple[T, float]:
        who = min(self.waiting, key=lambda each: self.waiting[each][0][1])
        if self.waiting[who][0][1] > now - LONG:
            who = min(self.waiting, key=lambda each: self.served.get(each, 0))
        self.turns += 1
        self.served[who] = self.turns
        self.served.move_to_end(who)
        while len(self.served) > REMEMBERED:
            self.served.popitem(last=False)
        return self._without(who, self.waiting[who].popleft())

    def take_newest_of_most(self) -> T:
        # Of those with equally many, the one that came last.
        who = max(reversed(self.waiting), key=lambda each: len(self.waiting[each]))
        return self._without(who, self.waiting[who].pop())[0]

    def take_late(self, since: float) -> list[T]:
        late = [who for who, queue in self.waiting.items() for _, began in queue if began < since]
        return [self._without(who, self.waiting[who].popleft())[0] for who in late]

    def _without(self, who: str, taken: tuple[T, float]) -> tuple[T, float]:
        self.count -= 1
        if not self.waiting[who]:
            del self.waiting[who]
        return taken


class Admission(Generic[T]):
    """Threads for `T`s. Not safe for threads: the loop of a worker alone asks."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._threads_for_dear = max(1, threads - max(1, threads // 4))
        self._begun: dict[T, float] = {}
        self._dear_begun = 0
        self._in_a_row = 0
        self._cheap, self._dear = _Lane[T](), _Lane[T]()

    def is_free(self, now: float, *, cheap: bool) -> bool:
        """Whether a request of this kind gets a thread at once."""
        return not (self._cheap if cheap else self._dear).count and self._has_room(now, cheap=cheap)

    def _has_room(self, now: float, *, cheap: bool) -> bool:
        if len(self._begun) >= self._threads or not (cheap or self._dear_begun < self._threads_for_dear):
            return False
        return sum(began > now - AWAY for began in self._begun.values()) < COMPUTING

    def begin(self, item: T, now: float, *, cheap: bool) -> None:
        """It has a thread."""
        self._begun[item] = now
        self._dear_begun += not cheap

    def end(self, item: T, *, cheap: bool) -> None:
        """Its thread is back."""
        del self._begun[item]
        self._dear_begun -= not cheap

    @property
    def is_anybody_waiting(self) -> bool:
        """Whether a request of either kind waits for a thread."""
        return bool(self._cheap.count or self._dear.count)

    def wait(self, item: T, who: str, now: float, *, cheap: bool) -> T | None:
        """Let it wait for a thread; gives the one that has to go for that, if any."""
        lane = self._cheap if cheap else self._dear
        lane.add(item, who, now)
        return lane.take_newest_of_most() if lane.is_too_long(now) else None

    def late(self, now: float) -> list[T]:
        """Who has waited too long, though no thread came free; they wait no more."""
        return [item for lane in (self._cheap, self._dear) for item in lane.take_late(now - PATIENCE)]

    def next(self, now: float) -> tuple[T, bool] | None:
        """Who is next, and whether in time; None while nobody waits or no thread is free."""
        may_dear = self._dear.count and self._has_room(now, cheap=False)
        if may_dear and self._in_a_row >= CHEAP_IN_A_ROW:
            lane = self._dear
        elif self._cheap.count and self._has_room(now, cheap=True):
            lane = self._cheap
        elif may_dear:
            lane = self._dear
        else:
            return None
        self._in_a_row = self._in_a_row + 1 if lane is self._cheap else 0
        item, since = lane.take_next(now)
        return item, now - since <= PATIENCE
