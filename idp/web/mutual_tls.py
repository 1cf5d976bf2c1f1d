"""Mutual TLS (RFC 8705) behind a proxy: the certificate of a client is what a listed proxy says, and nobody else."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import InvalidRequestError

from idp.http.network import TrustedProxies
from idp.oidc.certificates import BadCertificate, CertificateHeaders, ClientCertificate, read_certificate

VERIFIED = ("SUCCESS", "0")
"""What nginx (`$ssl_client_verify`) and HAProxy (`ssl_c_verify`) say of a chain that a CA of theirs vouches for."""


class MutualTls:
    """Reads client certificates, and says at which of our two addresses a request came in."""

    def __init__(self, peers: TrustedProxies, issuer: str, headers: CertificateHeaders) -> None:
        self._peers = peers
        self._issuer = issuer
        self.headers = headers
        self._host = urlsplit(headers.url).netloc.lower()
        self._certificate, self._verify = _key(headers.certificate), _key(headers.verify)

    @property
    def keys(self) -> tuple[str, ...]:
        """The headers under their names in an environ."""
        return tuple(name for name in (self._certificate, self._verify) if name)

    def certificate(self, environ: dict[str, Any]) -> ClientCertificate | None:
        """The certificate that the client showed. Raises `InvalidRequestError` when it cannot be read.

        From a peer that is not listed it is none. Where a host of its own is configured, elsewhere too: a proxy that
        clears the header only there lets nobody forge it.
        """
        text = environ.get(self._certificate, "") if self._certificate else ""
        if not text or not self._peers.is_proxy(environ) or (self._host and not self._is_own_host(environ)):
            return None
        try:
            certificate = read_certificate(text)
        except BadCertificate as error:
            raise InvalidRequestError(f"The client certificate in {self.headers.certificate}: {error}.") from None
        return replace(certificate, is_verified=bool(self._verify) and environ.get(self._verify) in VERIFIED)

    def address(self, environ: dict[str, Any]) -> str:
        """Our address as this client knows it: the issuer, or the host of its own."""
        return self.headers.url if self._host and self._is_own_host(environ) else self._issuer

    def _is_own_host(self, environ: dict[str, Any]) -> bool:
        host = str(environ.get("HTTP_HOST", "")).lower()
        return host.removesuffix(":443") == self._host.removesuffix(":443")


def _key(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}" if header else ""
