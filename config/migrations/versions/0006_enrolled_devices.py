"""Enrolled devices, QR logins that ended for good, and sessions that are kept short."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
runs_with = revision

_PRESENT = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "enrolled_device",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=128), nullable=False),
        sa.Column("jkt", sa.String(length=43), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("passcode_hash", sa.Text(), nullable=False),
        sa.Column("wrong_passcodes", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.Double(), nullable=False),
        sa.Column("last_seen_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_why", sa.String(length=16), nullable=True),
        sa.Column("successor", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("jkt"),
    )
    op.create_index("enrolled_device_by_account", "enrolled_device", ["account_id"], unique=False)
    op.create_index(
        "enrolled_device_of_app",
        "enrolled_device",
        ["account_id", "client_id"],
        unique=True,
        sqlite_where=_PRESENT,
        postgresql_where=_PRESENT,
    )
    op.create_table(
        "ended_ticket",
        sa.Column("digest", sa.String(length=48), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ended_ticket_by_expiry", "ended_ticket", ["expires_at"], unique=False)
    op.add_column("session", sa.Column("brief", sa.Boolean(), server_default=sa.false(), nullable=False))
