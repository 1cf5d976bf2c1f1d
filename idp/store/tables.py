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
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from idp.store.client_tables import client as client
from idp.store.client_tables import client_invitation as client_invitation
from idp.store.device_tables import ended_ticket as ended_ticket
from idp.store.device_tables import enrolled_device as enrolled_device
from idp.store.link_tables import link as link
from idp.store.link_tables import link_dispute as link_dispute
from idp.store.link_tables import participant as participant
from idp.store.officer_tables import officer as officer
from idp.store.officer_tables import officer_invitation as officer_invitation
from idp.store.officer_tables import officer_right as officer_right
from idp.store.officer_tables import officer_session as officer_session
from idp.store.officer_tables import proposal as proposal
from idp.store.passkey_tables import passkey as passkey
from idp.store.registration_tables import activation as activation
from idp.store.registration_tables import agency as agency
from idp.store.registration_tables import data_request as data_request
from idp.store.registration_tables import declaration as declaration
from idp.store.registration_tables import photo as photo
from idp.store.schema import Number as Number
from idp.store.schema import metadata as metadata

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
    Column("street", Text),
    Column("commune", String(5)),
    Column("province", String(2)),
    Column("password_hash", Text),
    Column("password_changed_at", Double),
    Column("password_temporary", Boolean, nullable=False, server_default=false()),
    Column("password_good_until", Double),
    Column("password_spent_at", Double),
    Column("phone_changed_at", Double),
    Column("phone_source", String(8), nullable=False, server_default=""),
    Column("email_changed_at", Double),
    Column("email_source", String(8), nullable=False, server_default=""),
    Column("vouched_at", Double),
    Column("secured_at", Double, nullable=False, server_default="0"),
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
    Column("otp_at", Double),
    Column("brief", Boolean, nullable=False, server_default=false()),
    Column("upstream_at", Double),
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
    Column("authorization_details", Text, nullable=False, server_default="[]"),
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
    Column("chain_hash", String(64)),
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
    Column("digest", String(64)),
    Column("signature", Text),
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

# Messages to people. Recipient and facts are sealed: they contain codes, links and numbers.
message = Table(
    "message",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("channel", String(8), nullable=False),
    Column("template", String(32), nullable=False),
    Column("language", String(2), nullable=False),
    Column("sealed_to", Text, nullable=False),
    Column("sealed_facts", Text, nullable=False),
    Column("account_id", String(32)),
    Column("client_id", String(128)),
    Column("created_at", Double, nullable=False),
    Column("good_until", Double, nullable=False),
    Column("state", String(12), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Double),
    Column("finished_at", Double),
    Column("error", String(64)),
    Column("expires_at", Double, nullable=False),
    Index("message_by_turn", "channel", "next_at"),
    Index("message_by_expiry", "expires_at"),
)

one_time_code = Table(
    "one_time_code",
    metadata,
    Column("key", String(43), primary_key=True),
    Column("account_id", String(32), nullable=False),
    Column("code_digest", String(43), nullable=False),
    Column("good_until", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("used_at", Double),
    Column("sent_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("one_time_code_by_account", "account_id"),
    Index("one_time_code_by_expiry", "expires_at"),
)

# How much of a budget was spent in the window that ends at `expires_at`.
budget = Table(
    "budget",
    metadata,
    Column("key", String(96), primary_key=True),
    Column("spent", Number, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("budget_by_expiry", "expires_at"),
)

# What a person may undo, once, with the link of a notice.
undo = Table(
    "undo",
    metadata,
    Column("digest", String(43), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("event", String(32), nullable=False),
    Column("sealed_before", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double),
    Column("expires_at", Double, nullable=False),
    Index("undo_by_account", "account_id"),
    Index("undo_by_expiry", "expires_at"),
)

# Which clients to notify when a session ends, and by which message (OpenID Connect Back-Channel Logout 1.0).
session_client = Table(
    "session_client",
    metadata,
    Column("sid", String(22), primary_key=True),
    Column("client_id", String(128), primary_key=True),
    Column("account_id", String(32), nullable=False),
    Column("message_id", String(22)),
    Column("expires_at", Double, nullable=False),
    Index("session_client_by_account", "account_id"),
    Index("session_client_by_expiry", "expires_at"),
)
