"""The tables of enrolled devices and of finished QR logins."""

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from idp.store.schema import metadata

enrolled_device = Table(
    "enrolled_device",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("client_id", String(128), nullable=False),
    Column("jkt", String(43), nullable=False),
    Column("name", String(64), nullable=False),
    Column("network", String(64), nullable=False),
    Column("passcode_hash", Text, nullable=False),
    Column("wrong_passcodes", Integer, nullable=False),
    Column("enrolled_at", Double, nullable=False),
    Column("last_seen_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ended_why", String(16)),
    Column("successor", String(64)),
    UniqueConstraint("jkt"),
    Index("enrolled_device_by_account", "account_id"),
    Index(
        "enrolled_device_of_app",
        "account_id",
        "client_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

# How a login by QR code ended: later callers find the result here, even if the short-lived store has lost it.
ended_ticket = Table(
    "ended_ticket",
    metadata,
    Column("digest", String(48), primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("ended_ticket_by_expiry", "expires_at"),
)
