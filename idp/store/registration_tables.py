"""The tables of the desk: declarations, their pictures, agencies, and what became of an approval."""

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from idp.store.schema import metadata

# Form 01 from the first draft to the decision. `code` identifies the person: BHXH code, unit code or tax code.
declaration = Table(
    "declaration",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("reference", String(10), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("request", String(8), nullable=False),
    Column("state", String(12), nullable=False),
    Column("version", Integer, nullable=False),
    Column("agency", String(8), nullable=False),
    Column("code", String(32), nullable=False),
    Column("citizen_number", String(20), nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", String(16), nullable=False),
    Column("email", Text, nullable=False),
    Column("email_verified_at", Double),
    Column("form", Text, nullable=False),
    Column("account_id", String(32), ForeignKey("account.id")),
    Column("account_since", Double),
    Column("secret_digest", String(43), nullable=False, unique=True),
    Column("channel", String(8), nullable=False),
    Column("network", String(64), nullable=False),
    Column("language", String(2), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("submitted_at", Double),
    Column("form_digest", String(64)),
    Column("decided_at", Double),
    Column("decided_by", String(22)),
    Column("seconded_by", String(22)),
    Column("reason", String(32)),
    Column("note", Text),
    Column("expires_at", Double),
    Index("declaration_queue", "agency", "state", "submitted_at"),
    Index("declaration_by_age", "state", "submitted_at"),
    Index("declaration_by_code", "code"),
    # For prefixes of a name, independent of the database's collation.
    Index("declaration_by_name", "name", postgresql_ops={"name": "text_pattern_ops"}),
    Index("declaration_by_citizen_number", "citizen_number"),
    Index("declaration_by_phone", "phone"),
    Index("declaration_by_account", "account_id"),
    Index("declaration_by_expiry", "expires_at"),
)

# Pictures, sealed: access to the database alone does not reveal them.
photo = Table(
    "photo",
    metadata,
    Column("declaration_id", String(22), primary_key=True),
    Column("role", String(8), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Index("photo_by_expiry", "expires_at"),
)

# Dates are days (YYYY-MM-DD): a dissolved agency names its successor.
agency = Table(
    "agency",
    metadata,
    Column("code", String(8), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("parent", String(8)),
    Column("valid_from", String(10)),
    Column("valid_to", String(10)),
    Column("successor", String(8)),
    Column("address", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("agency_by_parent", "parent"),
)

# The one-time activation from an approval to the first password.
activation = Table(
    "activation",
    metadata,
    Column("digest", String(43), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("declaration_id", String(22), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double),
    Column("expires_at", Double, nullable=False),
    Index("activation_by_account", "account_id"),
    Index("activation_by_expiry", "expires_at"),
)

# What people request about their own data, with the legal deadlines.
data_request = Table(
    "data_request",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("reference", String(10), nullable=False, unique=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(12), nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("acknowledge_by", Double, nullable=False),
    Column("answer_by", Double, nullable=False),
    Column("acknowledged_at", Double),
    Column("answered_at", Double),
    Column("decided_by", String(22)),
    Column("reason", String(32)),
    Column("note", Text),
    Index("data_request_by_account", "account_id"),
    Index("data_request_by_age", "state", "asked_at"),
)
