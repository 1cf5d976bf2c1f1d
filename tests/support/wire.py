"""HTTP/1.1 by hand over one socket: any bytes go out, and what comes back is taken apart without forgiveness."""

import re
import socket
import time
from dataclasses import dataclass
from types import TracebackType

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


class Closed(ConnectionError):
    """The server closed the connection where an answer should have been; `received` is what came before."""

    def __init__(self, received: bytes) -> None:
        super().__init__(f"closed after {received[:200]!r}")
        self.received = received


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its head with the status line, and its body."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head[9:12])

    def header(self, name: str) -> str | None:
        """The value of the first header of that name."""
        found = re.search(rf"\r\n{name}: *([^\r]*)".encode(), self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else None


class Wire:
    """One connection to a server on the loopback; a test that waits longer than `patience` seconds fails."""

    def __init__(self, port: int, patience: float = 20.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send, whatever the server thinks of it: it may have answered and closed already."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def end(self) -> None:
        """Say that nothing more will be sent."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def read(self, *, head_only: bool = False) -> Answer:
        """The next answer; `head_only` for answers to HEAD. Raises `Closed`, `TimeoutError`."""
        while b"\r\n\r\n" not in self._received:
            self._more()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        head += b"\r\n"
        if head_only or head[9:12] in (b"304", b"204") or head[9:10] == b"1":
            return Answer(head, b"")
        if _CHUNKED.search(head):
            return Answer(head, self._chunks())
        length = _LENGTH.search(head)
        return Answer(head, self._exactly(int(length[1])) if length else self.rest())

    def first(self) -> bytes:
        """Whatever comes first; nothing when the server closes."""
        try:
            self._more()
        except Closed:
            return b""
        found, self._received = self._received, b""
        return found

    def rest(self, patience: float | None = None) -> bytes:
        """Everything that still comes until the server closes, or until `patience` seconds have passed in silence."""
        before = self._socket.gettimeout()
        self._socket.settimeout(patience or before)
        try:
            while True:
                self._more()
        except (Closed, TimeoutError):
            found, self._received = self._received, b""
            return found
        finally:
            self._socket.settimeout(before)

    def close(self) -> None:
        self._socket.close()

    def _exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            self._more()
        found, self._received = self._received[:count], self._received[count:]
        return found

    def _chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._received:
                self._more()
            size, _, self._received = self._received.partition(b"\r\n")
            chunk = self._exactly(int(size, 16) + 2)[:-2]
            if not chunk:
                return body
            body += chunk

    def _more(self) -> None:
        try:
            got = self._socket.recv(65_536)
        except ConnectionResetError:
            got = b""
        if not got:
            raise Closed(self._received)
        self._received += got


def timed(wire: Wire, request: bytes, *, head_only: bool = False) -> tuple[Answer, float]:
    """Send a request; its answer and the seconds that it took."""
    began = time.monotonic()
    wire.send(request)
    return wire.read(head_only=head_only), time.monotonic() - began
