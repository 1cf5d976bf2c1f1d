"""Where a request ends, found in bytes that come in any pieces; what is read in two ways is not waited for."""

import random
import re
from pathlib import Path

import pytest

from config.serving.inbox import LARGEST_HEAD, Inbox
from idp.http.forms import LARGEST_BODY, LARGEST_UPLOAD, UPLOADS, largest_body

GET = b"GET /jwks HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\n\r\n"
WHOLE = {
    "without a body": GET,
    "after an empty line": b"\r\n" + GET,
    "of a length": POST,
    "of no length": POST.replace(b"5", b"0").removesuffix(b"hello"),
    "in chunks": CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    "with a trailer": CHUNKED + b"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    "with line ends in a chunk": CHUNKED + b"4\r\n0\r\n\r\r\n0\r\n\r\n",
}
EARLY = {
    "two lengths": POST.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"),
    "a length and chunks": POST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a blank in front of a colon": POST.replace(b"Length:", b"Length :"),
    "a length that is none": POST.replace(b": 5", b": +5"),
    "a length in other digits": POST.replace(b": 5", ": \u0665".encode()),
    "another coding": CHUNKED.replace(b"chunked", b"gzip, chunked"),
    "a chunk size that is none": CHUNKED + b"0x1\r\n",
    "an endless chunk size": CHUNKED + b"F" * 9000,
    "a bare line feed": b"GET / HTTP/1.1\nHost: a\n",
    "only line ends": b"\r\n\r\n\r\n",
    "a body that is too large": POST.replace(b": 5", b": %d" % (LARGEST_BODY + 1)),
}


def fed(data: bytes, *cuts: int) -> Inbox:
    inbox = Inbox(largest_body)
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        if inbox.state in ("silent", "head", "body"):
            inbox.feed(data[start:end])
    return inbox


def everything(inbox: Inbox) -> bytes:
    return b"".join(iter(lambda: inbox.recv(7), b""))


@pytest.mark.parametrize("what", WHOLE)
def test_a_request_is_whole_with_its_last_byte_and_not_before(what: str) -> None:
    data = WHOLE[what]
    for cut in range(1, len(data)):
        assert fed(data[:cut]).state in ("head", "body"), data[:cut]
        inbox = fed(data, cut)
        assert (inbox.state, everything(inbox)) == ("whole", data)
    assert fed(data, *range(1, len(data))).state == "whole", "byte by byte"


@pytest.mark.parametrize("what", WHOLE)
def test_what_comes_behind_is_the_next_request(what: str) -> None:
    inbox = fed(WHOLE[what] + NEXT + NEXT[:5])
    assert inbox.recv(len(WHOLE[what]) - 3) + inbox.recv(3) == WHOLE[what]
    unread = inbox.recv(4)  # gunicorn reads ahead

    inbox.go_on(unread)
    assert (inbox.state, inbox.recv(len(NEXT))) == ("whole", NEXT)
    inbox.go_on(b"")
    assert inbox.state == "head"
    inbox.feed(NEXT[5:])
    assert (inbox.state, everything(inbox)) == ("whole", NEXT)


@pytest.mark.parametrize("what", EARLY)
def test_what_may_be_read_in_two_ways_is_not_waited_for(what: str) -> None:
    rng = random.Random(1)
    for _ in range(20):
        assert fed(EARLY[what], *sorted(rng.sample(range(1, len(EARLY[what])), 3))).state == "early"


def test_a_head_has_an_end() -> None:
    inbox = Inbox(largest_body)
    while inbox.state in ("silent", "head"):
        inbox.feed(b"A: b\r\n" * 100)

    assert inbox.state == "long"
    assert len(everything(inbox)) <= LARGEST_HEAD + 600


def test_chunks_without_end_are_taken_to_their_bound_and_one_more() -> None:
    inbox = fed(CHUNKED)
    for _ in range(LARGEST_BODY // 0x1000):
        inbox.feed(b"1000\r\n" + b"a" * 0x1000 + b"\r\n")
    assert inbox.state == "body"
    inbox.feed(b"1000\r\n" + b"a" * 0x1000 + b"\r\n")
    assert inbox.state == "early"
    assert everything(inbox).count(b"a") > LARGEST_BODY, "so that the application sees that it is too large"


def test_chunks_of_nothing_but_extensions_end_too() -> None:
    inbox = fed(CHUNKED)
    sent = 0
    while inbox.state == "body":
        inbox.feed(b"1;" + b"x" * 5000 + b"\r\na\r\n")
        sent += 5000
    assert inbox.state == "early"
    assert sent < 10 * LARGEST_BODY


def test_a_client_that_ends_in_the_middle_is_not_waited_for() -> None:
    inbox = fed(POST[:-1])
    inbox.end()
    assert inbox.state == "early"
    silent = Inbox(largest_body)
    silent.end()
    assert (silent.state, silent.has_ended) == ("silent", True)


def test_photographs_wait_on_disk_and_only_where_they_belong() -> None:
    """Whoever brings neither a cookie nor an authorization has no draft, and is told so unread."""
    upload = b"POST /register/form HTTP/1.1\r\nCookie: a=b\r\nContent-Length: %d\r\n\r\n" % LARGEST_UPLOAD
    inbox = fed(upload)
    assert (inbox.state, inbox.announced) == ("body", LARGEST_UPLOAD)
    for _ in range(LARGEST_UPLOAD // 65536):
        inbox.feed(bytes(65536))
    assert inbox.state == "whole"
    assert inbox._spool._rolled
    assert fed(upload.replace(b"Cookie: a=b\r\n", b"")).state == "early"
    assert fed(upload.replace(b"Cookie: a=b", b"Authorization: Bearer x")).state == "body"
    assert fed(upload.replace(b"/register/form", b"/token")).state == "early"
    assert fed(upload.replace(b"/register/form", b"http://a/register/form")).state == "early"


def test_the_shipped_proxy_lets_large_bodies_through_at_the_same_places() -> None:
    conf = (Path(__file__).resolve().parents[3] / "deploy" / "nginx" / "idp.conf").read_text()
    found = re.search(r"location ~ (\^/\(register\S+) \{\n.*\n\s*client_max_body_size (\d+)m;", conf)
    assert found
    assert int(found[2]) * 1024 * 1024 == LARGEST_UPLOAD
    for place in UPLOADS:
        assert re.match(found[1], place.decode())
