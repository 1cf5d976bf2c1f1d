"""Subject identifiers: pairwise by default, and reversible by us alone.

A pairwise `sub` is the account id, one AES block, encrypted with a key of the client's sector (OIDC Core 8.1, third
method). It needs no table, never changes for a person and a sector, and is decrypted to the account in a microsecond;
two sectors cannot correlate theirs without our secret.
"""

import hashlib
import hmac
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from idp.oidc.clients import Client


class Subjects:
    """Names accounts for clients. `secret` is the sealed pairwise secret, which no rotation changes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._key = lru_cache(maxsize=1024)(self._derive)

    def of(self, account_id: str, client: Client) -> str:
        """The `sub` that `client` knows the account by: 32 hex digits."""
        if client.subject_type == "public":
            return account_id
        encryptor = self._cipher(client.sector).encryptor()
        return (encryptor.update(bytes.fromhex(account_id)) + encryptor.finalize()).hex()

    def account_id(self, sub: str, client: Client) -> str | None:
        """The account of `sub`, or None when it has no valid shape."""
        try:
            block = bytes.fromhex(sub)
        except ValueError:
            return None
        if len(block) != 16:
            return None
        if client.subject_type == "public":
            return sub
        decryptor = self._cipher(client.sector).decryptor()
        return (decryptor.update(block) + decryptor.finalize()).hex()

    def _cipher(self, sector: str) -> Cipher[modes.ECB]:
        # One block under its own key per sector: as a permutation of ids ECB hides everything but equality,
        # and equality within a sector is what a subject identifier is for.
        return Cipher(algorithms.AES(self._key(sector)), modes.ECB())  # noqa: S305

    def _derive(self, sector: str) -> bytes:
        return hmac.digest(self._secret, f"sector\0{sector}".encode(), hashlib.sha256)
