"""A store that let a caller time out is left alone for a moment: one caller tries it, the others fail at once.

Without this every thread would wait for a hanging store, and none would be left for requests that need no store.
"""

import threading
import time

from idp.at_once import needs_thread


class Resting(Exception):
    """The store is not asked now."""


class Rest:
    """The state of one store in one process. After a time-out it rests for `seconds`; then one thread tries alone.

    The loop of a worker is not who tries: once it has waited in vain it leaves the store to threads until it answers.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._is_well = True
        self._until: float | None = None
        self._trying = 0
        self._lock = threading.Lock()

    def ask(self) -> None:
        """Call before asking. Raises `Resting`."""
        if self._is_well:
            return
        with self._lock:
            if self._until is not None and self._trying != threading.get_ident():
                now = time.monotonic()
                if now < self._until:
                    raise Resting
                needs_thread()
                # The trying thread reports within the deadline of a call; if it does not, another one tries.
                self._trying, self._until = threading.get_ident(), now + 10 * self._seconds
        needs_thread()

    def waited_in_vain(self) -> None:
        """The store has not answered in time."""
        self._is_well = False
        needs_thread()
        with self._lock:
            self._trying, self._until = 0, time.monotonic() + self._seconds

    def answered(self) -> None:
        """The store has answered, even if only with a refusal."""
        if not self._is_well:
            with self._lock:
                self._is_well, self._trying, self._until = True, 0, None
