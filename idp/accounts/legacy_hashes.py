"""Password hashes of another system: which formats an import reads, and how a digest follows from a password.

The digest itself is never stored: `passwords` keeps Argon2id over it, with its `LegacyScheme` in front. The price of a
hash is bounded, because a worker pays it at each try.
"""

import hashlib
import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from struct import unpack

import bcrypt

MOST_ROUNDS = {"sha1": 1_200_000, "sha256": 1_200_000, "sha512": 500_000}
"""Iterations of PBKDF2, counted for each block of its output: about a quarter of a second of a core."""

MOST_COST = 12
"""The cost of bcrypt that takes as long."""

BCRYPT_SEES = 72
"""Bytes of a password that bcrypt uses; it ignores the rest."""

_SIZES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}
_IDENTITY_PRF = ("sha1", "sha256", "sha512")


class UnreadableHash(ValueError):
    """The text is in no known format, or its check would take too long; the message says which."""


@dataclass(frozen=True, slots=True)
class LegacyScheme:
    """How the other system made a digest: `rounds` of PBKDF2 or the cost of bcrypt, `size` of PBKDF2's output in bytes.

    `algorithm` is pbkdf2-sha1, -sha256 or -sha512, bcrypt, or md5, sha1, sha256, sha512 over salt and password;
    sha1-last has the salt behind the password. The salt of bcrypt is in its own base64.
    """

    algorithm: str
    salt: bytes
    rounds: int = 0
    size: int = 0

    def __str__(self) -> str:
        return f"{self.algorithm}${self.rounds}${self.size}${b64encode(self.salt).decode()}"

    @classmethod
    def read(cls, text: str) -> "LegacyScheme":
        """The scheme that `str` wrote. Raises `ValueError`."""
        algorithm, rounds, size, salt = text.split("$")
        return cls(algorithm, b64decode(salt, validate=True), int(rounds), int(size))

    def digest(self, password: str) -> bytes:
        """The digest of `password`, in UTF-8 and NFC. Raises `ValueError` for a scheme that nobody can compute."""
        typed = unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
        kind, _, variant = self.algorithm.partition("-")
        if kind == "bcrypt":
            return bcrypt.hashpw(typed[:BCRYPT_SEES], b"$2b$%02d$%b" % (self.rounds, self.salt))[-31:]
        if kind == "pbkdf2":
            return hashlib.pbkdf2_hmac(variant, typed, self.salt, self.rounds, self.size)
        return hashlib.new(kind, typed + self.salt if variant == "last" else self.salt + typed).digest()


@dataclass(frozen=True, slots=True)
class LegacyHash:
    """A digest of another system and how it was made."""

    scheme: LegacyScheme
    digest: bytes


def read_legacy_hash(text: str) -> LegacyHash:
    """The hash in one of the formats of docs/import.md. Raises `UnreadableHash`."""
    for pattern, read in _FORMATS:
        if match := pattern.fullmatch(text):
            return read(match)
    raise UnreadableHash("in no known format")


def _of_django(match: re.Match[str]) -> LegacyHash:
    prf, rounds, salt, digest = match.groups()
    return _pbkdf2(prf, salt.encode(), int(rounds), _sized(_bytes_of(digest), _SIZES[prf]))


def _of_passlib(match: re.Match[str]) -> LegacyHash:
    prf, rounds, salt, digest = match.groups()
    plain, adapted = (_bytes_of(part.replace(".", "+") + "=" * (-len(part) % 4)) for part in (salt, digest))
    return _pbkdf2(prf, plain, int(rounds), _sized(adapted, _SIZES[prf]))


def _of_bcrypt(match: re.Match[str]) -> LegacyHash:
    cost = int(match[1])
    if not 4 <= cost <= MOST_COST:
        raise UnreadableHash(f"too dear to check (bcrypt has to have a cost of 4 to {MOST_COST})")
    return LegacyHash(LegacyScheme("bcrypt", match[2].encode(), cost), match[3].encode())


def _of_digest(match: re.Match[str]) -> LegacyHash:
    algorithm, salt, digest = match.groups()
    return LegacyHash(LegacyScheme(algorithm, salt.encode()), _sized(bytes.fromhex(digest), _SIZES[algorithm]))


def _of_ldap(match: re.Match[str]) -> LegacyHash:
    raw = _bytes_of(match[1])
    return LegacyHash(LegacyScheme("sha1-last", raw[20:]), _sized(raw[:20], 20))


def _of_identity(match: re.Match[str]) -> LegacyHash:
    """ASP.NET Identity: version 2 is {0, salt, key}, version 3 {1, PRF, iterations, length of the salt, salt, key}."""
    raw = _bytes_of(match[0])
    if raw[0] == 0:
        return _pbkdf2("sha1", raw[1:17], 1000, _sized(raw[17:], 32))
    if raw[0] != 1 or len(raw) < 13:
        raise UnreadableHash("in no known format")
    prf, rounds, length = unpack(">III", raw[1:13])
    salt, key = raw[13 : 13 + length], raw[13 + length :]
    if prf >= len(_IDENTITY_PRF) or not (16 <= length <= 64 and 16 <= len(key) <= 64):
        raise UnreadableHash("in no known format")
    return _pbkdf2(_IDENTITY_PRF[prf], salt, rounds, key)


def _pbkdf2(prf: str, salt: bytes, rounds: int, digest: bytes) -> LegacyHash:
    blocks = -(-len(digest) // _SIZES[prf])
    if not 0 < rounds * blocks <= MOST_ROUNDS[prf]:
        raise UnreadableHash(f"too dear to check (1 to {MOST_ROUNDS[prf] // blocks} iterations are possible)")
    return LegacyHash(LegacyScheme(f"pbkdf2-{prf}", salt, rounds, len(digest)), digest)


def _bytes_of(text: str) -> bytes:
    """The bytes of standard base64 that has no second spelling. Raises `UnreadableHash`."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raise UnreadableHash("in no known format") from None
    if b64encode(raw).decode() != text:
        raise UnreadableHash("in no known format")
    return raw


def _sized(digest: bytes, size: int) -> bytes:
    if len(digest) != size:
        raise UnreadableHash("in no known format")
    return digest


_SALT, _ROUNDS = r"([!-#%-~]{0,64})", r"([1-9][0-9]{0,8})"
_FORMATS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], LegacyHash]], ...] = (
    (re.compile(rf"pbkdf2_(sha1|sha256)\${_ROUNDS}\${_SALT}\$([A-Za-z0-9+/=]{{28,44}})"), _of_django),
    (re.compile(rf"\$pbkdf2-(sha256|sha512)\${_ROUNDS}\$([\w./]{{0,86}})\$([\w./]{{43,86}})", re.ASCII), _of_passlib),
    (re.compile(r"\$2[aby]\$([0-9]{2})\$([./A-Za-z0-9]{21}[.Oeu])([./A-Za-z0-9]{30}[.CGKOSWaeimquy26])"), _of_bcrypt),
    (re.compile(rf"(md5|sha1|sha256|sha512)\${_SALT}\$((?:[0-9A-Fa-f]{{2}}){{16,64}})"), _of_digest),
    (re.compile(r"\{SSHA\}([A-Za-z0-9+/=]{28,112})"), _of_ldap),
    (re.compile(r"[A-Za-z0-9+/=]{60,192}"), _of_identity),
)
