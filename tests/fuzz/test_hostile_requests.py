"""Hostile requests over raw sockets against the real server: no 5xx, no dead worker, no slow answer, nothing reflected.

`FUZZ_REQUESTS` says how many (10,000 by itself), `FUZZ_SEED` with which seed; both are printed, so that a run can be
repeated.
"""

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fuzz.grammar import CANARY, Grammar
from tests.support.provider import Provider, running_provider

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "10000"))
SEED = int(os.environ.get("FUZZ_SEED", "20261122"))
THREADS = 4
CLIENT = {
    "client_id": "portal",
    "client_name": "Cổng",
    "client_secret": "a secret of the portal that is long enough",
    "redirect_uris": ["https://portal.example.test/callback"],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "scope": "openid profile bhxh offline_access machine",
}
PERSON = {"name": "Nguyễn Thử", "password": "mật khẩu dài để thử", "identifiers": {"bhxh": "0000000001"}}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    home = tmp_path_factory.mktemp("fuzzed")
    # Brakes off, so that requests reach what is behind them.
    settings = {"IDP_LIMITS__ATTEMPTS_PER_NETWORK": "1000000", "IDP_LIMITS__CLIENT_FAILURES": "1000000"}
    with running_provider(home, settings, people=[PERSON], clients=[CLIENT], workers=2) as running:
        yield running


def exchange(port: int, request: bytes) -> tuple[bytes, float]:
    """Send a request and read until the server closes; gives the answer and the seconds to its first byte."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        began = time.monotonic()
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            first = connection.recv(65536)
            took = time.monotonic() - began
            answer = first
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionResetError:
            return b"", time.monotonic() - began
    return answer, took


def complaint(answer: bytes, took: float) -> str | None:
    """What is wrong with an answer, if anything. No answer at all is a request that never was one."""
    answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3})", answer)
    if answer and not status:
        return "no HTTP"
    # An unknown transfer coding is answered 501 by the HTTP server itself (RFC 9112, 6.1), before our code.
    by_server = b"X-Request-Id" not in answer
    allowed = (b"503", b"501") if by_server else (b"503",)
    if status and status[1].startswith(b"5") and status[1] not in allowed:
        return f"status {status[1].decode()}"
    if took > 1.0:
        return f"took {took:.2f} s"
    if b"Traceback" in answer or CANARY.encode() in answer:
        return "traceback or canary"
    if len(re.findall(rb"(?:^|\r\n)HTTP/1\.1 [2-5][0-9]{2} ", answer)) > 1:
        return "a second answer"
    return None


def known(provider: Provider) -> list[str]:
    """Handles that exist: attempts, made by real requests."""
    query = "client_id=portal&redirect_uri=https%3A%2F%2Fportal.example.test%2Fcallback&response_type=code&scope=openid"
    query += "&code_challenge_method=S256&code_challenge=" + "a" * 43
    request = f"GET /authorize?{query} HTTP/1.1\r\nHost: localhost:{provider.port}\r\nConnection: close\r\n\r\n"
    answers = [exchange(provider.port, request.encode())[0].decode() for _ in range(10)]
    return [handle for answer in answers for handle in re.findall(r"[ab]_[A-Za-z0-9_-]{43}", answer)]


def run(provider: Provider, seed: int, count: int, handles: list[str]) -> list[tuple[int, int, str, bytes]]:
    grammar = Grammar(seed, f"localhost:{provider.port}", handles)
    found = []
    for number in range(count):
        request = grammar.request()
        wrong = complaint(*exchange(provider.port, request))
        if wrong:
            found.append((seed, number, wrong, request[:600]))
    return found


def test_no_hostile_request_breaks_the_server(provider: Provider) -> None:
    """N-02, acceptance 6"""
    print(f"FUZZ_SEED={SEED} FUZZ_REQUESTS={REQUESTS}")
    handles = known(provider)
    assert handles
    before = workers(provider)
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(run, provider, SEED + n, REQUESTS // THREADS, handles) for n in range(THREADS)]
        found = [wrong for job in jobs for wrong in job.result()]

    kinds = {(wrong.split(" took")[0] if "took" not in wrong else "slow") for _, _, wrong, _ in found}
    assert found == [], kinds
    assert provider.is_ready()
    assert workers(provider) == before, "a worker died"
    assert "unexpected error" not in Path(provider.log).read_text()


def workers(provider: Provider) -> set[int]:
    """The worker processes that are alive, by asking the log who answers now."""
    seen: set[int] = set()
    for _ in range(40):
        exchange(
            provider.port,
            f"GET /healthz HTTP/1.1\r\nHost: localhost:{provider.port}\r\nConnection: close\r\n\r\n".encode(),
        )
    for line in provider.log.read_text().splitlines()[-40:]:
        if line.startswith("{"):
            seen.add(json.loads(line).get("pid", 0))
    return seen
