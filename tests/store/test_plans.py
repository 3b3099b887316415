"""The plans of the queries that meet many rows: at 20,000 of each kind, none may read a whole table."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from infra.store import Store, ledger, published, reading, verdicts
from infra.store.deciding import closure
from infra.store.events import Wanted
from infra.store.files import Upload, find_upload
from infra.store.published import ANY_TIME
from infra.store.verdicts import Which
from infra.store.versions import last_words, versions_of
from tests.conftest import administrate, created

ROWS = 20_000

FILL = """
INSERT INTO files (bucket, key, version, sha256, bytes, status, received_at)
SELECT 'uploads', 'bwb_' || n || '.json', n::text, md5(n::text), 1000,
       CASE WHEN n % 500 = 0 THEN 'quarantined' ELSE 'stored' END, timestamptz '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, :rows) AS n;

INSERT INTO rejections (file_id, reason) SELECT file_id, 'too long' FROM files;

INSERT INTO source_events (source_code, id, title, event_dates, title_words, title_tokens, normaliser, raw,
                           content_hash, order_key, file_id, generation)
SELECT 'bwb', 'l' || n, 'Konzert ' || n, '[]', 'konzert', 'konzert', 'v1', '{}', md5(n::text), n::text, f.file_id, n
FROM generate_series(1, :rows) AS n JOIN files f ON f.version = n::text;

INSERT INTO canonical_events (canonical_id, title, city, first_day, last_day, status, confidence, needs_review,
                              n_sources, content, content_hash, born, generation)
SELECT 'ev_' || n, 'Konzert ' || n, 'town ' || n % 200, date '2020-01-01' + n % 3000, date '2020-01-01' + n % 3000 + n % 3,
       'scheduled', 0.9, n % 100 = 0, 1 + n % 7, '{}', md5(n::text), 1, 1
FROM generate_series(1, :rows) AS n;

INSERT INTO canonical_sources SELECT 'bwb', 'l' || n, 'ev_' || n FROM generate_series(1, :rows) AS n;

INSERT INTO decisions (a_source_code, a_id, b_source_code, b_id, weight, score, decision)
SELECT 'bwb', 'l' || n, 'bwb', 'l' || n + 1, n % 40 - 20, 0.5,
       CASE WHEN n % 100 = 0 THEN 'ambiguous' WHEN n % 2 = 0 THEN 'match' ELSE 'no_match' END
FROM generate_series(1, :rows - 1) AS n;

INSERT INTO links SELECT 'part_of', 'ev_' || n, 'ev_' || n + 1 FROM generate_series(1, :rows - 1) AS n;
INSERT INTO flags SELECT 'ev_' || n, 'too_large', '' FROM generate_series(1, :rows) AS n;
INSERT INTO redirects SELECT 'gone_' || n, 'ev_' || n, 1 FROM generate_series(1, :rows) AS n;
INSERT INTO lineage (generation, parent_id, child_id, kind)
SELECT 1, 'gone_' || n, 'ev_' || n, 'merged' FROM generate_series(1, :rows) AS n;
INSERT INTO verdicts (kind, a_source_code, a_id, b_source_code, b_id, author)
SELECT 'must_link', 'bwb', 'l' || n, 'bwb', 'l' || n + 1, 'eva' FROM generate_series(1, :rows) AS n WHERE n % 200 > 0;
INSERT INTO take_backs (sequence, author) SELECT sequence, 'eva' FROM verdicts WHERE sequence % 10 = 0;
INSERT INTO changes (generation, canonical_id, kind, successors)
SELECT 1, 'ev_' || n, 'created', '[]' FROM generate_series(1, :rows) AS n;
INSERT INTO tombstones (canonical_id, title, first_day, last_day, status, confidence, needs_review, content, at)
SELECT 'gone_' || n, 'Konzert', date '2026-01-01', date '2026-01-01', 'scheduled', 0.9, false, '{}',
       timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, :rows) AS n;
INSERT INTO runs (generation, status, statistics, left_out, policy_version, policy_hash, started_at)
SELECT n, 'done', '{}', '[]', 'v', 'h', now() FROM generate_series(1, :rows) AS n;
"""

LATE = datetime(2026, 1, 14, tzinfo=UTC)
UPLOAD = Upload("uploads", "bwb_777.json", "777", None, "0", 1)

QUERIES: dict[str, Callable[[Connection], object]] = {
    "events, first page": reading.list_events,
    "events of a town": lambda c: reading.list_events(c, city="town 7"),
    "events of a town from a day on": lambda c: reading.list_events(c, city="town 7", since="2027-06-01"),
    "events of a week": lambda c: reading.list_events(c, since="2024-05-01", until="2024-05-07"),
    "events from a late day on": lambda c: reading.list_events(c, since="2028-03-01"),
    "events that await review": lambda c: reading.list_events(c, needs_review=True),
    "events merged from most listings": lambda c: reading.list_events(c, order=reading.MOST_SOURCES_FIRST),
    "an event with all that hangs on it": lambda c: reading.show_event(c, "gone_777"),
    "the event of a listing": lambda c: reading.event_of(c, "bwb", "l777"),
    "a listing": lambda c: reading.show_listing(c, "bwb", "l777"),
    "a decision": lambda c: reading.stored_decision(c, ("bwb", "l778"), ("bwb", "l777")),
    "questions": lambda c: reading.questions(c, limit=20),
    "verdicts, newest first": verdicts.list_verdicts,
    "verdicts on a pair": lambda c: verdicts.list_verdicts(c, pair=(("bwb", "l778"), ("bwb", "l777"))),
    "verdicts of a person": lambda c: verdicts.find_verdicts(c, Which(author="eva")),
    "verdicts on an event": lambda c: verdicts.standing_on(c, [("bwb", "l777")]),
    "what a verdict reaches": lambda c: closure(c, [("bwb", "l777")], most=100),
    "how far people have spoken": lambda c: last_words(c, {"ev_777": [("bwb", "l777")]}),
    "versions of events": lambda c: versions_of(c, ["ev_777", "ev_778"]),
    "files, newest first": reading.list_files,
    "files in quarantine": lambda c: reading.list_files(c, status="quarantined"),
    "a file": lambda c: reading.show_file(c, 777),
    "an upload": lambda c: find_upload(c, UPLOAD),
    "runs, newest first": reading.list_runs,
    "a run, and those before it": lambda c: ledger.runs_before(c, before=778, status=None, limit=20),
    "files before one": lambda c: ledger.files_before(c, before=778, status=None, source=None, limit=20),
    "what was refused of a file": lambda c: ledger.rejections_behind(c, 777, behind=0, limit=20),
    "events of a feed, with how often they changed": lambda c: published.known_of(c, ["ev_777", "ev_778"]),
    "links of a feed": lambda c: published.relations_of(c, ["ev_777", "ev_778"]),
    "an export's page": lambda c: published.events_by_id(c, Wanted(), ANY_TIME, behind="ev_777", limit=200),
    "tombstones": lambda c: published.tombstones_of(c, Wanted(), since=LATE, limit=20),
}


@pytest.fixture(scope="module")
def full_store(postgres: str, template: str) -> Iterator[Store]:
    """Give a store with ROWS of everything."""
    with created(postgres, template) as url:
        store = Store.at(url)
        with store.engine.begin() as connection:
            for statement in FILL.split(";\n"):
                if statement.strip():
                    connection.execute(text(statement.replace(":rows", str(ROWS))))
        administrate(url, "VACUUM ANALYZE")
        yield store
        store.engine.dispose()


def plans(connection: Connection, query: Callable[[Connection], object]) -> list[dict[str, Any]]:
    """Explain every statement that a function runs."""
    seen: list[tuple[str, Any]] = []

    def remember(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        seen.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", remember)
    found = query(connection)
    event.remove(connection, "before_cursor_execute", remember)
    assert found
    explained = [
        connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
        for statement, parameters in seen
        if statement.lstrip().startswith(("SELECT", "WITH"))
    ]
    assert explained
    return [plan[0]["Plan"] for plan in explained]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_of_a_person_reads_a_whole_table(full_store: Store, name: str) -> None:
    with full_store.reading() as connection:
        found = [node for plan in plans(connection, QUERIES[name]) for node in nodes(plan)]

    whole = [
        f"{node['Relation Name']}: {node.get('Filter')}" for node in found if node["Node Type"] == "Seq Scan"
    ]
    assert whole == []
    assert any("Index" in node["Node Type"] for node in found)


@pytest.mark.parametrize("name", [name for name in QUERIES if "first" in name or "most" in name])
def test_a_first_page_is_read_in_the_order_of_an_index_and_not_sorted(full_store: Store, name: str) -> None:
    with full_store.reading() as connection:
        found = [node["Node Type"] for plan in plans(connection, QUERIES[name]) for node in nodes(plan)]

    assert "Sort" not in found
