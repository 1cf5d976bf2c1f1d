"""Addresses with their parts, officers who are persons, and an end for what was decided."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
runs_with = revision

TEN_YEARS = 3653 * 86_400.0
ENDED = ("approved", "rejected", "superseded", "cancelled", "lapsed")
_D = sa.table("declaration", *map(sa.column, ("state", "expires_at", "decided_at", "submitted_at", "created_at")))
_O = sa.table("officer", *map(sa.column, ("id", "status", "created_at", "bhxh_code", "citizen_number")))


def upgrade() -> None:
    op.add_column("account", sa.Column("street", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("commune", sa.String(length=5), nullable=True))
    op.add_column("account", sa.Column("province", sa.String(length=2), nullable=True))
    op.add_column("officer", sa.Column("foreigner", sa.Boolean(), server_default=sa.false(), nullable=False))
    at, ended = sa.func.coalesce(_D.c.decided_at, _D.c.submitted_at, _D.c.created_at), _D.c.state.in_(ENDED)
    op.execute(sa.update(_D).where(ended).values(expires_at=at + TEN_YEARS))
    for number in ("bhxh_code", "citizen_number"):
        _of_one(number)


def _of_one(number: str) -> None:
    """A number that two active officers share stays with the older one: nobody knows whose it is beside the other."""
    older = _O.alias()
    before = sa.or_(
        older.c.created_at < _O.c.created_at, sa.and_(older.c.created_at == _O.c.created_at, older.c.id < _O.c.id)
    )
    both = sa.and_(older.c.status == "active", older.c[number] == _O.c[number], before)
    again = sa.and_(_O.c.status == "active", sa.exists().where(both))
    op.execute(sa.update(_O).where(again).values({number: None}))
    active = sa.text("status = 'active'")
    op.create_index(
        f"officer_by_{number}", "officer", [number], unique=True, sqlite_where=active, postgresql_where=active
    )
