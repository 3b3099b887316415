"""Neighbourhood: what verdicts make of the events that they touch, at once, without the other hundred thousand.

No verdict has a say in scores, so the decisions of the last run still hold, and a verdict reaches no further than matches and must-links lead
from its listings. That closed part is clustered, synthesised and named by the very functions that a run uses, and comes out as the next
run will store it. Two things can make the run say something else: listings that came since the last run, and a decision that moved by
less than is worth rewriting. Nothing is stored from here; the run is what counts.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from dedup_core.clustering import Clusters, Labels, cluster
from dedup_core.contradicting import Contradiction, Said
from dedup_core.events import IDENTITY, Difference, Neighbourhood, Previous
from dedup_core.pinning import pinned_twice
from dedup_core.pipeline import settle
from dedup_core.policy import Policy
from dedup_core.reconciling import difference
from dedup_core.rendering import contents
from dedup_core.verdicts import index_verdicts


@dataclass(frozen=True, slots=True)
class Prospect:
    """What becomes of the part.

    canonical_events: as from `dedup_core.pipeline.settle`, with ``content`` (JSON); members, difference: as in a resolution.
    pinned_twice: ``label``, ``field``, ``sequences`` of pins that contradict.
    """

    canonical_events: pl.DataFrame
    members: pl.DataFrame
    difference: Difference
    pinned_twice: pl.DataFrame


def resettled(near: Neighbourhood, policy: Policy, *, generation: int) -> Prospect:
    """Cluster the part and make its canonical events, as a run would. generation: the one in which new events are born."""
    verdicts = index_verdicts(near.verdicts, near.events)
    found = cluster(near.events.height, near.decisions, verdicts, limits=policy.clustering)
    clusters = _at_home(found, near.events)
    made = settle(
        near.events, near.decisions, clusters, verdicts, near.previous, policy, generation=generation
    )
    inside = _identities(near.events.filter("inside"))
    here = clusters.labels[near.events["inside"].to_numpy()]
    mine = made.canonical_events.filter(pl.col("label").is_in(pl.Series(here).unique().implode()))
    members = made.members.join(inside, on=IDENTITY, how="semi", maintain_order="left")
    return Prospect(
        mine.with_columns(contents(mine, near.events)),
        members,
        difference(
            near.events,
            made.labels,
            made.named,
            mine.select("canonical_id", "content_hash"),
            _of(near.previous, inside),
        ),
        pinned_twice(verdicts.pins, made.labels),
    )


def _identities(events: pl.DataFrame) -> pl.DataFrame:
    return events.select(*IDENTITY)


def _at_home(found: Clusters, events: pl.DataFrame) -> Clusters:
    """Leave the listings from around the part in the events that they are in."""
    rows = events.select("home", "inside").with_row_index("row")
    around = rows.filter(~pl.col("inside")).with_columns(pl.col("row").min().over("home"))
    where = rows.filter(~pl.col("inside"))["row"].to_numpy()
    labels: Labels = found.labels.copy()
    labels[where] = around["row"].to_numpy().astype(np.uint32)
    return replace(found, labels=labels)


def _of(previous: Previous, inside: pl.DataFrame) -> Previous:
    """Keep what the last run left of the part alone."""
    members = previous.members.join(inside, on=IDENTITY, how="semi", maintain_order="left")
    canonicals = previous.canonicals.join(members, on="canonical_id", how="semi", maintain_order="left")
    return Previous(members, canonicals, previous.retired)


def pins_against(prospect: Prospect, new: list[Said], standing: list[Said]) -> list[Contradiction]:
    """List the pins that would contradict in one event, which did not before: each with the newest for the new one.

    new, standing: verdicts of any kind, their sequences those of the prospect's.
    """
    fresh = {said.sequence for said in new}
    pins = {said.sequence: said for said in (*standing, *new) if said.kind == "pin"}
    found = []
    for sequences in prospect.pinned_twice["sequences"].to_list():
        of_field = [pins[number] for number in sequences if number in pins]
        if not of_field or (not fresh & set(sequences) and not _by_joining(new)):
            continue
        *older, newest = of_field
        others = tuple(each for each in older if each.value != newest.value)
        found.append(Contradiction(newest, others))
    return found


def _by_joining(new: list[Said]) -> bool:
    return any(said.kind == "must_link" for said in new)
