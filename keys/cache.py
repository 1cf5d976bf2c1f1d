"""The ring as a running process sees it: in memory, and at most a moment behind the store."""

import logging
from threading import Lock

from keys.ring import Clock, KeyRing
from keys.rotation import KeyStore

logger = logging.getLogger(__name__)
LOOK_EVERY = 1.0

PATIENCE = 0.25
"""Seconds that a stranger's key waits for another thread that asks the store."""


class RingCache:
    """Keeps the ring and asks the store for its version after `max_age` seconds.

    One thread asks while the others continue with the ring they have. When the store does not answer or the new ring is
    damaged, the last good ring stays in use: it still signs, and verifies every issued token. `is_failing` is true
    until that is over.
    """

    def __init__(self, store: KeyStore, clock: Clock, max_age: float = 2.0) -> None:
        self._store = store
        self._clock = clock
        self._max_age = max_age
        self._ring: KeyRing | None = None
        self._checked = 0.0
        self.is_failing = False
        self._looked = float("-inf")
        self._asking = Lock()

    def ring(self) -> KeyRing:
        """The current ring. Only the very first call can raise what the store raises."""
        if self._ring is None:
            return self._load_first()
        # A clock that is set back must not make the ring young again.
        if not 0 <= self._clock() - self._checked < self._max_age and self._asking.acquire(blocking=False):
            try:
                self._ring = self._refreshed(self._ring)
            finally:
                self._asking.release()
        return self._ring

    def known(self) -> KeyRing:
        """The ring in memory, however old; the store is only asked when there is none."""
        return self._ring or self._load_first()

    def look(self) -> None:
        """Ask the store now: something was written."""
        ring = self.known()
        with self._asking:
            self._ring = self._refreshed(self._ring or ring)

    def newest(self) -> KeyRing:
        """The current ring of the store: for a key that was created a moment ago.

        Strangers could trigger requests by naming keys that do not exist, so the store is asked at most once a second.
        """
        ring = self.ring()
        if not self._asking.acquire(timeout=PATIENCE):
            return ring
        try:
            now = self._clock()
            if not 0 <= now - self._looked < LOOK_EVERY:
                self._looked = now
                self._ring = self._refreshed(self._ring or ring)
            return self._ring or ring
        finally:
            self._asking.release()

    def _load_first(self) -> KeyRing:
        with self._asking:
            if self._ring is None:
                loaded, self._checked = self._store.load(), self._clock()
                self._ring = loaded
            return self._ring

    def _refreshed(self, ring: KeyRing) -> KeyRing:
        try:
            current = ring if self._store.version() == ring.version else self._store.load()
        except Exception:  # A stale ring is better than none.
            if not self.is_failing:
                logger.exception("ALARM: cannot reload the key ring, keeping version %d", ring.version)
            self.is_failing = True
            current = ring
        else:
            if self.is_failing:
                logger.warning("the key ring can be reloaded again, version %d", current.version)
            self.is_failing = False
        # Also after a failure: requests must not all ask a store that is down.
        self._checked = self._clock()
        return current
