from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from threading import Event
from typing import Any

import polars as pl
import pytest
from sqlalchemy.exc import DatabaseError, StatementError

from dedup_core.events import EVENT_SCHEMA, LISTING_SCHEMA, Resolution
from dedup_core.normalising import normalise
from dedup_core.pipeline import resolve
from infra.errors import MatcherBusy
from infra.store import MatchWork, Snapshot, Store, reading
from tests.store.uploads import NOW, POLICY, contents, rows, run, save, written
from tests.unit.listings import listing

RESULTS = ("canonical_events", "canonical_sources", "decisions", "links", "flags", "redirects", "lineage")


def concert(identity: str, **fields: Any) -> dict[str, Any]:
    place = {"city": "Waldkirch", "venue": "Stadthalle", "street": "Marktplatz", "street_no": "1"}
    return listing(identity, "Jazzkonzert mit dem Bregtal Quintett", "2026-05-02", "20:00", **place | fields)


def market(identity: str, **fields: Any) -> dict[str, Any]:
    return listing(identity, "Flohmarkt am Kastelberg", "2026-06-07", "09:00", city="Emmendingen", **fields)


def lecture(identity: str, **fields: Any) -> dict[str, Any]:
    return listing(identity, "Vortrag über Moorkunde", "2026-07-11", "19:30", city="Freiburg", **fields)


def event_of(store: Store, identity: str) -> str:
    with store.reading() as connection:
        found = reading.event_of(connection, *identity.split(":"))
    assert found is not None
    return found


def pair(a: str, b: str) -> tuple[tuple[str, str], tuple[str, str]]:
    (first, one), (second, two) = a.split(":"), b.split(":")
    return (first, one), (second, two)


@contextmanager
def working(store: Store) -> Iterator[tuple[MatchWork, Snapshot, Resolution]]:
    """Open a run up to its result, which is not saved."""
    with store.matching() as work:
        snapshot = work.load()
        yield (
            work,
            snapshot,
            resolve(snapshot.events, snapshot.verdicts, snapshot.previous, POLICY, generation=work.ingested),
        )


def save_altered(store: Store, **altered: Any) -> None:
    """Run, and save another result than the one that came out."""
    with working(store) as (work, snapshot, resolution):
        work.save(replace(resolution, **altered), snapshot.previous, started_at=NOW)


@pytest.fixture
def matched(store: Store) -> Store:
    """Give a store of three events, one of two listings, all matched."""
    save(store, [concert("bwb:1"), market("bwb:2")])
    save(store, [concert("rza:1"), lecture("rza:2")], key="rza_1.json")
    run(store)
    return store


def test_a_run_starts_from_exactly_what_was_saved(store: Store) -> None:
    nasty = ['"', "\\N", "\\.", "a\nb\r\nc", "\t", "ü😀", "'; DROP TABLE files; --"]
    fields = {"description": "\n".join(nasty), "highlights": nasty, "categories": [], "latitude": 48.09}
    listings = [
        concert("bwb:1", **fields, admission_free=True),
        listing("bwb:2", "!!!", is_family_event=False),
    ]
    save(store, listings)

    loaded = store.snapshot()

    expected = normalise(pl.DataFrame(listings, schema=LISTING_SCHEMA))
    assert loaded.events.select(*EVENT_SCHEMA).sort("id").equals(expected.select(*EVENT_SCHEMA))
    assert loaded.previous.members.is_empty()
    assert loaded.verdicts.is_empty()


def test_the_next_run_starts_from_what_the_last_one_wrote(matched: Store) -> None:
    with working(matched) as (_, snapshot, resolution):
        assert resolution.difference.created.is_empty()
        assert resolution.difference.changed.is_empty()

    assert snapshot.previous.members.sort("canonical_id", "source_code", "id").equals(resolution.members)
    assert snapshot.previous.canonicals.sort("canonical_id").equals(
        resolution.canonical_events.select("canonical_id", "born", "content_hash")
    )


def test_a_second_run_writes_no_row_but_its_own(matched: Store) -> None:
    before = {table: written(matched.engine, table) for table in RESULTS}

    run(matched)

    assert {table: written(matched.engine, table) for table in RESULTS} == before
    assert all(before[table] for table in ("canonical_events", "canonical_sources", "decisions"))
    assert rows(matched.engine, "SELECT count(*), count(DISTINCT result_hash) FROM runs") == [(2, 1)]


def test_a_new_listing_rewrites_its_own_event_only(matched: Store) -> None:
    before = written(matched.engine, "canonical_events")
    members = written(matched.engine, "canonical_sources")
    created = dict(rows(matched.engine, "SELECT canonical_id, created_at FROM canonical_events"))
    save(matched, [concert("tickets:1", description="Ein Abend mit Jazz")], key="tickets_1.json")

    resolution = run(matched)

    after = written(matched.engine, "canonical_events")
    changed = event_of(matched, "tickets:1")
    assert list(resolution.difference.changed) == [changed] == [event_of(matched, "bwb:1")]
    assert {key for key in after if after[key] != before.get(key)} == {(changed,)}
    assert set(written(matched.engine, "canonical_sources").items()) >= set(members.items())
    times = rows(
        matched.engine, "SELECT canonical_id, created_at, updated_at, generation FROM canonical_events"
    )
    assert {key: at for key, at, _, _ in times} == created
    assert {key for key, at, then, _ in times if then > at} == {changed}
    assert {key for key, _, _, generation in times if generation == 3} == {changed}


def test_a_decision_is_rewritten_if_a_part_of_it_moved_and_removed_if_it_is_gone(matched: Store) -> None:
    save(matched, [concert("tickets:1"), concert("zeitung:1")], key="tickets_1.json")
    run(matched)
    before = written(matched.engine, "decisions")
    first, second, *_ = sorted(before)

    with working(matched) as (work, snapshot, resolution):
        ids = resolution.events.select(pl.concat_list("source_code", "id").alias("id"))["id"]
        keys = pl.Series([(*ids[a], *ids[b]) for a, b in resolution.decisions.select("a", "b").iter_rows()])
        decisions = resolution.decisions
        moved = (
            decisions.with_row_index("row")
            .filter(pl.Series([tuple(key) != first for key in keys.to_list()]))
            .with_columns(
                pl.when(pl.Series([tuple(key) == second for key in keys.to_list() if tuple(key) != first]))
                .then(pl.col("title") + 1)
                .otherwise("title")
                .alias("title"),
                weight=pl.col("weight") + 0.001,
            )
            .drop("row")
        )
        work.save(replace(resolution, decisions=moved), snapshot.previous, started_at=NOW)

    after = written(matched.engine, "decisions")
    assert set(before) - set(after) == {first}
    assert {key for key in after if after[key] != before[key]} == {second}


def test_what_was_seen_of_a_pair_is_kept_for_old_rows_too_and_written_anew_where_words_differ_and_no_bit_does(
    matched: Store,
) -> None:
    (older,) = seen_in(matched)
    run(matched, observe=True)
    (first,) = seen_in(matched)
    before = written(matched.engine, "decisions")
    save(matched, [listing("tix:1", "Rosa und Wanderfalke", "2026-09-09", city="Lahr")], key="tix_1.json")
    run(matched, observe=True)
    untouched = written(matched.engine, "decisions")

    other = {"title": "Jazzkonzert mit dem Lerchenau Quintett"}
    save(matched, [{**concert("bwb:1"), **other}, market("bwb:2")], sequencer="2")
    save(matched, [{**concert("rza:1"), **other}, lecture("rza:2")], key="rza_1.json", sequencer="2")
    run(matched, observe=True)

    (second,) = seen_in(matched)
    assert older is None
    assert {"Bregtal", "Quintett"} <= set(first["both"])
    assert first["gap"] == first["minutes"] == 0
    assert untouched == before
    assert set(first["both"]) ^ set(second["both"]) == {"Bregtal", "Lerchenau"}
    assert second["bits"]["shared"] == pytest.approx(first["bits"]["shared"], abs=0.05)


def seen_in(store: Store) -> list[Any]:
    return [seen for (seen,) in rows(store.engine, "SELECT seen FROM decisions")]


def test_links_and_flags_are_those_of_the_last_run(matched: Store) -> None:
    a, b = event_of(matched, "bwb:2"), event_of(matched, "rza:2")
    links = pl.DataFrame({"kind": ["part_of", "date_of"], "from": [a, b], "to": [b, a]})
    flags = pl.DataFrame({"canonical_id": [a, b], "flag": ["too_large", "bridge"], "detail": ["60", None]})

    save_altered(matched, links=links, flags=flags)
    before = written(matched.engine, "links")
    save_altered(matched, links=links.head(1), flags=flags.tail(1))

    assert rows(matched.engine, "SELECT kind, from_id, to_id FROM links") == [("part_of", a, b)]
    assert rows(matched.engine, "SELECT canonical_id, flag, detail FROM flags") == [(b, "bridge", "")]
    assert set(written(matched.engine, "links").items()) <= set(before.items())


def merge(store: Store, first: list[str], second: list[str]) -> None:
    """Say of every pair across two groups of listings that it is one event, and run."""
    for a, b in product(first, second):
        store.give_verdict("must_link", *pair(a, b), author="eva")
    run(store)


def test_an_id_that_was_merged_away_leads_to_the_survivor_through_every_merge(store: Store) -> None:
    small, middle, large = ["a:1"], ["b0:1", "b1:1"], ["c0:1", "c1:1", "c2:1", "c3:1"]
    save(store, [market(identity) for identity in small], key="a_1.json")
    save(store, [lecture(identity) for identity in middle], key="b_1.json")
    save(store, [concert(identity) for identity in large], key="c_1.json")
    run(store)
    one, two, three = (event_of(store, group[0]) for group in (small, middle, large))

    merge(store, small, middle)
    merge(store, small + middle, large)

    assert dict(rows(store.engine, "SELECT from_id, to_id FROM redirects")) == {one: three, two: three}
    assert rows(store.engine, "SELECT canonical_id FROM canonical_events") == [(three,)]
    assert store.snapshot().previous.retired == {one, two}
    with store.reading() as connection:
        shown = reading.show_event(connection, one)
    assert shown is not None
    assert (shown["canonical_id"], shown["redirected_from"]) == (three, one)
    assert [(row["parent_id"], row["child_id"], row["kind"]) for row in shown["lineage"]] == [
        (two, three, "merged")
    ]


def test_an_event_that_was_split_keeps_its_id_and_says_what_left(matched: Store) -> None:
    whole = event_of(matched, "bwb:1")

    matched.give_verdict("cannot_link", *pair("rza:1", "bwb:1"), author="eva")
    run(matched)

    parts = {event_of(matched, "bwb:1"), event_of(matched, "rza:1")}
    assert len(parts) == 2
    assert whole in parts
    (left,) = parts - {whole}
    assert rows(matched.engine, "SELECT parent_id, child_id, kind FROM lineage") == [(whole, left, "split")]
    assert rows(matched.engine, "SELECT * FROM redirects") == []


def test_every_listing_has_exactly_one_event_and_no_event_is_empty(matched: Store) -> None:
    matched.give_verdict("must_link", *pair("bwb:2", "rza:2"), author="eva")
    run(matched)

    assert rows(matched.engine, "SELECT source_code, id FROM canonical_sources ORDER BY 1, 2") == rows(
        matched.engine, "SELECT source_code, id FROM source_events ORDER BY 1, 2"
    )
    assert rows(
        matched.engine,
        "SELECT canonical_id, n_sources FROM canonical_events ORDER BY 1",
    ) == rows(matched.engine, "SELECT canonical_id, count(*) FROM canonical_sources GROUP BY 1 ORDER BY 1")


def test_a_second_matcher_is_turned_away_before_it_reads_and_gets_in_afterwards(matched: Store) -> None:
    other = Store(matched.engine)

    with matched.matching(), pytest.raises(MatcherBusy), other.matching():
        pytest.fail("two matchers at once")

    with other.matching() as work:
        assert work.matched == 2


def test_of_many_matchers_at_once_one_works_at_a_time(matched: Store) -> None:
    save(matched, [market("tickets:1")], key="tickets_1.json")
    stores = [Store.at(matched.engine.url.render_as_string(hide_password=False)) for _ in range(4)]

    def attempt(store: Store) -> bool:
        try:
            run(store)
        except MatcherBusy:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(attempt, stores * 3))

    assert any(done)
    assert matched.generations() == (3, 3)
    assert rows(matched.engine, "SELECT count(*) FROM runs WHERE status = 'done'") == [(1 + sum(done),)]
    assert rows(matched.engine, "SELECT count(DISTINCT result_hash) FROM runs WHERE generation = 3") == [(1,)]
    for store in stores:
        store.engine.dispose()


def test_a_run_sees_one_moment_whatever_is_stored_meanwhile(matched: Store) -> None:
    save(matched, [market("tickets:1")], key="tickets_1.json")

    with matched.matching() as work:
        save(matched, [lecture("tickets:2")], key="tickets_2.json")
        matched.give_verdict("must_link", *pair("tickets:2", "rza:2"), author="eva")
        snapshot = work.load()
        resolution = resolve(
            snapshot.events, snapshot.verdicts, snapshot.previous, POLICY, generation=work.ingested
        )
        work.save(resolution, snapshot.previous, started_at=NOW)

    assert "tickets:2" not in {
        f"{code}:{id}" for code, id in snapshot.events.select("source_code", "id").iter_rows()
    }
    assert snapshot.verdicts.is_empty()
    assert matched.generations() == (5, 3)
    assert run(matched).events.height == snapshot.events.height + 1
    assert matched.generations() == (5, 5)


def test_a_run_that_fails_after_writing_leaves_nothing_and_frees_the_lock(matched: Store) -> None:
    save(matched, [market("tickets:1")], key="tickets_1.json")
    before = contents(matched.engine)

    with pytest.raises(StatementError, match="JSON"):  # by its last statement, the record of the run
        save_altered(matched, statistics={"pairs": object()})

    assert contents(matched.engine) == before
    run(matched)
    assert matched.generations() == (3, 3)


def test_a_failed_run_is_recorded_with_its_reason(matched: Store) -> None:
    matched.record_failure(
        generation=2, reason="out of memory", policy_version="v", policy_hash="h", started_at=NOW
    )

    with matched.reading() as connection:
        failed, done = reading.list_runs(connection)
    assert (failed["status"], failed["reason"], failed["result_hash"]) == ("failed", "out of memory", None)
    assert (done["status"], done["generation"]) == ("done", 2)
    assert matched.generations() == (2, 2)


def test_words_of_an_older_version_are_not_written_over_a_newer_listing(matched: Store) -> None:
    with matched.matching() as work:
        renewed = work.load().events.with_columns(
            title_words=pl.lit("renewed"), title_tokens=pl.lit("renewed")
        )
        save(matched, [market("bwb:2", description="Neu")], key="bwb_2.json", processed_at="2026-03-01")
        work.save_normalised(renewed.select(*EVENT_SCHEMA), "rules-2")

    found = rows(
        matched.engine,
        "SELECT id, title_words = 'renewed', normaliser FROM source_events WHERE source_code = 'bwb' ORDER BY id",
    )
    assert found == [("1", True, "rules-2"), ("2", False, "rules-1")]


def test_an_ingest_waits_for_listings_that_are_normalised_anew(matched: Store) -> None:
    begun = Event()

    def ingest() -> int | None:
        begun.set()
        newer = [market("bwb:2", description="Neu")]
        return save(matched, newer, key="bwb_2.json", processed_at="2026-03-01").generation

    with ThreadPoolExecutor(1) as threads:
        with working(matched) as (work, snapshot, resolution):
            work.save_normalised(snapshot.events.select(*EVENT_SCHEMA), "rules-2")
            later = threads.submit(ingest)
            begun.wait()
            work.save(resolution, snapshot.previous, started_at=NOW)
        assert later.result(timeout=30) == 3

    assert matched.generations() == (3, 2)


def test_a_member_of_an_event_that_is_not_there_is_refused_whole(matched: Store) -> None:
    stranger = pl.DataFrame({"canonical_id": ["ev_nobody"], "source_code": ["bwb"], "id": ["1"]})
    before = contents(matched.engine)

    with pytest.raises(DatabaseError, match="canonical_sources_canonical_id_fkey"):
        save_altered(matched, members=stranger)

    assert contents(matched.engine) == before
