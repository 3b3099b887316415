"""The schema as history: Alembic revisions, run by `infra.store.schema`."""
