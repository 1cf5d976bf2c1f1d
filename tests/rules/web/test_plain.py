"""Requests that the loop of a worker reads itself: gunicorn reads every one of them in the same way."""

from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser, wsgi

from config.serving.gunicorn_master import READING
from config.serving.inbox import Inbox
from config.serving.plain import is_last, read_plain, response_bytes
from idp.http.forms import LARGEST_BODY, largest_body
from tests.fuzz.grammar import Grammar, Request
from tests.fuzz.test_raw_http import CORPUS, HOST

PATHS = frozenset(("/token", "/jwks", "/authorize", "/userinfo"))
PEER, OWN = ("192.0.2.7", 4711), ("127.0.0.1", 8000)
FORM = (("grant_type", "client_credentials"), ("scope", "a b"), ("note", "số"))
VALID = [
    Request("GET", "/jwks"),
    Request("GET", "/authorize", FORM, (), ("Cookie: a=b; c=d", "Accept:  */* ", "X-Forwarded-For: 192.0.2.1")),
    Request("POST", "/token", (), FORM, ("Authorization: Basic eDp5",)),
]


def by_gunicorn(raw: bytes) -> dict[str, Any]:
    cfg, inbox = Config(), Inbox(largest_body)
    for name, value in READING.items():
        cfg.set(name, value)
    inbox.feed(raw)
    assert inbox.state == "whole", "otherwise no thread has it yet"
    request = next(get_parser(cfg, inbox, PEER))
    _, environ = wsgi.create(request, None, PEER, OWN, cfg)
    return environ | {"body": environ["wsgi.input"].read()}


def ours(raw: bytes) -> dict[str, Any] | None:
    environ = read_plain(raw, PATHS, PEER, OWN)
    return environ | {"body": environ["wsgi.input"].read()} if environ else None


def text_of(environ: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in environ.items() if not name.startswith(("wsgi.", "gunicorn."))}


@pytest.mark.parametrize("seed", [1, pytest.param(1_000, marks=pytest.mark.soak)])
def test_whatever_is_read_is_read_as_gunicorn_reads_it(seed: int) -> None:
    """`seed` stands for so many seeds of 2,000 requests, bent in every place."""
    read = 0
    for each in range(seed):
        grammar = Grammar(each, "localhost:8000", sorted(PATHS))
        for raw in (grammar.next(VALID) for _ in range(2_000)):
            environ = ours(raw)
            if environ is not None:
                read += 1
                assert text_of(environ) == text_of(by_gunicorn(raw)), raw
    assert read > 200 * seed, "the generator would prove nothing otherwise"


@pytest.mark.parametrize("what", CORPUS)
def test_nothing_ambiguous_is_read(what: str) -> None:
    raw = CORPUS[what].replace(HOST, "localhost:8000").encode("utf-8" if "\u0660" in CORPUS[what] else "latin-1")
    environ = ours(raw)

    assert environ is None or text_of(environ) == text_of(by_gunicorn(raw))
    if "Transfer" in CORPUS[what] or what.startswith(("a length", "two lengths", "both lengths")):
        assert environ is None


GET = b"GET /jwks HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
LEFT_TO_GUNICORN = {
    "not yet whole": POST[:-1],
    "with the next one": GET + GET,
    "in HTTP/1.0": GET.replace(b"1.1", b"1.0"),
    "for another path": GET.replace(b"jwks", b"login"),
    "with an escaped path": GET.replace(b"jwks", b"%6awks"),
    "with a fragment": GET.replace(b"jwks", b"jwks?a#b"),
    "with a header in front": GET.replace(b"Host", b"\r\nHost"),
    "with a tab": GET.replace(b": a", b":\ta"),
    "that wants to be asked": POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
    "with a coding beside its length": POST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "that upgrades": GET.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\n\r\n"),
    "with a body that is too large": POST.replace(b": 5", b": %d" % (LARGEST_BODY + 1))[:-5] + bytes(LARGEST_BODY + 1),
}


@pytest.mark.parametrize("what", LEFT_TO_GUNICORN)
def test_everything_else_is_left_to_gunicorn(what: str) -> None:
    assert None not in (ours(GET), ours(POST))
    assert ours(LEFT_TO_GUNICORN[what]) is None


@pytest.mark.parametrize(
    ("line", "last"), [(b"", False), (b"Connection: keep-alive\r\n", False), (b"Connection: Close\r\n", True)]
)
def test_a_client_says_whether_it_goes_on(line: bytes, last: bool) -> None:
    assert is_last(ours(GET[:-2] + line + b"\r\n") or {}) is last


def test_a_response_has_its_length_and_its_date() -> None:
    head, _, body = response_bytes((200, [("Content-Length", "2"), ("ETag", '"x"')], b"ab"), keep=False).partition(
        b"\r\n\r\n"
    )
    lines = head.split(b"\r\n")

    assert (lines[0], body) == (b"HTTP/1.1 200 OK", b"ab")
    assert {b"Connection: close", b"Content-Length: 2", b'ETag: "x"', b"Server: gunicorn"} < set(lines)
    assert any(line.startswith(b"Date: ") and line.endswith(b" GMT") for line in lines)


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: canary=b", "a\nb", "a\0", "số"])
def test_no_header_of_a_response_ends_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        response_bytes((303, [("Location", value)], b""), keep=True)
