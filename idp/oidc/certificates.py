"""Client certificates (RFC 8705): how a proxy hands one on, and which client it names.

The proxy did the handshake, so it alone knows that the peer holds the private key and whether a CA vouches for it.
"""

import base64
import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

TLS_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
SUBJECT_DN: Final = "tls_client_auth_subject_dn"
SAN_KINDS: Final[dict[str, Any]] = {
    "tls_client_auth_san_dns": x509.DNSName,
    "tls_client_auth_san_uri": x509.UniformResourceIdentifier,
    "tls_client_auth_san_ip": x509.IPAddress,
    "tls_client_auth_san_email": x509.RFC822Name,
}
"""The kind of subject alternative name behind each member of the registration (RFC 8705, 2.1.2)."""
SUBJECT_MEMBERS = (SUBJECT_DN, *SAN_KINDS)
LONGEST = 8000
"""Characters of a certificate in a header; one with an RSA key of 4096 bits has about 3000."""
_FURTHER_NAMES: Final = {"emailAddress": x509.NameOID.EMAIL_ADDRESS, "serialNumber": x509.NameOID.SERIAL_NUMBER}
_UNREADABLE: Final = (
    *(ValueError, TypeError, OverflowError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
_BYTE_SEQUENCE = re.compile(r":([A-Za-z0-9+/=]+):")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE-----\s*")


class BadCertificate(Exception):
    """The text is no certificate; the message is for whoever runs the proxy or the client."""


@dataclass(frozen=True, slots=True)
class CertificateHeaders:
    """The names of headers that listed proxies set, empty for none; `url` is the host of its own for mutual TLS."""

    certificate: str = ""
    verify: str = ""
    url: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that clients can use with them: a CA's certificate needs to be called verified by the proxy."""
        return tuple(m for m in TLS_METHODS if self.certificate and (self.verify or m != "tls_client_auth"))


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate of the peer. `is_verified` tells whether the proxy vouches for its chain.

    `x5t` is its thumbprint, the base64url of the SHA-256 of its DER form (RFC 8705, 3.1).
    """

    certificate: x509.Certificate
    x5t: str
    is_verified: bool = False

    def is_current(self, now: float) -> bool:
        """Whether `now` (seconds since the epoch) is within its validity."""
        moment = datetime.fromtimestamp(now, UTC)
        return self.certificate.not_valid_before_utc <= moment <= self.certificate.not_valid_after_utc

    def has_subject(self, member: str, value: str) -> bool:
        """Whether it has the name that is registered as `member`, one of `SUBJECT_MEMBERS`."""
        return expected_subject(member, value) in self._subjects(member)

    def is_one_of(self, keys: KeySet) -> bool:
        """Whether it is registered: as the first `x5c` of a key or, for a key without, by its public key."""
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        spki = self.certificate.public_key().public_bytes(serialization.Encoding.DER, form)
        return any(_is_same(key, der, spki) for key in keys.keys)

    def _subjects(self, member: str) -> Sequence[object]:
        if member == SUBJECT_DN:
            return [self.certificate.subject]
        try:
            names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return []
        values = names.get_values_for_type(SAN_KINDS[member])
        return [value.lower() for value in values] if member == "tls_client_auth_san_dns" else list(values)


def expected_subject(member: str, value: str) -> object:
    """The registered `value` in the form in which names are compared. Raises `ValueError`.

    A distinguished name is that of RFC 4514, compared by its attributes: the kind of string and the escapes do not
    matter, order and case of values do.
    """
    if member == SUBJECT_DN:
        name = x509.Name.from_rfc4514_string(value, _FURTHER_NAMES)
        if not name.rdns:
            raise ValueError("an empty name")
        return name
    if member == "tls_client_auth_san_ip":
        return ipaddress.ip_address(value)
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("a character that no such name has")
    return value.lower() if member == "tls_client_auth_san_dns" else value


@lru_cache(256)
def read_certificate(text: str) -> ClientCertificate:
    """The certificate in the value of a header. Raises `BadCertificate`.

    It is URL-encoded PEM, as nginx writes it, or a byte sequence of DER as in `Client-Cert` (RFC 9440, 2.2).
    """
    if len(text) > LONGEST:
        raise BadCertificate(f"it has more than {LONGEST} characters")
    match = _BYTE_SEQUENCE.fullmatch(text) or _PEM.fullmatch(unquote(text))
    if match is None:
        raise BadCertificate("it is neither one URL-encoded PEM certificate nor :base64 of DER:")
    try:
        der = base64.b64decode("".join(match[1].split()), validate=True)
        certificate = x509.load_der_x509_certificate(der)
        # Read once, so that whatever is wrong with it is found here.
        _ = certificate.subject, certificate.not_valid_before_utc, certificate.not_valid_after_utc
        _ = certificate.extensions, certificate.public_key()
    except _UNREADABLE as error:
        raise BadCertificate(f"it cannot be read ({type(error).__name__})") from None
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    return ClientCertificate(certificate, thumbprint)


def _is_same(key: Any, der: bytes, spki: bytes) -> bool:
    chain = key.get("x5c")
    if chain:
        return isinstance(chain, list) and chain[0] == base64.b64encode(der).decode()
    try:
        return key.key_type != "oct" and bool(key.as_der(private=False) == spki)
    except (JoseError, ValueError, TypeError):
        return False
