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

FACTS: Final = (
    "age", "agenda", "album", "city", "composer", "composer2", "ensemble", "food", "genre", "guide", "league", "opus", "person",
    "person2", "price", "speaker", "sport", "subject", "support",
)  # fmt: skip
"""Words that all who write of an event know alike; the others are each writer's own."""

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
    facts = {fact: grammar.written(fact, at.group, given) for fact in FACTS}
    return pl.DataFrame({**given, **facts})


def _told_apart(kind: Kind, at: Occurrences, slots: pl.DataFrame) -> Ints:
    """Keep one of those that nobody could tell apart: a village has one carnival parade a day, a council one committee of a name."""
    once = kind.pattern.type in ("neighbours", "parallel")
    same = pl.DataFrame(
        {
            "name": slots["name"],
            "place": at.place,
            "part": slots["place_part"] if once else pl.Series(at.venue).cast(pl.String),
            "day": at.day,
            "start": np.zeros(len(at), np.int64) if once else at.start // 120,
            "role": at.role,
        }
    )
    return (
        same.with_row_index()
        .unique([*same.columns], keep="first", maintain_order=True)["index"]
        .to_numpy()
        .astype(np.int64)
    )


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
