"""`SessionClients` in SQL: which client is in which session, and the message that notifies it of the end."""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, case, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.oidc.back_channel import NotifiedClient, Outcome, logout_message
from idp.store import tables as t
from idp.store.database import Database
from idp.store.outbox import SqlOutbox

_c = t.session_client.c
_s = t.session.c
OUTCOMES: Mapping[str, Outcome] = {
    "sent": "told",
    "delivered": "told",
    "failed": "unreached",
    "expired": "unreached",
}
"""The meaning of a message's final states; in any other state it is still being tried."""


class SqlSessionClients:
    """The table `session_client`."""

    def __init__(self, database: Database, outbox: SqlOutbox) -> None:
        self._database = database
        self._outbox = outbox
        self._dialect = postgresql if database.dialect == "postgresql" else sqlite

    def add(self, sid: str, client_id: str, *, until: float) -> bool:
        latest = case((_s.expires_at > until, _s.expires_at), else_=until)
        # On PostgreSQL the lock makes a running end finish first, and a later one see this row.
        live = (
            select(_s.sid, literal(client_id), _s.account_id, latest)
            .where(_s.sid == sid, _s.ended_at.is_(None))
            .with_for_update(read=True)
        )
        row = self._dialect.insert(t.session_client)
        again = row.excluded.expires_at
        noted = row.from_select(["sid", "client_id", "account_id", "expires_at"], live).on_conflict_do_update(
            index_elements=[_c.sid, _c.client_id],
            set_={"expires_at": case((_c.expires_at > again, _c.expires_at), else_=again)},
        )
        with self._database.autocommit.connect() as connection:
            return connection.execute(noted.returning(_c.sid)).first() is not None

    def tell(self, connection: Connection, account_id: str, *, sid: str | None, but: str | None, now: float) -> None:
        """Accept a message to each client of the ending sessions, in the transaction that ends them; once each."""
        due = [_c.account_id == account_id, _c.message_id.is_(None)]
        if sid is not None:
            due.append(_c.sid == sid)
        if but is not None:
            due.append(_c.sid != but)
        for row in connection.execute(select(_c.sid, _c.client_id).where(*due).with_for_update()).all():
            message = logout_message(account_id, row.sid, row.client_id, now)
            self._outbox.write(connection, message)
            this = and_(_c.sid == row.sid, _c.client_id == row.client_id)
            values = {"message_id": message.id, "expires_at": message.good_until}
            connection.execute(update(t.session_client).where(this).values(values))

    def clients_of(self, sid: str) -> list[NotifiedClient]:
        messages = t.session_client.join(t.message, t.message.c.id == _c.message_id)
        statement = select(_c.client_id, t.message.c.state).select_from(messages).where(_c.sid == sid)
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(statement.order_by(_c.client_id)).all()
        return [NotifiedClient(row.client_id, OUTCOMES.get(row.state, "trying")) for row in rows]
