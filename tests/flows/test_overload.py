"""N-15: under more load than there is room for, some are turned away at once, and a portal's requests go first."""

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.support.installation import PAIRS, installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people
from tests.support.provider import Provider
from tests.support.waiting import until

CROWD, PAGES = 60, 600
SOON = 1.0
"""Seconds for an answer on a machine that does other things too; the soak measures."""


@pytest.fixture(scope="module", params=PAIRS)
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    given = {
        "people": people(1),
        "clients": [PORTAL],
        "settings": CHEAP_HASH | {"IDP_LOGIN__CAPTCHA": "after_failures"},
    }
    with installed(tmp_path_factory.mktemp("overload"), request, request.param, **given) as ready, ready.serving():
        yield ready


@pytest.mark.parametrize("page", ["a thread", "the loop"])
def test_n_15_a_crowd_is_turned_away_in_part_and_portals_are_served(provider: Provider, page: str) -> None:
    """Whoever shows the page: on PostgreSQL the loop of a worker shows the login page."""
    visit, issuer = Visit(provider.issuer), provider.issuer
    shown = urlsplit(visit.authorize().url) if page == "the loop" else urlsplit("/register")
    headers = {"Cookie": visit.browser.cookies.header(urlsplit(issuer))}
    target = f"{issuer}{shown.path}?{shown.query}"
    before = shed(provider)
    tokens, over, took = visit.tokens(), threading.Event(), list[float]()
    with urllib3.PoolManager(maxsize=CROWD) as pool, ThreadPoolExecutor(CROWD) as crowd:
        asked = [crowd.submit(pool.request, "GET", target, headers=headers, retries=False) for _ in range(PAGES)]
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
    assert shed(provider) - before == len(away)
    assert visit.browser.open(f"{issuer}/register").status == 200


def shed(provider: Provider) -> float:
    """How many expensive requests were turned away."""
    counted = [line for line in provider.metrics().splitlines() if line.startswith('idp_shed_total{kind="dear"}')]
    return sum(float(line.split()[-1]) for line in counted)
