from typing import Any

import pytest
from sqlalchemy import text

from dedup_core.events import Rejection
from infra.store import Store, Upload, reading
from tests.store.uploads import run, save
from tests.unit.listings import listing


def sources(count: int, title: str, day: str, **fields: Any) -> list[dict[str, Any]]:
    """List one event in several sources."""
    return [listing(f"s{number}:{title}", title, day, "20:00", **fields) for number in range(count)]


@pytest.fixture
def calendar(store: Store) -> Store:
    """Give a store of four events: three in Waldkirch, one of them over a week; one in Freiburg, and in three sources."""
    week = listing("s0:week", "Ausstellung Uhren aus dem Schwarzwald", "2026-05-01", city="Waldkirch")
    week["event_dates"][0]["end_date"] = week["event_dates"][0]["date"].replace(day=8)
    save(
        store,
        [
            week,
            *sources(1, "Flohmarkt am Kastelberg", "2026-05-05", city="Waldkirch"),
            *sources(2, "Vortrag über Moorkunde", "2026-05-09", city="Waldkirch"),
            *sources(3, "Jazzkonzert mit dem Bregtal Quintett", "2026-05-05", city="Freiburg"),
        ],
    )
    run(store)
    return store


def titles(store: Store, **asked: Any) -> list[str]:
    with store.reading() as connection:
        return [row["title"].split()[0] for row in reading.list_events(connection, **asked)]


def test_events_are_listed_by_town_and_by_the_days_that_they_touch(calendar: Store) -> None:
    assert titles(calendar, city="Freiburg") == ["Jazzkonzert"]
    assert titles(calendar, city="Waldkirch", since="2026-05-08") == ["Ausstellung", "Vortrag"]
    assert titles(calendar, since="2026-05-06", until="2026-05-08") == ["Ausstellung"]
    assert titles(calendar, until="2026-04-30") == []
    assert titles(calendar, since="2026-05-09", until="2026-05-09") == ["Vortrag"]


def test_pages_follow_each_other_without_a_gap_in_either_order(calendar: Store) -> None:
    for order in (reading.SOONEST_FIRST, reading.MOST_SOURCES_FIRST):
        whole = titles(calendar, order=order)
        pages = [titles(calendar, order=order, limit=1, offset=page) for page in range(5)]

        assert [title for page in pages for title in page] == whole
    assert titles(calendar, order=reading.MOST_SOURCES_FIRST)[:2] == ["Jazzkonzert", "Vortrag"]
    assert titles(calendar)[0] == "Ausstellung"


def test_the_overview_counts_what_there_is(calendar: Store) -> None:
    upload = Upload("uploads", "bad.json", "", None, "0" * 64, 10)
    calendar.save_quarantined(upload, Rejection("bad.json", None, None, "not JSON"), source_code=None)

    with calendar.reading() as connection:
        counts = reading.overview(connection)

    assert {name: counts[name] for name in ("files", "quarantined", "listings", "rejected")} == {
        "files": 1,
        "quarantined": 1,
        "listings": 7,
        "rejected": 1,
    }
    assert (counts["canonical_events"], counts["merged"], counts["needs_review"]) == (4, 2, 0)
    assert (counts["ingested_generation"], counts["matched_generation"]) == (1, 1)


def test_a_decision_is_found_in_either_order_and_adds_up(calendar: Store) -> None:
    a, b = ("s0", "Vortrag über Moorkunde"), ("s1", "Vortrag über Moorkunde")

    with calendar.reading() as connection:
        found, turned = (
            reading.stored_decision(connection, a, b),
            reading.stored_decision(connection, b, a),
        )

    assert found is not None
    assert found == turned
    assert found["decision"] == "match"
    parts = [found[part] or 0 for part in ("prior", "title", "date", "time", "city", "geo", "venue")]
    parts += [found[part] or 0 for part in ("street", "description", "categories", "source", "cap")]
    assert sum(parts) == pytest.approx(found["weight"], abs=0.001)


def test_what_is_not_there_is_null_and_no_error(calendar: Store) -> None:
    with calendar.reading() as connection:
        assert reading.show_event(connection, "ev_nobody") is None
        assert reading.event_of(connection, "s0", "nothing") is None
        assert reading.show_listing(connection, "s0", "nothing") is None
        assert reading.show_file(connection, 10**12) is None
        assert reading.stored_decision(connection, ("s0", "x"), ("s1", "x")) is None


def test_an_answered_question_is_not_asked_again_until_the_answer_is_taken_back(store: Store) -> None:
    early = listing("a:1", "Nussknacker Ballett", "2026-12-05", city="Freiburg", venue="Konzerthaus")
    late = listing("b:1", "Der Nussknacker", "2026-12-05", "19:00", city="Freiburg", venue="Paulussaal")
    save(store, [early, late])
    run(store)
    set_ambiguous(store)

    def asked() -> int:
        with store.reading() as connection:
            return len(reading.questions(connection))

    before = asked()
    sequence = store.give_verdict("cannot_link", ("b", "1"), ("a", "1"), author="eva")
    answered = asked()
    store.take_back(sequence, author="eva")

    assert (before, answered, asked()) == (1, 0, 1)


def set_ambiguous(store: Store) -> None:
    """Put one open question into the store, whatever the policy thinks of the pair."""
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM decisions"))
        connection.execute(
            text(
                "INSERT INTO decisions (a_source_code, a_id, b_source_code, b_id, weight, score, decision) "
                "VALUES ('a', '1', 'b', '1', 0.5, 0.6, 'ambiguous')"
            )
        )


def test_what_was_rejected_of_a_file_is_shown_in_pages(store: Store) -> None:
    upload = Upload("uploads", "bwb_1.json", "", None, "1" * 64, 10)
    done = store.save_quarantined(upload, Rejection("bwb_1.json", None, None, "x"), source_code="bwb")

    with store.reading() as connection:
        whole, second = (
            reading.show_file(connection, done.file_id),
            reading.show_file(connection, done.file_id, limit=1, offset=1),
        )

    assert whole is not None
    assert second is not None
    assert [row["reason"] for row in whole["rejections"]] == ["x"]
    assert second["rejections"] == []
