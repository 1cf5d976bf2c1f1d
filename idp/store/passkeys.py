"""`PasskeyStore` in SQL. A row is never deleted: every authenticator ever bound stays on record."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts.notices import Notice
from idp.accounts.passkey import HolderKind, Passkey, Why
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.sessions import SqlSessions
from idp.store.undo import SqlNotices

_p = t.passkey.c
_LIVE = _p.ended_at.is_(None)
HOLDERS = {"account": t.account, "officer": t.officer}


class SqlPasskeys:
    """Passkeys of people and of officers."""

    def __init__(self, database: Database, audit: SqlAudit, notices: SqlNotices, sessions: SqlSessions) -> None:
        self._database = database
        self._audit = audit
        self._notices = notices
        self._sessions = sessions

    def of_credential(self, digest: str) -> Passkey | None:
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.passkey).where(_p.digest == digest)).mappings().first()
        return _passkey(row) if row else None

    def of_holder(self, kind: HolderKind, holder: str) -> list[Passkey]:
        held = select(t.passkey).where(_held_by(kind, holder), _LIVE).order_by(_p.created_at)
        with self._database.autocommit.connect() as connection:
            return [_passkey(row) for row in connection.execute(held).mappings()]

    def add(self, passkey: Passkey, most: int, notice: Notice, secured_at: float) -> bool:
        try:
            with self._database.transaction.begin() as connection:
                return self._add(connection, passkey, most, notice, secured_at)
        except IntegrityError:
            return False

    def _add(self, connection: Connection, passkey: Passkey, most: int, notice: Notice, secured_at: float) -> bool:
        table = HOLDERS[passkey.holder_kind]
        # The holder's row is locked, so that of several concurrent ones each counts those before it.
        owner = select(table.c.secured_at).where(table.c.id == passkey.holder).with_for_update()
        if connection.execute(owner).scalar() != secured_at:
            return False
        held = select(func.count()).where(_held_by(passkey.holder_kind, passkey.holder), _LIVE)
        if (connection.execute(held).scalar() or 0) >= most:
            return False
        connection.execute(insert(t.passkey), asdict(passkey) | {"digest": passkey.digest})
        self._audit.write(connection, _event("passkey.added", passkey, synced=passkey.backed_up))
        self._notices.write(connection, notice)
        return True

    def use(self, passkey: Passkey, sign_count: int, now: float) -> bool:
        unchanged = and_(_p.id == passkey.id, _LIVE, _p.sign_count == passkey.sign_count)
        noted = update(t.passkey).where(unchanged).values(sign_count=sign_count, last_used_at=now)
        with self._database.transaction.begin() as connection:
            if connection.execute(noted).rowcount != 1:
                return False
            self._audit.write(connection, _event("passkey.used", passkey))
            return True

    def end(self, passkey: Passkey, why: Why, now: float, notice: Notice) -> bool:
        with self._database.transaction.begin() as connection:
            if not _end(connection, self._audit, _p.id == passkey.id, why, now):
                return False
            if why == "cloned" and passkey.holder_kind == "account":
                self._end_what_it_opened(connection, passkey.holder, now)
            self._notices.write(connection, notice)
            return True

    def _end_what_it_opened(self, connection: Connection, account_id: str, now: float) -> None:
        """Whoever copied it logged in before its owner: sessions, proofs and pending changes end with it."""
        self._sessions.end_within(connection, account_id, sid=None, but=None, now=now)
        a = t.account.c
        connection.execute(update(t.account).where(a.id == account_id, a.secured_at < now).values(secured_at=now))


def end_passkeys(
    connection: Connection, audit: SqlAudit, account_id: str, ids: Collection[str] | Literal["all"], now: float
) -> int:
    """End passkeys of an account in the caller's transaction, the named ones or all; returns how many."""
    mine = _held_by("account", account_id)
    if ids == "all":
        return _end(connection, audit, mine, "secured", now)
    return _end(connection, audit, and_(mine, _p.id.in_(ids)), "removed", now) if ids else 0


def _end(connection: Connection, audit: SqlAudit, which: ColumnElement[bool], why: Why, now: float) -> int:
    ended = update(t.passkey).where(which, _LIVE).values(ended_at=now, ended_why=why).returning(t.passkey)
    rows = connection.execute(ended).mappings().all()
    for row in rows:
        audit.write(connection, _event("passkey.ended", _passkey(row), why=why))
    return len(rows)


def _held_by(kind: HolderKind, holder: str) -> ColumnElement[bool]:
    return and_(_p.holder_kind == kind, _p.holder == holder)


def _event(name: str, passkey: Passkey, **facts: str | bool) -> Event:
    """An officer is identified by the passkey's row, not by the trail: its column is for accounts."""
    account_id = passkey.holder if passkey.holder_kind == "account" else None
    return Event(name, account_id, facts={"passkey": passkey.id, "of": passkey.holder_kind, **facts})


def _passkey(row: Any) -> Passkey:
    return Passkey(**{name: row[name] for name in Passkey.__dataclass_fields__})
