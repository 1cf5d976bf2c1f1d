"""`DataRequestStore` in SQL: an erasure and everything that it removes, in one transaction."""

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, select, update

from idp.accounts.notices import Notice
from idp.errors import StaleState
from idp.officers.data_requests import WAITING, DataAnswer, DataRequest
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.credentials import SqlCredentials
from idp.store.database import Database
from idp.store.erasure import kept_of, take_out
from idp.store.outbox import SqlOutbox
from idp.store.undo import SqlNotices

_r = t.data_request.c
_NAMES = tuple(f.name for f in fields(DataRequest))


class SqlDataRequests:
    """Requests in the table `data_request`."""

    def __init__(
        self,
        database: Database,
        credentials: SqlCredentials,
        audit: SqlAudit,
        outbox: SqlOutbox,
        notices: SqlNotices,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._audit = audit
        self._outbox = outbox
        self._notices = notices

    def add(self, request: DataRequest, event: Event, notice: Notice) -> DataRequest:
        mine = t.account.c.id == request.account_id
        with self._database.transaction.begin() as connection:
            # Locked until we are done: of two concurrent requests the second finds the first.
            connection.execute(select(t.account.c.id).where(mine).with_for_update())
            waiting = and_(_r.account_id == request.account_id, _r.state.in_(WAITING))
            row = connection.execute(select(t.data_request).where(waiting)).mappings().first()
            if row:
                return _request(row)
            connection.execute(insert(t.data_request), asdict(request))
            self._audit.write(connection, event)
            self._notices.write(connection, notice)
        return request

    def find(self, request_id: str) -> DataRequest | None:
        return next(iter(self._many(_r.id == request_id, 1)), None)

    def of_account(self, account_id: str) -> list[DataRequest]:
        return self._many(_r.account_id == account_id, 50)[::-1]

    def waiting(self, *, limit: int) -> list[DataRequest]:
        return self._many(_r.state.in_(WAITING), limit)

    def kept(self, account_id: str) -> list[tuple[str, float]]:
        wanted = select(t.declaration.c.reference, t.declaration.c.expires_at).where(kept_of(account_id))
        with self._database.autocommit.connect() as connection:
            return [(row.reference, row.expires_at) for row in connection.execute(wanted.order_by("expires_at"))]

    def answer(self, answer: DataAnswer, now: float) -> None:
        before = answer.before
        same = and_(_r.id == before.id, _r.state == before.state, _r.answer_by == before.answer_by)
        with self._database.transaction.begin() as connection:
            if connection.execute(update(t.data_request).where(same).values(asdict(answer.after))).rowcount != 1:
                raise StaleState
            if answer.secures:
                self._credentials.secure_within(connection, answer.secures, now)
                take_out(connection, before.account_id, now)
            self._audit.write(connection, answer.event)
            self._outbox.write(connection, *answer.messages)

    def _many(self, where: ColumnElement[bool], limit: int) -> list[DataRequest]:
        oldest = select(t.data_request).where(where).order_by(_r.asked_at, _r.id).limit(limit)
        with self._database.autocommit.connect() as connection:
            return [_request(row) for row in connection.execute(oldest).mappings()]


def _request(row: Any) -> DataRequest:
    return DataRequest(**{name: row[name] for name in _NAMES})
