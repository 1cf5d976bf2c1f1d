"""Links to upstreams, refused ones for officers, through which session a login came, upstreams that are closed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
runs_with = revision

_HELD = sa.text("ended_at IS NULL")
_WAITING = sa.text("resolved_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "link",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("upstream", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=43), nullable=False),
        sa.Column("citizen", sa.String(length=43), nullable=True),
        sa.Column("person", sa.String(length=43), nullable=True),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _unique("link_of_subject", "link", ["upstream", "subject"], _HELD)
    _unique("link_of_account", "link", ["account_id", "upstream"], _HELD)
    _disputes()
    op.create_table(
        "upstream_stay",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("auth_time", sa.Double(), nullable=False),
        sa.Column("upstream", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=43), nullable=False),
        sa.Column("sid", sa.String(length=43), nullable=False),
        sa.Column("sealed_hint", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "auth_time"),
    )
    op.create_index("upstream_stay_by_subject", "upstream_stay", ["upstream", "subject"], unique=False)
    op.create_index("upstream_stay_by_expiry", "upstream_stay", ["expires_at"], unique=False)
    op.create_table(
        "upstream_closed",
        sa.Column("upstream", sa.String(length=32), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("upstream"),
    )


def _disputes() -> None:
    op.create_table(
        "link_dispute",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("upstream", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=43), nullable=False),
        sa.Column("citizen", sa.String(length=43), nullable=True),
        sa.Column("person", sa.String(length=43), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("sealed_facts", sa.Text(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("resolved_at", sa.Double(), nullable=True),
        sa.Column("resolution", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _unique("link_dispute_once", "link_dispute", ["upstream", "subject", "reason"], _WAITING)
    op.create_index("link_dispute_by_age", "link_dispute", ["created_at"], unique=False)


def _unique(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)
