"""A check of all accounts' phone numbers: old forms from before 2018, and shared ones.

A shared number never links two accounts, so a conversion that would create such a pair is skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, and_, exists, func, select, update

from idp.accounts.phone import NotAMobileNumber, PhoneNumber
from idp.store import tables as t
from idp.store.database import Database
from idp.store.timeouts import patient

State = Literal["old form", "converted", "shared", "unreadable"]
LISTED = 20
"""Maximum number of accounts listed per number."""

_CANONICAL = t.account.c.phone.like("+84" + "_" * 9)


@dataclass(frozen=True, slots=True)
class PhoneFinding:
    """A number that needs review, and the accounts that hold it. An unreadable one has no number."""

    state: State
    number: PhoneNumber | None
    account_ids: tuple[str, ...]


class SqlPhones:
    """Checks the numbers of all accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def findings(self, *, convert_at: float | None = None) -> Iterator[PhoneFinding]:
        """Every number that is shared, in an old form or unreadable; with a time, old forms are converted then."""
        shared = set()
        for account_id, written in self._not_canonical():
            try:
                number = PhoneNumber.parse(written)
            except NotAMobileNumber:
                yield PhoneFinding("unreadable", None, (account_id,))
                continue
            state = self._settle(account_id, written, number, convert_at)
            if state == "shared":
                shared.add(number.e164)
            else:
                yield PhoneFinding(state, number, (account_id,))
        for e164 in sorted(shared.union(self._held_by_several())):
            number = PhoneNumber(e164)
            yield PhoneFinding("shared", number, self._holders(number))

    def _not_canonical(self) -> Iterator[tuple[str, str]]:
        statement = select(t.account.c.id, t.account.c.phone).where(t.account.c.phone.is_not(None), ~_CANONICAL)
        with patient(self._database) as connection:
            yield from (tuple(row) for row in connection.execute(statement))

    def _held_by_several(self) -> Iterator[str]:
        statement = select(t.account.c.phone).where(_CANONICAL).group_by(t.account.c.phone).having(func.count() > 1)
        with patient(self._database) as connection:
            yield from connection.execute(statement).scalars()

    def _settle(self, account_id: str, written: str, number: PhoneNumber, convert_at: float | None) -> State:
        """Convert if requested and if no other account holds the number, in any form, at that very moment."""
        other = t.account.alias()
        taken = exists().where(other.c.phone.in_(number.writings), other.c.id != account_id)
        with self._database.autocommit.connect() as connection:
            if convert_at is None:
                return "shared" if connection.execute(select(taken)).scalar() else "old form"
            same: ColumnElement[bool] = and_(t.account.c.id == account_id, t.account.c.phone == written, ~taken)
            values = {"phone": number.e164, "updated_at": convert_at}
            done = connection.execute(update(t.account).where(same).values(values)).rowcount
        return "converted" if done else "shared"

    def _holders(self, number: PhoneNumber) -> tuple[str, ...]:
        held = t.account.c.phone.in_(number.writings)
        with self._database.autocommit.connect() as connection:
            return tuple(connection.execute(select(t.account.c.id).where(held).limit(LISTED)).scalars())
