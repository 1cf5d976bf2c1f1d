"""What reaches people: messages, one-time codes, budgets, undo; and when an account was last secured."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
runs_with = revision


def upgrade() -> None:
    op.add_column("account", sa.Column("password_temporary", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("account", sa.Column("phone_changed_at", sa.Double(), nullable=True))
    op.add_column("account", sa.Column("secured_at", sa.Double(), server_default="0", nullable=False))
    op.add_column("session", sa.Column("otp_at", sa.Double(), nullable=True))
    _messages()
    op.create_table(
        "one_time_code",
        sa.Column("key", sa.String(length=43), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("code_digest", sa.String(length=43), nullable=False),
        sa.Column("good_until", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("one_time_code_by_account", "one_time_code", ["account_id"], unique=False)
    op.create_index("one_time_code_by_expiry", "one_time_code", ["expires_at"], unique=False)
    op.create_table(
        "undo",
        sa.Column("digest", sa.String(length=43), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("sealed_before", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("undo_by_account", "undo", ["account_id"], unique=False)
    op.create_index("undo_by_expiry", "undo", ["expires_at"], unique=False)


def _messages() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("template", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("sealed_to", sa.Text(), nullable=False),
        sa.Column("sealed_facts", sa.Text(), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("client_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("good_until", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("message_by_turn", "message", ["channel", "next_at"], unique=False)
    op.create_index("message_by_expiry", "message", ["expires_at"], unique=False)
    op.create_table(
        "budget",
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("spent", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("budget_by_expiry", "budget", ["expires_at"], unique=False)
    op.create_table(
        "session_client",
        sa.Column("sid", sa.String(length=22), nullable=False),
        sa.Column("client_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=22), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("sid", "client_id"),
    )
    op.create_index("session_client_by_account", "session_client", ["account_id"], unique=False)
    op.create_index("session_client_by_expiry", "session_client", ["expires_at"], unique=False)
