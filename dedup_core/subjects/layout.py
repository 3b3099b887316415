"""Layout: fill the table of subjects, each column once.

One long function, as it is a list: each line says where a column comes from.
"""

import operator

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core import lexicon
from dedup_core.chunks import each
from dedup_core.corpus import TEXT_PREFIX, Corpus
from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import Policy
from dedup_core.signatures import letter_signatures, word_signatures
from dedup_core.subjects.audiences import audiences
from dedup_core.subjects.columns import (
    Floats,
    as_float,
    codes,
    floats,
    ints,
    matrix,
    of_words,
    ragged,
    shared_codes,
    summed,
)
from dedup_core.subjects.contrasts import bands, levels, numerals
from dedup_core.subjects.houses import NO_ALIASES, addresses
from dedup_core.subjects.initials import initials
from dedup_core.subjects.localities import (
    districts,
    landscape,
    towns_of,
)
from dedup_core.subjects.rarity import counts, information, venue_bits
from dedup_core.subjects.saying import saying_of
from dedup_core.subjects.shows import doors_given, ends, midnights, sessions, several_shows
from dedup_core.subjects.table import Subjects
from dedup_core.subjects.unique import unique_things
from dedup_core.venues import title_words_of, venue_words


def subjects_of(
    events: pl.DataFrame,
    occurrences: pl.DataFrame,
    spans: pl.DataFrame,
    known: pl.DataFrame,
    corpus: Corpus,
    policy: Policy,
) -> Subjects:
    """Lay out the columns. known: as from `dedup_core.corpus.title_words`, with what the corpus knows of each word."""
    n = events.height
    several, doors, templates = each(
        (
            lambda: several_shows(events, known, spans),
            lambda: doors_given(events, spans),
            lambda: _templates(events, copies=policy.evidence.description_copies),
        ),
        operator.call,
        rows=n,
    )
    lowered = events["title"].str.to_lowercase()
    saying = saying_of(known, events, lowered, policy)
    vocabulary = corpus.words["word"]
    shape = (n, len(vocabulary))
    has_word, weighted = of_words(known, shape), of_words(known, shape, weighed=True)
    numbers = of_words(known.filter(pl.col("word").str.contains(r"\d")), shape)
    city, district, city_names = shared_codes(events["city_key"], districts(events))
    venue, _, venue_names = shared_codes(events["venue_key"])
    venue_texts, venue_kinds = venue_words(venue_names, towns_of(venue_names, events))
    street = codes(events["street_key"])
    street_no = codes(events["street_no"].str.to_lowercase().str.replace_all(r"\s", ""))
    own_district = events["district_key"].is_not_null().to_numpy()
    address, house = addresses(city, venue, np.where(own_district, district, -1), street, street_no)
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
        numeral=numerals(events),
        level=levels(lowered),
        bands=bands(lowered),
        audience=audiences(known, n),
        unique=unique_things(events, ints(day)),
        word_lists=ragged(known["event"], known["token"], n),
        vocabulary=vocabulary,
        word_bits=floats(corpus.words["bits"]),
        titles=events["title_tokens"],
        word_signs=word_signatures(known["event"].to_numpy(), ints(known["token"]), n),
        letter_signs=letter_signatures(events["title_tokens"]),
        place_words=of_words(saying.places, shape, weighed=True),
        has_place_word=of_words(saying.places, shape),
        initials=initials(known, corpus, n),
        title_bits=np.asarray(weighted.sum(axis=1), dtype=np.float32).ravel(),
        town_bits=summed(saying.towns, n),
        names_district=saying.names_district,
        hall_bits=summed(saying.halls, n),
        genre_bits=summed(saying.genres, n),
        host_bits=summed(saying.hosts, n),
        performer_bits=summed(saying.performers, n),
        work_bits=summed(saying.works, n),
        hosts=of_words(saying.hosts, shape, weighed=True),
        names=of_words(saying.names, shape, weighed=True),
        name_bits=summed(saying.names, n),
        several_shows=several,
        equal_title=codes(events["title_words"]),
        edition=floats(events["edition"]),
        day=ints(day),
        last_day=ints(spans["last_day"]),
        night=ints(spans["first_night"]),
        previous_day=floats(events["previous_day"].cast(pl.Int32)),
        moment=spans["moment"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        until=ends(events, spans),
        midnight=midnights(events, spans),
        doors=doors,
        dates=ints(spans["dates"]),
        days=ints(spans["days"]),
        starts_a_day=ints(spans["starts_a_day"]),
        occurrences=occurrences,
        day_bits=information(placed, corpus.days, ["day"], total, policy.background.day_share, policy),
        city_bits=information(
            placed, corpus.cities, ["city_key"], total, policy.background.city_share, policy
        ),
        density=counts(placed, corpus.city_days, ["city_key", "day"]),
        run_density=counts(placed, corpus.city_runs, ["city_key", "day", "last_day"]),
        venue_bits=venue_bits(placed, corpus, policy),
        start_bits=information(
            placed, corpus.starts, ["minute"], total, policy.background.start_share, policy
        ),
        city=city,
        district=district,
        own_district=own_district,
        online=(events["city_key"] == "online").fill_null(value=False).to_numpy(),
        city_names=city_names,
        venue=venue,
        venue_names=venue_texts,
        venue_kinds=venue_kinds,
        venue_keys=venue_names,
        venue_title_words=title_words_of(venue_names),
        venue_signs=letter_signatures(venue_texts),
        street=street,
        street_no=street_no,
        address=address,
        house=house,
        aliases=NO_ALIASES,
        latitude=events["latitude"].fill_null(float("nan")).to_numpy(),
        longitude=events["longitude"].fill_null(float("nan")).to_numpy(),
        geo_confidence=floats(events["geo_confidence"].fill_null(0.5)),
        landscape=landscape(events),
        landscapes=np.array(
            [(land.latitude, land.longitude, land.km) for land in lexicon.landscapes().values()]
        ),
        texts=events.select(
            "title", "venue", "venue_key", "district", "street", "description", "short_description"
        ),
        template=templates,
        text_words=corpus.text_words,
        described=corpus.described,
        rarest_text_word=as_float(corpus.text_words["bits"].max()),
        categories=_categories(events),
        source=codes(events["source_code"]),
        source_type=codes(events["source_type"]),
        session=sessions(events),
        visit=_is_kind(events, ["guided_tour", "opening"]),
        series=_is_kind(events, ["series"]),
        play=_is_kind(events, ["play"]),
        exhibition=_is_kind(events, ["exhibition"]),
        kind=codes(events["kind"]),
        unreal=_is_kind(events, [name for name, kind in lexicon.kinds().items() if not kind.event]),
        title_factor=_title_factor(events, policy),
        headline=_headlines(events),
    )


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
    return matrix(listed["event"], codes, None, (events.height, int(codes.max() or 0) + 1))  # type: ignore[arg-type]


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


def _headlines(events: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which titles journalists wrote. "Kinderfilm: Die Wölfe" in a paper stands in a programme, and names what it is."""
    genres = "|".join(sorted(lexicon.genre_words()))
    labelled = rf"^\W*[\w-]*(?:{genres}):\s|(?:\s[–—|-]\s|\()[\w-]*(?:{genres})(?:\)|\s|$)"
    article = (events["source_type"] == "artikel").fill_null(value=False)
    headline = article.to_numpy().copy()
    headline[headline] = ~events["title"].filter(article).str.to_lowercase().str.contains(labelled).to_numpy()
    return headline


def _templates(events: pl.DataFrame, *, copies: int) -> npt.NDArray[np.bool_]:
    """Tell which descriptions stand under so many different titles that they describe none of them."""
    text = pl.coalesce("description", "short_description")
    titles = pl.col("title_words").n_unique().over(text.str.slice(0, TEXT_PREFIX))
    return events.select(text.is_not_null() & (titles >= copies)).to_series().to_numpy()


def _is_kind(events: pl.DataFrame, kinds: list[str]) -> npt.NDArray[np.bool_]:
    return events["kind"].is_in(kinds).fill_null(value=False).to_numpy()
