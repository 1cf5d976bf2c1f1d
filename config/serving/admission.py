"""`Admission`: which whole request gets a thread next, and which is turned away at once when there are too many.

What is cheap and has a program waiting for it (keys, metadata, tokens, polls) goes before pages, passwords and
pictures, and these never take all threads: a portal's refresh does not wait for strangers' hashes. Within each kind the
household is next that was served longest ago, and when too many wait, the newest of the one that has most waiting goes:
a flood turns away itself.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from idp.oidc import metadata

PATIENCE = 1.0
"""Seconds after which a request that got no thread is turned away. What keeps the wait short is how few may wait; this
is for threads that all wait for a slow store."""

QUEUED_PER_THREAD = 2
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

    def add(self, item: T, who: str, now: float) -> None:
        self.waiting.setdefault(who, deque()).append((item, now))
        self.count += 1

    def take_next(self) -> tuple[T, float]:
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
        self._free = threads
        self._free_for_dear = max(1, threads - max(1, threads // 4))
        self._most = QUEUED_PER_THREAD * threads
        self._cheap, self._dear = _Lane[T](), _Lane[T]()

    def is_free(self, *, cheap: bool) -> bool:
        """Whether a request of this kind gets a thread at once."""
        lane = self._cheap if cheap else self._dear
        return not lane.count and self._free > 0 and (cheap or self._free_for_dear > 0)

    def begin(self, *, cheap: bool) -> None:
        """A thread is given away."""
        self._free -= 1
        self._free_for_dear -= not cheap

    def end(self, *, cheap: bool) -> None:
        """A thread is back."""
        self._free += 1
        self._free_for_dear += not cheap

    def wait(self, item: T, who: str, now: float, *, cheap: bool) -> T | None:
        """Let it wait for a thread; gives the one that has to go for that, if any."""
        lane = self._cheap if cheap else self._dear
        lane.add(item, who, now)
        return lane.take_newest_of_most() if lane.count > self._most else None

    def late(self, now: float) -> list[T]:
        """Who has waited too long, though no thread came free; they wait no more."""
        return [item for lane in (self._cheap, self._dear) for item in lane.take_late(now - PATIENCE)]

    def next(self, now: float) -> tuple[T, bool] | None:
        """Who is next, and whether in time; None while nobody waits or no thread is free."""
        if self._cheap.count and self._free > 0:
            lane = self._cheap
        elif self._dear.count and self._free > 0 and self._free_for_dear > 0:
            lane = self._dear
        else:
            return None
        item, since = lane.take_next()
        return item, now - since <= PATIENCE
