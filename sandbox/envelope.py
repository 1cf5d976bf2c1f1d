"""VNeID's envelope: AES for the text, RSA for the AES key. The key pair of the sandbox's provider is made here too."""

import base64
import os
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.addresses import PRIVATE_KEY, PUBLIC_KEY

_BITS = 2048
_BLOCK = 128


def make_pair(folder: Path) -> None:
    """The pair of this sandbox, once: the provider reads the private half, VNeID is given the public one."""
    if (folder / PRIVATE_KEY).is_file() and (folder / PUBLIC_KEY).is_file():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = rsa.generate_private_key(65537, _BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with os.fdopen(os.open(folder / PRIVATE_KEY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private)
    (folder / PUBLIC_KEY).write_bytes(public)


def public_half(folder: Path) -> rsa.RSAPublicKey:
    """What VNeID was given by the provider."""
    key = serialization.load_pem_public_key((folder / PUBLIC_KEY).read_bytes())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError(f"{folder / PUBLIC_KEY} is no RSA key")
    return key


@cache
def nobodys() -> rsa.RSAPublicKey:
    """A key whose private half nobody has."""
    return rsa.generate_private_key(65537, _BITS).public_key()


def seal(text: bytes, to: rsa.RSAPublicKey, mode: str) -> tuple[str, str]:
    """The text and its AES key, both sealed and in base64. With `cbc` the first sixteen bytes are the vector."""
    key, vector = os.urandom(32), os.urandom(16)
    padder = padding.PKCS7(_BLOCK).padder()
    padded = padder.update(text) + padder.finalize()
    chosen, front = (modes.CBC(vector), vector) if mode == "cbc" else (modes.ECB(), b"")  # noqa: S305
    encryptor = Cipher(algorithms.AES(key), chosen).encryptor()
    sealed = front + encryptor.update(padded) + encryptor.finalize()
    return base64.b64encode(sealed).decode(), base64.b64encode(to.encrypt(key, PKCS1v15())).decode()
