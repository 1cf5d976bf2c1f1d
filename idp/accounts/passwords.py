"""Passwords: Argon2id behind a keyed step, computed by a bounded pool of workers.

The pepper lives outside the database dump: without it a leaked table cannot be guessed. Hashing costs some 20 ms of a
core on purpose, so the pool has a short queue and refuses politely (`Busy`) instead of letting everybody wait.
"""

import hashlib
import hmac
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from idp.errors import Busy

T = TypeVar("T")

SHORTEST = 8
LONGEST = 256


@dataclass(frozen=True, slots=True)
class HashCost:
    """Argon2id parameters: `memory` in KiB, `time` in passes, `lanes` in parallel (OWASP: 19456, 2, 1)."""

    memory: int = 19_456
    time: int = 2
    lanes: int = 1


class WeakPassword(ValueError):
    """The password breaks a bound; the message is a key of the sentence to show."""


def checked(password: str) -> str:
    """`password` if it may be set: 8 to 256 code points after NFKC and no control characters. Raises `WeakPassword`."""
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) < SHORTEST:
        raise WeakPassword("too_short")
    if len(normal) > LONGEST or any(unicodedata.category(c) == "Cc" for c in normal):
        raise WeakPassword("unusable")
    return normal


class Passwords:
    """Hashes and verifies. `workers` hash at once, `queue` more may wait; beyond that `Busy` is raised at once."""

    def __init__(self, pepper: bytes, cost: HashCost, *, workers: int, queue: int) -> None:
        self._pepper = pepper
        self._hasher = PasswordHasher(cost.time, cost.memory, cost.lanes, type=Type.ID)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._places = threading.BoundedSemaphore(workers + queue)
        self._most = workers + queue
        self._waiting = 0
        # Verifying against this when nobody was found costs the same as a real check (no enumeration by time).
        self._nobody = self._hasher.hash(self._keyed("nobody has this password"))

    @property
    def waiting(self) -> int:
        """How many checks are running or queued, for the metric."""
        return self._waiting

    def hash(self, password: str) -> str:
        """The text to store for `password`. Raises `Busy`."""
        keyed = self._keyed(password)
        return self._run(lambda: self._hasher.hash(keyed))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to `stored`; a dummy of the same cost is checked for None. Raises `Busy`."""
        normal = unicodedata.normalize("NFKC", password)
        possible = stored is not None and len(normal) <= LONGEST
        keyed = self._keyed(normal[:LONGEST])
        right = self._run(lambda: self._matches(stored or self._nobody, keyed))
        return right and possible

    def is_outdated(self, stored: str) -> bool:
        """Whether `stored` was made with other parameters than today's and should be written anew."""
        return self._hasher.check_needs_rehash(stored)

    def _keyed(self, password: str) -> str:
        normal = unicodedata.normalize("NFKC", password)
        return b64encode(hmac.digest(self._pepper, normal.encode(errors="surrogatepass"), hashlib.sha256)).decode()

    def _matches(self, stored: str, keyed: str) -> bool:
        try:
            return self._hasher.verify(stored, keyed)
        except (VerificationError, InvalidHashError):
            return False

    def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise Busy("hash queue is full", retry_after=2)
        self._waiting += 1
        try:
            future: Future[T] = self._pool.submit(work)
            return future.result()
        finally:
            self._waiting -= 1
            self._places.release()
