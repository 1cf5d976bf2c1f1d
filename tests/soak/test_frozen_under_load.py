"""Acceptance 5, F-02, F-10: PostgreSQL, Redis, or both stand still under load, and nobody waits longer than a deadline.

`make soak` freezes them for twenty seconds, `make test` for four. `SOAK_FROZEN` sets another number of seconds.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
import urllib3

from tests.support import databases, servers
from tests.support.browser import Page
from tests.support.frozen import frozen, postmaster, redis_process
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people
from tests.support.provider import Provider
from tests.support.waiting import until

TIMEOUT = 2.0
LONGEST = TIMEOUT + 1.0
HEALTH = 0.1
SOON = 5.0
ASKERS = 12
SHORT, LONG = 4.0, float(os.environ.get("SOAK_FROZEN", "20"))


@dataclass
class Seen:
    """What was answered, and how long the slowest of each kind took."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)

    def note(self, what: str, status: int, took: float) -> None:
        self.statuses[status] += 1
        self.slowest[what] = max(took, self.slowest.get(what, 0.0))


@pytest.fixture(scope="module")
def stores() -> Iterator[tuple[str, str]]:
    """Servers of our own: others share the session's."""
    with servers.postgresql() as postgresql, servers.redis_server() as redis:
        yield postgresql, redis


@pytest.fixture(scope="module")
def provider(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, stores: tuple[str, str]
) -> Iterator[Provider]:
    tmp_path = tmp_path_factory.mktemp("frozen")
    databases.create_tables(stores[0])
    settings = CHEAP_HASH | {
        "IDP_STORE__DATABASE_URL": stores[0],
        "IDP_STORE__REDIS_URL": stores[1],
        "IDP_STORE__TIMEOUT": str(TIMEOUT),
        # All come from one address, and how many may begin a login is another test's matter.
        "IDP_LIMITS__ATTEMPTS_PER_ADDRESS": "1000000",
        "IDP_LIMITS__ATTEMPTS_IN_TOTAL": "1000000",
    }
    with (
        installed(tmp_path, request, settings=settings, people=people(ASKERS), clients=[PORTAL], workers=2) as ready,
        ready.serving(),
    ):
        yield ready


def asks(visit: Visit, tokens: dict[str, str]) -> dict[str, Callable[[], Page]]:
    return {
        "keys": lambda: visit.portal.send("GET", f"{visit.issuer}/jwks"),
        "userinfo": lambda: visit.userinfo(tokens["access_token"]),
        "introspection": lambda: visit.ask("/introspect", token=tokens["access_token"]),
        "login page": lambda: Visit(visit.issuer).authorize(),
        "account": lambda: visit.browser.send("GET", f"{visit.issuer}/account"),
    }


def ask_until(over: threading.Event, visit: Visit, tokens: dict[str, str], seen: Seen) -> None:
    while not over.is_set():
        for what, ask in asks(visit, tokens).items():
            began = time.monotonic()
            seen.note(what, ask().status, time.monotonic() - began)


def health_until(over: threading.Event, provider: Provider, took: list[float]) -> None:
    with urllib3.PoolManager() as pool:
        while not over.wait(0.2):
            began = time.monotonic()
            answer = pool.request("GET", f"http://127.0.0.1:{provider.operations_port}/healthz", retries=False)
            assert answer.status == 200
            took.append(time.monotonic() - began)


def well(visits: list[tuple[Visit, dict[str, str]]]) -> bool:
    return all(ask().status in (200, 303) for visit, tokens in visits for ask in asks(visit, tokens).values())


@pytest.mark.timeout(0)
@pytest.mark.parametrize("which", ["postgresql", "redis", "both"])
@pytest.mark.parametrize("seconds", [SHORT, pytest.param(LONG, marks=pytest.mark.soak)])
def test_stores_stand_still_under_load(
    provider: Provider, stores: tuple[str, str], which: str, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = [(visit := Visit(provider.issuer, person=number), visit.tokens()) for number in range(1, ASKERS + 1)]
    processes = {"postgresql": [postmaster(stores[0])], "redis": [redis_process(stores[1])]}
    over, seen, health = threading.Event(), Seen(), list[float]()
    with ThreadPoolExecutor(ASKERS + 1) as pool, ExitStack() as ended:
        ended.callback(over.set)
        running = [pool.submit(health_until, over, provider, health)]
        with frozen(*(processes.get(which) or [each for all_ in processes.values() for each in all_])):
            running += [pool.submit(ask_until, over, visit, tokens, seen) for visit, tokens in visits]
            over.wait(seconds)
            over.set()
            for each in running:
                each.result()
        recovered = until(lambda: well(visits))
    slowest = {what: round(took, 2) for what, took in seen.slowest.items()}
    # Twelve threads of ours take turns with the one that asks: of twenty answers one may have waited for them,
    # and of the few of the short form, which runs beside other tests, half.
    healthy = sorted(health)[int(len(health) * (0.95 if seconds == LONG else 0.5))]
    with capsys.disabled():
        print(
            f"\n{which} frozen for {seconds:.0f} s: {seen.statuses.total()} answers {dict(seen.statuses)}, "
            f"slowest {slowest}; health {healthy * 1000:.0f} ms; well after {recovered:.1f} s"
        )
    assert set(seen.statuses) <= {200, 303, 503}
    assert max(seen.slowest.values()) < LONGEST
    assert seen.slowest["keys"] < 0.75 * TIMEOUT, "they ask no store: whoever waits for one must not hold them up"
    assert healthy < HEALTH
    assert recovered < SOON
