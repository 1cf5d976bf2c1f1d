"""N-15: who gets a thread next, and who is turned away when too many wait."""

from pathlib import Path

import pytest

from config.serving.admission import (
    AWAY,
    CHEAP_IN_A_ROW,
    COMPUTING,
    LONG,
    LONGEST,
    PATIENCE,
    SHORT,
    SHORT_CHEAP,
    SOON,
    Admission,
    is_cheap,
)

THREADS = 8


def busy(admission: Admission[str]) -> None:
    """As many pages as may compute at a time."""
    for number in range(COMPUTING):
        admission.begin(f"busy {number}", 0.0, cheap=False)


def crowd(admission: Admission[str], size: int, now: float, *, cheap: bool = False) -> list[str | None]:
    """Strangers, each from an address of their own, and whom each of them drives away."""
    return [admission.wait(f"stranger {n}", f"10.0.0.{n}/32", now, cheap=cheap) for n in range(size)]


def test_what_costs_little_is_known_by_its_path() -> None:
    assert is_cheap(b"/token")
    assert is_cheap(b"/jwks")
    assert is_cheap(b"/login/qr/poll")
    assert is_cheap(b"/static/login.js")
    assert not is_cheap(b"/login")
    assert not is_cheap(b"/token/")
    assert not is_cheap(b"/authorize")


def test_few_compute_at_a_time_and_more_where_some_are_away() -> None:
    admission = Admission[str](THREADS)
    busy(admission)

    assert not admission.is_free(AWAY - 0.01, cheap=True)
    assert admission.is_free(AWAY, cheap=True)
    assert admission.is_free(AWAY, cheap=False)


def test_pages_never_take_all_threads() -> None:
    admission = Admission[str](THREADS)
    now, taken = 0.0, 0
    while admission.is_free(now, cheap=False):
        admission.begin(f"page {taken}", now, cheap=False)
        now, taken = now + AWAY, taken + 1

    assert taken == THREADS - 2
    assert admission.is_free(now, cheap=True)


def test_one_thread_serves_both() -> None:
    admission = Admission[str](1)

    assert admission.is_free(0.0, cheap=False)
    admission.begin("page", 0.0, cheap=False)
    assert not admission.is_free(AWAY, cheap=True)


def test_what_is_cheap_goes_first_and_not_for_ever() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    admission.wait("page", "a", 0.0, cheap=False)
    for number in range(CHEAP_IN_A_ROW + 1):
        admission.wait(f"token {number}", "b", 0.0, cheap=True)
    admission.end("busy 0", cheap=False)
    order = []
    while found := admission.next(0.0):
        admission.begin(found[0], 0.0, cheap=True)
        admission.end(found[0], cheap=True)
        order.append(found[0])

    assert order == ["token 0", "token 1", "token 2", "page", "token 3"]


def test_a_household_with_many_requests_shares_one_turn() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    for number in range(5):
        admission.wait(f"flood {number}", "203.0.113.66/32", 0.0, cheap=False)
    admission.wait("person", "198.51.100.7/32", 0.0, cheap=False)
    admission.end("busy 0", cheap=False)

    assert admission.next(0.0) == ("flood 0", True)
    assert admission.next(0.0) == ("person", True)


def test_who_was_served_before_waits_only_so_long_for_newcomers() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    admission.end("busy 0", cheap=False)
    admission.wait("first", "a", 0.0, cheap=False)
    assert admission.next(0.0) == ("first", True)
    admission.wait("second", "a", 0.0, cheap=False)
    admission.wait("newcomer", "b", LONG / 2, cheap=False)
    admission.wait("newest", "c", LONG, cheap=False)

    assert admission.next(LONG / 2) == ("newcomer", True)
    assert admission.next(LONG) == ("second", True)


def test_a_queue_that_moves_may_be_long_and_a_slow_one_is_cut_short() -> None:
    admission = Admission[str](THREADS)
    busy(admission)

    assert crowd(admission, LONGEST + 1, 1.0) == [None] * LONGEST + [f"stranger {LONGEST}"]
    admission.end("busy 0", cheap=False)
    assert admission.next(0.99 + SOON)
    assert admission.wait("in time", "a", 0.99 + SOON, cheap=False) is None
    for _ in range(LONGEST - SHORT):
        assert admission.next(1.01 + SOON)
    assert admission.wait("too late", "b", 1.01 + SOON, cheap=False) == "too late"


@pytest.mark.parametrize(("cheap", "short"), [(False, SHORT), (True, SHORT_CHEAP)])
def test_whoever_is_served_soon_hears_no_refusal(cheap: bool, short: int) -> None:
    """Twice as many as a slow queue may have, for as long as they like."""
    admission = Admission[str](THREADS)
    busy(admission)
    admission.end("busy 0", cheap=False)
    crowd(admission, 2 * short, 0.0, cheap=cheap)
    for number in range(500):
        now = number * SOON / (2 * short + 1)
        served = admission.next(now)
        assert served
        assert admission.wait(f"again {number}", "a", now, cheap=cheap) is None
        admission.begin(served[0], now, cheap=cheap)
        admission.end(served[0], cheap=cheap)


def test_a_flood_turns_away_itself() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    for number in range(LONGEST):
        admission.wait(f"flood {number}", "203.0.113.66/32", 0.0, cheap=False)

    assert admission.wait("person", "198.51.100.7/32", 0.0, cheap=False) == f"flood {LONGEST - 1}"


def test_whoever_waited_too_long_is_turned_away_whether_a_thread_comes_or_not() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    admission.wait("early", "a", 0.0, cheap=False)
    admission.wait("later", "a", PATIENCE, cheap=False)
    admission.wait("other", "b", PATIENCE, cheap=True)

    assert admission.late(PATIENCE + 0.01) == ["early"]
    assert admission.next(3 * PATIENCE) == ("other", False)
    assert admission.next(PATIENCE + 0.01) == ("later", True)
    assert admission.next(PATIENCE) is None


def test_nobody_is_next_while_no_thread_is_free() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    admission.wait("page", "a", 0.0, cheap=False)

    assert admission.is_anybody_waiting
    assert admission.next(0.0) is None


def test_the_page_about_limits_tells_these_numbers() -> None:
    page = " ".join((Path(__file__).parents[3] / "docs" / "limits.md").read_text().split())

    for words in (
        f"computes {COMPUTING} requests at a time",
        f"an upstream for {AWAY * 1000:.0f} ms",
        f"after {LONG * 1000:.0f} ms",
        f"{LONGEST} of a kind wait",
        f"longer than {SOON * 1000:.0f} ms",
        f"more than {SHORT} ({SHORT_CHEAP} of the cheap ones)",
    ):
        assert words in page
