"""What one-time codes promise on both databases: one use, five tries, a budget that is never exceeded."""

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.accounts.one_time import CodeRequest, OneTimeCodes, Purpose
from idp.limits.budgets import BudgetLimits, CaptchaFirst, OverBudget
from idp.limits.guesses import CODE_GUESSES, Guesses
from idp.messages.message import Message
from idp.store import tables as t
from idp.store.database import Database
from idp.store.one_time import SqlCodes
from idp.store.outbox import SqlOutbox
from idp.store.rate_limits import SqlRateLimits
from keys.sealing import MasterKey
from tests.support.clock import FrozenClock
from tests.support.rivals import outcomes

KEY = b"k" * 32
PHONE, OTHER = "+84981234567", "+84981234568"
ASK = CodeRequest("login", "attempt-1", "a" * 32, "sms", PHONE, "a" * 32)


def desk(database: Database, clock: Callable[[], float], **limits: Any) -> OneTimeCodes:
    outbox = SqlOutbox(database, MasterKey(KEY), clock)
    guesses = Guesses(SqlRateLimits(database), clock, "code", CODE_GUESSES)
    return OneTimeCodes(SqlCodes(database, outbox), guesses, clock, BudgetLimits(**limits), digest_key=KEY)


def messages(database: Database, clock: FrozenClock) -> list[Message]:
    outbox, found = SqlOutbox(database, MasterKey(KEY), clock), []
    while taken := outbox.take("sms", 60):
        outbox.finish(taken, "sent")
        found.append(taken.message)
    return found


def send(codes: OneTimeCodes, ask: CodeRequest = ASK, address: str = "192.0.2.1/32", *, trusted: bool = True) -> None:
    codes.send(ask, address, language="vi", trusted=trusted)


def sent(database: Database, clock: FrozenClock) -> str:
    return messages(database, clock)[-1].facts["code"]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def refused(codes: OneTimeCodes, ask: CodeRequest = ASK, address: str = "192.0.2.1/32", *, trusted: bool = True) -> str:
    with pytest.raises((OverBudget, CaptchaFirst)) as caught:
        send(codes, ask, address, trusted=trusted)
    return caught.value.detail


def test_a_right_code_works_once(database: Database, clock: FrozenClock) -> None:
    """P-05"""
    codes = desk(database, clock)
    send(codes)
    code = sent(database, clock)

    assert re.fullmatch("[0-9]{6}", code)
    assert codes.check(ASK, f" {code[:3]} {code[3:]} ") == "right"
    assert codes.check(ASK, code) == "wrong"


@pytest.mark.parametrize(
    "other",
    [
        CodeRequest("password", "attempt-1", "a" * 32, "sms", PHONE, "a" * 32),
        CodeRequest("login", "attempt-2", "a" * 32, "sms", PHONE, "a" * 32),
        CodeRequest("login", "attempt-1", "b" * 32, "sms", PHONE, "b" * 32),
        CodeRequest("login", "attempt-1", "a" * 32, "sms", OTHER, "a" * 32),
        CodeRequest("login", "attempt-1", "a" * 32, "email", PHONE, "a" * 32),
    ],
    ids=["purpose", "attempt", "account", "receiver", "channel"],
)
def test_a_code_is_good_for_what_it_was_sent_for_only(
    database: Database, clock: FrozenClock, other: CodeRequest
) -> None:
    """P-05, ASVS 6.6.2"""
    codes = desk(database, clock)
    send(codes)
    code = sent(database, clock)
    clock.move(61)
    send(codes, other, "192.0.2.2/32")

    assert codes.check(other, code) == "wrong"
    assert codes.check(ASK, code) == "right"


def test_a_code_lives_five_minutes(database: Database, clock: FrozenClock) -> None:
    """P-05"""
    codes = desk(database, clock)
    send(codes)
    code = sent(database, clock)
    clock.move(300)
    assert codes.check(ASK, code) == "wrong"


def test_a_new_code_kills_the_old_one_and_gives_no_tries_back(database: Database, clock: FrozenClock) -> None:
    """P-05, W-05"""
    codes = desk(database, clock)
    send(codes)
    first = sent(database, clock)
    assert [codes.check(ASK, wrong(first)) for _ in range(4)] == ["wrong"] * 4
    clock.move(61)
    send(codes)
    second = sent(database, clock)

    if first != second:
        assert codes.check(ASK, first) == "wrong"
        assert codes.check(ASK, second) == "exhausted"


def test_the_fifth_try_still_counts_and_the_sixth_does_not(database: Database, clock: FrozenClock) -> None:
    codes = desk(database, clock)
    send(codes)
    code = sent(database, clock)
    for _ in range(4):
        codes.check(ASK, wrong(code))
    assert codes.check(ASK, code) == "right"

    clock.move(61)
    again = CodeRequest("login", "attempt-9", "a" * 32, "sms", PHONE, "a" * 32)
    send(codes, again)
    code = sent(database, clock)
    verdicts = [codes.check(again, wrong(code)) for _ in range(5)]
    assert verdicts == ["wrong"] * 5
    assert codes.check(again, code) == "exhausted"


def test_twenty_wrong_codes_of_an_account_end_its_codes_until_a_recovery(
    database: Database, clock: FrozenClock
) -> None:
    """P-04, N-08: over all attempts and purposes."""
    codes = desk(database, clock, per_number_hour=100, per_number_day=100, per_account_hour=100)
    verdicts = []
    for attempt in range(5):
        ask = CodeRequest("login", f"attempt-{attempt}", "a" * 32, "sms", PHONE, "a" * 32)
        send(codes, ask)
        code = sent(database, clock)
        verdicts += [codes.check(ask, wrong(code)) for _ in range(5)]
        clock.move(61)

    assert verdicts == ["wrong"] * 20 + ["exhausted"] * 5
    assert codes.check(ask, code) == "exhausted"
    Guesses(SqlRateLimits(database), clock, "code", CODE_GUESSES).clear("a" * 32)
    ask = CodeRequest("login", "attempt-9", "a" * 32, "sms", PHONE, "a" * 32)
    send(codes, ask)
    assert codes.check(ask, sent(database, clock)) == "right"


def guess_all(url: str, now: float, code: str, times: int) -> list[str]:
    """Several tries at one code."""
    database = Database(url)
    codes = desk(database, FrozenClock(now))
    found: list[str] = [codes.check(ASK, code) for _ in range(times)]
    database.close()
    return found


def test_of_many_at_once_one_uses_the_code(database: Database, database_url: str, clock: FrozenClock) -> None:
    """F-20, N-01"""
    codes = desk(database, clock)
    send(codes)
    assert outcomes(guess_all, database_url, clock(), sent(database, clock), 1).count("right") == 1


def test_of_many_guesses_at_once_five_are_judged(database: Database, database_url: str, clock: FrozenClock) -> None:
    """P-04: a burst gets no more tries than a patient guesser."""
    codes = desk(database, clock)
    send(codes)
    code = sent(database, clock)
    outcomes(guess_all, database_url, clock(), wrong(code), 4)
    with database.autocommit.connect() as connection:
        assert connection.execute(select(t.one_time_code.c.tries)).scalar() == 5
    assert codes.check(ASK, code) == "exhausted"


def test_one_number_gets_one_code_a_minute_five_an_hour_and_ten_a_day(database: Database, clock: FrozenClock) -> None:
    """W-01"""
    codes = desk(database, clock, per_account_hour=100)
    send(codes)
    assert refused(codes) == "budget number-minute"
    for _ in range(4):
        clock.move(60)
        send(codes)
    clock.move(60)
    assert refused(codes) == "budget number-hour"
    clock.move(3600)
    for _ in range(5):
        send(codes)
        clock.move(60)
    clock.move(3600)
    assert refused(codes) == "budget number-day"
    clock.move(86_400)
    send(codes)


def recovery(number: int, prefix: str = "98100", address: str = "x") -> CodeRequest:
    """Somebody who proved nothing asks for a code to a number of this block."""
    who = f"{number:032d}"
    return CodeRequest("recovery", address, who, "sms", f"+84{prefix}{number:04d}", who)


def owner(number: int, prefix: str = "98100") -> CodeRequest:
    """Somebody who gave the right password."""
    who = f"{number:032d}"
    return CodeRequest("login", "x", who, "sms", f"+84{prefix}{number:04d}", who)


def test_one_account_has_its_own_budget(database: Database, clock: FrozenClock) -> None:
    """W-01"""
    codes = desk(database, clock)
    for number in range(5):
        send(codes, CodeRequest("login", "x", "a" * 32, "sms", f"+8498100000{number}", "a" * 32))
    assert refused(codes) == "budget account-hour"


@pytest.mark.parametrize("purpose", ["recovery", "registration", "link"])
def test_h2_strangers_share_what_their_address_may_ask_for_and_owners_do_not(
    database: Database, clock: FrozenClock, purpose: Purpose
) -> None:
    """W-01, H2 of the walk: the twenty-first person of a hall who gives the right password gets a code."""
    codes = desk(database, clock)
    for number in range(20):
        send(codes, replace(recovery(number, f"9{number:02d}00"), purpose=purpose))
    assert refused(codes, replace(recovery(21, "92100"), purpose=purpose)) == "budget address-hour"
    send(codes, recovery(21, "92100"), "192.0.2.2/32")
    send(codes, owner(22), trusted=False)


def test_h2_a_desk_of_an_agency_has_a_budget_of_its_own(database: Database, clock: FrozenClock) -> None:
    codes = desk(database, clock, per_desk_hour=30, desks=(ip_network("198.51.100.0/24"), ip_network("2001:db8::/48")))
    for place, most in (("198.51.100.7/32", 30), ("2001:db8:0:5::/64", 30), ("192.0.2.1/32", 20), ("unknown", 20)):
        for number in range(most):
            send(codes, recovery(number, f"9{number:02d}{most}"), place)
            clock.move(60)
        assert refused(codes, recovery(99, "99999"), place) == "budget address-hour"
        clock.move(86_400)


def test_a_prefix_and_the_whole_installation_have_budgets_and_alarms(database: Database, clock: FrozenClock) -> None:
    """W-01: alarms at 50, 80 and 100 per cent of what everybody shares."""
    heard: list[tuple[str, float]] = []
    outbox = SqlOutbox(database, MasterKey(KEY), clock)
    codes = OneTimeCodes(
        SqlCodes(database, outbox),
        Guesses(SqlRateLimits(database), clock, "code", CODE_GUESSES),
        clock,
        BudgetLimits(per_prefix_hour=8, per_minute=10, money_per_day=100_000),
        digest_key=KEY,
    )
    codes.alarm = lambda budget, part: heard.append((budget, part))

    for number in range(8):
        send(codes, owner(number, "98100"), f"192.0.2.{number}/32")
    assert refused(codes, owner(9, "98100")) == "budget prefix-hour"
    for number in range(2):
        send(codes, owner(number + 20, "98200"), "192.0.2.99/32")
    assert refused(codes, owner(30, "98300")) == "budget all-minute"
    assert heard == [("all-minute", 0.5), ("all-minute", 0.8), ("all-minute", 1.0)]
    mail = CodeRequest("login", "x", "f" * 32, "email", "nguoi@example.com", "f" * 32)
    send(codes, mail)


@pytest.mark.parametrize(
    ("limits", "budget"),
    [
        ({"per_prefix_hour": 8}, "strangers-prefix-hour"),
        ({"per_minute": 8}, "strangers-all-minute"),
        ({"per_day": 8}, "strangers-all-day"),
        ({"price": 10, "money_per_day": 80}, "strangers-all-money"),
    ],
)
def test_m3_strangers_use_half_of_what_they_share_with_owners(
    database: Database, clock: FrozenClock, limits: dict[str, int], budget: str
) -> None:
    """M-3: who gave a right password is never refused for what strangers asked for."""
    codes = desk(database, clock, **limits)
    for number in range(4):
        send(codes, recovery(number), f"192.0.2.{number}/32")
    assert refused(codes, recovery(5)) == f"budget {budget}"
    for number in range(4):
        send(codes, owner(number + 20))


def test_money_is_capped(database: Database, clock: FrozenClock) -> None:
    """W-01"""
    codes = desk(database, clock, price=350, money_per_day=700)
    for number in range(2):
        who = f"{number:032d}"
        send(codes, CodeRequest("login", "x", who, "sms", f"+8498100000{number}", who))
    assert refused(codes, ASK) == "budget all-money"


def test_nothing_is_paid_for_what_is_refused(database: Database, clock: FrozenClock) -> None:
    """W-01: all budgets or none."""
    codes = desk(database, clock)
    send(codes)
    for _ in range(10):
        refused(codes)
    with database.autocommit.connect() as connection:
        spent = dict(tuple(row) for row in connection.execute(select(t.budget.c.key, t.budget.c.spent)))
    assert {units for key, units in spent.items() if key.startswith(("account", "all-d"))} == {1}
    assert len(messages(database, clock)) == 1


def test_half_a_budget_wants_a_captcha_of_strangers(database: Database, clock: FrozenClock) -> None:
    """W-03, S-06"""
    codes = desk(database, clock)
    send(codes, trusted=False)
    clock.move(60)
    send(codes, trusted=False)
    clock.move(60)
    assert refused(codes, trusted=False) == "a budget is strained"
    send(codes, trusted=True)


def test_m3_a_prefix_whose_codes_nobody_uses_is_closed_to_strangers_who_ask_for_many(
    database: Database, clock: FrozenClock
) -> None:
    """W-03: fewer than one in five used over 200 sends. Owners, and who asks for one, notice nothing."""
    codes = desk(database, clock, per_prefix_hour=1000, per_address_hour=1000, per_minute=1000)

    for number in range(39):
        send(codes, recovery(number))
        assert codes.check(recovery(number), sent(database, clock)) == "right"
    for number in range(39, 200):
        send(codes, recovery(number))
    assert refused(codes, recovery(200)) == "budget prefix"
    send(codes, recovery(201), "192.0.2.2/32")
    send(codes, owner(202))
    send(codes, recovery(203, "91122"))


def test_asking_for_nobody_sends_nothing_and_costs_the_asker_alone(database: Database, clock: FrozenClock) -> None:
    """W-04"""
    codes = desk(database, clock)
    nobody = CodeRequest("recovery", "ticket", "typed:1234", "sms", "typed:1234", None)
    send(codes, nobody)
    assert messages(database, clock) == []
    assert refused(codes, nobody) == "budget number-minute"
    assert codes.check(nobody, "123456") == "wrong"
    with database.autocommit.connect() as connection:
        shared = select(func.sum(t.budget.c.spent)).where(t.budget.c.key.startswith("all-"))
        assert connection.execute(shared).scalar() == 0


def test_neither_code_nor_number_is_readable_in_the_database(tmp_path: Path, database: Database) -> None:
    """W-02, ASVS 6.5.2: budgets, codes and messages hold digests and sealed text only."""
    clock = FrozenClock()
    codes = desk(database, clock)
    send(codes)
    code = sent(database, clock)
    with database.autocommit.connect() as connection:
        rows = [str(connection.execute(select(table)).all()) for table in (t.one_time_code, t.budget, t.message)]
    assert PHONE[3:] not in "".join(rows)
    assert f"'{code}'" not in "".join(rows)
