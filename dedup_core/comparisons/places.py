"""Places: town, coordinates, venue, address.

Sources disagree on places more than on anything: a district stands for its town, a hall has four names, a geocoder guesses.
So nearness on one of them counts, and only confident distance speaks clearly against.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dedup_core.comparisons.names import Names
from dedup_core.comparisons.pairs import Bits, Mask, Pairs, along, both_known, same_code
from dedup_core.policy import PlaceWeights
from dedup_core.subjects import Floats, Subjects

Km: TypeAlias = npt.NDArray[np.float64]
"""(p,) kilometres, NaN where a side has no coordinates."""

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""

SURE_GEO = 0.7
"""Confidence from which coordinates are taken for the venue's own, not for its town's (a guess: upstream documents none)."""


def distance_km(pairs: Pairs, subjects: Subjects) -> Km:
    """Great-circle distance by the haversine formula (Sinnott 1984): (p,) km, NaN where a side has no coordinates."""
    a, b, s = pairs.a, pairs.b, subjects
    return kilometres(s.latitude[a], s.longitude[a], s.latitude[b], s.longitude[b])


Degrees: TypeAlias = npt.NDArray[np.float64]


def kilometres(latitude: Degrees, longitude: Degrees, latitude_2: Degrees, longitude_2: Degrees) -> Km:
    """Measure from each point to its second: (p,) km, NaN where a coordinate is missing."""
    north, north_2 = np.radians(latitude), np.radians(latitude_2)
    east = np.radians(longitude_2 - longitude) / 2
    half = np.sin((north_2 - north) / 2) ** 2 + np.cos(north) * np.cos(north_2) * np.sin(east) ** 2
    distance: Km = 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1)))
    return distance


def geo_bits(pairs: Pairs, km: Km, subjects: Subjects, weights: PlaceWeights) -> Bits:
    """Near coordinates add, far ones take away, both as far as the less sure side is to be believed.

    Equal coordinates count whatever the confidence. Missing where a side has none.
    """
    trust = np.minimum(subjects.geo_confidence[pairs.a], subjects.geo_confidence[pairs.b])
    trust = np.where(km <= weights.equal_km, 1, trust)
    return (along(weights.distance_km, km) * trust).astype(np.float32)


def city_bits(pairs: Pairs, km: Km, names: Names, subjects: Subjects, weights: PlaceWeights) -> Bits:
    """The same town adds by how few events it has; a district counts as its town, a misspelt name nearly as the right one.

    Different towns take away, less if the coordinates are near, little if one side takes place online. Missing where a town is.
    """
    rarity = np.minimum(subjects.city_bits[pairs.a], subjects.city_bits[pairs.b])
    same = same_town(pairs, subjects)
    bits = np.where(names.towns, rarity + weights.city_similar, np.float32(weights.city_differs))
    online = subjects.online[pairs.a] != subjects.online[pairs.b]
    bits = np.where(online, np.float32(weights.online), bits)
    near = (km < 3) & (bits < 0)
    bits = np.where(same, rarity, np.where(near, np.float32(-0.5), bits))
    bits += np.where(
        same & districts_differ(pairs, subjects), np.float32(weights.district_differs), np.float32(0)
    )
    return np.where(both_known(subjects.city, pairs), bits, np.float32(np.nan)).astype(np.float32)


SAME_DISTRICT = np.float32(2)
"""Bits for one district of a town that both name (a guess: of two events of a town, one in four pairs share it)."""


def district_bits(pairs: Pairs, subjects: Subjects) -> Bits:
    """The same district of the same town adds, beyond what the town's density allows: its own is lower."""
    same = same_code(subjects.city, pairs) & same_code(subjects.district, pairs)
    return np.where(same, SAME_DISTRICT, np.float32(0))


def same_town(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where the towns are the same, or one's town is the other's district."""
    city, district = subjects.city, subjects.district
    crossed = (city[pairs.a] == district[pairs.b]) | (district[pairs.a] == city[pairs.b])
    same: Mask = same_code(city, pairs) | (crossed & both_known(city, pairs))
    return same


def districts_differ(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where one town has two different districts, as fields say: the inn Buchholz may lie in the town's middle."""
    own = subjects.own_district[pairs.a] & subjects.own_district[pairs.b]
    return (
        own
        & both_known(subjects.district, pairs)
        & ~same_code(subjects.district, pairs)
        & same_code(subjects.city, pairs)
    )


def venue_bits(
    pairs: Pairs, km: Km, names: Names, placed: Floats, subjects: Subjects, weights: PlaceWeights
) -> Bits:
    """The same venue adds by its rarity in the town; similar names add in part, clearly different ones take away.

    At one address, or at equal sure coordinates, different names are names of one venue; other listings may tell that they are one
    house's. A venue that the other's title names counts in part. Missing is neutral.
    """
    known = both_known(subjects.venue, pairs)
    share = along(weights.venue, names.venues)
    share = np.where(one_spot(pairs, km, subjects, weights), np.maximum(share, 0), share)
    rarity = np.minimum(subjects.venue_bits[pairs.a], subjects.venue_bits[pairs.b])
    bits = np.where(share > 0, share * np.clip(rarity, 0.5, weights.venue_cap), share * weights.venue_differs)
    in_title = np.where(
        placed > 0, np.minimum(weights.venue_in_title * placed, weights.venue_cap), np.float32(np.nan)
    )
    return np.where(known, bits, in_title).astype(np.float32)


def one_spot(pairs: Pairs, km: Km, subjects: Subjects, weights: PlaceWeights) -> Mask:
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
