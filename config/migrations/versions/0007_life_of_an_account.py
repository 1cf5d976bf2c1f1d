"""The life of an account: declarations, pictures, agencies, officers, passkeys, and first passwords with an end."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
runs_with = revision


def upgrade() -> None:
    op.add_column("account", sa.Column("password_good_until", sa.Double(), nullable=True))
    op.add_column("account", sa.Column("password_spent_at", sa.Double(), nullable=True))
    _agency()
    _officer()
    _passkey()
    _photo()
    _activation()
    _data_request()
    _declaration()
    _officer_invitation()
    _officer_right()
    _officer_session()
    _proposal()


def _agency() -> None:
    op.create_table(
        "agency",
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("parent", sa.String(length=8), nullable=True),
        sa.Column("valid_from", sa.String(length=10), nullable=True),
        sa.Column("valid_to", sa.String(length=10), nullable=True),
        sa.Column("successor", sa.String(length=8), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("agency_by_parent", "agency", ["parent"], unique=False)


def _officer() -> None:
    op.create_table(
        "officer",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("bhxh_code", sa.String(length=10), nullable=True),
        sa.Column("citizen_number", sa.String(length=12), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", sa.Double(), nullable=True),
        sa.Column("sealed_totp", sa.Text(), nullable=True),
        sa.Column("totp_step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("secured_at", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("login"),
    )


def _passkey() -> None:
    op.create_table(
        "passkey",
        sa.Column("digest", sa.String(length=43), nullable=False),
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("holder_kind", sa.String(length=8), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("aaguid", sa.String(length=36), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_why", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("passkey_by_holder", "passkey", ["holder_kind", "holder"], unique=False)


def _photo() -> None:
    op.create_table(
        "photo",
        sa.Column("declaration_id", sa.String(length=22), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("declaration_id", "role"),
    )
    op.create_index("photo_by_expiry", "photo", ["expires_at"], unique=False)


def _activation() -> None:
    op.create_table(
        "activation",
        sa.Column("digest", sa.String(length=43), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("declaration_id", sa.String(length=22), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("activation_by_account", "activation", ["account_id"], unique=False)
    op.create_index("activation_by_expiry", "activation", ["expires_at"], unique=False)


def _data_request() -> None:
    op.create_table(
        "data_request",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("reference", sa.String(length=10), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("acknowledge_by", sa.Double(), nullable=False),
        sa.Column("answer_by", sa.Double(), nullable=False),
        sa.Column("acknowledged_at", sa.Double(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("decided_by", sa.String(length=22), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("data_request_by_account", "data_request", ["account_id"], unique=False)
    op.create_index("data_request_by_age", "data_request", ["state", "asked_at"], unique=False)


def _declaration() -> None:
    op.create_table(
        "declaration",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("reference", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("request", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("citizen_number", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.String(length=16), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_verified_at", sa.Double(), nullable=True),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("account_since", sa.Double(), nullable=True),
        sa.Column("secret_digest", sa.String(length=43), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("submitted_at", sa.Double(), nullable=True),
        sa.Column("form_digest", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.Column("decided_by", sa.String(length=22), nullable=True),
        sa.Column("seconded_by", sa.String(length=22), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("secret_digest"),
    )
    _declaration_indexes()


def _declaration_indexes() -> None:
    op.create_index("declaration_by_account", "declaration", ["account_id"], unique=False)
    op.create_index("declaration_by_age", "declaration", ["state", "submitted_at"], unique=False)
    op.create_index("declaration_by_citizen_number", "declaration", ["citizen_number"], unique=False)
    op.create_index(
        "declaration_by_name", "declaration", ["name"], unique=False, postgresql_ops={"name": "text_pattern_ops"}
    )
    op.create_index("declaration_by_code", "declaration", ["code"], unique=False)
    op.create_index("declaration_by_expiry", "declaration", ["expires_at"], unique=False)
    op.create_index("declaration_by_phone", "declaration", ["phone"], unique=False)
    op.create_index("declaration_queue", "declaration", ["agency", "state", "submitted_at"], unique=False)


def _officer_invitation() -> None:
    op.create_table(
        "officer_invitation",
        sa.Column("digest", sa.String(length=43), nullable=False),
        sa.Column("officer_id", sa.String(length=22), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"],
            ["officer.id"],
        ),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("officer_invitation_by_expiry", "officer_invitation", ["expires_at"], unique=False)
    op.create_index("officer_invitation_by_officer", "officer_invitation", ["officer_id"], unique=False)


def _officer_right() -> None:
    op.create_table(
        "officer_right",
        sa.Column("officer_id", sa.String(length=22), nullable=False),
        sa.Column("agency", sa.String(length=8), nullable=False),
        sa.Column("right", sa.String(length=16), nullable=False),
        sa.Column("granted_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"],
            ["officer.id"],
        ),
        sa.PrimaryKeyConstraint("officer_id", "agency", "right"),
    )


def _officer_session() -> None:
    op.create_table(
        "officer_session",
        sa.Column("digest", sa.String(length=43), nullable=False),
        sa.Column("officer_id", sa.String(length=22), nullable=False),
        sa.Column("amr", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_seen_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["officer_id"],
            ["officer.id"],
        ),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("officer_session_by_expiry", "officer_session", ["expires_at"], unique=False)
    op.create_index("officer_session_by_officer", "officer_session", ["officer_id"], unique=False)


def _proposal() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("agency", sa.String(length=8), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("proposed_by", sa.String(length=22), nullable=False),
        sa.Column("proposed_at", sa.Double(), nullable=False),
        sa.Column("decided_by", sa.String(length=22), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposed_by"],
            ["officer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("proposal_by_age", "proposal", ["outcome", "proposed_at"], unique=False)
