"""The tables of officers: their accounts, rights, sessions, and changes that need a second officer."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, String, Table, Text, false, text

from idp.store.schema import Number, metadata

_ACTIVE = text("status = 'active'")

# `bhxh_code` and `citizen_number` are the officer's own, so that no officer decides about themselves, and so that two
# officers are two persons: they are unique among active officers.
officer = Table(
    "officer",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("login", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("bhxh_code", String(10)),
    Column("citizen_number", String(12)),
    Column("foreigner", Boolean, nullable=False, server_default=false()),
    Column("password_hash", Text),
    Column("password_changed_at", Double),
    Column("sealed_totp", Text),
    Column("totp_step", Number),
    Column("secured_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("officer_by_bhxh_code", "bhxh_code", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
    Index("officer_by_citizen_number", "citizen_number", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
)

# What an officer may do in an agency and all below it; "*" is the whole country.
officer_right = Table(
    "officer_right",
    metadata,
    Column("officer_id", String(22), ForeignKey("officer.id"), primary_key=True),
    Column("agency", String(8), primary_key=True),
    Column("right", String(16), primary_key=True),
    Column("granted_at", Double, nullable=False),
)

officer_session = Table(
    "officer_session",
    metadata,
    Column("digest", String(43), primary_key=True),
    Column("officer_id", String(22), ForeignKey("officer.id"), nullable=False),
    Column("amr", String(64), nullable=False),
    Column("network", String(64), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_seen_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("ended_at", Double),
    Index("officer_session_by_officer", "officer_id"),
    Index("officer_session_by_expiry", "expires_at"),
)

# The single-use link by which an officer sets a password and a second factor.
officer_invitation = Table(
    "officer_invitation",
    metadata,
    Column("digest", String(43), primary_key=True),
    Column("officer_id", String(22), ForeignKey("officer.id"), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double),
    Column("expires_at", Double, nullable=False),
    Index("officer_invitation_by_officer", "officer_id"),
    Index("officer_invitation_by_expiry", "expires_at"),
)

# What one officer proposes and another decides: bulk approvals, a forced link, an erasure.
proposal = Table(
    "proposal",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("agency", String(8), nullable=False),
    Column("items", Text, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("note", Text),
    Column("proposed_by", String(22), ForeignKey("officer.id"), nullable=False),
    Column("proposed_at", Double, nullable=False),
    Column("decided_by", String(22)),
    Column("decided_at", Double),
    Column("outcome", String(16)),
    Column("expires_at", Double, nullable=False),
    Index("proposal_by_age", "outcome", "proposed_at"),
)
