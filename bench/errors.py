"""Errors: show pairs that the matcher got wrong on generated listings, to see whether it or the generator is to blame.

    python -m bench.errors --listings 20000 --false 10 --missed 10 --kind concert

What is wrong, and why, is told by the same modules as in `event-dedup evaluate`; this adds the kind of the true event, which
only the generator knows, and takes a sample, as the surest mistakes of a generated world are often one of its habits.
"""

import argparse
import random
from collections.abc import Iterator, Sequence

import polars as pl

from bench.generator import generate
from dedup_core.events import IDENTITY
from dedup_core.labels import clusters_of
from dedup_core.mistakes import Mistake, json_ready, mistakes
from dedup_core.normalising import normalise
from dedup_core.policy import default_policy
from dedup_core.trials import Trials
from handlers.commands.evaluating import evidence_in_words
from handlers.commands.evaluation_document import listing

ALL = 1_000_000
"""Mistakes of each sort that are looked at, of which some are shown."""


def wrong_pairs(n: int, seed: int) -> tuple[pl.DataFrame, list[Mistake]]:
    """Find all pairs joined falsely or missed: the listings as EVENT_SCHEMA and ``true_kind``, and the mistakes on their rows."""
    made = generate(n, seed=seed)
    true = made.listings.select(
        *IDENTITY, cluster=pl.Series(made.truth).cast(pl.String), true_kind=made.kinds
    )
    events = normalise(made.listings).sort(*IDENTITY)
    trial = Trials(events).trial(default_policy())
    found, _, _ = mistakes(trial, clusters_of(events, true), events, most=ALL)
    return events.join(true, on=IDENTITY, how="left", maintain_order="left"), found


def written(mistake: Mistake, events: pl.DataFrame) -> Iterator[str]:
    """Write a pair for a reader: both listings and the evidence."""
    yield f"{mistake.kind}:"
    for row in (mistake.a, mistake.b):
        side = listing(events, row)
        kind, type_ = events["true_kind"][row], events["source_type"][row]
        place = ", ".join(filter(None, (side["venue"], side["city"], side["district"])))
        yield f"  {side['listing']} {type_} ({kind}) {side['title']!r}, {side['when']}, {place}"
        if side["text"]:
            yield f"      {side['text']}"
    yield from (f"    {line}" for line in evidence_in_words(json_ready(mistake.explanation)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print some wrong pairs."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.errors",
        description="Show pairs of generated listings that the matcher joined falsely or missed.",
        epilog="example: python -m bench.errors --listings 20000 --false 10 --missed 10 --kind concert",
    )
    parser.add_argument("--listings", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the generator (default: 1)")
    parser.add_argument("--kind", help="only pairs of this kind of event")
    parser.add_argument("--false", type=int, default=10, help="how many falsely joined pairs (default: 10)")
    parser.add_argument("--missed", type=int, default=10, help="how many missed pairs (default: 10)")
    asked = parser.parse_args(arguments)
    events, found = wrong_pairs(asked.listings, asked.seed)
    if asked.kind:
        found = [one for one in found if events["true_kind"][one.a] == asked.kind]
    for same, name, many in ((False, "false", asked.false), (True, "missed", asked.missed)):
        some = [one for one in found if one.same == same]
        print(f"{len(some)} {name} pairs")
        for one in random.Random(1).sample(some, min(many, len(some))):
            print(*written(one, events), "", sep="\n")


if __name__ == "__main__":
    main()
