"""F-23, F-25: an upstream that is dead, and one that drips, under load: whoever logs in by password does not notice.

Logins by password come at a steady rate while others come back from the upstream without end. `make soak` keeps either
trouble up for ten minutes and compares the slowest hundredth of logins with those beside an upstream that works;
`make test` does seconds of it and looks at the answers only. `SOAK_SECONDS` shortens a run.
"""

import contextlib
import itertools
import json
import os
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.installation import PAIRS, installed
from tests.support.live import PORTAL, Visit, code_of, people
from tests.support.provider import Provider

PEOPLE = 40
LOGINS_A_SECOND = 4
RETURNS_A_SECOND = 6
SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
QUICK = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n"
    + b'{"error":"invalid_grant"}'
)
DRIP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"


@dataclass
class Upstream:
    """Takes connections and treats them as `mood` says: "works", "drips", or "dead" (nothing is ever said)."""

    mood: str = "works"
    over: threading.Event = field(default_factory=threading.Event)

    def talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while connection.recv(65_536):
                if self.mood == "works":
                    connection.sendall(QUICK)
                    continue
                if self.mood == "drips":
                    connection.sendall(DRIP)
                while not self.over.wait(0.5):
                    if self.mood == "drips":
                        connection.sendall(b" ")


@contextlib.contextmanager
def playing() -> Iterator[tuple[Upstream, str]]:
    upstream = Upstream()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=upstream.talk, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield upstream, f"http://localhost:{listening.getsockname()[1]}"
        upstream.over.set()


def configured(url: str) -> str:
    """A national portal at this address; it wants no keys of anybody."""
    places = {f"{name}_endpoint": f"{url}/{name}" for name in ("authorization", "token", "userinfo")}
    return json.dumps(
        [{"id": "dvcqg", "kind": "dvcqg", "label": "DVCQG", "client_id": "us", "client_secret": "a secret"} | places]
    )


@dataclass
class Load:
    """What became of the logins, how long each took, and what became of those who came back from the upstream."""

    provider: Provider
    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    returned: Counter[str] = field(default_factory=Counter)

    def log_in(self, number: int) -> None:
        """From the portal to its code, by password."""
        visit = Visit(self.provider.issuer, person=number % PEOPLE + 1)
        try:
            page = visit.authorize()
            began = time.monotonic()
            code_of(visit.submit(page))
            self.seconds.append(time.monotonic() - began)
        except Exception as error:
            self.failed.append(f"{type(error).__name__}: {error}"[:300])

    def come_back(self, number: int) -> None:
        """From the login page to the upstream and back with a code; the upstream is never seen by this browser."""
        visit = Visit(self.provider.issuer)
        page = visit.authorize()
        attempt = parse_qs(urlsplit(page.url).query)["attempt"][0]
        away = visit.browser.open(f"{self.provider.issuer}/via/dvcqg?attempt={attempt}")
        if not (away.location or "").startswith("http://localhost") or "state=" not in (away.location or ""):
            self.returned["turned away"] += 1
            return
        state = parse_qs(urlsplit(away.location or "").query)["state"][0]
        back = visit.browser.open(f"{self.provider.issuer}/via/dvcqg/callback?code=x&state={state}")
        self.returned[f"{back.status} {back.name or 'redirect'}"] += 1

    def steady(self, do: Callable[[int], None], rate: float, until: float, pool: ThreadPoolExecutor) -> None:
        """Begin one after the other at this rate, however long each takes."""
        began = time.monotonic()
        for number in itertools.count():
            due = began + number / rate
            if due >= until:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(do, number)


def under_load(provider: Provider, seconds: float) -> Load:
    load = Load(provider)
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(16) as logins, ThreadPoolExecutor(80) as returns:
        both = [
            threading.Thread(target=load.steady, args=(load.log_in, LOGINS_A_SECOND, until, logins)),
            threading.Thread(target=load.steady, args=(load.come_back, RETURNS_A_SECOND, until, returns)),
        ]
        for each in both:
            each.start()
        for each in both:
            each.join()
    return load


def p99(load: Load) -> float:
    return statistics.quantiles(load.seconds, n=100)[98]


@pytest.fixture(params=PAIRS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Provider, Upstream]]:
    with playing() as (upstream, url):
        settings = {"IDP_UPSTREAMS": configured(url), "IDP_LIMITS__ATTEMPTS_PER_ADDRESS": "100000"}
        with (
            installed(
                tmp_path, request, request.param, settings=settings, people=people(PEOPLE), clients=[PORTAL], workers=2
            ) as ready,
            ready.serving() as serving,
        ):
            yield serving, upstream


@pytest.mark.parametrize("seconds", [4.0, pytest.param(SECONDS, marks=pytest.mark.soak)], ids=["seconds", "all"])
def test_a_broken_upstream_hurts_no_login_by_password(world: tuple[Provider, Upstream], seconds: float) -> None:
    """F-23, F-25, acceptance 4"""
    provider, upstream = world
    under_load(provider, min(seconds, 10.0))
    loads = {}
    for mood, lasting in (("works", min(seconds, 120.0)), ("dead", seconds), ("drips", seconds)):
        upstream.mood = mood
        loads[mood] = load = under_load(provider, lasting)
        print(
            f"\n{mood}: {len(load.seconds)} logins, {len(load.failed)} failed, p99 {p99(load) * 1000:.0f} ms, ", end=""
        )
        print(f"back from the upstream: {dict(load.returned)}")
    assert [load.failed for load in loads.values()] == [[], [], []]
    assert all(set(load.returned) <= {"200 login", "turned away", "303 redirect"} for load in loads.values())
    # Some did wait for the upstream, and read on the login page what happened.
    assert all(loads[mood].returned["200 login"] for mood in ("dead", "drips"))
    if seconds == SECONDS:
        assert max(p99(loads["dead"]), p99(loads["drips"])) <= 2 * p99(loads["works"])
