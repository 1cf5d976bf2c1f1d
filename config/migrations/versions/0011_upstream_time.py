"""When people logged in at the upstream that they came through."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("session", sa.Column("upstream_at", sa.Double(), nullable=True))
