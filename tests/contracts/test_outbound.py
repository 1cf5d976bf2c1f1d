"""`idp.outbound` against servers that are slow, endless or absurd: an answer comes in time and in bounds, or none.

And against addresses that lead inside: nobody is connected to who is not on the list (N-18, F-27).
"""

import contextlib
import gzip
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from idp.outbound import Outbound, OutboundFailed, OutboundResponse
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
def saying(
    *words: bytes, pause: float = 0.0, then: str = "closes", tls: Files | None = None, at: str = "127.0.0.1"
) -> Iterator[str]:
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

    with socket.create_server((at, 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http{'s' if tls else ''}://localhost:{listening.getsockname()[1]}/"
        over.set()


@pytest.fixture
def outbound() -> Outbound:
    return Outbound(plain_http=True, seconds=SECONDS)


def test_an_answer_is_an_answer_whatever_its_status(outbound: Outbound) -> None:
    with saying(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno") as url:
        assert outbound.post(url, b"a=b", {}) == OutboundResponse(302, b"no")


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
    "ninety long headers": (b"HTTP/1.1 200 OK\r\n", (b"X: " + b"y" * 1000 + b"\r\n") * 90),
    "a bomb": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(bytes(1_000_000))),
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
        assert Outbound(authority.ca_file).post(url, b"", {}) == OutboundResponse(200, b"x")
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


def test_several_requests_share_one_deadline(outbound: Outbound) -> None:
    """F-25: the deadline is that of the whole login, not of each of its requests."""
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"x", pause=0.2, then="listens") as url:
        for _ in range(4):
            assert outbound.get(url, {}) == OutboundResponse(200, b"x")
        began, deadline = time.monotonic(), outbound.deadline()
        with pytest.raises(OutboundFailed, match=r"slow|no time"):
            ask_often(outbound, url, deadline)
    assert time.monotonic() - began < 2 * SECONDS


def ask_often(outbound: Outbound, url: str, deadline: float) -> None:
    for _ in range(20):
        outbound.get(url, {}, deadline)


def test_a_drip_in_the_handshake_is_cut_too() -> None:
    began = time.monotonic()
    with saying(*(b"\x16\x03\x03\x40\x00", *(b"\x02",) * 100), pause=0.1) as url, pytest.raises(OutboundFailed):
        Outbound(seconds=SECONDS).post(url.replace("http:", "https:"), b"", {})
    assert time.monotonic() - began < 4 * SECONDS


def test_the_kind_of_an_answer_is_told(outbound: Outbound) -> None:
    """The firewalls of the state answer with pages and status 200."""
    with saying(b"HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=utf-8\r\nContent-Length: 1\r\n\r\n", b"x") as url:
        assert outbound.get(url, {}).content_type == "text/html"


def test_a_page_may_be_looked_at_without_being_read(outbound: Outbound) -> None:
    with saying(b"HTTP/1.1 302 Found\r\nContent-Length: 10000000\r\n\r\n", *(bytes(100_000),) * 100) as url:
        assert outbound.status(url) == 302


def test_no_proxy_of_the_environment_is_used(outbound: Outbound, monkeypatch: pytest.MonkeyPatch) -> None:
    """What we tell an upstream is told to nobody on the way."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with saying(b"HTTP/1.1 204 No Content\r\n\r\n") as url:
        assert outbound.get(url, {}).status == 204


# Where a connection goes is seen by an audit hook of the interpreter: nothing can connect past it.

CONNECTED: list[Any] = []
_RECORDING = threading.Event()


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _RECORDING.is_set():
        CONNECTED.append(arguments[1])


sys.addaudithook(_record)


@pytest.fixture
def connected() -> Iterator[list[Any]]:
    CONNECTED.clear()
    _RECORDING.set()
    yield CONNECTED
    _RECORDING.clear()


NAME = "upstream.example"
INSIDE = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.0.1", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.7",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "ff02::1", "ff0e::1", "5f00::1",
)  # fmt: skip
HOSTS = (
    "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "127.0.0.1", "127.1", "127.0.1", "0", "0.0.0.0",
    "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "127.0.0.1.nip.io",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[fe80::1%25lo]", "[::1%25lo]",
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]",
    "metadata", "metadata.google.internal", "instance-data", "kubernetes.default.svc", "10.0.0.1", "192.168.0.1",
    "evil.example", "upstream.example.evil.example", "evil-upstream.example", "xupstream.example", "upstream.example.",
    "upstream.example..", "upstream-example", "upstream.examplE.evil", "sub.upstream.example", "example", "*", "_", "",
    "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "upstream｡example", "ⓤpstream.example", "upstreаm.example",
    "xn--upstrem-wxe.example", "upstream.example@evil.example", "upstream.example:x@evil.example",
    "evil.example#@upstream.example", "evil.example?@upstream.example", "evil.example/@upstream.example",
    "evil.example\\@upstream.example", "upstream.example\\.evil.example", "evil.example%2f@upstream.example",
    "upstream.example%2eevil.example", "upstream.example%00.evil.example", "upstream.example\t.evil.example",
    "upstream.example\r\nHost: evil.example", "upstream.example .evil.example", "upstream.example&evil.example",
    "upstream.example:443@evil.example", "upstream.example:22", "upstream.example:80", "upstream.example:0",
    "upstream.example:65536", "upstream.example:-1", "upstream.example:99999999999", "upstream.example:443:443",
    "upstream.example:４４３", "[upstream.example]", "[::1]upstream.example", "upstream.example[::1]",
    "@upstream.example", ":@upstream.example", "evil.example@upstream.example", "evil.example:x@upstream.example",
)  # fmt: skip
FORMS = ("https://{}/token", "https:{}/token", "//{}/token", "http://{}/token", "https:\\\\{}\\token")
OTHERS = (
    "", " ", "/", "token", "https://", "https:///token", "https:/upstream.example/token", "file:///etc/passwd",
    "ftp://upstream.example/x", "gopher://upstream.example:70/_x", "dict://upstream.example:11211/stat",
    "ldap://upstream.example/x", "unix:///var/run/docker.sock", "http+unix://upstream.example/x", "data:,x",
    "javascript:alert(1)", "jar:https://upstream.example!/x", "HTTPS://EVIL.EXAMPLE/", "hTTp://upstream.example/",
    "\nhttps://upstream.example/", " https://upstream.example/", "https://upstream.example/ x",
    "https://upstream.example/\r\nX: y", "https://upstream.example/é", "https://upstream.example/#x",
    "https://upstream.example/" + "a" * 9000, "https\x00://upstream.example/", "netdoc:///etc/passwd",
)  # fmt: skip
CORPUS = [*OTHERS, *(form.format(host) for form, host in product(FORMS, HOSTS))]


def inside(host: str, port: int) -> Sequence[str]:
    """The worst resolver: every name, this one's too, is this machine."""
    return ["127.0.0.1"]


def test_no_address_that_is_not_on_the_list_is_connected_to(authority: Authority, connected: list[Any]) -> None:
    """N-18, F-27: more than three hundred addresses, no connection."""
    assert len(set(CORPUS)) >= 300
    for networks in ((), ("127.0.0.0/8",)):
        outbound = Outbound(authority.ca_file, seconds=1, hosts={NAME}, networks=networks, resolve=inside)
        for url in CORPUS:
            with pytest.raises(OutboundFailed):
                outbound.get(url, {})
            assert not outbound.allows(url), url

    assert connected == []


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_on_the_list_that_leads_inside_is_not_connected_to(address: str, connected: list[Any]) -> None:
    """F-27: one such address among others spoils the name."""
    for found in ([address], ["93.184.215.14", address], [address, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]):
        outbound = Outbound(seconds=1, hosts={NAME}, resolve=lambda host, port, found=found: found)
        with pytest.raises(OutboundFailed, match="not public"):
            outbound.get(f"https://{NAME}/token", {})

    assert connected == []


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(
    authority: Authority, connected: list[Any]
) -> None:
    """F-27: DNS rebinding. Here 127.0.0.2 stands for the open Internet, and 127.0.0.1 for what is inside."""
    tls, answer = authority.issue(NAME), b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    asked: list[str] = []

    def changing(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    with saying(answer, tls=tls, at="127.0.0.2") as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        outbound = Outbound(authority.ca_file, hosts={f"{NAME}:{port}"}, networks=["127.0.0.2/32"], resolve=changing)
        # The certificate is for the name: what is pinned is where we go, not who must be there.
        assert outbound.get(f"https://{NAME}:{port}/token", {}) == OutboundResponse(200, b"x")
        assert asked == [NAME]
        with pytest.raises(OutboundFailed, match="not public"):
            outbound.get(f"https://{NAME}:{port}/token", {})

    assert connected == [("127.0.0.2", port)]


def test_a_resolver_that_hangs_keeps_nobody_waiting(connected: list[Any]) -> None:
    """F-23: a name that is not resolved in time has no address; few threads wait for it, and none of another client."""
    over = threading.Event()

    def hanging(host: str, port: int) -> Sequence[str]:
        over.wait(30)
        return ["127.0.0.1"]

    outbound = Outbound(seconds=0.05, hosts={NAME}, resolve=hanging)
    began = time.monotonic()
    try:
        for _ in range(20):
            with pytest.raises(OutboundFailed, match="resolved"):
                outbound.get(f"https://{NAME}/", {})
        assert time.monotonic() - began < 5
        assert 0 < sum(thread.name == "resolve" for thread in threading.enumerate()) <= 4
        with saying(b"HTTP/1.1 204 No Content\r\n\r\n") as url:
            assert Outbound(plain_http=True).get(url, {}).status == 204
    finally:
        over.set()


def test_the_next_address_is_tried_when_one_takes_no_connection(connected: list[Any]) -> None:
    with saying(b"HTTP/1.1 204 No Content\r\n\r\n", at="127.0.0.2") as url:
        outbound = Outbound(plain_http=True, resolve=lambda host, port: ["127.0.0.3", "127.0.0.2"])
        assert outbound.get(url, {}).status == 204
    assert [address for address, _ in connected] == ["127.0.0.3", "127.0.0.2"]


def test_operators_may_name_inner_networks(connected: list[Any]) -> None:
    with saying(at="127.0.0.2") as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        outbound = Outbound(hosts={f"{NAME}:{port}"}, networks=["127.0.0.2"], resolve=lambda host, at: ["127.0.0.2"])
        with pytest.raises(OutboundFailed, match=r"SSLError|ProtocolError"):
            outbound.get(f"https://{NAME}:{port}/", {})
    assert [address for address, _ in connected] == ["127.0.0.2"]
