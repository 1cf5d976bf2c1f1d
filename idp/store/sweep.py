"""Deletes expired rows. A late sweep changes nothing: every rule compares dates itself."""

import logging
import math
import time
from collections.abc import Mapping, Set
from types import MappingProxyType

from sqlalchemy import ColumnElement, Select, Table, and_, delete, exists, literal, select, union_all
from sqlalchemy.exc import SQLAlchemyError

from idp.accounts.references import KEPT
from idp.store import tables as t
from idp.store.batches import delete_in_batches
from idp.store.database import Database

DAY = 86_400.0
log = logging.getLogger(__name__)
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
    t.client_invitation: 0.0,
    # So that a person who opens their link late learns what happened to it.
    t.undo: 7 * DAY,
    t.activation: 7 * DAY,
    # A day longer than the life of any token that names the session or the family.
    t.refresh_family: DAY,
    t.session: DAY,
    t.officer_session: DAY,
}

# A session may last longer than first planned when a client came into it.
IN_USE = {t.session_client: exists().where(t.session.c.sid == t.session_client.c.sid)}


def sweep(
    database: Database, now: float, others: Mapping[Table, float] = MappingProxyType({}), *, seconds: float = math.inf
) -> dict[str, int]:
    """Delete expired rows of every short-lived table, for at most about `seconds`; returns how many of each.

    `others` are tables of other rooms, with how many seconds their rows stay after `expires_at`. A table that fails is
    logged, and the others are swept all the same.
    """
    until = time.monotonic() + seconds
    expired = {table: _expired(table, now - kept) for table, kept in (*KEPT_AFTER.items(), *others.items())}
    erased = {t.identifier: t.identifier.c.account_id.in_(_erased_before(now - KEPT))}
    wanted = _with_rows(database, expired | erased)
    gone = {table.name: 0 for table in expired if table not in wanted}
    for table, these in expired.items():
        if table not in wanted:
            continue
        try:
            gone[table.name] = delete_in_batches(database, table, these, until=until)
        except SQLAlchemyError as error:
            log.warning("table not swept", extra={"table": table.name, "reason": type(error).__name__})
    if t.identifier in wanted:
        with database.autocommit.connect() as connection:
            connection.execute(delete(t.identifier).where(erased[t.identifier]))
    return gone


def _with_rows(database: Database, rows: Mapping[Table, ColumnElement[bool]]) -> Set[Table]:
    """The tables that have such rows, by one statement: at rest there are none. All, when one of them fails."""
    looks = [select(literal(table.name)).where(exists().where(these)) for table, these in rows.items()]
    try:
        with database.autocommit.connect() as connection:
            names = set(connection.execute(union_all(*looks)).scalars())
    except SQLAlchemyError:
        return rows.keys()
    return {table for table in rows if table.name in names}


def _expired(table: Table, moment: float) -> ColumnElement[bool]:
    expired: ColumnElement[bool] = table.c.expires_at <= moment
    return and_(expired, ~IN_USE[table]) if table in IN_USE else expired


def _erased_before(moment: float) -> Select[tuple[str]]:
    """Accounts erased so long ago that the law no longer keeps their numbers."""
    r = t.data_request.c
    return select(r.account_id).where(r.state == "done", r.answered_at <= moment)
