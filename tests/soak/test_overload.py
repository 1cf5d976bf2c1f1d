"""N-15: three times as much as the installation carries; who is admitted is served soon, the rest hear so at once.

Pages and a portal's requests in equal parts, each on a connection of its own, from 200 addresses. First as many as come
back from eight visitors who wait for their answers, which is the peak; then three times that rate, whatever became of
those before; then the eight again. The visitors need a good part of the machine's two cores themselves.
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.installation import PAIRS, installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people
from tests.support.provider import Provider

VISITORS, ADDRESSES, TIMES = 8, 200, 3
PEAK_SECONDS, OVERLOAD_SECONDS, WELL_AFTER = 10.0, 20.0, 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one request: its status, 0 without an answer, and the seconds that it took."""

    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """Visitors who take turns with these requests."""

    port: int
    requests: tuple[bytes, ...]

    async def ask(self, number: int) -> Seen:
        began, status = time.monotonic(), 0
        try:
            async with asyncio.timeout(30):
                home = (f"127.1.0.{number % ADDRESSES + 1}", 0)
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=home)
                writer.write(self.requests[number % len(self.requests)])
                answer = await reader.read()
                writer.close()
            status = int(answer[9:12] or b"0")
        except (OSError, TimeoutError):
            pass
        return Seen(status, time.monotonic() - began)

    async def patiently(self, seconds: float) -> list[Seen]:
        """`VISITORS` who each wait for an answer before they ask again."""
        end, seen = time.monotonic() + seconds, list[Seen]()

        async def visit(number: int) -> None:
            while time.monotonic() < end:
                seen.append(await self.ask(number))
                number += VISITORS + 1

        await asyncio.gather(*(visit(number) for number in range(VISITORS)))
        return seen

    async def steadily(self, rate: float, seconds: float) -> list[Seen]:
        """`rate` new ones a second, however many wait already."""
        began, asked = time.monotonic(), list[asyncio.Task[Seen]]()
        while (passed := time.monotonic() - began) < seconds:
            asked += [asyncio.create_task(self.ask(n)) for n in range(len(asked), int(passed * rate))]
            await asyncio.sleep(0.002)
        return list(await asyncio.gather(*asked))


def crowd_of(provider: Provider) -> Crowd:
    token = Visit(provider.issuer).tokens()["access_token"]
    host = urlsplit(provider.issuer).netloc
    heads = ("GET /register HTTP/1.1", f"GET /userinfo HTTP/1.1\r\nAuthorization: Bearer {token}")
    return Crowd(provider.port, tuple(f"{h}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode() for h in heads))


def patiently(crowd: Crowd, seconds: float) -> list[Seen]:
    return asyncio.run(crowd.patiently(seconds))


def steadily(crowd: Crowd, rate: float, seconds: float) -> list[Seen]:
    return asyncio.run(crowd.steadily(rate, seconds))


def milliseconds(seen: list[Seen], part: int) -> float:
    """So many of a hundred were at least that fast."""
    return statistics.quantiles([each.seconds for each in seen], n=100)[part - 1] * 1_000 if len(seen) > 1 else 0.0


@pytest.fixture(params=PAIRS)
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    given = {"settings": CHEAP_HASH, "people": people(1), "clients": [PORTAL], "workers": 2}
    with installed(tmp_path, request, request.param, **given) as ready, ready.serving():  # type: ignore[arg-type]
        yield ready


@pytest.mark.soak
def test_n_15_three_times_the_peak_leaves_those_admitted_well_served(
    provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    crowd = crowd_of(provider)
    with multiprocessing.get_context("spawn").Pool(1) as beside:
        peak = beside.apply(patiently, (crowd, PEAK_SECONDS))
        rate = len(peak) / PEAK_SECONDS
        seen = beside.apply(steadily, (crowd, TIMES * rate, OVERLOAD_SECONDS))
        ended = time.monotonic()
        beside.apply(patiently, (crowd, 1.0))
        after = beside.apply(patiently, (crowd, 5.0))
    served = [each for each in seen if each.status == 200]
    away = [each for each in seen if each.status == 503]

    with capsys.disabled():
        told = {"served": served, "503": away, "after": after}
        times = {name: [round(milliseconds(these, part)) for part in (50, 95, 99)] for name, these in told.items()}
        rates = f"peak {rate:.0f}/s, {len(seen) / OVERLOAD_SECONDS:.0f}/s asked, {len(served) / OVERLOAD_SECONDS:.0f}/s"
        silent = len(seen) - len(served) - len(away)
        print(
            f"\n{rates} served, {silent} without an answer, {len(after) / 5:.0f}/s after; 50, 95, 99 of 100 ms: {times}"
        )
    assert {each.status for each in seen} == {200, 503}
    assert len(served) / OVERLOAD_SECONDS >= 0.8 * rate
    assert milliseconds(served, 95) < 250
    assert milliseconds(away, 95) < 50
    assert time.monotonic() - ended < WELL_AFTER
    assert {each.status for each in after} == {200}
    assert len(after) / 5 >= 0.8 * rate
