"""`FamilyStore` in SQL: rotation is a compare-and-set on the generation, revocations are separate rows."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, and_, bindparam, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from idp.at_once import needs_thread
from idp.oidc.families import Family
from idp.oidc.gate import GrantState
from idp.oidc.grant import Grant
from idp.store import tables as t
from idp.store.database import Database
from idp.store.grant_states import CONSENT, EPOCH, grant_state_of
from idp.store.prepared import Prepared
from idp.store.rows import ACCOUNT, IDENTIFIER, SESSION

_grant: TypeAdapter[Grant] = TypeAdapter(Grant)
_f = t.refresh_family.c
_held = and_(t.identifier.c.account_id == t.account.c.id, t.identifier.c.valid_to.is_(None))
_agreed = and_(t.consent.c.account_id == t.account.c.id, t.consent.c.client_id == _f.client_id)
_revoked = exists().where(t.revocation.c.id == _f.grant_id)

LOAD = (
    select(
        *(column.label(f"f_{column.name}") for column in _f),
        EPOCH.label("epoch"),
        *ACCOUNT,
        *IDENTIFIER,
        *CONSENT,
        *SESSION,
        _revoked.label("revoked"),
    )
    .select_from(
        t.refresh_family.join(t.account, t.account.c.id == _f.account_id)
        .outerjoin(t.session, t.session.c.sid == _f.sid)
        .outerjoin(t.identifier, _held)
        .outerjoin(t.consent, _agreed)
    )
    .where(_f.id == bindparam("family_id"))
)
_CURRENT = update(t.refresh_family).where(
    _f.id == bindparam("family_id"), _f.generation == bindparam("g"), _f.revoked_at.is_(None)
)
ADVANCE = _CURRENT.values(generation=bindparam("g") + 1, rotated_at=bindparam("now"))
NOTE_USE = _CURRENT.values(rotated_at=bindparam("now"))

CLAIM = {
    dialect.dialect.name: dialect.insert(t.revocation).on_conflict_do_nothing().returning(t.revocation.c.id)
    for dialect in (postgresql, sqlite)
}


class SqlFamilies:
    """Refresh families and revocations."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._load = Prepared(database, LOAD)
        self._advance = Prepared(database, ADVANCE)
        self._note_use = Prepared(database, NOTE_USE)
        insert_revocation = (postgresql if database.dialect == "postgresql" else sqlite).insert(t.revocation)
        until = insert_revocation.excluded.expires_at
        self._mark = insert_revocation.on_conflict_do_update(
            index_elements=[t.revocation.c.id], set_={"expires_at": until}
        )

    def add(self, family: Family) -> bool:
        row: dict[str, Any] = {
            "id": family.id,
            "grant_id": family.grant_id,
            "client_id": family.grant.client_id,
            "account_id": family.grant.authentication.account_id,
            "sid": family.grant.sid,
            "sealed_secret": family.sealed_secret,
            "generation": family.generation,
            "grant": _grant.dump_json(family.grant).decode(),
            "created_at": family.created_at,
            "rotated_at": family.rotated_at,
            "expires_at": family.expires_at,
        }
        try:
            with self._database.autocommit.connect() as connection:
                connection.execute(insert(t.refresh_family), row)
        except IntegrityError:
            return False
        return True

    def load(self, family_id: str) -> tuple[Family, GrantState] | None:
        rows = self._load.rows(family_id=family_id)
        return (_family(rows[0]), grant_state_of(rows)) if rows else None

    def advance(self, family_id: str, generation: int, now: float) -> bool:
        # Executed again after it had an effect, it changes nothing: that is a lost race, which the caller judges anew.
        return self._advance.change(family_id=family_id, g=generation, now=now) == 1

    def note_use(self, family_id: str, generation: int, now: float) -> bool:
        return self._note_use.change(family_id=family_id, g=generation, now=now) == 1

    def revoke_grant(self, grant_id: str, *, now: float, until: float) -> None:
        mine = and_(_f.grant_id == grant_id, _f.revoked_at.is_(None))
        with self._database.transaction.begin() as connection:
            connection.execute(self._mark, {"id": grant_id, "expires_at": until})
            connection.execute(update(t.refresh_family).where(mine).values(revoked_at=now))

    def revoke_token(self, jti: str, until: float) -> None:
        with self._database.autocommit.connect() as connection:
            connection.execute(self._mark, {"id": jti, "expires_at": until})

    def claim(self, key: str, until: float) -> bool:
        """Record durably that something was used; False when it was used before. It waits for the disk."""
        needs_thread()
        with self._database.autocommit.connect() as connection:
            return claim_within(connection, key, until)


def claim_within(connection: Connection, key: str, until: float) -> bool:
    """The same in the caller's transaction: it counts as used when that commits."""
    claimed = connection.execute(CLAIM[connection.dialect.name], {"id": key, "expires_at": until})
    return claimed.first() is not None


def _family(row: Any) -> Family:
    return Family(
        id=row["f_id"],
        grant_id=row["f_grant_id"],
        grant=_grant.validate_json(row["f_grant"]),
        sealed_secret=row["f_sealed_secret"],
        generation=row["f_generation"],
        created_at=row["f_created_at"],
        rotated_at=row["f_rotated_at"],
        expires_at=row["f_expires_at"],
        revoked_at=row["f_revoked_at"],
    )
