"""F-09: a stop loses nobody. Whatever was accepted is answered; whatever comes later is refused, never cut off."""

import contextlib
import http.client
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.browser import Page
from tests.support.installation import installed
from tests.support.live import PORTAL, Visit, code_of, people
from tests.support.provider import Provider
from tests.support.waiting import until

CITIZENS = 4
# Slow enough that a stop comes in the middle, with room in the queue for all. So few that the last of them has its turn
# within the two seconds that anybody waits, on a busy machine and by one worker too.
SLOW_HASH = {"IDP_LOGIN__HASH_MEMORY": "19456", "IDP_LOGIN__HASH_TIME": "3", "IDP_LOGIN__HASH_QUEUE": "50"}
PATIENCE = {"IDP_WEB__GRACEFUL_TIMEOUT": "20"}
LATECOMERS = {"200", "refused"}


@pytest.fixture
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    with installed(
        tmp_path,
        request,
        settings=SLOW_HASH | PATIENCE,
        people=people(CITIZENS),
        clients=[PORTAL],
        workers=2,
    ) as ready:
        yield ready


def knock(port: int) -> str:
    """One request on a connection of its own, and what became of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return "refused"
    try:
        connection.request("GET", "/jwks", headers={"Host": f"localhost:{port}"})
        return str(connection.getresponse().status)
    except (ConnectionResetError, BrokenPipeError, TimeoutError, http.client.RemoteDisconnected) as error:
        return type(error).__name__
    finally:
        connection.close()


@contextlib.contextmanager
def knocking(port: int) -> Iterator[list[str]]:
    """Requests one after the other until nobody listens any more; gives what became of each."""
    seen: list[str] = []

    def run() -> None:
        while "refused" not in seen:
            seen.append(knock(port))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield seen
    finally:
        seen.append("refused")
        thread.join(60)


def test_a_stop_in_the_middle_of_slow_logins_finishes_them_all(provider: Provider) -> None:
    with ThreadPoolExecutor(CITIZENS) as pool:
        with provider.serving():
            visits = [Visit(provider.issuer, person=number) for number in range(1, CITIZENS + 1)]
            pages = [visit.authorize() for visit in visits]
            sent: list[Future[Page]] = [
                pool.submit(post_login, visit, page) for visit, page in zip(visits, pages, strict=True)
            ]
            until(lambda: any(each.done() for each in sent))
            assert provider.process
            with knocking(provider.port) as others:
                assert not all(each.done() for each in sent), "the stop came too late for this test"
                provider.process.send_signal(signal.SIGTERM)
                assert provider.process.wait(40) == 0
        answers = [done.result() for done in sent]

    assert [answer.status for answer in answers] == [303] * CITIZENS, provider.log.read_text()[-4_000:]
    assert set(others) <= LATECOMERS, others
    assert others.count("200") + others.count("refused") >= len(others) - 1, others
    with provider.serving():
        for visit, answer in zip(visits, answers, strict=True):
            assert code_of(visit.browser.open(answer.location or ""))


def post_login(visit: Visit, page: Page) -> Page:
    """Press the button and take the answer, without following it."""
    visit.browser.origins.clear()
    return visit.submit(page)
