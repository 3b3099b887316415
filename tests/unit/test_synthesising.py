"""Synthesising: the best of all listings, never less than one of them, each value with its origin.

One frame holds many clusters, since a call costs the same for one as for a hundred: a law is tried on all of them at once.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import chain, combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_core.chosen_places import KEYS, MOST_WEIGHED, PLACE_FIELDS
from dedup_core.errors import InvalidPolicy
from dedup_core.events import EVENT_SCHEMA
from dedup_core.policy import Synthesis, default_policy, parse_policy
from dedup_core.synthesising import CHOSEN_FIELDS, FIELDS, UNIONS, synthesise
from tests.unit.listings import events, listing, occurrence

Row = dict[str, Any]

POLICY = default_policy().synthesis.model_copy(update={"sources": {"trusted": 1.0}})
NO_TEMPLATES = POLICY.model_copy(update={"template_titles": 1_000_000})
NORTH, FAR_NORTH = 48.09, 48.59  # 55 km apart, the policy's limit is 2


def sometimes(*values: object) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


day = st.sampled_from(["2026-05-02", "2026-05-03", "2026-05-04"])
dates = st.lists(
    st.builds(
        occurrence,
        day,
        sometimes("00:00", "00:30", "18:15", "20:00", "24:30"),
        sometimes("23:00"),
        sometimes("2026-05-04", "2026-05-05"),
    ),
    min_size=1,
    max_size=3,
)
place = st.fixed_dictionaries(
    {
        "city_key": sometimes("waldkirch", "emmendingen"),
        "district_key": sometimes("kollnau", "buchholz"),
        "venue_key": sometimes("festhalle", "mediathek"),
        "street_key": sometimes("weg", "gasse"),
        "latitude": sometimes(NORTH, FAR_NORTH),
        "geo_confidence": st.sampled_from([None, 0.1, 0.9]),
        "zipcode": sometimes("79183"),
        "street_no": sometimes("1", "2"),
        "country": sometimes("DEU"),
    }
)
words = st.none() | st.lists(st.sampled_from(["Tanz", "tanz", "Wein", "Äpfel"]), min_size=1, max_size=3)
texts = sometimes("kurz", "ein längerer Text", "noch ein viel längerer Text")
flag = st.none() | st.booleans()
rest = st.fixed_dictionaries(
    {
        "source_code": st.sampled_from(["bwb", "trusted"]),
        "title": st.sampled_from(["Hock", "HOCK IM DORF", "Dorfhock", "dorfhock"]),
        "markers": sometimes("cancelled", "moved sold_out", "late"),
        "previous_day": sometimes(date(2026, 5, 2), date(2026, 5, 3)),
        "description": texts,
        "short_description": texts,
        "registration_contact": texts,
        "highlights": words,
        "categories": words,
        "event_dates": dates,
        "source_type": sometimes("artikel", "terminliste"),
        "confidence_score": st.none() | st.floats(0, 1),
        **dict.fromkeys(
            ("is_family_event", "is_child_focused", "admission_free", "registration_required"), flag
        ),
    }
)


def comparable(given_place: Row, others: Row) -> Row:
    """Complete a drawn listing: names beside their keys, coordinates whole or not at all."""
    row: Row = dict.fromkeys(EVENT_SCHEMA) | given_place | others
    row |= {field: row[f"{field}_key"] for field in ("city", "district", "venue", "street")}
    row |= {
        "longitude": None if row["latitude"] is None else 7.96,
        "geo_confidence": None if row["latitude"] is None else row["geo_confidence"],
    }
    return row | {"title_words": row["title"].lower()}


listings = st.builds(comparable, place, rest)
clusters = st.lists(listings, min_size=1, max_size=5)


def frame_of(groups: Sequence[Sequence[Row]]) -> tuple[pl.DataFrame, np.ndarray[Any, np.dtype[np.uint32]]]:
    """Lay out clusters as the stages do: sorted by identity, labelled by the lowest row."""
    numbered = [
        {**row, "id": f"{group:03}-{number:03}", "group": group}
        for group, rows in enumerate(groups)
        for number, row in enumerate(rows)
    ]
    frame = pl.DataFrame(numbered, schema={**EVENT_SCHEMA, "group": pl.Int64}).sort("source_code", "id")
    labels = frame.with_row_index().select(pl.col("index").min().over("group")).to_series().to_numpy()
    return frame.drop("group"), labels


def synthesised(groups: Sequence[Sequence[Row]], policy: Synthesis = POLICY) -> list[Row]:
    """Synthesise clusters and return them in the order given, each with the identities of its members."""
    frame, labels = frame_of(groups)
    canonical = synthesise(frame, labels, policy=policy)
    found = {frame["id"][event["members"][0]][:3]: event for event in canonical.to_dicts()}
    return [found[f"{group:03}"] for group in range(len(groups))]


def one_event(*rows: Row) -> Row:
    """Synthesise rows, normalised as the product does it, as one cluster."""
    frame = events(*(listing(f"s{number}:{number}", **row) for number, row in enumerate(rows)))
    return synthesise(frame, np.zeros(len(rows), np.uint32), policy=POLICY).row(0, named=True)


def moments(occurrences: Iterable[Row]) -> set[tuple[date, str]]:
    """Name the starts of occurrences so that Friday 24:30 is Saturday 00:30; 00:00 without an end is no start."""
    found = set()
    for o in occurrences:
        start = o["start_time"]
        if start is None or (start == "00:00" and o["end_time"] in (None, "00:00")):
            continue
        late = start >= "24:00"
        clock = f"{int(start[:2]) - 24:02}{start[2:]}" if late else start
        found.add((o["date"] + timedelta(days=late), clock))
    return found


def days(occurrences: Iterable[Row]) -> set[date]:
    """List all days that occurrences touch; a start in the small hours touches the evening before, and 24:30 the day after."""
    found = set()
    for o in occurrences:
        start, last = o["start_time"] or "12:00", o["end_date"] or o["date"]
        first = o["date"] - timedelta(days="00:00" < start < "05:00")
        last = max(last, o["date"] + timedelta(days=start >= "24:00"))
        found |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
    return found


def lowered(values: list[str] | None) -> set[str]:
    return {value.lower() for value in values or []}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(clusters, listings), min_size=1, max_size=12))
def test_another_source_never_makes_an_event_poorer(cases: list[tuple[list[Row], Row]]) -> None:
    # A day from which an event was moved is lost on purpose; another test shows it.
    unmoved = [[{**row, "previous_day": None} for row in (*rows, added)] for rows, added in cases]

    before = synthesised([rows[:-1] for rows in unmoved], NO_TEMPLATES)
    after = synthesised(unmoved, NO_TEMPLATES)

    for old, new in zip(before, after, strict=True):
        assert not [f for f in CHOSEN_FIELDS if old[f] is not None and new[f] is None]
        for field in ("description", "short_description"):
            assert len(new[field] or "") >= len(old[field] or "")
        for field in ("highlights", "categories"):
            assert lowered(new[field]) >= lowered(old[field])
        # The hour of the doors gives way to that of the beginning.
        assert {day for day, _ in moments(new["event_dates"])} >= {
            day for day, _ in moments(old["event_dates"])
        }
        assert days(new["event_dates"]) >= days(old["event_dates"])
        if old["city"] in (None, new["city"]):
            assert sum(new[f] is not None for f in PLACE_FIELDS) >= sum(
                old[f] is not None for f in PLACE_FIELDS
            )


@settings(deadline=None, max_examples=40)
@given(st.lists(clusters, min_size=1, max_size=12))
def test_each_value_is_that_of_the_member_that_it_names(groups: list[list[Row]]) -> None:
    frame, labels = frame_of(groups)

    canonical = synthesise(frame, labels, policy=POLICY)

    rows = frame.to_dicts()
    assert sorted(chain.from_iterable(canonical["members"])) == list(range(frame.height))
    for event in canonical.iter_rows(named=True):
        assert event["label"] == min(event["members"])
        for field in set(FIELDS) - set(UNIONS):
            origin = event[f"from_{field}"]
            assert (origin is None) == (event[field] is None), field
            assert origin is None or (origin in event["members"] and rows[origin][field] == event[field])
        for field in UNIONS:
            named = event[f"all_from_{field}"]
            assert (named or [None])[0] == event[f"from_{field}"]
            assert set(named or []) <= set(event["members"])
        for field in ("highlights", "categories"):
            given_there = [
                value for origin in event[f"all_from_{field}"] or [] for value in rows[origin][field]
            ]
            assert lowered(event[field]) == lowered(given_there)
        if event["previous_date"] is not None:
            assert rows[event["from_previous_date"]]["previous_day"] == event["previous_date"]
        if event["status"] != "scheduled":
            assert event["status"] in rows[event["from_status"]]["markers"]


@settings(deadline=None, max_examples=40)
@given(st.lists(listings, min_size=1, max_size=12))
def test_a_cluster_of_one_is_its_listing(rows: list[Row]) -> None:
    frame, labels = frame_of([[row] for row in rows])

    canonical = synthesise(frame, labels, policy=POLICY)

    assert canonical.select(*FIELDS).rows() == frame.select(*FIELDS).rows()
    assert canonical["previous_date"].to_list() == frame["previous_day"].to_list()


@settings(deadline=None, max_examples=20)
@given(st.lists(clusters, min_size=2, max_size=8))
def test_clusters_do_not_mix(groups: list[list[Row]]) -> None:
    together = synthesised(groups, NO_TEMPLATES)

    for group, event in zip(groups, together, strict=True):
        (alone,) = synthesised([group], NO_TEMPLATES)
        values = [*FIELDS, "status", "previous_date", "first_day", "last_day", "n_sources"]
        assert {f: alone[f] for f in values} == {f: event[f] for f in values}


def contradict(one: Row, other: Row) -> bool:
    """Say, as a person would, whether two listings of a town can't be of one place."""
    if any(one[key] and other[key] and one[key] != other[key] for key in KEYS[:-1]):
        return True
    sure = all(row["latitude"] and (row["geo_confidence"] or 0) >= POLICY.sure_geo for row in (one, other))
    return sure and one["latitude"] != other["latitude"]


@settings(deadline=None, max_examples=60)
@given(st.lists(clusters, min_size=1, max_size=12))
def test_a_place_is_the_most_complete_of_listings_that_do_not_contradict_each_other(
    groups: list[list[Row]],
) -> None:
    together = synthesised(groups)

    for rows, event in zip(groups, together, strict=True):
        named = [row["city_key"] for row in rows if row["city_key"]]
        assert event["city"] is None or named.count(event["city"]) == max(map(named.count, named))
        town = [row for row in rows if row["city_key"] in (None, event["city"])]
        agreeing = [
            subset
            for size in range(1, len(town) + 1)
            for subset in combinations(town, size)
            if not any(contradict(*pair) for pair in combinations(subset, 2))
        ]

        best = max(
            sum(any(row[f] is not None for row in subset) for f in PLACE_FIELDS) for subset in agreeing
        )
        assert sum(event[f] is not None for f in PLACE_FIELDS) == best
        assert any(
            all(event[f] is None or event[f] in [row[f] for row in subset] for f in PLACE_FIELDS)
            for subset in agreeing
        )


def test_a_huge_cluster_of_places_at_odds_costs_no_more_than_its_most_complete_listings() -> None:
    odd = [
        comparable(
            dict.fromkeys(("city_key", "district_key", "venue_key", "street_key", "latitude"))
            | {("district_key", "venue_key", "street_key")[n % 3]: f"name {n}", "geo_confidence": None},
            {"source_code": "bwb", "title": "Hock", "event_dates": [occurrence("2026-05-02")]},
        )
        for n in range(40 * MOST_WEIGHED)
    ]

    (event,) = synthesised([odd])

    assert [event[f] is not None for f in ("district", "venue", "street")] == [True, True, True]


def test_the_town_is_the_one_that_most_name() -> None:
    event = one_event(
        {"title": "Lesung", "city": "Emmendingen", "venue": "Mediathek", "street": "Weg", "zipcode": "79312"},
        {"title": "Lesung", "city": "Waldkirch"},
        {"title": "Lesung", "city": "Waldkirch", "venue": "Festhalle"},
    )

    assert (event["city"], event["venue"], event["street"]) == ("Waldkirch", "Festhalle", None)


def test_a_gap_is_filled_from_another_listing_of_the_venue_and_the_surest_coordinates_hold() -> None:
    def guess(latitude: float, confidence: float) -> Row:
        return {"latitude": latitude, "longitude": 7.96, "geo_confidence": confidence}

    event = one_event(
        {
            "title": "Jazz",
            "city": "Waldkirch",
            "venue": "Stadthalle",
            "street": "Weg",
            "street_no": "1",
            **guess(48.5, 0.3),
        },
        {
            "title": "Jazz",
            "city": "Waldkirch",
            "venue": "Stadthalle Waldkirch",
            "zipcode": "79183",
            **guess(48.09, 0.9),
        },
    )

    assert (event["street"], event["street_no"], event["zipcode"]) == ("Weg", "1", "79183")
    assert (event["latitude"], event["geo_confidence"], event["from_latitude"]) == (48.09, 0.9, 1)


def test_the_upstreams_town_is_shown_where_it_is_sure() -> None:
    sure = {"city": "Waldkrich", "sanitized_city": "Waldkirch", "sanitized_confidence": 0.95}
    unsure = {"city": "Kollnau", "sanitized_city": "Köln", "sanitized_confidence": 0.4}

    assert one_event({"title": "Hock", **sure})["city"] == "Waldkirch"
    assert one_event({"title": "Hock", **unsure})["city"] == "Kollnau"


def test_the_title_is_a_name_without_marker_not_a_headline_and_not_shouted() -> None:
    event = one_event(
        {"title": "Närrisches Treiben lockt Tausende an", "source_type": "artikel"},
        {"title": "FASNETUMZUG", "source_type": "terminliste"},
        {"title": "Fasnetumzug – abgesagt!", "source_type": "terminliste"},
        {"title": "Fasnetumzug", "source_type": "anzeige"},
    )

    assert event["title"] == "Fasnetumzug"
    assert event["status"] == "cancelled"


@pytest.mark.parametrize(
    "evening", ["Die Nordlichter + Support: Lena Winter", "Die Nordlichter feat. Lena Winter"]
)
def test_the_support_act_gives_no_title_where_another_title_names_it(evening: str) -> None:
    event = one_event(
        {"title": "Lena Winter", "source_type": "terminliste"}, {"title": evening, "source_type": "anzeige"}
    )
    alone = one_event(
        {"title": "Lena Winter", "source_type": "terminliste"},
        {"title": "Lena Winter + Support: Miu", "source_type": "anzeige"},
    )

    assert event["title"] == evening
    assert alone["title"] == "Lena Winter"


def test_a_title_keeps_its_marker_where_no_listing_has_it_without() -> None:
    event = one_event({"title": "Fasnetumzug – entfällt!"}, {"title": "ABGESAGT: FASNETUMZUG"})

    assert event["title"] == "Fasnetumzug – entfällt!"


EVE = "2026-05-02"


def starts_of(*listed: Row) -> list[tuple[str | None, str | None]]:
    """Synthesise one event of listings and return its starts and ends."""
    event = one_event(*({"title": "Karpaten Nacht"} | row for row in listed))
    return [(o["start_time"], o["end_time"]) for o in event["event_dates"]]


def at(start: str | None, end: str | None = None, **fields: Any) -> Row:
    return {"event_dates": [occurrence(EVE, start, end)], **fields}


def test_doors_give_way_to_the_beginning_and_a_missing_start_to_a_known_one() -> None:
    event = one_event(
        {"title": "Karpaten Nacht", **at("18:15")},
        {"title": "Karpaten Nacht", **at("21:00", "23:00")},
        {"title": "Karpaten Nacht", **at(None)},
        {"title": "Karpaten Nacht", **at("00:00")},
    )

    assert event["event_dates"] == [occurrence(EVE, "21:00", "23:00")]
    assert event["from_event_dates"] == 1
    assert event["all_from_event_dates"] == [1]


def test_the_beginning_is_no_doors_then_what_most_tell_then_the_later() -> None:
    doors = at("19:00", description="Einlass 19 Uhr")
    begins = at("20:00", description="Musik und Tanz. Beginn 19 Uhr")

    assert starts_of(at("19:00"), at("20:00")) == [("20:00", None)]
    assert starts_of(at("19:00"), at("20:00"), at("19:00")) == [("19:00", None)]
    assert starts_of(at("19:00"), at("20:00"), doors) == [("20:00", None)]
    assert starts_of(at("19:00"), begins) == [("19:00", None)]
    assert starts_of(at("20:00", description="Einlass 20 Uhr"), at("19:30"), at("20:30")) == [("20:30", None)]


def test_the_doors_give_an_end_where_the_beginning_has_none_and_are_named_for_it() -> None:
    event = one_event(
        {"title": "Karpaten Nacht", **at("18:15", "24:00")}, {"title": "Karpaten Nacht", **at("21:00")}
    )

    assert event["event_dates"] == [occurrence(EVE, "21:00", "24:00")]
    assert event["all_from_event_dates"] == [0, 1]
    assert starts_of(at("18:15", "20:00"), at("21:00")) == [("21:00", None)]
    assert starts_of(at("18:15", "23:00"), at("21:00", "22:30")) == [("21:00", "22:30")]


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(
            [{"event_dates": [occurrence(EVE, "18:15"), occurrence(EVE, "21:00")]}, at("18:15"), at("21:00")],
            id="a listing of both",
        ),
        pytest.param(
            [at("18:15", source_code="kal"), at("21:00", source_code="kal")], id="a source of both one by one"
        ),
        pytest.param([at("15:00"), at("20:00")], id="hours apart"),
        pytest.param([at("10:00", "18:00"), at("13:00")], id="in a window that is open by day"),
        pytest.param([at("18:15"), at("21:00", title="Karpaten Nacht (Late Show)")], id="the late show"),
        pytest.param(
            [at("10:00"), {"event_dates": [occurrence(EVE, "09:00", last="2026-05-10")]}], id="every day"
        ),
    ],
)
def test_several_starts_are_kept(listed: list[Row]) -> None:
    written = {o["start_time"] for row in listed for o in row["event_dates"]}

    assert {start for start, _ in starts_of(*listed)} == written


def test_a_range_gives_way_only_to_a_start_that_lasts_as_long() -> None:
    run = occurrence("2026-05-02", last="2026-05-30")
    opening = occurrence("2026-05-02", "19:00")
    hours = occurrence("2026-05-02", "10:00", "18:00", "2026-05-30")

    kept = one_event({"title": "Schau", "event_dates": [run]}, {"title": "Schau", "event_dates": [opening]})
    gone = one_event({"title": "Schau", "event_dates": [run]}, {"title": "Schau", "event_dates": [hours]})

    assert kept["event_dates"] == [opening, run]
    assert gone["event_dates"] == [hours]
    assert kept["last_day"] == gone["last_day"] == date(2026, 5, 30)


def test_half_past_midnight_is_one_start_however_it_is_written() -> None:
    event = one_event(
        {"title": "Party", "event_dates": [occurrence("2026-06-19", "24:30")]},
        {"title": "Party", "event_dates": [occurrence("2026-06-20", "00:30", "04:00")]},
    )

    assert event["event_dates"] == [occurrence("2026-06-19", "24:30", "04:00")]


def test_a_moved_event_gives_up_its_day_and_remembers_it() -> None:
    event = one_event(
        {"title": "Jazz im Keller VERLEGT VOM 25.2.", "event_dates": [occurrence("2026-03-04", "20:00")]},
        {"title": "Jazz im Keller", "event_dates": [occurrence("2026-02-25", "20:00")]},
    )

    assert event["status"] == "moved"
    assert event["previous_date"] == date(2026, 2, 25)
    assert event["event_dates"] == [occurrence("2026-03-04", "20:00")]
    assert event["all_from_event_dates"] == [0]


def test_a_cancelled_day_from_which_the_event_was_moved_cancels_nothing() -> None:
    moved = {"title": "Jazz VERLEGT VOM 25.2.", "event_dates": [occurrence("2026-03-04", "20:00")]}
    old = {"title": "Jazz – abgesagt!", "event_dates": [occurrence("2026-02-25", "20:00")]}
    new = {"title": "Jazz – abgesagt!", "event_dates": [occurrence("2026-03-04", "20:00")]}

    assert one_event(moved, old)["status"] == "moved"
    assert one_event(moved, new)["status"] == "cancelled"


def test_words_stand_by_how_many_say_them_then_by_alphabet() -> None:
    event = one_event(
        {"title": "Hock", "categories": ["Wein", "tanz"]},
        {"title": "Hock", "categories": ["Tanz", "Bier"]},
        {"title": "Hock", "categories": ["Bier", "TANZ", "Apfel"]},
    )

    assert event["categories"] == ["tanz", "Bier", "Apfel", "Wein"]
    assert event["all_from_categories"] == [2, 0, 1]


def test_spellings_of_one_word_are_one_as_most_write_it_and_with_its_umlauts_where_as_many_do() -> None:
    event = one_event(
        {"title": "Hock", "categories": ["fuhrung", "Fuehrung", "Live-Musik", "🎵"]},
        {"title": "Hock", "categories": ["Führung", "Live Musik", "Feuer", "🎸"]},
        {"title": "Hock", "categories": ["Live Musik", "Feur"]},
    )

    assert event["categories"] == ["Führung", "Live Musik", "Feuer", "Feur", "🎵", "🎸"]


def test_a_text_under_many_titles_gives_way_to_one_about_this_event() -> None:
    template = "Ein unvergesslicher Abend in unserem schönen Haus, Karten an allen Vorverkaufsstellen."
    groups = [
        [{"title": f"Abend {number}", "description": template}, {"title": f"Abend {number}"}]
        for number in "abcde"
    ]
    groups[0][1] |= {"description": "Lieder von Brahms."}
    rows = [comparable({**EMPTY_PLACE}, {**plain, **BARE}) for group in groups for plain in group]

    few = synthesised([rows[:2], *([row] for row in rows[2:7])])
    many = synthesised([rows[:2], *([row] for row in rows[2:])])

    assert few[0]["description"] == template
    assert many[0]["description"] == "Lieder von Brahms."


EMPTY_PLACE: Row = dict.fromkeys(
    ("city_key", "district_key", "venue_key", "street_key", "latitude", "geo_confidence")
)
BARE: Row = {"source_code": "bwb", "event_dates": [occurrence("2026-05-02")]}


def test_a_trusted_source_decides_what_is_tied() -> None:
    def contact(source_code: str, text: str) -> Row:
        plain = {**BARE, "title": "Hock", "registration_contact": text, "source_code": source_code}
        return comparable({**EMPTY_PLACE}, plain)

    tied = [contact("bwb", "bwb@example.org"), contact("trusted", "trusted@example.org")]
    (event,) = synthesised([tied])
    (outnumbered,) = synthesised([[*tied, contact("bwb", "bwb@example.org")]])

    assert event["registration_contact"] == "trusted@example.org"
    assert outnumbered["registration_contact"] == "bwb@example.org"


@pytest.mark.parametrize(
    ("line", "path"),
    [("description: union", "synthesis.fields.description"), ("title: best", "synthesis.fields.title")],
)
def test_a_strategy_that_does_not_suit_its_field_is_refused_by_its_path(line: str, path: str) -> None:
    field = line.partition(":")[0]
    document = default_policy().model_dump(mode="json")
    document["synthesis"]["fields"][field] = line.partition(": ")[2]

    with pytest.raises(InvalidPolicy, match=path):
        parse_policy(str(document))
