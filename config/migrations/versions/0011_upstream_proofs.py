"""When people logged in at the upstream that they came through, and links whose owner has still to say what stays."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
runs_with = revision


def upgrade() -> None:
    op.add_column("session", sa.Column("upstream_at", sa.Double(), nullable=True))
    op.add_column("link", sa.Column("to_review", sa.Boolean(), nullable=False, server_default=sa.false()))
