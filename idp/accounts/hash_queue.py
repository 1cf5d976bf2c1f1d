"""`HashQueue`: decides who may have a password hashed now and who waits, fairly.

Hashing deliberately costs some 25 ms of a core, so only as many run at once as there are cores; others wait briefly.
The next place goes to the network that was served longest ago, and within a network to such an address: a client with a
thousand tries shares one turn. Known callers go first and never wait for strangers.
"""

import itertools
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from idp.errors import Busy

PATIENCE = 2.0
"""Maximum wait for a place in seconds; `Busy` states the same time until the next try."""

REMEMBERED = 4096
"""How many networks and addresses are remembered with their last turn."""


@dataclass(frozen=True, slots=True)
class HashCaller:
    """The caller that wants a hash. `is_known`: a device the account knows, a logged-in person, or an operator."""

    network: str = ""
    address: str = ""
    is_known: bool = False


KNOWN = HashCaller(is_known=True)


@dataclass(slots=True, eq=False)
class _Waiting:
    asker: HashCaller
    number: int
    called: threading.Event = field(default_factory=threading.Event)
    has_place: bool = False


class HashQueue:
    """`places` at once, and `waiting` more for at most `patience` seconds; when it is full, a stranger has to leave."""

    def __init__(self, places: int, waiting: int, patience: float = PATIENCE) -> None:
        self._free = places
        self._places = places
        self._most = waiting
        self._patience = patience
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._served: OrderedDict[str, int] = OrderedDict()

    @property
    def busy(self) -> int:
        """How many callers have a place or wait for one."""
        return self._places - self._free + len(self._waiting)

    @contextmanager
    def place(self, asker: HashCaller) -> Iterator[None]:
        """A place for the duration of the block. Raises `Busy`."""
        mine = self._enter(asker)
        if not mine.called.wait(self._patience):
            self._give_up(mine)
        if not mine.has_place:
            raise Busy("hash queue is full", retry_after=int(self._patience))
        try:
            yield
        finally:
            self._leave()

    def _enter(self, asker: HashCaller) -> _Waiting:
        with self._lock:
            mine = _Waiting(asker, next(self._numbers))
            self._waiting.append(mine)
            if self._free:
                self._call_next()
            elif len(self._waiting) > self._most:
                self._remove(self._least_entitled())
            return mine

    def _leave(self) -> None:
        with self._lock:
            self._free += 1
            if self._waiting:
                self._call_next()

    def _give_up(self, mine: _Waiting) -> None:
        with self._lock:
            # It may have been called at this very moment.
            if not mine.called.is_set():
                self._remove(mine)

    def _remove(self, turned_away: _Waiting) -> None:
        self._waiting.remove(turned_away)
        turned_away.called.set()

    def _call_next(self) -> None:
        called = min(self._waiting, key=self._turn)
        self._waiting.remove(called)
        self._free -= 1
        called.has_place = True
        for who in (called.asker.network, called.asker.address):
            self._served[who] = next(self._numbers)
            self._served.move_to_end(who)
        while len(self._served) > REMEMBERED:
            self._served.popitem(last=False)
        called.called.set()

    def _turn(self, waiting: _Waiting) -> tuple[bool, int, int, int]:
        asker = waiting.asker
        last = self._served.get
        return (not asker.is_known, last(asker.network, -1), last(asker.address, -1), waiting.number)

    def _least_entitled(self) -> _Waiting:
        """Of the strangers, the newest from the address and network with the most waiting."""
        networks = Counter(each.asker.network for each in self._waiting)
        addresses = Counter(each.asker.address for each in self._waiting)

        def claim(each: _Waiting) -> tuple[bool, int, int, int]:
            asker = each.asker
            return (not asker.is_known, networks[asker.network], addresses[asker.address], each.number)

        return max(self._waiting, key=claim)
