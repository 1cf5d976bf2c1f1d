"""Deletes what has expired. A late sweep changes nothing: every rule compares dates itself."""

from sqlalchemy import delete

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
    t.undo: 0.0,
    t.session_client: 0.0,
    # A day longer than any token that names the session or the family can live.
    t.refresh_family: DAY,
    t.session: DAY,
}


def sweep(database: Database, now: float) -> dict[str, int]:
    """Delete expired rows of every short-lived table; returns how many went from each."""
    gone: dict[str, int] = {}
    for table, kept in KEPT_AFTER.items():
        with database.read.connect() as connection:
            gone[table.name] = connection.execute(delete(table).where(table.c.expires_at <= now - kept)).rowcount
    return gone
