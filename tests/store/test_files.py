from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import polars as pl
import pytest
from pg8000.dbapi import DatabaseError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dedup_core.events import Rejection
from infra.store import Store, Upload
from infra.store.reading import show_file
from tests.store.uploads import contents, rows, save, written
from tests.unit.listings import listing

MORNING, NOON, EVENING = (f"2026-02-11T{hour:02}:00:00.000000Z" for hour in (8, 12, 20))


def current(store: Store) -> list[tuple[Any, ...]]:
    """What holds of each listing, without the numbers that the order of arrival gives."""
    return rows(
        store.engine, "SELECT source_code, id, title, raw::text, order_key FROM source_events ORDER BY 1, 2"
    )


def test_the_same_upload_again_changes_nothing(store: Store) -> None:
    first = save(store, [listing("bwb:1", "Fasnetumzug"), listing("bwb:2", "Konzert")])
    before = contents(store.engine, without=())

    second = save(store, [listing("bwb:1", "Fasnetumzug"), listing("bwb:2", "Konzert")])

    assert (first.status, first.stored, first.generation) == ("stored", 2, 1)
    assert second.already
    assert (second.file_id, second.stored, second.generation) == (first.file_id, 2, 1)
    assert contents(store.engine, without=()) == before


def test_the_same_content_under_another_key_changes_no_listing(store: Store) -> None:
    save(store, [listing("bwb:1", "Fasnetumzug")], key="bwb_1.json", sequencer="5")
    before = written(store.engine, "source_events")

    again = [
        save(store, [listing("bwb:1", "Fasnetumzug")], key=key, sequencer="5")
        for key in ("bwb_2.json", "archive/bwb_1.json", "zrk_1.json")
    ]

    assert {(one.status, one.stored, one.generation, one.already) for one in again} == {
        ("duplicate", 0, None, False)
    }
    assert written(store.engine, "source_events") == before
    assert store.generations() == (1, 0)
    assert rows(store.engine, "SELECT DISTINCT reason FROM files WHERE status = 'duplicate'") == [
        ("same content as bwb_1.json",)
    ]


@pytest.mark.parametrize("sequencer", ["1", "9"])
def test_the_same_content_from_another_source_changes_nothing_whenever_it_was_uploaded(
    store: Store, sequencer: str
) -> None:
    save(store, [listing("bwb:1", "Fasnetumzug")], key="bwb_1.json", sequencer="5", content="bytes")

    copied = save(
        store, [listing("zrk:1", "Fasnetumzug")], key="zrk_1.json", sequencer=sequencer, content="bytes"
    )

    assert copied.status == "duplicate"
    assert [row[:2] for row in current(store)] == [("bwb", "1")]


def test_a_file_that_comes_in_many_times_at_once_is_stored_once(store: Store) -> None:
    listings = [listing(f"bwb:{n}", f"Konzert {n}") for n in range(200)]

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda _: save(store, listings), range(8)))

    assert sorted(one.already for one in outcomes) == [False] + [True] * 7
    assert {one.stored for one in outcomes} == {200}
    assert store.generations() == (1, 0)


def test_files_with_the_same_listings_at_once_end_as_one_after_the_other(store: Store) -> None:
    def upload(hour: int) -> None:
        titles = [listing(f"bwb:{n}", f"Konzert um {hour}") for n in range(100)]
        titles = titles if hour % 2 else titles[::-1]
        save(store, titles, key=f"bwb_{hour}.json", processed_at=f"2026-02-11T{hour:02}:00:00.000000Z")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(upload, range(12)))

    assert {row[2] for row in current(store)} == {"Konzert um 11"}
    assert rows(store.engine, "SELECT count(*) FROM source_event_history") == [(1100,)]


def version(title: str, **upload: Any) -> dict[str, Any]:
    return {"title": title, **upload}


VERSIONS = {
    "by the time that the file names": (
        [
            version("Umzug", processed_at=MORNING, sequencer="9"),
            version("Umzug um zwei", processed_at=NOON, sequencer="5"),
            version("Umzug, neu", processed_at=EVENING, sequencer="1"),
        ],
        "Umzug, neu",
    ),
    "by the sequencer, which may have more digits": (
        [version("Umzug", sequencer="FF"), version("Umzug um zwei", sequencer="0100"), version("Umzug, neu", sequencer="1000")],
        "Umzug, neu",
    ),
    "a time is newer than none": (
        [version("Umzug", sequencer="99"), version("Umzug um zwei"), version("Umzug, neu", processed_at=MORNING)],
        "Umzug, neu",
    ),
    "nothing tells them apart but their content": (
        [version("a", content="1"), version("b", content="2"), version("c", content="3")],
        None,
    ),
    "back to the first content, byte by byte": (
        [
            version("Umzug", sequencer="1", content="first"),
            version("Umzug um zwei", sequencer="2"),
            version("Umzug", sequencer="3", content="first"),
        ],
        "Umzug",
    ),
    "copied, while something newer stands": (
        [
            version("Umzug", sequencer="1", content="first"),
            version("Umzug", sequencer="2", content="first"),
            version("Umzug um zwei", sequencer="3"),
        ],
        "Umzug um zwei",
    ),
    "equal listings in other files, and something between": (
        [
            version("Umzug", processed_at=MORNING),
            version("Umzug um zwei", processed_at=NOON),
            version("Umzug", processed_at=EVENING),
            version("Umzug um zwei", processed_at=NOON, sequencer="7"),
        ],
        "Umzug",
    ),
    "listings that differ in what we don't read": (
        [
            version("Umzug", processed_at=MORNING, raw={"_batch_index": 1}),
            version("Umzug", processed_at=NOON, raw={"_batch_index": 2}),
            version("Umzug", processed_at=EVENING, raw={"_batch_index": 3}),
        ],
        "Umzug",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", VERSIONS)
def test_what_holds_does_not_depend_on_the_order_of_arrival(store: Store, case: str) -> None:
    versions, expected = VERSIONS[case]

    for number, order in enumerate(permutations(range(len(versions)))):
        for position in order:
            told = dict(versions[position])
            title = told.pop("title")
            # The content goes on to differ from version to version, but not from one order to the next.
            save(store, [listing(f"s{number}:1", title)], key=f"s{number}_{position}.json", **_alone(told, number, title))  # fmt: skip
    outcomes = {(title, raw, _without_hash(order)) for _, _, title, raw, order in current(store)}

    assert len(outcomes) == 1 or expected is None
    assert expected in (None, *(title for title, _, _ in outcomes))
    assert len(current(store)) == number + 1


def _alone(told: dict[str, Any], number: int, title: str) -> dict[str, Any]:
    """Give each order of arrival contents of its own, or files of one would be duplicates of another's."""
    content = told.get("content", f"{title} {sorted(map(str, told.items()))}")
    return {**told, "content": f"{number} {content}"}


def _without_hash(order_key: str) -> str:
    return order_key.rsplit(" ", 1)[0]


def test_between_contents_that_nothing_else_orders_the_hash_decides_in_any_order(store: Store) -> None:
    titles = {"a": "eins", "b": "zwei", "c": "drei"}

    for order in permutations(titles):
        with store.engine.begin() as connection:
            for table in ("source_event_history", "source_events", "files"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
        for content in order:
            save(store, [listing("bwb:1", titles[content])], key=f"bwb_{content}.json", content=content)
        (row,) = current(store)
        # SHA-256 of a, b, c begins with ca97, 3e23, 2e7d.
        assert row[2] == "eins"


def test_replaced_and_late_versions_stay_in_the_history(store: Store) -> None:
    for hour, title in ((NOON, "Mittag"), (EVENING, "Abend"), (MORNING, "Morgen")):
        save(store, [listing("bwb:1", title)], key=f"bwb_{title}.json", processed_at=hour)

    kept = rows(
        store.engine,
        "SELECT h.raw->>'title', f.key FROM source_event_history h JOIN files f USING (file_id) ORDER BY 1",
    )

    assert [row[2] for row in current(store)] == ["Abend"]
    assert kept == [("Mittag", "bwb_Mittag.json"), ("Morgen", "bwb_Morgen.json")]


def test_counts_say_what_became_of_each_listing(store: Store) -> None:
    old = [listing("bwb:1", "Umzug"), listing("bwb:2", "Konzert"), listing("bwb:3", "Markt")]
    save(store, old, key="bwb_1.json", processed_at=NOON)
    save(store, [listing("bwb:3", "Markt, neu")], key="bwb_2.json", processed_at=EVENING)
    newer = [listing("bwb:1", "Umzug"), listing("bwb:2", "Konzert, neu"), listing("bwb:3", "Markt, alt"), listing("bwb:4", "Lesung")]  # fmt: skip

    done = save(store, newer, key="bwb_3.json", processed_at="2026-02-11T13:00:00.000000Z")

    assert (done.listings, done.stored, done.unchanged, done.superseded) == (4, 2, 1, 1)
    assert done.generation == 3
    assert rows(store.engine, "SELECT id, generation FROM source_events ORDER BY id") == [("1", 1), ("2", 3), ("3", 2), ("4", 3)]  # fmt: skip
    with store.reading() as connection:
        shown = show_file(connection, done.file_id)
    assert shown is not None
    assert (shown["stored"], shown["unchanged"], shown["superseded"], shown["generation"]) == (2, 1, 1, 3)


def test_what_changes_no_event_raises_no_generation(store: Store) -> None:
    save(store, [listing("bwb:1", "Umzug")], key="bwb_1.json", processed_at=MORNING)

    equal = save(store, [listing("bwb:1", "Umzug")], key="bwb_2.json", processed_at=NOON, content="x")
    unread = save(store, [listing("bwb:1", "Umzug")], key="bwb_3.json", processed_at=EVENING, raw={"_extracted_at": 5})  # fmt: skip
    empty = save(store, [], key="bwb_4.json")

    assert [(one.status, one.unchanged, one.generation) for one in (equal, unread, empty)] == [
        ("stored", 1, None),
        ("stored", 1, None),
        ("stored", 0, None),
    ]
    assert store.generations() == (1, 0)
    assert rows(store.engine, "SELECT raw->>'_extracted_at', generation FROM source_events") == [("5", 1)]


def test_a_file_that_fails_in_the_middle_leaves_nothing(store: Store) -> None:
    save(store, [listing("bwb:1", "Umzug")])
    before = contents(store.engine, without=())
    upload = Upload("uploads", "bwb_2.json", "", None, "f" * 64, 10)
    events = store.snapshot().events.drop("normaliser")

    with pytest.raises(DatabaseError, match="u0000"):
        store.save_file(
            upload,
            source_code="bwb",
            processed_at=EVENING,
            events=events,
            raw=events["title"].str.replace(".*", '{"title": "\\u0000"}'),
            rejected=[Rejection("bwb_2.json", 1, "title", "is missing")],
            listings=2,
            normaliser="rules-1",
        )

    assert contents(store.engine, without=()) == before


def test_a_listing_that_stands_twice_in_one_file_is_refused_by_name_before_anything_is_written(
    store: Store,
) -> None:
    twice = [listing("bwb:1", "Umzug"), listing("bwb:2", "Konzert"), listing("bwb:1", "Umzug um zwei")]

    with pytest.raises(ValueError, match="bwb:1 stands twice"):
        save(store, twice)

    after = contents(store.engine, without=())
    assert {table for table in after if after[table]} == {"generations"}
    assert store.generations() == (0, 0)


def test_an_error_of_sql_quotes_no_values(store: Store) -> None:
    with pytest.raises(DBAPIError) as raised, store.engine.begin() as connection:
        connection.execute(text("INSERT INTO redirects VALUES (:a, 'ev_1', :b)"), {"a": "Geheim", "b": None})

    assert "Geheim" not in str(raised.value).split("[SQL")[1]


def test_without_versions_an_upload_is_known_by_its_content(store: Store) -> None:
    save(store, [listing("bwb:1", "Umzug")], version="null", sequencer="1")

    changed = save(store, [listing("bwb:1", "Umzug, neu")], version="null", sequencer="2")
    again = save(store, [listing("bwb:1", "Umzug, neu")], version="", sequencer="2")

    assert (changed.already, changed.stored) == (False, 1)
    assert again.already


def test_a_file_that_is_put_back_as_it_was_holds_again(store: Store) -> None:
    """A folder keeps no versions: the same key with the same bytes, written later than what came between."""
    save(store, [listing("bwb:1", "Umzug")], sequencer="1")
    save(store, [listing("bwb:1", "Umzug, neu")], sequencer="2")

    late = save(store, [listing("bwb:1", "Umzug")], sequencer="1")
    held = current(store)
    back = save(store, [listing("bwb:1", "Umzug")], sequencer="3")
    again = save(store, [listing("bwb:1", "Umzug")], sequencer="4")

    assert (late.already, held[0][2]) == (True, "Umzug, neu")
    assert (back.already, back.status, back.stored, back.generation) == (False, "stored", 1, 3)
    assert (again.already, again.generation) == (True, 3)
    assert [row[2] for row in current(store)] == ["Umzug"]
    assert store.generations() == (3, 0)
    assert rows(store.engine, "SELECT status, sequencer FROM files ORDER BY 2") == [("stored", "2"), ("stored", "4")]  # fmt: skip


def test_a_version_of_an_object_is_known_by_its_version_not_by_its_content(store: Store) -> None:
    save(store, [listing("bwb:1", "Umzug")], version="v1", sequencer="1")

    second = save(store, [listing("bwb:1", "Umzug, neu")], version="v2", sequencer="2")
    late = save(store, [listing("bwb:1", "Umzug")], version="v1", sequencer="1")

    assert (second.stored, second.generation) == (1, 2)
    assert (late.already, late.generation) == (True, 1)
    assert [row[2] for row in current(store)] == ["Umzug, neu"]


def test_a_version_that_the_sweep_announced_takes_its_place_when_its_own_announcement_comes(
    store: Store,
) -> None:
    """The sweep does not know sequencers, so what it finds counts as old until S3 says when it was written."""
    save(store, [listing("bwb:1", "Umzug, neu")], version="v2", sequencer=None)
    save(store, [listing("bwb:1", "Umzug")], version="v1", sequencer="1")

    late = save(store, [listing("bwb:1", "Umzug, neu")], version="v2", sequencer="2")
    swept = save(store, [listing("bwb:1", "Umzug, neu")], version="v2", sequencer=None)

    assert (late.already, late.stored) == (False, 1)
    assert swept.already
    assert [row[2] for row in current(store)] == ["Umzug, neu"]
    assert rows(store.engine, "SELECT version, sequencer FROM files ORDER BY 1") == [("v1", "1"), ("v2", "2")]


REASON = "is not JSON"


def quarantine(store: Store, sha256: str = "a" * 64) -> int:
    upload = Upload("uploads", "bwb_1.json", "", None, sha256, 10)
    return store.save_quarantined(
        upload, Rejection("bwb_1.json", None, None, REASON), source_code="bwb"
    ).file_id


def test_a_bad_file_is_recorded_once_with_its_reason(store: Store) -> None:
    numbers = {quarantine(store), quarantine(store)}

    (number,) = numbers
    with store.reading() as connection:
        shown = show_file(connection, number)
    assert shown is not None
    assert (shown["status"], shown["reason"], shown["rejected"]) == ("quarantined", REASON, 1)
    assert [(r["index"], r["reason"]) for r in shown["rejections"]] == [(None, REASON)]
    assert store.generations() == (0, 0)


def test_a_bad_file_can_be_replayed_and_fail_again_and_be_replayed_again(store: Store) -> None:
    first = quarantine(store)

    assert store.mark_replayed(first)
    assert not store.mark_replayed(first)
    second = quarantine(store)
    assert store.mark_replayed(second)
    mended = save(store, [listing("bwb:1", "Umzug")])

    assert first != second
    assert mended.status == "stored"
    assert rows(store.engine, "SELECT status, reason FROM files ORDER BY file_id") == [
        ("replayed", REASON),
        ("replayed", REASON),
        ("stored", None),
    ]
    assert not store.mark_replayed(mended.file_id)


def test_a_replayed_file_is_not_known_until_it_is_ingested(store: Store) -> None:
    """Or the sweep would never find it when the replay was cut off half-way."""
    number = quarantine(store)

    known = store.known_objects("uploads")
    store.mark_replayed(number)

    assert len(known) == 1
    assert store.known_objects("uploads") == set()
    assert store.recall(Upload("uploads", "bwb_1.json", "", None, "a" * 64, 10)) is None


def test_rejections_are_kept_with_what_was_refused(store: Store) -> None:
    upload = Upload("uploads", "bwb_1.json", "", None, "a" * 64, 10)
    refused = [
        Rejection("bwb_1.json", 0, "title", "is missing", "pdf-1", b'{"id": "pdf-1", "x": "\\\\N"}'),
        Rejection("bwb_1.json", 3, None, "is nested 100,000 levels deep"),
        Rejection("bwb_1.json", 4, "id", "found 'a\\nb'", None, b"\\N"),
    ]

    done = store.save_file(
        upload,
        source_code="bwb",
        processed_at=None,
        events=store.snapshot().events.drop("normaliser"),
        raw=pl.Series("raw", [], dtype=pl.String),
        rejected=refused,
        listings=3,
        normaliser="rules-1",
    )

    with store.reading() as connection:
        shown = show_file(connection, done.file_id)
    assert shown is not None
    kept = [(r["index"], r["field"], r["reason"], r["listing_id"], r["listing"]) for r in shown["rejections"]]
    assert kept == [(r.index, r.field, r.reason, r.listing_id, r.listing) for r in refused]
    assert (done.stored, done.rejected, done.generation) == (0, 3, None)
