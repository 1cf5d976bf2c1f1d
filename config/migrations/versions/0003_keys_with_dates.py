"""A standby key has no date to sign from, and the dates of a key are sealed with it.

Keys of the form before, which was never released, bind no dates: they go, and the next start makes a new ring. What
they signed (ten minutes of tokens) is void.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
runs_with = revision


def upgrade() -> None:
    op.execute("DELETE FROM signing_key")
    op.execute("DELETE FROM key_ring_version")
    with op.batch_alter_table("signing_key") as table:
        table.alter_column("signs_from", existing_type=sa.Double(), nullable=True)
