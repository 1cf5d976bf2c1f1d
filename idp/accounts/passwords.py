"""Passwords: Argon2id after a keyed step, behind a short queue (`hash_queue`).

The pepper is not in the database dump: without it the passwords in a leaked table cannot be guessed. A hash of another
system is kept wrapped: Argon2id over its digest, until the next login replaces it by one of the password.
"""

import hashlib
import hmac
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from idp.accounts.hash_queue import KNOWN, HashCaller, HashQueue
from idp.accounts.legacy_hashes import LegacyHash, LegacyScheme
from idp.at_once import needs_thread

AT_THE_STORE = 2
"""Extra places per running hash, for tries that are being counted: a slow store leaves no core idle."""

_WRAPPED, _ARGON2 = "wrapped$", "$argon2"
"""A wrapped hash is written `wrapped$`, its scheme, and the Argon2id hash of the digest in hexadecimal."""

SHORTEST = 8
LONGEST = 256


@dataclass(frozen=True, slots=True)
class HashCost:
    """Argon2id parameters: `memory` in KiB, `time` in passes, `lanes` in parallel (OWASP: 19456, 2, 1)."""

    memory: int = 19_456
    time: int = 2
    lanes: int = 1


class WeakPassword(ValueError):
    """The password violates a limit; the message is a key of the sentence to show."""


def checked(password: str) -> str:
    """`password` if it may be set: 8 to 256 code points after NFKC and no control characters. Raises `WeakPassword`."""
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) < SHORTEST:
        raise WeakPassword("too_short")
    if len(normal) > LONGEST or any(unicodedata.category(c) == "Cc" for c in normal):
        raise WeakPassword("unusable")
    return normal


class Hasher:
    """Hashes and verifies, `at_once` at a time, for callers that have a place in the queue.

    The same few threads compute all hashes: each keeps its 19 MiB of memory, which takes as long to get from the kernel
    as the hash itself, and the threads of requests never hold any.
    """

    def __init__(self, pepper: bytes, cost: HashCost, at_once: int) -> None:
        self._pepper = pepper
        self._threads = ThreadPoolExecutor(at_once, "argon2")
        self._hasher = PasswordHasher(cost.time, cost.memory, cost.lanes, type=Type.ID)
        # Verifying against this for an unknown account costs the same as a real check (no enumeration by time).
        self._nobody = self._hasher.hash(self._keyed("nobody has this password"))

    def hash(self, password: str) -> str:
        """The text to store for `password`."""
        return self._threads.submit(self._hasher.hash, self._keyed(password)).result()

    def wrap(self, legacy: LegacyHash) -> str:
        """The text to store for a hash of another system, from which its digest cannot be computed."""
        return f"{_WRAPPED}{legacy.scheme}{self.hash(legacy.digest.hex())}"

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to `stored`; a dummy of the same cost is checked for None."""
        normal = unicodedata.normalize("NFKC", password)
        possible = stored is not None and len(normal) <= LONGEST
        typed = password if possible else normal[:LONGEST]
        return self._threads.submit(self._matches, stored or self._nobody, typed).result() and possible

    def is_outdated(self, stored: str) -> bool:
        """Whether `stored` is wrapped, or was made with other than the current parameters, and should be rehashed."""
        return legacy_algorithm(stored) is not None or self._hasher.check_needs_rehash(stored)

    def _keyed(self, password: str) -> str:
        normal = unicodedata.normalize("NFKC", password)
        return b64encode(hmac.digest(self._pepper, normal.encode(errors="surrogatepass"), hashlib.sha256)).decode()

    def _matches(self, stored: str, password: str) -> bool:
        scheme, argon2, rest = stored.removeprefix(_WRAPPED).partition(_ARGON2)
        try:
            kept = LegacyScheme.read(scheme).digest(password).hex() if scheme else password
            return self._hasher.verify(argon2 + rest, self._keyed(kept))
        except (VerificationError, InvalidHashError, ValueError):
            return False


def legacy_algorithm(stored: str) -> str | None:
    """By which algorithm of another system a wrapped hash was made; None for a hash of the password itself."""
    return stored.removeprefix(_WRAPPED).partition("$")[0] if stored.startswith(_WRAPPED) else None


class Passwords:
    """Hashes and verifies `at_once` at a time, behind a fair queue of `waiting` places."""

    def __init__(self, pepper: bytes, cost: HashCost, *, at_once: int, waiting: int) -> None:
        self._pepper = pepper
        self._hasher = Hasher(pepper, cost, at_once)
        self.queue = HashQueue(at_once * (1 + AT_THE_STORE), waiting)

    @contextmanager
    def place(self, asker: HashCaller) -> Iterator[Hasher]:
        """A place in the queue: inside the block nothing waits for other callers. Raises `Busy`."""
        needs_thread()
        with self.queue.place(asker):
            yield self._hasher

    def stand_in(self, identifier: str) -> str:
        """Where, among the account ids, the account stands whose hash is checked for this unknown identifier."""
        return hmac.digest(self._pepper, f"stand-in\0{identifier}".encode(), hashlib.sha256).hex()[:32]

    def wrap(self, legacy: LegacyHash) -> str:
        """The text to store for a hash of another system. Raises `Busy`."""
        with self.place(KNOWN) as hasher:
            return hasher.wrap(legacy)

    def hash(self, password: str, asker: HashCaller = KNOWN) -> str:
        """The text to store for `password`. Raises `Busy`."""
        with self.place(asker) as hasher:
            return hasher.hash(password)

    def verify(self, stored: str | None, password: str, asker: HashCaller = KNOWN) -> bool:
        """Whether `password` belongs to `stored`; a dummy of the same cost is checked for None. Raises `Busy`."""
        with self.place(asker) as hasher:
            return hasher.verify(stored, password)
