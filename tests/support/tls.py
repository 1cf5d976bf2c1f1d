"""A certificate authority for one test, and a proxy that ends TLS, as it stands before the provider in production."""

import base64
import contextlib
import hashlib
import http.client
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """`certificate` is what clients trust; `chain` is key and certificates of a server that it vouches for."""

    certificate: Path
    chain: Path
    fingerprint: str
    """SHA-256 of the authority's public key in base64, as browsers pin it."""


def authority(directory: Path, *names: str) -> Authority:
    """Make an authority, and one server certificate for all these names."""
    key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Test authority")
    root = _certificate(issuer, issuer, key.public_key())
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    signed_root = root.sign(key, hashes.SHA256())
    leaf = _certificate(_name(names[0]), issuer, server_key.public_key())
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    signed_leaf = leaf.sign(key, hashes.SHA256())
    certificate, chain = directory / "authority.pem", directory / "server.pem"
    certificate.write_bytes(_pem(signed_root))
    chain.write_bytes(_private_pem(server_key) + _pem(signed_leaf) + _pem(signed_root))
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Authority(certificate, chain, base64.b64encode(hashlib.sha256(public).digest()).decode())


def proxy_to(port: int, client: str) -> type[BaseHTTPRequestHandler]:
    """A handler that passes everything on to the loopback, and says that it came from the address `client`."""

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            onward = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                onward.putheader(name, value)
            onward.putheader("X-Forwarded-For", client)
            onward.putheader("X-Forwarded-Proto", "https")
            onward.endheaders(body or None)
            answer = onward.getresponse()
            self._pass_back(answer.status, answer.getheaders(), answer.read())
            onward.close()

        do_POST = do_HEAD = do_OPTIONS = do_GET

        def _pass_back(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """The provider's own log says enough."""

    return Proxy


@contextlib.contextmanager
def listening(authority: Authority, handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve the handler over TLS in threads until the block ends; gives the port on the loopback."""
    server = _Server(("127.0.0.1", 0), handler)
    server.context.load_cert_chain(authority.chain)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class _Server(ThreadingHTTPServer):
    """The handshake happens in the connection's own thread: a browser opens connections that it then leaves alone."""

    daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def finish_request(self, request: object, client_address: object) -> None:
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            secure = self.context.wrap_socket(request, server_side=True)  # type: ignore[arg-type]
            super().finish_request(secure, client_address)
            secure.close()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
