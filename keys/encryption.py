"""Opening what others encrypted to us (RFC 7516), with a key of the ring whose algorithm is `ECDH-ES`."""

import json
from typing import Any

from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from keys.ring import ENCRYPTION, Clock, SigningKey
from keys.signing import MAX_LENGTH, BadToken, Rings
from keys.strict_json import strict_object

ALGS = ("ECDH-ES", "ECDH-ES+A256KW")
ENCS = ("A128CBC-HS256", "A128GCM", "A256GCM")
_REFUSED_MEMBERS = frozenset({"zip", "crit", "jku", "jwk", "x5u", "x5c"})
"""Members that would unpack to any size, mean something else, or bring a key."""


class Opener:
    """Opens messages in JWE compact serialization."""

    def __init__(self, rings: Rings, clock: Clock) -> None:
        self._rings = rings
        self._clock = clock

    def open(self, text: str) -> str:
        """The message that is inside. Raises `BadToken`."""
        if len(text) > 2 * MAX_LENGTH or not text.isascii():
            raise BadToken(f"is longer than {2 * MAX_LENGTH} characters or not ASCII")
        header = _header(text.partition(".")[0])
        alg, enc = header.get("alg"), header.get("enc")
        if alg not in ALGS or enc not in ENCS or not _REFUSED_MEMBERS.isdisjoint(header):
            raise BadToken(f"may be encrypted with {', '.join(ALGS)} and {', '.join(ENCS)}, and plainly")
        try:
            return self._key(header).decrypt(text, (alg, enc)).decode("ascii")
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise BadToken(f"cannot be opened: {type(error).__name__}") from None

    def _key(self, header: dict[str, Any]) -> SigningKey:
        """The key that the header names, while it is published."""
        kid, now = header.get("kid"), self._clock()
        if isinstance(kid, str):
            key = self._rings.ring().find(kid) or self._rings.newest().find(kid)
            if key is not None and key.alg == ENCRYPTION and key.is_published(now):
                return key
        raise BadToken("names no key (kid) of ours that others encrypt to")


def _header(segment: str) -> dict[str, Any]:
    try:
        return strict_object(urlsafe_b64decode(segment.encode("ascii")), deepest=4)
    except (ValueError, json.JSONDecodeError) as error:
        raise BadToken(f"has no readable header: {error}") from None
