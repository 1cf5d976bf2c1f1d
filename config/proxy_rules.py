"""The rules for `web.bind` and `web.trusted_proxies`: the client address, and with it every limit, depends on them."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from config.sections import Web

LOOPBACK = tuple(map(ip_network, ("127.0.0.0/8", "::1/128")))


def proxy_rules(web: Web, *, production: bool) -> Iterator[tuple[bool, str]]:
    """The rules for both settings: (is bad, why)."""
    for text in web.trusted_proxies:
        network = _read(text)
        yield network is None and text != "*", f"web.trusted_proxies: {text!r} is no network"
        huge = text == "*" or (network is not None and _is_half_the_world(network))
        yield huge, f"web.trusted_proxies: {text!r} holds strangers, who could forge addresses"
    yield (
        production and hides_everybody(web.bind, web.trusted_proxies),
        (
            f"web.trusted_proxies: only a proxy on this machine reaches {web.bind}, and none is listed, so everybody "
            'would be one address to every limit; set ["127.0.0.1/32"], or let web.bind be what others reach'
        ),
    )


def mtls_rules(web: Web, issuer: str, *, production: bool) -> Iterator[tuple[bool, str]]:
    """The rules for client certificates: (is bad, why)."""
    header, verify, url = web.client_certificate_header, web.client_certificate_verify_header, urlsplit(web.mtls_url)
    pure = (
        url.scheme in ("http", "https")
        and url.netloc
        and not (url.path or url.query or url.fragment or "@" in url.netloc)
    )
    yield bool(header) and not web.trusted_proxies, "web.client_certificate_header: list its proxy in trusted_proxies"
    yield bool(verify) and not header, "web.client_certificate_verify_header: needs web.client_certificate_header"
    yield bool(header) and header.lower() == verify.lower(), "web.client_certificate_verify_header: needs its own name"
    yield bool(web.mtls_url) and not header, "web.mtls_url: needs web.client_certificate_header"
    yield bool(web.mtls_url) and not pure, "web.mtls_url: must be a plain origin such as https://mtls.id.example.vn"
    yield web.mtls_url == issuer, "web.mtls_url: is the issuer; leave it empty if there is no other host"
    yield production and url.scheme == "http", "web.mtls_url: production needs https"


def hides_everybody(bind: str, trusted: tuple[str, ...]) -> bool:
    """Whether only programs of this machine connect there, and none of them is trusted to forward addresses."""
    host = bind.rpartition(":")[0].strip("[]")
    here = _read("127.0.0.1" if host == "localhost" else host)
    if here is None or not any(here.version == net.version and here.subnet_of(net) for net in LOOPBACK):  # type: ignore[arg-type]
        return False
    listed = [network for network in map(_read, trusted) if network]
    return not any(network.overlaps(net) for network in listed for net in LOOPBACK if network.version == net.version)


def _is_half_the_world(network: IPv4Network | IPv6Network) -> bool:
    """Whether no list of proxies is that large: shorter than /8, or than /32 of IPv6, or everything."""
    return network.prefixlen < (8 if network.version == 4 else 32)


def _read(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
