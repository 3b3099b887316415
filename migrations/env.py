"""Run revisions on the connection that the caller opened (`infra.store.schema`), in its transaction."""

from alembic import context

from infra.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True
)
with context.begin_transaction():
    context.run_migrations()
