"""Subjects: everything that a comparison looks at, laid out once an event so that pairs only gather.

Rows are source events in the order of the events frame; -1 codes and NaN numbers stand for missing.
"""

import itertools
import operator
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core import lexicon
from dedup_core.chunks import each
from dedup_core.compounds import stem
from dedup_core.corpus import TEXT_PREFIX, Corpus
from dedup_core.folding import folded
from dedup_core.normalising import words_of
from dedup_core.occurrences import MINUTES_A_DAY, minutes
from dedup_core.policy import Policy
from dedup_core.signatures import Signatures, letter_signatures, word_signatures
from dedup_core.venues import title_words_of, venue_words

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of different lengths, end to end: the list of event ``e`` is ``values[starts[e]:starts[e + 1]]``."""

    starts: npt.NDArray[np.int64]
    values: Ints


@dataclass(frozen=True, slots=True)
class Subjects:
    """Columns of n source events.

    words: (n, V) bits of each title word; has_word: the same, 1 where a word is; word_lists: the words in order.
    numbers: has_word for the words that hold digits; has_number: whether there are any. numeral: the Roman one from II on that a title holds, 0 for none. level: (n, k) whom it is for, as beginners or the advanced, women or men, 0 unknown. bands: (n, k) ones, the clubs and bands that a title names as written.
    vocabulary: the V words; word_bits: their information (V,).   titles: the words, space-joined.   word_signs, letter_signs: their signatures.
    place_words: (n, V) bits of the words that only name the event's own town or venue; has_place_word: the same, 1 where one is.
    initials: (n, V), 1 where the title's initials form a word.   title_bits: their sum; town_bits, hall_bits: that of the words that only name the event's own town, its own venue; names_district: whether the former name its district; genre_bits: of those that say what kind of event it is; host_bits: of those that say who invites, or to what festival it belongs; performer_bits: of those at its end that say whose it is; work_bits: of those that say what is played.
    hosts: (n, V) bits of the words that say who invites, or to what festival it belongs.
    names: (n, V) bits of the words that are neither places, nor numbers, nor known to be common in titles; name_bits: their sum.
    several_shows: whether a source lists the event with several starts on its day.
    equal_title: code of the whole title.
    day, last_day, night: days since 1970; moment: minutes, NaN unknown; until: when it ends, NaN unknown; midnight: whether 00:00 is given, which may be meant; doors: whether it is that of the doors; dates: distinct days; days: length in days; starts_a_day: most known starts on one day.
    day_bits, city_bits, venue_bits, start_bits: information of meeting the same one by chance.
    density: listings in the event's town on its first day; run_density: those of several days on just the same days, 0 for one day.
    venue_names: compounds split, function words left out, any church a church; venue_signs: the signatures of their letters;
    venue_kinds: the same with one word for houses of a kind, null without a name of the house's own; venue_keys: folded, as written.
    venue_title_words: the names split as titles are.
    city, district, venue, street, source: codes; online: whether the town is the net.
    own_district: whether the district stands in a field of the listing, or is told by the venue's name.
    latitude, longitude, geo_confidence: NaN missing.
    landscape: row of ``landscapes`` that a town's name ends with, -1 for none: `Weiler im Allgäu`; landscapes: (k, 3) latitude, longitude, km around.
    texts: titles, places and descriptions as written; template: those that many titles share; text_words: bits of their words; described: as in `dedup_core.corpus.Corpus`.
    title_factor: how much differing titles count.   headline: whether a journalist wrote the title, and not a programme.
    unreal: whether it is a voucher or the like.
    """

    size: int
    log_size: float
    words: sparse.csr_array
    has_word: sparse.csr_array
    numbers: sparse.csr_array
    has_number: npt.NDArray[np.bool_]
    numeral: Ints
    level: Ints
    bands: sparse.csr_array
    word_lists: Ragged
    vocabulary: pl.Series
    word_bits: Floats
    titles: pl.Series
    word_signs: Signatures
    letter_signs: Signatures
    place_words: sparse.csr_array
    has_place_word: sparse.csr_array
    initials: sparse.csr_array
    title_bits: Floats
    town_bits: Floats
    names_district: npt.NDArray[np.bool_]
    hall_bits: Floats
    genre_bits: Floats
    host_bits: Floats
    performer_bits: Floats
    work_bits: Floats
    hosts: sparse.csr_array
    names: sparse.csr_array
    name_bits: Floats
    several_shows: npt.NDArray[np.bool_]
    equal_title: Ints
    edition: Floats
    day: Ints
    last_day: Ints
    night: Ints
    previous_day: Floats
    moment: npt.NDArray[np.float64]
    until: npt.NDArray[np.float64]
    midnight: npt.NDArray[np.bool_]
    doors: npt.NDArray[np.bool_]
    dates: Ints
    days: Ints
    starts_a_day: Ints
    occurrences: pl.DataFrame
    day_bits: Floats
    city_bits: Floats
    density: Floats
    run_density: Floats
    venue_bits: Floats
    start_bits: Floats
    city: Ints
    district: Ints
    own_district: npt.NDArray[np.bool_]
    online: npt.NDArray[np.bool_]
    city_names: pl.Series
    venue: Ints
    venue_names: pl.Series
    venue_kinds: pl.Series
    venue_keys: pl.Series
    venue_title_words: pl.Series
    venue_signs: Signatures
    street: Ints
    street_no: Ints
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    geo_confidence: Floats
    landscape: Ints
    landscapes: npt.NDArray[np.float64]
    texts: pl.DataFrame
    template: npt.NDArray[np.bool_]
    text_words: pl.DataFrame
    described: pl.DataFrame | None
    rarest_text_word: float
    categories: sparse.csr_array
    source: Ints
    source_type: Ints
    session: Ints
    visit: npt.NDArray[np.bool_]
    series: npt.NDArray[np.bool_]
    exhibition: npt.NDArray[np.bool_]
    kind: Ints
    unreal: npt.NDArray[np.bool_]
    title_factor: Floats
    headline: npt.NDArray[np.bool_]


def subjects_of(
    events: pl.DataFrame,
    occurrences: pl.DataFrame,
    spans: pl.DataFrame,
    words: pl.DataFrame,
    corpus: Corpus,
    policy: Policy,
) -> Subjects:
    """Lay out the columns. words: as from `dedup_core.corpus.title_words`."""
    known = words.join(corpus.words, on="word", maintain_order="left")
    common = _common_words()
    n = events.height
    named_after = (["city_key", "district_key"], ["venue_key"])
    towns, halls = each(named_after, lambda columns: _place_words(known, events, columns), rows=n)
    several, doors, templates = each(
        (
            lambda: _several_shows(events, known, spans),
            lambda: _doors(events, spans),
            lambda: _templates(events, copies=policy.evidence.description_copies),
        ),
        operator.call,
        rows=n,
    )
    genres = known.filter(pl.col("word").is_in(list(_genres())))
    own_place = pl.concat([towns, halls]).unique(["event", "token"], maintain_order=True)
    lowered = events["title"].str.to_lowercase()
    frames = _framing_words(known, own_place, lowered)
    performs = pl.col("role") == len(FRAMES) - 1
    plays = pl.col("role") == WORKS
    hosts = frames.filter(~performs, ~plays).unique(["event", "token"], maintain_order=True)
    telling = known.filter(~pl.col("word").is_in(list(common)), ~pl.col("word").str.contains(r"\d")).join(
        own_place.select("event", "word"),
        on=["event", "word"],
        how="anti",
        maintain_order="left",
    )
    vocabulary = corpus.words["word"]
    has_word = _matrix(known["event"], known["token"], None, (n, len(vocabulary)))
    weighted = _matrix(known["event"], known["token"], known["bits"], (n, len(vocabulary)))
    digits = known.filter(pl.col("word").str.contains(r"\d"))
    numbers = _matrix(digits["event"], digits["token"], None, (n, len(vocabulary)))
    city, district, city_names = _shared_codes(events["city_key"], _districts(events))
    venue, _, venue_names = _shared_codes(events["venue_key"])
    venue_texts, venue_kinds = venue_words(venue_names, _towns_of(venue_names, events))
    day = spans["first_day"]
    placed = events.select(
        "city_key", "venue_key", day=day, last_day=spans["last_day"], minute=spans["moment"] % MINUTES_A_DAY
    )
    total = corpus.size + policy.background.listings
    return Subjects(
        size=n,
        log_size=float(np.log2(total)),
        words=weighted,
        has_word=has_word,
        numbers=numbers,
        has_number=np.diff(numbers.indptr) > 0,
        numeral=_numerals(events),
        level=_levels(lowered),
        bands=_bands(lowered),
        word_lists=_ragged(known["event"], known["token"], n),
        vocabulary=vocabulary,
        word_bits=_floats(corpus.words["bits"]),
        titles=events["title_tokens"],
        word_signs=word_signatures(known["event"].to_numpy(), _ints(known["token"]), n),
        letter_signs=letter_signatures(events["title_tokens"]),
        place_words=_matrix(own_place["event"], own_place["token"], own_place["bits"], (n, len(vocabulary))),
        has_place_word=_matrix(own_place["event"], own_place["token"], None, (n, len(vocabulary))),
        initials=_initials(words, corpus, n),
        title_bits=np.asarray(weighted.sum(axis=1), dtype=np.float32).ravel(),
        town_bits=_summed(towns, n),
        names_district=_names_district(towns, events),
        hall_bits=_summed(halls, n),
        genre_bits=_summed(genres, n),
        host_bits=_summed(hosts, n),
        performer_bits=_summed(frames.filter(performs), n),
        work_bits=_summed(frames.filter(plays), n),
        hosts=_matrix(hosts["event"], hosts["token"], hosts["bits"], (n, len(vocabulary))),
        names=_matrix(telling["event"], telling["token"], telling["bits"], (n, len(vocabulary))),
        name_bits=_summed(telling, n),
        several_shows=several,
        equal_title=_codes(events["title_words"]),
        edition=_floats(events["edition"]),
        day=_ints(day),
        last_day=_ints(spans["last_day"]),
        night=_ints(spans["first_night"]),
        previous_day=_floats(events["previous_day"].cast(pl.Int32)),
        moment=spans["moment"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        until=_until(events, spans),
        midnight=_midnight(events, spans),
        doors=doors,
        dates=_ints(spans["dates"]),
        days=_ints(spans["days"]),
        starts_a_day=_ints(spans["starts_a_day"]),
        occurrences=occurrences,
        day_bits=_bits(placed, corpus.days, ["day"], total, policy.background.day_share, policy),
        city_bits=_bits(placed, corpus.cities, ["city_key"], total, policy.background.city_share, policy),
        density=_counts(placed, corpus.city_days, ["city_key", "day"]),
        run_density=_counts(placed, corpus.city_runs, ["city_key", "day", "last_day"]),
        venue_bits=_venue_bits(placed, corpus, policy),
        start_bits=_bits(placed, corpus.starts, ["minute"], total, policy.background.start_share, policy),
        city=city,
        district=district,
        own_district=events["district_key"].is_not_null().to_numpy(),
        online=(events["city_key"] == "online").fill_null(value=False).to_numpy(),
        city_names=city_names,
        venue=venue,
        venue_names=venue_texts,
        venue_kinds=venue_kinds,
        venue_keys=venue_names,
        venue_title_words=title_words_of(venue_names),
        venue_signs=letter_signatures(venue_texts),
        street=_codes(events["street_key"]),
        street_no=_codes(events["street_no"].str.to_lowercase().str.replace_all(r"\s", "")),
        latitude=events["latitude"].fill_null(float("nan")).to_numpy(),
        longitude=events["longitude"].fill_null(float("nan")).to_numpy(),
        geo_confidence=_floats(events["geo_confidence"].fill_null(0.5)),
        landscape=_landscape(events),
        landscapes=np.array(
            [(land.latitude, land.longitude, land.km) for land in lexicon.landscapes().values()]
        ),
        texts=events.select(
            "title", "venue", "venue_key", "district", "street", "description", "short_description"
        ),
        template=templates,
        text_words=corpus.text_words,
        described=corpus.described,
        rarest_text_word=_as_float(corpus.text_words["bits"].max()),
        categories=_categories(events),
        source=_codes(events["source_code"]),
        source_type=_codes(events["source_type"]),
        session=_sessions(events),
        visit=_is_kind(events, ["guided_tour", "opening"]),
        series=_is_kind(events, ["series"]),
        exhibition=_is_kind(events, ["exhibition"]),
        kind=_codes(events["kind"]),
        unreal=_is_kind(events, [name for name, kind in lexicon.kinds().items() if not kind.event]),
        title_factor=_title_factor(events, policy),
        headline=_headlines(events),
    )


def _districts(events: pl.DataFrame) -> pl.Series:
    """Give the districts; of a listing without one that which its venue names, if another listing of the town knows it."""
    known = events.select("city_key", named="district_key").drop_nulls().unique()
    venues = (
        events.filter(pl.col("district_key").is_null()).select("city_key", "venue_key").drop_nulls().unique()
    )
    padded = pl.concat_str(pl.lit(" "), "venue_key", pl.lit(" "))
    name = pl.concat_str(pl.lit(" "), "named", pl.lit(" "))
    told = (
        venues.join(known, on="city_key")
        .filter(padded.str.contains(name, literal=True), pl.col("named") != pl.col("venue_key"))
        .group_by("city_key", "venue_key")
        .agg(pl.col("named").min(), several=pl.len())
        .filter(pl.col("several") == 1)
    )
    joined = events.select("city_key", "venue_key", "district_key").join(
        told, on=["city_key", "venue_key"], how="left", maintain_order="left"
    )
    return joined.select(pl.coalesce("district_key", "named").alias("district_key")).to_series()


@cache
def _common_words() -> frozenset[str]:
    """Give the words that the lexicon knows, as titles have them."""
    return frozenset(stem(word) for word in lexicon.compound_parts() | lexicon.synonym_words())


def _towns_of(venues: pl.Series, events: pl.DataFrame) -> pl.Series:
    """Name the towns and districts in which there is a venue of each name: (k,), space-joined."""
    town = pl.concat_str("city_key", "district_key", separator=" ", ignore_nulls=True)
    places = events.select(venue="venue_key", town=town).drop_nulls().unique().sort("venue", "town")
    towns = places.group_by("venue").agg(pl.col("town").str.join(" "))
    named = venues.rename("venue").to_frame().join(towns, on="venue", how="left", maintain_order="left")
    return named["town"].fill_null("")


def _ints(column: pl.Series) -> Ints:
    return column.cast(pl.Int32).fill_null(-1).to_numpy()


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float32).fill_null(float("nan")).to_numpy()


def _codes(column: pl.Series) -> Ints:
    """Number the distinct texts; equal numbers mean equal texts, nothing more."""
    return _ints(column.cast(pl.Categorical).to_physical().cast(pl.Int64))


def _shared_codes(first: pl.Series, *more: pl.Series) -> tuple[Ints, Ints, pl.Series]:
    """Number the texts of one or two columns together; the names stand at their number."""
    columns = [first, *more]
    names = pl.concat([column.rename("name") for column in columns]).drop_nulls().unique().sort()
    table = pl.DataFrame({"name": names, "code": pl.int_range(len(names), dtype=pl.Int32, eager=True)})
    numbered = [
        _ints(
            column.rename("name").to_frame().join(table, on="name", how="left", maintain_order="left")["code"]
        )
        for column in columns
    ]
    return numbered[0], numbered[-1], names


def _matrix(
    rows: pl.Series, columns: pl.Series, values: pl.Series | None, shape: tuple[int, int]
) -> sparse.csr_array:
    filled = np.ones(len(rows), np.float32) if values is None else values.cast(pl.Float32).to_numpy()
    matrix = sparse.csr_array(
        (filled, (rows.cast(pl.Int32).to_numpy(), columns.cast(pl.Int32).to_numpy())), shape=shape
    )
    matrix.sum_duplicates()
    return matrix


def _ragged(rows: pl.Series, values: pl.Series, n: int) -> Ragged:
    """rows: ascending event numbers."""
    starts = np.searchsorted(rows.to_numpy(), np.arange(n + 1)).astype(np.int64)
    return Ragged(starts, values.cast(pl.Int32).to_numpy())


def _place_words(known: pl.DataFrame, events: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """List the title words that only name the event's own town or venue: one source says where, another doesn't."""
    names = pl.concat_str(columns, separator=" ", ignore_nulls=True)
    written = events.select(names.fill_null("").alias("written"))
    distinct = written["written"].unique()
    split = words_of(distinct, pl.repeat(None, len(distinct), dtype=pl.Int32, eager=True))["title_tokens"]
    table = pl.DataFrame({"written": distinct, "names": split.str.split(" ")})
    rows = written.join(table, on="written", how="left", maintain_order="left").with_row_index("event")
    town = "city_key" in columns
    shortened = (
        town
        & (pl.col("word").str.len_chars() >= SHORTENED)
        & pl.col("written").str.starts_with(pl.col("word"))
    )
    named = pl.col("word").is_in(pl.col("names"))
    found = known.join(rows, on="event", maintain_order="left").filter(named | shortened)
    return found.filter(named | ~pl.col("word").is_in(list(_common_words())))


def _landscape(events: pl.DataFrame) -> Ints:
    """Number the landscape with which the name of a town ends: (n,), -1 for none."""
    numbers = {name: number for number, name in enumerate(lexicon.landscapes())}
    said = events["city_key"].str.extract(rf" (?:im|am|in der|in|vorm|i|a) ({'|'.join(numbers)})$")
    return _ints(said.replace_strict(numbers, default=None, return_dtype=pl.Int32))


def _names_district(towns: pl.DataFrame, events: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which titles name the event's district: (n,). towns: the words that name its town or district."""
    said = towns.select("event", "word", city=events["city_key"].fill_null("").gather(towns["event"]))
    found = np.zeros(events.height, np.bool_)
    found[said.filter(~pl.col("city").str.contains(pl.col("word"), literal=True))["event"].to_numpy()] = True
    return found


SHORTENED = 5
"""Letters of the beginning of a place's name that may stand for it: Ödsbach for Ödsbachtal; but not the Kirche of Kirchental."""


def _framing_words(known: pl.DataFrame, own_place: pl.DataFrame, lowered: pl.Series) -> pl.DataFrame:
    """List the words of titles that say who invites, to what, or whose it is, but for the names of places: as ``known``, and ``role``.

    lowered: the titles as written, lowered. None where a title says nothing else. role: number in `FRAMES`.
    """
    titles = lowered.to_frame("title").with_row_index("event")
    framed = pl.concat(
        titles.filter(pl.col("title").str.contains(sign))
        .select("event", pl.lit(role).alias("role"), said=pl.col("title").str.extract(where))
        .filter(pl.col("said").str.contains("|".join(f"(?:{p})" for p in marker().patterns)))
        for role, (sign, where, marker) in enumerate(FRAMES)
    )
    framed = framed.join(_words_of_texts(framed["said"].unique()), on="said", maintain_order="left").drop(
        "said"
    )
    telling = known.filter(pl.col("event").is_in(framed["event"].unique().implode())).join(
        own_place.select("event", "token"), on=["event", "token"], how="anti", maintain_order="left"
    )
    both = framed.join(telling, on="event", maintain_order="left_right")
    said = pl.col("word").is_in(pl.col("frame"))
    return both.filter(said & ~said.all().over("event", "role")).select(*known.columns, "role")


def _words_of_texts(said: pl.Series) -> pl.DataFrame:
    """Split distinct texts as titles are: ``said``, ``frame`` (List[str])."""
    none = pl.repeat(None, len(said), dtype=pl.Int32, eager=True)
    words = words_of(said.to_frame("said").select(folded(pl.col("said"))).to_series(), none)["title_tokens"]
    return pl.DataFrame({"said": said, "frame": words.str.split(" ")})


BEFORE_COLON = r"^([^:]{3,80}):\s"
"""What may say who invites, …"""

IN_BRACKETS = r"\s\(([^()]{3,60})\)\s*$"
"""… to what it belongs, …"""

ADDED = r"\s[(+|,&/–-]*\s*((?:mit|special|support|vorband|vorgruppe|opener)\b[^+|()]{2,80})\)?\s*$"
"""… who plays, too, …"""

PLAYED = r"\s((?:mit\s)?werken? (?:von|aus)\s.{3,80})$"
"""… what is played, …"""

IN_GENITIVE = r"\s(?:der|des|vom)\s([^:,(|–]{3,60})$"
"""… and who does it."""

FRAMES = (
    (r":\s", BEFORE_COLON, lexicon.hosts),
    (r"\)\s*$", IN_BRACKETS, lexicon.umbrellas),
    (r"support|special guest|vorband|vorgruppe|opener|mit (?:live|dj)", ADDED, lexicon.supports),
    (r"werke", PLAYED, lexicon.works),
    (r"\s(?:der|des|vom)\s", IN_GENITIVE, lexicon.hosts),
)
"""Where what frames an event stands in a title, by what to look for first, and what is taken for it; the last says whose it is."""

WORKS: Final = 3
"""Number in `FRAMES` of what is played."""


NUMERALS: Final = {"II": 2, "III": 3, "IV": 4, "VI": 6, "VII": 7, "VIII": 8, "IX": 9}
"""Roman numerals that are hardly anything else."""


def _numerals(events: pl.DataFrame) -> Ints:
    """Read the first Roman numeral of each title as written, since who invites may be a second team: (n,), 0 for none.

    An edition is none, nor is what a point makes an ordinal: `Ludwig II.` is a king, whom another source calls by his name alone.
    """
    said = pl.col("title").str.extract(rf"\b({'|'.join(NUMERALS)})(?:[^.\w]|$)")
    number = said.replace_strict(NUMERALS, default=None, return_dtype=pl.Int32)
    part = pl.when(number.ne_missing(pl.col("edition"))).then(number)
    return events.select(part.fill_null(0)).to_series().to_numpy()


BANDS: Final = "verein|verband|zunft|feuerwehr|kapelle|stadtmusik|blasmusik|guggemusik|guggenmusik|chor|kantorei|orchester|landfrauen"
"""With what the names of clubs and bands end."""

NAMED: Final = rf"[^ :,()]*(?:{BANDS})(?:e?s)?(?:[ :,()]|$)"


def _bands(lowered: pl.Series) -> sparse.csr_array:
    """List the clubs and bands that titles name as written, wherever they stand: (n, k) ones, a column a word."""
    titles = lowered.to_frame("title").with_row_index("event")
    naming = titles.filter(pl.col("title").str.contains(BANDS))
    said = naming.select("event", band=pl.col("title").str.extract_all(NAMED)).explode("band").drop_nulls()
    plain = said.select(folded(pl.col("band"))).to_series().str.replace(r"e?s$", "")
    named = said.select("event", plain.alias("band")).unique()
    codes = named["band"].rank("dense").cast(pl.Int32) - 1
    return _matrix(named["event"], codes, None, (len(lowered), int(codes.max() or 0) + 1))  # type: ignore[arg-type]


LEVELS: Final = (
    (
        r"einsteiger|anfänger|anfaenger|beginner|grundkurs|grundlagen|basiskurs|\bbasics?\b",
        "mittelstufe|intermediate",
        "fortgeschritten|aufbaukurs|advanced",
    ),
    (r"\b(?:damen|frauen)\b", r"\b(?:herren|männer|maenner)\b"),
    tuple(rf"\b{letter}-(?:jugend|junior)" for letter in "abcdefg"),
    (
        r"\b(?:1|i|erste)\.? mannschaft\b",
        r"\b(?:2|ii|zweite)\.? mannschaft\b",
        r"\b(?:3|iii|dritte)\.? mannschaft\b",
    ),
    (r"\bnord\b", r"\bs(?:ü|ue)d\b", r"\bost\b", r"\bwest\b"),
)
"""What titles say of whom a course or a match is for: of each row one thing excludes the others."""


def _levels(lowered: pl.Series) -> Ints:
    """Read whom each title is for: (n, k), a column a row of `LEVELS`, the number of what is said from 1 on, 0 for none and for several. lowered: the titles."""
    levels = np.zeros((len(lowered), len(LEVELS)), np.int32)
    for column, words in enumerate(LEVELS):
        rows = lowered.str.contains("|".join(words)).arg_true()
        said = np.array([lowered.gather(rows).str.contains(one).to_numpy() for one in words])
        levels[rows.to_numpy(), column] = np.where(said.sum(axis=0) == 1, said.argmax(axis=0) + 1, 0)
    return levels


@cache
def _genres() -> frozenset[str]:
    """Give the words for genres, as titles have them."""
    words = pl.Series(sorted(lexicon.genre_words()), dtype=pl.String)
    split = words_of(words, pl.repeat(None, len(words), dtype=pl.Int32, eager=True))["title_tokens"]
    return frozenset(text for text in split if " " not in text)


def _summed(words: pl.DataFrame, n: int) -> Floats:
    """Sum the bits of words an event: (n,)."""
    return np.bincount(words["event"].to_numpy(), weights=words["bits"].to_numpy(), minlength=n).astype(
        np.float32
    )


MIN_INITIALS = 3
"""Letters; a shorter abbreviation fits too many titles."""

OPENERS = frozenset(
    stem(word)
    for word in (
        "international", "european", "national", "world", "annual", "conference", "congress", "symposium", "workshop",
        "internationale", "europaeische", "deutsche", "konferenz", "kongress", "tagung", "ieee", "acm",
    )
)  # fmt: skip
"""Words with which long names begin, and which abbreviations leave out."""


EVENTS_AT_ONCE = 100_000
"""Titles whose initials are joined at once: a million at once take a gigabyte."""


def _initials(words: pl.DataFrame, corpus: Corpus, n: int) -> sparse.csr_array:
    """Find the words that a title's initials form: of all its words, of those after the openers, of all but the first.

    words: ``event``, ``word`` of n titles, ascending, in the order of each title.

    Returns:
        (n, V) ones; only words that a title has, and that no lexicon knows.
    """
    common = _common_words()
    tokens = corpus.words.select("word", "token").filter(
        pl.col("word").str.len_chars() >= MIN_INITIALS, ~pl.col("word").is_in(list(common))
    )
    ends = np.searchsorted(
        words["event"].to_numpy(), np.arange(0, max(1, n) + EVENTS_AT_ONCE, EVENTS_AT_ONCE)
    )
    slices = [words.slice(start, end - start) for start, end in itertools.pairwise(ends.tolist())]
    formed = pl.concat(list(each(slices, partial(_formed, tokens=tokens))))
    return _matrix(formed["event"], formed["token"], None, (n, corpus.words.height))


def _formed(words: pl.DataFrame, *, tokens: pl.DataFrame) -> pl.DataFrame:
    """Look up what the initials of some titles form: ``event``, ``token``, sorted. tokens: the words that count."""
    opens = pl.col("word").is_in(list(OPENERS)).cast(pl.Int8).cum_prod().sum()
    begun = words.group_by("event", maintain_order=True).agg(
        pl.col("word").str.head(1).str.join("").alias("letters"), opens.alias("openers")
    )
    starts = (pl.lit(0), pl.lit(1), pl.col("openers"))
    letters = pl.concat(begun.select("event", word=pl.col("letters").str.slice(start)) for start in starts)
    return letters.join(tokens, on="word").select("event", "token").unique().sort("event", "token")


def _counts(placed: pl.DataFrame, table: pl.DataFrame, on: list[str]) -> Floats:
    return _floats(placed.join(table, on=on, how="left", maintain_order="left")["count"].fill_null(0))


def _bits(
    placed: pl.DataFrame, table: pl.DataFrame, on: list[str], total: int, share: float, policy: Policy
) -> Floats:
    expected = _counts(placed, table, on) + policy.background.listings * share
    return np.log2(total / expected).astype(np.float32)


def _venue_bits(placed: pl.DataFrame, corpus: Corpus, policy: Policy) -> Floats:
    """Rarity of a venue within its town."""
    in_city = _counts(placed, corpus.cities, ["city_key"])
    in_venue = _counts(placed, corpus.venues, ["city_key", "venue_key"])
    known = 10.0  # listings: a town of which we know fewer says little about how rare its venues are
    return np.log2((in_city + known) / (in_venue + known * policy.background.venue_share)).astype(np.float32)


def _categories(events: pl.DataFrame) -> sparse.csr_array:
    listed = (
        events.select(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("event"), pl.col("categories").alias("category")
        )
        .explode("category")
        .drop_nulls()
        .with_columns(pl.col("category").str.to_lowercase())
        .unique()
    )
    codes = listed["category"].rank("dense").cast(pl.Int32) - 1
    return _matrix(listed["event"], codes, None, (events.height, int(codes.max() or 0) + 1))  # type: ignore[arg-type]


def _sessions(events: pl.DataFrame) -> Ints:
    """Number the show of a day that a marker names: 0 none, 1 early, 2 late."""
    marked = pl.col("markers").fill_null("")
    late = marked.str.contains("late", literal=True)
    early = marked.str.contains("early", literal=True)
    return _ints(events.select(pl.when(late).then(2).when(early).then(1).otherwise(0)).to_series())


SHOW_MINUTES = 40
"""Minutes; a source that lists two starts so far apart lists two shows."""


def _several_shows(events: pl.DataFrame, known: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which events have, in the same town on the same night, two starts in the listings of one source.

    Listings are taken for shows of the same thing if they share the rarest word of their titles.
    """
    rarest = known.sort("event", "bits", "word", descending=[False, True, False]).unique(
        "event", keep="first"
    )
    placed = events.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("event"), "source_code", "city_key")
    shows = placed.with_columns(night=spans["first_night"], moment=spans["moment"]).join(
        rarest.select("event", "word"), on="event", how="left", maintain_order="left"
    )
    thing = ["city_key", "night", "word"]
    listed = (
        shows.drop_nulls(["word", "moment"])
        .group_by([*thing, "source_code"])
        .agg((pl.col("moment").max() - pl.col("moment").min()).alias("spread"))
    )
    several = listed.filter(pl.col("spread") >= SHOW_MINUTES).select(thing).unique()
    found = shows.join(
        several.with_columns(pl.lit(value=True).alias("several")),
        on=thing,
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return found["several"].fill_null(value=False).to_numpy()


def _is_kind(events: pl.DataFrame, kinds: list[str]) -> npt.NDArray[np.bool_]:
    return events["kind"].is_in(kinds).fill_null(value=False).to_numpy()


def _doors(events: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which listings give the doors for the start, as their own text says."""
    text = pl.coalesce("description", "short_description").str.slice(0, TEXT_PREFIX).str.to_lowercase()
    said = [text.str.extract_groups(pattern) for pattern in lexicon.captures()["doors"].patterns]
    hour = pl.coalesce([groups.struct.field("hour") for groups in said]).cast(pl.Int32, strict=False)
    minute = pl.coalesce([groups.struct.field("minute") for groups in said]).cast(pl.Int32, strict=False)
    starts = spans["moment"] % MINUTES_A_DAY
    return (
        events.select((hour * 60 + minute.fill_null(0) == starts).fill_null(value=False))
        .to_series()
        .to_numpy()
    )


def _until(events: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Date the end of what has one known start and end: (n,) minutes as ``moment``."""
    end = minutes(pl.col("event_dates").list.first().struct.field("end_time"))
    one = (pl.col("event_dates").list.len() == 1) & (pl.col("days") == 1)
    lasts = (end - pl.col("moment") % MINUTES_A_DAY) % MINUTES_A_DAY
    until = pl.when(one).then(pl.col("moment") + lasts).cast(pl.Float64).fill_null(float("nan"))
    return (
        events.select("event_dates")
        .hstack(spans.select("days", "moment"))
        .select(until)
        .to_series()
        .to_numpy()
    )


def _midnight(events: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which events have no start but 00:00, on a single day: unknown, or the midnight with which the day begins."""
    given = pl.col("event_dates").list.first().struct.field("start_time") == "00:00"
    one = (pl.col("event_dates").list.len() == 1) & (pl.col("days") == 1) & pl.col("moment").is_null()
    columns = events.select("event_dates").hstack(spans.select("days", "moment"))
    return columns.select((given & one).fill_null(value=False)).to_series().to_numpy()


def _headlines(events: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which titles journalists wrote. "Kinderfilm: Die Wölfe" in a paper stands in a programme, and names what it is."""
    genres = "|".join(sorted(lexicon.genre_words()))
    labelled = rf"^\W*[\w-]*(?:{genres}):\s|(?:\s[–—|-]\s|\()[\w-]*(?:{genres})(?:\)|\s|$)"
    article = (events["source_type"] == "artikel").fill_null(value=False)
    headline = article.to_numpy().copy()
    headline[headline] = ~events["title"].filter(article).str.to_lowercase().str.contains(labelled).to_numpy()
    return headline


def _as_float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _templates(events: pl.DataFrame, *, copies: int) -> npt.NDArray[np.bool_]:
    """Tell which descriptions stand under so many different titles that they describe none of them."""
    text = pl.coalesce("description", "short_description")
    titles = pl.col("title_words").n_unique().over(text.str.slice(0, TEXT_PREFIX))
    return events.select(text.is_not_null() & (titles >= copies)).to_series().to_numpy()


def _title_factor(events: pl.DataFrame, policy: Policy) -> Floats:
    """Take the factor furthest from 1 among an event's categories, times that of its source type."""
    by_category = pl.DataFrame(
        {"category": list(policy.title_by_category), "factor": list(policy.title_by_category.values())},
        schema={"category": pl.String, "factor": pl.Float32},
    )
    listed = (
        events.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("event"), category="categories")
        .explode("category")
        .with_columns(pl.col("category").str.to_lowercase())
        .join(by_category, on="category")
        .sort("event", (pl.col("factor") - 1).abs(), "factor", descending=[False, True, False])
        .unique("event", keep="first")
    )
    factor = np.ones(events.height, np.float32)
    factor[listed["event"].to_numpy()] = listed["factor"].to_numpy()
    types = events["source_type"].replace_strict(
        dict(policy.title_by_source_type), default=1.0, return_dtype=pl.Float32
    )
    combined: Floats = factor * types.fill_null(1.0).to_numpy()
    return combined
