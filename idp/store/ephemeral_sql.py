"""`EphemeralStore` in SQL: the embedded default, and fine on PostgreSQL. Each method is usually one statement."""

from sqlalchemy import and_, bindparam, false, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.ports import SPENT, Spent
from idp.store import tables as t
from keys.database import Database

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
        # A record that has expired but was not swept yet gives way to a new one.
        self._put = values.on_conflict_do_update(
            index_elements=[_e.key],
            set_={"value": values.excluded.value, "spent": False, "expires_at": values.excluded.expires_at},
            where=_e.expires_at <= bindparam("now"),
        ).returning(_e.key)

    def put(self, key: str, value: bytes, *, expires_at: float, now: float) -> bool:
        with self._database.autocommit.connect() as connection:
            done = connection.execute(self._put, {"k": key, "new": value, "until": expires_at, "now": now})
            return done.first() is not None

    def get(self, key: str, *, now: float) -> bytes | None:
        with self._database.autocommit.connect() as connection:
            return connection.execute(GET, {"k": key, "now": now}).scalar()

    def take(self, key: str, *, now: float) -> bytes | Spent | None:
        with self._database.autocommit.connect() as connection:
            taken: bytes | None = connection.execute(TAKE, {"k": key, "now": now}).scalar()
            if taken is not None:
                return taken
            spent = connection.execute(WAS_SPENT, {"k": key, "now": now}).scalar()
            return SPENT if spent is not None else None

    def replace(self, key: str, old: bytes, new: bytes, *, now: float) -> bool:
        with self._database.autocommit.connect() as connection:
            done = connection.execute(REPLACE, {"k": key, "now": now, "old": old, "new": new})
            return done.rowcount == 1
