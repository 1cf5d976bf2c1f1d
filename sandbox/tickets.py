"""What waits under a name that nobody can guess: for a while, and taken once."""

import threading
import time
from collections import OrderedDict
from secrets import token_urlsafe
from typing import Generic, TypeVar

MOST_KEPT = 1000

T = TypeVar("T")


class Tickets(Generic[T]):
    """Things by the name of their ticket; the oldest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[T, float]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, thing: T, seconds: float, name: str = "") -> str:
        """Keep it for so long; gives its name, a new one unless it has one."""
        name = name or token_urlsafe(24)
        with self._lock:
            self._kept[name] = (thing, time.monotonic() + seconds)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return name

    def look(self, name: str | None) -> T | None:
        """What is there, while it is there."""
        thing, until = self._kept.get(name or "", (None, 0.0))
        return thing if time.monotonic() < until else None

    def take(self, name: str | None) -> T | None:
        """The same, and it is gone."""
        with self._lock:
            thing, until = self._kept.pop(name or "", (None, 0.0))
        return thing if time.monotonic() < until else None
