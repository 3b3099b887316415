"""The whole pipeline on the samples: documented output, equal for every order of the input, honest about what it left out."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from dedup_core.events import EVIDENCE, VERDICT_SCHEMA, Previous, Resolution
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from dedup_core.rendering import write_document
from handlers.dedupe import dedupe, input_paths, read_files
from tests.unit.listings import events, listing

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "breisgau"
POLICY = default_policy()
NO_VERDICTS = pl.DataFrame(schema=VERDICT_SCHEMA)


def document(resolution: Resolution, rejections: Any = (), stats: Any = None) -> dict[str, Any]:
    out = io.BytesIO()
    write_document(resolution, rejections, out, stats=stats or {})
    parsed: dict[str, Any] = json.loads(out.getvalue())
    return parsed


@pytest.fixture(scope="module")
def sample_events() -> pl.DataFrame:
    return read_files(input_paths([SAMPLES]), POLICY).events


@pytest.fixture(scope="module")
def resolution(sample_events: pl.DataFrame) -> Resolution:
    return resolve(sample_events, NO_VERDICTS, Previous.nothing(), POLICY)


def test_the_output_is_what_its_schema_says() -> None:
    result = dedupe(input_paths([SAMPLES]), POLICY)
    schema = json.loads((ROOT / "docs" / "dedupe-output.schema.json").read_text())

    output = document(result.resolution, result.rejections, result.stats)

    Draft202012Validator.check_schema(schema)
    faults = [
        fault.message
        for fault in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(output)
    ]
    assert faults == []
    assert output["rejected"]
    assert output["review"]


def test_every_listing_is_in_exactly_one_canonical_event(resolution: Resolution) -> None:
    sources = [
        (s["source_code"], s["id"]) for event in document(resolution)["events"] for s in event["sources"]
    ]

    assert sorted(sources) == resolution.events.select("source_code", "id").rows()


def test_provenance_names_a_source_of_the_event_for_each_field_that_has_a_value(
    resolution: Resolution,
) -> None:
    for event in document(resolution)["events"]:
        sources = [(s["source_code"], s["id"]) for s in event["sources"]]
        assert {(origin["source_code"], origin["id"]) for origin in event["provenance"].values()} <= set(
            sources
        )
        assert {"title", "event_dates"} <= set(event["provenance"])
        assert ("description" in event["provenance"]) == (event["description"] is not None)


def test_the_evidence_of_every_decision_sums_to_its_weight(resolution: Resolution) -> None:
    sums = resolution.decisions.select(pl.sum_horizontal(*EVIDENCE).alias("sum"), "weight")

    assert (sums["sum"] - sums["weight"]).abs().max() < 0.01  # type: ignore[operator]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_listings_does_not_matter(
    sample_events: pl.DataFrame, resolution: Resolution, seed: int
) -> None:
    shuffled = sample_events.sample(fraction=1, shuffle=True, seed=seed)

    again = resolve(shuffled, NO_VERDICTS, Previous.nothing(), POLICY)

    assert again.result_hash == resolution.result_hash
    assert again.decisions.equals(resolution.decisions)
    assert again.flags.equals(resolution.flags)


def test_one_file_or_many_in_any_order_give_the_same_result(tmp_path: Path, resolution: Resolution) -> None:
    paths = input_paths([SAMPLES])
    for path in paths:
        entries = json.loads(path.read_text())
        for number, entry in enumerate(entries["events"]):
            part = {**entries, "events": [entry]}
            (tmp_path / f"{path.name.split('_')[0]}_{number:03d}_{path.name}").write_text(json.dumps(part))

    many = dedupe(sorted(tmp_path.iterdir(), reverse=True), POLICY).resolution

    assert many.result_hash == resolution.result_hash


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_seed_of_hashing_does_not_matter(resolution: Resolution, hash_seed: str) -> None:
    script = (
        "from pathlib import Path\nfrom dedup_core.policy import default_policy\nfrom handlers.dedupe import dedupe, input_paths\n"
        f"print(dedupe(input_paths([Path({str(SAMPLES)!r})]), default_policy()).resolution.result_hash)"
    )

    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert answer.stdout.strip() == resolution.result_hash


def test_a_second_run_on_its_own_result_changes_nothing(
    sample_events: pl.DataFrame, resolution: Resolution
) -> None:
    previous = Previous(
        resolution.members,
        resolution.canonical_events.select("canonical_id", "born", "content_hash"),
        frozenset(),
    )

    again = resolve(sample_events, NO_VERDICTS, previous, POLICY, generation=2)

    changes = again.difference
    assert [len(changes.created), len(changes.changed), len(changes.gone), changes.lineage.height] == [
        0,
        0,
        0,
        0,
    ]
    assert again.result_hash == resolution.result_hash


def verdict(kind: str, a: tuple[str, str], b: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame([(kind, *a, *b, 1, None, None, "ada")], schema=VERDICT_SCHEMA, orient="row")


def canonical_of(resolution: Resolution, a: tuple[str, str]) -> str:
    row = resolution.members.filter((pl.col("source_code") == a[0]) & (pl.col("id") == a[1]))
    return str(row["canonical_id"].item())


def test_verdicts_beat_any_score() -> None:
    frame = events(
        listing("a:1", "Wolfgang Muthspiel Trio", start="20:00", city="Waldkirch", venue="Kastelberghalle"),
        listing("b:1", "Wolfgang Muthspiel Trio", start="20:00", city="Waldkirch", venue="Kastelberghalle"),
        listing("c:1", "Flohmarkt der Pfadfinder", day="2026-09-09", city="Hamburg"),
    )
    a, b, c = ("a", "1"), ("b", "1"), ("c", "1")

    free = resolve(frame, NO_VERDICTS, Previous.nothing(), POLICY)
    apart = resolve(frame, verdict("cannot_link", a, b), Previous.nothing(), POLICY)
    joined = resolve(frame, verdict("must_link", c, a), Previous.nothing(), POLICY)

    assert canonical_of(free, a) == canonical_of(free, b) != canonical_of(free, c)
    assert canonical_of(apart, a) != canonical_of(apart, b)
    assert canonical_of(joined, a) == canonical_of(joined, c)


def test_an_oversized_block_is_in_the_result() -> None:
    crowd = [
        listing(f"s{number}:1", f"Veranstaltung Nummer{number}", city="Waldkirch") for number in range(12)
    ]
    small = POLICY.model_copy(update={"blocking": POLICY.blocking.model_copy(update={"max_block_size": 10})})

    resolution = resolve(events(*crowd), NO_VERDICTS, Previous.nothing(), small)

    assert resolution.left_out.filter(pl.col("key").str.starts_with("date and city"))["size"].to_list() == [
        12
    ]
    assert resolution.statistics["left_out_blocks"] == resolution.left_out.height


def test_no_listings_give_no_events() -> None:
    nothing = events(listing("a:1", "x")).clear()

    resolution = resolve(nothing, NO_VERDICTS, Previous.nothing(), POLICY)

    assert document(resolution)["events"] == []
