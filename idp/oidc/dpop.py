"""Proofs of possession (RFC 9449, DPoP): the presenter of a token also proves to hold the key the token is bound to.

A proof is a small signed JWT that carries its own public key. It does not say who holds that key, only that it was held
a moment ago, for this method, URL and token, and once. `Proofs.judge` and then `Proofs.use` are the whole rule, both
for issuing and for using tokens. Keys cost nothing, so only `use` writes, and it comes after something else was proved:
a grant, a token bound to this key, or a place under a limiter.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import OAuth2Error
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from idp.ephemeral_records import digest
from idp.ports import Clock
from keys.signing import BadToken, check_signature, unverified_parts

KEY_TYPES: Final[Mapping[str, tuple[str, str]]] = {"ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
"""The key type of each algorithm. ES256 is available in the hardware key stores of phones, EdDSA is added by FAPI 2.0.

No RSA: the sender of a proof chooses the key, and with it the cost of verification.
"""
ALGS = tuple(KEY_TYPES)
LIFE = 60
SKEW = 60
NONCE_STEP = 120
LONGEST_PROOF = 4096
_JTI = re.compile(r"[\x20-\x7e]{1,256}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Proof:
    """A valid proof: the key, its thumbprint (RFC 7638), and the proof's id among the key's proofs."""

    jkt: str
    jwk: Mapping[str, Any]
    jti: str


class BadProof(Exception):
    """The proof proves nothing; `why` is a sentence for the developer of the client."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def as_oauth(self, status: int) -> OAuth2Error:
        """As a protocol error: 400 where tokens are issued, 401 where they are used (RFC 9449, 5 and 7.1)."""
        return OAuth2Error(self.why, status_code=status, error="invalid_dpop_proof")


class NonceNeeded(Exception):
    """The proof has no nonce, or an outdated one; the client retries with `nonce`."""

    def __init__(self, nonce: str) -> None:
        super().__init__("a fresh nonce is needed")
        self.nonce = nonce

    def as_oauth(self, status: int) -> OAuth2Error:
        """As a protocol error (RFC 9449, 8 and 9); the nonce goes into the header of the response."""
        why = "The DPoP proof needs the nonce of this answer's DPoP-Nonce."
        return OAuth2Error(why, status_code=status, error="use_dpop_nonce")


class Proofs:
    """Verifies proofs. `claim_jti(key, expires_at)` must be durable and true exactly once per key.

    The nonce is computed from `nonce_key` and the time, so it needs no store and every process knows it. `observe` is
    called with the outcome of each proof: `good` when it was used, `refused` or `nonce`.
    """

    def __init__(self, nonce_key: bytes, clock: Clock, *, claim_jti: Callable[[str, float], bool]) -> None:
        self._nonce_key = nonce_key
        self._clock = clock
        self._claim_jti = claim_jti
        self.observe: Callable[[str], object] = lambda outcome: None

    def nonce(self) -> str:
        """The nonce for the next proof: valid until the end of the following time step."""
        return self._nonce_of(int(self._clock() // NONCE_STEP))

    def judge(self, headers: Sequence[str], method: str, url: str, *, access_token: str | None = None) -> Proof:
        """The proof in the `DPoP` headers of a request, not used up yet. Raises `BadProof` and `NonceNeeded`.

        `url` is our URL as clients know it. With `access_token` the proof must be for it.
        """
        try:
            return self._judge(headers, method, url, access_token)
        except (BadProof, NonceNeeded) as error:
            self.observe("nonce" if isinstance(error, NonceNeeded) else "refused")
            raise

    def use(self, proof: Proof) -> None:
        """Use up the proof, before anything is issued for it. Raises `BadProof` when it was already used.

        The claim outlasts the time in which any clock accepts the proof: its life and both skews (RFC 9449, 11.1).
        """
        until = self._clock() + LIFE + 2 * SKEW
        if not self._claim_jti(digest("dpop", f"{proof.jkt}\0{proof.jti}"), until):
            self.observe("refused")
            raise BadProof("The DPoP proof was used before.")
        self.observe("good")

    def _judge(self, headers: Sequence[str], method: str, url: str, access_token: str | None) -> Proof:
        if len(headers) != 1:
            raise BadProof("A request carries exactly one DPoP header.")
        try:
            header, claims = unverified_parts(headers[0][: LONGEST_PROOF + 1], brings_key=True)
        except BadToken as error:
            raise BadProof(f"The DPoP proof is no JWT: {error}.") from None
        key = _key(header)
        _check(claims, method, url, self._clock(), access_token)
        self._check_nonce(claims.get("nonce"))
        _verify(headers[0], key, header["alg"])
        return Proof(key.thumbprint(), key.as_dict(private=False), claims["jti"])

    def _check_nonce(self, nonce: object) -> None:
        step = int(self._clock() // NONCE_STEP)
        good = (self._nonce_of(step), self._nonce_of(step - 1))
        if nonce not in good:
            # A nonce is not a secret: any caller may have it.
            raise NonceNeeded(self.nonce())

    def _nonce_of(self, step: int) -> str:
        mac = hmac.digest(self._nonce_key, f"dpop-nonce\0{step}".encode(), hashlib.sha256)
        return urlsafe_b64encode(mac).rstrip(b"=").decode()


def is_thumbprint(text: str) -> bool:
    """Whether `text` could be the SHA-256 thumbprint of a key (RFC 7638)."""
    return _THUMBPRINT.fullmatch(text) is not None


def access_token_hash(access_token: str) -> str:
    """`ath`: the hash that ties a proof to an access token (RFC 9449, 4.2)."""
    hashed = hashlib.sha256(access_token.encode(errors="surrogatepass")).digest()
    return urlsafe_b64encode(hashed).rstrip(b"=").decode()


def _key(header: Mapping[str, Any]) -> Key:
    """The public key in the proof, of the key type for its algorithm."""
    jwk, alg = header.get("jwk"), header.get("alg")
    if header.get("typ") != "dpop+jwt":
        raise BadProof("The typ of a DPoP proof is dpop+jwt.")
    if not isinstance(alg, str) or alg not in KEY_TYPES:
        raise BadProof(f"The DPoP proof may be signed with {' or '.join(ALGS)}.")
    if not isinstance(jwk, dict) or (jwk.get("kty"), jwk.get("crv")) != KEY_TYPES[alg]:
        raise BadProof(f"The jwk of a DPoP proof with {alg} is a key of type {' '.join(KEY_TYPES[alg])}.")
    if "d" in jwk:
        raise BadProof("The DPoP proof shows its private key: make a new one.")
    try:
        return import_key({name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk})
    except (JoseError, ValueError, TypeError, KeyError):
        raise BadProof("The jwk of the DPoP proof is no public key.") from None


def _check(claims: Mapping[str, Any], method: str, url: str, now: float, access_token: str | None) -> None:
    """Check the claims against this request (RFC 9449, 4.3)."""
    jti, iat, htu = claims.get("jti"), claims.get("iat"), claims.get("htu")
    ath = None if access_token is None else access_token_hash(access_token)
    rules = (
        (isinstance(jti, str) and _JTI.fullmatch(jti), "The jti of a DPoP proof is 1 to 256 characters of ASCII."),
        (claims.get("htm") == method, "The htm of the DPoP proof is not the method of this request."),
        (isinstance(htu, str) and _plain(htu) == _plain(url), "The htu of the DPoP proof is not the URL called."),
        (_is_date(iat), "The iat of a DPoP proof is a date."),
        (ath is None or claims.get("ath") == ath, "The ath of the DPoP proof is not the hash of the access token."),
    )
    for good, why in rules:
        if not good:
            raise BadProof(why)
    if not now - LIFE - SKEW < claims["iat"] <= now + SKEW:
        raise BadProof(f"The iat of the DPoP proof is {round(claims['iat'] - now):+} seconds from now: set the clock.")


def _is_date(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _plain(url: str) -> tuple[str, str, int | None, str] | None:
    """A URL without query and fragment, normalised (RFC 3986, 6.2.2 and 6.2.3); None when it is not a URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port, parts.path or "/"


def _verify(proof: str, key: Key, alg: str) -> None:
    try:
        check_signature(proof, key, [alg])
    except BadToken:
        raise BadProof("The signature of the DPoP proof does not match its jwk.") from None
