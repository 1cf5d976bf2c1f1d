"""`CredentialStore` in SQL: a credential event and everything that it ends, in one transaction."""

import json
import secrets

from sqlalchemy import Connection, and_, delete, exists, insert, select, update

from idp.accounts.credentials import HeldLink, Securing
from idp.accounts.notices import Undo
from idp.ephemeral_records import digest
from idp.errors import StaleState
from idp.officers.data_requests import WAITING
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.declaration_rows import end_open
from idp.store.devices import end_devices
from idp.store.passkeys import end_passkeys
from idp.store.sessions import SqlSessions
from idp.store.undo import SqlNotices

DISAVOWED = "disavowed"
"""Why an officer is asked: "this was not me" about something that a desk or an electronic identity vouched for."""


class SqlCredentials:
    """Credential events on account, sessions, devices, codes, trail and notices."""

    def __init__(self, database: Database, sessions: SqlSessions, audit: SqlAudit, notices: SqlNotices) -> None:
        self._database = database
        self._sessions = sessions
        self._audit = audit
        self._notices = notices

    def secure(self, event: Securing, now: float) -> float | None:
        try:
            with self._database.transaction.begin() as connection:
                return self.secure_within(connection, event, now)
        except StaleState:
            return None

    def secure_within(self, connection: Connection, event: Securing, at: float) -> float:
        """The same in the caller's transaction. Raises `StaleState`; then the transaction must not be committed."""
        now = max(at, event.since + 0.001)
        unchanged = and_(t.account.c.id == event.account_id, t.account.c.secured_at == event.since)
        values = {**event.values, "secured_at": now, "updated_at": now} | ({"vouched_at": now} if event.vouched else {})
        if connection.execute(update(t.account).where(unchanged).values(values)).rowcount != 1:
            raise StaleState
        if event.undone and not self._notices.use(connection, event.undone, now):
            raise StaleState
        _end_what_waits(connection, event, now)
        self._sessions.end_within(connection, event.account_id, sid=None, but=event.keep_sid, now=now)
        devices = t.device.c.account_id == event.account_id
        connection.execute(delete(t.device).where(devices, t.device.c.digest != (event.keep_device or "")))
        end_devices(connection, event.account_id, now)
        connection.execute(delete(t.one_time_code).where(t.one_time_code.c.account_id == event.account_id))
        _change_links(connection, event, now)
        if event.owner_is_back:
            self._withdraw(connection, event.account_id, now)
        end_passkeys(connection, self._audit, event.account_id, event.passkeys_end, now)
        if event.case:
            _open_case(connection, event, now)
        self._audit.write(connection, event.event)
        self._notices.write(connection, event.notice)
        return now

    def _withdraw(self, connection: Connection, account_id: str, now: float) -> None:
        """End requests about the data: it is unknown whether the owner made them."""
        waiting = and_(t.data_request.c.account_id == account_id, t.data_request.c.state.in_(WAITING))
        withdrawn = update(t.data_request).where(waiting).values(state="withdrawn", answered_at=now)
        if connection.execute(withdrawn).rowcount:
            self._audit.write(connection, Event("data.answered", account_id, facts={"state": "withdrawn"}))

    def find_undo(self, digest: str, now: float) -> Undo | None:
        return self._notices.find(digest, now)

    def undo_used_at(self, digest: str) -> float | None:
        return self._notices.used_at(digest)

    def links_of(self, account_id: str) -> list[HeldLink]:
        held = and_(t.link.c.account_id == account_id, t.link.c.ended_at.is_(None))
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(select(t.link).where(held))
            return [HeldLink(row.id, row.how, row.made_at, row.upstream) for row in rows]

    def has_passkeys(self, account_id: str) -> bool:
        held = and_(t.passkey.c.holder_kind == "account", t.passkey.c.holder == account_id)
        with self._database.autocommit.connect() as connection:
            return bool(connection.execute(select(exists().where(held, t.passkey.c.ended_at.is_(None)))).scalar())


def _end_what_waits(connection: Connection, event: Securing, now: float) -> None:
    """Use up the activation that this event came by; end other ones and changes that wait for an officer.

    Raises `StaleState`.
    """
    mine = and_(t.activation.c.account_id == event.account_id, t.activation.c.used_at.is_(None))
    if event.activation:
        live = and_(mine, t.activation.c.digest == event.activation, t.activation.c.expires_at > now)
        if connection.execute(update(t.activation).where(live).values(used_at=now)).rowcount != 1:
            raise StaleState
    connection.execute(delete(t.activation).where(mine))
    end_open(connection, t.declaration.c.account_id == event.account_id, "cancelled", now)


def _open_case(connection: Connection, event: Securing, now: float) -> None:
    """Make an officer review what was disavowed: one open case per account, however often it happens."""
    d = t.link_dispute.c
    mine = and_(d.account_id == event.account_id, d.reason == DISAVOWED, d.resolved_at.is_(None))
    again = update(t.link_dispute).where(mine).values(times=d.times + 1, seen_at=now)
    if connection.execute(again).rowcount:
        return
    row = {"id": secrets.token_urlsafe(16), "upstream": "", "subject": digest("disavowed", event.account_id)}
    row |= {"reason": DISAVOWED, "account_id": event.account_id, "evidence": json.dumps({"about": event.case})}
    connection.execute(insert(t.link_dispute).values(**row, times=1, created_at=now, seen_at=now))


def _change_links(connection: Connection, event: Securing, now: float) -> None:
    """End links, and restore an ended one if its subject and its account are still free for it."""
    mine = t.link.c.account_id == event.account_id
    if event.links_end:
        ended = and_(mine, t.link.c.id.in_(event.links_end), t.link.c.ended_at.is_(None))
        connection.execute(update(t.link).where(ended).values(ended_at=now))
    if event.link_returns:
        other = t.link.alias()
        same = (other.c.subject == t.link.c.subject) | (other.c.account_id == t.link.c.account_id)
        in_its_way = exists().where(and_(other.c.ended_at.is_(None), other.c.upstream == t.link.c.upstream, same))
        returning = and_(mine, t.link.c.id == event.link_returns, t.link.c.ended_at.is_not(None), ~in_its_way)
        connection.execute(update(t.link).where(returning).values(ended_at=None))
