"""Who put a number or address there, when an address changed, and when somebody last vouched for the account."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
runs_with = revision


def upgrade() -> None:
    op.add_column("account", sa.Column("phone_source", sa.String(8), nullable=False, server_default=""))
    op.add_column("account", sa.Column("email_changed_at", sa.Double))
    op.add_column("account", sa.Column("email_source", sa.String(8), nullable=False, server_default=""))
    op.add_column("account", sa.Column("vouched_at", sa.Double))
