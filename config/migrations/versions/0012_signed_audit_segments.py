"""Segments of the audit trail have a digest that anybody can compute, and are signed by keys of a ring of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
runs_with = revision


def upgrade() -> None:
    op.create_table(
        "audit_key",
        sa.Column("kid", sa.Text(), primary_key=True),
        sa.Column("alg", sa.Text(), nullable=False),
        sa.Column("sealed_private", sa.Text(), nullable=False),
        sa.Column("published_from", sa.Double(), nullable=False),
        sa.Column("signs_from", sa.Double()),
        sa.Column("published_until", sa.Double()),
        sa.Column("revoked_at", sa.Double()),
    )
    op.create_table(
        "audit_ring_version",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.add_column("audit_segment", sa.Column("digest", sa.String(64), nullable=True))
    op.add_column("audit_segment", sa.Column("signature", sa.Text(), nullable=True))
