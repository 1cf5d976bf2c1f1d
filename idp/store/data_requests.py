"""`DataRequestStore` in SQL: an erasure and everything that it takes out, in one transaction."""

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from idp.accounts.notices import Told
from idp.desk.data_requests import WAITING, Answer, Answered, DataRequest
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.credentials import CameFirst, SqlCredentials
from idp.store.outbox import SqlOutbox
from idp.store.undo import SqlNotices
from keys.database import Database

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

    def add(self, request: DataRequest, event: Event, told: Told) -> DataRequest:
        mine = t.account.c.id == request.account_id
        with self._database.write.begin() as connection:
            # Held until we are done: of two asking at once the second one finds the first.
            connection.execute(select(t.account.c.id).where(mine).with_for_update())
            waiting = and_(_r.account_id == request.account_id, _r.state.in_(WAITING))
            found = connection.execute(select(t.data_request).where(waiting)).mappings().first()
            if found:
                return _request(found)
            connection.execute(insert(t.data_request), asdict(request))
            self._audit.write(connection, event)
            self._notices.write(connection, told)
        return request

    def find(self, request_id: str) -> DataRequest | None:
        return next(iter(self._many(_r.id == request_id, 1)), None)

    def of_account(self, account_id: str) -> list[DataRequest]:
        return self._many(_r.account_id == account_id, 50)[::-1]

    def waiting(self, *, limit: int) -> list[DataRequest]:
        return self._many(_r.state.in_(WAITING), limit)

    def answer(self, answer: Answer, now: float) -> None:
        before = answer.before
        same = and_(_r.id == before.id, _r.state == before.state, _r.answer_by == before.answer_by)
        try:
            with self._database.write.begin() as connection:
                if connection.execute(update(t.data_request).where(same).values(asdict(answer.after))).rowcount != 1:
                    raise Answered
                if answer.secures:
                    self._credentials.secure_within(connection, answer.secures, now)
                    _take_out(connection, before.account_id, now)
                self._audit.write(connection, answer.event)
                self._outbox.write(connection, *answer.messages)
        except CameFirst:
            raise Answered from None

    def _many(self, where: ColumnElement[bool], limit: int) -> list[DataRequest]:
        oldest = select(t.data_request).where(where).order_by(_r.asked_at, _r.id).limit(limit)
        with self._database.read.connect() as connection:
            return [_request(row) for row in connection.execute(oldest).mappings()]


def _take_out(connection: Connection, account_id: str, now: float) -> None:
    """End identifiers, links and agreements; pictures go with the next sweep, undo links at once.

    What no officer decided goes, with the names of devices; the register of them stays, as every authenticator's does.
    """
    for table in (t.identifier, t.link):
        until = table.c.valid_to if table is t.identifier else table.c.ended_at
        held = and_(table.c.account_id == account_id, until.is_(None))
        connection.execute(update(table).where(held).values({until.name: now}))
    agreed = and_(t.consent.c.account_id == account_id, t.consent.c.withdrawn_at.is_(None))
    connection.execute(update(t.consent).where(agreed).values(withdrawn_at=now))
    undo = and_(t.undo.c.account_id == account_id, t.undo.c.used_at.is_(None))
    connection.execute(update(t.undo).where(undo).values(used_at=now))
    mine = select(t.declaration.c.id).where(t.declaration.c.account_id == account_id)
    connection.execute(update(t.photo).where(t.photo.c.declaration_id.in_(mine)).values(expires_at=now))
    undecided = t.declaration.c.state.not_in(("approved", "rejected"))
    connection.execute(delete(t.declaration).where(t.declaration.c.account_id == account_id, undecided))
    disputed = and_(t.link_dispute.c.account_id == account_id, t.link_dispute.c.resolved_at.is_(None))
    settled = {"resolved_at": now, "resolution": "refused", "sealed_facts": None}
    connection.execute(update(t.link_dispute).where(disputed).values(settled))
    connection.execute(update(t.enrolled_device).where(t.enrolled_device.c.account_id == account_id).values(name=""))
    keys = and_(t.passkey.c.holder_kind == "account", t.passkey.c.holder == account_id)
    connection.execute(update(t.passkey).where(keys).values(name=""))


def _request(row: Any) -> DataRequest:
    return DataRequest(**{name: row[name] for name in _NAMES})
