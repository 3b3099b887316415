"""The corpus: how common each word, day, town, venue, start and text is among all listings.

Agreement on what is rare says much, agreement on what is common says little. These counts are the only thing about
other events that a pair's score may depend on, so they are computed apart and stay constant during a run.
Small corpora know too little of the world; a background of typical listings is therefore mixed in.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import polars as pl

from dedup_core.compounds import stem
from dedup_core.folding import folded
from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import Background

SAMPLE: Final = 20_000
"""Descriptions that are read to learn how common words are; more would not change which are rare."""

TEXT_PREFIX: Final = 1_000
"""Characters of a description that are read."""

MIN_LETTERS: Final = 4
"""Shorter words of a description are mostly function words."""

TEXT_BACKGROUND: Final = 20
"""Descriptions mixed in, so that in a corpus of three a shared word is not taken for common."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Counts of a set of listings.

    size: listings counted.
    words: ``word``, ``df`` (UInt32: titles with it), ``bits`` (Float32: information of sharing it).
    days: ``day``, ``count``: listings whose first day it is.
    cities: ``city_key``, ``count``.   city_days: ``city_key``, ``day``, ``count``.
    city_runs: ``city_key``, ``day``, ``last_day``, ``count``: listings of several days.
    venues: ``city_key``, ``venue_key``, ``count``.
    starts: ``minute`` (of the day), ``count``.
    text_words: ``word``, ``bits``: information of a word of a description, from a sample of them.
    described: the words of every description, as from `description_words`; none where there are more than a sample.
    """

    size: int
    words: pl.DataFrame
    days: pl.DataFrame
    cities: pl.DataFrame
    city_days: pl.DataFrame
    city_runs: pl.DataFrame
    venues: pl.DataFrame
    starts: pl.DataFrame
    text_words: pl.DataFrame
    described: pl.DataFrame | None


def title_words(events: pl.DataFrame) -> pl.DataFrame:
    """Lay out the distinct words of every title, in order: ``event`` (UInt32), ``word``."""
    return (
        events.select(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("event"),
            pl.col("title_tokens").str.split(" ").alias("word"),
        )
        .explode("word")
        .filter(pl.col("word") != "")
    )


KIND_ENDS: Final = (
    r"\p{L}{3}(?:markt|konzert|abend|nachmittag|turni|lauf|boers|basar|treff|kur|umzug|fei|versammlung|wanderung|gottesdienst|schau|tag)$"
    r"|[^i]fest$|(?:stadt|dorf|schloss|kirch|museum|abend|park|wald|nacht)fuehrung$"
)
"""How stems of compounds end that say what kind of event it is, whatever stands before: a Warenmarkt is no name."""

KIND_SHARE: Final = 0.4
"""Share of titles in the background with one of them, to that with a known word (a guess)."""


def corpus_of(
    events: pl.DataFrame,
    words: pl.DataFrame,
    spans: pl.DataFrame,
    *,
    background: Background,
    common: Collection[str],
) -> Corpus:
    """Count what the listings have in common.

    words: as from `title_words`. spans: as from `dedup_core.occurrences.spans`.
    common: words known to be frequent in event titles; the background holds more of them.
    """
    placed = events.select("source_code", "city_key", "venue_key").with_columns(
        day=spans["first_day"], last_day=spans["last_day"], moment=spans["moment"]
    )
    described, every = _sample(events)
    spoken = description_words(described)
    runs = placed.filter(pl.col("last_day") > pl.col("day"))
    return Corpus(
        size=events.height,
        words=_word_bits(words, size=events.height, background=background, common=common),
        days=_counted(placed, "day"),
        cities=_counted(placed, "city_key"),
        city_days=_at_least(placed, "city_key", "day"),
        city_runs=_at_least(runs, "city_key", "day", "last_day"),
        venues=_counted(placed, "city_key", "venue_key"),
        starts=_counted(placed.select(minute=pl.col("moment") % MINUTES_A_DAY), "minute"),
        text_words=_text_word_bits(spoken),
        described=spoken if every else None,
    )


def _counted(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return frame.select(columns).drop_nulls().group_by(columns).agg(pl.len().alias("count"))


def _at_least(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Count the events that there are at least: a source seldom lists one twice, so those of the source that lists most."""
    by_source = _counted(frame, *columns, "source_code")
    return by_source.group_by(columns).agg(pl.col("count").max())


STEPS: Final = 256
"""Steps of a bit to which information is rounded: sums of such numbers are exact, so their order does not matter."""


def _whole_steps(bits: pl.Expr) -> pl.Expr:
    return ((bits * STEPS).round() / STEPS).cast(pl.Float32)


def _word_bits(
    words: pl.DataFrame, *, size: int, background: Background, common: Collection[str]
) -> pl.DataFrame:
    """Weigh each word by the information of meeting it by chance: log2((N + M) / (df + M * p)).

    M: listings in the background, p: share of them with the word. Inverse document frequency with a prior
    (Spärck Jones 1972), so that three listings don't make every word look rare.
    """
    known = pl.col("word").is_in([stem(word) for word in common])
    share = (
        pl.when(known)
        .then(background.common_share)
        .when(pl.col("word").str.contains(KIND_ENDS))
        .then(KIND_SHARE * background.common_share)
        .otherwise(background.other_share)
    )
    expected = share * background.listings
    return (
        words.group_by("word")
        .agg(pl.len().alias("df"))
        .sort("word")
        .with_columns(
            _whole_steps(((size + background.listings) / (pl.col("df") + expected)).log(2)).alias("bits"),
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("token"),
        )
    )


def description_words(events: pl.DataFrame) -> pl.DataFrame:
    """Count the words of each description.

    Returns:
        ``event`` (UInt32 row number), ``word``, ``count`` (UInt32): each word once an event, in no order.
    """
    return words_of_descriptions(events).group_by("event", "word").agg(pl.len().alias("count"))


def words_of_descriptions(events: pl.DataFrame) -> pl.DataFrame:
    """Lay out the words of each description, the short one where the long one is missing: ``event`` (UInt32 row number), ``word``."""
    text = pl.coalesce("description", "short_description").str.slice(0, TEXT_PREFIX)
    return (
        events.select(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("event"), folded(text).str.split(" ").alias("word")
        )
        .explode("word")
        .filter(pl.col("word").str.len_chars() >= MIN_LETTERS)
    )


def _sample(events: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """Choose the events whose descriptions are counted, and tell whether these are all events."""
    texts = events.select("description", "short_description")
    said = texts.select(pl.coalesce(pl.all()).is_not_null()).to_series()
    step = max(1, -(-int(said.sum()) // SAMPLE))
    return (texts, True) if step == 1 else (texts.filter(said).gather_every(step), False)


def _text_word_bits(words: pl.DataFrame) -> pl.DataFrame:
    texts = words["event"].n_unique()
    bits = _whole_steps(((texts + TEXT_BACKGROUND) / (pl.len() + 1)).log(2))
    return words.group_by("word").agg(bits.alias("bits")).sort("word")
