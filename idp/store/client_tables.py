"""The tables of clients, and of the invitations by which they register themselves."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, String, Table, Text

from idp.store.schema import metadata

client = Table(
    "client",
    metadata,
    Column("client_id", String(128), primary_key=True),
    Column("metadata", Text, nullable=False),
    Column("secret_digest", String(43)),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("secret_made_at", Double),
    Column("secret_used_at", Double),
    Column("old_secret_digest", String(43)),
    Column("old_secret_made_at", Double),
    Column("old_secret_expires_at", Double),
    Column("old_secret_used_at", Double),
    # Of a client that registered itself: its registration access token, by which invitation, and what vouches for it.
    Column("registration_digest", String(43)),
    Column("invitation", String(16)),
    Column("software_statement", Text),
)

# An initial access token (RFC 7591, 3), until it is used up or withdrawn.
client_invitation = Table(
    "client_invitation",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("digest", String(43), nullable=False, unique=True),
    Column("scope", Text, nullable=False),
    Column("approved", Boolean, nullable=False),
    Column("require_pkce", Boolean, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("client_invitation_by_expiry", "expires_at"),
)
