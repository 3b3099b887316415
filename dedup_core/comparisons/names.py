"""Names: whether two names of towns, or of venues, are one.

Sources shorten, misspell and lengthen them; each two names are compared once, however many pairs of events have them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, JaroWinkler

from dedup_core import lexicon
from dedup_core.chunks import each
from dedup_core.comparisons.pairs import Mask, Pairs, Rows, both_known, same_code
from dedup_core.patrons import patrons_of, two_patrons
from dedup_core.policy import PlaceWeights
from dedup_core.subjects import Floats, Ints, Subjects
from dedup_core.subjects.houses import numbered
from dedup_core.venues import church_word, generic_words, known_words

CONTAINED: Final = 0.9
"""Similarity of a name that holds all words of the other and more."""

BESIDE: Final = 0.59
"""Similarity of two names that differ in nothing but the kind of room: the Klosterhof lies in the Kloster; neither for nor against, …"""

TWO_KINDS: Final = 0.585
"""… and neither, too, if each has a kind of its own; but the Kurpark is not the Kurhaus, so what is common is in two places."""

OPPOSED: Final = 0.01
"""Similarity of two names that only a Roman number, or east and west, upper and lower, tell apart: they are two for certain."""

TWO_HOUSES: Final = 0.011
"""Similarity of two names of houses of a kind of which each has its own: two saints, two inns, two halls."""

ONE_VENUE: Final = 0.85
"""Similarity from which two venues' names are one."""

LEARNED: Final = 0.9
"""Similarity of two names that listings of the town were found to give to one house, …"""

ONE_ADDRESS: Final = 0.75
"""… and of two that have one address, or were found so in other towns only: a school has a hall and a library, so what begins there at
one minute may be two."""

AREA: Final = 0.589
"""Similarity of a square to the middle of the place, in which it may lie: neither for nor against."""

NAMELESS: Final = 0.6
"""Similarity of "Kirche" to a church with a name: which of the town's it is, nobody knows."""

ALIKE: Final = 0.7
"""Similarity from which what each of two names has alone may be one word, misspelt or inflected."""

MISSPELT: Final = 0.93
"""Similarity of the letters (Jaro & Winkler) from which two names are one, misspelt or spaced otherwise."""

LONG: Final = 5
"""Characters; a shorter word stands within too many others."""

FURTHER_WORDS: Final = 0.6
"""What similarity of the words that only one of two names has counts, once they share others."""


@dataclass(frozen=True, slots=True)
class Names:
    """Of p pairs, how alike their names are.

    towns: whether two different names of towns are one misspelt, shortened or with its region: `Zell a. H.`, `Weiler im Allgäu`.
    venues: similarity of the names of the venues, [0, 1], 0 where one is missing; at least LEARNED or ONE_ADDRESS where the corpus says so.
    beside: whether they share a name, and each is another kind of room: perhaps one house, perhaps two places.
    opposed: whether all that differs is a Roman number or a word that sets the one against the other: `Pavillon Ost`, `Pavillon West`.
    houses: whether they are houses of a kind with two names: two churches, two inns, two halls.
    """

    towns: Mask
    venues: Floats
    beside: Mask
    opposed: Mask
    houses: Mask


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike different names are. table: ``two`` (Int64: low code * number of names + high code, each once), ``alike`` (Float32, [0, 1])."""

    table: pl.DataFrame

    def of(self, pairs: Pairs, codes: Ints, names: pl.Series) -> Floats:
        """Look pairs up: (p,), 0 where a name is missing or both are the same."""
        found = np.zeros(len(pairs), np.float32)
        differ, asked = _two_names(pairs, codes, len(names))
        met = pl.DataFrame({"two": asked}).join(self.table, on="two", how="left", maintain_order="left")
        found[differ] = met["alike"].to_numpy()
        return found


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of towns and of venues that some pairs hold beside each other, compared."""

    towns: Alike
    venues: Alike

    def of(self, pairs: Pairs, subjects: Subjects, weights: PlaceWeights) -> Names:
        """Tell how alike the names of p of these pairs are."""
        towns = self.towns.of(pairs, subjects.city, subjects.city_names) >= weights.misspelt
        venues = self.venues.of(pairs, subjects.venue, subjects.venue_names)
        opposed = venues == np.float32(OPPOSED)
        venues[same_code(subjects.venue, pairs)] = 1
        asked = (venues < ONE_VENUE) & ~opposed & both_known(subjects.venue, pairs)
        venues[asked] = np.maximum(venues[asked], one_house(pairs.where(asked), subjects))
        houses = venues == np.float32(TWO_HOUSES)
        return Names(towns, venues, venues == np.float32(TWO_KINDS), opposed, houses)


def one_house(pairs: Pairs, subjects: Subjects) -> Floats:
    """Tell where the corpus knows two venues as one house, whatever they are called: (p,) similarity, 0 where not. Both venues: known.

    They have one address, as they or other listings of the town say, or both names were found to be of one house. Two addresses are two houses.
    """
    found = np.zeros(len(pairs), np.float32)
    one, other = (address_of(rows, subjects) for rows in (pairs.a, pairs.b))
    found[(one == other) & (one >= 0)] = ONE_ADDRESS
    rows = learned(pairs, subjects)
    known = np.flatnonzero((rows >= 0) & ((one == other) | (one < 0) | (other < 0)))
    here = subjects.aliases.occasions[rows[known]] > 0
    found[known] = np.where(here, np.float32(LEARNED), np.float32(ONE_ADDRESS))
    return found


def address_of(rows: Rows, subjects: Subjects) -> Ints:
    """Give the addresses of listings, or those that other listings give for their venues: (p,) codes, -1 unknown."""
    own = subjects.address[rows]
    return np.where(own >= 0, own, subjects.house[rows])


def learned(pairs: Pairs, subjects: Subjects) -> Ints:
    """Find what was learned of the two names of venues of a town: (p,) rows of the aliases, -1 for nothing."""
    rows = np.full(len(pairs), -1, np.int32)
    if len(subjects.aliases.two):
        town = np.flatnonzero(same_code(subjects.city, pairs) & both_known(subjects.venue, pairs))
        a, b = pairs.a[town], pairs.b[town]
        names = len(subjects.venue_keys)
        two = numbered(subjects.city[a], subjects.venue[a], subjects.venue[b], names)
        rows[town] = subjects.aliases.rows(two)
    return rows


def names_alike(one: Ints, other: Ints, subjects: Subjects) -> Floats:
    """Compare names of venues, each two once: (p,) in [0, 1], 0 where both are the same. one, other: (p,) codes of them."""
    asked = np.unique(np.concatenate([one, other]))
    codes = np.arange(len(asked), dtype=np.int32)
    names = _venues(subjects)[asked]
    pairs = Pairs(np.searchsorted(asked, one), np.searchsorted(asked, other))
    return _compared([pairs], codes, _with_patrons(names), _venue_similarity).of(pairs, codes, names["name"])


def names_of(parts: Sequence[Pairs], subjects: Subjects) -> KnownNames:
    """Compare the names of the towns and of the venues, each two once."""
    towns = pl.DataFrame([subjects.city_names.alias("name")])
    venues = _with_patrons(_venues(subjects))
    return KnownNames(
        _compared(parts, subjects.city, towns, _town_similarity),
        _compared(parts, subjects.venue, venues, _venue_similarity),
    )


def _venues(subjects: Subjects) -> pl.DataFrame:
    return pl.DataFrame(
        [
            subjects.venue_names.alias("name"),
            subjects.venue_kinds.alias("kind"),
            subjects.venue_keys.alias("key"),
        ]
    )


def _with_patrons(venues: pl.DataFrame) -> pl.DataFrame:
    """Add to names what is compared of them: ``typed``, as they are run together where one letter may be a slip, and the patrons."""
    key = pl.col("key")
    typed = (key.str.len_chars() >= TYPED) & ~key.str.contains(r"\b(?:\w|[ivx]+)\b")
    return venues.with_columns(
        *patrons_of(venues["key"]),
        typed=pl.when(typed).then(key.str.replace_all(" ", "", literal=True)).fill_null(""),
    )


def _two_names(pairs: Pairs, codes: Ints, known: int) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Find the pairs where both names are known and differ, and number the two."""
    left, right = codes[pairs.a], codes[pairs.b]
    differ = np.flatnonzero((left != right) & ((left | right) >= 0))  # -1 has all bits
    left, right = left[differ].astype(np.int64), right[differ].astype(np.int64)
    return differ, np.minimum(left, right) * known + np.maximum(left, right)


def _compared(
    parts: Sequence[Pairs],
    codes: Ints,
    names: pl.DataFrame,
    compare: Callable[[pl.DataFrame, pl.DataFrame], Floats],
) -> Alike:
    asked = each(parts, lambda pairs: pl.Series("two", _two_names(pairs, codes, len(names))[1]).unique())
    two = pl.concat([pl.Series("two", [], pl.Int64), *asked]).unique().sort()
    if two.is_empty():
        return Alike(pl.DataFrame([two, pl.Series("alike", [], pl.Float32)]))
    alike = compare(names[two // len(names)], names[two % len(names)])
    return Alike(pl.DataFrame([two, pl.Series("alike", alike)]))


def _town_similarity(one: pl.DataFrame, two: pl.DataFrame) -> Floats:
    left, right = one["name"], two["name"]
    whole = process.cpdist(
        left.str.replace_all(" ", "").to_list(),
        right.str.replace_all(" ", "").to_list(),
        scorer=fuzz.ratio,
        dtype=np.float32,
        workers=-1,
    )
    shortened = _shortened(left, right)
    alike: Floats = np.where(shortened, 1, whole / 100).astype(np.float32)
    alike[_opposed(left, right, OPPOSITE_WORD)] = OPPOSED
    return alike


def _shortened(left: pl.Series, right: pl.Series) -> Mask:
    """Tell where each word of the shorter name begins the word at its place in the longer one, the first as a whole.

    A loop, over the few pairs with one first word.
    """
    found = (
        (left.str.extract(r"^(\S+)") == right.str.extract(r"^(\S+)")).fill_null(value=False).to_numpy().copy()
    )
    found[found] = [
        all(
            one.startswith(two) or two.startswith(one) for one, two in zip(a.split(), b.split(), strict=False)
        )
        for a, b in zip(left.filter(found).to_list(), right.filter(found).to_list(), strict=True)
    ]
    return found


TYPED: Final = 9
"""Letters of a name from which one letter more, less or other is a slip; blanks count."""


def _venue_similarity(one: pl.DataFrame, two: pl.DataFrame) -> Floats:
    """Compare names of venues by their words; where houses have names, any word for a kind of house is one; and letter by letter as written."""
    alike = _name_similarity(one["name"], two["name"])
    kinds = (one["kind"] != one["name"]) | (two["kind"] != two["name"])
    named = (kinds & one["kind"].is_not_null() & two["kind"].is_not_null()).fill_null(value=False)
    asked = named.to_numpy() & (alike < CONTAINED)
    if asked.any():
        named = pl.Series(asked)
        by_kind = _name_similarity(one["kind"].filter(named), two["kind"].filter(named))
        alike[asked] = np.maximum(alike[asked], by_kind)
    alike[_slipped(one["typed"], two["typed"])] = 1
    area = [side["key"].is_in(sorted(lexicon.area_names())).to_numpy() for side in (one, two)]
    outdoors = lexicon.rules().venues.outdoors.pattern
    outside = [side["key"].str.contains(outdoors).to_numpy() for side in (one, two)]
    alike[((area[0] & outside[1]) | (area[1] & outside[0])) & (alike < ONE_VENUE)] = AREA
    # As written: `Große Aula` loses its first word to the stop words, `Schule I` its last.
    alike[_opposed(one["key"], two["key"], SIGN)] = OPPOSED
    patrons = [side.select(cs.starts_with("patron_")) for side in (one, two)]
    alike[two_patrons(*patrons) & (alike < ONE_VENUE) & (alike != OPPOSED)] = TWO_HOUSES
    return alike


def _slipped(one: pl.Series, two: pl.Series) -> Mask:
    """Tell where two long names, run together, differ by one letter that is no digit. Empty ones are not compared.

    Of `Haus A` and `Haus B` neither is given: a word of one letter tells houses apart.
    """
    lengths = one.str.len_bytes().cast(pl.Int32), two.str.len_bytes().cast(pl.Int32)
    slipped = (
        ((lengths[0] - lengths[1]).abs() <= 1).to_numpy()
        & (lengths[0] > 0).to_numpy()
        & (lengths[1] > 0).to_numpy()
    )
    asked = pl.Series(slipped)
    left, right = one.filter(asked), two.filter(asked)
    near = process.cpdist(
        left.to_list(), right.to_list(), scorer=OSA.distance, score_cutoff=1, dtype=np.int32, workers=-1
    )
    slipped[slipped] = (near <= 1) & _one_number(left, right)
    found: Mask = slipped
    return found


OPPOSITES: Final = (
    "nord", "sued", "ost", "west", "ober", "unter", "nieder", "vorder", "hinter", "alt", "neu", "gross", "klein",
)  # fmt: skip
"""How words begin that tell two houses of one kind, or two villages of one name, apart."""

OPPOSITE: Final = rf"\b(?:[ivx]+\b|{'|'.join(OPPOSITES)})"
"""What in a name sets houses against each other: `Messehalle II`, `Pavillon Ost`, `Nordstadt`."""

OPPOSITE_WORD: Final = rf"\b(?:{'|'.join(OPPOSITES)})"
"""The same in the name of a town, whose single letters abbreviate: `Neustadt a. d. Aisch`."""

SIGN: Final = rf"\b[a-h]\b|{OPPOSITE}|(?:halle|saal|raum|studio|buehne|zelt|screen|hall|room) ?\d+\b"
"""The same, and the letter of a house, `Haus A`, or the number of a room: `Messehalle 2`. Behind another name it is that of a street."""

LENGTHS_APART: Final = 4
"""Letters and blanks by which two such names may differ in length."""

COUNTS: Final = rf"\d+|{OPPOSITE}"
"""What sets houses against each other, and what counts them."""


def _one_number(left: pl.Series, right: pl.Series) -> Mask:
    """Tell where two names have the same numbers, Arabic or Roman, and words for opposites."""
    one, other = (side.str.extract_all(COUNTS).list.join(" ") for side in (left, right))
    same: Mask = (one == other).to_numpy()
    return same


def _name_similarity(left: pl.Series, right: pl.Series) -> Floats:
    """Compare names of venues or towns: words in common count in full only if no name has others that the other lacks.

    `Rathausplatz` shares a word with `Dorfplatz`, and is another square; `Saal 2` is not a misspelt `Saal 5`.
    """
    run_left, run_right = (side.str.replace_all(" ", "", literal=True) for side in (left, right))
    only = _only_in_one(left, right)
    each = ((only["left"] != "") & (only["right"] != "")).to_numpy()
    rests = _letters_alike(only["left"], only["right"])
    share = (only["left"].str.len_chars() < run_left.str.len_chars()).to_numpy()
    parted = np.where(share & (rests < ALIKE), rests * FURTHER_WORDS, rests)
    whole = process.cpdist(
        run_left.to_list(),
        run_right.to_list(),
        scorer=JaroWinkler.normalized_similarity,
        dtype=np.float32,
        workers=-1,
    )
    nameless = ((left == church_word()) != (right == church_word())).to_numpy()
    near = whole >= MISSPELT
    near[near] = _one_number(left.filter(near), right.filter(near))
    misspelt = np.where(near, whole, 0)
    contained = np.where(nameless, NAMELESS, CONTAINED)
    beside = np.zeros(len(left), np.float32)
    asked = each & share
    beside[asked] = _one_name(left.filter(asked), right.filter(asked))
    alike: Floats = np.maximum(np.where(each, np.maximum(parted, beside), contained), misspelt)
    return np.where(_abbreviated(left, right), np.maximum(alike, CONTAINED), alike).astype(np.float32)


def _opposed(left: pl.Series, right: pl.Series, sign: str) -> Mask:
    """Tell where two names, the blanks taken out, differ in nothing but what a sign finds: Roman numbers, single letters, words for opposites."""
    lengths = left.str.len_bytes().cast(pl.Int32) - right.str.len_bytes().cast(pl.Int32)
    opposed: Mask = (lengths.abs() <= LENGTHS_APART).to_numpy().copy()
    for side in (left, right):
        opposed[opposed] = side.filter(opposed).str.contains(sign).to_numpy()
    rests = [
        side.filter(opposed).str.replace_all(sign, "").str.replace_all(" ", "", literal=True)
        for side in (left, right)
    ]
    signs = [side.filter(opposed).str.extract_all(sign).list.join(" ") for side in (left, right)]
    opposed[opposed] = ((rests[0] == rests[1]) & (signs[0] != signs[1])).to_numpy()
    return opposed


def _one_name(left: pl.Series, right: pl.Series) -> Floats:
    """Find where the one name has all words of the other but for those that say what kind of venue it is, and there are others.

    Returns:
        (d,) similarity: BESIDE, or TWO_KINDS where each is of another kind; 0 elsewhere.
    """
    words = pl.DataFrame({"left": left.str.split(" "), "right": right.str.split(" ")})
    kinds = pl.lit(list(generic_words()), dtype=pl.List(pl.String))
    bare = words.select(pl.col(side).list.set_difference(kinds) for side in words.columns)
    only = [pl.col("left").list.set_difference("right"), pl.col("right").list.set_difference("left")]
    named = pl.min_horizontal(pl.col("left", "right").list.len()) > 0
    one_name = named & (pl.min_horizontal(side.list.len() for side in only) == 0)
    found = bare.select(one_name).to_series().to_numpy()
    rests = words.select(side.list.set_intersection(kinds).list.len() for side in only)
    each_a_kind = rests.select(pl.min_horizontal(pl.all()) > 0).to_series().to_numpy()
    similarity: Floats = np.where(found, np.where(each_a_kind, TWO_KINDS, BESIDE), 0).astype(np.float32)
    return similarity


def _abbreviated(left: pl.Series, right: pl.Series) -> Mask:
    """Tell where one name is made of the beginnings of all words of the other, of two at least: `KoKi`, `Kuko`, `JuZe`.

    A word that says what kind of venue it is, or that titles know, abbreviates nothing: Kino, Bar. A loop, over the few pairs of a
    short word and several.
    """
    found = np.zeros(len(left), np.bool_)
    begun = left.str.head(1) == right.str.head(1)
    for one, other in ((left, right), (right, left)):
        short = one.str.len_bytes() <= 2 * LONGEST_ABBREVIATION
        asked = (begun & short & other.str.contains(" ", literal=True)).to_numpy()
        asked[asked] = [_abbreviates(word) for word in one.filter(asked).to_list()]
        both = zip(one.filter(asked).to_list(), other.filter(asked).to_list(), strict=True)
        found[asked] |= np.array([_begins(short, words.split(" ")) for short, words in both], np.bool_)
    return found


SHORTEST_ABBREVIATION: Final = 3
LONGEST_ABBREVIATION: Final = 6
"""Letters of a name that may be one."""


def _abbreviates(word: str) -> bool:
    fits = SHORTEST_ABBREVIATION <= len(word) <= LONGEST_ABBREVIATION
    return fits and word.isalpha() and word not in known_words()


LONGEST_BEGINNING: Final = 3
"""Letters that an abbreviation takes of a word."""


def _begins(short: str, words: list[str], taken: int = 0) -> bool:
    """Tell whether what is left of an abbreviation is made of the beginnings of all words that are left; of two words at least."""
    if not short:
        return taken >= 2 and not words
    return bool(words) and any(
        words[0].startswith(short[:length]) and _begins(short[length:], words[1:], taken + 1)
        for length in range(1, min(LONGEST_BEGINNING, len(short)) + 1)
    )


def _only_in_one(left: pl.Series, right: pl.Series) -> pl.DataFrame:
    """Run together the words that only the left and only the right name has: ``left``, ``right``."""
    words = pl.DataFrame({"left": left.str.split(" "), "right": right.str.split(" ")})
    only = words.select(
        pl.col("left").list.set_difference("right").list.join(" ").alias("left"),
        pl.col("right").list.set_difference("left").list.join(" ").alias("right"),
    )
    return pl.DataFrame([_run_together(only[side]) for side in only.columns])


def _run_together(words: pl.Series) -> pl.Series:
    """Run words together in the order of the alphabet. A loop, over the distinct ones: to sort many short lists takes Polars far longer."""
    distinct = words.unique().to_list()
    together = pl.Series("together", ["".join(sorted(text.split(" "))) for text in distinct], dtype=pl.String)
    table = pl.DataFrame([pl.Series(words.name, distinct, dtype=pl.String), together])
    found = words.to_frame().join(table, on=words.name, how="left", maintain_order="left")
    return found["together"].rename(words.name)


def _letters_alike(left: pl.Series, right: pl.Series) -> Floats:
    """Compare letter by letter; of longer words one may stand within the other."""
    one, two = left.to_list(), right.to_list()
    whole = process.cpdist(one, two, scorer=fuzz.ratio, dtype=np.float32, workers=-1) / 100
    part = process.cpdist(one, two, scorer=fuzz.partial_ratio, dtype=np.float32, workers=-1) / 100
    long_enough = ((left.str.len_chars() >= LONG) & (right.str.len_chars() >= LONG)).to_numpy()
    alike: Floats = np.where(long_enough, np.maximum(whole, part * CONTAINED), whole).astype(np.float32)
    return alike
