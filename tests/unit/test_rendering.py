"""Rendering: the documented JSON, equal to a plain reading of the rows, with hashes that tell every change."""

import hashlib
import io
import json
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from dedup_core import rendering
from dedup_core.events import (
    EVENT_SCHEMA,
    EVIDENCE,
    LISTING_SCHEMA,
    VERDICT_SCHEMA,
    Previous,
    Rejection,
    Resolution,
)
from dedup_core.normalising import normalise
from dedup_core.parsing import parse
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from dedup_core.rendering import NAMES, contents, hashed, questions, result_hash, write_document
from dedup_core.synthesising import UNIONS, synthesise
from dedup_core.validating import validate
from tests.unit.listings import events, listing, occurrence

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "dedupe-output.schema.json").read_text())
SCHEMA_OF_EVENTS = SCHEMA["$defs"]["event"]["properties"]
POLICY = default_policy()
STATS = {"files": 2, "listings": 6, "candidate_pairs": 3, "reduction": 0.8, "matches": 2, "ambiguous": 0}


def judged(canonical: pl.DataFrame) -> pl.DataFrame:
    """Add what the pipeline adds."""
    return canonical.with_columns(
        pl.format("ev_{}", "label").alias("canonical_id"),
        pl.lit(0.97).alias("confidence"),
        pl.lit(value=False).alias("needs_review"),
        pl.lit(["cut"], pl.List(pl.String)).alias("flags"),
    )


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    """Return six listings of three events: merged with unions, moved, alone with everything that JSON must escape."""
    full: dict[str, Any] = {
        "city": "Waldkirch",
        "venue": "Festhalle",
        "latitude": 48.09,
        "longitude": 7.96,
        "geo_confidence": 0.9,
    }
    return events(
        listing(
            "a:1", "Chorabend", categories=["Musik"], highlights=["Brahms"], confidence_score=0.1, **full
        ),
        listing(
            "b:1",
            "Chorabend",
            categories=["Kirche", "musik"],
            country="DEU",
            street="Weg",
            admission_free=True,
        ),
        listing(
            "c:1",
            "Chorabend",
            categories=["Kirche"],
            event_dates=[occurrence("2026-05-02", "19:00", "24:30")],
        ),
        listing("d:1", "Jazz VERLEGT VOM 25.2.", day="2026-03-04"),
        listing("e:1", "Jazz", day="2026-02-25", registration_contact="jazz@example.org"),
        listing(
            'f:"\\\u2028</script>',
            'Tab\t und "Zitat" \\ und \u0001 und 🎷',
            description="Zeile\nZeile\r\u2029",
        ),
    )


@pytest.fixture(scope="module")
def canonical(frame: pl.DataFrame) -> pl.DataFrame:
    return judged(synthesise(frame, np.array([0, 0, 0, 3, 3, 5], np.uint32), policy=POLICY.synthesis))


def plainly(row: dict[str, Any], identities: list[dict[str, str]]) -> dict[str, Any]:
    """Render one canonical event field by field, the slow way."""
    coordinates = {
        "latitude": row["latitude"],
        "longitude": row["longitude"],
        "confidence": row["geo_confidence"],
    }
    geo = coordinates | {"country": row["country"]}
    names = {"name": "venue"} | {
        name: name for name in ("city", "district", "street", "street_no", "zipcode")
    }
    event = {field: row[field] for field in SCHEMA_OF_EVENTS if field in row}
    event["event_dates"] = [
        {name: value if value is None or "time" in name else value.isoformat() for name, value in o.items()}
        for o in row["event_dates"]
    ]
    if row["previous_date"] is None:
        del event["previous_date"]
    else:
        event["previous_date"] = row["previous_date"].isoformat()
    provenance: dict[str, Any] = {}
    for field, name in NAMES.items():
        if row[f"from_{field}"] is not None:
            provenance[name] = identities[row[f"from_{field}"]]
            others = row[f"all_from_{field}"][1:] if field in UNIONS else []
            if others:
                provenance[name] = provenance[name] | {"also": [identities[other] for other in others]}
    return event | {
        "id": row["canonical_id"],
        "location": {name: row[field] for name, field in names.items()}
        | {"geo": geo if any(value is not None for value in geo.values()) else None},
        "sources": [identities[member] for member in row["members"]],
        "provenance": provenance,
    }


def test_the_text_says_what_the_row_says(frame: pl.DataFrame, canonical: pl.DataFrame) -> None:
    identities = frame.select("source_code", "id").to_dicts()

    texts = contents(canonical, frame)

    expected = [plainly(row, identities) for row in canonical.to_dicts()]
    assert [json.loads(text) for text in texts] == expected
    assert expected[0]["provenance"]["categories"]["also"]
    assert expected[1]["previous_date"] == "2026-02-25"


@settings(max_examples=25)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "title": st.text(min_size=1, max_size=12),
                "description": st.none() | st.text(max_size=40),
                "categories": st.none() | st.lists(st.none() | st.text(max_size=8), max_size=3),
                "event_dates": st.lists(
                    st.fixed_dictionaries(
                        {
                            "date": st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(str),
                            "start_time": st.sampled_from([None, "00:00", "24:30", "29:59"]),
                        }
                    ),
                    min_size=1,
                    max_size=3,
                ),
                "location": st.fixed_dictionaries(
                    {
                        "name": st.none() | st.text(max_size=8),
                        "geo": st.none()
                        | st.fixed_dictionaries(
                            {
                                "latitude": st.none() | st.floats(-90, 90),
                                "longitude": st.floats(-180, 180),
                                "confidence": st.none() | st.floats(0, 1),
                                "country": st.none() | st.text(max_size=3),
                            }
                        ),
                    }
                ),
                "is_family_event": st.none() | st.booleans(),
                "confidence_score": st.none() | st.floats(0, 1),
            }
        ),
        min_size=1,
        max_size=20,
    )
)
def test_an_event_of_one_listing_can_be_read_again_as_that_listing(raw: list[dict[str, Any]]) -> None:
    numbered = [{"id": f"{number:03}", **entry} for number, entry in enumerate(raw)]
    once = read_again(json.dumps({"events": numbered}))

    alone = np.arange(once.height, dtype=np.uint32)
    canonical = judged(synthesise(normalise(once).select(*EVENT_SCHEMA), alone, policy=POLICY.synthesis))
    texts = contents(canonical, once)

    twice = read_again('{"events":[' + ",".join(texts) + "]}")
    assert twice.drop("id").equals(once.drop("id"))


def read_again(text: str) -> pl.DataFrame:
    parsed = parse(text.encode("utf-8", "surrogatepass"), intake=POLICY.intake)
    listings = validate(parsed, file="a_1.json", source_code="a", intake=POLICY.intake).listings
    return listings.select(*LISTING_SCHEMA)


def test_a_hash_is_of_the_text_alone_and_tells_every_change(
    frame: pl.DataFrame, canonical: pl.DataFrame
) -> None:
    rendered = hashed(canonical, frame)
    changes = [
        pl.lit("x").alias("zipcode"),
        pl.lit(0.98).alias("confidence"),
        pl.lit(["large"], pl.List(pl.String)).alias("flags"),
        pl.lit(1, pl.UInt32).alias("from_title"),
        pl.lit([1, 2], pl.List(pl.UInt32)).alias("members"),
        pl.col("all_from_categories").list.reverse(),
    ]

    hashes = [hashed(canonical.head(1).with_columns(change), frame)["content_hash"][0] for change in changes]

    assert rendered["content_hash"].to_list() == [
        hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in contents(canonical, frame)
    ]
    assert len({rendered["content_hash"][0], *hashes}) == 1 + len(changes)


def test_slices_give_what_the_whole_gives(
    frame: pl.DataFrame, canonical: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = contents(canonical, frame), hashed(canonical, frame)

    monkeypatch.setattr(rendering, "ROWS_AT_ONCE", 2)

    assert contents(canonical, frame).equals(whole[0])
    assert hashed(canonical, frame).equals(whole[1])
    assert hashed(canonical.clear(), frame)["content_hash"].to_list() == []


def test_the_result_hash_is_of_ids_hashes_and_links_whatever_their_order(
    frame: pl.DataFrame, canonical: pl.DataFrame
) -> None:
    rendered = hashed(canonical, frame)
    links = pl.DataFrame({"kind": ["part_of", "date_of"], "from": ["x", "y"], "to": ["z", "z"]})
    lines = [f"{i} {h}\n" for i, h in sorted(rendered.select("canonical_id", "content_hash").rows())]
    lines += [f"{' '.join(link)}\n" for link in sorted(links.rows())]

    assert (
        result_hash(rendered.reverse(), links.reverse())
        == hashlib.sha256("".join(lines).encode()).hexdigest()
    )
    assert result_hash(rendered, links.head(1)) != result_hash(rendered, links)


class Pieces(io.RawIOBase):
    """A file that remembers the size of the largest piece written to it."""

    def __init__(self) -> None:
        self.written = b""
        self.largest = 0

    def write(self, piece: Any) -> int:
        self.written += piece
        self.largest = max(self.largest, len(piece))
        return len(piece)


@pytest.fixture(scope="module")
def resolution() -> Resolution:
    """Return a resolution with events, links and a pair for review."""
    evening = {"city": "Waldkirch", "venue": "Festhalle", "start": "20:00"}
    yoga = {"city": "Waldkirch", "venue": "Stadtpark"}
    weekly = [occurrence(f"2026-08-{day:02}", "18:00") for day in (5, 12, 19, 26)]
    frame = events(
        listing("a:1", "Sub Rosa Trio", **evening),
        listing("b:1", "[LATE] Sub Rosa Trio", **evening | {"start": "22:30"}),
        listing("a:2", "Yoga im Stadtpark", **yoga, event_dates=weekly),
        listing("b:2", "Yoga im Stadtpark", **yoga, event_dates=weekly[1:2]),
        listing("a:3", "Flohmarkt", day="2026-06-06", city="Emmendingen"),
        listing("b:3", "Flohmarkt", day="2026-06-06", city="Emmendingen"),
    )
    return resolve(frame, pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), POLICY)


REJECTIONS = [
    Rejection("b_1.json", 3, "title", "found nothing"),
    Rejection("b_1.json", None, None, "not JSON"),
    Rejection("a_1.json", 10, "id", "found null", listing_id=None),
    Rejection("a_1.json", 9, "event_dates.0.date", "found 31 June", listing_id="x"),
]


def written(resolution: Resolution, rejections: Any = REJECTIONS, seconds: float = 1.5) -> Pieces:
    out = Pieces()
    write_document(resolution, rejections, out, stats={**STATS, "seconds": {"total": seconds}})  # type: ignore[arg-type]
    return out


def test_the_document_is_valid_and_its_schema_notices_what_is_not(resolution: Resolution) -> None:
    document = json.loads(written(resolution).written)
    valid = Draft202012Validator(SCHEMA, format_checker=FormatChecker()).is_valid

    assert valid(document)
    assert document["links"]
    assert document["review"]
    for path, wrong in WRONG.items():
        broken = json.loads(json.dumps(document))
        *way, last = path
        part = broken
        for step in way:
            part = part[step]
        part[last] = wrong
        assert not valid(broken), path


WRONG: dict[tuple[Any, ...], object] = {
    ("more",): 1,
    ("events", 0, "more"): 1,
    ("events", 0, "id"): "7",
    ("events", 0, "status"): "postponed",
    ("events", 0, "confidence"): 1.1,
    ("events", 0, "event_dates"): [],
    ("events", 0, "event_dates", 0, "date"): "2026-02-30",
    ("events", 0, "event_dates", 0, "start_time"): "24.30",
    ("events", 0, "previous_date"): None,
    ("events", 0, "location", "geo"): {"latitude": 48.1},
    ("events", 0, "provenance", "location.latitude"): {"source_code": "a", "id": "1"},
    ("events", 0, "provenance", "title"): {"source_code": "a"},
    ("links", 0, "kind"): "like",
    ("review", 0, "evidence", "mood"): 1.0,
    ("review", 0, "a"): {"source_code": "a", "id": 1},
    ("rejected", 0, "index"): "3",
    ("stats", "seconds"): 3,
}


def test_every_field_is_described(resolution: Resolution) -> None:
    def undescribed(schema: dict[str, Any], path: str) -> Iterator[str]:
        for name, inner in schema.get("properties", {}).items():
            if "description" not in inner:
                yield f"{path}.{name}"
            yield from undescribed(inner, f"{path}.{name}")
        if "items" in schema:
            yield from undescribed(schema["items"], f"{path}[]")

    assert list(undescribed(SCHEMA, "")) == []
    assert [gap for name, part in SCHEMA["$defs"].items() for gap in undescribed(part, name)] == []
    review = SCHEMA["properties"]["review"]["items"]["properties"]
    assert tuple(review["evidence"]["properties"]) == EVIDENCE
    assert SCHEMA_OF_EVENTS["provenance"]["propertyNames"]["enum"] == list(NAMES.values())


def test_two_documents_differ_in_their_seconds_only(resolution: Resolution) -> None:
    one = written(resolution, REJECTIONS, seconds=1.5).written
    other = written(resolution, reversed(REJECTIONS), seconds=2.5).written

    assert one != other
    assert one.replace(b'"total":1.5', b'"total":2.5') == other


def test_what_was_refused_stands_in_the_order_of_its_files(resolution: Resolution) -> None:
    rejected = json.loads(written(resolution).written)["rejected"]

    assert [(entry["file"], entry["index"]) for entry in rejected] == [
        ("a_1.json", 9),
        ("a_1.json", 10),
        ("b_1.json", None),
        ("b_1.json", 3),
    ]
    assert [entry["id"] for entry in rejected] == ["x", None, None, None]


def test_the_document_is_written_in_pieces_no_larger_than_an_event(resolution: Resolution) -> None:
    texts = contents(resolution.canonical_events, resolution.events)

    document = written(resolution)

    assert all(text.encode() + b"," in document.written for text in texts[:-1])
    assert document.largest == max(len(text.encode()) for text in texts) + len(",\n")


def test_questions_come_most_likely_first_and_their_rounded_evidence_sums_to_the_weight(
    resolution: Resolution,
) -> None:
    # Sixths of a bit round up everywhere: the worst that rounding can do to a sum.
    uneven = pl.lit(1 / 6, pl.Float32)
    weight = len(EVIDENCE) / 6
    review = pl.concat([resolution.review] * 2).with_columns(
        *[uneven.alias(part) for part in EVIDENCE], pl.lit(weight, pl.Float32).alias("weight")
    )
    columns = {field: getattr(resolution, field) for field in Resolution.__dataclass_fields__}

    asked: list[Any] = list(questions(resolution))
    worst: list[Any] = list(questions(Resolution(**columns | {"review": review})))

    assert asked
    for question in asked + worst:
        assert abs(sum(question["evidence"].values()) - question["weight"]) <= 0.01
    assert all(one["score"] >= other["score"] for one, other in pairwise(asked))
    assert None not in asked[0]["evidence"].values()
    assert set(asked[0]["evidence"]) < set(EVIDENCE)
