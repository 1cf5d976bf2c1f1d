"""Alembic's entry: one history for the tables of all rooms, on the connection that `idp db upgrade` gives."""

from alembic import context

from idp.store.tables import metadata as idp_metadata
from keys.store import metadata as keys_metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=[keys_metadata, idp_metadata],
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
