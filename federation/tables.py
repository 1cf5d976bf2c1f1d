"""Tables of federation alone. Links are in `idp/store/link_tables.py`: they end in one transaction with credentials."""

from sqlalchemy import Column, Double, Index, String, Table, Text

from idp.store.schema import metadata

# Through which upstream session a login came; the login is identified by its account and time.
upstream_stay = Table(
    "upstream_stay",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("auth_time", Double, primary_key=True),
    Column("upstream", String(32), nullable=False),
    Column("subject", String(43), nullable=False),
    Column("sid", String(43), nullable=False),
    Column("sealed_hint", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("upstream_stay_by_subject", "upstream", "subject"),
    Index("upstream_stay_by_expiry", "expires_at"),
)

# Upstreams closed by an operator.
upstream_closed = Table(
    "upstream_closed",
    metadata,
    Column("upstream", String(32), primary_key=True),
    Column("closed_at", Double, nullable=False),
)

EXPIRING: dict[Table, float] = {upstream_stay: 86_400.0}
"""Seconds that expired rows are kept: a day longer than any token of such a login can live."""
