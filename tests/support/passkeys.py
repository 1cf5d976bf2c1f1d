"""An authenticator in software that tells the truth, or any lie that a test asks for (WebAuthn Level 3)."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
HONEST = PRESENT | VERIFIED


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Lies:
    """What an answer says in the place of the truth; `sign_count` None counts on, `alg` is the COSE name of the key."""

    challenge: str | None = None
    origin: str | None = None
    rp_id: str | None = None
    kind: str | None = None
    flags: int = HONEST
    sign_count: int | None = None
    credential_id: bytes | None = None
    user_handle: bytes | None = None
    drop_handle: bool = False
    alg: int = -7
    statement: tuple[str, dict[str, Any]] = ("none", {})
    signer: ec.EllipticCurvePrivateKey | None = None


HONESTLY = Lies()


@dataclass
class Authenticator:
    """One passkey on one device, asked by pages of `origin`."""

    origin: str
    counts: bool = True
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    rp_id: str = ""
    user_handle: bytes = b""
    sign_count: int = 0

    def copy(self) -> "Authenticator":
        """What somebody has who read the key out of the device."""
        return replace(self)

    def create(self, options: dict[str, Any], lies: Lies = HONESTLY) -> str:
        """The answer to `navigator.credentials.create`, as JSON."""
        self.rp_id, self.user_handle = options["rp"]["id"], unb64(options["user"]["id"])
        credential = lies.credential_id or self.credential_id
        attested = bytes(16) + len(credential).to_bytes(2, "big") + credential + cbor2.dumps(self._public(lies.alg))
        data = self._data(replace(lies, flags=lies.flags | ATTESTED)) + attested
        fmt, statement = lies.statement
        made = cbor2.dumps({"fmt": fmt, "attStmt": statement, "authData": data})
        client = self._client("webauthn.create", options["challenge"], lies)
        return self._answer(credential, {"clientDataJSON": b64(client), "attestationObject": b64(made)})

    def get(self, options: dict[str, Any], lies: Lies = HONESTLY) -> str:
        """The answer to `navigator.credentials.get`, as JSON."""
        client = self._client("webauthn.get", options["challenge"], lies)
        data = self._data(lies)
        signer = lies.signer or self.key
        signature = signer.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
        if not lies.drop_handle:
            response["userHandle"] = b64(lies.user_handle or self.user_handle)
        return self._answer(lies.credential_id or self.credential_id, response)

    def _answer(self, credential: bytes, response: dict[str, str]) -> str:
        return json.dumps({"id": b64(credential), "rawId": b64(credential), "type": "public-key", "response": response})

    def _client(self, kind: str, challenge: str, lies: Lies) -> bytes:
        said = {
            "type": lies.kind or kind,
            "challenge": lies.challenge or challenge,
            "origin": lies.origin or self.origin,
        }
        return json.dumps(said | {"crossOrigin": False}).encode()

    def _data(self, lies: Lies) -> bytes:
        if self.counts and lies.sign_count is None:
            self.sign_count += 1
        count = self.sign_count if lies.sign_count is None else lies.sign_count
        party = hashlib.sha256((lies.rp_id or self.rp_id).encode()).digest()
        return party + bytes([lies.flags]) + count.to_bytes(4, "big")

    def _public(self, alg: int) -> dict[int, Any]:
        point = self.key.public_key().public_numbers()
        return {1: 2, 3: alg, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
