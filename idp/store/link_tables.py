"""Tables of people who come through upstreams: their links, refused links, and the register of insured people."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text, false, text

from idp.store.schema import metadata

# People who may come in through an upstream. Subjects and citizen numbers are keyed digests; `evidence` holds words
# only.
link = Table(
    "link",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("upstream", String(32), nullable=False),
    Column("subject", String(43), nullable=False),
    Column("citizen", String(43)),
    Column("person", String(43)),
    Column("how", String(16), nullable=False),
    Column("evidence", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("used_at", Double),
    Column("ended_at", Double),
    Column("to_review", Boolean, nullable=False, server_default=false()),
    Index(
        "link_of_subject",
        "upstream",
        "subject",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "link_of_account",
        "account_id",
        "upstream",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

# Refused links that an officer decides; the identity is sealed, and deleted after the decision.
link_dispute = Table(
    "link_dispute",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("upstream", String(32), nullable=False),
    Column("subject", String(43), nullable=False),
    Column("citizen", String(43)),
    Column("person", String(43)),
    Column("reason", String(16), nullable=False),
    Column("account_id", String(32)),
    Column("evidence", Text, nullable=False),
    Column("sealed_facts", Text),
    Column("times", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("resolved_at", Double),
    Column("resolution", String(16)),
    Index(
        "link_dispute_once",
        "upstream",
        "subject",
        "reason",
        unique=True,
        sqlite_where=text("resolved_at IS NULL"),
        postgresql_where=text("resolved_at IS NULL"),
    ),
    Index("link_dispute_by_age", "created_at"),
)

# Insured people, with or without an account.
participant = Table(
    "participant",
    metadata,
    Column("bhxh_code", String(10), primary_key=True),
    Column("name", Text, nullable=False),
    Column("birth_date", String(10)),
    Column("citizen_number", String(12)),
    Column("phone", String(16)),
    Column("updated_at", Double, nullable=False),
    Index("participant_by_citizen_number", "citizen_number"),
)
