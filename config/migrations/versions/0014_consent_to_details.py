"""What people agreed to beyond scopes: authorization details (RFC 9396)."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
runs_with = "0013"


def upgrade() -> None:
    op.add_column("consent", sa.Column("authorization_details", sa.Text(), nullable=False, server_default="[]"))
