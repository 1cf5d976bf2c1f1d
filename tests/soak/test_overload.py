"""N-15: three times as much as the installation carries; who is admitted is served soon, the rest hear so at once.

Pages and a portal's requests in equal parts, each on a connection of its own, from a thousand addresses. First as many
as come back from eight visitors who wait for their answers, which is the peak; then three times that rate, whatever
became of those before; then the eight again. The visitors (`crowd.mjs`) need a good part of the machine's two cores
themselves.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.installation import PAIRS, installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people
from tests.support.provider import Provider
from tests.support.servers import program

VISITORS, ADDRESSES, TIMES = 8, 1_000, 3
PEAK_SECONDS, OVERLOAD_SECONDS, WELL_AFTER = 10.0, 20.0, 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """What became of requests: of each its status, 0 without an answer, and its milliseconds; asked over `seconds`."""

    answers: tuple[tuple[int, float], ...]
    seconds: float

    def of(self, status: int) -> "Told":
        return Told(tuple(each for each in self.answers if each[0] == status), self.seconds)

    @property
    def statuses(self) -> set[int]:
        return {status for status, _ in self.answers}

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.answers) / self.seconds

    def milliseconds(self, part: int) -> float:
        """So many of a hundred had their answer by then."""
        took = sorted(took for _, took in self.answers)
        return took[len(took) * part // 100]

    def __str__(self) -> str:
        return f"{self.rate:.0f}/s (50, 95, 99 %: {', '.join(f'{self.milliseconds(p):.0f}' for p in (50, 95, 99))} ms)"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Visitors who take turns with these requests."""

    port: int
    heads: tuple[str, ...]

    def ask(self, seconds: float, **how: Any) -> Told:
        task = {"port": self.port, "heads": self.heads, "addresses": ADDRESSES, "seconds": seconds} | how
        command = [program("node"), str(Path(__file__).with_name("crowd.mjs")), json.dumps(task)]
        told = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=seconds + 60).stdout
        return Told(tuple((status, took) for status, took in json.loads(told)), seconds)


def crowd_of(provider: Provider) -> Crowd:
    token = Visit(provider.issuer).tokens()["access_token"]
    host = urlsplit(provider.issuer).netloc
    heads = ("GET /register HTTP/1.1", f"GET /userinfo HTTP/1.1\r\nAuthorization: Bearer {token}")
    return Crowd(provider.port, tuple(f"{h}\r\nHost: {host}\r\nConnection: close\r\n\r\n" for h in heads))


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
    crowd.ask(2.0, visitors=VISITORS)
    peak = crowd.ask(PEAK_SECONDS, visitors=VISITORS)
    told = crowd.ask(OVERLOAD_SECONDS, rate=TIMES * peak.rate)
    ended = time.monotonic()
    crowd.ask(1.0, visitors=VISITORS)
    assert time.monotonic() - ended < WELL_AFTER
    after = crowd.ask(PEAK_SECONDS, visitors=VISITORS)
    served, away = told.of(200), told.of(503)

    with capsys.disabled():
        print(f"\npeak {peak}, asked {told.rate:.0f}/s, served {served}, turned away {away}, after {after}")
    assert peak.statuses == after.statuses == {200}
    assert told.statuses == {200, 503}
    assert served.rate >= 0.8 * (peak.rate + after.rate) / 2, "the machine's own pace changes meanwhile"
    assert after.rate >= 0.8 * peak.rate
    assert served.milliseconds(95) < 250
    assert away.milliseconds(95) < 50
