"""What the durable counts promise on both databases: charged before the guess, judged atomically, forgiven."""

import pytest

from idp.login.limits import Admission, Charge, Policy
from idp.store.throttle import SqlThrottle
from keys.database import Database
from tests.support.rivals import outcomes

NOW = 1_772_413_200.0
LANE = Policy(free=3, base=30, cap=3600, memory=86_400)
WINDOW = Policy(free=20, base=3600, cap=3600, memory=3600, sliding=False)


def charge(throttle: SqlThrottle, now: float, policy: Policy = LANE, key: str = "lane") -> Admission:
    return throttle.charge([Charge(key, policy)], now)[0]


def test_the_first_tries_are_free_then_the_wait_doubles(database: Database) -> None:
    """P-04: 30 s growing to an hour."""
    throttle, now, waits = SqlThrottle(database), NOW, []
    for _ in range(12):
        admission = charge(throttle, now)
        assert admission.admitted
        waits.append(max(0, round(admission.blocked_until - now)))
        now = max(now, admission.blocked_until)

    assert waits == [0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_a_try_while_waiting_is_refused_and_does_not_lengthen_the_wait(database: Database) -> None:
    throttle = SqlThrottle(database)
    until = [charge(throttle, NOW) for _ in range(3)][-1].blocked_until

    refused = charge(throttle, NOW + 10)

    assert (refused.admitted, refused.blocked_until, refused.wait(NOW + 10)) == (False, until, 20)
    assert charge(throttle, until).admitted


def test_a_count_that_is_still_free_blocks_nobody_whose_clock_is_behind(database: Database) -> None:
    """F-13: of two logins at the same moment the later one may be counted first, perhaps on another machine."""
    throttle = SqlThrottle(database)
    charge(throttle, NOW, WINDOW)
    charge(throttle, NOW, WINDOW)

    assert charge(throttle, NOW - 0.001, WINDOW).admitted
    assert charge(throttle, NOW - 30, WINDOW).admitted


def test_counts_are_forgotten_after_their_memory(database: Database) -> None:
    throttle = SqlThrottle(database)
    for _ in range(3):
        charge(throttle, NOW)

    assert charge(throttle, NOW + LANE.memory).failures == 1


def test_a_fixed_window_is_not_prolonged_by_trying(database: Database) -> None:
    """The network's hour begins with the first failure."""
    throttle = SqlThrottle(database)
    for second in range(20):
        charge(throttle, NOW + second, WINDOW)

    assert not charge(throttle, NOW + 3599, WINDOW).admitted
    assert charge(throttle, NOW + 3600, WINDOW).admitted


def test_success_clears_and_gives_back(database: Database) -> None:
    throttle = SqlThrottle(database)
    for _ in range(2):
        throttle.charge([Charge("lane", LANE), Charge("net", WINDOW)], NOW)

    throttle.forgive(clear=["lane"], give_back=["net"])

    assert charge(throttle, NOW).failures == 1
    assert charge(throttle, NOW, WINDOW, "net").failures == 2


def test_several_counts_are_judged_together(database: Database) -> None:
    throttle = SqlThrottle(database)
    for _ in range(3):
        charge(throttle, NOW, key="b")

    admissions = throttle.charge([Charge("b", LANE), Charge("a", LANE), Charge("c", WINDOW)], NOW)

    assert {a.key: a.admitted for a in admissions} == {"a": True, "b": False, "c": True}


def guess(url: str, tries: int) -> list[bool]:
    throttle = SqlThrottle(Database(url))
    return [charge(throttle, NOW).admitted for _ in range(tries)]


def test_a_burst_gets_no_more_tries_than_a_patient_guesser(database: Database, database_url: str) -> None:
    """Security 0.9: eighty tries at the same instant, over two processes, reach the hash three times."""
    admitted = outcomes(guess, database_url, 10)

    assert (len(admitted), sum(admitted)) == (80, LANE.free)


@pytest.mark.parametrize("over", [0, 1, 5, 40, 10_000])
def test_the_statement_and_the_rule_count_alike(database: Database, over: int) -> None:
    """The delay is computed in SQL and in `Policy`; both must say the same, without overflow."""
    from sqlalchemy import update

    from idp.store import tables as t

    throttle = SqlThrottle(database)
    charge(throttle, NOW)
    with database.read.connect() as connection:
        connection.execute(update(t.throttle).values(failures=LANE.free + over - 1))

    assert round(charge(throttle, NOW).blocked_until - NOW) == LANE.delay(LANE.free + over)
