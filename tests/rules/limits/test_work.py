"""The price of a try: nothing, then work that doubles, or a captcha that is old enough."""

import base64
import json
from typing import Any

import pytest
from altcha.v1 import solve_challenge

from idp.limits.local import LocalRateLimiter
from idp.limits.work import CHEAPEST, LONGEST, WAITS, Price, WorkPrice, read_solution
from tests.support.clock import FrozenClock

HERE, THERE = "192.0.2.0/24", "198.51.100.0/24"
CAPTCHA = "c_" + "a" * 43


def priced(wrong: int = 0, free: int = 20) -> WorkPrice:
    work = WorkPrice(b"k" * 32, LocalRateLimiter(10**9, 600, FrozenClock()), free)
    for _ in range(wrong):
        work.count_wrong(HERE)
    return work


def solved(asked: Any) -> dict[str, Any]:
    found = solve_challenge(asked["challenge"], asked["salt"], asked["algorithm"], asked["maxNumber"])
    assert found
    return {name: asked[name] for name in ("algorithm", "challenge", "salt", "signature")} | {"number": found.number}


def sent(payload: Any) -> str:
    return base64.b64encode(json.dumps(payload).encode()).decode()


@pytest.mark.parametrize(
    ("wrong", "price"),
    [
        (19, None),
        (20, Price(CHEAPEST, 4)),
        (40, Price(2 * CHEAPEST, 8)),
        (80, Price(4 * CHEAPEST, 15)),
        (160, Price(8 * CHEAPEST, 30)),
        (5_000, Price(8 * CHEAPEST, 30)),
    ],
)
def test_it_rises_with_what_was_wrong_and_never_above_thirty_seconds(wrong: int, price: Price | None) -> None:
    work = priced(wrong)

    assert work.price(HERE) == price
    assert work.price(THERE) is None
    assert max(WAITS) == 30


def test_ten_quiet_minutes_end_it() -> None:
    clock = FrozenClock()
    work = WorkPrice(b"k" * 32, LocalRateLimiter(10**9, 600, clock), 1)
    work.count_wrong(HERE)
    assert work.price(HERE)

    clock.move(600)

    assert work.price(HERE) is None


def test_a_solution_pays_at_once_and_only_for_its_captcha() -> None:
    work = priced(20)
    solution = sent(solved(work.challenge(CAPTCHA, HERE)))

    assert work.owed(CAPTCHA, 0, HERE, solution) == 0
    assert work.owed("c_" + "b" * 43, 0, HERE, solution) == 4
    assert work.owed(CAPTCHA[:-1], 0, HERE, solution) == 4


def test_without_it_an_old_captcha_serves() -> None:
    work = priced(160)

    assert [work.owed(CAPTCHA, age, HERE, "") for age in (0, 12.5, 29.9, 30, 170)] == [30, 18, 1, 0, 0]


def test_what_was_asked_for_less_is_still_taken() -> None:
    """Somebody who computed while the price rose does not compute again."""
    work = priced(20)
    solution = sent(solved(work.challenge(CAPTCHA, HERE)))
    for _ in range(200):
        work.count_wrong(HERE)

    assert work.owed(CAPTCHA, 0, HERE, solution) == 0


def test_a_solution_of_somebody_else_s_making_pays_nothing() -> None:
    work, other = priced(20), WorkPrice(b"x" * 32, LocalRateLimiter(10**9, 600, FrozenClock()), 1)
    other.count_wrong(HERE)

    assert work.owed(CAPTCHA, 0, HERE, sent(solved(other.challenge(CAPTCHA, HERE)))) == 4


@pytest.mark.parametrize("change", ["algorithm", "challenge", "number", "salt", "signature"])
@pytest.mark.parametrize("to", ["", "MD5", "SHA-1", 7, -1, None, True, [], {}, 1.5])
def test_a_changed_solution_pays_nothing(change: str, to: object) -> None:
    work = priced(20)
    payload = solved(work.challenge(CAPTCHA, HERE)) | {change: to}

    assert work.owed(CAPTCHA, 0, HERE, sent(payload)) == 4


@pytest.mark.parametrize(
    "text",
    ["", "%", "AAAA", sent([]), sent(["algorithm", "challenge", "number", "salt", "signature"]), sent("x"), sent(None),
     sent({}), "A" * (LONGEST + 4), base64.b64encode(b"[" * 700).decode(), base64.b64encode(b"\xff\xfe").decode(), "é"],
)  # fmt: skip
def test_anything_else_is_no_solution(text: str) -> None:
    assert read_solution(text) is None
