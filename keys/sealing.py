"""Envelope encryption for what must not be readable in a database: private keys and shared secrets.

Each record is encrypted with its own data key, and that data key with a master key, which comes from outside the
database (`keys.masters`). A sealed record is text, `1.<master key id>.<data key>.<record>`, and opens only in the
context it was sealed for, so that rows cannot be swapped.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

_VERSION = "1"
KEY_LENGTH = 32
_NONCE_LENGTH = 12


class SealBroken(Exception):
    """A sealed record does not open; the message says why and contains nothing secret."""


class BadMasterKey(Exception):
    """The master key cannot be used; the message is the exact reason, for the operator."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The key that seals data keys, and nothing else: 32 bytes that never enter the database."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_LENGTH:
            raise BadMasterKey(f"a master key has {KEY_LENGTH} bytes, this one has {len(self.secret)}")

    @property
    def id(self) -> str:
        """A public name for this key, to tell a wrong key from a damaged record."""
        return hashlib.sha256(b"master key id\0" + self.secret).hexdigest()[:16]

    def seal(self, plain: bytes, *, context: str) -> str:
        """Encrypt for this context; the same input never gives the same output."""
        bound = self._bound(context)
        data_key = AESGCM.generate_key(bit_length=256)
        sealed_key, record = _encrypt(self.secret, data_key, bound), _encrypt(data_key, plain, bound)
        return ".".join((_VERSION, self.id, encode(sealed_key), encode(record)))

    def unseal(self, sealed: str, *, context: str) -> bytes:
        """Open what `seal` made for the same context. Raises `SealBroken` on anything else."""
        version, _, rest = sealed.partition(".")
        if version != _VERSION:
            raise SealBroken(f"sealed in format {version[:16]!r}, this program knows format {_VERSION!r}")
        master_id, _, rest = rest.partition(".")
        if master_id != self.id:
            raise SealBroken(f"sealed by master key {master_id[:16]!r}, this is master key {self.id!r}")
        sealed_key, _, record = rest.partition(".")
        bound = self._bound(context)
        try:
            return _decrypt(_decrypt(self.secret, decode(sealed_key), bound), decode(record), bound)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("truncated, altered, or sealed for something else") from error

    def _bound(self, context: str) -> bytes:
        return "\0".join((_VERSION, self.id, context)).encode()


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The master keys in use, newest last: the newest seals, each opens what it sealed."""

    keys: tuple[MasterKey, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise BadMasterKey("there is no master key")
        (name, times), *_ = Counter(key.id for key in self.keys).most_common(1)
        if times > 1:
            raise BadMasterKey(f"master key {name} is there {times} times")

    @property
    def newest(self) -> MasterKey:
        return self.keys[-1]

    def seal(self, plain: bytes, *, context: str) -> str:
        """Encrypt with the newest key."""
        return self.newest.seal(plain, context=context)

    def unseal(self, sealed: str, *, context: str) -> bytes:
        """Open what any of the keys sealed. Raises `SealBroken`."""
        name = sealed_by(sealed)
        return next((key for key in self.keys if key.id == name), self.newest).unseal(sealed, context=context)


def sealed_by(sealed: str) -> str:
    """The id of the master key in a sealed record."""
    return sealed.split(".", 2)[1] if sealed.count(".") > 1 else ""


def _encrypt(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = token_bytes(_NONCE_LENGTH)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], bound)


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).decode("ascii")


def decode(text: str) -> bytes:
    """Decode base64url, only in its canonical form, so that no flipped bit goes unnoticed."""
    return urlsafe_b64decode(text.encode("ascii"))
