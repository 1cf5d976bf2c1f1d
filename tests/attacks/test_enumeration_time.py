"""N-10: nobody learns from a failed login whether the account exists, is closed or has a password at all.

Alike are status, headers, page (once what was typed is masked), and time, because the same hash runs for everybody.
`make soak` measures the time: a thousand tries of each kind, interleaved, at the price of a real password.
"""

import os
import random
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from config.cli.people_file import read_person
from tests.support import databases
from tests.support.app import App, Visitor, attempt_of, running_app
from tests.support.hashing import no_room

KNOWN, UNKNOWN, DISABLED, WITHOUT_PASSWORD = "0000000001", "0099999999", "0000000002", "0000000003"
KINDS = {"known": KNOWN, "unknown": UNKNOWN, "disabled": DISABLED, "without password": WITHOUT_PASSWORD}
SAMPLES = int(os.environ.get("SOAK_SAMPLES", "1000"))
REAL_PRICE = {"hash_memory": 19_456, "hash_time": 2}


def populate(app: App) -> App:
    """One account that is closed, and one that nobody has given a password yet, beside the usual one."""
    people = app.base.people
    people.set_status(app.person(DISABLED), "disabled", app.clock())
    account, _ = read_person({"name": "Lê Văn Chưa", "identifiers": {"bhxh": WITHOUT_PASSWORD}}, app.clock())
    people.add(account)
    return app


def fail(visitor: Visitor, code: str, attempt: str | None = None) -> TestResponse:
    return visitor.try_to_log_in(attempt or attempt_of(visitor.authorize()), code, "wrong guess")


def masked(answer: TestResponse, code: str) -> tuple[int, dict[str, str], str]:
    """What everybody sees, without handles, versions and what was typed."""
    text = re.sub(r"[abc]_[A-Za-z0-9_-]{43}", "HANDLE", answer.text.replace(code, "CODE"))
    headers = {name: value for name, value in answer.headers if name not in ("X-Request-Id", "Date")}
    return answer.status_code, headers, text


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "known"])
def test_a_failed_login_reads_the_same_whoever_was_meant(app: App, kind: str) -> None:
    """N-10, ASVS 6.3.8: also when it is tried again and again, and when it has to wait."""
    populate(app)
    one, other = app.visitor("203.0.113.1"), app.visitor("198.51.100.1")
    for _ in range(5):
        assert masked(fail(one, KNOWN), KNOWN) == masked(fail(other, KINDS[kind]), KINDS[kind])


def test_a_failed_login_reads_the_same_without_an_attempt_of_its_own(app: App) -> None:
    """Several tries on one attempt."""
    populate(app)
    pages = []
    for number, code in enumerate(KINDS.values()):
        visitor = app.visitor(f"203.0.{number}.1")
        attempt = attempt_of(visitor.authorize())
        pages.append([masked(fail(visitor, code, attempt), code) for _ in range(4)])

    assert pages[1:] == pages[:-1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_hash_runs_for_everybody(app: App, kind: str) -> None:
    """Whoever would not be hashed would not notice that all places at the hash are taken."""
    populate(app)
    with no_room(app.provider.accounts.passwords):
        assert fail(app.visitor(), KINDS[kind]).status_code == 503


@pytest.fixture
def dear(tmp_path: Path, sqlite_template: Path) -> Iterator[App]:
    """An application whose passwords cost what they cost in production."""
    url = databases.sqlite_copy(sqlite_template, tmp_path)
    with running_app(tmp_path, url, login=REAL_PRICE) as running:
        running.client()
        running.person(KNOWN)
        yield populate(running)


@pytest.mark.soak
def test_a_failed_login_takes_the_same_time_whoever_was_meant(dear: App, capsys: pytest.CaptureFixture[str]) -> None:
    """N-10: interleaved in random order, from a network of its own each; medians within 1 ms or 2 %."""
    seed = 20261122
    chance = random.Random(seed)
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    networks = iter(f"10.{number >> 8}.{number & 255}.1" for number in range(1 << 16))
    for _ in range(SAMPLES):
        for kind in chance.sample(list(KINDS), len(KINDS)):
            took[kind].append(timed(dear.visitor(next(networks)), KINDS[kind]))
    medians = {kind: statistics.median(seconds) * 1000 for kind, seconds in took.items()}
    with capsys.disabled():
        told = ", ".join(f"{kind} {median:.2f} ms" for kind, median in medians.items())
        print(f"\nenumeration by time, seed {seed}: {SAMPLES} interleaved failed logins of each kind, medians: {told}")

    for kind, median in medians.items():
        assert abs(median - medians["known"]) <= max(1.0, 0.02 * medians["known"]), (kind, medians)


RECOVERY = {"known": "0000000777", "unknown": "0099999999", "disabled": "0000000778", "locked out": "0000000779"}


@pytest.mark.soak
@pytest.mark.parametrize("step", ["ask by phone", "ask by mail", "wrong code"])
def test_a_recovery_takes_the_same_time_whoever_was_meant(
    app: App, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """N-10, S-02, W-04: each kind is asked for once a day, so that the known one is really sent something."""
    from tests.attacks.test_recovery import populate as people

    people(app)
    seed, took = 20261122, {kind: [] for kind in RECOVERY}
    chance = random.Random(seed)
    for number in range(SAMPLES):
        app.clock.move(86_400)
        for kind in chance.sample(list(RECOVERY), len(RECOVERY)):
            visitor = app.visitor(f"10.{number >> 8}.{number & 255}.{list(RECOVERY).index(kind)}")
            took[kind].append(timed_recovery(visitor, RECOVERY[kind], step))
        app.told("sms"), app.told("email")
    medians = {kind: statistics.median(seconds) * 1000 for kind, seconds in took.items()}
    with capsys.disabled():
        told = ", ".join(f"{kind} {median:.2f} ms" for kind, median in medians.items())
        print(f"\n{step}, seed {seed}: {SAMPLES} interleaved of each kind, medians: {told}")

    for kind, median in medians.items():
        assert abs(median - medians["known"]) <= max(1.0, 0.02 * medians["known"]), (kind, medians)


def timed_recovery(visitor: Visitor, code: str, step: str) -> float:
    """Seconds that asking takes, or entering a wrong code after it."""
    from tests.flows.test_passwords_life import field

    page = visitor.get("/recover")
    fields = {"kind": "individual", "username": code, "captcha_id": field(page, "captcha_id"), "captcha": "00000"}
    facts = {"0000000777": "nga@example.com", "0000000778": "dong@example.com", "0000000779": "khoa@example.com"}
    by_mail = step == "ask by mail"
    way = (
        {"way": "email", "fact": facts.get(code, "x@example.com")}
        if by_mail
        else {"way": "phone", "fact": "17/05/1990"}
    )
    began = time.perf_counter()
    answer = visitor.post("/recover", data=fields | way)
    took = time.perf_counter() - began
    assert answer.status_code == 303
    if step != "wrong code":
        return took
    ticket = field(visitor.get(answer.headers["Location"]), "ticket")
    began = time.perf_counter()
    assert visitor.post("/recover/code", data={"ticket": ticket, "code": "000000"}).status_code == 200
    return time.perf_counter() - began


def timed(visitor: Visitor, code: str) -> float:
    """Seconds from the press of the button to the whole answer."""
    page = visitor.get("/login", query_string={"attempt": (attempt := attempt_of(visitor.authorize()))})
    captcha = re.search(r'name="captcha_id"[^>]*value="([^"]+)"', page.text)
    assert captcha
    fields = {"attempt": attempt, "kind": "individual", "username": code, "password": "wrong guess"}
    fields |= {"captcha_id": captcha[1], "captcha": "00000"}
    began = time.perf_counter()
    answer = visitor.post("/login", data=fields)
    took = time.perf_counter() - began
    assert answer.status_code == 200
    return took
