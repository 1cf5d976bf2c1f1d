"""Who is insured, with or without an account."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
runs_with = revision


def upgrade() -> None:
    _participants()


def _participants() -> None:
    op.create_table(
        "participant",
        sa.Column("bhxh_code", sa.String(length=10), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.String(length=10), nullable=True),
        sa.Column("citizen_number", sa.String(length=12), nullable=True),
        sa.Column("phone", sa.String(length=16), nullable=True),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("bhxh_code"),
    )
    op.create_index("participant_by_citizen_number", "participant", ["citizen_number"], unique=False)
