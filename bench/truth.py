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
from bench.happenings import Occurrences, World, occurrences, together

TICKETED: Final = ("music", "stage", "party", "kids", "word", "wine")
"""Groups of kinds whose events can be sold out."""

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
            drawn[kind.name] = occurrences(
                kind, round(n * share / sum(shares)), world, drawn[parent] if parent else None
            )
            names[kind.name] = _slots(
                kind, drawn[kind.name], world, names[parent] if parent else None, grammar
            )
    number = {kind.name: i for i, kind in enumerate(kinds)}
    which = np.concatenate([np.full(len(events), number[name]) for name, events in drawn.items()])
    at = together(list(drawn.values()))
    return _with_fate(which, at, pl.concat(names.values()))


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
    given["org"] = grammar.written("org", at.group, given)
    return pl.DataFrame(given)


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
