"""A client's secret before the current one goes on being accepted for a while; both have dates."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
runs_with = revision


def upgrade() -> None:
    op.add_column("client", sa.Column("secret_made_at", sa.Double(), nullable=True))
    op.add_column("client", sa.Column("secret_used_at", sa.Double(), nullable=True))
    op.add_column("client", sa.Column("old_secret_digest", sa.String(43), nullable=True))
    op.add_column("client", sa.Column("old_secret_made_at", sa.Double(), nullable=True))
    op.add_column("client", sa.Column("old_secret_expires_at", sa.Double(), nullable=True))
    op.add_column("client", sa.Column("old_secret_used_at", sa.Double(), nullable=True))
