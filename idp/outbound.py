"""The one guarded HTTP client of all rooms: https, an allow-list, pinned addresses, one deadline, bounds, no redirects.

SMTP, SQL and Redis are the named exceptions. An answer that breaks a bound is no answer.
"""

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError, NewConnectionError
from urllib3.util import Url, parse_url

from idp.addresses import (
    Lookups,
    Networks,
    Resolve,
    Unreachable,
    authority,
    is_on_this_machine,
    judged,
    system_resolver,
)
from idp.at_once import needs_thread

LARGEST_ANSWER = 65_536
LARGEST_HEAD = 32_768
LONGEST_URL = 8192
TOTAL_SECONDS = 5.0
CONNECT_SECONDS = 2.0
_LOOPBACK: Networks = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
T = TypeVar("T")


class OutboundFailed(Exception):
    """The other side could not be asked, or answered out of bounds. The message is for the log."""


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """What the other side said, at most 64 KiB of it. `content_type` is the bare media type in small letters.

    `date` is its `Date` header as it came.
    """

    status: int
    body: bytes
    content_type: str = ""
    date: str = field(default="", compare=False)


class Outbound:
    """Fetches and posts small documents. With `plain_http` also without TLS, on this machine only.

    `hosts` are the only authorities that are asked, written as in an address (`sso.example`, `sso.example:8443`), and
    such a client speaks to public addresses and to `networks` only, whatever a name resolves to. Without `hosts` any
    address is asked: those are what operators registered (portals, gateways). A name is resolved once for each
    connection, and the address that was judged is the one that is connected to.
    """

    def __init__(
        self,
        ca_file: Path | None = None,
        *,
        plain_http: bool = False,
        seconds: float = TOTAL_SECONDS,
        hosts: Collection[str] | None = None,
        networks: Collection[str] = (),
        resolve: Resolve = system_resolver,
    ) -> None:
        trust: Any = {"ca_certs": str(ca_file)} if ca_file else {}
        inner = (*map(ip_network, networks), *(_LOOPBACK if plain_http else ()))
        self._guard = Guard(resolve, None if hosts is None else inner)
        self._pool = urllib3.PoolManager(num_pools=20, maxsize=4, cert_reqs="CERT_REQUIRED", **trust)
        secure: Any = partial(_SecurePool, guard=self._guard)
        plain: Any = partial(_Pool, guard=self._guard)
        self._pool.pool_classes_by_scheme = {"http": plain, "https": secure}
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._plain_http = plain_http
        self._seconds = seconds

    def deadline(self) -> float:
        """The moment, by the monotonic clock, until which several requests that begin now may last together."""
        return time.monotonic() + self._seconds

    def allows(self, url: str) -> bool:
        """Whether this client would ask there at all."""
        try:
            self._checked(url)
        except OutboundFailed:
            return False
        return True

    def get_json(self, url: str) -> dict[str, Any]:
        """The JSON object at `url`: at most 64 KiB, within five seconds. Raises `OutboundFailed`."""
        return self._json(url, dict)

    def get_json_list(self, url: str) -> list[Any]:
        """The JSON array at `url`, within the same bounds. Raises `OutboundFailed`."""
        return self._json(url, list)

    def _json(self, url: str, kind: type[T]) -> T:
        answer = self.get(url, {"Accept": "application/json"})
        if answer.status != 200:
            raise OutboundFailed(f"status {answer.status}")
        with suppress(ValueError, RecursionError):
            if isinstance(parsed := json.loads(answer.body), kind):
                return parsed
        raise OutboundFailed(f"answer is no JSON {'object' if kind is dict else 'list'}")

    def get(self, url: str, headers: Mapping[str, str], deadline: float | None = None) -> OutboundResponse:
        """Ask once; any status is an answer, a redirect too. Raises `OutboundFailed`."""
        return self._ask("GET", url, headers, deadline=deadline)

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], deadline: float | None = None
    ) -> OutboundResponse:
        """Post once; any status is an answer, a redirect too. Raises `OutboundFailed`."""
        return self._ask("POST", url, headers, body, deadline)

    def status(self, url: str) -> int:
        """Ask for a page and read no more of it than its status. Raises `OutboundFailed`."""
        with self._answering("GET", url, {}, None, self.deadline()) as response:
            return int(response.status)

    def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        deadline: float | None = None,
    ) -> OutboundResponse:
        with self._answering(method, url, headers, body, deadline or self.deadline()) as response:
            content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
                raise OutboundFailed("answer is in an encoding that nobody asked for")
            date = response.headers.get("Date", "")[:40]
            return OutboundResponse(response.status, _bounded(response), content_type[:100], date)

    @contextmanager
    def _answering(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> Iterator[Any]:
        needs_thread()
        asked = self._checked(url)
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise OutboundFailed("no time is left")
        try:
            with (
                self._guard.until(deadline) as watch,
                self._pool.request(
                    method,
                    asked.url,
                    body=body,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                    timeout=urllib3.Timeout(total=seconds, connect=min(CONNECT_SECONDS, seconds)),
                    headers={"Accept-Encoding": "identity", **headers},
                ) as response,
            ):
                yield response
                # What was cut off looks like what had ended.
                watch.check()
        except Unreachable as error:
            raise OutboundFailed(str(error)) from None
        except (HTTPError, OSError) as error:
            # Being cut off by the deadline can surface as any error.
            late = time.monotonic() >= deadline
            raise OutboundFailed("answer is too slow" if late else type(error).__name__) from None

    def _checked(self, url: str) -> Url:
        """Read as the client itself will read it; what two readers might read differently is refused."""
        if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or any(c in url for c in '\\ "<>^`{|}'):
            raise OutboundFailed("not an address")
        try:
            read, again = parse_url(url), urlsplit(url)
        except (LocationParseError, ValueError):
            raise OutboundFailed("not an address") from None
        is_near = self._plain_http and read.scheme == "http" and is_on_this_machine(read.host or "")
        if read.scheme != "https" and not is_near:
            raise OutboundFailed("only https")
        if not read.host or read.fragment is not None or (read.netloc or "").lower() != again.netloc.lower():
            raise OutboundFailed("not an address of a document")
        if self._hosts is not None and authority(read) not in self._hosts:
            raise OutboundFailed("not on the list of hosts")
        return read


class _Watch:
    """One request's deadline: a timer that closes the connection, however slowly the answer drips."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._handle: socket.socket | None = None
        self._overdue = False
        self._lock = threading.Lock()

    def over(self, sock: socket.socket) -> None:
        """From now on this connection is the one to cut; a handle of our own outlives the wrapping into TLS."""
        self.leave()
        with self._lock:
            self._handle = socket.socket(fileno=os.dup(sock.fileno()))
        self.check()

    def cut(self) -> None:
        with self._lock, suppress(OSError):
            self._overdue = True
            if self._handle is not None:
                self._handle.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = None

    def check(self) -> None:
        """Raises `TimeoutError` when it is too late: what was cut off looks like what had ended."""
        if self._overdue:
            raise TimeoutError


class Guard:
    """What the connections of one client keep to. `networks` is None when every address is good."""

    def __init__(self, resolve: Resolve = system_resolver, networks: Networks | None = None) -> None:
        self._lookups = Lookups(resolve)
        self._networks = networks
        self._here = threading.local()

    @property
    def watch(self) -> _Watch:
        """Over the request that this thread makes now."""
        current: _Watch = self._here.watch
        return current

    @contextmanager
    def until(self, deadline: float) -> Iterator[_Watch]:
        """What this thread does in the block ends at `deadline`, by the monotonic clock."""
        watch = self._here.watch = _Watch(deadline)
        timer = threading.Timer(deadline - time.monotonic(), watch.cut)
        timer.daemon = True
        timer.start()
        try:
            yield watch
        finally:
            timer.cancel()
            watch.leave()

    def connected(self, host: str, port: int, seconds: float) -> socket.socket:
        """A connection to the first address of the host that takes one, all having been judged."""
        until = min(time.monotonic() + seconds, self.watch.deadline)
        addresses = judged(self._lookups.find(host, port, seconds), self._networks)
        for others, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            with suppress(OSError):
                # The next one shall have its share of the time when this one is a black hole.
                left = (until - time.monotonic()) / others
                sock = socket.create_connection((str(address), port), timeout=max(left, 0.001))
                self.watch.over(sock)
                return sock
        raise ConnectionError


class _Head:
    """Reads the head of an answer line by line, and no more than 32 KiB of it."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self._left = LARGEST_HEAD
        self.close = whole.close

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._whole.readline(min(limit, self._left + 1) if limit >= 0 else self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        return line


class _Response(http.client.HTTPResponse):
    def begin(self) -> None:
        whole = self.fp
        self.fp = _Head(whole)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = whole


class _Connection(HTTPConnection):
    """A connection to an address that was judged, with a bounded head, under the deadline of the request."""

    def __init__(self, *args: Any, guard: Guard, **more: Any) -> None:
        super().__init__(*args, **more)
        self._guard = guard
        self.response_class = _Response

    def _new_conn(self) -> socket.socket:
        seconds = float(self.timeout) if isinstance(self.timeout, int | float) else CONNECT_SECONDS
        try:
            sock = self._guard.connected(self.host, int(self.port or self.default_port), seconds)
        except ConnectionError:
            raise NewConnectionError(self, "no address of the host takes a connection") from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def putrequest(self, *args: Any, **more: Any) -> None:
        if self.sock is not None:
            self._guard.watch.over(self.sock)
        super().putrequest(*args, **more)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _bounded(response: Any) -> bytes:
    body = b""
    # Not `read`: that would wait for a full buffer, however slowly the bytes drip.
    while chunk := response.read1(8192):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise OutboundFailed("answer is too large")
    return body
