"""`Admission`: which complete request gets a thread next, and which is refused at once when there are too many.

Cheap requests with a waiting program (keys, metadata, tokens, polls) go before pages, passwords and pictures, which
never take all threads: a client's refresh does not wait for strangers' hashes. Within each kind the household that was
served longest ago is next, and when too many wait, the newest request of the household with the most waiting ones is
refused: a flood displaces itself.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from idp.oidc import metadata

PATIENCE = 1.0
"""Seconds after which a request without a thread is refused. The wait is kept short by the small queue; this limit is
for the case that all threads wait for a slow store."""

COMPUTING = 2
"""Requests of a worker that compute at the same time. More would only compete for the interpreter, also with the loop
that refuses requests."""

AWAY = 0.05
"""Seconds after which a request is assumed to wait for a hash, a store or an upstream: another may then compute."""

LONGEST, SOON = 32, 0.06
"""Requests of a kind that may wait while the first of them has waited for fewer seconds than this: such as a whole hall
opening a page at once, or everybody who logs in on a machine that keeps up."""

SHORT, SHORT_CHEAP = 8, 14
"""Expensive and cheap requests that may wait when it does not: the last of either is served soon enough."""

LONG = 0.1
"""Seconds after which the longest waiting request is next, whichever household was served last."""

CHEAP_IN_A_ROW = 3
"""Cheap requests that go before a waiting expensive one: a flood of them does not block the pages."""

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
    """Whether a request for this path, without its query, is cheap."""
    return path in CHEAP or path.startswith(b"/static/")


@dataclass(slots=True)
class _Lane(Generic[T]):
    """Waiting requests of one kind, by household, each with its start time; `short` may wait in a slow queue."""

    short: int
    waiting: dict[str, deque[tuple[T, float]]] = field(default_factory=dict)
    served: OrderedDict[str, int] = field(default_factory=OrderedDict)
    count: int = 0
    turns: int = 0

    def add(self, item: T, who: str, now: float) -> None:
        self.waiting.setdefault(who, deque()).append((item, now))
        self.count += 1

    def is_too_long(self, now: float) -> bool:
        """Longer than any queue may be, or longer than a slow one."""
        is_slow = now - min(queue[0][1] for queue in self.waiting.values()) > SOON
        return self.count > (self.short if is_slow else LONGEST)

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
        # Of households with equally many, the one that came last.
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
    """Threads for `T`s. Not thread-safe: only the loop of a worker calls it."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._threads_for_dear = max(1, threads - max(1, threads // 4))
        self._begun: dict[T, float] = {}
        self._dear_begun = 0
        self._in_a_row = 0
        self._cheap, self._dear = _Lane[T](SHORT_CHEAP), _Lane[T](SHORT)

    def is_free(self, now: float, *, cheap: bool) -> bool:
        """Whether a request of this kind gets a thread at once."""
        return not (self._cheap if cheap else self._dear).count and self._has_room(now, cheap=cheap)

    def _has_room(self, now: float, *, cheap: bool) -> bool:
        if len(self._begun) >= self._threads or not (cheap or self._dear_begun < self._threads_for_dear):
            return False
        return sum(began > now - AWAY for began in self._begun.values()) < COMPUTING

    def begin(self, item: T, now: float, *, cheap: bool) -> None:
        """The request has got a thread."""
        self._begun[item] = now
        self._dear_begun += not cheap

    def end(self, item: T, *, cheap: bool) -> None:
        """The request has returned its thread."""
        del self._begun[item]
        self._dear_begun -= not cheap

    @property
    def is_anybody_waiting(self) -> bool:
        """Whether a request of either kind waits for a thread."""
        return bool(self._cheap.count or self._dear.count)

    def wait(self, item: T, who: str, now: float, *, cheap: bool) -> T | None:
        """Queue the request for a thread; returns the one that is refused for it, if any."""
        lane = self._cheap if cheap else self._dear
        lane.add(item, who, now)
        return lane.take_newest_of_most() if lane.is_too_long(now) else None

    def late(self, now: float) -> list[T]:
        """Remove and return those that waited too long because no thread came free."""
        return [item for lane in (self._cheap, self._dear) for item in lane.take_late(now - PATIENCE)]

    def next(self, now: float) -> tuple[T, bool] | None:
        """The next connection, and whether it is in time; None when none waits or no thread is free."""
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
