"""The table of passkeys, of people and of officers. Ended ones stay: every authenticator ever bound is on record."""

from sqlalchemy import Boolean, Column, Double, Index, LargeBinary, String, Table, Text

from idp.store.schema import Number, metadata

# `digest` is the digest of the credential id, which may be a kilobyte long. `holder` is an account's or an officer's
# id.
passkey = Table(
    "passkey",
    metadata,
    Column("digest", String(43), primary_key=True),
    Column("id", String(22), nullable=False, unique=True),
    Column("holder_kind", String(8), nullable=False),
    Column("holder", String(32), nullable=False),
    Column("credential_id", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", Number, nullable=False),
    Column("aaguid", String(36), nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("name", String(64), nullable=False),
    Column("network", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double),
    Column("ended_at", Double),
    Column("ended_why", String(16)),
    Index("passkey_by_holder", "holder_kind", "holder"),
)
