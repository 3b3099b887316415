"""Truth: all true events of a world, with the names that their listings are written from."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from bench import calendar, chance, definitions
from bench.chance import Ints, Keys
from bench.definitions import Kind
from bench.grammar import Grammar, bank
from bench.happenings import UMBRELLA, Occurrences, World, occurrences, together

TICKETED: Final = ("music", "stage", "party", "kids", "word", "wine")
"""Groups of kinds whose events can be sold out."""

FACTS: Final = (
    "age", "agenda", "album", "city", "composer", "composer2", "ensemble", "food", "genre", "guide", "league", "opus", "org",
    "person", "person2", "price", "speaker", "sport", "subject", "support",
)  # fmt: skip
"""Words that all who write of an event know alike; the others are each writer's own."""

WITHIN: Final = {"weekly": ["hours"]}
"""Patterns of which two of a name may happen in one place and time, a few hours apart."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TrueEvents:
    """The true events; a row number is the event's id.

    kind: (n,) index into the definitions; at: where and when; slots: what titles and texts are filled from;
    cancelled, sold_out: (n,); moved_from: (n,) the day it was announced for before, -1 if it was never moved.
    """

    kind: Ints
    at: Occurrences
    slots: pl.DataFrame
    cancelled: Flags
    sold_out: Flags
    moved_from: Ints

    def rows(self, which: Ints) -> "TrueEvents":
        """Take some rows, in the order given."""
        return TrueEvents(
            self.kind[which], self.at.rows(which), self.slots[which], self.cancelled[which], self.sold_out[which],
            self.moved_from[which],
        )  # fmt: skip


def true_events(n: int, world: World, grammar: Grammar) -> TrueEvents:
    """Draw about n events of all kinds that are in season."""
    kinds = definitions.kinds().kinds
    shares = [kind.share * world.calendar.part_of_year(kind.season) ** 0.5 for kind in kinds]
    drawn: dict[str, Occurrences] = {}
    names: dict[str, pl.DataFrame] = {}
    for kind, share in zip(kinds, shares, strict=True):
        if share:
            parent = kind.of.kind if kind.of else None
            at = occurrences(kind, round(n * share / sum(shares)), world, drawn[parent] if parent else None)
            slots = _slots(kind, at, world, names[parent] if parent else None, grammar)
            apart = _told_apart(kind, at, slots)
            drawn[kind.name], names[kind.name] = at.rows(apart), slots[apart]
    number = {kind.name: i for i, kind in enumerate(kinds)}
    which = np.concatenate([np.full(len(events), number[name]) for name, events in drawn.items()])
    at = together(list(drawn.values()))
    return _with_fate(which, at, _with_facts(pl.concat(names.values()), at, grammar))


def _slots(
    kind: Kind, at: Occurrences, world: World, parents: pl.DataFrame | None, grammar: Grammar
) -> pl.DataFrame:
    """Write what the titles and texts of a kind's events are filled from."""
    place = world.places.frame
    near = world.places.neighbours[at.place, chance.below(at.key, "rival", 5)]
    town = place["short"].gather(at.place)
    district = world.venues.frame["district"].gather(at.venue)
    day = at.day
    given = {
        "town": town,
        "place": town,
        "rival": place["short"].gather(near),
        "venue": world.venues.frame["plain"].gather(at.venue),
        "at_venue": world.venues.frame["at_venue"].gather(at.venue),
        "place_part": district.fill_null(town),
        "weekday": calendar.weekday(day),
        "date": calendar.spoken(day),
        "clock": calendar.clock(np.where(at.start < 0, 11 * 60, at.start)),
        "year": pl.Series(np.array([date.year for date in world.calendar.dates])[day]).cast(pl.String),
        "edition": pl.Series(2 + chance.below(at.name, "edition", 60)).cast(pl.String),
        "parent": parents["name"].gather(at.parent)
        if parents is not None
        else pl.repeat("", len(at), eager=True),
    }
    given["name"] = _of_lines(kind.words, at.name, given, grammar)
    given["extra"] = _of_lines(kind.extra, at.extra, given, grammar)
    return pl.DataFrame(given)


def _with_facts(slots: pl.DataFrame, at: Occurrences, grammar: Grammar) -> pl.DataFrame:
    given = slots.to_dict()
    return slots.with_columns(grammar.written(fact, at.group, given).alias(fact) for fact in FACTS)


def _told_apart(kind: Kind, at: Occurrences, slots: pl.DataFrame) -> Ints:
    """Keep one group of those that nobody could tell apart, and one event of those in it: returns their rows.

    A village has one carnival parade of a name a week, and a band does not play there twice in a fortnight but by one series of shows.
    """
    pattern = kind.pattern.type
    local = {"neighbours": "place_part", "siblings": "venue", "weekly": "venue"}.get(pattern, "town")
    days = {"neighbours": 7, "siblings": 1, "weekly": 1, "parallel": 1, "exhibition": 10_000}.get(pattern, 14)
    events = pl.DataFrame(
        {
            "name": slots["name"],
            "place": at.place,
            "part": slots[local],
            "day": at.day,
            "hours": at.start // 90,
            "group": at.group,
            "whole": at.role == UMBRELLA,
        }
    ).with_row_index()
    for turn in (0, days // 2):
        where = ["name", "place", "part", (pl.col("day") + turn) // days, "whole", *WITHIN.get(pattern, [])]
        events = events.filter(pl.col("group") == pl.col("group").first().over(where))
    kept = events.unique(
        ["group", "name", "place", "part", "day", "hours", "whole"], keep="first", maintain_order=True
    )
    return kept["index"].to_numpy().astype(np.int64)


def _of_lines(lines: tuple[str, ...], keys: Keys, given: dict[str, pl.Series], grammar: Grammar) -> pl.Series:
    return grammar.drawn(bank([lines]), np.zeros(len(keys), np.int64), keys, given)


def _with_fate(kind: Ints, at: Occurrences, slots: pl.DataFrame) -> TrueEvents:
    """Cancel, sell out and move a few."""
    groups = np.array([definition.group in TICKETED for definition in definitions.kinds().kinds])
    moved = chance.happens(at.key, "moved", 0.008) & (at.repeats == 1) & (at.last == at.day)
    earlier = at.day - 3 - chance.below(at.key, "moved by", 50)
    return TrueEvents(
        kind=kind,
        at=at,
        slots=slots,
        cancelled=chance.happens(at.key, "cancelled", 0.012),
        sold_out=groups[kind] & chance.happens(at.key, "sold out", 0.03),
        moved_from=np.where(moved, earlier, -1),
    )
