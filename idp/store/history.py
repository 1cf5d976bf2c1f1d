"""`History` in SQL: the rows of the trail that name the account's digest."""

import json

from sqlalchemy import and_, select

from idp.accounts.history import SHOWN, Happened
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database

_a = t.audit.c


class SqlHistory:
    """Reads the trail by subject."""

    def __init__(self, database: Database, audit: SqlAudit) -> None:
        self._database = database
        self._audit = audit

    def of_account(self, account_id: str, *, limit: int) -> list[Happened]:
        mine = and_(_a.subject == self._audit.subject(account_id), _a.name.in_(SHOWN))
        newest = select(_a.name, _a.at, _a.facts).where(mine).order_by(_a.id.desc()).limit(limit)
        with self._database.autocommit.connect() as connection:
            return [Happened(row.name, row.at, json.loads(row.facts)) for row in connection.execute(newest)]
