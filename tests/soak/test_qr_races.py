"""F-21, O-02: of confirmations, polls and denials at the same instant exactly one has an effect.

Two processes with four threads each go at the same QR logins in the same order, through the real engine, on SQLite and
on PostgreSQL with Redis; passcodes are proved by the caller and so are not here. `make soak` makes 100,000 attempts of
each kind, `make test` a hundredth. `SOAK_PRESENTATIONS` sets another number.
"""

import os
from collections import Counter
from collections.abc import Callable

import pytest
from redis import Redis
from sqlalchemy import insert

from idp.accounts.devices import Device
from idp.ports import EphemeralStore
from idp.store import tables
from idp.store.database import Database
from idp.store.devices import SqlTickets, row_of
from idp.store.ephemeral_redis import RedisEphemeralStore
from idp.store.ephemeral_sql import SqlEphemeralStore
from idp.store.people import SqlPeople
from qr_login.flow import AskingBrowser, QrRefused, State
from qr_login.logins import Claim, QrLogins
from qr_login.picture import Pictures
from tests.contracts.test_people import account
from tests.support.rivals import PROCESSES, THREADS, outcomes

NOW = 1_772_413_200.0
FULL = int(os.environ.get("SOAK_PRESENTATIONS", "100000"))
OWNER = account(1, None)
ME = ("phone", OWNER.id)
Started = tuple[str, str, str]
"""Secret, ticket and number."""


def claim_of(database: Database) -> Claim:
    """How a login ended, as it is kept in production."""
    tickets = SqlTickets(database)
    return lambda ticket, login: tickets.end(
        ticket, "denied" if login.state is State.DENIED else "consumed", login.device_id, NOW
    )


def engine(database_url: str, redis_url: str) -> QrLogins:
    # On a slow disk eight writers wait for one lock longer than a request would.
    database = Database(database_url, statement_timeout=60)
    store: EphemeralStore = RedisEphemeralStore(Redis.from_url(redis_url)) if redis_url else SqlEphemeralStore(database)
    return QrLogins(store, Pictures(b"k" * 32, "https://id.test/q"), lambda: NOW, claim_of(database))


@pytest.fixture
def urls(database_url: str, request: pytest.FixtureRequest) -> tuple[str, str]:
    redis_url = "" if database_url.startswith("sqlite") else request.getfixturevalue("empty_redis_url")
    database = Database(database_url)
    SqlPeople(database).add(OWNER)
    with database.transaction.begin() as connection:
        device = Device(ME[0], OWNER.id, "app", "key", "Galaxy A15", "203.0.113.0/24", "", NOW, NOW)
        connection.execute(insert(tables.enrolled_device), row_of(device))
    database.close()
    return database_url, redis_url


def scanned(logins: QrLogins, count: int, *, confirm: bool) -> list[Started]:
    """So many logins that were scanned, perhaps confirmed."""
    made = []
    for _ in range(count):
        secret, login = logins.start("a_1", "portal", AskingBrowser("Firefox", "Linux", "Huế", "203.0.113.0/24"))
        picture = logins.poll(secret).payloads[0]
        ticket, _ = logins.scan(picture, *ME)
        if confirm:
            logins.confirm(ticket, *ME, login.number)
        made.append((secret, ticket, login.number))
    return made


def answer(call: Callable[..., object], *given: object) -> str:
    try:
        found = call(*given)
    except QrRefused as refused:
        return refused.why
    return getattr(found, "kind", "ok")


def confirming(urls: tuple[str, str], started: list[Started]) -> list[tuple[str, str]]:
    logins = engine(*urls)
    return [(ticket, answer(logins.confirm, ticket, *ME, number)) for _, ticket, number in started]


def polling(urls: tuple[str, str], started: list[Started]) -> list[tuple[str, str]]:
    logins = engine(*urls)
    return [(ticket, answer(logins.poll, secret)) for secret, ticket, _ in started]


def everything(urls: tuple[str, str], started: list[Started]) -> list[tuple[str, str]]:
    """Confirm, deny and poll, beginning with another one for each login, differently in each thread."""
    logins = engine(*urls)
    turn = id(logins) >> 6
    found = []
    for at, (secret, ticket, number) in enumerate(started):
        calls = [
            ("confirm", lambda t=ticket, n=number: logins.confirm(t, *ME, n)),
            ("deny", lambda t=ticket: logins.deny(t, *ME)),
            ("poll", lambda s=secret: logins.poll(s)),
        ]
        for name, call in calls[(at + turn) % 3 :] + calls[: (at + turn) % 3]:
            found.append((ticket, f"{name}: {answer(call)}"))
    return found


@pytest.mark.parametrize("presentations", [FULL // 100, pytest.param(FULL, marks=pytest.mark.soak)])
def test_of_many_confirmations_one_counts(urls: tuple[str, str], presentations: int) -> None:
    """O-02"""
    started = scanned(engine(*urls), presentations // (PROCESSES * THREADS), confirm=False)

    told = Counter(outcomes(confirming, urls, started, patience=3600))

    assert {ticket: told[ticket, "ok"] for _, ticket, _ in started} == {ticket: 1 for _, ticket, _ in started}
    assert {kind for _, kind in told} == {"ok", "confirmed"}


@pytest.mark.parametrize("presentations", [FULL // 100, pytest.param(FULL, marks=pytest.mark.soak)])
def test_of_many_polls_one_is_given_the_login(urls: tuple[str, str], presentations: int) -> None:
    """F-21, K-05"""
    started = scanned(engine(*urls), presentations // (PROCESSES * THREADS), confirm=True)

    told = Counter(outcomes(polling, urls, started, patience=3600))

    assert {ticket: told[ticket, "delivered"] for _, ticket, _ in started} == {ticket: 1 for _, ticket, _ in started}
    assert {kind for _, kind in told} == {"delivered", "gone"}


@pytest.mark.parametrize("presentations", [FULL // 100, pytest.param(FULL, marks=pytest.mark.soak)])
def test_of_confirming_and_denying_one_ends_the_login(urls: tuple[str, str], presentations: int) -> None:
    """F-21, O-02: either its browser got it or it was denied, by exactly one."""
    started = scanned(engine(*urls), presentations // (PROCESSES * THREADS), confirm=False)

    told = Counter(outcomes(everything, urls, started, patience=3600))

    for _, ticket, _ in started:
        assert told[ticket, "poll: delivered"] + told[ticket, "deny: ok"] == 1, [k for k in told if k[0] == ticket]
        assert told[ticket, "confirm: ok"] <= 1
    assert not [kind for _, kind in told if kind.endswith(("unknown", "expired", "other_device"))]
