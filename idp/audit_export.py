"""An exported segment of the audit trail: what its signature says, and how an outsider checks a file of it.

The file has a record a line, as canonical JSON, and in its last line `{"signature": "..."}`: a JWS (RFC 7515) in
compact serialization over JSON with `iss`, `iat`, `month`, the numbers of the `first` and `last` record, and the digest
of the trail before the segment (`start`) and after it (`digest`). Each line makes a new digest: SHA-256 of the old one
in hexadecimal, a line feed and the line. A file is thus tied to the file of the month before.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.audit import digest
from idp.ports import Clock
from keys.ring import KeyRing
from keys.signing import Signer

ALGORITHM, TYPE = "ES256", "audit-segment+jwt"


class BadExport(ValueError):
    """The file is not what was signed; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What a signature vouches for: the records `first` to `last`, between the digests `start` and `digest`."""

    month: str
    first: int
    last: int
    start: str
    digest: str


@dataclass(frozen=True, slots=True)
class SignedSegment:
    """A segment, and who signed it when (seconds since the epoch) with which key."""

    segment: Segment
    iss: str
    iat: int
    kid: str


class SegmentSigner:
    """Signs segments with keys of a ring of their own, in the name of `issuer`."""

    def __init__(self, signer: Signer, ring: Callable[[], KeyRing], clock: Clock, issuer: str) -> None:
        self._signer = signer
        self._ring = ring
        self._clock = clock
        self._issuer = issuer

    def sign(self, segment: Segment) -> str:
        """A JWS that vouches for the segment. Raises `NoSigningKey`."""
        claims = {"iss": self._issuer, "iat": int(self._clock()), **asdict(segment)}
        return self._signer.sign(claims, alg=ALGORITHM, typ=TYPE)

    def vouches(self, signature: str, segment: Segment) -> bool:
        """Whether this is our signature of just this segment, by a key that was not revoked."""
        try:
            return opened(signature, self._ring().unrevoked_jwks()).segment == segment
        except BadExport:
            return False


def opened(signature: str, jwks: Mapping[str, Any]) -> SignedSegment:
    """What a signature says, if a key of this JWK set (RFC 7517) made it. Raises `BadExport`."""
    try:
        keys: Any = KeySet.import_key_set(dict(jwks))  # type: ignore[arg-type]
        signed = jws.deserialize_compact(signature.encode(), keys, algorithms=[ALGORITHM])
        header, claims = signed.headers(), json.loads(signed.payload or b"")
        if header.get("typ") != TYPE:
            raise BadExport("the signature is not one of an audit segment")
        segment = Segment(**{name: claims[name] for name in Segment.__dataclass_fields__})
        return SignedSegment(segment, claims["iss"], claims["iat"], header["kid"])
    except (JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, BadExport):
            raise
        raise BadExport("no key of the set made the signature") from error


def check(file: Iterable[str], jwks: Mapping[str, Any], before: Segment | None = None) -> SignedSegment:
    """Check a file, which can be read twice line by line, against public keys alone. Raises `BadExport`.

    `before` is the segment of the file before, if that is known: the two must be neighbours without a gap.
    """
    signed = opened(_signature(file), jwks)
    segment, end, number = signed.segment, signed.segment.start, signed.segment.first
    for line in file:
        record = _parsed(line)
        if "signature" in record:
            break
        if record.get("number") != number:
            raise BadExport(f"record {number} is missing")
        end, number = digest(end, line.rstrip("\n")), number + 1
    if number != segment.last + 1:
        raise BadExport(f"the file ends at record {number - 1}, but {segment.last} is the last that was signed")
    if end != segment.digest:
        raise BadExport("a record was changed: the digest is not the one that was signed")
    if before and (before.last + 1, before.digest) != (segment.first, segment.start):
        raise BadExport(f"the segment of {segment.month} does not follow that of {before.month}")
    return signed


def _signature(file: Iterable[str]) -> str:
    last = deque(file, maxlen=1)
    signature = _parsed(last[0]).get("signature") if last else None
    if not isinstance(signature, str):
        raise BadExport("the last line has no signature: the file was cut off, or the export was not finished")
    return signature


def _parsed(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise BadExport(f"a line is not a JSON object: {line[:40]!r}")
    return parsed
