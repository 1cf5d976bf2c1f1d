"""Bodies over the bound are refused without being read, by a real server over a real socket."""

import re
from collections.abc import Iterator

import pytest

from tests.support.installation import installed
from tests.support.live import CHEAP_HASH
from tests.support.provider import Provider
from tests.support.wire import Answer, Wire

MULTIPART = "Content-Type: multipart/form-data; boundary=x"
FORM = "Content-Type: application/x-www-form-urlencoded"
PIECE = b'--x\r\nContent-Disposition: form-data; name="portrait"; filename="a.jpg"\r\n\r\n'


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    home = tmp_path_factory.mktemp("bodies")
    with installed(home, request, settings=CHEAP_HASH) as ready, ready.serving():
        yield ready


def post(provider: Provider, path: str, body: bytes, *headers: str) -> Answer:
    lines = [f"POST {path} HTTP/1.1", f"Host: localhost:{provider.port}", *headers, "Connection: close", "", ""]
    with Wire(provider.port) as wire:
        wire.send("\r\n".join(lines).encode() + body)
        return wire.read()


def cookie(provider: Provider) -> str:
    """That of a draft begun just now."""
    body = b"kind=individual&request=register"
    answer = post(provider, "/register", body, FORM, f"Content-Length: {len(body)}")
    found = re.search(rb"(idp-r|__Host-r)=([^;]+)", answer.head)
    assert found, answer.head
    return f"Cookie: {(found[1] + b'=' + found[2]).decode()}"


def test_an_announced_length_over_the_bound_is_refused_before_the_body_comes(provider: Provider) -> None:
    held = cookie(provider)
    too_long = f"Content-Length: {41 * 1024 * 1024}"

    assert post(provider, "/register/form", PIECE, MULTIPART, too_long, held).status == 413
    assert post(provider, "/api/registrations", b"{", too_long).status == 413
    for path in ("/register", "/register/status", "/login"):
        assert post(provider, path, b"a=", FORM, "Content-Length: 70000").status == 413


def test_chunks_are_read_as_far_as_the_bound(provider: Provider) -> None:
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    body = b"%x\r\n" % len(PIECE) + PIECE + b"\r\n" + chunk * 41
    answer = post(provider, "/register/form", body, MULTIPART, "Transfer-Encoding: chunked", cookie(provider))

    assert answer.status in (400, 413)


def test_who_holds_no_draft_is_sent_away_unread(provider: Provider) -> None:
    answer = post(provider, "/register/form", PIECE, MULTIPART, f"Content-Length: {20 * 1024 * 1024}")

    assert (answer.status, answer.header("Location")) == (303, "/register?why=over")
