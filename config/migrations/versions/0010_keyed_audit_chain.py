"""The hash of an audit record is keyed from now on, and has a name of its own.

A process of the version before finds no column to write its bare hash to: it goes on answering and recording, and
leaves the chaining to the new one.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
runs_with = revision


def upgrade() -> None:
    op.execute("ALTER TABLE audit RENAME COLUMN hash TO chain_hash")
