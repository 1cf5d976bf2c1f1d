"""Who is at the other end: the peer's address, or what a listed proxy says about it, cut to a network prefix."""

import ipaddress
from collections.abc import Sequence
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Peers:
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

    def network(self, environ: dict[str, Any]) -> str:
        """The /24 or /56 that counts are kept for: one household or office, not one socket."""
        address = _parse(self.address(environ))
        if address is None:
            return "unknown"
        prefix = 24 if address.version == 4 else 56
        return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))

    def household(self, environ: dict[str, Any]) -> str:
        """One IPv4 address, or the /64 of an IPv6 one: whoever asks for messages pays for them alone."""
        address = _parse(self.address(environ))
        if address is None:
            return "unknown"
        return str(ipaddress.ip_network(f"{address}/{32 if address.version == 4 else 64}", strict=False))

    def _is_trusted(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and any(address in network for network in self._trusted)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
