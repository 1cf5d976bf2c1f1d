"""N-15: under more load than there is room for, some are turned away at once, and a portal's requests go first."""

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3

from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people
from tests.support.provider import Provider
from tests.support.waiting import until

CROWD, PAGES = 60, 600
SOON = 1.0
"""Seconds for an answer on a machine that does other things too; the soak measures."""


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    home: Path = tmp_path_factory.mktemp("overload")
    with installed(home, request, people=people(1), clients=[PORTAL], settings=CHEAP_HASH) as ready, ready.serving():
        yield ready


def test_n_15_a_crowd_is_turned_away_in_part_and_portals_are_served(provider: Provider) -> None:
    visit, issuer = Visit(provider.issuer), provider.issuer
    tokens, over, took = visit.tokens(), threading.Event(), list[float]()
    with urllib3.PoolManager(maxsize=CROWD) as pool, ThreadPoolExecutor(CROWD) as crowd:
        asked = [crowd.submit(pool.request, "GET", f"{issuer}/register", retries=False) for _ in range(PAGES)]
        threading.Thread(target=lambda: ([each.result() for each in asked], over.set()), daemon=True).start()
        until(lambda: any(each.done() for each in asked))
        while not over.is_set():
            began = time.monotonic()
            answer = visit.userinfo(tokens["access_token"])
            took.append(time.monotonic() - began)
            assert answer.status == 200
        answers = [each.result() for each in asked]

    served = [answer for answer in answers if answer.status == 200]
    away = [answer for answer in answers if answer.status == 503]
    assert len(served) + len(away) == PAGES
    assert served
    assert away
    assert {answer.headers["Retry-After"] for answer in away} == {"2"}
    assert "Hệ thống đang bận" in away[0].data.decode()
    assert statistics.median(took) < SOON
    counted = next(line for line in provider.metrics().splitlines() if line.startswith('idp_shed_total{kind="dear"}'))
    assert float(counted.split()[-1]) == len(away)
    assert visit.browser.open(f"{issuer}/register").status == 200
