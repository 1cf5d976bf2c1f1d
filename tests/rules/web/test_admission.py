"""N-15: who gets a thread next, and who is turned away when too many wait."""

from config.serving.admission import PATIENCE, QUEUED_PER_THREAD, Admission, is_cheap

THREADS = 8
MOST = THREADS * QUEUED_PER_THREAD


def busy(admission: Admission[str], threads: int = THREADS) -> None:
    """Threads that pages hold, as many as pages may; keys hold the others."""
    for _ in range(threads):
        admission.begin(cheap=not admission.is_free(cheap=False))


def test_what_costs_little_is_known_by_its_path() -> None:
    assert is_cheap(b"/token")
    assert is_cheap(b"/jwks")
    assert is_cheap(b"/login/qr/poll")
    assert is_cheap(b"/static/login.js")
    assert not is_cheap(b"/login")
    assert not is_cheap(b"/token/")
    assert not is_cheap(b"/authorize")


def test_pages_never_take_all_threads() -> None:
    admission = Admission[str](THREADS)
    taken = 0
    while admission.is_free(cheap=False):
        admission.begin(cheap=False)
        taken += 1

    assert taken == THREADS - 2
    assert admission.is_free(cheap=True)


def test_one_thread_serves_both() -> None:
    admission = Admission[str](1)

    assert admission.is_free(cheap=False)
    admission.begin(cheap=False)
    assert not admission.is_free(cheap=True)


def test_what_is_cheap_goes_first() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    admission.wait("page", "a", 0.0, cheap=False)
    admission.wait("token", "b", 0.1, cheap=True)
    admission.end(cheap=False)

    assert admission.next(0.1) == ("token", True)


def test_a_household_with_many_requests_shares_one_turn() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    for number in range(5):
        admission.wait(f"flood {number}", "203.0.113.66/32", 0.0, cheap=False)
    admission.wait("person", "198.51.100.7/32", 0.0, cheap=False)
    admission.end(cheap=False)

    assert admission.next(0.0) == ("flood 0", True)
    assert admission.next(0.0) == ("person", True)


def test_a_flood_turns_away_itself() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    away = [admission.wait(f"flood {number}", "203.0.113.66/32", 0.0, cheap=False) for number in range(MOST + 3)]
    person = admission.wait("person", "198.51.100.7/32", 0.0, cheap=False)

    assert away == [None] * MOST + [f"flood {number}" for number in range(MOST, MOST + 3)]
    assert person == f"flood {MOST - 1}"


def test_of_many_strangers_the_last_one_goes() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    away = [admission.wait(f"person {number}", f"10.0.0.{number}/32", 0.0, cheap=False) for number in range(MOST + 1)]

    assert away[-1] == f"person {MOST}"


def test_whoever_waited_too_long_is_turned_away_whether_a_thread_comes_or_not() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    admission.wait("early", "a", 0.0, cheap=False)
    admission.wait("later", "a", PATIENCE, cheap=False)
    admission.wait("other", "b", PATIENCE, cheap=True)

    assert admission.late(PATIENCE + 0.01) == ["early"]
    admission.end(cheap=False)
    assert admission.next(3 * PATIENCE) == ("other", False)
    assert admission.next(PATIENCE + 0.01) == ("later", True)
    assert admission.next(PATIENCE) is None


def test_nobody_is_next_while_no_thread_is_free() -> None:
    admission = Admission[str](THREADS)
    busy(admission)
    admission.wait("page", "a", 0.0, cheap=False)

    assert admission.next(0.0) is None
