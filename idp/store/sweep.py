"""Deletes what has expired. A late sweep changes nothing: every rule compares dates itself."""

from sqlalchemy import Select, delete, exists, select

from idp.desk.declaration import KEPT
from idp.store import tables as t
from keys.database import Database

DAY = 86_400.0
KEPT_AFTER = {
    t.ephemeral: 0.0,
    t.throttle: 0.0,
    t.revocation: 0.0,
    t.incident: 0.0,
    t.device: 0.0,
    t.message: 0.0,
    t.one_time_code: 0.0,
    t.budget: 0.0,
    t.session_client: 0.0,
    t.ended_ticket: 0.0,
    t.photo: 0.0,
    t.officer_invitation: 0.0,
    # So that whoever opens their link later is told what became of it.
    t.undo: 7 * DAY,
    t.activation: 7 * DAY,
    # A day longer than any token that names the session or the family can live.
    t.refresh_family: DAY,
    t.session: DAY,
    t.upstream_stay: DAY,
    t.officer_session: DAY,
}

# A session may go on for longer than it was meant to when a client came into it.
IN_USE = {t.session_client: exists().where(t.session.c.sid == t.session_client.c.sid)}


def sweep(database: Database, now: float) -> dict[str, int]:
    """Delete expired rows of every short-lived table; returns how many went from each."""
    gone: dict[str, int] = {}
    for table, kept in KEPT_AFTER.items():
        expired = delete(table).where(table.c.expires_at <= now - kept)
        if table in IN_USE:
            expired = expired.where(~IN_USE[table])
        with database.autocommit.connect() as connection:
            gone[table.name] = connection.execute(expired).rowcount
    with database.autocommit.connect() as connection:
        connection.execute(delete(t.identifier).where(t.identifier.c.account_id.in_(_erased_before(now - KEPT))))
    return gone


def _erased_before(moment: float) -> Select[tuple[str]]:
    """Accounts whose data were erased so long ago that the law does not keep their numbers any more."""
    r = t.data_request.c
    return select(r.account_id).where(r.state == "done", r.answered_at <= moment)
