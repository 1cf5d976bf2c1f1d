"""A shelf holds short-lived things of one type behind opaque handles.

Handles are 256 random bits with the shelf's name in front, so that one feature's ticket is never another's, and only
their SHA-256 reaches the store: a leaked table opens nothing.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from idp.ports import SPENT, Clock, Ephemeral, Spent

T = TypeVar("T")


def digest(purpose: str, secret: str) -> str:
    """SHA-256 of a random secret of at least 128 bits, bound to its purpose, in base64url (43 characters)."""
    hashed = hashlib.sha256(f"{purpose}\0{secret}".encode()).digest()
    return urlsafe_b64encode(hashed).rstrip(b"=").decode()


def new_secret(prefix: str) -> str:
    """`prefix` and 256 bits from the operating system, in base64url."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


class Shelf(Generic[T]):
    """Short-lived values of type `T` (a frozen dataclass) that live `life` seconds."""

    def __init__(self, name: str, kind: type[T], store: Ephemeral, clock: Clock, *, life: float) -> None:
        self.name = name
        self.life = life
        self._store = store
        self._clock = clock
        self._codec: TypeAdapter[T] = TypeAdapter(kind)

    def add(self, value: T, *, life: float | None = None) -> str:
        """Store `value` under a fresh handle and return the handle."""
        handle = new_secret(self.name)
        now = self._clock()
        self._store.put(self._key(handle), self._codec.dump_json(value), expires_at=now + (life or self.life), now=now)
        return handle

    def find(self, handle: str) -> T | None:
        """The live value behind `handle`, or None."""
        if not self._plausible(handle):
            return None
        found = self._store.get(self._key(handle), now=self._clock())
        return None if found is None else self._codec.validate_json(found)

    def take(self, handle: str) -> T | Spent | None:
        """The value, once; `SPENT` ever after; None when there was none."""
        if not self._plausible(handle):
            return None
        found = self._store.take(self._key(handle), now=self._clock())
        if found is None or found is SPENT:
            return found
        return self._codec.validate_json(found)  # type: ignore[arg-type]

    def replace(self, handle: str, old: T, new: T) -> bool:
        """Compare and swap: False when somebody changed or took the value meanwhile."""
        key = self._key(handle)
        return self._store.replace(key, self._codec.dump_json(old), self._codec.dump_json(new), now=self._clock())

    def key_of(self, handle: str) -> str:
        """The key of the value in the store: it opens nothing, and `forget` takes it."""
        return self._key(handle)

    def forget(self, key: str) -> None:
        """Spend the value under this key, unread."""
        self._store.take(key, now=self._clock())

    def _key(self, handle: str) -> str:
        return f"{self.name}:{digest(self.name, handle)}"

    def _plausible(self, handle: str) -> bool:
        """Cheap refusal before any store is asked (RFC 6819, 4.4.1.12)."""
        return len(handle) == len(self.name) + 44 and handle.startswith(self.name + "_") and handle.isascii()
