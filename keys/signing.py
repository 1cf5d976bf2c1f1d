"""Signing and verifying our own tokens: JWTs in JWS compact serialization (RFC 7515, RFC 7519, RFC 8725).

joserfc does the cryptography. The framing is done here, because a token of ours has exactly one form: a header of
`alg`, `kid` and `typ` that is built once per key, and a payload that is parsed more strictly than JSON asks for.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, NewType, NoReturn, Protocol

from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from keys.ring import Clock, KeyRing, NoSigningKey, SigningKey

VerifiedClaims = NewType("VerifiedClaims", dict[str, Any])

MAX_LENGTH = 8192
_MAX_PROVEN = 4096
_MAX_DEPTH = 16
_MAX_DATE = 1 << 53

# Members that would bring a key, a way to find one, or another meaning of the payload. We write none of them, and
# nothing in a token may choose how it is judged (RFC 8725 section 3.10). No extension is known here, so any "crit"
# names an unknown one (RFC 7515 section 4.1.11).
_REFUSED_MEMBERS = frozenset({"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "enc", "zip"})


class BadToken(Exception):
    """Not a token of ours, of this kind, that is good now. The message is for the log, not for the sender."""


class Rings(Protocol):
    """Where the ring of the moment is found; see `keys.cache`."""

    def ring(self) -> KeyRing:
        """The ring, at most a moment behind the store."""

    def newest(self) -> KeyRing:
        """The ring as the store has it now, or had it a moment ago when that was asked often."""


class Signer:
    """Signs with the ring's key of the moment and verifies against the ring; both ask for the ring each time."""

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
        """Check form, kind, key, signature and dates, without leeway: the clock that wrote them is ours.

        `typ` is compared as a media type (RFC 7515 section 4.1.9). `allow_expired` is for `id_token_hint`: it also
        admits retired keys, never revoked ones. `iss` and `aud` are the caller's to compare, as whole strings.
        Raises `BadToken`.
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
        claims = _claims(_decode(payload_segment.encode("ascii")))
        _check_dates(claims, now, allow_expired=allow_expired)
        return VerifiedClaims(claims)

    def _signing_key(self, alg: str) -> SigningKey:
        now = self._clock()
        try:
            return self._rings.ring().signing_key(alg, now)
        except NoSigningKey:
            # The first client of an algorithm brings its first key, and may be known here before the key is.
            return self._rings.newest().signing_key(alg, now)

    def _verifying_key(self, header: "_Header", now: float, *, retired: bool) -> SigningKey:
        # A key may be younger than the ring of this process; whoever makes names up gets no more than a look a second.
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
        """Check the signature, or remember that we did.

        That the key with this thumbprint signed this text stays true for ever, so only the text's digest is kept.
        Whether the key and the token are still good is asked every time, elsewhere.
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
    """`at_hash` and `c_hash`: the left half of the hash that belongs to `alg` (OIDC Core 3.1.3.6).

    Ed25519 signs over SHA-512, so that is the hash of "EdDSA".
    """
    digest = hashlib.sha512 if alg == "EdDSA" else hashlib.sha256
    whole = digest(value.encode("ascii")).digest()
    return urlsafe_b64encode(whole[: len(whole) // 2]).decode("ascii")


def unverified_parts(token: str, *, brings_key: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of somebody else's signed JWT, parsed as strictly as our own and *not* verified.

    Whoever calls this picks the key by the claimed sender and then verifies. Headers that would choose a key by
    themselves are refused here (RFC 8725 section 3.10); only a proof of possession brings its own in `jwk`, where
    `brings_key` says so. Raises `BadToken`.
    """
    header_segment, payload_segment = _split(token)
    header = _parse_object(_decode(header_segment.encode("ascii")))
    refused = _REFUSED_MEMBERS - {"jwk"} if brings_key else _REFUSED_MEMBERS
    if not refused.isdisjoint(header):
        raise BadToken("has header members that could choose a key")
    return header, _claims(_decode(payload_segment.encode("ascii")))


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
    """Parse a header. Remembered, because all tokens of one key and kind share theirs; refusals are not."""
    header = _parse_object(_decode(segment.encode("ascii")))
    if not _REFUSED_MEMBERS.isdisjoint(header):
        raise BadToken("has header members that we never write")
    match header:
        case {"alg": str(alg), "kid": str(kid), "typ": str(typ)}:
            return _Header(alg, kid, _media_type(typ))
    raise BadToken("has no alg, kid or typ")


def _media_type(typ: str) -> str:
    return typ.lower().removeprefix("application/")


def _claims(payload: bytes) -> dict[str, Any]:
    claims = _parse_object(payload)
    # Counting is cheap and counts too much, never too little; most tokens need no more than that.
    if payload.count(b"{") + payload.count(b"[") > _MAX_DEPTH and _is_deeper(claims, _MAX_DEPTH):
        raise BadToken("is nested too deeply")
    return claims


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
    """Decode base64url without padding, only in its one canonical spelling (RFC 7515 section 2)."""
    try:
        return urlsafe_b64decode(segment)
    except ValueError as error:
        raise BadToken("is not base64url") from error


def _parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object in plain UTF-8, refusing duplicate names (RFC 7519 section 4) and what JSON lacks."""
    try:
        parsed = _STRICT.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadToken("is not strict JSON") from error
    if not isinstance(parsed, dict):
        raise BadToken("is not a JSON object")
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate name")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _is_deeper(value: object, levels: int) -> bool:
    """Whether containers are nested more than `levels` deep; looks no further than that."""
    match value:
        case dict():
            children = list(value.values())
        case list():
            children = value
        case _:
            return False
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)
