"""VNeID's envelope: an AES key wrapped with our RSA key (PKCS#1 v1.5), and a text encrypted with it (ECB, or CBC).

Neither mode authenticates the sender; TLS does that. A padding oracle is prevented in three ways: RSA errors yield a
random key (implicit rejection), every failure is the same `BadEnvelope` with the same message, and every failure occurs
after the same steps.
"""

import base64
import os
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_private_key

Mode = Literal["ecb", "cbc"]
_LONGEST = 65_536
_KEY_BITS = range(2048, 8193)


class BadEnvelope(Exception):
    """It does not open. The message is always the same, whatever was wrong."""

    def __init__(self) -> None:
        super().__init__("the envelope does not open")


class Envelopes:
    """Opens what was encrypted for one private key (PEM, PKCS#8 or PKCS#1)."""

    def __init__(self, private_key_pem: bytes, mode: Mode = "ecb") -> None:
        key = load_pem_private_key(private_key_pem, None)
        if not isinstance(key, RSAPrivateKey) or key.key_size not in _KEY_BITS:
            raise ValueError("the key for envelopes is no RSA key of 2048 to 8192 bits")
        self._key = key
        self._mode = mode

    def open(self, key: object, data: object) -> bytes:
        """The text inside; both parts are base64. Raises `BadEnvelope`."""
        wrapped, closed = _from_base64(key), _from_base64(data)
        try:
            return self._decrypted(self._unwrapped(wrapped), closed)
        except ValueError:
            raise BadEnvelope from None

    def _unwrapped(self, wrapped: bytes) -> bytes:
        instead = os.urandom(32)
        try:
            key = self._key.decrypt(wrapped, PKCS1v15())
        except ValueError:
            return instead
        return key if len(key) in (16, 24, 32) else instead

    def _decrypted(self, secret: bytes, closed: bytes) -> bytes:
        mode: modes.ECB | modes.CBC = modes.ECB()  # noqa: S305 - theirs, and integrity is TLS's
        if self._mode == "cbc":
            mode, closed = modes.CBC(closed[:16]), closed[16:]
        decryptor = Cipher(algorithms.AES(secret), mode).decryptor()
        padded = decryptor.update(closed) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return unpadder.update(padded) + unpadder.finalize()


def _from_base64(text: object) -> bytes:
    """Plain base64 in canonical form; anything else becomes empty, which opens no envelope."""
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) and len(text) <= _LONGEST else b""
    except ValueError:
        return b""
