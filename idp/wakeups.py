"""Waiting for what other threads and processes write, without asking the store again and again."""

import threading
import time
from collections import Counter


class Wakeups:
    """Counts by topic how often something was written; a thread waits until the count that it has seen is passed.

    A topic is the name of a channel of messages, `audit` or `keys`. Note the count before looking into the store: what
    is written after the look then ends the wait at once.
    """

    def __init__(self) -> None:
        self._raised = threading.Condition()
        self._counts = Counter[str]()
        self._all = 0

    def count(self, topic: str) -> int:
        return self._counts[topic] + self._all

    def wake(self, topic: str) -> None:
        with self._raised:
            self._counts[topic] += 1
            self._raised.notify_all()

    def wake_all(self) -> None:
        """Wake every topic: nobody knows what was written."""
        with self._raised:
            self._all += 1
            self._raised.notify_all()

    def wait(self, topic: str, seen: int, seconds: float) -> None:
        """Wait until the count differs from `seen`, for at most so many seconds."""
        with self._raised:
            self._raised.wait_for(lambda: self.count(topic) != seen, seconds)


class Occasion:
    """When to look into the store for a topic: once it is woken, and otherwise every `every` seconds.

    For `lasting` seconds after a wakeup there are more looks, as a transaction may wake us before its other rows are
    there. Two looks are at least `pause` seconds apart.
    """

    def __init__(self, wakeups: Wakeups, topic: str, every: float, *, lasting: float = 0.0, pause: float = 0.0) -> None:
        self._wakeups = wakeups
        self._topic = topic
        self._every = every
        self._lasting = lasting
        self._pause = pause
        self._seen = -1
        self._until = self._taken = float("-inf")

    def take(self) -> bool:
        """Whether to look now; a wakeup counts once."""
        now, count = time.monotonic(), self._wakeups.count(self._topic)
        if now < self._taken + self._pause:
            return False
        if count != self._seen:
            self._seen, self._until = count, now + self._lasting
        elif now >= self._until and now < self._taken + self._every:
            return False
        self._taken = now
        return True
