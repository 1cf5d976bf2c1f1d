"""A store that has kept somebody waiting to the end is left alone for a moment: one asks, the others are told at once.

Without this every thread would wait for a store that hangs, and nobody would be left for what needs no store.
"""

import threading
import time


class Resting(Exception):
    """It is not asked now."""


class Rest:
    """Of one store in one process. After a wait in vain it rests for `seconds`; then one thread tries alone."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._until: float | None = None
        self._trying = 0
        self._lock = threading.Lock()

    def ask(self) -> None:
        """Before asking. Raises `Resting`."""
        if self._until is None:
            return
        with self._lock:
            if self._until is None or self._trying == threading.get_ident():
                return
            now = time.monotonic()
            if now < self._until:
                raise Resting
            # Whoever tries is heard of within the deadline of a call; should it not, another one tries.
            self._trying, self._until = threading.get_ident(), now + 10 * self._seconds

    def waited_in_vain(self) -> None:
        """It has not answered in time."""
        with self._lock:
            self._trying, self._until = 0, time.monotonic() + self._seconds

    def answered(self) -> None:
        """It has said something, if only that it refuses."""
        if self._until is not None:
            with self._lock:
                self._trying, self._until = 0, None
