"""Acceptance 4, F-07, F-08: workers are killed one after the other under load, and hardly anybody notices.

A random one every two seconds by TERM, ABRT or KILL, at a third of what the installation carries. An answer that
fails is safe to ask for again, nothing acknowledged is lost, and the metrics are right at the end. `make soak` does so
for ten minutes, `make test` for a few kills: too few for a share of all requests, so there no more may fail than a
killed worker had in its hands. `SOAK_SEED` repeats a run, `SOAK_KILLS` sets another number.
"""

import json
import os
import random
import re
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import urllib3

from tests.support.browser import Page
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people
from tests.support.provider import Provider
from tests.support.waiting import until

WORKERS, CLIENTS = 4, 6
KILL_EVERY = 2.0
FEW, MANY = 5, int(os.environ.get("SOAK_KILLS", "300"))
WARM_UP = 4.0
MOST_FAILED = 0.005
HOW = (signal.SIGTERM, signal.SIGABRT, signal.SIGKILL)


@dataclass
class Client:
    """A portal and a person, who do one thing after the other; half of them on a connection for each request."""

    provider: Provider
    number: int
    pace: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    tokens_given: int = 0
    waited: float = 0.0

    def __post_init__(self) -> None:
        self.visit = Visit(self.provider.issuer, fresh=bool(self.number % 2), person=self.number)
        self.tokens = self.visit.tokens()
        self.tokens_given = 1

    def run(self, over: threading.Event) -> None:
        steps: tuple[tuple[str, Callable[[], Page]], ...] = (
            ("refresh", lambda: self.visit.refresh(self.tokens["refresh_token"])),
            ("userinfo", lambda: self.visit.userinfo(self.tokens["access_token"])),
            ("code", self.code),
            ("keys", lambda: self.visit.portal.send("GET", f"{self.provider.issuer}/jwks")),
        )
        while not over.is_set():
            for name, step in steps:
                page = self.ask(name, step)
                if name in ("refresh", "code"):
                    self.tokens_given += 1
                if name == "refresh":
                    self.tokens |= json.loads(page.body)
                over.wait(self.pace)

    def code(self) -> Page:
        page = self.visit.authorize()
        if not page.location:
            return page
        self.asked["authorization"] += 1
        return self.visit.redeem(page.answer["code"])

    def ask(self, name: str, step: Callable[[], Page]) -> Page:
        """An answer that is good, if not at once: what failed is asked again from its beginning."""
        self.asked[name] += 1
        page = self._try(step)
        if page is None:
            self.failed[name] += 1
            found: list[Page] = []
            until(lambda: bool(found) or ((again := self._try(step)) is not None and not found.append(again)))
            page = found[0]
        assert page.status == 200, f"{name}: {page.status} {page.text[:300]}"
        return page

    def _try(self, step: Callable[[], Page]) -> Page | None:
        began = time.monotonic()
        try:
            page = step()
        except urllib3.exceptions.HTTPError:
            return None
        finally:
            self.waited += time.monotonic() - began
        return None if page.status >= 500 else page


@pytest.fixture
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    given = {"settings": CHEAP_HASH, "people": people(CLIENTS), "clients": [PORTAL], "workers": WORKERS}
    with installed(tmp_path, request, "postgresql and redis", **given) as ready, ready.serving():  # type: ignore[arg-type]
        yield ready


def load(clients: list[Client], block: Callable[[], None]) -> None:
    """All clients at work while the block runs."""
    over = threading.Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        running = [pool.submit(client.run, over) for client in clients]
        try:
            block()
        finally:
            over.set()
        for each in running:
            each.result()


def kill_one(provider: Provider, chance: random.Random) -> signal.Signals | None:
    alive = sorted(provider.worker_processes())
    if not alive:
        return None
    how = chance.choice(HOW)
    try:
        os.kill(chance.choice(alive), how)
    except ProcessLookupError:
        return None
    return how


@pytest.mark.timeout(0)
@pytest.mark.parametrize("kills", [FEW, pytest.param(MANY, marks=pytest.mark.soak)])
def test_workers_are_killed_under_load(provider: Provider, kills: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SOAK_SEED", secrets.randbits(32)))
    chance, done = random.Random(seed), Counter[str]()
    clients = [Client(provider, number) for number in range(1, CLIENTS + 1)]
    load(clients, lambda: time.sleep(WARM_UP))
    carries = sum(client.asked.total() for client in clients) / WARM_UP
    for client in clients:
        assert not client.failed
        client.asked.clear()
        client.waited = 0.0
        client.pace = 3 * CLIENTS / carries

    def kill() -> None:
        for _ in range(kills):
            if how := kill_one(provider, chance):
                done[how.name] += 1
            time.sleep(KILL_EVERY)

    began = time.monotonic()
    load(clients, kill)
    took = time.monotonic() - began
    asked, failed = sum(c.asked.total() for c in clients), sum((c.failed for c in clients), Counter[str]())
    with capsys.disabled():
        print(
            f"\nworkers killed, seed {seed}: {dict(done)}; {asked} asked for, {asked / took:.0f}/s of {carries:.0f}/s, "
            f"{failed.total()} failed {dict(failed)}; {took:.0f} s"
        )
    in_hand = sum(client.waited for client in clients) / took / WORKERS
    assert failed.total() <= (most_in_hand(done, in_hand) if kills == FEW else MOST_FAILED * asked), f"{in_hand:.2f}"
    assert_nothing_is_lost(provider, clients, failed)


def most_in_hand(done: Counter[str], in_hand: float) -> float:
    """Requests in the hands of the workers that could not end them: the mean, three deviations and one more.

    TERM fails no request. `in_hand` is the mean number of requests that a worker has at any moment.
    """
    mean = (done.total() - done["SIGTERM"]) * in_hand
    return mean + 3 * mean**0.5 + 1


def assert_nothing_is_lost(provider: Provider, clients: list[Client], failed: Counter[str]) -> None:
    """What was acknowledged works, what was counted is what was answered, and only the living are shown."""
    until(lambda: len(shown(provider)) == WORKERS and shown(provider) == provider.worker_processes(), patience=60)
    for client in clients:
        assert client.visit.userinfo(client.tokens["access_token"]).status == 200
    counted = sum(
        float(value)
        for value in re.findall(
            r'^idp_requests_total\{method="POST",route="/token",status="200"\} (\S+)', provider.metrics(), re.MULTILINE
        )
    )
    given = sum(client.tokens_given for client in clients)
    assert given <= counted <= given + failed.total()
    for client in clients:
        assert client.visit.refresh(client.tokens["refresh_token"]).status == 200


def shown(provider: Provider) -> set[int]:
    return {int(pid) for pid in re.findall(r'idp_key_ring_failing\{pid="(\d+)"\}', provider.metrics())}
