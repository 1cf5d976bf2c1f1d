"""Where a host name leads, found out in bounded time, and whether we would go there.

A name is judged by every address behind it, and the connection uses the address that was judged: asking twice would
let the second answer differ (DNS rebinding).
"""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue

from urllib3.util import Url

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]
Resolve = Callable[[str, int], Sequence[str]]
"""All addresses of a host, numeric, best first. Raises `OSError`; may block."""

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
_MOST_ADDRESSES = 16
_MOST_LOOKUPS = 4
_IN_V6 = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
_PORTS = {"https": 443, "http": 80}


class Unreachable(Exception):
    """There is no address that we may connect to. The message is for the log."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    """As the machine is set up to resolve names."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def authority(url: Url) -> str:
    """Host and port as an address writes them; the usual port is left out."""
    host = (url.host or "").lower()
    return host if url.port in (None, _PORTS.get(url.scheme or "")) else f"{host}:{url.port}"


def is_on_this_machine(host: str) -> bool:
    """Whether the host is written as this machine."""
    return host.lower() in LOOPBACK


class Lookups:
    """Asks a resolver, and waits for it no longer than there is time.

    A resolver cannot be interrupted, so it is asked in a thread that may be left behind. At most four of them live,
    and each client has its own: a name server that is silent about one host does not block the others.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._bindings = threading.BoundedSemaphore(_MOST_LOOKUPS)

    def find(self, host: str, port: int, seconds: float) -> list[Address]:
        """The host's addresses, or `Unreachable` when there are none in time."""
        answers: SimpleQueue[Sequence[str] | None] = SimpleQueue()
        until = time.monotonic() + seconds

        def look() -> None:
            try:
                answers.put(self._resolve(host, port))
            except (OSError, UnicodeError):
                answers.put(None)
            finally:
                self._bindings.release()

        if not self._bindings.acquire(timeout=max(0.0, seconds)):
            raise Unreachable("too many names are being resolved")
        threading.Thread(target=look, name="resolve", daemon=True).start()
        try:
            answer = answers.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            raise Unreachable("the name was not resolved in time") from None
        if not answer:
            raise Unreachable("the name has no address")
        return [_read(text) for text in answer[:_MOST_ADDRESSES]]


def judged(addresses: Sequence[Address], networks: Networks | None) -> Sequence[Address]:
    """The addresses, if each is public or in one of the networks. Raises `Unreachable`: one bad one spoils the name."""
    if networks is not None:
        for address in addresses:
            if not (is_public(address) or any(address in network for network in networks)):
                raise Unreachable("the name leads to an address that is not public")
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address is in the open Internet, and so is the one that it may carry inside."""
    if isinstance(address, IPv6Address):
        if (inner := _carried(address)) is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, Teredo, NAT64 or the old compatible form."""
    if any(address in network for network in _IN_V6):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _read(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise Unreachable("the name has no address") from None
