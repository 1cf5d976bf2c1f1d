"""`Participants` in SQL: one row per insured person, tens of millions of them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.accounts.birth_date import BirthDate
from idp.accounts.participants import Imported, Participant
from idp.accounts.phone import PhoneNumber
from idp.store import tables as t
from idp.store.database import Database
from idp.store.timeouts import patient

_FACTS = ("name", "birth_date", "citizen_number", "phone")


class SqlParticipants:
    """The register of insured people."""

    def __init__(self, database: Database) -> None:
        self._database = database
        insert = (sqlite if database.dialect == "sqlite" else postgresql).insert(t.participant)
        changed = or_(*(t.participant.c[name].is_distinct_from(insert.excluded[name]) for name in _FACTS))
        values = {name: insert.excluded[name] for name in (*_FACTS, "updated_at")}
        upsert = insert.on_conflict_do_update(index_elements=["bhxh_code"], set_=values, where=changed)
        self._put = upsert.returning(t.participant.c.bhxh_code)

    def find(self, bhxh_code: str) -> Participant | None:
        return self._only(t.participant.c.bhxh_code == bhxh_code)

    def find_by_citizen_number(self, number: str) -> Participant | None:
        return self._only(t.participant.c.citizen_number == number)

    def put(self, participants: Iterable[Participant]) -> Imported:
        batch = list(participants)
        rows = {each.bhxh_code: _row(each) for each in batch}
        if not rows:
            return Imported(0, 0)
        with self._database.transaction.begin() as connection:
            # Always in one order, so that two imports never deadlock.
            written = len(connection.execute(self._put, [rows[code] for code in sorted(rows)]).all())
        return Imported(written, len(batch) - written)

    def count(self) -> int:
        with patient(self._database) as connection:
            return connection.execute(select(func.count()).select_from(t.participant)).scalar_one()

    def _only(self, condition: ColumnElement[bool]) -> Participant | None:
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(select(t.participant).where(condition).limit(2)).mappings().all()
        return _participant(rows[0]) if len(rows) == 1 else None


def _row(participant: Participant) -> dict[str, Any]:
    birth_date, phone = participant.birth_date, participant.phone
    return {
        "bhxh_code": participant.bhxh_code,
        "name": participant.name,
        "birth_date": str(birth_date) if birth_date else None,
        "citizen_number": participant.citizen_number,
        "phone": phone.e164 if phone else None,
        "updated_at": participant.updated_at,
    }


def _participant(row: Mapping[Any, Any]) -> Participant:
    return Participant(
        bhxh_code=row["bhxh_code"],
        name=row["name"],
        birth_date=BirthDate.parse(row["birth_date"], today=date.max) if row["birth_date"] else None,
        citizen_number=row["citizen_number"],
        phone=PhoneNumber(row["phone"]) if row["phone"] else None,
        updated_at=row["updated_at"],
    )
