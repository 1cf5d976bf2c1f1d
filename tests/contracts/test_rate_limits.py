"""What the durable counts promise on both databases: charged before the guess, judged atomically, forgiven."""

import pytest
from sqlalchemy import text

from idp.limits.durable import Decision, Hit, LimitPolicy
from idp.store.database import Database
from idp.store.rate_limits import SqlRateLimits, _first, _forgiven
from tests.support import databases
from tests.support.rivals import outcomes

NOW = 1_772_413_200.0
OWN = LimitPolicy(free=3, base=30, cap=3600, memory=86_400)
WINDOW = LimitPolicy(free=20, base=3600, cap=3600, memory=3600, sliding=False)


def hit(rate_limits: SqlRateLimits, now: float, policy: LimitPolicy = OWN, key: str = "own") -> Decision:
    return rate_limits.hit([Hit(key, policy)], now)[0]


def test_the_first_tries_are_free_then_the_wait_doubles(database: Database) -> None:
    """P-04: 30 s growing to an hour."""
    rate_limits, now, waits = SqlRateLimits(database), NOW, []
    for _ in range(12):
        decision = hit(rate_limits, now)
        assert decision.allowed
        waits.append(max(0, round(decision.blocked_until - now)))
        now = max(now, decision.blocked_until)

    assert waits == [0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_a_try_while_waiting_is_refused_and_does_not_lengthen_the_wait(database: Database) -> None:
    rate_limits = SqlRateLimits(database)
    until = [hit(rate_limits, NOW) for _ in range(3)][-1].blocked_until

    refused = hit(rate_limits, NOW + 10)

    assert (refused.allowed, refused.blocked_until, refused.wait(NOW + 10)) == (False, until, 20)
    assert hit(rate_limits, until).allowed


def test_a_count_that_is_still_free_blocks_nobody_whose_clock_is_behind(database: Database) -> None:
    """F-13: of two logins at the same moment the later one may be counted first, perhaps on another machine."""
    rate_limits = SqlRateLimits(database)
    hit(rate_limits, NOW, WINDOW)
    hit(rate_limits, NOW, WINDOW)

    assert hit(rate_limits, NOW - 0.001, WINDOW).allowed
    assert hit(rate_limits, NOW - 30, WINDOW).allowed


def test_counts_are_forgotten_after_their_memory(database: Database) -> None:
    rate_limits = SqlRateLimits(database)
    for _ in range(3):
        hit(rate_limits, NOW)

    assert hit(rate_limits, NOW + OWN.memory).count == 1


def test_a_fixed_window_is_not_prolonged_by_trying(database: Database) -> None:
    """The network's hour begins with the first failure."""
    rate_limits = SqlRateLimits(database)
    for second in range(20):
        hit(rate_limits, NOW + second, WINDOW)

    assert not hit(rate_limits, NOW + 3599, WINDOW).allowed
    assert hit(rate_limits, NOW + 3600, WINDOW).allowed


def test_success_clears_and_gives_back(database: Database) -> None:
    rate_limits = SqlRateLimits(database)
    for _ in range(2):
        rate_limits.hit([Hit("own", OWN), Hit("net", WINDOW)], NOW)

    rate_limits.forgive(clear=["own"], give_back={"net": 1})

    assert hit(rate_limits, NOW).count == 1
    assert hit(rate_limits, NOW, WINDOW, "net").count == 2


def test_only_what_is_forgiven_may_be_lost_in_a_crash(postgres_url: str, postgresql_template: str) -> None:
    """A charge is on the disk before a password is hashed; for a forgiven one, and for nothing else, nobody waits."""
    with databases.postgresql_copy(postgres_url, postgresql_template) as url:
        database = Database(f"{url}?options=-c%20synchronous_commit%3Don", pool_size=1)
        rate_limits = SqlRateLimits(database)
        with database.transaction.begin() as connection:
            connection.execute(rate_limits._upsert_of(1), _first_of("own"))
            charged = connection.execute(text("SHOW synchronous_commit")).scalar()
            connection.execute(_forgiven("postgresql", 1, 0), {"cleared_0": "own"})
            forgiven = connection.execute(text("SHOW synchronous_commit")).scalar()
        hit(rate_limits, NOW)
        rate_limits.forgive(clear=["own"])
        with database.autocommit.connect() as connection:
            later = connection.execute(text("SHOW synchronous_commit")).scalar()
        database.close()

    assert (charged, forgiven, later) == ("on", "off", "on")


def _first_of(key: str) -> dict[str, object]:
    return {f"{name}_0": value for name, value in _first(Hit(key, OWN), NOW).items()} | {"now": NOW}


def test_several_counts_are_judged_together(database: Database) -> None:
    rate_limits = SqlRateLimits(database)
    for _ in range(3):
        hit(rate_limits, NOW, key="b")

    decisions = rate_limits.hit([Hit("b", OWN), Hit("a", OWN), Hit("c", WINDOW)], NOW)

    assert {a.key: a.allowed for a in decisions} == {"a": True, "b": False, "c": True}


def guess(url: str, tries: int) -> list[bool]:
    rate_limits = SqlRateLimits(Database(url))
    return [hit(rate_limits, NOW).allowed for _ in range(tries)]


def test_a_burst_gets_no_more_tries_than_a_patient_guesser(database: Database, database_url: str) -> None:
    """Security 0.9: eighty tries at the same instant, over two processes, reach the hash three times."""
    admitted = outcomes(guess, database_url, 10)

    assert (len(admitted), sum(admitted)) == (80, OWN.free)


@pytest.mark.parametrize("over", [0, 1, 5, 40, 10_000])
def test_the_statement_and_the_rule_count_alike(database: Database, over: int) -> None:
    """The delay is computed in SQL and in `LimitPolicy`; both must say the same, without overflow."""
    from sqlalchemy import update

    from idp.store import tables as t

    rate_limits = SqlRateLimits(database)
    hit(rate_limits, NOW)
    with database.autocommit.connect() as connection:
        connection.execute(update(t.throttle).values(failures=OWN.free + over - 1))

    assert round(hit(rate_limits, NOW).blocked_until - NOW) == OWN.delay(OWN.free + over)
