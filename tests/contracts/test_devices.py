"""Devices and ended tickets on both databases, with threads: of many at once exactly one, and what is ended stays."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import select

from idp.accounts.devices import MOST_WRONG, Device
from idp.accounts.notices import NO_NOTICE
from idp.ports import Event
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.devices import SqlDevices, SqlTickets, end_devices
from idp.store.outbox import SqlOutbox
from idp.store.people import SqlPeople
from idp.store.tables import enrolled_device
from idp.store.undo import SqlNotices
from keys.sealing import MasterKey
from tests.contracts.test_people import account
from tests.support.clock import FrozenClock

T = TypeVar("T")
AT_ONCE = 8
OWNER = account(1, None)


@pytest.fixture
def devices(database: Database, clock: FrozenClock) -> SqlDevices:
    SqlPeople(database).add(OWNER)
    SqlPeople(database).add(account(2, None))
    sealing = MasterKey(b"k" * 32)
    notices = SqlNotices(database, SqlOutbox(database, sealing, clock), sealing)
    return SqlDevices(database, SqlAudit(database, clock, b"k" * 32, lambda: "r"), notices)


def phone(name: str, *, owner: str = OWNER.id, app: str = "app") -> Device:
    return Device(f"id of {name}", owner, app, f"key of {name}", name, "192.0.2.0/24", "hash", 10.0, 10.0)


def enrol(devices: SqlDevices, device: Device, replaced: str | None = None, secured_at: float = 0.0) -> bool:
    return devices.enrol(device, replaced, NO_NOTICE, secured_at)


def at_once(call: Callable[[int], T]) -> list[T]:
    together = Barrier(AT_ONCE)

    def one(number: int) -> T:
        together.wait(timeout=60)
        return call(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_a_device_is_kept_as_it_is(devices: SqlDevices) -> None:
    """P-09: of the key no more than its thumbprint, of the passcode a hash."""
    mine = phone("A15")
    assert enrol(devices, mine)

    assert devices.of_key("key of A15") == devices.present(OWNER.id, "app") == mine
    assert devices.of_key("another") is None
    assert devices.present(OWNER.id, "other app") is None
    assert devices.of_account(OWNER.id) == [mine]
    assert {column.name for column in enrolled_device.columns} & {"key", "jwk", "private_key", "passcode"} == set()


def test_of_phones_that_enrol_at_once_one_is_the_device(devices: SqlDevices, database: Database) -> None:
    """P-10: one device at a time, whoever comes."""
    won = at_once(lambda n: enrol(devices, phone(f"phone {n}")))

    assert won.count(True) == 1
    assert devices.of_account(OWNER.id) == [phone(f"phone {won.index(True)}")]
    assert _rows(database) == 1


def test_of_phones_that_take_over_at_once_one_does(devices: SqlDevices, database: Database) -> None:
    """P-10: the others find that somebody was faster, and nobody is ended for nothing."""
    first = phone("first")
    enrol(devices, first)

    won = at_once(lambda n: enrol(devices, replace(phone(f"phone {n}"), enrolled_at=20.0), first.id))

    winner = f"phone {won.index(True)}"
    assert won.count(True) == 1
    assert devices.present(OWNER.id, "app") == replace(phone(winner), enrolled_at=20.0)
    ended = devices.of_key(first.jkt)
    assert ended == replace(first, ended_at=20.0, ended_why="replaced", successor=winner)
    assert _rows(database) == 2


def test_one_key_is_one_device_whoever_enrols_it(devices: SqlDevices) -> None:
    """Also in another account and after its end: its key opens nothing again."""
    mine = phone("A15")
    enrol(devices, mine)
    devices.end(mine.id, "unenrolled", 11.0, None)

    again = replace(phone("A15"), id="another id")
    assert not enrol(devices, again)
    assert not enrol(devices, replace(again, account_id=account(2, None).id))
    assert enrol(devices, phone("A16"))


def test_nobody_enrols_after_a_credential_event_that_they_do_not_know(devices: SqlDevices) -> None:
    assert not enrol(devices, phone("A15"), secured_at=5.0)
    assert devices.of_account(OWNER.id, ended=True) == []


def test_of_passcodes_tried_at_once_five_are_judged(devices: SqlDevices) -> None:
    """O-08: counted before they are judged, per device, whatever worker; the sixth is never compared."""
    mine = phone("A15")
    enrol(devices, mine)

    counts = at_once(lambda _: devices.charge(mine.id, MOST_WRONG))

    assert sorted(count for count in counts if count is not None) == [1, 2, 3, 4, 5]
    assert counts.count(None) == AT_ONCE - MOST_WRONG
    devices.forgive(mine.id, 30.0)
    assert devices.charge(mine.id, MOST_WRONG) == 1
    assert (devices.of_key(mine.jkt) or mine).last_seen_at == 30.0


def test_of_endings_at_once_one_ends_it_and_nothing_follows(devices: SqlDevices) -> None:
    """K-05: what is ended has one reason, one date, and no passcode any more."""
    mine = phone("A15")
    enrol(devices, mine)

    whys = ("replaced", "unenrolled", "passcode", "operator")
    won = at_once(lambda n: devices.end(mine.id, whys[n % 4], 20.0 + n, None))  # type: ignore[arg-type]

    assert won.count(True) == 1
    n = won.index(True)
    assert devices.of_key(mine.jkt) == replace(mine, ended_at=20.0 + n, ended_why=whys[n % 4])  # type: ignore[arg-type]
    assert devices.present(OWNER.id, "app") is None
    assert devices.charge(mine.id, MOST_WRONG) is None
    assert not devices.set_passcode(mine.id, "other", Event("device.passcode", OWNER.id, "app"))


def test_a_credential_event_ends_devices_and_silences_those_that_were_replaced(
    devices: SqlDevices, database: Database
) -> None:
    first, second, foreign = phone("first"), phone("second"), phone("foreign", owner=account(2, None).id)
    for device, replaced in ((first, None), (second, first.id), (foreign, None)):
        assert enrol(devices, device, replaced)

    with database.transaction.begin() as connection:
        end_devices(connection, OWNER.id, 30.0)

    found = [devices.of_key(device.jkt) for device in (first, second, foreign)]
    assert [(one.ended_at, one.ended_why) for one in found if one] == [
        (10.0, "secured"),
        (30.0, "secured"),
        (None, None),
    ]


class TestTickets:
    """How logins end, in the last word of SQL."""

    @pytest.mark.parametrize("outcomes", [("consumed",), ("denied",), ("consumed", "denied")])
    def test_of_endings_at_once_one_counts(
        self, devices: SqlDevices, database: Database, outcomes: tuple[str, ...]
    ) -> None:
        """K-05, F-21, O-02"""
        mine = phone("A15")
        enrol(devices, mine)
        tickets = SqlTickets(database)

        won = at_once(lambda n: tickets.end("t", outcomes[n % len(outcomes)], mine.id, 20.0))  # type: ignore[arg-type]

        assert won.count(True) == 1

    def test_a_device_that_ended_delivers_nothing_and_may_be_denied(
        self, devices: SqlDevices, database: Database
    ) -> None:
        mine = phone("A15")
        enrol(devices, mine)
        devices.end(mine.id, "replaced", 11.0, None)
        tickets = SqlTickets(database)

        assert not tickets.end("t", "consumed", mine.id, 20.0)
        assert not tickets.end("t", "consumed", "nobody", 20.0)
        assert tickets.end("t", "denied", mine.id, 20.0)

    def test_of_a_delivery_and_the_end_of_its_device_at_once_the_order_is_told(
        self, devices: SqlDevices, database: Database
    ) -> None:
        """Eviction cancels what is pending: what is delivered was delivered before the end."""
        tickets = SqlTickets(database)
        for turn in range(20):
            mine = phone(f"phone {turn}")
            enrol(devices, mine)

            def race(n: int, mine: Device = mine, turn: int = turn) -> bool:
                if n % 2:
                    return devices.end(mine.id, "replaced", 20.0, None)
                return tickets.end(f"t {turn} {n}", "consumed", mine.id, 20.0)

            at_once(race)
            assert not tickets.end(f"t {turn} late", "consumed", mine.id, 21.0)


def _rows(database: Database) -> int:
    with database.autocommit.connect() as connection:
        return len(connection.execute(select(enrolled_device.c.id)).all())
