"""`CredentialStore` in SQL: a credential event and everything that it ends, in one transaction."""

from sqlalchemy import Connection, and_, delete, update

from idp.accounts.credentials import Securing
from idp.accounts.notices import Undo
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.sessions import SqlSessions
from idp.store.undo import SqlNotices
from keys.database import Database


class _CameFirst(Exception):
    """Somebody else's event came first."""


class SqlCredentials:
    """Credential events on account, sessions, devices, codes, trail and notices."""

    def __init__(self, database: Database, sessions: SqlSessions, audit: SqlAudit, notices: SqlNotices) -> None:
        self._database = database
        self._sessions = sessions
        self._audit = audit
        self._notices = notices

    def secure(self, event: Securing, now: float) -> float | None:
        moment = max(now, event.since + 0.001)
        try:
            with self._database.write.begin() as connection:
                self._secure(connection, event, moment)
        except _CameFirst:
            return None
        return moment

    def _secure(self, connection: Connection, event: Securing, now: float) -> None:
        unchanged = and_(t.account.c.id == event.account_id, t.account.c.secured_at == event.since)
        values = {**event.values, "secured_at": now, "updated_at": now}
        if connection.execute(update(t.account).where(unchanged).values(values)).rowcount != 1:
            raise _CameFirst
        if event.undone and not self._notices.use(connection, event.undone, now):
            raise _CameFirst
        self._sessions.end_within(connection, event.account_id, sid=None, but=event.keep_sid, now=now)
        devices = t.device.c.account_id == event.account_id
        connection.execute(delete(t.device).where(devices, t.device.c.digest != (event.keep_device or "")))
        connection.execute(delete(t.one_time_code).where(t.one_time_code.c.account_id == event.account_id))
        self._audit.write(connection, event.event)
        self._notices.write(connection, event.told)

    def find_undo(self, digest: str, now: float) -> Undo | None:
        return self._notices.find(digest, now)
