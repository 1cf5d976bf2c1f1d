"""Clients register themselves by an invitation, and manage their registration with a token of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
runs_with = "0013"


def upgrade() -> None:
    op.add_column("client", sa.Column("registration_digest", sa.String(43), nullable=True))
    op.add_column("client", sa.Column("invitation", sa.String(16), nullable=True))
    op.add_column("client", sa.Column("software_statement", sa.Text(), nullable=True))
    op.create_table(
        "client_invitation",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("digest", sa.String(43), nullable=False, unique=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("require_pkce", sa.Boolean(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
    )
    op.create_index("client_invitation_by_expiry", "client_invitation", ["expires_at"])
