import json
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.errors import UnreadableFile
from dedup_core.events import LISTING_SCHEMA
from dedup_core.listing import EXPECTED
from dedup_core.parsing import parse
from dedup_core.policy import default_policy
from dedup_core.validating import Validated, source_code_of, validate
from tests.unit.test_raw_listing import any_json

INTAKE = default_policy().intake

TEXTS = (
    "short_description",
    "description",
    "source_type",
    "registration_contact",
)
FLAGS = ("is_family_event", "is_child_focused", "admission_free", "registration_required")

text = st.text(st.sampled_from(" \t\u200b\u00a0aä\\\"'<&🎭\n"), max_size=6)
share = st.floats(0, 1) | st.integers(0, 1)
days = st.dates(date(1900, 1, 1), date(2099, 12, 31))
times = st.builds("{:02}:{:02}".format, st.integers(0, 29), st.integers(0, 59))


def partial(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Give objects in which each field may be missing, null, or one of its values."""
    return st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in fields.items()})


@st.composite
def occurrences(draw: st.DrawFn) -> dict[str, Any]:
    first = draw(days)
    rest = draw(partial(start_time=times | text, end_time=times | text, end_date=st.integers(0, 300)))
    if rest.get("end_date") is not None:
        rest["end_date"] = str(first + timedelta(days=rest["end_date"]))
    return {"date": str(first), **rest}


locations = partial(
    name=text,
    city=text,
    district=text,
    street=text,
    street_no=text | st.integers(0, 300),
    zipcode=text | st.integers(1000, 99999),
    _sanitizeResult=partial(city=text, district=text, confidence=share),
    geo=partial(
        latitude=st.floats(-90, 90) | st.just(0),
        longitude=st.floats(-180, 180) | st.just(0),
        confidence=share,
        country=text,
    ),
)
listings = st.builds(
    lambda required, optional: required | optional,
    st.fixed_dictionaries(
        {
            "id": st.integers(0, 10**9) | st.text("ab -ä", min_size=1, max_size=9).filter(str.strip),
            "title": text.map(lambda title: f"{title}Umzug{title}"),
            "event_dates": st.lists(occurrences(), min_size=1, max_size=3),
        }
    ),
    partial(
        **dict.fromkeys(TEXTS, text),
        **dict.fromkeys(FLAGS, st.booleans()),
        highlights=st.lists(st.none() | text, max_size=3),
        categories=st.lists(st.none() | text, max_size=3),
        location=locations,
        confidence_score=share,
        _unknown=st.integers() | st.integers(10**38, 10**60) | text,
    ),
)


def taken_in(*given: object) -> Validated:
    content = json.dumps({"events": given}).encode()
    return validate(parse(content, intake=INTAKE), file="bwb_x.json", source_code="bwb", intake=INTAKE)


def simple(listing_id: object = "a", **fields: object) -> dict[str, Any]:
    return {"id": listing_id, "title": "Umzug", "event_dates": [{"date": "2026-02-12"}], **fields}


def trimmed(given: Any) -> str | None:
    kept = None if given is None else str(given).strip()
    return kept if kept and kept.strip("\u200b \t\n\u00a0") else None


def all_trimmed(given: list[str | None] | None) -> list[str] | None:
    return list(dict.fromkeys(kept for kept in map(trimmed, given or []) if kept)) or None


def clock(given: str | None) -> str | None:
    return given if given is not None and len(given) == 5 and given[2] == ":" else None


def as_row(given: dict[str, Any]) -> dict[str, Any]:
    """Read a valid listing in plain Python: the twin of what the columns do."""
    location = given.get("location") or {}
    sanitized, geo = location.get("_sanitizeResult") or {}, location.get("geo") or {}
    latitude, longitude = geo.get("latitude"), geo.get("longitude")
    placed = None not in (latitude, longitude) and (latitude, longitude) != (0, 0)
    return {
        "source_code": "bwb",
        **{name: trimmed(given.get(name)) for name in ("id", "title", *TEXTS)},
        **{name: all_trimmed(given.get(name)) for name in ("highlights", "categories")},
        **{name: given.get(name) for name in (*FLAGS, "confidence_score")},
        "event_dates": [
            {
                "date": date.fromisoformat(entry["date"]),
                "start_time": clock(entry.get("start_time")),
                "end_time": clock(entry.get("end_time")),
                "end_date": date.fromisoformat(entry["end_date"]) if entry.get("end_date") else None,
            }
            for entry in given["event_dates"]
        ],
        "venue": trimmed(location.get("name")),
        **{
            name: trimmed(location.get(name))
            for name in ("city", "district", "street", "street_no", "zipcode")
        },
        "sanitized_city": trimmed(sanitized.get("city")),
        "sanitized_district": trimmed(sanitized.get("district")),
        "sanitized_confidence": sanitized.get("confidence"),
        "latitude": latitude if placed else None,
        "longitude": longitude if placed else None,
        "geo_confidence": geo.get("confidence") if placed else None,
        "country": trimmed(geo.get("country")),
    }


@given(given=st.lists(listings, max_size=5, unique_by=lambda listing: str(listing["id"]).strip()))
def test_the_columns_say_what_a_plain_reading_of_the_listings_says(given: list[dict[str, Any]]) -> None:
    validated = taken_in(*given)

    assert not validated.rejections
    assert validated.listings.schema == pl.Schema(LISTING_SCHEMA)
    assert validated.listings.to_dicts() == [
        {name: as_row(one)[name] for name in LISTING_SCHEMA} for one in given
    ]
    assert [json.loads(raw) for raw in validated.raw] == given


@given(data=st.data())
def test_whatever_stands_in_a_field_no_listing_is_lost_and_no_neighbour_harmed(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(EXPECTED)))
    given = data.draw(listings)
    spoilt = put(given, path.split("."), data.draw(any_json)) if path else data.draw(any_json)

    validated = taken_in(simple("before"), spoilt, simple("after"))

    ids = validated.listings["id"].to_list()
    assert [ids[0], ids[-1]] == ["before", "after"]
    assert validated.listings.height + len(validated.rejections) + validated.duplicates == 3
    assert all(rejection.index == 1 and len(rejection.reason) < 500 for rejection in validated.rejections)


def put(value: Any, path: list[str], new: object) -> Any:
    """Put something at a path, in place of whatever is there."""
    if not path:
        return new
    name, *rest = path
    if name == "*":
        return [put({"date": "2026-02-12"}, rest, new)]
    inside = value if isinstance(value, dict) else {}
    return {**inside, name: put(inside.get(name), rest, new)}


@given(given=st.lists(listings, max_size=6), seed=st.randoms(use_true_random=False))
def test_the_order_of_listings_with_different_ids_makes_no_difference(given: list[Any], seed: Any) -> None:
    given = [*{str(one["id"]).strip(): one for one in given}.values(), simple("bad", title=1), None]
    shuffled = given.copy()
    seed.shuffle(shuffled)

    one, other = taken_in(*given), taken_in(*shuffled)

    assert one.listings.sort("id").equals(other.listings.sort("id"))
    assert {(r.field, r.reason, r.listing) for r in one.rejections} == {
        (r.field, r.reason, r.listing) for r in other.rejections
    }


@given(picked=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["T", "U"])), max_size=9))
def test_of_each_id_the_last_content_is_kept_and_the_rest_accounted_for(
    picked: list[tuple[str, str]],
) -> None:
    validated = taken_in(*(simple(listing_id, title=title) for listing_id, title in picked))

    last = dict(picked)
    equal = sum(last[listing_id] == title for listing_id, title in picked)
    assert dict(validated.listings.select("id", "title").iter_rows()) == last
    assert validated.duplicates == equal - len(last)
    assert [r.index for r in validated.rejections] == [
        index for index, (listing_id, title) in enumerate(picked) if last[listing_id] != title
    ]


def test_a_refused_listing_does_not_take_the_place_of_an_earlier_valid_one() -> None:
    validated = taken_in(simple("a"), simple("a", event_dates=[{"date": "2026-02-30"}]))

    assert validated.listings["id"].to_list() == ["a"]
    assert [rejection.index for rejection in validated.rejections] == [1]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("14:11", "14:11"),
        ("14:11:00", "14:11"),
        ("14:11:59.999", "14:11"),
        ("9:30", "09:30"),
        ("0:00", "00:00"),
        ("24:30", "24:30"),
        ("29:59", "29:59"),
        (" 19.30 Uhr ", "19:30"),
        ("20 Uhr", "20:00"),
        ("20h", "20:00"),
        ("25 UHR", "25:00"),
        ("siehe Website", None),
        ("ab 19:30", None),
        ("20", None),
        ("12.02.2026", None),
        ("2026-02-12T14:11:00", None),
        ("١٢:٣٠", None),
        ("19:30 - 22:00", None),
        ("", None),
        (" ", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("side", ["start_time", "end_time"])
def test_a_time_is_read_or_not_known(given: str | None, read: str | None, side: str) -> None:
    validated = taken_in(simple(event_dates=[{"date": "2026-02-12", side: given}]))

    assert validated.listings["event_dates"].to_list()[0][0][side] == read


@pytest.mark.parametrize(
    "given", ["30:00", "99:99", "12:60", "12:00:60", "30 Uhr", 14, 14.5, True, ["14:11"], {}]
)
def test_a_time_that_can_not_be_refuses_the_listing(given: object) -> None:
    validated = taken_in(
        simple(event_dates=[{"date": "2026-02-12"}, {"date": "2026-02-13", "end_time": given}])
    )

    (rejection,) = validated.rejections
    assert rejection.field == "event_dates.1.end_time"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-02-12", date(2026, 2, 12)),
        (" 2026-02-12\n", date(2026, 2, 12)),
        ("2026-02-12T00:00:00.000Z", date(2026, 2, 12)),
        ("2026-02-12 00:00", date(2026, 2, 12)),
        ("2026-02-12T00:00:00+00:00", date(2026, 2, 12)),
        ("2024-02-29", date(2024, 2, 29)),
        ("1900-01-01", date(1900, 1, 1)),
        ("2100-12-31", date(2100, 12, 31)),
        ("2026-02-29", None),
        ("2026-02-12T23:00:00.000Z", None),
        ("2026-02-12T00:00:00+01:00", None),
        ("2026-2-12", None),
        ("20260212", None),
        ("2026-W07-4", None),
        ("1899-12-31", None),
        ("2101-01-01", None),
        ("-2026-02-12", None),
        ("٢٠٢٦-٠٢-١٢", None),
    ],
)
def test_a_day_is_read_or_refuses_the_listing(given: str, read: date | None) -> None:
    validated = taken_in(simple(event_dates=[{"date": given}]))

    if read is None:
        assert [rejection.field for rejection in validated.rejections] == ["event_dates.0.date"]
    else:
        assert validated.listings["event_dates"].to_list()[0][0]["date"] == read


@pytest.mark.parametrize(
    ("end", "accepted"),
    [
        ("2026-02-12", True),
        ("2029-02-15", True),
        ("2029-02-16", False),
        ("2026-02-11", False),
        (" ", True),
        ("bald", False),
    ],
)
def test_an_event_ends_on_or_after_its_day_and_within_the_limit(end: str, *, accepted: bool) -> None:
    validated = taken_in(simple(event_dates=[{"date": "2026-02-12", "end_date": end}]))

    assert (validated.listings.height, len(validated.rejections)) == ((1, 0) if accepted else (0, 1))


def test_an_end_before_the_start_on_one_day_means_past_midnight() -> None:
    validated = taken_in(
        simple(event_dates=[{"date": "2026-02-12", "start_time": "22:00", "end_time": "03:00"}])
    )

    (occurrence,) = validated.listings["event_dates"].to_list()[0]
    assert (occurrence["start_time"], occurrence["end_time"]) == ("22:00", "03:00")


@pytest.mark.parametrize(
    "geo",
    [
        {"latitude": 48.1},
        {"longitude": 7.9, "latitude": None},
        {"latitude": 0, "longitude": 0},
        {"latitude": -0.0, "longitude": 0.0},
    ],
)
def test_coordinates_that_are_no_place_are_missing_with_their_confidence(geo: dict[str, Any]) -> None:
    validated = taken_in(simple(location={"geo": {**geo, "confidence": 0.9, "country": "DEU"}}))

    found = validated.listings.select("latitude", "longitude", "geo_confidence", "country").row(0)
    assert found == (None, None, None, "DEU")


def test_a_place_on_the_equator_or_on_the_meridian_is_a_place() -> None:
    validated = taken_in(
        simple("a", location={"geo": {"latitude": 0, "longitude": 9.45}}),
        simple("b", location={"geo": {"latitude": 51.48, "longitude": 0}}),
    )

    assert validated.listings.select("latitude", "longitude").rows() == [(0.0, 9.45), (51.48, 0.0)]


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", lambda n: "ü" * n),
        ("location.name", lambda n: "ü" * n),
        ("location.geo.country", lambda n: "ü" * n),
        ("categories", lambda n: ["kurz", "ü" * n]),
    ],
)
def test_the_limit_of_a_text_is_counted_in_characters_and_exact(field: str, value: Any, over: int) -> None:
    validated = taken_in(put(simple(), field.split("."), value(INTAKE.max_text + over)))

    assert [rejection.field for rejection in validated.rejections] == [field] * over


def test_lists_of_texts_keep_their_order_without_blanks_and_repetitions() -> None:
    validated = taken_in(
        simple(categories=["umzug", None, " fasnacht", "", "umzug", "fasnacht ", "\u200b", "a"])
    )

    assert validated.listings["categories"].to_list() == [["umzug", "fasnacht", "a"]]


def test_of_a_list_only_the_first_wrong_entry_is_told() -> None:
    (rejection,) = taken_in(simple(categories=["a", *range(9_000)])).rejections

    assert (rejection.field, rejection.reason) == ("categories.1", "found 0, expected text or null")


def test_one_rejection_names_all_fields_that_are_wrong() -> None:
    validated = taken_in(
        simple(title=5, admission_free="ja", location={"geo": {"latitude": 91, "longitude": 181}}),
        simple("b", event_dates=[{"date": "2026-02-30"}, {"date": "12.2.26", "end_time": "99:99"}]),
    )

    types, rules = validated.rejections
    assert types.field == "title"
    assert types.reason == (
        "found 5, expected text that is not blank; "
        "also wrong: location.geo.latitude, location.geo.longitude, admission_free"
    )
    assert rules.reason.endswith("; also wrong: event_dates.1.end_time")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bwb_11.02.2026_2026-02-11T20-46-41-776Z.json", "bwb"),
        ("incoming/2026_02/müllheim_x.json.gz", "müllheim"),
        ("confstech.json.gz", "confstech"),
        ("st.peter_x.json", "st.peter"),
    ],
)
def test_the_source_is_read_off_the_name(name: str, code: str) -> None:
    assert source_code_of(name) == code


@pytest.mark.parametrize(
    "name", ["_x.json", "", "folder/", ".json", "a\nb_x.json", "\udce4_x.json", " _x", "x" * 101]
)
def test_a_name_without_a_source_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        source_code_of(name)

    assert str(refused.value).isprintable()
