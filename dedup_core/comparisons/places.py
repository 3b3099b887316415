"""Places: town, coordinates, venue, address.

Sources disagree on places more than on anything: a district stands for its town, a hall has four names, a geocoder guesses.
So nearness on one of them counts, and only confident distance speaks clearly against.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz import fuzz, process
from rapidfuzz.distance import JaroWinkler

from dedup_core.comparisons.pairs import Bits, Mask, Pairs, along, both_known, same_code
from dedup_core.policy import PlaceWeights
from dedup_core.subjects import Floats, Ints, Subjects

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""

SURE_GEO = 0.7
"""Confidence from which coordinates are taken for the venue's own, not for its town's (a guess: upstream documents none)."""

CONTAINED = 0.9
"""Similarity of a name that holds all words of the other and more."""

ALIKE = 0.7
"""Similarity from which what each of two names has alone may be one word, misspelt or inflected."""

MISSPELT = 0.93
"""Similarity of the letters (Jaro & Winkler) from which two names are one, misspelt or spaced otherwise."""

LONG = 5
"""Characters; a shorter word stands within too many others."""

FURTHER_WORDS = 0.6
"""What similarity of the words that only one of two names has counts, once they share others."""


def distance_km(pairs: Pairs, subjects: Subjects) -> npt.NDArray[np.float64]:
    """Great-circle distance by the haversine formula (Sinnott 1984): (p,) km, NaN where a side has no coordinates."""
    lat_a, lat_b = np.radians(subjects.latitude[pairs.a]), np.radians(subjects.latitude[pairs.b])
    east = np.radians(subjects.longitude[pairs.b] - subjects.longitude[pairs.a]) / 2
    half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin(east) ** 2
    distance: npt.NDArray[np.float64] = 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1)))
    return distance


def geo_bits(pairs: Pairs, km: npt.NDArray[np.float64], subjects: Subjects, weights: PlaceWeights) -> Bits:
    """Near coordinates add, far ones take away, both as far as the less sure side is to be believed.

    Equal coordinates count whatever the confidence. Missing where a side has none.
    """
    trust = np.minimum(subjects.geo_confidence[pairs.a], subjects.geo_confidence[pairs.b])
    trust = np.where(km <= weights.equal_km, 1, trust)
    return (along(weights.distance_km, km) * trust).astype(np.float32)


def city_bits(pairs: Pairs, km: npt.NDArray[np.float64], subjects: Subjects, weights: PlaceWeights) -> Bits:
    """The same town adds by how few events it has; a district counts as its town, a misspelt name nearly as the right one.

    Different towns take away, less if the coordinates are near, little if one side takes place online. Missing where a town is.
    """
    rarity = np.minimum(subjects.city_bits[pairs.a], subjects.city_bits[pairs.b])
    same = same_town(pairs, subjects)
    alike = similar_towns(pairs, subjects, weights)
    bits = np.where(alike, rarity + weights.city_similar, np.float32(weights.city_differs))
    online = subjects.online[pairs.a] != subjects.online[pairs.b]
    bits = np.where(online, np.float32(weights.online), bits)
    near = (km < 3) & (bits < 0)
    bits = np.where(same, rarity, np.where(near, np.float32(-0.5), bits))
    bits += np.where(
        same & districts_differ(pairs, subjects), np.float32(weights.district_differs), np.float32(0)
    )
    return np.where(both_known(subjects.city, pairs), bits, np.float32(np.nan)).astype(np.float32)


def similar_towns(pairs: Pairs, subjects: Subjects, weights: PlaceWeights) -> Mask:
    """Tell where two different names of towns are one misspelt, shortened or with its region: `Zell a. H.`, `Weiler im Allgäu`."""
    different = both_known(subjects.city, pairs) & ~same_code(subjects.city, pairs)
    alike: Mask = (
        _similar_names(pairs, different, subjects.city, subjects.city_names, _town_similarity)
        >= weights.misspelt
    )
    return alike


def _town_similarity(left: pl.Series, right: pl.Series) -> Floats:
    whole = process.cpdist(
        left.str.replace_all(" ", "").to_list(),
        right.str.replace_all(" ", "").to_list(),
        scorer=fuzz.ratio,
        dtype=np.float32,
        workers=-1,
    )
    shortened = [
        _begins(one.split(), two.split()) for one, two in zip(left.to_list(), right.to_list(), strict=True)
    ]
    alike: Floats = np.where(shortened, 1, whole / 100).astype(np.float32)
    return alike


def _begins(one: list[str], two: list[str]) -> bool:
    """Tell whether each word of the shorter name begins the word at its place in the longer one, the first as a whole."""
    return one[0] == two[0] and all(
        left.startswith(right) or right.startswith(left) for left, right in zip(one, two, strict=False)
    )


def same_town(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where the towns are the same, or one's town is the other's district."""
    city, district = subjects.city, subjects.district
    crossed = (city[pairs.a] == district[pairs.b]) | (district[pairs.a] == city[pairs.b])
    same: Mask = same_code(city, pairs) | (crossed & both_known(city, pairs))
    return same


def districts_differ(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where one town has two different districts."""
    return (
        both_known(subjects.district, pairs)
        & ~same_code(subjects.district, pairs)
        & same_code(subjects.city, pairs)
    )


def venue_bits(pairs: Pairs, km: npt.NDArray[np.float64], subjects: Subjects, weights: PlaceWeights) -> Bits:
    """The same venue adds by its rarity in the town; similar names add in part, clearly different ones take away.

    At one address, or at equal sure coordinates, different names are names of one venue. Missing is neutral.
    """
    known = both_known(subjects.venue, pairs)
    share = along(
        weights.venue, _similar_names(pairs, known, subjects.venue, subjects.venue_names, _name_similarity)
    )
    share = np.where(one_spot(pairs, km, subjects, weights), np.maximum(share, 0), share)
    rarity = np.minimum(subjects.venue_bits[pairs.a], subjects.venue_bits[pairs.b])
    bits = np.where(share > 0, share * np.clip(rarity, 0.5, weights.venue_cap), share * weights.venue_differs)
    return np.where(known, bits, np.float32(np.nan)).astype(np.float32)


def one_spot(pairs: Pairs, km: npt.NDArray[np.float64], subjects: Subjects, weights: PlaceWeights) -> Mask:
    """Tell where address or sure coordinates are equal: whatever the two venues are called, they are one."""
    trust = np.minimum(subjects.geo_confidence[pairs.a], subjects.geo_confidence[pairs.b])
    address = same_code(subjects.street, pairs) & same_code(subjects.street_no, pairs)
    spot: Mask = address | ((km <= weights.spot_km) & (trust >= SURE_GEO))
    return spot


def street_bits(pairs: Pairs, subjects: Subjects, weights: PlaceWeights) -> Bits:
    """The same street adds, the same number adds again, different streets take a little away. Missing is neutral."""
    known = both_known(subjects.street, pairs)
    same = same_code(subjects.street, pairs)
    number = same & same_code(subjects.street_no, pairs)
    bits = np.where(same, weights.street, weights.street_differs) + np.where(number, weights.street_no, 0)
    return np.where(known, bits, np.float32(np.nan)).astype(np.float32)


def _similar_names(
    pairs: Pairs,
    where: Mask,
    codes: Ints,
    names: pl.Series,
    compare: Callable[[pl.Series, pl.Series], Floats],
) -> Floats:
    """Compare names, each distinct pair of them once: (p,) similarity in [0, 1], 0 outside ``where``."""
    alike = np.zeros(len(pairs), np.float32)
    left, right = codes[pairs.a[where]].astype(np.int64), codes[pairs.b[where]].astype(np.int64)
    low, high = np.minimum(left, right), np.maximum(left, right)
    distinct, back = np.unique(low * len(names) + high, return_inverse=True)
    texts_low, texts_high = names.gather(distinct // len(names)), names.gather(distinct % len(names))
    alike[where] = compare(texts_low, texts_high)[back]
    return alike


def _name_similarity(left: pl.Series, right: pl.Series) -> Floats:
    """Compare names of venues or towns: words in common count in full only if no name has others that the other lacks.

    `Rathausplatz` shares a word with `Dorfplatz`, and is another square; `Saal 2` is not a misspelt `Saal 5`.
    """
    run_left, run_right = left.str.replace_all(" ", ""), right.str.replace_all(" ", "")
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
    one_number = (left.str.replace_all(r"\D", "") == right.str.replace_all(r"\D", "")).to_numpy()
    misspelt = np.where((whole >= MISSPELT) & one_number, whole, 0)
    alike: Floats = np.maximum(np.where(each, parted, CONTAINED), misspelt).astype(np.float32)
    return alike


def _only_in_one(left: pl.Series, right: pl.Series) -> pl.DataFrame:
    """Run together the words that only the left and only the right name has: ``left``, ``right``."""
    words = pl.DataFrame({"left": left.str.split(" "), "right": right.str.split(" ")})
    return words.select(
        pl.col("left").list.set_difference("right").list.sort().list.join("").alias("left"),
        pl.col("right").list.set_difference("left").list.sort().list.join("").alias("right"),
    )


def _letters_alike(left: pl.Series, right: pl.Series) -> Floats:
    """Compare letter by letter; of longer words one may stand within the other."""
    one, two = left.to_list(), right.to_list()
    whole = process.cpdist(one, two, scorer=fuzz.ratio, dtype=np.float32, workers=-1) / 100
    part = process.cpdist(one, two, scorer=fuzz.partial_ratio, dtype=np.float32, workers=-1) / 100
    long_enough = ((left.str.len_chars() >= LONG) & (right.str.len_chars() >= LONG)).to_numpy()
    alike: Floats = np.where(long_enough, np.maximum(whole, part * CONTAINED), whole).astype(np.float32)
    return alike
