"""Signing and verifying our own tokens: JWTs in JWS compact serialization (RFC 7515, RFC 7519, RFC 8725).

joserfc does the cryptography. The framing is done here, because our tokens have exactly one form: a header of `alg`,
`kid` and `typ` that is built once per key, and a payload that is parsed more strictly than JSON requires.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, NewType, Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from keys.ring import Clock, KeyRing, NoSigningKey, SigningKey
from keys.strict_json import strict_object

VerifiedClaims = NewType("VerifiedClaims", dict[str, Any])

MAX_LENGTH = 8192
_MAX_PROVEN = 4096
_MAX_DEPTH = 16
_MAX_DATE = 1 << 53

# Members that would supply a key, a way to find one, or another meaning of the payload. We write none of them, and
# nothing in a token may choose how it is verified (RFC 8725 section 3.10). No extension is known here, so any "crit"
# names an unknown one (RFC 7515 section 4.1.11).
_REFUSED_MEMBERS = frozenset({"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "enc", "zip"})


class BadToken(Exception):
    """Not a currently valid token of ours of this kind. The message is for the log, not for the sender."""


class Rings(Protocol):
    """The source of the current ring; see `keys.cache`."""

    def ring(self) -> KeyRing:
        """The ring, at most a moment behind the store."""

    def newest(self) -> KeyRing:
        """The current ring of the store, or a recent one when this is called often."""


class Signer:
    """Signs with the ring's current key and verifies against the ring; both read the ring each time."""

    def __init__(self, rings: Rings, clock: Clock) -> None:
        self._rings = rings
        self._clock = clock
        self._proven: set[bytes] = set()

    def sign(self, claims: Mapping[str, Any], *, alg: str, typ: str) -> str:
        """Sign claims as a JWT of this `typ` ("at+jwt", "JWT", ...). Raises `NoSigningKey`."""
        key = self._signing_key(alg)
        payload = urlsafe_b64encode(_encode_json(claims).encode())
        signing_input = _header_segment(key.alg, key.kid, typ) + payload
        return (signing_input + b"." + urlsafe_b64encode(key.sign(signing_input))).decode("ascii")

    def verify(
        self, token: str, *, typ: str, algs: Collection[str] | None = None, allow_expired: bool = False
    ) -> VerifiedClaims:
        """Check form, type, key, signature and dates, without leeway: the dates come from our own clock.

        `typ` is compared as a media type (RFC 7515 section 4.1.9). `allow_expired` is for `id_token_hint`: it also
        admits retired keys, never revoked ones. The caller compares `iss` and `aud`, as whole strings. Raises
        `BadToken`.
        """
        header_segment, payload_segment = _split(token)
        header = _header(header_segment)
        if header.typ != _media_type(typ):
            raise BadToken(f"is of type {header.typ!r}")
        if algs is not None and header.alg not in algs:
            raise BadToken(f"algorithm {header.alg!r} is not accepted here")
        now = self._clock()
        key = self._verifying_key(header, now, retired=allow_expired)
        self._prove(token.encode("ascii"), key)
        claims = _parse_object(_decode(payload_segment.encode("ascii")))
        _check_dates(claims, now, allow_expired=allow_expired)
        return VerifiedClaims(claims)

    def _signing_key(self, alg: str) -> SigningKey:
        now = self._clock()
        try:
            return self._rings.ring().signing_key(alg, now)
        except NoSigningKey:
            # The first client of an algorithm causes its first key, and may be known here before the key is.
            return self._rings.newest().signing_key(alg, now)

    def _verifying_key(self, header: "_Header", now: float, *, retired: bool) -> SigningKey:
        # The key may be newer than this process's ring. Made-up key ids cost at most one look-up a second.
        key = self._rings.ring().find(header.kid) or self._rings.newest().find(header.kid)
        if key is None:
            raise BadToken("the key is not ours")
        if key.alg != header.alg:
            raise BadToken(f"algorithm {header.alg!r} is not the key's")
        if key.is_revoked:
            raise BadToken("the key is revoked")
        if key.is_retired(now) and not retired:
            raise BadToken("the key is retired")
        return key

    def _prove(self, token: bytes, key: SigningKey) -> None:
        """Check the signature, or use the cached result.

        That the key with this thumbprint signed this text stays true forever, so only the text's digest is kept.
        Whether the key and the token are still valid is checked every time, elsewhere.
        """
        digest = hashlib.sha256(token).digest()
        if digest in self._proven:
            return
        signing_input, _, signature = token.rpartition(b".")
        if not key.verify(signing_input, _decode(signature)):
            raise BadToken("the signature does not match")
        if len(self._proven) >= _MAX_PROVEN:
            self._proven.clear()
        self._proven.add(digest)


def half_hash(value: str, alg: str) -> str:
    """`at_hash` and `c_hash`: the left half of the hash for `alg` (OIDC Core 3.1.3.6).

    Ed25519 signs over SHA-512, so that is the hash of "EdDSA".
    """
    digest = hashlib.sha512 if alg == "EdDSA" else hashlib.sha256
    whole = digest(value.encode("ascii")).digest()
    return urlsafe_b64encode(whole[: len(whole) // 2]).decode("ascii")


def unverified_parts(token: str, *, brings_key: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT that another party signed, parsed as strictly as our own and *not* verified.

    The caller picks the key by the claimed sender and then verifies. Headers that would select a key themselves are
    refused here (RFC 8725 section 3.10); only a proof of possession carries its own in `jwk`, as stated by
    `brings_key`. Raises `BadToken`.
    """
    header_segment, payload_segment = _split(token)
    header = _parse_object(_decode(header_segment.encode("ascii")))
    refused = _REFUSED_MEMBERS - {"jwk"} if brings_key else _REFUSED_MEMBERS
    if not refused.isdisjoint(header):
        raise BadToken("has header members that could choose a key")
    return header, _parse_object(_decode(payload_segment.encode("ascii")))


def check_signature(token: str, keys: Key | KeySet, algs: Collection[str]) -> None:
    """Verify a JWT that another party signed, whose header was read by `unverified_parts`. Raises `BadToken`.

    Header members that we do not know are ignored (RFC 7515 section 4).
    """
    try:
        jws.deserialize_compact(token.encode(), keys, registry=JWSRegistry(algorithms=algs, strict_check_header=False))
    except (JoseError, ValueError, TypeError) as error:
        raise BadToken(f"has no signature of such a key: {type(error).__name__}") from None


class _Header(NamedTuple):
    alg: str
    kid: str
    typ: str


_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@lru_cache(maxsize=256)
def _header_segment(alg: str, kid: str, typ: str) -> bytes:
    header = _encode_json({"alg": alg, "typ": typ, "kid": kid})
    return urlsafe_b64encode(header.encode()) + b"."


def _split(token: str) -> tuple[str, str]:
    if len(token) > MAX_LENGTH or not token.isascii():
        raise BadToken(f"is longer than {MAX_LENGTH} characters or not ASCII")
    match token.split("."):
        case [header, payload, _]:
            return header, payload
        case parts:
            # Five would be a JWE (RFC 7516), which we never write and do not try to open.
            raise BadToken(f"has {len(parts)} parts")


@lru_cache(maxsize=256)
def _header(segment: str) -> _Header:
    """Parse a header. Cached, because all tokens of one key and type share theirs; refusals are not."""
    header = _parse_object(_decode(segment.encode("ascii")))
    if not _REFUSED_MEMBERS.isdisjoint(header):
        raise BadToken("has header members that we never write")
    match header:
        case {"alg": str(alg), "kid": str(kid), "typ": str(typ)}:
            return _Header(alg, kid, _media_type(typ))
    raise BadToken("has no alg, kid or typ")


def _media_type(typ: str) -> str:
    return typ.lower().removeprefix("application/")


def _check_dates(claims: dict[str, Any], now: float, *, allow_expired: bool) -> None:
    for name in ("exp", "iat", "nbf"):
        date = claims.get(name, 0)
        # Not isinstance: true is an int too.
        if type(date) is not int or not 0 <= date < _MAX_DATE:
            raise BadToken(f"{name} is not a date")
    if "exp" not in claims:
        raise BadToken("has no exp")
    if claims["exp"] <= now and not allow_expired:
        raise BadToken("has expired")
    if claims.get("nbf", 0) > now:
        raise BadToken("is not valid yet")


def _decode(segment: bytes) -> bytes:
    """Decode base64url without padding, only in its canonical form (RFC 7515 section 2)."""
    try:
        return urlsafe_b64decode(segment)
    except ValueError as error:
        raise BadToken("is not base64url") from error


def _parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object in plain UTF-8, refusing duplicate names (RFC 7519 section 4) and non-JSON values."""
    try:
        return strict_object(raw, deepest=_MAX_DEPTH)
    except ValueError as error:
        raise BadToken(str(error)) from error
