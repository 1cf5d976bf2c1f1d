"""`OfficerSessions` in SQL; one read returns session, officer and rights."""

from dataclasses import asdict, fields

from sqlalchemy import insert, select, update

from idp.officers.logins import OfficerSession
from idp.officers.officers import Officer
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database
from idp.store.officers import officers_of

_s = t.officer_session.c
_NAMES = tuple(f.name for f in fields(OfficerSession))
_found = (
    select(
        *(_s[name].label(f"s_{name}") for name in _NAMES),
        t.officer,
        t.officer_right.c.agency,
        t.officer_right.c.right,
    )
    .select_from(t.officer_session)
    .join(t.officer, t.officer.c.id == _s.officer_id)
    .outerjoin(t.officer_right, t.officer_right.c.officer_id == t.officer.c.id)
)


class SqlOfficerSessions:
    """Sessions of officers."""

    def __init__(self, database: Database, audit: SqlAudit) -> None:
        self._database = database
        self._audit = audit

    def open(self, session: OfficerSession, event: Event) -> None:
        with self._database.transaction.begin() as connection:
            connection.execute(insert(t.officer_session), asdict(session))
            self._audit.write(connection, event)

    def find(self, digest: str) -> tuple[OfficerSession, Officer] | None:
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(_found.where(_s.digest == digest)).mappings().all()
        if not rows:
            return None
        return OfficerSession(**{name: rows[0][f"s_{name}"] for name in _NAMES}), officers_of(rows)[0]

    def touch(self, digest: str, now: float) -> None:
        with self._database.transaction.begin() as connection:
            connection.execute(update(t.officer_session).where(_s.digest == digest).values(last_seen_at=now))

    def end(self, digest: str, event: Event, now: float) -> None:
        live = update(t.officer_session).where(_s.digest == digest, _s.ended_at.is_(None)).values(ended_at=now)
        with self._database.transaction.begin() as connection:
            if connection.execute(live).rowcount:
                self._audit.write(connection, event)
