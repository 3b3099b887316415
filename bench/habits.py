"""Habits: which sources list a true event, and what each of them writes.

What a source does to one occurrence of a series it mostly does to all of them (drawn by the group's key); slips are drawn for
each listing. Nothing of the truth gets into a listing but what a source would know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from bench import chance, definitions
from bench.chance import Floats, Ints, Keys
from bench.columns import Mask
from bench.definitions import Habits, Kind
from bench.happenings import UMBRELLA, World
from bench.truth import TrueEvents

MOST_SOURCES: Final = 5
TYPES: Final = ("terminliste", "artikel", "anzeige", "post")


@dataclass(frozen=True)
class Rows:
    """The listings to write: which event, which source, and how often it has listed it before.

    event, source, copy: (n,); the rest as said in the properties.
    """

    event: Ints
    source: Ints
    copy: Ints
    truth: TrueEvents
    world: World
    sources: tuple[Habits, ...]
    kinds: tuple[Kind, ...]

    @cached_property
    def key(self) -> Keys:
        """What is drawn for one listing alone."""
        return chance.joined(self.truth.at.key[self.event], self.source * 4 + self.copy)

    @cached_property
    def habit(self) -> Keys:
        """What a source does alike for a whole group; one time in seven it doesn't."""
        group = chance.joined(self.truth.at.group[self.event], self.source)
        return np.where(chance.happens(self.key, "another way", 0.15), self.key, group)

    @cached_property
    def two_shows(self) -> Mask:
        """Tell which listings are of one of several shows of a day."""
        shows = pl.DataFrame({"group": self.truth.at.group, "day": self.truth.at.day})
        return shows.select(pl.len().over("group", "day") > 1).to_series().to_numpy()[self.event]

    @cached_property
    def kind(self) -> Ints:
        """Each listing's kind."""
        return self.truth.kind[self.event]

    @cached_property
    def slots(self) -> pl.DataFrame:
        """What texts are filled from."""
        return self.truth.slots[self.event]

    @cached_property
    def venue(self) -> Ints:
        """Each listing's venue."""
        return self.truth.at.venue[self.event]

    @cached_property
    def place(self) -> Ints:
        """Each listing's town."""
        return self.truth.at.place[self.event]

    @cached_property
    def type(self) -> Ints:
        """Each listing's source type, index into TYPES."""
        return self.drawn("type", [[source.types.get(name, 0) for name in TYPES] for source in self.sources])

    def happens(self, purpose: str, share: Callable[[Habits], float], *, habit: bool = False) -> Mask:
        """Draw by a share that depends on the source."""
        shares = np.array([share(source) for source in self.sources])
        return chance.happens(self.habit if habit else self.key, purpose, shares[self.source])

    def drawn(self, purpose: str, weights: Sequence[Sequence[float]], which: Ints | None = None) -> Ints:
        """Draw an index by the weights of each row's source (or of the row that ``which`` names)."""
        total = np.cumsum(np.asarray(weights, np.float64), axis=1)[self.source if which is None else which]
        passed: Ints = (chance.uniform(self.habit, purpose)[:, None] * total[:, -1:] >= total).sum(axis=1)
        return passed


def rows_of(truth: TrueEvents, world: World, sources: tuple[Habits, ...], n: int) -> Rows:
    """Choose who lists what; n listings at most, events in random order."""
    kinds = definitions.kinds().kinds
    order = np.argsort(chance.derived(truth.at.key, "order"), kind="stable")
    truth = truth.rows(order)
    event, source = _listed(truth, world, sources, kinds)
    again = np.array([habits.again for habits in sources])[source]
    copies = chance.happens(chance.joined(truth.at.key[event], source), "again", again)
    count = 1 + copies.astype(np.int64)
    event, source = np.repeat(event, count), np.repeat(source, count)
    copy = np.arange(len(event)) - np.repeat(np.cumsum(count) - count, count)
    return Rows(event[:n], source[:n], copy[:n], truth, world, sources, kinds)


def _coverage(world: World, sources: tuple[Habits, ...]) -> Floats:
    """Tell which places each source looks at: (places, sources), 0 or 1."""
    population = world.places.frame["population"].to_numpy()
    columns = [
        chance.happens(world.places.keys, f"covered {number}", source.share_of_places)
        & (population >= source.least_population)
        & (population <= source.most_population)
        for number, source in enumerate(sources)
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def _preference(kinds: tuple[Kind, ...], sources: tuple[Habits, ...]) -> Floats:
    """Return how much each source cares for each kind: (kinds, sources)."""
    return np.array(
        [[source.prefers.get(kind.group, source.prefers["other"]) for source in sources] for kind in kinds]
    )


def _listed(
    truth: TrueEvents, world: World, sources: tuple[Habits, ...], kinds: tuple[Kind, ...]
) -> tuple[Ints, Ints]:
    """Draw one to five distinct sources an event, the ones that care most more often: events and sources."""
    weight = _coverage(world, sources)[truth.at.place] * _preference(kinds, sources)[truth.kind]
    wants_series = np.array([source.series for source in sources]) > 0
    weight = np.where((truth.at.role == UMBRELLA)[:, None] & ~wants_series, 0, weight)
    fame = np.array([kind.fame for kind in kinds])[truth.kind]
    # A source that lists one show, date or stop mostly lists the others too.
    key = np.where(chance.happens(truth.at.key, "alone", 0.15), truth.at.key, truth.at.group)
    share = np.clip(SPREAD * fame * (0.3 + 1.4 * chance.uniform(key, "fame")), 0, 0.8)
    more = sum(
        chance.happens(key, f"source {number}", share).astype(np.int64) for number in range(MOST_SOURCES - 1)
    )
    count = np.minimum(1 + more, (weight > 0).sum(axis=1))
    with np.errstate(divide="ignore"):
        draws = [chance.uniform(key, f"draw {number}") for number in range(len(sources))]
        race = -np.log(np.maximum(np.stack(draws, axis=1), 1e-300)) / weight
    order = np.argsort(race, axis=1, kind="stable")
    event, rank = np.nonzero(np.arange(len(sources))[None, :] < count[:, None])
    return event, order[event, rank]


SPREAD: Final = 0.175
"""Chance of each further source, for an event of fame 1: makes about 1.7 listings an event."""
