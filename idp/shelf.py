"""A shelf holds short-lived things of one type behind opaque handles.

Handles are 256 random bits with the shelf's name in front, so that one feature's ticket is never another's. Only their
SHA-256 reaches the store, and what lies there is sealed by the handle itself: a record may hold the handle of another,
and whoever reads the whole store opens nothing. AES-SIV (RFC 5297) seals the same value to the same bytes, so the store
compares and swaps what it cannot read.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import Any, ClassVar, Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic import TypeAdapter

from idp.ports import Clock, Ephemeral, Spent

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

    _codecs: ClassVar[dict[type, TypeAdapter[Any]]] = {}
    """Built once for each type: that takes longer than a thousand values."""

    def __init__(self, name: str, kind: type[T], store: Ephemeral, clock: Clock, *, life: float) -> None:
        self.name = name
        self.life = life
        self._store = store
        self._clock = clock
        self._codec: TypeAdapter[T] = self._codecs.get(kind) or TypeAdapter(kind)
        self._codecs[kind] = self._codec

    def add(self, value: T, *, life: float | None = None) -> str:
        """Store `value` under a fresh handle and return the handle."""
        handle = new_secret(self.name)
        now = self._clock()
        self._store.put(self._key(handle), self._sealed(handle, value), expires_at=now + (life or self.life), now=now)
        return handle

    def find(self, handle: str) -> T | None:
        """The live value behind `handle`, or None."""
        if not self._plausible(handle):
            return None
        found = self._store.get(self._key(handle), now=self._clock())
        return None if found is None else self._opened(handle, found)

    def take(self, handle: str) -> T | Spent | None:
        """The value, once; `SPENT` ever after; None when there was none."""
        if not self._plausible(handle):
            return None
        found = self._store.take(self._key(handle), now=self._clock())
        return self._opened(handle, found) if isinstance(found, bytes) else found

    def replace(self, handle: str, old: T, new: T) -> bool:
        """Compare and swap: False when somebody changed or took the value meanwhile."""
        before, after = self._sealed(handle, old), self._sealed(handle, new)
        return self._store.replace(self._key(handle), before, after, now=self._clock())

    def key_of(self, handle: str) -> str:
        """The key of the value in the store: it opens nothing, and `forget` takes it."""
        return self._key(handle)

    def forget(self, key: str) -> None:
        """Spend the value under this key, unread."""
        self._store.take(key, now=self._clock())

    def _key(self, handle: str) -> str:
        return f"{self.name}:{digest(self.name, handle)}"

    def _sealed(self, handle: str, value: T) -> bytes:
        return self._seal(handle).encrypt(self._codec.dump_json(value), None)

    def _opened(self, handle: str, sealed: bytes) -> T | None:
        """The value; None for a record that was not written by whoever held the handle."""
        try:
            return self._codec.validate_json(self._seal(handle).decrypt(sealed, None))
        except InvalidTag:
            return None

    def _seal(self, handle: str) -> AESSIV:
        return AESSIV(hashlib.sha512(f"seal {self.name}\0{handle}".encode()).digest())

    def _plausible(self, handle: str) -> bool:
        """Cheap refusal before any store is asked (RFC 6819, 4.4.1.12)."""
        return len(handle) == len(self.name) + 44 and handle.startswith(self.name + "_") and handle.isascii()
