"""Raw HTTP that proxies and servers have read differently: one answer at most, a refusal, and nothing smuggled.

N-20 and security.md 2.17. Wherever a length could be misread, what follows is a whole request to `/jwks`: a server
that takes it for one gives itself away with a second answer.
"""

import re
from collections.abc import Iterator

import pytest

from tests.support.installation import installed
from tests.support.live import CHEAP_HASH
from tests.support.provider import Provider
from tests.support.wire import Wire

HOST = "localhost:00000"
"""Stands for our own host and port, and is as long."""

SMUGGLED = "GET /jwks HTTP/1.1\r\nHost: localhost:00000\r\nConnection: close\r\n\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


def get(target: str = "/jwks", *headers: str, host: str = "Host: localhost:00000", version: str = "HTTP/1.1") -> str:
    lines = [f"GET {target} {version}", *([host] if host else []), *headers, "Connection: close", "", ""]
    return "\r\n".join(lines)


def post(*headers: str, body: str = "") -> str:
    lines = ["POST /token HTTP/1.1", "Host: localhost:00000", FORM.strip(), *headers, "", ""]
    return "\r\n".join(lines) + body


def chunked(body: str, *headers: str) -> str:
    return post("Transfer-Encoding: chunked", *headers, body=body)


CLOSING = (f"Content-Length: {len(SMUGGLED) + 5}", "Connection: close")
HOSTS = {
    "no Host": get(host=""),
    "no Host in HTTP/1.0": get(host="", version="HTTP/1.0"),
    "empty Host": get(host="Host:"),
    "another Host": get(host="Host: evil.test"),
    "the same Host twice": get("/jwks", "Host: localhost:00000"),
    "two Hosts": get("/jwks", "Host: evil.test"),
    "Host after another": get("/jwks", "Host: localhost:00000", host="Host: evil.test"),
    "Host with user": get(host="Host: a@localhost:00000"),
    "Host with path": get(host="Host: localhost:00000/evil"),
    "Host with a dot behind": get(host="Host: localhost."),
    "two names in Host": get(host="Host: localhost:00000, evil.test"),
    "Host before its colon": get(host="Host : localhost:00000"),
    "Host on a folded line": get(host="Host:\r\n localhost:00000"),
    "absolute form, other host": get("http://evil.test/jwks", host="Host: evil.test"),
    "absolute form, our Host header": get("http://evil.test/jwks"),
    "absolute form, other Host header": get("http://localhost:00000/jwks", host="Host: evil.test"),
    "absolute form, other scheme": get("ftp://evil.test/jwks"),
    "absolute form with user": get("http://localhost:00000@evil.test/jwks"),
    "authority form": "CONNECT evil.test:443 HTTP/1.1\r\nHost: localhost:00000\r\n\r\n",
    "asterisk form": "OPTIONS * HTTP/1.1\r\nHost: localhost:00000\r\n\r\n",
    "asterisk with GET": get("*"),
    "no slash": get("evil.test/jwks"),
    "two slashes": get("//evil.test/jwks"),
}
LINES = {
    "two spaces": get().replace("GET /jwks", "GET  /jwks"),
    "tab for a space": get().replace("GET /jwks", "GET\t/jwks"),
    "space in the path": get("/jw ks"),
    "NUL in the path": get("/jwks\0"),
    "no version": "GET /jwks\r\nHost: localhost:00000\r\n\r\n",
    "small letters": get(version="http/1.1"),
    "version 0.9": get(version="HTTP/0.9"),
    "version 1.10": get(version="HTTP/1.10"),
    "version 9.9": get(version="HTTP/9.9"),
    "version without number": get(version="HTTP/"),
    "HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "small method": get().replace("GET", "get"),
    "long method": get().replace("GET", "G" * 1000),
    "method with brackets": get().replace("GET", "GE[T"),
    "long request line": get("/jwks?" + "a" * 100_000),
    "line just over the limit": get("/jwks?" + "a" * 8200),
    "only line feeds": get().replace("\r\n", "\n"),
    "a carriage return in a header": get("/jwks", "A: b\rC: d"),
    "NUL in a header": get("/jwks", "A: b\0c"),
    "a line feed in a header": get("/jwks", "A: b\nC: d"),
    "a folded header": get("/jwks", "A: b", " c"),
    "a folded first header": get(host=" Host: localhost:00000"),
    "a header without colon": get("/jwks", "nonsense"),
    "a header without name": get("/jwks", ": b"),
    "a header name with brackets": get("/jwks", "A(b): c"),
    "a header name that is not ASCII": get("/jwks", "Á: c"),
    "10,000 headers": get("/jwks", *(f"A{n}: b" for n in range(10_000))),
    "61 headers": get("/jwks", *(f"A{n}: b" for n in range(61))),
    "a long header": get("/jwks", "A: " + "b" * 100_000),
    "long cookies": get("/jwks", "Cookie: " + "; ".join(f"c{n}={'x' * 90}" for n in range(1000))),
    "a TLS hello": "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + "A" * 500,
    "noise": "\xff\xfe\0\x01" * 300,
    "nothing but line ends": "\r\n" * 5000,
}
LENGTHS = {
    "both lengths": chunked("0\r\n\r\n" + SMUGGLED, "Content-Length: 5"),
    "both lengths, the other way round": post(
        "Content-Length: 4", "Transfer-Encoding: chunked", body=f"1\r\na\r\n0\r\n\r\n{SMUGGLED}"
    ),
    "two lengths": post("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
    "two lengths in a list": post(f"Content-Length: 0, {len(SMUGGLED)}", body=SMUGGLED),
    "a negative length": post("Content-Length: -1", body=SMUGGLED),
    "a length with a plus": post("Content-Length: +0", body=SMUGGLED),
    "a length in hexadecimal": post("Content-Length: 0x0", body=SMUGGLED),
    "a length with a blank": post("Content-Length: 0 0", body=SMUGGLED),
    "a length with an underscore in it": post("Content-Length: 1_0", body=SMUGGLED),
    "a length in other digits": post("Content-Length: ٠", body=SMUGGLED),
    "an empty length": post("Content-Length:", body=SMUGGLED),
    "a length of words": post("Content-Length: none", body=SMUGGLED),
    "an endless length": post("Content-Length: " + "9" * 40, body=SMUGGLED),
    "a long body": post("Content-Length: 70000", body="a" * 70_000),
    "a body that ends early": post("Content-Length: 500", body="grant_type=x"),
    "chunked twice": post("Transfer-Encoding: chunked, chunked", body="0\r\n\r\n" + SMUGGLED),
    "two codings in two headers": chunked("0\r\n\r\n" + SMUGGLED, "Transfer-Encoding: identity"),
    "chunked is not the last": post("Transfer-Encoding: chunked, gzip", body="0\r\n\r\n" + SMUGGLED),
    "an unknown coding": post("Transfer-Encoding: xchunked", body="0\r\n\r\n" + SMUGGLED),
    "a quoted coding": post('Transfer-Encoding: "chunked"', body="0\r\n\r\n" + SMUGGLED),
    "a coding with a vertical tab": post("Transfer-Encoding: \x0bchunked", body="0\r\n\r\n" + SMUGGLED),
    "a coding before its colon": post("Transfer-Encoding : chunked", body="0\r\n\r\n" + SMUGGLED),
    "chunked in HTTP/1.0": chunked("0\r\n\r\n" + SMUGGLED).replace("HTTP/1.1", "HTTP/1.0", 1),
    "a chunk size of words": chunked("zz\r\na\r\n0\r\n\r\n" + SMUGGLED),
    "a negative chunk size": chunked("-1\r\na\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk size with 0x": chunked("0x1\r\na\r\n0\r\n\r\n" + SMUGGLED),
    "an endless chunk size": chunked("F" * 40 + "\r\na\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk size with blanks": chunked(" 1\r\na\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk longer than announced": chunked("1\r\nabc\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk that ends early": chunked("ff\r\na"),
    "a line feed ends the chunk size": chunked("1\na\r\n0\r\n\r\n" + SMUGGLED),
    "a line feed in a chunk extension": chunked("1;\na\r\nb\r\n0\r\n\r\n" + SMUGGLED),
    "no end of chunks": chunked("1\r\na\r\n"),
    "a coding with an underscore": post("Transfer_Encoding: chunked", *CLOSING, body="0\r\n\r\n" + SMUGGLED),
    "a length with an underscore": post("Content_Length: 0", *CLOSING, body="0\r\n\r\n" + SMUGGLED),
    "more chunks than we take": chunked("".join("1000\r\n" + "a" * 4096 + "\r\n" for _ in range(20)) + "0\r\n\r\n"),
}
CORPUS = HOSTS | LINES | LENGTHS
UNFINISHED = {
    "no version", "a TLS hello", "noise", "nothing but line ends", "a body that ends early", "a chunk that ends early",
    "no end of chunks", "an endless chunk size",
}  # fmt: skip
"""A server may wait for the rest of these; so we end the connection for it to decide."""

REFUSALS = {400, 404, 405, 408, 411, 413, 414, 415, 417, 421, 426, 431, 501, 505}
"""Everything that refuses; 501 and 505 are the server's own words for an unknown coding or version (RFC 9110)."""

SILENCE = 0.2
"""Seconds after which nothing more is expected."""


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with (
        installed(tmp_path_factory.mktemp("raw"), request, settings=CHEAP_HASH) as ready,
        ready.serving(),
    ):
        yield ready


def answers(provider: Provider, request: str, *, unfinished: bool = False) -> list[int]:
    """The status of every answer that a connection gives to these bytes, until the server closes it or says no more."""
    raw = request.replace(HOST, f"localhost:{provider.port}").encode("utf-8" if "\u0660" in request else "latin-1")
    with Wire(provider.port) as wire:
        wire.send(raw)
        if unfinished:
            wire.end()
        said = wire.first() + wire.rest(SILENCE)
        # A server that still waits may be waiting for the end of what it misread.
        wire.end()
        said += wire.rest()
    assert b"Traceback" not in said
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) [A-Z]", said)]


@pytest.mark.parametrize("what", CORPUS)
def test_what_could_be_read_in_two_ways_is_refused_once(provider: Provider, what: str) -> None:
    statuses = answers(provider, CORPUS[what], unfinished=what in UNFINISHED)

    assert len(statuses) <= 1
    assert not statuses or statuses[0] in REFUSALS, statuses


def test_the_corpus_is_large_enough() -> None:
    """N-20"""
    assert len(CORPUS) >= 60


def test_whoever_is_well_behaved_is_served(provider: Provider) -> None:
    """The corpus would prove nothing against a server that refuses everybody."""
    assert answers(provider, get()) == [200]
    assert answers(provider, "\r\n" + get()) == [200]
    assert answers(provider, get("/jwks", "A: b", "X-Forwarded-Host: evil.test")) == [200]
    assert answers(provider, get("http://localhost:00000/jwks")) == [200]
    assert answers(provider, post("Content-Length: 0", "Connection: close")) == [400]
    two = get().replace("Connection: close\r\n", "") + get()
    assert answers(provider, two) == [200, 200]


def test_the_server_is_well_after_all_of_it(provider: Provider) -> None:
    assert provider.is_ready()
    assert not [line for line in provider.logged() if line["level"] == "error"]
