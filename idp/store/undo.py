"""What the link of a notice would undo, with the values from before sealed."""

import json

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from idp.accounts.notices import Told, Undo
from idp.store import tables as t
from idp.store.outbox import SqlOutbox
from keys.database import Database
from keys.sealing import MasterKey

_u = t.undo.c


class SqlNotices:
    """Notices and their undo links, written in the transaction of what they tell about."""

    def __init__(self, database: Database, outbox: SqlOutbox, sealing: MasterKey) -> None:
        self._database = database
        self._outbox = outbox
        self._sealing = sealing

    def write(self, connection: Connection, told: Told) -> None:
        """Accept the messages of a notice and keep what its link would undo."""
        self._outbox.write(connection, *told.messages)
        if told.undo:
            connection.execute(insert(t.undo), self._row(told.undo))

    def find(self, digest: str, now: float) -> Undo | None:
        with self._database.read.connect() as connection:
            row = connection.execute(select(t.undo).where(_live(digest, now))).first()
        if row is None:
            return None
        before = json.loads(self._sealing.unseal(row.sealed_before, context=f"undo {digest}"))
        return Undo(digest, row.account_id, row.event, before, row.created_at, row.expires_at)

    def use(self, connection: Connection, digest: str, now: float) -> bool:
        """Use the link up: exactly one caller gets True."""
        return connection.execute(update(t.undo).where(_live(digest, now)).values(used_at=now)).rowcount == 1

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
