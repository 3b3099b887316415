"""The schema's state: to head by Alembic, under a lock, so that two deployments don't race."""
# ruff: noqa: PLC0415 - Alembic is imported where it is used: it costs each function's cold start a tenth of a second, and one needs it

from importlib import resources
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, text

from infra.errors import SchemaNotReady

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

MIGRATION_LOCK: Final = 7_305_003


def alembic_config(connection: Connection | None = None) -> "Config":
    """Configure Alembic for the packaged migrations, on an open connection: no file and no current folder is needed."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resources.files("migrations")))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> str:
    """Bring the database to the newest revision and return it; a second time changes nothing. Waits for one that is at it.

    A database that is ahead of this code stays so: a deployment that failed goes back to the older code, and not to an older schema.
    """
    from alembic import command

    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        if not _is_ahead(_revision(connection)):
            command.upgrade(alembic_config(connection), "head")
        return _revision(connection) or ""


def _is_ahead(revision: str | None) -> bool:
    """Whether only newer code knows a revision."""
    known = {script.revision for script in _scripts().walk_revisions()}
    return revision is not None and revision not in known


def downgrade(engine: Engine, revision: str) -> None:
    """Go back to a revision, ``base`` for an empty database. Data of what is dropped is lost."""
    from alembic import command

    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        command.downgrade(alembic_config(connection), revision)


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(alembic_config())


def head() -> str:
    """Return the newest revision that this code knows."""
    return _scripts().get_current_head() or ""


def require_head(engine: Engine) -> None:
    """Check that the database has the schema that this code needs.

    Raises:
        SchemaNotReady: it has another one.
    """
    with engine.connect() as connection:
        revision = _revision(connection)
    if revision != head():
        raise SchemaNotReady(
            f"the database is at {revision or 'no revision'}, this code needs {head()}: run the migrations"
        )


def _revision(connection: Connection) -> str | None:
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()
