"""Who is at the other end: the peer's address, or what a listed proxy says about it, cut to a network prefix."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_ADDRESS = 64
"""Characters; the longest IPv6 address with a scope and brackets has fewer."""


class TrustedProxies:
    """Reads addresses. `X-Forwarded-For` counts only from the networks in `trusted`, read from the right."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: list[Network] = [ipaddress.ip_network(text, strict=False) for text in trusted]

    def address(self, environ: dict[str, Any]) -> str:
        """The client's address as text."""
        peer = environ.get("REMOTE_ADDR", "")
        if not self._is_trusted(peer):
            return str(peer)
        hops = [hop.strip() for hop in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        for hop in reversed(hops[-20:]):
            if not self._is_trusted(hop):
                return hop if _parse(hop) else str(peer)
        return str(peer)

    def counted(self, address: str) -> str | None:
        """The household of a peer itself, for what is counted of connections; none of a listed proxy."""
        return None if self._is_trusted(address) else self.household({"REMOTE_ADDR": address})

    def network(self, environ: dict[str, Any]) -> str:
        """The /24 or /56 that counts are kept for: one household or office, not one socket."""
        return _cut(self.address(environ), 24, 56)

    def household(self, environ: dict[str, Any]) -> str:
        """One IPv4 address, or the /64 of an IPv6 one: the unit that pays for messages it asks for."""
        return _cut(self.address(environ), 32, 64)

    def is_proxy(self, environ: dict[str, Any]) -> bool:
        """Whether the peer is a listed proxy."""
        return self._is_trusted(environ.get("REMOTE_ADDR", ""))

    def peer_network(self, environ: dict[str, Any]) -> str:
        """The network of the connection itself, whatever it says."""
        return _cut(environ.get("REMOTE_ADDR", ""), 24, 56)

    def _is_trusted(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and any(address in network for network in self._trusted)


@lru_cache(4096)
def _cut(text: str, v4: int, v6: int) -> str:
    address = _parse(text)
    if address is None:
        return "unknown"
    return str(ipaddress.ip_network(f"{address}/{v4 if address.version == 4 else v6}", strict=False))


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    return _parse_short(text) if len(text) <= LONGEST_ADDRESS else None


@lru_cache(4096)
def _parse_short(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
