"""`CredentialStore` in SQL: a credential event and everything that it ends, in one transaction."""

import json

from sqlalchemy import Connection, and_, delete, insert, select, update

from idp.accounts.credentials import Securing
from idp.accounts.notices import Undo
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.outbox import SqlOutbox
from idp.store.sessions import SqlSessions
from keys.database import Database
from keys.sealing import MasterKey

_u = t.undo.c


class _CameFirst(Exception):
    """Somebody else's event came first."""


class SqlCredentials:
    """Credential events on account, sessions, devices, codes, undo links, trail and outbox."""

    def __init__(
        self, database: Database, sessions: SqlSessions, audit: SqlAudit, outbox: SqlOutbox, sealing: MasterKey
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._audit = audit
        self._outbox = outbox
        self._sealing = sealing

    def secure(self, event: Securing, now: float) -> bool:
        try:
            with self._database.write.begin() as connection:
                self._secure(connection, event, now)
        except _CameFirst:
            return False
        return True

    def _secure(self, connection: Connection, event: Securing, now: float) -> None:
        # Later than what was read also when a clock was set back: the date must change for the comparison to work.
        moment = max(now, event.since + 0.001)
        unchanged = and_(t.account.c.id == event.account_id, t.account.c.secured_at == event.since)
        values = {**event.values, "secured_at": moment, "updated_at": now}
        if connection.execute(update(t.account).where(unchanged).values(values)).rowcount != 1:
            raise _CameFirst
        if event.undone:
            live = and_(_u.digest == event.undone, _u.used_at.is_(None), _u.expires_at > now)
            if connection.execute(update(t.undo).where(live).values(used_at=now)).rowcount != 1:
                raise _CameFirst
        self._sessions.end_within(connection, event.account_id, sid=None, but=event.keep_sid, now=now)
        devices = t.device.c.account_id == event.account_id
        connection.execute(delete(t.device).where(devices, t.device.c.digest != (event.keep_device or "")))
        connection.execute(delete(t.one_time_code).where(t.one_time_code.c.account_id == event.account_id))
        self._audit.write(connection, event.event)
        self._outbox.write(connection, *event.messages)
        if event.undo:
            self.keep_undo(connection, event.undo)

    def keep_undo(self, connection: Connection, undo: Undo) -> None:
        """Keep what a link would undo, in the caller's transaction."""
        sealed = self._sealing.seal(json.dumps(dict(undo.before)).encode(), context=f"undo {undo.digest}")
        row = {
            "digest": undo.digest,
            "account_id": undo.account_id,
            "event": undo.about,
            "sealed_before": sealed,
            "created_at": undo.created_at,
            "expires_at": undo.expires_at,
        }
        connection.execute(insert(t.undo), row)

    def find_undo(self, digest: str, now: float) -> Undo | None:
        live = and_(_u.digest == digest, _u.used_at.is_(None), _u.expires_at > now)
        with self._database.read.connect() as connection:
            row = connection.execute(select(t.undo).where(live)).first()
        if row is None:
            return None
        before = json.loads(self._sealing.unseal(row.sealed_before, context=f"undo {digest}"))
        return Undo(digest, row.account_id, row.event, before, row.created_at, row.expires_at)
