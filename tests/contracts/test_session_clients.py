"""Which portals are told is settled with the session's end, on both databases: none is missed and none told twice."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from idp.store import tables as t
from idp.store.session_clients import SqlSessionClients
from tests.support.app import App

ROUNDS = 60


def opened(app: App, account_id: str, sid: str) -> None:
    """A session, as a login leaves it."""
    now = app.clock()
    row: dict[str, Any] = dict.fromkeys((c.name for c in t.session.c if not (c.nullable or c.server_default)), "")
    numbers = {"acr": 1, "ial": 1, "auth_time": now, "created_at": now, "last_seen_at": now, "expires_at": now + 3600}
    with app.base.database.transaction.begin() as connection:
        connection.execute(insert(t.session), row | {"digest": sid, "sid": sid, "account_id": account_id} | numbers)


def at_once(pool: ThreadPoolExecutor, *calls: Callable[[], Any]) -> list[Any]:
    together = threading.Barrier(len(calls), timeout=60)

    def call(one: Callable[[], Any]) -> Any:
        together.wait(30)
        return one()

    return list(pool.map(call, calls))


def test_a_portal_that_comes_while_the_session_ends_is_told_or_gets_nothing(everywhere: App) -> None:
    """D-13: whoever got tokens is told, however close the end was; two ends at once tell once."""
    account = everywhere.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    members = SqlSessionClients(everywhere.base.database, everywhere.base.outbox)
    sessions, now = everywhere.base.sessions, everywhere.clock()
    seen: set[bool] = set()
    with ThreadPoolExecutor(3) as pool:
        # On a quiet machine one side may win for long: the rounds go on until each has won.
        for number in range(20 * ROUNDS):
            if number >= ROUNDS and seen == {True, False}:
                break
            sid = f"session-{number}"
            opened(everywhere, account.id, sid)
            came, *_ = at_once(
                pool,
                lambda sid=sid: members.add(sid, "told", until=0),  # type: ignore[misc]
                lambda sid=sid: sessions.end(account.id, sid=sid, but=None, now=now),  # type: ignore[misc]
                lambda: sessions.end(account.id, sid=None, but=None, now=now),
            )
            assert [each.client_id for each in members.clients_of(sid)] == ["told"] * came
            seen.add(came)
    with everywhere.base.database.autocommit.connect() as connection:
        told = connection.execute(select(func.count()).where(t.message.c.channel == "portal")).scalar()
        noted = connection.execute(select(func.count()).select_from(t.session_client)).scalar()

    assert told == noted
    assert seen == {True, False}, "both happened"


def test_a_portal_that_comes_during_the_end_waits_for_it(everywhere: App) -> None:
    """D-13: on PostgreSQL too, where readers usually wait for nobody."""
    account = everywhere.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    opened(everywhere, account.id, "a session")
    members = SqlSessionClients(everywhere.base.database, everywhere.base.outbox)
    with ThreadPoolExecutor(1) as pool:
        with everywhere.base.database.transaction.begin() as connection:
            ending = everywhere.base.sessions
            ending.end_within(connection, account.id, sid="a session", but=None, now=everywhere.clock())
            coming = pool.submit(members.add, "a session", "told", until=0)
            with pytest.raises(TimeoutError):
                coming.result(0.3)
        assert coming.result(5) is False
    assert members.clients_of("a session") == []


def test_coming_again_never_shortens_the_time(everywhere: App) -> None:
    account = everywhere.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    opened(everywhere, account.id, "a session")
    members = SqlSessionClients(everywhere.base.database, everywhere.base.outbox)
    untils = []
    for until in (0.0, everywhere.clock() + 86_400, 0.0):
        assert members.add("a session", "told", until=until)
        with everywhere.base.database.autocommit.connect() as connection:
            untils.append(connection.execute(select(t.session_client.c.expires_at)).scalar_one() - everywhere.clock())

    assert untils == [3600, 86_400, 86_400]
    assert not members.add("no session", "told", until=0)
