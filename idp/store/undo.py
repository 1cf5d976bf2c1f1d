"""What the link of a notice would undo, with the previous values sealed."""

import json
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from idp.accounts.notices import Notice, Undo
from idp.limits.budgets import DAY, Budget
from idp.messages.message import Message
from idp.store import tables as t
from idp.store.budgets import pay
from idp.store.database import Database
from idp.store.outbox import SqlOutbox
from keys.sealing import MasterKey

_u = t.undo.c


class SqlNotices:
    """Notices and their undo links, written in the transaction of the event they report."""

    def __init__(self, database: Database, outbox: SqlOutbox, sealing: MasterKey, *, device_texts: int = 3) -> None:
        self._device_texts = device_texts
        self._database = database
        self._outbox = outbox
        self._sealing = sealing

    def write(self, connection: Connection, notice: Notice) -> None:
        """Accept the messages of a notice and keep what its link would undo."""
        self._outbox.write(connection, *self._affordable(connection, notice))
        if notice.undo:
            connection.execute(insert(t.undo), self._row(notice.undo))

    def _affordable(self, connection: Connection, notice: Notice) -> Sequence[Message]:
        """All messages; of new devices an account is notified by text a few times a day, by mail always.

        Otherwise a person who often logs in on other people's machines would cost a text each time.
        """
        undo = notice.undo
        texts = [message for message in notice.messages if message.channel == "sms"]
        if undo is None or undo.about != "new_device" or not texts:
            return notice.messages
        allowed = Budget(f"device-texts:{undo.account_id}", self._device_texts, DAY)
        if pay(connection, [allowed], undo.created_at)[allowed.key].units <= allowed.limit:
            return notice.messages
        return [message for message in notice.messages if message.channel != "sms"]

    def find(self, digest: str, now: float) -> Undo | None:
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.undo).where(_live(digest, now))).first()
        if row is None:
            return None
        before = json.loads(self._sealing.unseal(row.sealed_before, context=f"undo {digest}"))
        return Undo(digest, row.account_id, row.event, before, row.created_at, row.expires_at)

    def used_at(self, digest: str) -> float | None:
        """When the link was used, or invalidated together with a used one."""
        with self._database.autocommit.connect() as connection:
            return connection.execute(select(_u.used_at).where(_u.digest == digest)).scalar()

    def previous(self, account_id: str, now: float) -> dict[str, str]:
        """Number and address from before a change that can still be undone: their holders are notified too."""
        changed = and_(_u.account_id == account_id, _u.event.in_(("phone_changed", "email_changed", "profile_changed")))
        live = select(t.undo).where(changed, _u.used_at.is_(None), _u.expires_at > now).order_by(_u.created_at)
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(live).all()
        befores = [json.loads(self._sealing.unseal(r.sealed_before, context=f"undo {r.digest}")) for r in rows]
        return {name: each[name] for each in befores for name in ("phone", "email") if each.get(name)}

    def use(self, connection: Connection, digest: str, now: float) -> bool:
        """Use up the link: exactly one caller gets True.

        Links of later notices are used up too: those events were caused by the person who is now disavowed.
        """
        used = update(t.undo).where(_live(digest, now)).values(used_at=now).returning(_u.account_id, _u.created_at)
        row = connection.execute(used).first()
        if row is None:
            return False
        later = and_(_u.account_id == row.account_id, _u.created_at >= row.created_at, _u.used_at.is_(None))
        connection.execute(update(t.undo).where(later).values(used_at=now))
        return True

    def _row(self, undo: Undo) -> dict[str, object]:
        sealed = self._sealing.seal(json.dumps(dict(undo.before)).encode(), context=f"undo {undo.digest}")
        return {
            "digest": undo.digest,
            "account_id": undo.account_id,
            "event": undo.about,
            "sealed_before": sealed,
            "created_at": undo.created_at,
            "expires_at": undo.expires_at,
        }


def _live(digest: str, now: float) -> ColumnElement[bool]:
    return and_(_u.digest == digest, _u.used_at.is_(None), _u.expires_at > now)
