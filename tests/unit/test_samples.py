"""The samples: valid as far as promised, in the formats that the sources would send, with a truth that fits them."""

import csv
import re
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from dedup_core.parsing import parse
from dedup_core.policy import default_policy
from dedup_core.validating import Validated, source_code_of, validate

SAMPLES = Path(__file__).parents[2] / "samples"
SETS = ("breisgau", "conferences")


@cache
def files(folder: str) -> dict[str, Validated]:
    intake = default_policy().intake
    paths = sorted((SAMPLES / folder).glob("*.json"))
    return {
        path.name: validate(
            parse(path.read_bytes(), intake=intake),
            file=path.name,
            source_code=source_code_of(path.name),
            intake=intake,
        )
        for path in paths
    }


def listings(folder: str) -> pl.DataFrame:
    return pl.concat([validated.listings for validated in files(folder).values()])


def keys(folder: str) -> set[tuple[str, str]]:
    return set(listings(folder).select("source_code", "id").iter_rows())


def truth(folder: str) -> dict[tuple[str, str], str]:
    with (SAMPLES / folder / "truth.csv").open(newline="") as rows:
        return {(row["source_code"], row["id"]): row["cluster"] for row in csv.DictReader(rows)}


def cases() -> str:
    return (SAMPLES / "breisgau" / "cases.md").read_text(encoding="utf-8")


def test_the_conferences_are_real_listings_of_four_calendars() -> None:
    frame = listings("conferences")

    assert frame.height >= 800
    assert frame["source_code"].n_unique() >= 4
    assert [r for v in files("conferences").values() for r in v.rejections] == []


def test_many_conferences_stand_in_several_calendars() -> None:
    sources: dict[str, set[str]] = {}
    for (source_code, _), cluster in truth("conferences").items():
        sources.setdefault(cluster, set()).add(source_code)

    assert sum(len(codes) > 1 for codes in sources.values()) >= 40


def test_the_german_set_has_listings_of_five_sources() -> None:
    per_source = listings("breisgau").group_by("source_code").agg(pl.col("id").n_unique())

    assert per_source.height == 5
    assert per_source["id"].sum() >= 80
    assert (per_source["id"] >= 15).all()


@pytest.mark.parametrize("folder", SETS)
def test_the_truth_names_each_valid_listing_and_no_other(folder: str) -> None:
    assert set(truth(folder)) == keys(folder)


@pytest.mark.parametrize("folder", SETS)
def test_file_names_are_those_of_the_input_format(folder: str) -> None:
    pattern = re.compile(r"[a-z]+_\d\d\.\d\d\.\d{4}_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z\.json")

    assert [name for name in files(folder) if not pattern.fullmatch(name)] == []


def test_wrong_listings_are_rejected_alone_and_the_cases_name_them() -> None:
    rejections = [(name, r) for name, v in files("breisgau").items() for r in v.rejections]

    assert {name for name, _ in rejections} == {"amtskal_20.04.2026_2026-04-20T05-15-00-000Z.json"}
    assert [(r.field, r.listing_id) for _, r in rejections] == [
        ("event_dates.0.date", "wk-2026-0201"),
        ("title", "wk-2026-0202"),
        ("event_dates.0.end_date", "wk-2026-0203"),
    ]
    assert all(f"`amtskal {r.listing_id}`" in cases() for _, r in rejections)


def test_some_listings_come_again_with_other_content() -> None:
    again = (
        listings("breisgau")
        .group_by("source_code", "id")
        .agg(pl.len(), pl.struct("title", "event_dates", "description").n_unique().alias("versions"))
        .filter(pl.col("len") > 1)
    )

    assert again.height >= 3
    assert (again["versions"] == again["len"]).all()


def test_the_cases_show_every_row_of_the_catalogue_with_listings_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| (`.+`) \|$", cases(), flags=re.MULTILINE)
    named = {tuple(name.split(" ")) for _, names in rows for name in re.findall(r"`([a-z]+ [\w-]+)`", names)}

    assert [int(row) for row, _ in rows] == list(range(1, 41))
    assert named <= keys("breisgau")


@pytest.mark.parametrize(
    ("row", "listings_named", "clusters"),
    [(8, 4, 2), (10, 6, 3), (12, 4, 2), (23, 4, 2), (24, 2, 1), (25, 4, 2), (38, 3, 2), (40, 4, 2)],
)
def test_the_cases_agree_with_the_truth(row: int, listings_named: int, clusters: int) -> None:
    line = re.search(rf"^\| {row} \|.*$", cases(), flags=re.MULTILINE)
    assert line is not None
    named = [tuple(name.split(" ")) for name in re.findall(r"`([a-z]+ [\w-]+)`", line[0].split("|")[-2])]

    known = truth("breisgau")

    assert len(named) == listings_named
    assert len({known[source_code, listing] for source_code, listing in named}) == clusters


def test_the_habits_of_the_sources_differ() -> None:
    frame = (
        listings("breisgau")
        .group_by("source_code")
        .agg(
            no_time=pl.col("event_dates")
            .list.eval(pl.element().struct.field("start_time"))
            .list.get(0)
            .is_null()
            .mean(),
            no_geo=pl.col("latitude").is_null().mean(),
            capitals=(pl.col("title") == pl.col("title").str.to_uppercase()).mean(),
        )
    )
    habit = {row["source_code"]: row for row in frame.iter_rows(named=True)}

    assert habit["kandelmag"]["no_time"] == 1
    assert habit["schauinsland"]["no_geo"] == 1
    assert habit["bwb"]["no_geo"] > 0.9
    assert habit["tickethof"]["capitals"] > 0.9
    assert habit["amtskal"]["capitals"] < 0.1


def test_the_licence_of_what_others_wrote_stands_beside_it() -> None:
    licences = (SAMPLES / "LICENSES.md").read_text(encoding="utf-8")

    assert all(f"`{code}`" in licences for code in listings("conferences")["source_code"].unique())
    assert "Permission is hereby granted, free of charge" in licences
