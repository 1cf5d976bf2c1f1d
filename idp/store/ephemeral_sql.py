"""`EphemeralStore` in SQL: the embedded default, also suitable on PostgreSQL. A method is usually one statement."""

from sqlalchemy import Connection, and_, bindparam, false, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.at_once import note_change
from idp.ports import SPENT, NewRecord, Spent
from idp.store import tables as t
from idp.store.database import Database

_e = t.ephemeral.c
_live = and_(_e.key == bindparam("k"), _e.spent == false(), _e.expires_at > bindparam("now"))

GET = select(_e.value).where(_live)
TAKE = update(t.ephemeral).where(_live).values(spent=True).returning(_e.value)
WAS_SPENT = select(_e.key).where(_e.key == bindparam("k"), _e.spent, _e.expires_at > bindparam("now"))
REPLACE = update(t.ephemeral).where(_live, _e.value == bindparam("old")).values(value=bindparam("new"))


class SqlEphemeralStore:
    """Short-lived values in the table `ephemeral`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        insert = (postgresql if database.dialect == "postgresql" else sqlite).insert(t.ephemeral)
        values = insert.values(key=bindparam("k"), value=bindparam("new"), spent=False, expires_at=bindparam("until"))
        # An expired record that was not swept yet is replaced by a new one.
        self._put = values.on_conflict_do_update(
            index_elements=[_e.key],
            set_={"value": values.excluded.value, "spent": False, "expires_at": values.excluded.expires_at},
            where=_e.expires_at <= bindparam("now"),
        ).returning(_e.key)

    def put(self, key: str, value: bytes, *, expires_at: float, now: float) -> bool:
        with self._database.autocommit.connect() as connection:
            return self._put_within(connection, NewRecord(key, value, expires_at), now)

    def _put_within(self, connection: Connection, new: NewRecord, now: float) -> bool:
        note_change()
        row = {"k": new.key, "new": new.value, "until": new.expires_at, "now": now}
        return connection.execute(self._put, row).first() is not None

    def get(self, key: str, *, now: float) -> bytes | None:
        with self._database.autocommit.connect() as connection:
            return connection.execute(GET, {"k": key, "now": now}).scalar()

    def take(self, key: str, *, now: float) -> bytes | Spent | None:
        with self._database.autocommit.connect() as connection:
            return _taken(connection, key, now)

    def replace(self, key: str, old: bytes, new: bytes, *, now: float) -> bool:
        note_change()
        with self._database.autocommit.connect() as connection:
            done = connection.execute(REPLACE, {"k": key, "now": now, "old": old, "new": new})
            return done.rowcount == 1

    def get_and_put(self, key: str, new: NewRecord, *, now: float) -> tuple[bytes | None, bool]:
        with self._database.transaction.begin() as connection:
            kept: bytes | None = connection.execute(GET, {"k": key, "now": now}).scalar()
            return kept, kept is not None and self._put_within(connection, new, now)

    def take_and_put(self, key: str, new: NewRecord, *, now: float) -> bytes | Spent | None:
        with self._database.transaction.begin() as connection:
            taken = _taken(connection, key, now)
            if isinstance(taken, bytes):
                self._put_within(connection, new, now)
            return taken


def _taken(connection: Connection, key: str, now: float) -> bytes | Spent | None:
    note_change()
    taken: bytes | None = connection.execute(TAKE, {"k": key, "now": now}).scalar()
    if taken is not None:
        return taken
    spent = connection.execute(WAS_SPENT, {"k": key, "now": now}).scalar()
    return SPENT if spent is not None else None
