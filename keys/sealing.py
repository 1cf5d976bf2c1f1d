"""Envelope encryption for what may not lie readable in a database: private keys and shared secrets.

Each record is encrypted under a data key of its own, and that data key under the master key, which comes from outside
the database. A sealed record is text, `1.<master key id>.<data key>.<record>`, and opens only in the context it was
sealed for, so that rows cannot be exchanged for one another.
"""

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

_VERSION = "1"
_KEY_LENGTH = 32
_NONCE_LENGTH = 12


class SealBroken(Exception):
    """A sealed record does not open; the message says why and holds nothing secret."""


class BadMasterKey(Exception):
    """The master key cannot be used; the message is the exact reason, for the operator."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The key that seals data keys, and does nothing else: 32 bytes that never enter the database."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != _KEY_LENGTH:
            raise BadMasterKey(f"a master key has {_KEY_LENGTH} bytes, this one has {len(self.secret)}")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read base64url without padding, as `idp` writes it. Raises `BadMasterKey`."""
        try:
            return cls(_decode(text.strip()))
        except ValueError as error:
            raise BadMasterKey("a master key is base64url text (43 characters, no padding)") from error

    @classmethod
    def from_file(cls, path: Path, *, create: bool) -> Self:
        """Read a file that only its owner, this process's user, may read. Raises `BadMasterKey`.

        With `create`, a missing file is made first; of several processes that do so at once, one wins for all.
        """
        try:
            if create and not path.exists():
                _write_new_key(path)
            text = _read_private(path)
        except OSError as error:
            raise BadMasterKey(f"{path}: {error.strerror}") from error
        try:
            return cls.from_text(text)
        except BadMasterKey as error:
            raise BadMasterKey(f"{path}: {error}") from error

    @property
    def id(self) -> str:
        """A name for this key that gives nothing away, to tell a wrong key from a damaged record."""
        return hashlib.sha256(b"master key id\0" + self.secret).hexdigest()[:16]

    def seal(self, plain: bytes, *, context: str) -> str:
        """Encrypt for this context; twice the same never looks the same."""
        bound = self._bound(context)
        data_key = AESGCM.generate_key(bit_length=256)
        sealed_key, record = _encrypt(self.secret, data_key, bound), _encrypt(data_key, plain, bound)
        return ".".join((_VERSION, self.id, _encode(sealed_key), _encode(record)))

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
            return _decrypt(_decrypt(self.secret, _decode(sealed_key), bound), _decode(record), bound)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("truncated, altered, or sealed for something else") from error

    def _bound(self, context: str) -> bytes:
        return "\0".join((_VERSION, self.id, context)).encode()


def _encrypt(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = token_bytes(_NONCE_LENGTH)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], bound)


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii")


def _decode(text: str) -> bytes:
    """Decode base64url, only in its one canonical spelling, so that no flipped bit goes unnoticed."""
    return urlsafe_b64decode(text.encode("ascii"))


def _read_private(path: Path) -> str:
    # Not blocking: somebody may have put a pipe there.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise BadMasterKey(f"{path}: is not a file")
        if found.st_uid != os.geteuid():
            raise BadMasterKey(f"{path}: belongs to user {found.st_uid}, this process is user {os.geteuid()}")
        if found.st_mode & 0o077:
            raise BadMasterKey(f"{path}: has mode {stat.S_IMODE(found.st_mode):04o}, needs 0600 (chmod 600)")
        return file.read(1024).decode("utf-8", "replace")


def _write_new_key(path: Path) -> None:
    """Write aside and link into place, so that nobody ever reads half a key or replaces a whole one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(_encode(token_bytes(_KEY_LENGTH)) + "\n")
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
