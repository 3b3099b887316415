"""Places: town, coordinates, venue, address.

Sources disagree on places more than on anything: a district stands for its town, a hall has four names, a geocoder guesses.
So nearness on one of them counts, and only confident distance speaks clearly against.
"""

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
    alike = _similar_names(
        pairs, ~same & both_known(subjects.city, pairs), subjects.city, subjects.city_names
    )
    bits = np.where(
        alike >= weights.misspelt, rarity + weights.city_similar, np.float32(weights.city_differs)
    )
    online = subjects.online[pairs.a] != subjects.online[pairs.b]
    bits = np.where(online, np.float32(weights.online), bits)
    near = (km < 3) & (bits < 0)
    bits = np.where(same, rarity, np.where(near, np.float32(-0.5), bits))
    bits += np.where(
        same & _districts_differ(pairs, subjects), np.float32(weights.district_differs), np.float32(0)
    )
    return np.where(both_known(subjects.city, pairs), bits, np.float32(np.nan)).astype(np.float32)


def same_town(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where the towns are the same, or one's town is the other's district."""
    city, district = subjects.city, subjects.district
    crossed = (city[pairs.a] == district[pairs.b]) | (district[pairs.a] == city[pairs.b])
    same: Mask = same_code(city, pairs) | (crossed & both_known(city, pairs))
    return same


def _districts_differ(pairs: Pairs, subjects: Subjects) -> Mask:
    return (
        both_known(subjects.district, pairs)
        & ~same_code(subjects.district, pairs)
        & same_code(subjects.city, pairs)
    )


def venue_bits(pairs: Pairs, subjects: Subjects, weights: PlaceWeights) -> Bits:
    """The same venue adds by its rarity in the town; similar names add in part, clearly different ones take away. Missing is neutral."""
    known = both_known(subjects.venue, pairs)
    alike = _similar_names(pairs, known, subjects.venue, subjects.venue_names)
    share = along(weights.venue, alike)
    rarity = np.minimum(subjects.venue_bits[pairs.a], subjects.venue_bits[pairs.b])
    bits = np.where(share > 0, share * np.clip(rarity, 0.5, weights.venue_cap), share * weights.venue_differs)
    return np.where(known, bits, np.float32(np.nan)).astype(np.float32)


def street_bits(pairs: Pairs, subjects: Subjects, weights: PlaceWeights) -> Bits:
    """The same street adds, the same number adds again, different streets take a little away. Missing is neutral."""
    known = both_known(subjects.street, pairs)
    same = same_code(subjects.street, pairs)
    number = same & same_code(subjects.street_no, pairs)
    bits = np.where(same, weights.street, weights.street_differs) + np.where(number, weights.street_no, 0)
    return np.where(known, bits, np.float32(np.nan)).astype(np.float32)


def _similar_names(pairs: Pairs, where: Mask, codes: Ints, names: pl.Series) -> Floats:
    """Compare names, each distinct pair of them once: (p,) similarity in [0, 1], 0 outside ``where``, 1 for equal codes.

    The better of all words in any order, one name within the other, and the letters run together.
    """
    alike = np.zeros(len(pairs), np.float32)
    left, right = codes[pairs.a[where]].astype(np.int64), codes[pairs.b[where]].astype(np.int64)
    low, high = np.minimum(left, right), np.maximum(left, right)
    distinct, back = np.unique(low * len(names) + high, return_inverse=True)
    texts_low, texts_high = names.gather(distinct // len(names)), names.gather(distinct % len(names))
    alike[where] = _name_similarity(texts_low, texts_high)[back]
    return alike


def _name_similarity(left: pl.Series, right: pl.Series) -> Floats:
    one, two = left.to_list(), right.to_list()
    words = process.cpdist(one, two, scorer=fuzz.token_sort_ratio, dtype=np.float32, workers=-1) / 100
    inside = process.cpdist(one, two, scorer=fuzz.token_set_ratio, dtype=np.float32, workers=-1) / 100
    run_one, run_two = left.str.replace_all(" ", "").to_list(), right.str.replace_all(" ", "").to_list()
    letters = process.cpdist(
        run_one, run_two, scorer=JaroWinkler.normalized_similarity, dtype=np.float32, workers=-1
    )
    contained = np.where(inside >= 0.999, 0.9, 0)
    close = np.where(letters >= 0.93, letters, 0)
    best: Floats = np.maximum(np.maximum(words, contained), close).astype(np.float32)
    return best
