"""Happenings: the true events. Each occurrence is an event of its own, also of a series, a tour or a run of shows.

First come groups (a series, a tour, one market in some villages), then their occurrences. What hangs together looks alike:
these groups are the hard negatives, and `bench.habits` lists them under equal titles.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from bench import chance
from bench.calendar import Calendar
from bench.chance import Floats, Ints, Keys
from bench.definitions import Kind, Pattern
from bench.geography import NEIGHBOURS, Places, Venues

NIGHT_ENDS: Final = 29 * 60

PLAIN, EXTRA_DATE, UMBRELLA = 0, 1, 2
"""What an occurrence is to its group: one of it, an additional date, or the whole series in one listing."""


@dataclass(frozen=True)
class Occurrences:
    """True events of one kind, columns of equal length.

    group: key of what hangs together; name, extra: keys that title words are drawn by; day: in the window; last: last day;
    start: minutes after midnight, -1 unknown, over 1440 the night after; lasts: minutes; repeats: times, every ``every`` days;
    role: PLAIN, EXTRA_DATE or UMBRELLA; parent: row among the parent kind's events, or -1.
    """

    key: Keys
    group: Keys
    name: Keys
    extra: Keys
    place: Ints
    venue: Ints
    day: Ints
    last: Ints
    start: Ints
    lasts: Ints
    repeats: Ints
    every: Ints
    role: Ints
    parent: Ints

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.key)

    def rows(self, which: Ints) -> "Occurrences":
        """Take some rows, in the order given."""
        return Occurrences(**{column.name: getattr(self, column.name)[which] for column in fields(self)})


@dataclass(frozen=True)
class World:
    """Where and when events take place."""

    seed: int
    places: Places
    venues: Venues
    calendar: Calendar


def occurrences(kind: Kind, n: int, world: World, parents: Occurrences | None) -> Occurrences:
    """Draw about n events of a kind. parents: the events of the kind that it has its items in."""
    groups = max(1, round(n / _mean_size(kind.pattern)))
    first = _of_parents(kind, groups, world, parents) if parents is not None else _groups(kind, groups, world)
    spread = PATTERNS[kind.pattern.type](kind, first, world)
    inside = (spread.day >= 0) & (spread.day < world.calendar.days)
    return spread.rows(np.flatnonzero(inside))


def _mean_size(pattern: Pattern) -> float:
    shows = 1 + pattern.again + pattern.extra + 2.5 * pattern.run
    return (pattern.least + pattern.most) / 2 * 0.85 if pattern.type in SPREADING else shows


SPREADING: Final = ("weekly", "tour", "neighbours", "siblings", "parallel")


def _groups(kind: Kind, n: int, world: World) -> Occurrences:
    """Draw the first occurrence of each group."""
    keys = chance.keys(world.seed, kind.name, n)
    place = _place(kind, keys, world)
    weights = world.calendar.weights(kind.season, kind.days)
    if kind.pattern.type == "weekly":
        weights = np.asarray(kind.days)[np.arange(world.calendar.days) % 7] * (
            world.calendar.seasons[kind.season] > 0
        )
    return _with_hours(
        kind, keys, place, venue_of(kind, keys, place, world), chance.chosen(keys, "day", weights)
    )


def _of_parents(kind: Kind, n: int, world: World, parents: Occurrences) -> Occurrences:
    """Draw events that take place where and while their parent does."""
    keys = chance.keys(world.seed, kind.name, n)
    parent = chance.below(keys, "parent", len(parents))
    span = parents.last[parent] - parents.day[parent] + 1
    day = parents.day[parent] + chance.below(keys, "day", span)
    items = _with_hours(kind, keys, parents.place[parent], parents.venue[parent], day)
    return replace(items, parent=parent)


def _with_hours(kind: Kind, keys: Keys, place: Ints, venue: Ints, day: Ints) -> Occurrences:
    pool = chance.below(keys, "popular", max(20, len(keys) // 2)) * chance.uniform(keys, "skew")
    names = chance.joined(chance.derived(keys[:1], "names"), pool.astype(np.int64))
    n = len(keys)
    none = np.zeros(n, np.int64)
    return Occurrences(
        key=keys, group=keys, name=names, extra=chance.derived(keys, "extra"), place=place, venue=venue, day=day, last=day,
        start=_starts(kind, keys), lasts=np.asarray(kind.lasts)[chance.below(keys, "lasts", len(kind.lasts))],
        repeats=none + 1, every=none + 7, role=none, parent=none - 1,
    )  # fmt: skip


def _place(kind: Kind, keys: Keys, world: World) -> Ints:
    population = world.places.frame["population"].to_numpy().astype(np.float64)
    liveliness = np.exp(0.4 * chance.normal(world.places.keys, kind.group))
    return chance.chosen(keys, "place", _weight(population, kind.urban) * liveliness)


def _weight(population: Floats, urban: float) -> Floats:
    """Weigh places: over 60,000 inhabitants the sources look away more and more."""
    noticed = np.minimum(population, 60_000 + np.sqrt(np.maximum(population - 60_000, 0)) * 40)
    weight: Floats = noticed ** (0.75 * urban)
    return weight


def venue_of(kind: Kind, keys: Keys, place: Ints, world: World) -> Ints:
    """Draw a venue of the kinds that fit, the first ones of a place more often; a hall stands in for what a place lacks."""
    names = list(kind.venues)
    wanted = np.array([world.venues.kinds.index(name) for name in names])
    weights = np.asarray(list(kind.venues.values()))[None, :] * (world.venues.count[place][:, wanted] > 0)
    total = np.cumsum(weights, axis=1)
    drawn = (chance.uniform(keys, "venue kind")[:, None] * total[:, -1:] >= total).sum(axis=1)
    hall = world.venues.kinds.index("hall")
    which = np.where(total[:, -1] > 0, wanted[np.minimum(drawn, len(names) - 1)], hall)
    count = world.venues.count[place, which]
    skewed = count * chance.uniform(keys, "venue") ** 1.7
    return world.venues.first[place, which] + np.minimum(skewed.astype(np.int64), count - 1)


def _starts(kind: Kind, keys: Keys) -> Ints:
    lines = [line.split(" *") for line in kind.starts]
    minutes = [-1 if hour == "none" else int(hour[:2]) * 60 + int(hour[3:]) for hour, *_ in lines]
    weights = [float(rest[0]) if rest else 1.0 for _, *rest in lines]
    return np.asarray(minutes, np.int64)[chance.chosen(keys, "start", weights)]


def _repeated(first: Occurrences, count: Ints) -> tuple[Occurrences, Ints]:
    """Repeat each group: its occurrences and their number within the group, from 0."""
    of = np.repeat(np.arange(len(first)), count)
    number = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    all_ = first.rows(of)
    return replace(all_, key=chance.joined(chance.derived(all_.group, "occurrence"), number)), number


def _count(kind: Kind, first: Occurrences) -> Ints:
    spread = kind.pattern.most - kind.pattern.least + 1
    return kind.pattern.least + (spread * chance.uniform(first.key, "count") ** 1.3).astype(np.int64)


def _once(kind: Kind, first: Occurrences, world: World) -> Occurrences:
    del kind, world
    return first


def _shows(kind: Kind, first: Occurrences, world: World) -> Occurrences:
    """Some play again the same day, some for several days, some announce an additional date."""
    del world
    pattern = kind.pattern
    run = np.where(chance.happens(first.key, "run", pattern.run), 1 + chance.below(first.key, "runs", 5), 0)
    plays, number = _repeated(first, 1 + run)
    apart = np.where(chance.happens(plays.group, "weekly", 0.5), 7, 1)
    plays = replace(plays, day=plays.day + number * apart, last=plays.day + number * apart)
    again = plays.rows(np.flatnonzero(chance.happens(plays.key, "again", pattern.again)))
    shift = (
        np.where(again.start >= 17 * 60, -pattern.shift, pattern.shift)
        if pattern.shift > 0
        else -pattern.shift
    )
    again = replace(again, key=chance.derived(again.key, "second show"), start=again.start + shift)
    more = plays.rows(np.flatnonzero(chance.happens(plays.key, "more", pattern.extra)))
    later = 1 + chance.below(more.key, "days later", 3)
    more = replace(
        more, key=chance.derived(more.key, "extra date"), day=more.day + later, last=more.last + later,
        role=np.full(len(more), EXTRA_DATE),
    )  # fmt: skip
    return together([plays, again, more])


def _weekly(kind: Kind, first: Occurrences, world: World) -> Occurrences:
    """Repeat every week; some series are listed as a whole too, which is one more event."""
    count = np.minimum(_count(kind, first), 1 + (world.calendar.days - 1 - first.day) // kind.pattern.every)
    dates, number = _repeated(first, count)
    day = dates.day + number * kind.pattern.every
    dates = replace(dates, day=day, last=day)
    chosen = np.flatnonzero((count > 2) & chance.happens(first.key, "umbrella", kind.pattern.umbrella))
    whole = first.rows(chosen)
    whole = replace(
        whole, key=chance.derived(whole.key, "whole series"), repeats=count[chosen], role=np.full(len(whole), UMBRELLA),
        every=np.full(len(whole), kind.pattern.every),
    )  # fmt: skip
    return together([dates, whole])


def _tour(kind: Kind, first: Occurrences, world: World) -> Occurrences:
    """Play in another town each day or every few days."""
    dates, number = _repeated(first, _count(kind, first))
    steps = np.where(number == 0, 0, 1 + chance.below(dates.key, "step", 3))
    day = dates.day + _running(steps, number)
    place = np.where(number == 0, dates.place, _place(kind, dates.key, world))
    venue = np.where(number == 0, dates.venue, venue_of(kind, dates.key, place, world))
    return replace(dates, day=day, last=day, place=place, venue=venue)


def _group_numbers(number: Ints) -> Ints:
    return np.cumsum(number == 0) - 1


def _running(steps: Ints, number: Ints) -> Ints:
    """Add up within each group."""
    total = np.cumsum(steps)
    return total - total[np.flatnonzero(number == 0)][_group_numbers(number)] if len(steps) else steps


def _neighbours(kind: Kind, first: Occurrences, world: World) -> Occurrences:
    """Happen in some neighbouring places on the same day, each organised by another club."""
    there, number = _repeated(first, _count(kind, first))
    near = chance.below(there.key, "near", NEIGHBOURS - 2) // 2 + number - 1
    place = np.where(
        number == 0, there.place, world.places.neighbours[there.place, np.clip(near, 0, NEIGHBOURS - 1)]
    )
    venue = np.where(number == 0, there.venue, venue_of(kind, there.key, place, world))
    start = np.where(chance.happens(there.key, "same hour", 0.5), there.start, _starts(kind, there.key))
    last = there.day + chance.below(there.key, "range", kind.pattern.range) * (there.day % 7 < 6)
    extra = chance.derived(there.key, "extra")
    group = np.where(number == 0, there.group, there.key)
    return replace(there, place=place, venue=venue, start=start, last=last, extra=extra, group=group)


def _siblings(kind: Kind, first: Occurrences, world: World) -> Occurrences:
    """Happen in several venues of one town on the same day, as far as it has them."""
    which = world.venues.kinds.index(next(iter(kind.venues)))
    available = world.venues.count[first.place, which]
    there, number = _repeated(first, np.minimum(_count(kind, first), np.maximum(available, 1)))
    count = np.maximum(world.venues.count[there.place, which], 1)
    turned = (there.venue - world.venues.first[there.place, which] + number) % count
    venue = np.where(number == 0, there.venue, world.venues.first[there.place, which] + turned)
    start = np.where(chance.happens(there.key, "same hour", 0.3), there.start, _starts(kind, there.key))
    return replace(there, venue=venue, start=start)


def _parallel(kind: Kind, first: Occurrences, world: World) -> Occurrences:
    """Show different things in one hall on one day, one soon after the other."""
    del world
    there, number = _repeated(first, _count(kind, first))
    gap = 5 * (1 + chance.below(there.key, "gap", kind.pattern.gap // 5))
    start = there.start + _running(np.where(number == 0, 0, gap), number)
    names = chance.joined(there.name, number)
    group = chance.joined(there.group, number)
    return replace(there, name=names, extra=chance.derived(group, "extra"), group=group, start=start)


def _exhibition(kind: Kind, first: Occurrences, world: World) -> Occurrences:
    del world
    return replace(first, last=first.day + _count(kind, first))


PATTERNS: Final[dict[str, Callable[[Kind, Occurrences, World], Occurrences]]] = {
    "once": _once,
    "shows": _shows,
    "weekly": _weekly,
    "tour": _tour,
    "neighbours": _neighbours,
    "siblings": _siblings,
    "parallel": _parallel,
    "exhibition": _exhibition,
    "festival": _exhibition,
}


def together(parts: list[Occurrences]) -> Occurrences:
    """Put events one after the other."""
    return Occurrences(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in (f.name for f in fields(Occurrences))
        }
    )
