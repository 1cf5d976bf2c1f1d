"""Passwords: Argon2id behind a keyed step, and behind a short queue (`hash_queue`).

The pepper lives outside the database dump: without it a leaked table cannot be guessed.
"""

import hashlib
import hmac
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from idp.accounts.hash_queue import KNOWN, HashCaller, HashQueue

AT_THE_STORE = 2
"""For each that is hashed so many more have a place, whose try is being counted: a slow store leaves no core idle."""

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


class Hasher:
    """Hashes and verifies, `at_once` at a time, for whoever has a place in the queue."""

    def __init__(self, pepper: bytes, cost: HashCost, at_once: int) -> None:
        self._pepper = pepper
        self._turns = threading.Semaphore(at_once)
        self._hasher = PasswordHasher(cost.time, cost.memory, cost.lanes, type=Type.ID)
        # Verifying against this when nobody was found costs the same as a real check (no enumeration by time).
        self._nobody = self._hasher.hash(self._keyed("nobody has this password"))

    def hash(self, password: str) -> str:
        """The text to store for `password`."""
        with self._turns:
            return self._hasher.hash(self._keyed(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to `stored`; a dummy of the same cost is checked for None."""
        normal = unicodedata.normalize("NFKC", password)
        possible = stored is not None and len(normal) <= LONGEST
        return self._matches(stored or self._nobody, self._keyed(normal[:LONGEST])) and possible

    def is_outdated(self, stored: str) -> bool:
        """Whether `stored` was made with other parameters than today's and should be written anew."""
        return self._hasher.check_needs_rehash(stored)

    def _keyed(self, password: str) -> str:
        normal = unicodedata.normalize("NFKC", password)
        return b64encode(hmac.digest(self._pepper, normal.encode(errors="surrogatepass"), hashlib.sha256)).decode()

    def _matches(self, stored: str, keyed: str) -> bool:
        try:
            with self._turns:
                return self._hasher.verify(stored, keyed)
        except (VerificationError, InvalidHashError):
            return False


class Passwords:
    """Hashes and verifies so many `at_once`, behind a fair queue of so many `waiting`."""

    def __init__(self, pepper: bytes, cost: HashCost, *, at_once: int, waiting: int) -> None:
        self._hasher = Hasher(pepper, cost, at_once)
        self.queue = HashQueue(at_once * (1 + AT_THE_STORE), waiting)

    @contextmanager
    def place(self, asker: HashCaller) -> Iterator[Hasher]:
        """A place in the queue: what is done in the block waits for nobody else. Raises `Busy`."""
        with self.queue.place(asker):
            yield self._hasher

    def hash(self, password: str, asker: HashCaller = KNOWN) -> str:
        """The text to store for `password`. Raises `Busy`."""
        with self.place(asker) as hasher:
            return hasher.hash(password)

    def verify(self, stored: str | None, password: str, asker: HashCaller = KNOWN) -> bool:
        """Whether `password` belongs to `stored`; a dummy of the same cost is checked for None. Raises `Busy`."""
        with self.place(asker) as hasher:
            return hasher.verify(stored, password)
