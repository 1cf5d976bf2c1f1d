"""`SessionStore` in SQL. Ending a session ends its refresh families and notifies its clients in one transaction."""

from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.accounts.notices import Notice
from idp.errors import Expired
from idp.login.sessions import Session
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.families import CLAIM
from idp.store.prepared import Prepared
from idp.store.rows import SESSION, session_of
from idp.store.session_clients import SqlSessionClients
from idp.store.undo import SqlNotices

MOST_LISTED = 100
MOST_DEVICES = 20


_SECURED_AT = select(t.account.c.secured_at).where(t.account.c.id == bindparam("account_id")).with_for_update(read=True)


_OPENED = tuple(column.name for column in t.session.c if column.name != "ended_at")


def _opening(dialect: Any) -> Any:
    """Insert a session, or give the account's live one of the same `sid` its new cookie and dates."""
    session = dialect.insert(t.session)
    mine = and_(t.session.c.account_id == session.excluded.account_id, t.session.c.ended_at.is_(None))
    changed = {name: session.excluded[name] for name in _OPENED}
    put = session.on_conflict_do_update(index_elements=[t.session.c.sid], set_=changed, where=mine)
    return put.returning(t.session.c.sid)


_OPEN = {dialect.dialect.name: _opening(dialect) for dialect in (postgresql, sqlite)}


class SqlSessions:
    """Sessions and known devices."""

    def __init__(self, database: Database, audit: SqlAudit, clients: SqlSessionClients, notices: SqlNotices) -> None:
        self._database = database
        self._audit = audit
        self._clients = clients
        self._notices = notices
        self._dialect = postgresql if database.dialect == "postgresql" else sqlite
        self._secured_at = Prepared(database, _SECURED_AT)
        self._claim = Prepared(database, CLAIM[database.dialect], ("id", "expires_at"))
        self._open = Prepared(database, _OPEN[database.dialect], _OPENED)

    def open(
        self,
        session_digest: str,
        session: Session,
        *,
        device_digest: str | None,
        device_until: float,
        notice: Notice,
        secured_at: float,
        browser: str = "",
        claim: str = "",
    ) -> None:
        proof, row = session.authentication, _row(session_digest, session)
        facts = {"through": proof.through, "browser": browser, "network": session.network}
        opened = Event("login.succeeded", proof.account_id, facts=facts)
        with self._database.transaction.begin() as connection:
            # Locked until we are done: a credential event ends this session, or came first and we do not open it.
            if self._secured_at.within(connection, account_id=proof.account_id) != [{"secured_at": secured_at}]:
                raise Expired("the account was secured meanwhile")
            if claim and not self._claim.within(connection, id=claim, expires_at=session.expires_at):
                raise Expired("the attempt was finished before")
            if not self._open.within(connection, **row):
                raise Expired("the session to go on with was ended meanwhile")
            if device_digest:
                self._remember(connection, proof.account_id, device_digest, session.created_at, device_until)
            self._audit.write(connection, opened)
            self._notices.write(connection, notice)

    def _remember(self, connection: Connection, account_id: str, digest: str, now: float, until: float) -> None:
        device = self._dialect.insert(t.device).values(
            digest=digest, account_id=account_id, created_at=now, expires_at=until
        )
        again = {"created_at": now, "expires_at": until}
        d = t.device.c
        connection.execute(device.on_conflict_do_update(index_elements=[d.digest, d.account_id], set_=again))
        connection.execute(_all_but_newest(account_id))

    def touch(self, sid: str, now: float) -> None:
        awake = and_(t.session.c.sid == sid, t.session.c.ended_at.is_(None))
        with self._database.autocommit.connect() as connection:
            connection.execute(update(t.session).where(awake).values(last_seen_at=now))

    def end(self, account_id: str, *, sid: str | None, but: str | None, now: float) -> list[str]:
        with self._database.transaction.begin() as connection:
            return self.end_within(connection, account_id, sid=sid, but=but, now=now)

    def end_within(
        self, connection: Connection, account_id: str, *, sid: str | None, but: str | None, now: float
    ) -> list[str]:
        """End sessions and their dependents in the caller's transaction; returns the ended sids."""
        mine = [t.session.c.account_id == account_id, t.session.c.ended_at.is_(None)]
        families = [t.refresh_family.c.account_id == account_id, t.refresh_family.c.revoked_at.is_(None)]
        if sid is not None:
            mine.append(t.session.c.sid == sid)
            families.append(t.refresh_family.c.sid == sid)
        if but is not None:
            # Also families whose own session expired long ago.
            mine.append(t.session.c.sid != but)
            families.append(t.refresh_family.c.sid != but)
        statement = update(t.session).where(and_(*mine)).values(ended_at=now).returning(t.session.c.sid)
        ended = list(connection.execute(statement).scalars())
        connection.execute(update(t.refresh_family).where(and_(*families)).values(revoked_at=now))
        self._clients.tell(connection, account_id, sid=sid, but=but, now=now)
        if ended:
            self._audit.write(connection, Event("session.ended", account_id, facts={"count": len(ended)}))
        return ended

    def of_account(self, account_id: str, now: float) -> list[Session]:
        mine = and_(t.session.c.account_id == account_id, t.session.c.ended_at.is_(None), t.session.c.expires_at > now)
        statement = select(*SESSION).where(mine).order_by(t.session.c.created_at.desc()).limit(MOST_LISTED)
        with self._database.autocommit.connect() as connection:
            sessions = [session_of(row) for row in connection.execute(statement).mappings()]
        return [session for session in sessions if session]

    def knows_device(self, account_id: str, device_digest: str, now: float) -> bool:
        d = t.device.c
        known = and_(d.digest == device_digest, d.account_id == account_id, d.expires_at > now)
        with self._database.autocommit.connect() as connection:
            return connection.execute(select(d.digest).where(known)).first() is not None


def _all_but_newest(account_id: str) -> Any:
    d = t.device.c
    newest = select(d.digest).where(d.account_id == account_id).order_by(d.created_at.desc()).limit(MOST_DEVICES)
    return delete(t.device).where(and_(d.account_id == account_id, d.digest.not_in(newest)))


def _row(session_digest: str, session: Session) -> dict[str, Any]:
    proof = session.authentication
    return {
        "digest": session_digest,
        "sid": session.sid,
        "account_id": proof.account_id,
        "auth_time": proof.auth_time,
        "amr": " ".join(proof.amr),
        "acr": proof.acr,
        "ial": proof.ial,
        "through": proof.through,
        "otp_at": proof.otp_at,
        "brief": proof.brief,
        "upstream_at": proof.upstream_at,
        "user_agent": session.user_agent,
        "network": session.network,
        "created_at": session.created_at,
        "last_seen_at": session.last_seen_at,
        "expires_at": session.expires_at,
    }
