import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from infra.errors import SchemaNotReady
from infra.store import Store, schema
from infra.store.engine import build_engine
from infra.store.tables import metadata
from tests.conftest import administrate
from tests.store.uploads import rows, run, save
from tests.unit.listings import listing

SHAPE = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || ' identity:' || a.attidentity::text
    || ' default:' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' collation:' || coalesce(l.collname, '')
    || ' ' || coalesce(col_description(c.oid, a.attnum), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""


def shape(engine: Engine) -> set[tuple[str, ...]]:
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(text(SHAPE))}


def test_the_migrations_make_what_the_tables_say(store: Store, empty_database: str) -> None:
    fresh = build_engine(empty_database)
    metadata.create_all(fresh)

    migrated, declared = shape(store.engine), shape(fresh)

    assert migrated - declared == set()
    assert declared - migrated == set()
    fresh.dispose()


def test_alembic_finds_nothing_to_migrate_at_head(store: Store) -> None:
    options = {"compare_type": True, "compare_server_default": True}

    with store.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert differences == []


def test_downgrading_leaves_nothing(store: Store) -> None:
    schema.downgrade(store.engine, "base")

    with store.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 0


def test_what_was_downgraded_can_be_upgraded_again(store: Store) -> None:
    schema.downgrade(store.engine, "base")

    assert store.upgrade() == schema.head()
    assert store.generations() == (0, 0)


def test_each_revision_downgraded_to_is_what_an_upgrade_to_it_makes(
    store: Store, empty_database: str
) -> None:
    fresh = build_engine(empty_database)
    newest_first = [
        script.revision for script in ScriptDirectory.from_config(schema.alembic_config()).walk_revisions()
    ]

    downgraded: dict[str, set[tuple[str, ...]]] = {}
    for revision in newest_first:
        schema.downgrade(store.engine, revision)
        downgraded[revision] = shape(store.engine)

    assert len(downgraded) > 1
    for revision in reversed(newest_first):
        with fresh.begin() as connection:
            command.upgrade(schema.alembic_config(connection), revision)
        assert downgraded[revision] ^ shape(fresh) == set(), revision
    fresh.dispose()


def test_a_second_upgrade_changes_nothing(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE generations SET ingested = 7"))

    assert store.upgrade() == schema.head()
    assert store.generations() == (7, 0)


def test_a_database_ahead_of_the_code_is_left_as_it_is(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from a newer release'"))

    assert store.upgrade() == "from a newer release"
    with pytest.raises(SchemaNotReady, match="from a newer release"):
        store.require_head()


def test_two_upgrades_at_once_wait_for_each_other(empty_database: str) -> None:
    stores = [Store.at(empty_database) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        revisions = list(threads.map(Store.upgrade, stores))

    assert revisions == [schema.head()] * 4
    assert stores[0].generations() == (0, 0)
    for one in stores:
        one.engine.dispose()


def test_indexes_that_an_operator_made_beforehand_as_the_runbook_says_are_taken_as_they_are(
    store: Store,
) -> None:
    before = shape(store.engine)
    runbook = (Path(__file__).parents[2] / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
    made = re.findall("^CREATE INDEX CONCURRENTLY .*;$", runbook, re.MULTILINE)
    schema.downgrade(store.engine, "0004")

    administrate(store.engine.url.render_as_string(hide_password=False), *made)
    store.upgrade()

    assert len(made) == 2
    assert shape(store.engine) == before


def test_code_refuses_a_database_at_another_revision(empty_database: str) -> None:
    store = Store.at(empty_database)

    with pytest.raises(SchemaNotReady, match="no revision"):
        store.require_head()
    store.upgrade()
    store.require_head()
    store.engine.dispose()


def test_a_database_from_before_the_change_log_gets_one_that_leads_to_its_state(store: Store) -> None:
    save(store, [listing("bwb:1", "Orgelkonzert", "2026-05-02"), listing("bwb:2", "Flohmarkt", "2026-06-07")])
    run(store)
    living = set(rows(store.engine, "SELECT canonical_id FROM canonical_events"))
    store.give_verdict("must_link", ("bwb", "1"), ("bwb", "2"), author="ada")
    run(store)
    schema.downgrade(store.engine, "0002")

    store.upgrade()

    left = rows(store.engine, "SELECT canonical_id, kind FROM changes ORDER BY change_id")
    survivors = rows(store.engine, "SELECT canonical_id FROM canonical_events")
    assert sorted(kind for _, kind in left) == ["created", "merged"]
    assert {(canonical_id,) for canonical_id, _ in left} == living
    assert [(canonical_id,) for canonical_id, kind in left if kind == "created"] == survivors
