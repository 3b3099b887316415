import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from bench import calendar, chance, definitions
from bench.batches import write_files
from bench.calendar import Calendar
from bench.generator import Generated, generate, generate_frame
from bench.grammar import Grammar, bank, templates
from dedup_core.events import IDENTITY, LISTING_SCHEMA
from dedup_core.parsing import parse
from dedup_core.policy import default_policy
from dedup_core.validating import source_code_of, validate


@pytest.fixture(scope="module")
def made() -> Generated:
    return generate(4_000, seed=3)


def digest(n: int, seed: int) -> str:
    listings, truth = generate_frame(n, seed)
    return f"{listings.hash_rows().sum()} {truth.sum()}"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_listings_whatever_the_hash_seed_and_the_number_of_threads() -> None:
    code = "from tests.unit.test_generator import digest; print(digest(1500, 11))"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "4711", "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert elsewhere == digest(1500, 11) + "\n"
    assert digest(1500, 12) != digest(1500, 11)


@settings(max_examples=6, deadline=None)  # a world takes half a second
@given(st.integers(1, 400), st.integers(0, 2**32), st.integers(1, 14))
def test_any_number_of_listings_comes_out_exactly_and_each_identity_once(
    n: int, seed: int, sources: int
) -> None:
    listings, truth = generate_frame(n, seed, sources)

    assert dict(listings.schema) == dict(LISTING_SCHEMA)
    assert listings.height == len(truth) == n
    assert listings.select(*IDENTITY).n_unique() == n
    assert listings["title"].str.strip_chars().str.len_chars().min() != 0
    assert listings["event_dates"].list.len().min() != 0


def test_no_text_has_a_slot_left_unfilled(made: Generated) -> None:
    texts = made.listings.select(pl.col(pl.String))

    unfilled = [name for name in texts.columns if texts[name].str.contains(r"[{}]").any()]

    assert unfilled == []


def test_files_read_back_give_the_listings_that_were_generated(made: Generated, tmp_path: Path) -> None:
    intake = default_policy().intake

    files = write_files(made.listings, made.day, tmp_path, batch_size=300)
    read = [
        validate(
            parse(path.read_bytes(), intake=intake),
            file=path.name,
            source_code=source_code_of(path.name),
            intake=intake,
        )
        for path in files
    ]

    assert [rejection for one in read for rejection in one.rejections] == []
    back = pl.concat([one.listings for one in read]).select(*LISTING_SCHEMA).sort(*IDENTITY)
    assert_frame_equal(back, made.listings.sort(*IDENTITY))
    assert max(one.listings.height for one in read) == 300


def test_one_source_lists_an_event_twice_only_by_listing_it_again(made: Generated) -> None:
    per_source = (
        pl.DataFrame({"event": made.truth, "source": made.listings["source_code"]})
        .group_by("event", "source")
        .len()
    )

    again = per_source.filter(pl.col("len") > 1)

    assert 0 < again.height < 0.05 * per_source.height
    assert again["len"].max() == 2


def test_events_and_listings_are_spread_as_in_a_region(made: Generated) -> None:
    counts = pl.Series(made.truth).value_counts()["count"]
    mean = counts.mean()

    singles = (counts == 1).mean()

    assert isinstance(mean, float)
    assert 1.55 < mean < 1.9
    assert isinstance(singles, float)
    assert 0.43 < singles < 0.57
    assert 4 <= counts.max() <= 10  # type: ignore[operator]


@pytest.mark.slow
def test_a_source_writes_the_dates_of_a_series_alike_so_that_titles_alone_tell_nothing() -> None:
    made = generate(6_000, seed=5)
    first = made.listings.with_columns(
        event=made.truth, day=pl.col("event_dates").list.first().struct.field("date")
    ).filter(pl.Series(made.kinds == "class"))

    same_title = first.group_by("source_code", "title", "sanitized_city").agg(
        pl.col("event").n_unique(), pl.col("day").n_unique()
    )

    assert same_title["event"].max() > 2  # type: ignore[operator]
    assert same_title.filter(pl.col("event") > 2)["day"].min() > 1  # type: ignore[operator]


def test_all_listings_of_an_event_lie_in_one_town_unless_their_coordinates_are_not_trusted(
    made: Generated,
) -> None:
    placed = made.listings.with_columns(event=made.truth).filter(pl.col("geo_confidence") > 0.8)

    spread = placed.group_by("event").agg(
        north=pl.col("latitude").max() - pl.col("latitude").min(),
        east=pl.col("longitude").max() - pl.col("longitude").min(),
    )

    assert spread["north"].max() < 0.003  # type: ignore[operator]
    assert spread["east"].max() < 0.004  # type: ignore[operator]


def test_truth_is_never_told_by_an_identity(made: Generated) -> None:
    ids = made.listings.select("id", event=made.truth).with_row_index("row")
    pairs = ids.join(ids, on="event").filter(pl.col("row") < pl.col("row_right"))

    alike = (pairs["id"].str.slice(0, 8) == pairs["id_right"].str.slice(0, 8)).mean()
    ids_at_random = ids.sample(fraction=1, shuffle=True, seed=1)["id"]
    by_chance = (ids["id"].str.slice(0, 8) == ids_at_random.str.slice(0, 8)).mean()

    assert isinstance(alike, float)
    assert isinstance(by_chance, float)
    assert alike < by_chance + 0.05


def test_easter_and_with_it_carnival_fall_where_the_church_puts_them() -> None:
    days = [calendar.easter(year).isoformat() for year in (2026, 2027, 2038, 2049)]
    fasnet = Calendar(60).seasons["fasnet"]

    assert days == ["2026-04-05", "2027-03-28", "2038-04-25", "2049-04-18"]
    assert calendar.FIRST_DAY.isoformat() == "2026-01-12"
    assert fasnet[35] == 5.0  # Rosenmontag, 16 February
    assert fasnet[50] == 0.0


@given(st.integers(0, 2**64 - 1), st.integers(1, 50))
def test_a_draw_depends_on_its_key_and_purpose_alone(seed: int, bound: int) -> None:
    keys = chance.keys(seed % 2**63, "x", 50)
    shuffled = np.random.default_rng(1).permutation(50)

    drawn = chance.below(keys, "purpose", bound)

    assert ((drawn >= 0) & (drawn < bound)).all()
    assert (chance.below(keys[shuffled], "purpose", bound) == drawn[shuffled]).all()


def test_draws_are_even_and_those_of_two_purposes_unrelated() -> None:
    keys = chance.keys(1, "even", 200_000)

    first, second = chance.uniform(keys, "first"), chance.uniform(keys, "second")

    assert np.abs(np.histogram(first, 20, (0, 1))[0] / 10_000 - 1).max() < 0.05
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01


def test_a_template_is_filled_row_by_row_as_it_would_be_alone() -> None:
    grammar = Grammar({"colour": ("red *3", "blue"), "thing": ("{colour} car", "boat")})
    lists = bank([("{name} has a {thing}", "{name}: {colour2}"), ("nothing",)])
    keys = chance.keys(5, "rows", 40)
    which = np.arange(40) % 2
    names = pl.Series([f"n{i}" for i in range(40)])

    together = grammar.drawn(lists, which, keys, {"name": names}).to_list()
    alone = [
        grammar.drawn(lists, which[i : i + 1], keys[i : i + 1], {"name": names[i : i + 1]}).to_list()[0]
        for i in range(40)
    ]

    assert together == alone
    assert set(together[1::2]) == {"nothing"}
    assert any("car" in text for text in together)


def test_every_title_text_and_name_asks_only_for_words_that_exist(made: Generated) -> None:
    known = {name.rstrip("0123456789") for name in definitions.words()}
    told = {
        "name", "extra", "town", "place", "rival", "venue", "at_venue", "place_part", "weekday", "date", "clock", "year", "edition", "parent", "x",
    }  # fmt: skip
    lines = [line for words in definitions.words().values() for line in words]
    for kind in definitions.kinds().kinds:
        lines += [*kind.words, *kind.extra, *kind.boiler, *(line for part in kind.texts for line in part)]
        lines += [line for style in kind.titles.values() for line in style]

    asked = {slot.rstrip("0123456789") for parts in templates(lines).parts for slot in parts[1::2]}

    assert asked - known - told == set()
