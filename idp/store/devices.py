"""`DeviceStore` in SQL, and the final record of how a login by QR code ended."""

from dataclasses import replace
from typing import Any, Literal

from sqlalchemy import Connection, and_, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from idp.accounts.devices import Device, Ended
from idp.accounts.notices import Notice
from idp.errors import StaleState
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.undo import SqlNotices

_d = t.enrolled_device.c
_PRESENT = _d.ended_at.is_(None)
DAY = 86_400.0
MOST_LISTED = 100


class SqlDevices:
    """Enrolled devices."""

    def __init__(self, database: Database, audit: SqlAudit, notices: SqlNotices) -> None:
        self._database = database
        self._audit = audit
        self._notices = notices

    def of_key(self, jkt: str) -> Device | None:
        return self._one(_d.jkt == jkt)

    def present(self, account_id: str, client_id: str) -> Device | None:
        return self._one(and_(_d.account_id == account_id, _d.client_id == client_id, _PRESENT))

    def of_account(self, account_id: str, *, ended: bool = False) -> list[Device]:
        """The account's devices in every app, newest first; the `ended` ones only on request."""
        mine = select(t.enrolled_device).where(_d.account_id == account_id)
        newest = (mine if ended else mine.where(_PRESENT)).order_by(_d.enrolled_at.desc()).limit(MOST_LISTED)
        with self._database.autocommit.connect() as connection:
            return [_device(row) for row in connection.execute(newest).mappings()]

    def enrol(self, device: Device, replaced: str | None, notice: Notice, secured_at: float) -> bool:
        try:
            with self._database.transaction.begin() as connection:
                self._enrol(connection, device, replaced, secured_at)
                self._notices.write(connection, notice)
        except (StaleState, IntegrityError):
            return False
        return True

    def _enrol(self, connection: Connection, device: Device, replaced: str | None, secured_at: float) -> None:
        of_account = select(t.account.c.secured_at).where(t.account.c.id == device.account_id)
        if connection.execute(of_account.with_for_update(read=True)).scalar() != secured_at:
            raise StaleState
        if replaced is not None:
            values = {"ended_at": device.enrolled_at, "ended_why": "replaced", "successor": device.name}
            ended = update(t.enrolled_device).where(_d.id == replaced, _PRESENT).values(values)
            if connection.execute(ended).rowcount != 1:
                raise StaleState
            self._audit.write(connection, _ended(device, "replaced"))
        connection.execute(insert(t.enrolled_device), row_of(device))
        f = t.refresh_family.c
        others = and_(f.account_id == device.account_id, f.client_id == device.client_id, ~f.grant.contains(device.jkt))
        # Already dead because the seat is taken; this keeps them dead when this device ends.
        ended = update(t.refresh_family).where(others, f.revoked_at.is_(None))
        connection.execute(ended.values(revoked_at=device.enrolled_at))
        # A phone that was replaced at a login, before this phone had a name, now gets that name.
        made_way = and_(_d.account_id == device.account_id, _d.client_id == device.client_id, _d.successor.is_(None))
        named = update(t.enrolled_device).where(made_way, _d.ended_why == "replaced")
        connection.execute(named.values(successor=device.name))
        self._audit.write(connection, Event("device.enrolled", device.account_id, device.client_id))

    def charge(self, device_id: str, most: int) -> int | None:
        left = and_(_d.id == device_id, _PRESENT, _d.wrong_passcodes < most)
        counted = update(t.enrolled_device).where(left).values(wrong_passcodes=_d.wrong_passcodes + 1)
        with self._database.transaction.begin() as connection:
            return connection.execute(counted.returning(_d.wrong_passcodes)).scalar()

    def give_back(self, device_id: str) -> None:
        counted = update(t.enrolled_device).where(_d.id == device_id, _PRESENT, _d.wrong_passcodes > 0)
        with self._database.transaction.begin() as connection:
            connection.execute(counted.values(wrong_passcodes=_d.wrong_passcodes - 1))

    def forgive(self, device_id: str, now: float) -> None:
        values = {"wrong_passcodes": 0, "last_seen_at": now}
        with self._database.transaction.begin() as connection:
            connection.execute(update(t.enrolled_device).where(_d.id == device_id, _PRESENT).values(values))

    def set_passcode(self, device_id: str, passcode_hash: str, event: Event) -> bool:
        changed = update(t.enrolled_device).where(_d.id == device_id, _PRESENT).values(passcode_hash=passcode_hash)
        with self._database.transaction.begin() as connection:
            done = connection.execute(changed).rowcount == 1
            if done:
                self._audit.write(connection, event)
            return done

    def end(
        self,
        device_id: str,
        why: Ended,
        now: float,
        notice: Notice | None,
        successor: str = "",
        reason: str | None = None,
    ) -> bool:
        values = {"ended_at": now, "ended_why": why, "successor": successor or None}
        ended = update(t.enrolled_device).where(_d.id == device_id, _PRESENT).values(values)
        with self._database.transaction.begin() as connection:
            row = connection.execute(ended.returning(t.enrolled_device)).mappings().first()
            if row is None:
                return False
            self._audit.write(connection, replace(_ended(_device(row), why), reason=reason))
            if notice is not None:
                self._notices.write(connection, notice)
            return True

    def _one(self, where: Any) -> Device | None:
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.enrolled_device).where(where)).mappings().first()
        return _device(row) if row else None


class SqlTickets:
    """How logins by QR code ended: each once, and a delivery only while the confirming device is enrolled."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = postgresql if database.dialect == "postgresql" else sqlite

    def end(self, digest: str, outcome: Literal["consumed", "denied"], device_id: str, now: float) -> bool:
        """End the login permanently; True for the first caller only. Kept for a day, longer than such a login."""
        with self._database.transaction.begin() as connection:
            if outcome == "consumed":
                confirms = select(_d.id).where(_d.id == device_id, _PRESENT).with_for_update(read=True)
                if connection.execute(confirms).first() is None:
                    return False
            row = {"digest": digest, "outcome": outcome, "expires_at": now + DAY}
            claim = self._dialect.insert(t.ended_ticket).values(row).on_conflict_do_nothing()
            return connection.execute(claim.returning(t.ended_ticket.c.digest)).first() is not None


def end_devices(connection: Connection, account_id: str, now: float) -> None:
    """A credential event ends the person's devices, in its own transaction.

    Replaced phones lose their say too: the phone that replaced them is out.
    """
    mine = _d.account_id == account_id
    connection.execute(update(t.enrolled_device).where(mine, _PRESENT).values(ended_at=now, ended_why="secured"))
    replaced = update(t.enrolled_device).where(mine, _d.ended_why == "replaced")
    connection.execute(replaced.values(ended_why="secured"))


def _ended(device: Device, why: Ended) -> Event:
    return Event("device.ended", device.account_id, device.client_id, facts={"why": why})


def row_of(device: Device) -> dict[str, Any]:
    """The table row of a new device."""
    names = ("id", "account_id", "client_id", "jkt", "name", "network", "passcode_hash", "wrong_passcodes")
    return {name: getattr(device, name) for name in (*names, "enrolled_at", "last_seen_at")}


def _device(row: Any) -> Device:
    return Device(
        id=row["id"],
        account_id=row["account_id"],
        client_id=row["client_id"],
        jkt=row["jkt"],
        name=row["name"],
        network=row["network"],
        passcode_hash=row["passcode_hash"],
        enrolled_at=row["enrolled_at"],
        last_seen_at=row["last_seen_at"],
        wrong_passcodes=row["wrong_passcodes"],
        ended_at=row["ended_at"],
        ended_why=row["ended_why"],
        successor=row["successor"] or "",
    )
