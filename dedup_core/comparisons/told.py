"""Told: where and when a listing without a venue or start, or with another one, takes place, as its text says.

Texts name places and hours for other reasons, too: where tickets are sold, when a festival's other stages begin. So what a text tells counts half, and a
name that only says what kind of place it is counts nothing.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.comparisons.pairs import Bits, Mask, Pairs, Rows
from dedup_core.corpus import TEXT_PREFIX
from dedup_core.folding import folded
from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import PlaceWeights
from dedup_core.subjects import Subjects
from dedup_core.venues import generic_words

TOLD: Final = 0.5
"""Share of its bits that a venue or start counts which a text names."""

WITHIN: Final = 180
"""Minutes; a text may speak of mass and procession, of doors and start, but what is further apart may be two shows."""

Places: TypeAlias = npt.NDArray[np.int64]

NOTHING: Final = pl.Series([None], dtype=pl.String)


@dataclass(frozen=True, slots=True)
class Told:
    """What the texts of p pairs tell, (p,).

    venue, start: whether one names the other's; own_venue: whether it says that its own place lies there: "in the park on the Stadtsee";
    venue_bits, start_bits: how rare these are; one_start: only one is known;
    several: a source lists several shows of it.
    """

    venue: Mask
    own_venue: Mask
    start: Mask
    venue_bits: Bits
    start_bits: Bits
    one_start: Mask
    several: Mask


def told_of(pairs: Pairs, subjects: Subjects) -> Told:
    """Read the texts of each pair for the venue and the start of its other side; templates are not read."""
    a, b, s = pairs.a, pairs.b, subjects
    rows, back = np.unique(np.concatenate([a, b]), return_inverse=True)
    ends = (back[: len(pairs)], back[len(pairs) :])
    texts = _texts(rows, s)
    plain, names = _without_s(texts), _venues(rows, s)
    venue = _holds(plain, names, ends)
    return Told(
        venue=venue,
        own_venue=_lies_there(venue, plain, names, rows, ends, s),
        start=_holds(texts, _hours(rows, s), ends),
        venue_bits=np.fmin(s.venue_bits[a], s.venue_bits[b]),
        start_bits=np.fmin(s.start_bits[a], s.start_bits[b]),
        one_start=np.isnan(s.moment[a]) != np.isnan(s.moment[b]),
        several=s.several_shows[a] | s.several_shows[b],
    )


def with_told_venues(venue: Bits, told: Told, weights: PlaceWeights) -> Bits:
    """Count a venue that the other's text names: in part where one has none, and against nothing where both have: (p,) bits.

    venue: (p,) bits from the fields. Who has a venue of his own may name the other's for parking or tickets.
    """
    named = TOLD * np.clip(told.venue_bits, 0.5, weights.venue_cap)
    found = np.where(np.isnan(venue), named, np.maximum(venue, 0))
    return np.where(told.venue, found, venue).astype(np.float32)


def with_told_starts(time: Bits, apart: Bits, told: Told, cap: float) -> Bits:
    """Count a start that the other's text names: in part where the other has none, and against nothing where it has another.

    time: (p,) bits from the fields; apart: (p,) minutes between the starts; cap: the most that an equal start may add.
    """
    named = TOLD * np.clip(np.where(np.isnan(told.start_bits), cap, told.start_bits), 0, cap)
    late = told.start & (time < 0) & (apart <= WITHIN) & ~told.several
    found = np.where(told.start & told.one_start & np.isnan(time), named, time)
    return np.where(late, 0, found).astype(np.float32)


def _texts(rows: Rows, subjects: Subjects) -> pl.Series:
    """Fold the texts of events, a space around each: (r,), null for none and for templates.

    Hours keep their minutes, as "19h20", so that 19.20 Uhr is not read as 20 Uhr.
    """
    text = pl.coalesce("description", "short_description").str.slice(0, TEXT_PREFIX)
    text = folded(text.str.replace_all(r"([0-2]?\d)[.:]([0-5]\d)\b", "${1}h$2"))
    own = subjects.texts[rows].select(pl.concat_str(pl.lit(" "), text, pl.lit(" "))).to_series()
    own = own.str.replace_all("h00 ", " ", literal=True)
    return own.zip_with(pl.Series(~subjects.template[rows]), NOTHING)


def _without_s(texts: pl.Series) -> pl.Series:
    """Drop a genitive's s, so that "im Hof des Klosters Bollbach" names the Kloster Bollbach."""
    return texts.str.replace_all("s ", " ", literal=True)


def _venues(rows: Rows, subjects: Subjects) -> pl.Series:
    """Write the names of the events' venues, a space around each: (r,), null for those that only say what kind of place it is."""
    names = subjects.texts[rows].select(pl.concat_str(pl.lit(" "), "venue_key", pl.lit(" "))).to_series()
    words = subjects.venue_names.str.split(" ").list.set_difference(list(generic_words()))
    # The code -1 of an unknown venue leads to the end.
    named = np.append(words.list.len().to_numpy() > 0, False)
    return _without_s(names).zip_with(pl.Series(named[subjects.venue[rows]]), NOTHING)


LIES: Final = r"(?:(?:am|an|auf|bei|beim|im|in|vor|hinter|neben|vom|von|der|dem|des|das|den) ){1,2}"
"""Small words between a place and where it lies."""

KIND: Final = 4
"""Letters of the shortest word for a kind of place."""


def _lies_there(
    named: Mask,
    texts: pl.Series,
    names: pl.Series,
    rows: Rows,
    ends: tuple[Places, Places],
    subjects: Subjects,
) -> Mask:
    """Tell where a text says that its own kind of place lies at the other's venue, not that tickets are sold there: (p,).

    A loop, over the few pairs whose text names the other's venue though it has one.
    """
    found = np.zeros(len(named), np.bool_)
    for one, other in (ends, ends[::-1]):
        known = (subjects.venue[rows[one]] >= 0) & (subjects.venue[rows[other]] >= 0) & named
        for pair in np.flatnonzero(known):
            text, name = texts[int(one[pair])], names[int(other[pair])]
            key = subjects.venue_keys[int(subjects.venue[rows[one[pair]]])]
            said = (
                re.findall(rf" (\w{{{KIND},}}) {LIES}{re.escape(name.strip())} ", text)
                if text and name
                else ()
            )
            found[pair] |= any(key.endswith(word) for word in said)
    return found


def _hours(rows: Rows, subjects: Subjects) -> pl.Series:
    """Write the events' starts as texts do, "14h30 uhr", a space around each: (r,), null for unknown ones."""
    minute = pl.Series(subjects.moment[rows] % MINUTES_A_DAY).fill_nan(None).cast(pl.Int32)
    full = pl.select(pl.format(" {} uhr ", minute // 60)).to_series()
    of_hour = (minute % 60).cast(pl.String).str.zfill(2)
    exact = pl.select(pl.format(" {}h{} uhr ", minute // 60, of_hour)).to_series()
    return full.zip_with((minute % 60 == 0).fill_null(value=False), exact)


def _holds(texts: pl.Series, names: pl.Series, ends: tuple[Places, Places]) -> Mask:
    """Tell of each pair whether the text of one holds the name of the other. ends: their places in both columns."""
    found = np.zeros(len(ends[0]), np.bool_)
    holds = pl.col("text").str.contains(pl.col("name"), literal=True).fill_null(value=False)
    for one, other in (ends, ends[::-1]):
        both = pl.DataFrame({"text": texts.gather(one), "name": names.gather(other)})
        found |= both.select(holds).to_series().to_numpy()
    return found
