"""Hostile requests over raw sockets against the real server: no 5xx, no dead worker, no slow answer, nothing reflected.

`FUZZ_REQUESTS` says how many (10,000 by itself), `FUZZ_SEED` with which seed; both are printed, so that a run can be
repeated. Only the handles in it are others each time.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.fuzz.grammar import Grammar
from tests.fuzz.valid import valid_requests
from tests.support.app import App
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, GATEWAY, PORTAL, people
from tests.support.provider import Provider
from tests.support.routes import routes_of
from tests.support.wire import Wire

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "10000"))
SEED = int(os.environ.get("FUZZ_SEED", "20261122"))
THREADS = 4
FRESH_EVERY = 250
"""Requests after which the valid ones are made anew: most handles work once, and logouts are among the requests."""

PATIENCE = 1.0
"""Seconds that an answer may take (N-02)."""

# Limiters off and a cheap hash, so that requests reach what is behind them.
OPEN = CHEAP_HASH | {
    "IDP_LIMITS__ATTEMPTS_PER_ADDRESS": "1000000",
    "IDP_LIMITS__CLIENT_FAILURES": "1000000",
    "IDP_LIMITS__FREE_FAILURES": "1000000",
    "IDP_LIMITS__NETWORK_ACCOUNTS": "1000000",
    "IDP_LOGIN__HASH_QUEUE": "1000",
}
PARTNER = PORTAL | {"client_id": "partner", "first_party": False}


@pytest.fixture(scope="module", params=["sqlite", "postgresql and redis"])
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    given = {"settings": OPEN, "people": people(THREADS), "clients": [PORTAL, PARTNER, GATEWAY], "workers": 2}
    with installed(tmp_path_factory.mktemp("fuzzed"), request, request.param, **given) as ready, ready.serving():  # type: ignore[arg-type]
        yield ready


@dataclass
class Fuzzer:
    """One thread with its own seed, person and grammar."""

    provider: Provider
    routes: list[str]
    number: int
    statuses: Counter[str] = field(default_factory=Counter)
    found: list[tuple[int, int, str, bytes]] = field(default_factory=list)

    def run(self, count: int) -> "Fuzzer":
        grammar = Grammar(SEED + self.number, f"localhost:{self.provider.port}", self.routes)
        for number in range(count):
            if number % FRESH_EVERY == 0:
                valid = valid_requests(self.provider.issuer, self.number + 1)
            request = grammar.next(valid)
            wrong = self._tried(request)
            if wrong:
                self.found.append((SEED + self.number, number, wrong, request[:600]))
        return self

    def _tried(self, request: bytes) -> str | None:
        answer, took = exchange(self.provider.port, request)
        if took > PATIENCE:
            # On a busy machine anything may be late once; a request that is slow by itself is slow again.
            _, took = exchange(self.provider.port, request)
        self.statuses[answer[9:12].decode(errors="replace")] += 1
        return complaint(answer, took)


def exchange(port: int, request: bytes) -> tuple[bytes, float]:
    """Send a request and read until the server closes; gives the answer and the seconds until its end."""
    with Wire(port) as wire:
        began = time.monotonic()
        wire.send(request)
        wire.end()
        answer = wire.rest()
        return answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"), time.monotonic() - began


def complaint(answer: bytes, took: float) -> str | None:
    """What is wrong with an answer, if anything. No answer at all is a request that never was one."""
    status = re.match(rb"HTTP/1\.1 ([0-9]{3})", answer)
    if answer and not status:
        return "no HTTP"
    # An unknown transfer coding is answered 501 (RFC 9112, 6.1); 503 is for stores and queues.
    if status and status[1].startswith(b"5") and status[1] not in (b"501", b"503"):
        return f"status {status[1].decode()}"
    if took > PATIENCE:
        return f"slow: {took:.2f} s"
    if b"Traceback" in answer or b"<x onerror" in answer:
        return "traceback or canary"
    if b"\r\nSet-Cookie: canary" in answer.partition(b"\r\n\r\n")[0]:
        return "a header of the request's making"
    if len(re.findall(rb"HTTP/1\.1 [2-5][0-9]{2} [A-Z]", answer)) > 1:
        return "a second answer"
    return None


def test_no_hostile_request_breaks_the_server(provider: Provider, app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """N-02, acceptance 6"""
    routes = [*routes_of(app.wsgi), "/nowhere", "/static/../config", "/favicon.ico"]
    before, began = provider.worker_processes(), time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        fuzzers = [Fuzzer(provider, routes, number) for number in range(THREADS)]
        fuzzers = list(pool.map(lambda fuzzer: fuzzer.run(REQUESTS // THREADS), fuzzers))
    took, found = time.monotonic() - began, [wrong for fuzzer in fuzzers for wrong in fuzzer.found]
    statuses = sum((fuzzer.statuses for fuzzer in fuzzers), Counter[str]())
    with capsys.disabled():
        said = ", ".join(f"{status or 'none'}: {count}" for status, count in sorted(statuses.items()))
        print(
            f"\nfuzz, seed {SEED}: {statuses.total()} requests to {len(routes)} routes, {len(found)} wrong answers; "
            f"{took:.0f} s, {statuses.total() / took:.0f} requests/s ({said})"
        )

    assert not found, "\n".join(f"{seed}.{number}: {wrong}: {request!r}" for seed, number, wrong, request in found)
    assert before == provider.worker_processes(), "a worker died"
    assert provider.is_ready()
    assert "unexpected error" not in {line["message"] for line in provider.logged()}
    # Requests that never get anywhere would find nothing.
    assert {"200", "303", "400", "401", "403", "405"} <= set(statuses)
