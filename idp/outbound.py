"""The one guarded HTTP client of all rooms: https, a deadline, a size cap, no redirects, a CA of the operator's choice.

SMTP, SQL and Redis are the named exceptions. An answer that breaks a bound is no answer.
"""

import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Timer
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

LARGEST_ANSWER = 65_536
TOTAL_SECONDS = 5.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class OutboundFailed(Exception):
    """The other side could not be asked, or answered out of bounds. The message is for the log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said, at most 64 KiB of it."""

    status: int
    body: bytes


class Outbound:
    """Fetches and posts small documents. With `plain_http` also without TLS, on this machine only."""

    def __init__(
        self, ca_file: Path | None = None, *, plain_http: bool = False, seconds: float = TOTAL_SECONDS
    ) -> None:
        trust: Any = {"ca_certs": str(ca_file)} if ca_file else {}
        self._pool = urllib3.PoolManager(num_pools=20, maxsize=4, cert_reqs="CERT_REQUIRED", **trust)
        self._pool.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        self._plain_http = plain_http
        self._seconds = seconds

    def get_json(self, url: str) -> dict[str, Any]:
        """The JSON object at `url`: at most 64 KiB, within five seconds. Raises `OutboundFailed`."""
        answer = self._ask("GET", url, {"Accept": "application/json"})
        if answer.status != 200:
            raise OutboundFailed(f"status {answer.status}")
        return _object(answer.body)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once; whatever status comes is an answer, a redirect too. Raises `OutboundFailed`."""
        return self._ask("POST", url, headers, body)

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        if not (url.startswith("https://") or self._is_plain_and_near(url)):
            raise OutboundFailed("only https")
        deadline = time.monotonic() + self._seconds
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=self._seconds, connect=2.0),
                headers={"Accept-Encoding": "identity", **headers},
            )
            with response:
                return Answer(response.status, _bounded(response, deadline))
        except HTTPError as error:
            raise OutboundFailed(type(error).__name__) from None

    def _is_plain_and_near(self, url: str) -> bool:
        return self._plain_http and url.startswith("http://") and urlsplit(url).hostname in LOOPBACK


class _Connection(HTTPConnection):
    """A connection on which the head of an answer has to be there in time as a whole, however it drips."""

    def getresponse(self) -> Any:
        overdue = Event()
        timer = Timer(float(self.timeout or TOTAL_SECONDS), _cut, (self.sock, overdue))
        timer.start()
        try:
            response = super().getresponse()
        finally:
            timer.cancel()
        if overdue.is_set():
            # A head that was cut off looks like one that had ended.
            raise TimeoutError
        return response


class _SecureConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _cut(sock: socket.socket, overdue: Event) -> None:
    """End a connection under whoever waits for it; a TLS socket's own `shutdown` is not made for that."""
    overdue.set()
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _bounded(response: Any, deadline: float) -> bytes:
    body = b""
    # Not `read`: that would wait for a full buffer, however slowly the bytes drip.
    while chunk := response.read1(8192):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise OutboundFailed("answer is too large")
        if time.monotonic() > deadline:
            raise OutboundFailed("answer is too slow")
    return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise OutboundFailed("answer is no JSON object")
    return found
