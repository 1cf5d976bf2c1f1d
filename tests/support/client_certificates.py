"""Certificates of clients, of a CA or signed by themselves, and the headers in which a proxy hands them on."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

PROXY = "10.0.0.9"
HEADER, VERIFY = "X-Client-Cert", "X-Client-Verify"
BEHIND_PROXY = {
    "trusted_proxies": (f"{PROXY}/32",),
    "client_certificate_header": HEADER,
    "client_certificate_verify_header": VERIFY,
}
DN = "CN=cong-bhxh,O=Cơ quan thử nghiệm,C=VN"
DAY = 86_400


@dataclass(frozen=True)
class Issuer:
    """A CA, or anybody who signs: two of one name are not the same."""

    name: str = "CN=Test CA"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def certificate(self, now: float) -> x509.Certificate:
        """Its own, which servers trust."""
        builder = _builder(self.name, self.name, self.key, now - DAY, now + 30 * DAY)
        return builder.add_extension(x509.BasicConstraints(True, 0), True).sign(self.key, hashes.SHA256())


@dataclass(frozen=True)
class Shown:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def escaped(self) -> str:
        """As nginx writes `$ssl_client_escaped_cert`."""
        return quote(self.certificate.public_bytes(serialization.Encoding.PEM).decode(), safe="")

    @property
    def byte_sequence(self) -> str:
        """As in `Client-Cert` of RFC 9440."""
        return f":{base64.b64encode(self.der).decode()}:"

    @property
    def x5t(self) -> str:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.der)
        return base64.urlsafe_b64encode(digest.finalize()).rstrip(b"=").decode()

    def jwk(self, *, x5c: bool = True) -> dict[str, Any]:
        """Its public key as a client registers it, with the certificate or without."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = dict(ECKey.import_key(public).as_dict(private=False))
        return key | ({"x5c": [base64.b64encode(self.der).decode()]} if x5c else {})

    def headers(self, verify: str = "SUCCESS") -> dict[str, str]:
        """What the proxy sends on."""
        return {HEADER: self.escaped, VERIFY: verify, "X-Forwarded-For": "203.0.113.7"}

    def files(self, home: Path, name: str) -> tuple[str, str]:
        """Files of the certificate and its key, for a TLS client."""
        plain = serialization.NoEncryption()
        private = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        files = home / f"{name}.pem", home / f"{name}.key"
        files[0].write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(private)
        return str(files[0]), str(files[1])


def shown(
    now: float,
    subject: str = DN,
    *,
    by: Issuer | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
    names: Sequence[x509.GeneralName] = (),
    days: tuple[float, float] = (-1, 1),
) -> Shown:
    """A certificate, by its own key or by an issuer, valid from and until so many days from `now`."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = _builder(subject, by.name if by else subject, key, now + days[0] * DAY, now + days[1] * DAY)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Shown(builder.sign(by.key if by else key, hashes.SHA256()), key)


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, start: float, end: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(subject))
        .issuer_name(x509.Name.from_rfc4514_string(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(start, UTC))
        .not_valid_after(datetime.fromtimestamp(end, UTC))
    )
