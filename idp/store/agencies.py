"""`Agencies` in SQL: all of them are read together, at most every few seconds."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select

from idp.officers.agencies import Agency, Tree
from idp.ports import Clock
from idp.store import tables as t
from idp.store.database import Database

GOOD_FOR = 5.0
"""Seconds that the result is cached."""


class SqlAgencies:
    """Agencies in the table `agency`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: tuple[float, Tree] | None = None

    def tree(self) -> Tree:
        now = self._clock()
        if self._known is None or not 0 <= now - self._known[0] < GOOD_FOR:
            with self._database.autocommit.connect() as connection:
                rows = connection.execute(select(t.agency)).mappings().all()
            self._known = now, Tree({row["code"]: _agency(row) for row in rows})
        return self._known[1]

    def put(self, agencies: Iterable[Agency]) -> int:
        """Write all of these at once, each replacing the one with its code; returns how many."""
        rows = [_row(agency, self._clock()) for agency in agencies]
        with self._database.transaction.begin() as connection:
            for row in rows:
                connection.execute(delete(t.agency).where(t.agency.c.code == row["code"]))
            if rows:
                connection.execute(insert(t.agency), rows)
        self._known = None
        return len(rows)


def _agency(row: Any) -> Agency:
    days: dict[str, Any] = {n: date.fromisoformat(row[n]) if row[n] else None for n in ("valid_from", "valid_to")}
    plain = {name: row[name] for name in ("code", "name", "kind", "parent", "successor", "address", "phone")}
    return Agency(**plain, **days)


def _row(agency: Agency, now: float) -> dict[str, Any]:
    names = ("code", "name", "kind", "parent", "successor", "address", "phone")
    days = {name: str(day) if (day := getattr(agency, name)) else None for name in ("valid_from", "valid_to")}
    return {name: getattr(agency, name) for name in names} | days | {"updated_at": now}
