"""Answers that only the client can read: a signed JWT in a JWE (OIDC Core 10.2 and 16.14, JARM 2.2, RFC 9701 5).

The keys are those that the client registered in `jwks`: they were checked then, so no answer depends on a fetch, and
none is lost because a client's server is away.
"""

from collections.abc import Mapping
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from idp.oidc.clients import ENCRYPTED, Client
from keys.encryption import ENCS

ALGS = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW")
"""RSA1_5 and RSA-OAEP are left out: the one can be attacked by its errors, the other needs SHA-1."""

SHORTEST_RSA = 2048
CURVES = ("P-256", "P-384", "P-521", "X25519", "X448")
EncryptionKey = RSAKey | ECKey | OKPKey


def encrypted(text: str, client: Client, what: str) -> str:
    """`text`, a signed JWT, encrypted if the client registered that for `what` (one of `ENCRYPTED`)."""
    alg, enc = client.encryption_of(what)
    if alg is None:
        return text
    key = _key(client.jwks, alg)
    if key is None:
        raise LookupError(f"{client.client_id} has no key for {alg}, which registration demands")
    # The default is that of OIDC Registration 2.
    header = {"alg": alg, "enc": enc or "A128CBC-HS256", "cty": "JWT"} | ({"kid": key.kid} if key.kid else {})
    return jwe.encrypt_compact(header, text, key, algorithms=[alg, header["enc"]])


def encryption_rules(client: Client) -> list[tuple[bool, str]]:
    """The table of refusals for a registration: (is bad, why)."""
    return [rule for what in ENCRYPTED for rule in _rules_for(what, *client.encryption_of(what), client)]


def _rules_for(what: str, alg: str | None, enc: str | None, client: Client) -> list[tuple[bool, str]]:
    unsigned = what == "userinfo" and client.userinfo_signed_response_alg is None
    return [
        (alg not in (None, *ALGS), f"{what}_encrypted_response_alg may be {', '.join(ALGS)}"),
        (enc not in (None, *ENCS), f"{what}_encrypted_response_enc may be {', '.join(ENCS)}"),
        (alg is None and enc is not None, f"{what}_encrypted_response_enc needs {what}_encrypted_response_alg"),
        (
            alg is not None and unsigned,
            "encrypted userinfo is also signed: it needs userinfo_signed_response_alg",
        ),
        (alg in ALGS and _key(client.jwks, alg or "") is None, f"{what}: jwks has no key to encrypt to with {alg}"),
    ]


def _key(jwks: Mapping[str, Any] | None, alg: str) -> EncryptionKey | None:
    """The first key of the set that is for encryption with `alg`, rather one that says so (RFC 7517, 4.2)."""
    try:
        keys = KeySet.import_key_set(dict(jwks or {"keys": []})).keys  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    fitting = [key for key in keys if isinstance(key, EncryptionKey) and _fits(key, alg)]
    return min(fitting, key=lambda key: key.get("use") != "enc", default=None)


def _fits(key: EncryptionKey, alg: str) -> bool:
    if key.get("use") not in (None, "enc") or key.get("alg") not in (None, alg):
        return False
    if alg == "RSA-OAEP-256":
        return isinstance(key, RSAKey) and key.public_key.key_size >= SHORTEST_RSA
    return key.get("crv") in CURVES
