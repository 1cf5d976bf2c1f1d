"""Every table of the provider. Times are double-precision seconds since the epoch, UTC.

Rows that live for a short time all have `expires_at`, and `sweep.py` deletes them after it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()
Number = BigInteger().with_variant(Integer, "sqlite")

account = Table(
    "account",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("birth_date", String(10)),
    Column("phone", String(16)),
    Column("phone_verified_at", Double),
    Column("email", Text),
    Column("email_verified_at", Double),
    Column("address", Text),
    Column("password_hash", Text),
    Column("password_changed_at", Double),
    Column("more_claims", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("account_by_phone", "phone"),
)

identifier = Table(
    "identifier",
    metadata,
    Column("id", Number, primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("value", String(32), nullable=False),
    Column("valid_from", Double, nullable=False),
    Column("valid_to", Double),
    Index("identifier_by_account", "account_id"),
    Index(
        "identifier_held_once",
        "kind",
        "value",
        unique=True,
        sqlite_where=text("valid_to IS NULL"),
        postgresql_where=text("valid_to IS NULL"),
    ),
)

session = Table(
    "session",
    metadata,
    Column("digest", String(43), primary_key=True),
    Column("sid", String(22), nullable=False, unique=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("auth_time", Double, nullable=False),
    Column("amr", String(64), nullable=False),
    Column("acr", Integer, nullable=False),
    Column("ial", Integer, nullable=False),
    Column("through", String(32), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("network", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_seen_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("ended_at", Double),
    Index("session_by_account", "account_id"),
    Index("session_by_expiry", "expires_at"),
)

device = Table(
    "device",
    metadata,
    Column("digest", String(43), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("device_by_account", "account_id"),
    Index("device_by_expiry", "expires_at"),
)

client = Table(
    "client",
    metadata,
    Column("client_id", String(128), primary_key=True),
    Column("metadata", Text, nullable=False),
    Column("secret_digest", String(43)),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

consent = Table(
    "consent",
    metadata,
    Column("account_id", String(32), ForeignKey("account.id"), primary_key=True),
    Column("client_id", String(128), primary_key=True),
    Column("scope", Text, nullable=False),
    Column("text_version", String(16), nullable=False),
    Column("network", String(64), nullable=False),
    Column("granted_at", Double, nullable=False),
    Column("withdrawn_at", Double),
)

refresh_family = Table(
    "refresh_family",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("grant_id", String(43), nullable=False, unique=True),
    Column("client_id", String(128), nullable=False),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("sid", String(22), nullable=False),
    Column("sealed_secret", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("grant", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("rotated_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("revoked_at", Double),
    Index("refresh_family_by_account", "account_id"),
    Index("refresh_family_by_sid", "sid"),
    Index("refresh_family_by_expiry", "expires_at"),
)

revocation = Table(
    "revocation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("expires_at", Double, nullable=False),
    Index("revocation_by_expiry", "expires_at"),
)

ephemeral = Table(
    "ephemeral",
    metadata,
    Column("key", String(96), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("spent", Boolean, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("ephemeral_by_expiry", "expires_at"),
)

throttle = Table(
    "throttle",
    metadata,
    Column("key", String(96), primary_key=True),
    Column("free", Integer, nullable=False),
    Column("base", Integer, nullable=False),
    Column("cap", Integer, nullable=False),
    Column("memory", Integer, nullable=False),
    Column("sliding", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", Double, nullable=False),
    Column("admitted", Boolean, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("throttle_by_expiry", "expires_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True),
    Column("at", Double, nullable=False),
    Column("name", String(64), nullable=False),
    Column("subject", String(43)),
    Column("client_id", String(128)),
    Column("request_id", String(32)),
    Column("facts", Text, nullable=False),
    Column("reason", Text),
    Column("month", String(7)),
    Column("number", BigInteger),
    Column("hash", String(64)),
    UniqueConstraint("number", name="audit_number"),
    Index("audit_by_request", "request_id"),
    Index("audit_by_subject", "subject"),
    sqlite_autoincrement=True,
)

audit_segment = Table(
    "audit_segment",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("first_number", BigInteger, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    Column("end_hash", String(64), nullable=False),
    Column("dropped_at", Double),
)

incident = Table(
    "incident",
    metadata,
    Column("code", String(16), primary_key=True),
    Column("at", Double, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("status", Integer, nullable=False),
    Column("route", String(64), nullable=False),
    Column("client_id", String(128)),
    Column("detail", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("incident_by_expiry", "expires_at"),
)
