"""N-15, F-14: whoever is silent or drips keeps no thread, has a deadline, and makes nobody else wait."""

import contextlib
import math
import resource
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.serving.gunicorn_master import FILES
from config.serving.waiting_room import MOST_PER_ADDRESS
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people
from tests.support.provider import Provider
from tests.support.waiting import until
from tests.support.wire import Wire

WORKERS, THREADS = 2, 8
CROWD = WORKERS * THREADS * 4
SOON = 1.0
PATIENT = 5.0
"""Seconds for a look beside other work: much less than a silent client has until it is cut off."""
LOOKS, MORE = 3, 1.5
"""How often a newcomer comes, and seconds in which more do: fewer than any of the crowd has until it is cut off."""
HEAD = b"GET /jwks HTTP/1.1\r\nHost: localhost:%d\r\n"
POST = b"POST /token HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BEGINNINGS = {
    "never a byte": b"",
    "in the head": HEAD,
    "before the body": POST + b"Content-Length: 900\r\n\r\n",
    "in the body": POST + b"Content-Length: 900\r\n\r\ngrant_type",
    "in a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n10\r\ngrant",
    "after a request": HEAD + b"\r\n",
    "before a body that is too large": POST + b"Content-Length: 9000000\r\n\r\n",
}
TRICKLE = {"in the head": b"A", "in the body": b"a", "never a byte": b"", "before the body": b"a"}


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with (
        installed(
            tmp_path_factory.mktemp("slow"),
            request,
            settings=CHEAP_HASH | {"IDP_WEB__THREADS": str(THREADS)},
            people=people(1),
            clients=[PORTAL],
            workers=WORKERS,
        ) as ready,
        ready.serving(),
    ):
        yield ready


@contextlib.contextmanager
def crowd(provider: Provider, beginning: bytes, size: int = CROWD) -> Iterator[list[socket.socket]]:
    """Connections that have sent a beginning and nothing more."""
    sent = beginning % provider.port if b"%d" in beginning else beginning
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", provider.port), timeout=30)) for _ in range(size)
        ]
        for each in sockets:
            each.sendall(sent)
        yield sockets


@pytest.fixture(params=[PATIENT, pytest.param(SOON, marks=pytest.mark.soak)], ids=["soon", "within a second"])
def at_most(request: pytest.FixtureRequest) -> float:
    """Seconds for the last of `LOOKS` that counts. The quickest has `SOON` on every machine."""
    return float(request.param)


def assert_others_are_served(provider: Provider, at_most: float = PATIENT) -> None:
    """A newcomer has the keys, and an answer to a login.

    Beside other work a look may be turned away (N-15); if two of them are, there are more for `MORE` seconds.
    """
    over, took = time.monotonic() + MORE, sorted(slowest_answer(provider) for _ in range(LOOKS))
    while at_most == PATIENT and took[1] == math.inf and time.monotonic() < over:
        took = sorted([*took, slowest_answer(provider)])
    assert took[0] < SOON
    assert took[1 if at_most == PATIENT else -1] < at_most


def slowest_answer(provider: Provider) -> float:
    visit, took = Visit(provider.issuer), []
    page = visit.authorize()
    if page.status == 503:
        return math.inf
    for ask in (lambda: visit.portal.send("GET", f"{provider.issuer}/jwks"), lambda: visit.submit(page)):
        began = time.monotonic()
        answer = ask()
        if answer.status == 503:
            return math.inf
        assert answer.status in (200, 303)
        took.append(time.monotonic() - began)
    return max(took)


@pytest.mark.parametrize("where", BEGINNINGS)
def test_silent_connections_keep_nobody_waiting(provider: Provider, where: str, at_most: float) -> None:
    with crowd(provider, BEGINNINGS[where]):
        assert_others_are_served(provider, at_most)


@pytest.mark.parametrize("where", ["in the head", "in the body"])
def test_dripping_connections_keep_nobody_waiting(provider: Provider, where: str, at_most: float) -> None:
    enough = threading.Event()

    def drip(sockets: list[socket.socket]) -> None:
        while not enough.wait(0.05):
            for each in sockets:
                with contextlib.suppress(OSError):
                    each.sendall(TRICKLE[where])

    with crowd(provider, BEGINNINGS[where]) as sockets:
        tap = threading.Thread(target=drip, args=[sockets])
        tap.start()
        try:
            assert_others_are_served(provider, at_most)
        finally:
            enough.set()
            tap.join()


LATE = [where for where in BEGINNINGS if where != "before a body that is too large"]


@pytest.fixture(scope="module")
def farewells(provider: Provider) -> dict[str, tuple[float, bytes]]:
    """Seconds until each was cut off, and what it was told. All of them wait at once: each takes ten seconds."""

    def wait(where: str) -> tuple[float, bytes]:
        with crowd(provider, BEGINNINGS[where], 1) as sockets:
            began = time.monotonic()
            said = b"".join(iter(lambda: sockets[0].recv(65_536), b""))
            return time.monotonic() - began, said

    with ThreadPoolExecutor(len(LATE)) as pool:
        return dict(zip(LATE, pool.map(wait, LATE), strict=True))


@pytest.mark.parametrize("where", LATE)
def test_who_keeps_us_waiting_is_cut_off_in_time(farewells: dict[str, tuple[float, bytes]], where: str) -> None:
    took, said = farewells[where]

    assert took < 15
    if where not in ("never a byte", "after a request"):
        assert said.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_drips_has_no_more_time_than_a_silent_one(provider: Provider) -> None:
    with crowd(provider, BEGINNINGS["in the body"], 1) as sockets:
        sockets[0].settimeout(0.05)

        def cut_off() -> bool:
            with contextlib.suppress(TimeoutError):
                sockets[0].sendall(b"a")
                return sockets[0].recv(1000)[:13] in (b"HTTP/1.1 408 ", b"")
            return False

        assert until(cut_off) < 15


def closed_of(sockets: list[socket.socket]) -> list[socket.socket]:
    """Those that the server has closed."""

    def is_closed(each: socket.socket) -> bool:
        try:
            return each.recv(1, socket.MSG_PEEK) == b""
        except ConnectionResetError:
            return True

    return [each for each in select.select(sockets, [], [], 0)[0] if is_closed(each)]


def test_of_too_many_from_one_address_the_longest_waiting_goes(provider: Provider) -> None:
    """Not the newcomer: so an honest one gets in."""
    with crowd(provider, HEAD, 400) as sockets:
        assert_others_are_served(provider)
        # How many each worker took is chance; each keeps its newest.
        until(lambda: len(closed_of(sockets)) >= len(sockets) - WORKERS * MOST_PER_ADDRESS)

        assert closed_of(sockets[-MOST_PER_ADDRESS:]) == []
        sockets[-1].sendall(b"\r\n")
        assert sockets[-1].recv(100).startswith(b"HTTP/1.1 200 ")


def test_who_does_not_read_the_answer_of_a_closing_connection_keeps_nobody(provider: Provider) -> None:
    with crowd(provider, HEAD + b"Connection: close\r\n\r\n"):
        assert_others_are_served(provider)


def test_a_client_that_asks_may_go_on_and_is_asked_once(provider: Provider) -> None:
    with Wire(provider.port) as wire:
        wire.send(POST % provider.port + b"Content-Length: 12\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert wire.read().status == 100
        wire.send(b"grant_type=x")
        assert wire.rest().count(b"HTTP/1.1 ") == 1


def test_the_spool_is_not_left_open(provider: Provider, tmp_path: Path) -> None:
    """A thousand requests on a connection each leave no file behind."""

    def open_files() -> int:
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in provider.worker_processes())

    body = b"a" * 300_000
    head = b"POST /api/registrations/x HTTP/1.1\r\nHost: localhost:%d\r\nAuthorization: Bearer x\r\n"
    head += b"Content-Length: %d\r\n\r\n"

    def upload() -> None:
        with Wire(provider.port) as wire:
            wire.send(head % (provider.port, len(body)) + body)
            assert wire.read().status == 404

    upload()
    before = open_files()
    for _ in range(20):
        upload()
    until(lambda: open_files() <= before + 4)


def test_a_listed_proxy_may_have_many_and_nobody_may_have_all(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Its connections are other people's; where there is no more room, the longest waiting goes all the same."""
    proxied = CHEAP_HASH | {"IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
    with installed(tmp_path, request, settings=proxied, people=people(1), clients=[PORTAL]) as ready:
        ready.under = ("prlimit", f"--nofile={1_000 + FILES}")
        with ready.serving():
            with crowd(ready, HEAD, 400) as sockets:
                assert_others_are_served(ready)
                sockets[0].sendall(b"\r\n")
                assert sockets[0].recv(100).startswith(b"HTTP/1.1 200 ")
            with crowd(ready, HEAD, 1100) as sockets:
                assert_others_are_served(ready)
                until(lambda: closed_of(sockets[:1]) == sockets[:1])


def test_without_room_for_files_newcomers_get_in_all_the_same(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """F-16"""
    proxied = CHEAP_HASH | {"IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
    more = {"people": people(1), "clients": [PORTAL]}
    with installed(tmp_path, request, settings=proxied, **more) as ready, ready.serving():  # type: ignore[arg-type]
        (worker,) = ready.worker_processes()
        Visit(ready.issuer).tokens()
        used = len(list(Path(f"/proc/{worker}/fd").iterdir()))
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (used + 40, used + 40))
        with crowd(ready, HEAD, 200):
            until(lambda: asked_in_time(ready))
            assert ready.worker_processes() == {worker}, "it has not fallen"


def asked_in_time(provider: Provider) -> bool:
    began = time.monotonic()
    page = Visit(provider.issuer).portal.send("GET", f"{provider.issuer}/jwks")
    return page.status == 200 and time.monotonic() - began < SOON
