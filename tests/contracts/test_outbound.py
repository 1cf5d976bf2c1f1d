"""`idp.outbound` against servers that are slow, endless or absurd: an answer comes in time and in bounds, or none."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.outbound import Answer, Outbound, OutboundFailed
from tests.support.certificates import Authority

SECONDS = 0.5
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


Files = tuple[Path, Path]


def _wrapped(connection: socket.socket, tls: Files | None) -> socket.socket:
    if tls is None:
        return connection
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)
    return context.wrap_socket(connection, server_side=True)


@contextlib.contextmanager
def saying(*words: bytes, pause: float = 0.0, then: str = "closes", tls: Files | None = None) -> Iterator[str]:
    """A server that says the words one by one to whoever connects; gives its address."""
    over = threading.Event()

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), _wrapped(connection, tls) as connection:
            while connection.recv(65_536):
                for word in words:
                    connection.sendall(word)
                    if over.wait(pause):
                        return
                if then == "waits":
                    over.wait(30)
                if then != "listens":
                    return

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http{'s' if tls else ''}://localhost:{listening.getsockname()[1]}/"
        over.set()


@pytest.fixture
def outbound() -> Outbound:
    return Outbound(plain_http=True, seconds=SECONDS)


def test_an_answer_is_an_answer_whatever_its_status(outbound: Outbound) -> None:
    with saying(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno") as url:
        assert outbound.post(url, b"a=b", {}) == Answer(302, b"no")


SLOW = {
    "nothing at all": ((), 0.0),
    "a head that drips": ((b"HTTP/1.1 200 OK\r\n", *(b"X: y\r\n",) * 100), 0.1),
    "a line that drips": ((b"HTTP/1.1 200 OK\r\nX: ", *(b"y",) * 100), 0.1),
    "a body that drips": ((HEAD, *(b"x",) * 100), 0.1),
    "a body that stops": ((HEAD, b"x"), 0.0),
}


@pytest.mark.parametrize("name", SLOW)
def test_nobody_keeps_us_waiting(outbound: Outbound, name: str) -> None:
    """ASVS 13.2.6: each call has a deadline that holds for the whole of it."""
    words, pause = SLOW[name]
    began = time.monotonic()
    with saying(*words, pause=pause, then="waits") as url, pytest.raises(OutboundFailed):
        outbound.post(url, b"", {})
    assert time.monotonic() - began < 4 * SECONDS


ABSURD = {
    "no HTTP": (bytes(range(256)),),
    "nothing": (b"",),
    "too much": (b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n", *(bytes(100_000),) * 100),
    "no end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *(b"186a0\r\n" + bytes(100_000) + b"\r\n",) * 100,
    ),
    "bad chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
    "less than promised": (HEAD, b"x"),
    "a thousand headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    "an endless header": (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 200_000),
}


@pytest.mark.parametrize("name", ABSURD)
def test_what_breaks_a_bound_is_no_answer(outbound: Outbound, name: str) -> None:
    with saying(*ABSURD[name]) as url, pytest.raises(OutboundFailed):
        outbound.post(url, b"", {})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_deadline_holds_over_tls_too(authority: Authority) -> None:
    outbound = Outbound(authority.ca_file, seconds=SECONDS)
    with saying(HEAD.replace(b"1000", b"1"), b"x", tls=authority.issue("localhost")) as url:
        # A handshake on a busy machine may take longer than the deadline that is held below.
        assert Outbound(authority.ca_file).post(url, b"", {}) == Answer(200, b"x")
    began = time.monotonic()
    words, pause = SLOW["a head that drips"]
    with saying(*words, pause=pause, tls=authority.issue("localhost")) as url, pytest.raises(OutboundFailed):
        outbound.post(url, b"", {})
    assert time.monotonic() - began < 4 * SECONDS


def test_a_certificate_of_somebody_else_is_refused(authority: Authority) -> None:
    """D-13, ASVS 12.3.2: a logout token is given to nobody but the portal."""
    strangers = [(Outbound(), "localhost"), (Outbound(authority.ca_file), "portal.example.test")]
    for outbound, name in strangers:
        with saying(HEAD, tls=authority.issue(name)) as url, pytest.raises(OutboundFailed, match="SSLError"):
            outbound.post(url, b"", {})


def test_a_good_answer_after_a_bad_one_is_taken(outbound: Outbound) -> None:
    with saying(HEAD, b"x") as url:
        for _ in range(3):
            with pytest.raises(OutboundFailed):
                outbound.post(url, b"", {})
    with saying(b"HTTP/1.1 204 No Content\r\n\r\n", then="listens") as url:
        assert [outbound.post(url, b"", {}).status for _ in range(5)] == [204] * 5
        time.sleep(SECONDS * 1.5)
        assert outbound.post(url, b"", {}).status == 204, "the deadline of one answer is not that of the next"
