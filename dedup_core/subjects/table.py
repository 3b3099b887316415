"""The table of subjects: one column a thing that a comparison looks at.

Long, as it is a list: what a column holds is said where it is named.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core.signatures import Signatures
from dedup_core.subjects.columns import Floats, Ints, Ragged
from dedup_core.subjects.houses import Aliases


@dataclass(frozen=True, slots=True)
class Subjects:
    """Columns of n source events.

    words: (n, V) bits of each title word; has_word: the same, 1 where a word is; word_lists: the words in order.
    numbers: has_word for the words that hold digits; has_number: whether there are any. numeral: the Roman one from II on that a title holds, 0 for none. level: (n, k) whom it is for, as beginners or the advanced, women or men, 0 unknown. bands: (n, k) ones, the clubs and bands that a title names as written. audience: (n,) for whom it says it is, a bit each. unique: (n,) what it says of which a town has one on a day, 0 for none.
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
    address: code of the whole address; house: that which most listings of the town give for the venue.   aliases: names that are of one house.
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
    audience: Ints
    unique: Ints
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
    address: Ints
    house: Ints
    aliases: Aliases
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
    play: npt.NDArray[np.bool_]
    exhibition: npt.NDArray[np.bool_]
    kind: Ints
    unreal: npt.NDArray[np.bool_]
    title_factor: Floats
    headline: npt.NDArray[np.bool_]
