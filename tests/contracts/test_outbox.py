"""What the outbox promises on both databases: accepted means tried; taken by one; expired means not sent."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from idp.errors import Busy
from idp.messages.message import Message
from idp.messages.sending import Deliveries, PermanentFailure, Receipt, TemporaryFailure
from idp.store.database import Database
from idp.store.outbox import SqlOutbox
from keys.sealing import MasterKey
from tests.support.clock import FrozenClock
from tests.support.rivals import outcomes

SEALING = MasterKey(b"k" * 32)
NUMBER = "+84912345678"


def outbox(database: Database, clock: FrozenClock, waiting: int = 10_000) -> SqlOutbox:
    return SqlOutbox(database, SEALING, clock, waiting=waiting)


def otp(clock: FrozenClock, code: str = "135790") -> Message:
    facts = {"code": code, "purpose": "login", "minutes": "5"}
    return Message("sms", NUMBER, "otp", clock() + 300, facts, account_id="a" * 32)


class Gateway:
    """A sender that does what it is told, and remembers what it was given."""

    longest = 15.0

    def __init__(self, *answers: Callable[[Message], Receipt]) -> None:
        self.answers = list(answers)
        self.got: list[Message] = []

    def send(self, message: Message) -> Receipt:
        self.got.append(message)
        return self.answers.pop(0)(message) if self.answers else Receipt()


def refuses(reason: str = "busy", kind: type[Exception] = TemporaryFailure) -> Callable[[Message], Receipt]:
    def refuse(_: Message) -> Receipt:
        raise kind(reason)

    return refuse


def state(database: Database, message: Message) -> tuple[str, int, str | None]:
    with database.autocommit.connect() as connection:
        row = connection.exec_driver_sql(f"SELECT state, tries, error FROM message WHERE id = '{message.id}'").one()
    return row.state, row.tries, row.error


def test_what_was_put_is_sent_once_and_as_it_was(database: Database, clock: FrozenClock) -> None:
    queue, gateway, message = outbox(database, clock), Gateway(), otp(clock)
    queue.put(message)

    assert Deliveries(queue, {"sms": gateway}, clock).once() == 1
    assert Deliveries(queue, {"sms": gateway}, clock).once() == 0
    assert gateway.got == [message]
    assert state(database, message) == ("sent", 0, None)


def test_no_number_and_no_code_lies_readable_in_the_database(database: Database, clock: FrozenClock) -> None:
    outbox(database, clock).put(otp(clock))

    with database.autocommit.connect() as connection:
        row = str(connection.exec_driver_sql("SELECT * FROM message").mappings().one())
    assert NUMBER not in row
    assert "135790" not in row


@pytest.mark.parametrize(
    ("answer", "kept"), [(refuses("no such number", PermanentFailure), True), (lambda _: Receipt(), False)]
)
def test_what_a_message_said_is_kept_only_while_it_may_be_tried_anew(
    database: Database, clock: FrozenClock, answer: Callable[[Message], Receipt], kept: bool
) -> None:
    queue, message = outbox(database, clock), otp(clock)
    queue.put(message)
    Deliveries(queue, {"sms": Gateway(answer)}, clock).once()

    with database.autocommit.connect() as connection:
        sealed = connection.exec_driver_sql("SELECT sealed_facts FROM message").scalar_one()
    assert bool(sealed) == kept
    assert queue.revive(message.id) == kept
    assert not queue.revive(message.id), "it waits already"


def test_a_channel_takes_only_its_own_messages(database: Database, clock: FrozenClock) -> None:
    queue, message = outbox(database, clock), otp(clock)
    queue.put(message)

    assert queue.take("email", 15) is None
    assert queue.take("sms", 15) is not None


def take_all(url: str) -> list[str]:
    """Take until nothing is left; gives the ids."""
    database, ids = Database(url), []
    queue = outbox(database, FrozenClock())
    while taken := queue.take("sms", 15):
        ids.append(taken.message.id)
    database.close()
    return ids


def test_of_many_takers_at_once_one_gets_each_message(
    database: Database, database_url: str, clock: FrozenClock
) -> None:
    messages = [otp(clock) for _ in range(100)]
    outbox(database, clock).put(*messages)

    taken = outcomes(take_all, database_url)

    # PostgreSQL skips what another one is just taking; that one has it.
    assert sorted(taken) == sorted(message.id for message in messages)


def test_what_a_dead_taker_held_is_sent_again_under_the_same_id(database: Database, clock: FrozenClock) -> None:
    queue, gateway, message = outbox(database, clock), Gateway(), otp(clock)
    queue.put(message)
    dead = queue.take("sms", 15)

    assert Deliveries(queue, {"sms": gateway}, clock).once() == 0
    clock.move(15)
    assert Deliveries(queue, {"sms": gateway}, clock).once() == 1

    assert dead is not None
    assert [each.id for each in gateway.got] == [dead.message.id]
    assert state(database, message) == ("sent", 0, None)


def test_a_taker_that_comes_back_too_late_changes_nothing(database: Database, clock: FrozenClock) -> None:
    queue, message = outbox(database, clock), otp(clock)
    queue.put(message)
    late = queue.take("sms", 15)
    clock.move(15)
    other = queue.take("sms", 15)
    assert late
    assert other

    queue.put_off(late, clock() + 100, "too late")
    queue.finish(late, "failed", "too late")
    assert state(database, message) == ("sending", 0, None)

    queue.finish(other, "sent")
    assert state(database, message) == ("sent", 0, None)


def test_a_refused_code_is_tried_twice_more_with_growing_pauses(database: Database, clock: FrozenClock) -> None:
    """W-07: no retry storm."""
    queue, message = outbox(database, clock), otp(clock)
    gateway = Gateway(*[refuses()] * 10)
    deliveries = Deliveries(queue, {"sms": gateway}, clock)
    queue.put(message)
    sent_at = []
    for _ in range(290):
        before = len(gateway.got)
        deliveries.once()
        sent_at += [clock()] * (len(gateway.got) - before)
        clock.move(1)

    first, second = (later - earlier for earlier, later in pairwise(sent_at))
    assert len(sent_at) == 3
    assert 5 <= first <= 11
    assert 10 <= second <= 21
    assert state(database, message) == ("failed", 2, "busy")


def test_what_is_never_taken_is_not_tried_again(database: Database, clock: FrozenClock) -> None:
    queue, message, gateway = outbox(database, clock), otp(clock), Gateway(refuses("no such number", PermanentFailure))
    queue.put(message)

    Deliveries(queue, {"sms": gateway}, clock).once()
    clock.move(200)

    assert Deliveries(queue, {"sms": gateway}, clock).once() == 0
    assert state(database, message) == ("failed", 0, "no such number")


def test_a_sender_that_breaks_stops_nobody_else(database: Database, clock: FrozenClock) -> None:
    queue, broken, good = outbox(database, clock), otp(clock), otp(clock)
    gateway = Gateway(refuses("a bug", ZeroDivisionError))
    queue.put(broken, good)

    assert Deliveries(queue, {"sms": gateway}, clock).once() == 2
    assert {state(database, each)[0] for each in (broken, good)} == {"waiting", "sent"}


def test_a_code_that_has_expired_is_not_sent(database: Database, clock: FrozenClock) -> None:
    """F-30: late by eleven minutes."""
    queue, message, gateway = outbox(database, clock), otp(clock), Gateway()
    queue.put(message)
    clock.move(660)

    Deliveries(queue, {"sms": gateway}, clock).once()

    assert gateway.got == []
    assert state(database, message) == ("expired", 0, None)


def test_what_would_be_tried_again_only_after_its_time_has_expired(database: Database, clock: FrozenClock) -> None:
    queue, gateway = outbox(database, clock), Gateway(refuses())
    message = replace(otp(clock), good_until=clock() + 1)
    queue.put(message)

    Deliveries(queue, {"sms": gateway}, clock).once()

    assert state(database, message) == ("expired", 0, "busy")


def test_too_many_waiting_refuse_a_code_and_never_a_notice(database: Database, clock: FrozenClock) -> None:
    """W-07: queue bounded, user told; what happened is told all the same."""
    queue = outbox(database, clock, waiting=2)
    notice = Message("sms", NUMBER, "notice", clock() + 3600, {"event": "password_changed"})
    queue.put(otp(clock), otp(clock))

    with pytest.raises(Busy):
        queue.put(otp(clock))
    queue.put(notice)
    queue.put(replace(otp(clock), channel="email", to="hoa@example.com"))

    Deliveries(queue, {"sms": Gateway()}, clock).once()
    queue.put(otp(clock))


def test_what_was_sealed_by_another_key_fails_and_the_next_one_is_sent(database: Database, clock: FrozenClock) -> None:
    strange, message, gateway = otp(clock), otp(clock), Gateway()
    SqlOutbox(database, MasterKey(b"x" * 32), clock).put(strange)
    queue = outbox(database, clock)
    clock.move(1)
    queue.put(message)

    assert Deliveries(queue, {"sms": gateway}, clock).once() == 1
    assert gateway.got == [message]
    assert state(database, strange)[0] == "failed"


def test_what_is_not_committed_is_not_sent(database: Database, clock: FrozenClock) -> None:
    queue = outbox(database, clock)

    transaction = database.transaction.connect()
    queue.write(transaction, otp(clock))
    transaction.rollback()
    transaction.close()

    assert queue.take("sms", 15) is None
