"""Short-lived records of one type behind opaque handles.

Handles are 256 random bits behind the kind of the record, so that one feature's ticket is never another's. Only their
SHA-256 reaches the store, and what lies there is sealed by the handle itself: a record may hold the handle of another,
and a copy of the whole store opens nothing. AES-SIV (RFC 5297) seals the same value to the same bytes, so the store
compares and swaps what it cannot read.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from enum import UNIQUE, StrEnum, verify
from typing import Any, ClassVar, Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic import TypeAdapter

from idp.ports import Clock, EphemeralStore, NewRecord, Spent

T = TypeVar("T")


def digest(purpose: str, secret: str) -> str:
    """SHA-256 of a random secret of at least 128 bits, bound to its purpose, in base64url (43 characters)."""
    hashed = hashlib.sha256(f"{purpose}\0{secret}".encode()).digest()
    return urlsafe_b64encode(hashed).rstrip(b"=").decode()


def new_secret(prefix: str) -> str:
    """`prefix` and 256 bits from the operating system, in base64url."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


@verify(UNIQUE)
class RecordKind(StrEnum):
    """What a handle is of, as its first letters: one kind, one meaning. Handles that are out keep theirs."""

    LOGIN_ATTEMPT = "a"
    AUTHORIZATION_CODE = "k"
    OFFLINE_CODE = "ko"
    LOGOUT_REQUEST = "l"
    UPSTREAM_LOGIN = "v"
    LINKING_FLOW = "w"
    RECOVERY = "y"
    ACTIVATION = "act"
    REGISTRATION_STATUS = "und"
    PROFILE_CHANGE = "prf"
    PASSKEY_CHALLENGE = "pk"
    OFFICER_PASSKEY_CHALLENGE = "ok"
    PUSHED_REQUEST = "par"


class EphemeralRecords(Generic[T]):
    """Short-lived values of type `T` (a frozen dataclass) that live `life` seconds."""

    _codecs: ClassVar[dict[type, TypeAdapter[Any]]] = {}
    """Built once for each type: that takes longer than a thousand values."""

    def __init__(self, kind: RecordKind, of: type[T], store: EphemeralStore, clock: Clock, *, life: float) -> None:
        self.kind = kind
        self.life = life
        self._store = store
        self._clock = clock
        self._codec: TypeAdapter[T] = self._codecs.get(of) or TypeAdapter(of)
        self._codecs[of] = self._codec

    def add(self, value: T, *, life: float | None = None) -> str:
        """Store `value` under a fresh handle and return the handle."""
        handle, new = self.drafted(value, life=life)
        self._store.put(new.key, new.value, expires_at=new.expires_at, now=self._clock())
        return handle

    def drafted(self, value: T, *, life: float | None = None) -> tuple[str, NewRecord]:
        """A fresh handle, and the record that is still to be put under it, as a step in which something is taken."""
        handle = new_secret(self.kind)
        expires_at = self._clock() + (life or self.life)
        return handle, NewRecord(self._key(handle), self._sealed(handle, value), expires_at)

    def find(self, handle: str) -> T | None:
        """The live value behind `handle`, or None."""
        if not self._plausible(handle):
            return None
        kept = self._store.get(self._key(handle), now=self._clock())
        return None if kept is None else self._opened(handle, kept)

    def find_and_put(self, handle: str, new: NewRecord) -> tuple[T | None, bool]:
        """The same and, only beside a live value, `new` is put in the same step; the second says whether it was."""
        if not self._plausible(handle):
            return None, False
        kept, was_put = self._store.get_and_put(self._key(handle), new, now=self._clock())
        return (None if kept is None else self._opened(handle, kept)), was_put

    def take(self, handle: str, new: NewRecord | None = None) -> T | Spent | None:
        """The value, once; `SPENT` ever after; None when there was none. Who gets it puts `new` in the same step."""
        if not self._plausible(handle):
            return None
        key, now = self._key(handle), self._clock()
        kept = self._store.take_and_put(key, new, now=now) if new else self._store.take(key, now=now)
        return self._opened(handle, kept) if isinstance(kept, bytes) else kept

    def replace(self, handle: str, old: T, new: T) -> bool:
        """Compare and swap: False when the value was changed or taken meanwhile."""
        before, after = self._sealed(handle, old), self._sealed(handle, new)
        return self._store.replace(self._key(handle), before, after, now=self._clock())

    def key_of(self, handle: str) -> str:
        """The key of the value in the store: it opens nothing, and `forget` takes it."""
        return self._key(handle)

    def forget(self, key: str) -> None:
        """Spend the value under this key, unread."""
        self._store.take(key, now=self._clock())

    def _key(self, handle: str) -> str:
        return f"{self.kind}:{digest(self.kind, handle)}"

    def _sealed(self, handle: str, value: T) -> bytes:
        return self._seal(handle).encrypt(self._codec.dump_json(value), None)

    def _opened(self, handle: str, sealed: bytes) -> T | None:
        """The value; None for a record that was not written by whoever held the handle."""
        try:
            return self._codec.validate_json(self._seal(handle).decrypt(sealed, None))
        except InvalidTag:
            return None

    def _seal(self, handle: str) -> AESSIV:
        return AESSIV(hashlib.sha512(f"seal {self.kind}\0{handle}".encode()).digest())

    def _plausible(self, handle: str) -> bool:
        """Cheap refusal before any store is asked (RFC 6819, 4.4.1.12)."""
        return len(handle) == len(self.kind) + 44 and handle.startswith(self.kind + "_") and handle.isascii()
