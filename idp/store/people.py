"""`People` in SQL."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts.account import Account, Identifier, IdentifierKind, Kind, Status
from idp.accounts.people import IdentifierTaken
from idp.accounts.phone import PhoneNumber
from idp.store import tables as t
from idp.store.database import Database
from idp.store.prepared import Prepared
from idp.store.rows import ACCOUNT, IDENTIFIER, account_of

DAY = 86_400.0

_held = and_(t.identifier.c.account_id == t.account.c.id, t.identifier.c.valid_to.is_(None))
_with_identifiers = select(*ACCOUNT, *IDENTIFIER).select_from(t.account.outerjoin(t.identifier, _held))
_BY_ID = _with_identifiers.where(t.account.c.id == bindparam("account_id"))
_holder = t.identifier.alias()
_named = and_(_holder.c.kind == bindparam("kind"), _holder.c.value == bindparam("value"), _holder.c.valid_to.is_(None))
_named_id = select(_holder.c.account_id).where(_named).scalar_subquery()
_BY_IDENTIFIER = _with_identifiers.where(t.account.c.id == _named_id)
_other = t.account.alias()
_next_id = select(func.min(_other.c.id)).where(_other.c.id >= bindparam("stand_in")).scalar_subquery()
_FOR_LOGIN = _with_identifiers.where(t.account.c.id == func.coalesce(_named_id, _next_id))


class SqlPeople:
    """Accounts and their identifiers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id = Prepared(database, _BY_ID)
        self._by_identifier = Prepared(database, _BY_IDENTIFIER)
        self._for_login = Prepared(database, _FOR_LOGIN)

    def find(self, account_id: str) -> Account | None:
        return account_of(self._by_id.rows(account_id=account_id))

    def find_by_identifier(self, kind: IdentifierKind, value: str) -> Account | None:
        return account_of(self._by_identifier.rows(kind=kind, value=value))

    def find_for_login(self, kind: IdentifierKind, value: str, stand_in: str) -> tuple[Account | None, str | None]:
        account = account_of(self._for_login.rows(kind=kind, value=value, stand_in=stand_in))
        is_meant = account is not None and account.identifier(kind) == value
        return account if is_meant else None, account.password_hash if account else None

    def holding_phone(self, e164: str, *, limit: int = 3) -> list[Account]:
        held = and_(t.account.c.phone.in_(PhoneNumber(e164).writings), t.account.c.status == "active")
        ids = select(t.account.c.id).where(held).order_by(t.account.c.id).limit(limit)
        statement = _with_identifiers.where(t.account.c.id.in_(ids)).order_by(t.account.c.id)
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(statement).mappings().all()
        accounts = (account_of(list(of_one)) for _, of_one in groupby(rows, key=lambda row: row["a_id"]))
        return [account for account in accounts if account]

    def identifiers_of(self, account_id: str) -> list[Identifier]:
        """All that the account ever had, newest first; past ones have their last day."""
        mine = select(t.identifier).where(t.identifier.c.account_id == account_id)
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(mine.order_by(t.identifier.c.valid_from.desc()).limit(100)).all()
        return [Identifier(row.kind, row.value, row.valid_from, row.valid_to) for row in rows]

    def search(self, *, kind: Kind | None, limit: int) -> list[Account]:
        ids = select(t.account.c.id).order_by(t.account.c.created_at.desc()).limit(limit)
        if kind:
            ids = ids.where(t.account.c.kind == kind)
        with self._database.autocommit.connect() as connection:
            account_ids = connection.execute(ids).scalars().all()
        return [account for account_id in account_ids if (account := self.find(account_id))]

    def add(self, account: Account) -> None:
        with self._database.transaction.begin() as connection:
            self.add_within(connection, account)

    def add_within(self, connection: Connection, account: Account) -> None:
        """The same in the caller's transaction."""
        try:
            connection.execute(insert(t.account), _row(account))
            for row in _names(account):
                connection.execute(insert(t.identifier), row)
        except IntegrityError:
            raise IdentifierTaken(", ".join(i.masked for i in account.identifiers)) from None

    def add_many(self, accounts: Sequence[Account]) -> list[Account]:
        """Write all of these whose identifiers are free, in one transaction; returns those left out.

        Of two in the list with the same identifier the first wins. Raises `IdentifierTaken` when one was taken
        meanwhile: then nothing was written.
        """
        with self._database.transaction.begin() as connection:
            # No page waits for this, and the query plans of a fast-growing table date from when it was small.
            self._database.lengthen(connection, 60)
            taken = self._taken(connection, accounts)
            new: list[Account] = []
            for account in accounts:
                names = {(i.kind, i.value) for i in account.identifiers}
                if not names & taken:
                    new.append(account)
                    taken |= names
            if new:
                try:
                    connection.execute(insert(t.account), [_row(account) for account in new])
                    connection.execute(insert(t.identifier), [row for account in new for row in _names(account)])
                except IntegrityError:
                    raise IdentifierTaken("of this batch") from None
        written = {account.id for account in new}
        return [account for account in accounts if account.id not in written]

    def taken(self, accounts: Sequence[Account]) -> set[tuple[str, str]]:
        """Kind and value of those identifiers of these accounts that somebody already holds."""
        with self._database.autocommit.connect() as connection:
            return self._taken(connection, accounts)

    def _taken(self, connection: Connection, accounts: Sequence[Account]) -> set[tuple[str, str]]:
        """Which of their identifiers are already held: kind by kind, like the index."""
        wanted: dict[str, set[str]] = {}
        for held in (i for account in accounts for i in account.identifiers):
            wanted.setdefault(held.kind, set()).add(held.value)
        taken: set[tuple[str, str]] = set()
        for kind, values in wanted.items():
            mine = and_(
                t.identifier.c.kind == kind, t.identifier.c.value.in_(values), t.identifier.c.valid_to.is_(None)
            )
            taken |= {(kind, value) for value in connection.execute(select(t.identifier.c.value).where(mine)).scalars()}
        return taken

    def set_password(self, account_id: str, password_hash: str, now: float) -> None:
        self._set(account_id, password_hash=password_hash, password_changed_at=now, updated_at=now)

    def rehash(self, account_id: str, old: str, new: str, *, is_weak: bool = False) -> bool:
        unchanged = and_(t.account.c.id == account_id, t.account.c.password_hash == old)
        values = {"password_hash": new} | ({"password_temporary": True} if is_weak else {})
        with self._database.autocommit.connect() as connection:
            return connection.execute(update(t.account).where(unchanged).values(values)).rowcount == 1

    def spend_password(self, account_id: str, password_hash: str, now: float) -> bool:
        a = t.account.c
        mine = and_(a.id == account_id, a.password_hash == password_hash, a.password_spent_at.is_(None))
        live = and_(mine, a.password_good_until > now)
        with self._database.autocommit.connect() as connection:
            return connection.execute(update(t.account).where(live).values(password_spent_at=now)).rowcount == 1

    def set_status(self, account_id: str, status: Status, now: float) -> None:
        self._set(account_id, status=status, updated_at=now)

    def verify_phone(self, account_id: str, phone: str, now: float) -> None:
        self._verify(t.account.c.phone == phone, account_id, "phone_verified_at", now, again=True)

    def verify_email(self, account_id: str, email: str, now: float) -> None:
        self._verify(t.account.c.email == email, account_id, "email_verified_at", now)

    def _verify(
        self, same: ColumnElement[bool], account_id: str, column: str, now: float, *, again: bool = False
    ) -> None:
        proved = t.account.c[column]
        due = proved.is_(None) | (proved < now - DAY) if again else proved.is_(None)
        unproved = and_(t.account.c.id == account_id, same, due)
        with self._database.autocommit.connect() as connection:
            connection.execute(update(t.account).where(unproved).values({column: now, "updated_at": now}))

    def _set(self, account_id: str, **values: object) -> None:
        with self._database.autocommit.connect() as connection:
            connection.execute(update(t.account).where(t.account.c.id == account_id).values(**values))


def _row(account: Account) -> dict[str, Any]:
    record = {
        name: getattr(account, name)
        for name in t.account.c.keys()  # noqa: SIM118  a column collection, not a dict
        if name not in ("more_claims", "created_at")
    }
    return record | {"more_claims": json.dumps(dict(account.more_claims)), "created_at": account.updated_at}


def _names(account: Account) -> list[dict[str, Any]]:
    names = ("kind", "value", "valid_from", "valid_to")
    return [{"account_id": account.id} | {n: getattr(held, n) for n in names} for held in account.identifiers]
