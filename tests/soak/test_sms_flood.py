"""N-22: requests for codes over thousands of numbers, from many addresses, by solvers of captchas: the budget holds.

`make soak` asks 100,000 times over 10,000 numbers on both databases, `make test` a hundredth of that; `SOAK_SEED`
repeats a run. What is sent in each minute is exactly what a minute may cost, however many ask at once.
"""

import os
import random
from collections import Counter

import pytest
from sqlalchemy import func, select

from idp.accounts.one_time import CodeRequest
from idp.http.store_errors import STORE_DOWN
from idp.limits.budgets import OverBudget
from idp.store import tables as t
from idp.store.database import Database
from tests.contracts.test_one_time_codes import desk
from tests.support.clock import FrozenClock
from tests.support.rivals import PROCESSES, THREADS, outcomes

SEED = int(os.environ.get("SOAK_SEED", "20261122"))
MINUTES = 10


def ask_often(url: str, now: float, times: int, numbers: int, per_minute: int, seed: int) -> list[str]:
    """Ask for codes to random numbers; what became of each."""
    database = Database(url)
    codes = desk(database, FrozenClock(now), per_minute=per_minute)
    chance = random.Random(f"{seed} {os.getpid()} {os.urandom(4).hex()}")
    told = []
    for _ in range(times):
        number = chance.randrange(numbers)
        who = f"{number:032d}"
        ask = CodeRequest("login", "x", who, "sms", f"+849{number % 1000:03d}5{number // 1000:04d}", who)
        try:
            codes.send(ask, f"10.{chance.randrange(250)}.{chance.randrange(250)}.1/32", language="vi", trusted=True)
            told.append("sent")
        except OverBudget as refused:
            told.append(refused.detail)
        except STORE_DOWN:
            # On SQLite writers stand in line for two seconds at most; then they are told to come later (503).
            told.append("store busy")
    database.close()
    return told


@pytest.mark.parametrize(
    ("requests", "numbers", "per_minute"),
    [(1000, 100, 6), pytest.param(100_000, 10_000, 600, marks=pytest.mark.soak)],
    ids=["a hundredth", "all"],
)
def test_a_flood_sends_exactly_the_budget(
    database: Database, database_url: str, requests: int, numbers: int, per_minute: int
) -> None:
    """N-22, W-01, F-30"""
    clock, each = FrozenClock(), requests // MINUTES // (PROCESSES * THREADS)
    told: Counter[str] = Counter()
    for _ in range(MINUTES):
        round_ = Counter(outcomes(ask_often, database_url, clock(), each, numbers, per_minute, SEED, patience=600))
        assert round_["sent"] == per_minute
        told += round_
        clock.move(61)

    with database.autocommit.connect() as connection:
        accepted = connection.execute(select(func.count()).select_from(t.message)).scalar()
    assert accepted == told["sent"] == per_minute * MINUTES
    print(f"\nflood of {sum(told.values())} requests over {numbers} numbers on {database.dialect}: {dict(told)}")
