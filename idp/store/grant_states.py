"""`GrantStates` in SQL: one statement returns everything the gate needs, for each kind of lookup."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, func, literal, null, select

from idp.oidc.gate import Consent, GrantState
from idp.oidc.issuing import RevocationIds
from idp.store import tables as t
from idp.store.database import Database
from idp.store.prepared import Prepared
from idp.store.rows import ACCOUNT, IDENTIFIER, SESSION, Row, account_of, session_of

EPOCH = select(func.coalesce(func.max(t.counter.c.value), 0)).where(t.counter.c.name == "epoch").scalar_subquery()
CONSENT = (t.consent.c.scope, t.consent.c.granted_at, t.consent.c.withdrawn_at, t.consent.c.authorization_details)

_one = select(literal(1).label("one")).subquery()
_identifiers = and_(t.identifier.c.account_id == t.account.c.id, t.identifier.c.valid_to.is_(None))
_consent = and_(t.consent.c.account_id == t.account.c.id, t.consent.c.client_id == bindparam("client_id"))
_marked = exists().where(t.revocation.c.id.in_([bindparam("mark"), bindparam("other_mark")]))
_columns = (EPOCH.label("epoch"), *ACCOUNT, *IDENTIFIER, *CONSENT)

OF_SESSION: Select[Any] = (
    select(*_columns, *SESSION, literal(False).label("revoked"))
    .select_from(
        t.session.join(t.account, t.account.c.id == t.session.c.account_id)
        .outerjoin(t.identifier, _identifiers)
        .outerjoin(t.consent, _consent)
    )
    .where(t.session.c.digest == bindparam("digest"))
)
OF_GRANT: Select[Any] = select(*_columns, *SESSION, _marked.label("revoked")).select_from(
    _one.outerjoin(t.account, t.account.c.id == bindparam("account_id"))
    .outerjoin(t.session, and_(t.session.c.sid == bindparam("sid"), t.session.c.account_id == t.account.c.id))
    .outerjoin(t.identifier, _identifiers)
    .outerjoin(t.consent, _consent)
)
OF_ACCOUNT: Select[Any] = (
    select(*_columns, null().label("s_sid"), literal(False).label("revoked"))
    .select_from(t.account.outerjoin(t.identifier, _identifiers).outerjoin(t.consent, _consent))
    .where(t.account.c.id == bindparam("account_id"))
)


def grant_state_of(rows: Sequence[Row]) -> GrantState:
    """The state in the rows of one of the statements above."""
    if not rows:
        return GrantState()
    row = rows[0]
    consent = None
    if row["granted_at"] is not None:
        consent = Consent(row["scope"], row["granted_at"], row["withdrawn_at"], row["authorization_details"])
    return GrantState(account_of(rows), session_of(row), consent, bool(row["revoked"]), float(row["epoch"]))


class SqlGrantStates:
    """Reads grant states with single autocommit statements."""

    def __init__(self, database: Database) -> None:
        self._of_session = Prepared(database, OF_SESSION)
        self._of_account = Prepared(database, OF_ACCOUNT)
        self._of_grant = Prepared(database, OF_GRANT)

    def of_session(self, session_digest: str, client_id: str) -> GrantState:
        return grant_state_of(self._of_session.rows(digest=session_digest, client_id=client_id))

    def of_account(self, account_id: str, client_id: str) -> GrantState:
        return grant_state_of(self._of_account.rows(account_id=account_id, client_id=client_id))

    def of_grant(self, account_id: str, client_id: str, sid: str, revocation_ids: RevocationIds) -> GrantState:
        # No mark is ever stored under an empty id.
        mark, other_mark = (*revocation_ids, "", "")[:2]
        both = {"mark": mark, "other_mark": other_mark}
        return grant_state_of(self._of_grant.rows(account_id=account_id, client_id=client_id, sid=sid, **both))
