"""What one process writes wakes the others, and one of them keeps house, on both databases."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import text

from idp.messages.message import Message
from idp.ports import Event
from idp.store import watches
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.outbox import SqlOutbox
from idp.store.watches import StoreWatch, watch_of
from keys.sealing import MasterKey
from tests.support.clock import FrozenClock
from tests.support.waiting import until

SOON = 10.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "TICK", 0.05)
    monkeypatch.setattr(watches, "PING_EVERY", 0.2)


@contextmanager
def watching(url: str, *, may_keep_house: bool = True) -> Iterator[StoreWatch]:
    """The watch of another process."""
    database = Database(url)
    watch = watch_of(database)
    watch.start(may_keep_house=may_keep_house)
    # It has looked once, or listens.
    until(lambda: watch.wakeups.count("sms") == 1)
    yield watch
    watch.stop()
    database.close()


def message() -> Message:
    return Message("sms", "+84912345678", "otp", FrozenClock()() + 300, {"code": "135790"})


def test_what_is_written_wakes_another_process(database: Database, database_url: str, clock: FrozenClock) -> None:
    outbox = SqlOutbox(database, MasterKey(b"k" * 32), clock)
    audit = SqlAudit(database, clock, b"k" * 32, lambda: "request-1")
    with watching(database_url) as watch:
        outbox.put(message())
        until(lambda: watch.wakeups.count("sms") > 1, SOON)
        seen = watch.wakeups.count("audit")
        audit.record(Event("key.revoked"))
        until(lambda: watch.wakeups.count("audit") > seen, SOON)


def test_on_postgresql_only_the_channel_is_woken_and_only_by_a_commit(
    database: Database, database_url: str, clock: FrozenClock
) -> None:
    outbox = SqlOutbox(database, MasterKey(b"k" * 32), clock)
    with watching(database_url) as watch:
        if database.dialect == "sqlite":
            return
        with database.transaction.connect() as connection:
            began = connection.begin()
            outbox.write(connection, Message("email", "hoa@example.com", "otp", clock() + 300, {}))
            began.rollback()
        outbox.put(message())
        until(lambda: watch.wakeups.count("sms") == 2, SOON)
        assert watch.wakeups.count("email") == watch.wakeups.count("keys") == 1


def test_one_keeps_house_until_it_ends(database: Database, database_url: str, clock: FrozenClock) -> None:
    outbox = SqlOutbox(database, MasterKey(b"k" * 32), clock)
    with ExitStack() as first:
        holder = first.enter_context(watching(database_url))
        until(lambda: holder.is_housekeeper, SOON)
        with watching(database_url) as second, watching(database_url, may_keep_house=False) as sender:
            outbox.put(message())
            until(lambda: second.wakeups.count("sms") > 1, SOON)
            # It asks for the lock before it is woken.
            assert not second.is_housekeeper
            first.close()
            assert not holder.is_housekeeper
            until(lambda: second.is_housekeeper, SOON)
            assert not sender.is_housekeeper


def test_whoever_does_no_housekeeping_leaves_the_lock_to_others(database_url: str) -> None:
    with watching(database_url, may_keep_house=False) as sender, watching(database_url) as keeper:
        until(lambda: keeper.is_housekeeper, SOON)
        assert not sender.is_housekeeper


def test_a_session_that_is_ended_is_followed_by_another(database: Database, database_url: str) -> None:
    with watching(database_url) as watch:
        if database.dialect == "sqlite":
            return
        until(lambda: watch.is_housekeeper, SOON)
        with database.autocommit.connect() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bhxh-idp watch'")
            )
        # Woken when it was lost and when it listens again: whatever was missed is looked for.
        until(lambda: watch.wakeups.count("sms") >= 3, SOON)
        until(lambda: watch.is_housekeeper, SOON)
