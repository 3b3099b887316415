"""Normalising: bring what sources write to columns that can be compared.

Here meaning is lost on purpose: markers, editions, organisers and years leave the title, synonyms become one word, compounds
fall into their parts. What was taken out stands in columns of its own. A word wrongly joined here can still be told apart
by date and place; one wrongly left apart is found again by its letters, in scoring.
"""

import hashlib
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from dedup_core import lexicon
from dedup_core.announcements import announced
from dedup_core.compounds import Splitter, stem
from dedup_core.events import COMPARABLE_SCHEMA, EVENT_SCHEMA
from dedup_core.folding import folded, lowered, unbroken, unspaced, well_read
from dedup_core.places import place_keys

CUT_CAPTURES: Final = ("previous_date", "year")
"""Captures that are cut out of the title whole."""

MONTHS: Final = "(?:januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember)"

SAID_ELSEWHERE: Final = (
    rf"\bvon {MONTHS} bis (?:ende )?{MONTHS}\b",
    r"\b(?:bis |ab |vom |am )?[0-3]?\d\.\s?[01]?\d\.(?:\s?(?:20)?\d\d\b)?",
    r"\b(?:(?:start|beginn|einlass|um|ab):? )*[0-2]?\d(?:[.:][0-5]\d)? uhr\b",
    r"\bin (?:einem|zwei|drei|vier|fünf) akt(?:en)?\b",
    r"[(\[]\s*(?:früher|vormals|ehemals|ehem\.|bisher|formerly|previously)\b[^)\]]*[)\]]",
)
"""Dates, hours and former names: the dates stand in fields of their own, a former name is found in the title as written."""

ANNIVERSARY: Final = r"(?:^|[:(|,„\"]|\s-)\W*(?:[2-9]\d|\d{3})\s(?:jahre|years)\b"
"""How old what is celebrated is: on one day it has one age, whatever two sources read. A lower age is that of those who come."""

WEEKDAYS: Final = {
    name: number
    for number, name in enumerate(
        ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"), start=1
    )
}

ON_A_WEEKDAY: Final = rf"\bam ({'|'.join(WEEKDAYS)})\b"

ROMAN: Final = {
    tens + ones: 10 * i + j
    for i, tens in enumerate(("", "x", "xx", "xxx", "xl"))
    for j, ones in enumerate(("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"))
    if tens + ones
}
"""Roman numbers up to 49: no festival of ours is older."""

RULES: Final = 12
"""Raise it with every change of this module or of what it calls, so that stored listings are normalised anew."""


@cache
def normaliser_version() -> str:
    """Return what decides the result of `normalise`: these rules and the lexicon."""
    return hashlib.sha256(f"{RULES} {lexicon.fingerprint()}".encode()).hexdigest()[:16]


def normalise(listings: pl.DataFrame) -> pl.DataFrame:
    """Add the comparable columns to valid listings: LISTING_SCHEMA in, EVENT_SCHEMA out, same rows in the same order."""
    title = listings.select(
        unspaced(lowered(unbroken(well_read(pl.col("title"))))).alias("title"),
        _first_day().alias("first_day"),
        announced(listings),
    )
    moved = title["title"].str.contains(lexicon.markers()["moved"].pattern)
    title = title.with_columns(listings.select(text=lowered(pl.when(moved).then("description"))).to_series())
    previous_day = pl.coalesce(_previous_day("title"), _previous_day("text")).alias("previous_day")
    taken_out = title.select(_markers(), _edition(), previous_day, _kind())
    title = title.with_columns(begun=_begun())
    words = words_of(title.select(_core()).to_series(), taken_out["edition"])
    comparable = pl.concat([taken_out, words, place_keys(listings)], how="horizontal")
    return pl.concat([listings, comparable.select(*COMPARABLE_SCHEMA)], how="horizontal").cast(EVENT_SCHEMA)


def _first_day() -> pl.Expr:
    return pl.col("event_dates").list.eval(pl.element().struct.field("date")).list.min()


def _markers() -> pl.Expr:
    flags = [
        pl.when(pl.col("title").str.contains(marker.pattern)).then(pl.lit(name))
        for name, marker in sorted(lexicon.markers().items())
    ]
    said = pl.concat_str(*flags, "announced", separator=" ", ignore_nulls=True)
    return said.str.split(" ").list.unique().list.sort().list.join(" ").replace("", None).alias("markers")


def _kind() -> pl.Expr:
    kinds = [
        pl.when(pl.col("title").str.contains(kind.pattern)).then(pl.lit(name))
        for name, kind in lexicon.kinds().items()
    ]
    return pl.coalesce(kinds).alias("kind")


def _captured(name: str, group: str, column: str = "title") -> pl.Expr:
    """Read a named group off the title or another text, from the first pattern of a capture that holds it."""
    patterns = [pattern for pattern in lexicon.captures()[name].patterns if f"?P<{group}>" in pattern]
    if not patterns:
        return pl.lit(None, pl.String)
    return pl.coalesce(
        [pl.col(column).str.extract_groups(pattern).struct.field(group) for pattern in patterns]
    )


def _edition() -> pl.Expr:
    arabic = _captured("edition", "number").cast(pl.Int32, strict=False)
    return pl.coalesce(arabic, _roman()).alias("edition")


def _roman() -> pl.Expr:
    return _captured("edition", "roman").replace_strict(ROMAN, default=None, return_dtype=pl.Int32)


ROMAN_BEFORE: Final = r"^\W*[ivxl]{2,7}\.?\s"
"""An edition in Roman numbers stands first."""


def _previous_day(column: str) -> pl.Expr:
    """Date what a title or text says it was moved from; a date without a year lies nearest to the listing's own."""
    day = _captured("previous_date", "day", column).cast(pl.Int32, strict=False)
    month = _captured("previous_date", "month", column).replace_strict(
        dict(_months()), default=None, return_dtype=pl.Int32
    )
    written = _captured("previous_date", "year", column).cast(pl.Int32, strict=False)
    year = pl.when(written < 100).then(written + 2000).otherwise(written)
    own = pl.col("first_day")
    candidates = [_day_of(pl.coalesce(year, own.dt.year() + shift), month, day) for shift in (0, -1, 1)]
    distances = [(own - candidate).dt.total_days().abs() for candidate in candidates]
    nearest = pl.min_horizontal(distances)
    return pl.coalesce(
        [
            pl.when(distance == nearest).then(candidate)
            for distance, candidate in zip(distances, candidates, strict=True)
        ]
    )


@cache
def _months() -> dict[str, int]:
    numbers = {text: number for number in range(1, 13) for text in (str(number), f"{number:02d}")}
    return {**lexicon.months(), **numbers}


def _day_of(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Build a date; null for an impossible one."""
    text = pl.format("{}-{}-{}", year, month.cast(pl.String).str.zfill(2), day.cast(pl.String).str.zfill(2))
    return text.str.to_date("%Y-%m-%d", strict=False)


def _core() -> pl.Expr:
    """Cut out of the title what is not its name: organisers first, then dates, years, series, former names and markers."""
    core = pl.col("begun")
    for pattern in lexicon.organiser_prefixes():
        core = core.str.replace(pattern, "")
    for name in CUT_CAPTURES:
        for pattern in lexicon.captures()[name].patterns:
            core = core.str.replace_all(pattern, " ")
    for pattern in (*lexicon.kinds()["series"].patterns, *SAID_ELSEWHERE):
        core = core.str.replace_all(pattern, " ")
    core = core.str.replace_all(ANNIVERSARY, " jubiläum ")
    for marker in lexicon.markers().values():
        core = core.str.replace_all(marker.pattern, " ")
    cut = folded(core)
    return pl.when(cut == "").then(folded(pl.col("title"))).otherwise(cut).alias("core")


def _begun() -> pl.Expr:
    """Take a title without the weekday on which the event begins, "am Donnerstag", as its date says so, and without a Roman edition."""
    title, own = pl.col("title"), pl.col("first_day").dt.weekday()
    said = title.str.extract(ON_A_WEEKDAY).replace_strict(WEEKDAYS, default=None, return_dtype=pl.Int8)
    plain = pl.when(said == own).then(title.str.replace(ON_A_WEEKDAY, " ")).otherwise(title)
    return pl.when(_roman().is_null()).then(plain).otherwise(plain.str.replace(ROMAN_BEFORE, ""))


def words_of(cores: pl.Series, editions: pl.Series) -> pl.DataFrame:
    """Turn folded titles into words: ``title_words`` and ``title_tokens``, in the order of the titles.

    Each distinct word is looked up and split once. The number of an edition is dropped; a title of function words keeps them.
    """
    listed = (
        _spelt(cores)
        .with_columns(editions.cast(pl.String).alias("edition"))
        .lazy()
        .explode("word")
        .filter(_is_edition().not_())
        .collect()
    )
    words = _in_parts(listed).lazy()
    telling = words.filter(~pl.col("stop"))
    kept = pl.concat([telling, words.join(telling, on="row", how="anti", maintain_order="left")])
    lists = kept.group_by("row", maintain_order=True).agg(
        pl.col("parts").str.join(" ").alias("title_words"),
        pl.col("parts").unique(maintain_order=True).str.join(" ").alias("title_tokens"),
    )
    rows = pl.select(pl.int_range(len(cores), dtype=pl.UInt32).alias("row")).lazy()
    found = rows.join(lists, on="row", how="left", maintain_order="left")
    return found.select(pl.col("title_words", "title_tokens").fill_null("")).collect()


def telling_words(texts: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """List the words of folded texts, and split them as `words_of` does those of titles.

    Returns:
        ``row`` (UInt32), ``word``, as often as they are said; and of each distinct one that may tell events apart ``word``, ``parts``,
        a row a part.
    """
    words = _spelt(texts).explode("word")
    return words, _split_words(words["word"]).filter(~pl.col("stop")).drop("stop")


def _spelt(texts: pl.Series) -> pl.DataFrame:
    """Split folded texts at their spaces, synonyms of several words made one: ``row``, ``word`` (List[str])."""
    padded = texts.to_frame("text").select(pl.concat_str(pl.lit(" "), "text", pl.lit(" "))).to_series()
    spelt = padded.str.replace_many(_phrases())
    # Twice where there are any, as two phrases side by side share the space between them.
    changed = (spelt != padded).arg_true()
    if len(changed):
        spelt = spelt.scatter(changed, spelt.gather(changed).str.replace_many(_phrases()))
    return spelt.to_frame("word").select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        pl.col("word").str.strip_chars(" ").str.split(" "),
    )


def _in_parts(words: pl.DataFrame) -> pl.DataFrame:
    """Replace each ``word`` by its ``parts``, a row a part, and tell whether it is one of ``stop``."""
    return words.join(_split_words(words["word"]), on="word", maintain_order="left_right")


def _is_edition() -> pl.Expr:
    number = pl.col("word").str.replace(r"(?:st|nd|rd|th)$", "")
    return (number == pl.col("edition")).fill_null(value=False)


@cache
def _phrases() -> dict[str, str]:
    """Map synonyms of several words, and names of countries, with the spaces around them."""
    many = {
        phrase: word
        for phrase, word in {**lexicon.country_words(), **lexicon.synonyms()}.items()
        if " " in phrase
    }
    return {f" {phrase} ": f" {word} " for phrase, word in many.items()}


@cache
def _splitter() -> Splitter:
    canonical = {**lexicon.country_words(), **lexicon.place_aliases(), **lexicon.synonyms()}
    everyday = {word for word in lexicon.synonym_words() if " " not in word}
    return Splitter(
        parts=lexicon.compound_parts() | everyday,
        whole=lexicon.whole_words(),
        canonical=canonical,
    )


def ready() -> None:
    """Read of the lexicon what splits words, once a process: a tenth of a second, in which other columns can be worked on."""
    _splitter()
    _phrases()


def _split_words(words: pl.Series) -> pl.DataFrame:
    """Look up each distinct word: ``word``, ``parts``, a row a part in their order, ``stop`` (whether it never tells events apart)."""
    distinct = words.drop_nulls().unique()
    names, stop = distinct.to_list(), lexicon.stopwords()
    parts = [_splitter().split(name) for name in names]
    # Columns, not rows: each row would be an object for Python's collector to look at.
    number = np.repeat(np.arange(len(parts)), np.fromiter(map(len, parts), np.intp, len(parts)))
    stems = [stem(part) for of_word in parts for part in of_word]
    stops = pl.Series("stop", [name in stop for name in names], dtype=pl.Boolean)
    return pl.DataFrame(
        [
            distinct.gather(number).alias("word"),
            pl.Series("parts", stems, dtype=pl.String),
            stops.gather(number),
        ]
    )
