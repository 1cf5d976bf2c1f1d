"""N-08: a day of spraying opens at most 0.05 % of the accounts. The clock is a fake one, the counts are real.

`make soak` tries the full number: 100,000 accounts from 1,000 networks, each network as often as it likes.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pytest

from idp.accounts.account import Account
from idp.accounts.hash_queue import HashCaller
from idp.limits.local import LocalRateLimiter
from idp.limits.work import WorkPrice
from idp.login.limiter import LoginLimiter
from idp.login.limits import LoginLimits
from idp.login.login_form import LoginFailed, LoginForm
from idp.login.logins import LoginRules, Logins
from idp.store.database import Database
from idp.store.rate_limits import SqlRateLimits
from tests.support.clock import FrozenClock

DAY, POPULAR = 86_400.0, 1_000
SEED = 20261128


class Town:
    """People by BHXH code; one in ten has one of the thousand most popular passwords, the first ones most often."""

    def __init__(self, people: int) -> None:
        chance = random.Random(SEED)
        weights = list(accumulate(1 / rank for rank in range(1, POPULAR + 1)))
        ranks = chance.choices(range(1, POPULAR + 1), cum_weights=weights, k=people)
        self.secret = [f"popular {rank}" if chance.random() < 0.1 else f"own {n}" for n, rank in enumerate(ranks)]

    def find_for_login(self, kind: str, value: str, stand_in: str) -> tuple[Account | None, str | None]:
        number = int(value)
        if number >= len(self.secret):
            return None, None
        secret = self.secret[number]
        return Account(f"{number:032x}", "individual", "Người Thử", password_hash=secret), secret

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


@dataclass
class Bare:
    """Passwords that cost nothing."""

    @contextmanager
    def place(self, asker: HashCaller) -> Iterator["Bare"]:
        yield self

    def verify(self, stored: str | None, password: str) -> bool:
        return stored == password

    def is_outdated(self, stored: str) -> bool:
        return False

    def stand_in(self, identifier: str) -> str:
        return ""


def opened(database: Database, *, accounts: int, networks: int, tries: int, limits: LoginLimits) -> int:
    """How many accounts a day of spraying opens from so many networks, each trying the most popular passwords."""
    clock, town, chance = FrozenClock(), Town(accounts), random.Random(SEED)
    quiet, work = Town(0), WorkPrice(b"k", LocalRateLimiter(10**9, 600, clock), 20)
    limiter = LoginLimiter(
        SqlRateLimits(database), work, limits, clock, knows_device=lambda *_: False, digest_key=b"k" * 32
    )
    logins = Logins(town, Bare(), limiter, quiet, clock, LoginRules("always", {}))  # type: ignore[arg-type]
    found = set()
    for number in range(networks * tries):
        clock.move(DAY / (networks * tries))
        network, victim = number % networks, chance.randrange(accounts)
        place = f"10.{network // 256}.{network % 256}"
        typed = LoginForm(
            "individual", f"{victim:010d}", f"popular {1 + number // accounts}", captcha=lambda: True,
            network=f"{place}.0/24", address=f"{place}.{number % 254}/32",
        )  # fmt: skip
        try:
            proved = logins.with_password(typed)
        except LoginFailed:
            continue
        if not proved.suspicious:
            found.add(victim)
    return len(found)


def test_n_08_a_hundredth_of_a_day_of_spraying_opens_next_to_nothing(database: Database) -> None:
    small = LoginLimits(total_accounts=16)

    assert opened(database, accounts=1_000, networks=10, tries=100, limits=small) <= 1


def test_n_08_the_town_would_fall_without_the_judgement_of_networks(database: Database) -> None:
    """What the number above is worth: the same day with networks that are never judged."""
    blind = LoginLimits(network_accounts=10**9, network_accounts_then=10**9)

    assert opened(database, accounts=1_000, networks=10, tries=200, limits=blind) >= 5


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_n_08_a_day_of_spraying_opens_at_most_one_account_in_two_thousand(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    fell = opened(database, accounts=100_000, networks=1_000, tries=100, limits=LoginLimits())

    with capsys.disabled():
        print(f"\nseed {SEED}, {database.dialect}: 100,000 tries in a day, {fell} of 100,000 accounts opened")
    assert fell <= 50
