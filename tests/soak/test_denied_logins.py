"""N-09: nobody can be kept out by logins that fail, at one account or at all, from one address, one network or many.

Beside as many bogus logins as the machine can send, each with a solved captcha, the owner logs in on a known device and
people on new devices in the attackers' own /24, with a code where one is asked for. `make soak` has a hundred of each
beside each attack, `make test` three; passwords have their real price.
"""

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.browser import Page
from tests.support.inbox import CODE, code_in, received
from tests.support.installation import PAIRS, installed
from tests.support.live import PASSWORD, PORTAL, REDIRECT, Visit, bhxh
from tests.support.provider import FIXED_CAPTCHA, Provider
from tests.support.waiting import until

PEOPLE, FULL, SMALL = 100, 100, 3
ATTACKERS = 6
OWNER_AT, NEIGHBOUR_AT = "198.51.100.7", "203.0.113.200"
PATIENCE = 60.0
"""Seconds in which somebody on a new device has to be in, all tries and the code together."""

ADDRESSES: dict[str, Callable[[int], str]] = {
    "one address": lambda number: "203.0.113.66",
    "one /24": lambda number: f"203.0.113.{number % 190 + 1}",
    "1,000 networks": lambda number: f"10.{number // 250 % 4}.{number % 250}.9",
}
TARGETS: dict[str, Callable[[int], str]] = {
    "one account": lambda number: bhxh(1),
    "all accounts": lambda number: bhxh(number % PEOPLE + 1) if number % 2 else f"99{number % 10**8:08d}",
}


@dataclass
class Attack:
    """Browsers that type wrong passwords without end."""

    provider: Provider
    address: Callable[[int], str]
    target: Callable[[int], str]
    tries: Iterator[int] = field(default_factory=itertools.count)
    over: threading.Event = field(default_factory=threading.Event)
    judged: int = 0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._guess, daemon=True) for _ in range(ATTACKERS)]
        for thread in threads:
            thread.start()
        until(lambda: self.judged > 20)
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def _guess(self) -> None:
        while not self.over.is_set():
            with suppress(Exception):
                visit = Visit(self.provider.issuer)
                page = self._moved(visit).authorize()
                while page.name == "login" and not self.over.is_set():
                    self._moved(visit)
                    page = self._submit(page)
                    self.judged += page.status in (200, 429)

    def _moved(self, visit: Visit) -> Visit:
        """The browser at its next address."""
        visit.browser.headers["X-Forwarded-For"] = self.address(next(self.tries))
        return visit

    def _submit(self, page: Page) -> Page:
        page.fill("username", self.target(next(self.tries))).fill("password", "sai mật khẩu")
        return page.fill("captcha", FIXED_CAPTCHA).press("login-submit")


@dataclass
class Person:
    """Somebody with a browser at an address, who tries again when told to."""

    provider: Provider
    number: int
    address: str

    def __post_init__(self) -> None:
        self.visit = Visit(self.provider.issuer, person=self.number)
        self.visit.browser.headers["X-Forwarded-For"] = self.address

    def gets_in(self, *, remember: bool = False) -> float:
        """Log in from the portal, with a code where one is asked for; the seconds it took."""
        began, since = time.monotonic(), time.time()
        page = self.visit.authorize(prompt="login")
        while not (page.location or "").startswith(REDIRECT):
            assert time.monotonic() - began < PATIENCE, f"{page.status} {page.name}: {page.summary}"
            if page.name == "login":
                page.tick("remember", remember)
                page = self.visit.submit(page)
            elif page.name == "code":
                page = page.fill("code", self._code_sent(since)).press("code-submit")
            else:
                page = self.visit.authorize(prompt="login")
        return time.monotonic() - began

    def _code_sent(self, since: float) -> str:
        """The newest code; there are notices of new devices beside it, and codes of earlier logins."""
        inbox, to = self.provider.home / "data" / "inbox", phone(self.number)
        found: list[str] = []

        def arrived() -> bool:
            texts = [each for each in received(inbox) if each["to"] == to and each["sent_at"] > since]
            found[:] = [code_in(each) for each in texts if CODE.search(each["body"])]
            return bool(found)

        until(arrived)
        return found[-1]


def phone(number: int) -> str:
    return f"+8498{number:07d}"


def people() -> list[dict[str, object]]:
    return [
        {"name": f"Trịnh Thị Thử {n}", "password": PASSWORD, "identifiers": {"bhxh": bhxh(n)}, "phone": phone(n)}
        for n in range(1, PEOPLE + 1)
    ]


@pytest.fixture(params=PAIRS)
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    # A hundred neighbours in a minute: the texts of an hour are for others to test.
    open_ = ("PER_PREFIX_HOUR", "PER_NUMBER_HOUR", "PER_NUMBER_DAY", "PER_ACCOUNT_HOUR")
    settings = {"IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]'} | {f"IDP_BUDGETS__{each}": "100000" for each in open_}
    # The work would only make the attack smaller: attackers and people are threads of one process here.
    settings["IDP_LIMITS__NETWORK_WRONG"] = "1000000"
    with (
        installed(
            tmp_path, request, request.param, people=people(), clients=[PORTAL], settings=settings, workers=2
        ) as it,
        it.serving(),
    ):
        yield it


def beside(provider: Provider, place: str, aim: str, visitors: range) -> tuple[list[float], list[float], int]:
    """How long logins took on a known device and on new ones in the attackers' network, beside how many tries."""
    owner = Person(provider, 1, OWNER_AT)
    owner.gets_in(remember=True)
    attack = Attack(provider, ADDRESSES[place], TARGETS[aim])
    with attack.going_on():
        known = [owner.gets_in() for _ in visitors]
        new = [Person(provider, number, NEIGHBOUR_AT).gets_in() for number in visitors]
    return known, new, attack.judged


@pytest.mark.parametrize(
    ("place", "aim", "first"), [("one address", "one account", 1), ("one /24", "all accounts", 50)]
)
def test_n_09_failing_logins_keep_nobody_out(provider: Provider, place: str, aim: str, first: int) -> None:
    known, new, tries = beside(provider, place, aim, range(first, first + SMALL))

    assert (len(known), len(new)) == (SMALL, SMALL)
    assert tries > SMALL


@pytest.mark.soak
@pytest.mark.parametrize("aim", TARGETS)
@pytest.mark.parametrize("place", ADDRESSES)
def test_n_09_a_hundred_of_a_hundred_get_in(
    provider: Provider, place: str, aim: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known, new, tries = beside(provider, place, aim, range(1, FULL + 1))
    slowest = statistics.quantiles(known, n=100)[98]

    with capsys.disabled():
        print(f"\n{place}, {aim}: {tries} bogus logins; p99 {slowest:.2f} s known, {max(new):.1f} s at most new")
    assert slowest <= 2.0
