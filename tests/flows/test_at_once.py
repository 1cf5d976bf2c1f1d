"""What the loop of a worker answers itself is answered as by a thread: the same request, whole and in two pieces."""

import contextlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from idp.oidc.clients import TOKEN_EXCHANGE
from tests.support.installation import installed
from tests.support.live import BASIC, CHEAP_HASH, FORM, PORTAL, REQUEST, Visit, people, read_json
from tests.support.provider import Provider
from tests.support.wire import Answer, Wire

WORKERS = 2
HOST = "localhost:00000"
"""Stands for the provider's own host and port, and is as long."""
PAGES, ASKS = "https://pages.example", "Access-Control-Request-Method: POST"
CLIENT = PORTAL | {"web_origins": [PAGES]}
DIFFERENT = {b"date", b"x-request-id", b"set-cookie", b"location"}
"""Headers that differ from answer to answer."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql and redis"])
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    given = {"settings": CHEAP_HASH, "people": people(1), "clients": [CLIENT], "workers": WORKERS}
    with installed(tmp_path_factory.mktemp("at-once"), request, request.param, **given) as ready, ready.serving():
        yield ready


def requests(visit: Visit, tokens: dict[str, str]) -> dict[str, bytes]:
    """One for each endpoint, good and bad."""
    bearer, basic = f"Authorization: Bearer {tokens['access_token']}", f"Authorization: {BASIC}"
    cookies = visit.browser.cookies.header(urlsplit(visit.issuer))
    return {
        "discovery": get("/.well-known/openid-configuration"),
        "keys": get("/jwks"),
        "userinfo": get("/userinfo", bearer),
        "userinfo without a token": get("/userinfo"),
        "introspection": post("/introspect", {"token": tokens["access_token"]}, basic),
        "introspection by nobody": post("/introspect", {"token": tokens["access_token"]}),
        "a code that is none": post("/token", {"grant_type": "authorization_code", "code": "x"}, basic),
        "an exchange without the grant": post("/token", {"grant_type": TOKEN_EXCHANGE, "subject_token": "x"}, basic),
        "a revocation": post("/revoke", {"token": "x"}, basic),
        "userinfo for a page": get("/userinfo", bearer, f"Origin: {PAGES}"),
        "userinfo for another page": get("/userinfo", bearer, "Origin: https://another.example"),
        "a refusal for a page": post("/token", {"grant_type": "authorization_code"}, basic, f"Origin: {PAGES}"),
        "a pre-flight": get("/token", f"Origin: {PAGES}", ASKS).replace(b"GET", b"OPTIONS"),
        "a stranger's pre-flight": get("/token", "Origin: https://x.test", ASKS).replace(b"GET", b"OPTIONS"),
        "a body that is no form": post("/token", {}, basic, kind="text/plain"),
        "another host": get("/jwks").replace(HOST.encode(), b"evil.test"),
        "a session that lives": get(f"/authorize?{urlencode(REQUEST)}", f"Cookie: {cookies}"),
        "nobody's session": get(f"/authorize?{urlencode(REQUEST | {'prompt': 'none'})}"),
    }


def get(target: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {HOST}", *lines, "", ""]).encode()


def post(path: str, form: dict[str, str], *lines: str, kind: str = FORM) -> bytes:
    body = urlencode(form)
    head = [f"POST {path} HTTP/1.1", f"Host: {HOST}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *lines, "", body]).encode()


def at(provider: Provider, raw: bytes) -> bytes:
    return raw.replace(HOST.encode(), urlsplit(provider.issuer).netloc.encode())


def answered(provider: Provider, raw: bytes, *, cut: int = 0) -> Answer:
    sent = at(provider, raw)
    with Wire(provider.port) as wire:
        if cut:
            # What a thread answers: its first answer shows that the loop has seen the beginning alone.
            wire.send(at(provider, get("/jwks")) + sent[:cut])
            wire.read()
        wire.send(sent[cut:])
        return wire.read()


def told(answer: Answer) -> tuple[bytes, set[bytes], bytes]:
    status, *lines = answer.head.strip().split(b"\r\n")
    names = {line.partition(b":")[0].lower() for line in lines}
    return status, names | {line for line in lines if line.partition(b":")[0].lower() not in DIFFERENT}, answer.body


def test_whole_and_in_pieces_a_request_has_the_same_answer(provider: Provider) -> None:
    visit = Visit(provider.issuer)
    tokens = visit.tokens()
    for what, raw in requests(visit, tokens).items():
        whole, pieces = answered(provider, raw), answered(provider, raw, cut=20)
        if what == "a session that lives":
            assert (whole.status, pieces.status) == (303, 303)
            assert all(b"code=" in each.head for each in (whole, pieces))
        may_read = what in ("userinfo for a page", "a refusal for a page", "a pre-flight")
        assert (f"Access-Control-Allow-Origin: {PAGES}".encode() in whole.head) == may_read, what
        assert told(whole) == told(pieces), what


def test_many_requests_on_one_connection_are_answered_in_their_order(provider: Provider) -> None:
    """At once, in a thread and at once again; the bytes of two requests that came together are not mixed up."""
    keys, userinfo, page = (at(provider, get(path)) for path in ("/jwks", "/userinfo", "/account"))
    with Wire(provider.port) as wire:
        for sent in ([keys], [keys, userinfo], [page], [userinfo, page, keys], [userinfo], [keys]):
            wire.send(b"".join(sent))
            expected = [{keys: 200, userinfo: 401, page: 303}[each] for each in sent]
            assert [wire.read().status for _ in sent] == expected


def test_a_burst_of_connections_is_shared_among_the_workers(provider: Provider) -> None:
    """On a busy machine one of them may not wake in time, but not every time."""
    shares = [shares_of_a_burst(provider) for _ in range(5)]

    assert all(len(each) == WORKERS for each in shares)
    assert max(min(each) for each in shares) >= 16, shares


def shares_of_a_burst(provider: Provider) -> list[int]:
    """How many of 64 new connections each worker has."""
    before = {pid: sockets(pid) for pid in provider.worker_processes()}
    with ThreadPoolExecutor(64) as pool, contextlib.ExitStack() as stack:
        wires = list(pool.map(lambda _: stack.enter_context(Wire(provider.port)), range(64)))
        for wire in wires:
            wire.send(at(provider, get("/jwks")))
        assert [wire.read().status for wire in wires] == [200] * 64
        return [sockets(pid) - before[pid] for pid in provider.worker_processes()]


def sockets(pid: int) -> int:
    return sum(str(file.readlink()).startswith("socket:") for file in Path(f"/proc/{pid}/fd").iterdir())


def test_a_token_that_is_revoked_is_refused_at_once(provider: Provider) -> None:
    """Each worker answers itself, and asks the store each time."""
    visit = Visit(provider.issuer, fresh=True)
    tokens = visit.tokens()
    assert all(visit.userinfo(tokens["access_token"]).status == 200 for _ in range(8))
    visit.ask("/revoke", token=tokens["access_token"])
    assert [visit.userinfo(tokens["access_token"]).status for _ in range(8)] == [401] * 8
    assert read_json(visit.ask("/introspect", token=tokens["access_token"])) == {"active": False}


@pytest.mark.parametrize("more", [{"prompt": "login"}, {"response_mode": "form_post"}, {"max_age": "0"}])
def test_what_is_taken_once_is_taken_by_whoever_answers(provider: Provider, more: dict[str, str]) -> None:
    """A live session does not make the loop take what a thread then misses."""
    visit = Visit(provider.issuer)
    visit.tokens()
    page = visit.authorize(**more)
    if page.name == "login":
        page = visit.submit(page)
    found = re.search(r'name="code" value="([^"]+)"', page.text) or re.search(r"[?&]code=([^&]+)", page.location or "")
    assert found, page.summary
    assert "id_token" in read_json(visit.redeem(found[1]))
