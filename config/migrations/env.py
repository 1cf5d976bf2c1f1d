"""Alembic's entry: one history for the tables of all rooms, on the connection that `idp db upgrade` gives."""

from alembic import context

from config.schema import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=list(METADATA),
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
