"""Reconciling: give clusters lasting ids, and say exactly what changed.

An id follows the largest part of what it stood for. Where that part is joined with a larger one the id redirects; where a smaller
part leaves, it gets an id of its own and the lineage says where it came from. Nothing that was public is silently gone.
"""

import base64
import hashlib
from collections.abc import Collection
from typing import Final

import polars as pl

from dedup_core.events import IDENTITY, Difference, Previous

PREFIX: Final = "ev_"
DIGEST_BYTES: Final = 10
"""80 bits: among a million ids the odds of one collision are below 1 in 10^12, and a collision is salted away."""


def derived_id(source_code: str, listing_id: str, *, salt: int = 0) -> str:
    """Derive an id from the first source event of a cluster, alike on every machine: ``ev_`` and 16 letters and digits.

    salt: raised while the id is taken. The length of the source code keeps ("a", "bc") and ("ab", "c") apart.
    """
    text = f"{len(source_code)}:{source_code}{listing_id}#{salt}"
    digest = hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()
    return PREFIX + base64.b32encode(digest).decode().lower()


def reconcile(
    events: pl.DataFrame, labels: pl.Series, previous: Previous, *, generation: int
) -> pl.DataFrame:
    """Name each cluster.

    events: sorted by identity. labels: (n,) lowest row number of each event's cluster.

    Each previous id claims the cluster with the largest part of it (ties: the cluster with the lowest row). Of several claims the
    largest part wins, then the oldest id (lowest ``born``), then the id that sorts first. So an id lives on exactly as
    long as its largest part is not outweighed where it lives.

    Returns:
        ``label`` (UInt32), ``canonical_id``, ``born`` (Int64): one row a cluster, sorted by label.
    """
    flows = flows_between(events, labels, previous)
    claims = _largest_parts(flows)
    kept = claims.sort("size", "born", "canonical_id", descending=[True, False, False]).unique(
        "label", keep="first"
    )
    clusters = labels.rename("label").unique().sort().to_frame()
    named = clusters.join(
        kept.select("label", "canonical_id", "born"), on="label", how="left", maintain_order="left"
    )
    taken = previous.retired | frozenset(previous.canonicals["canonical_id"])
    return _with_new_ids(named, events, taken, generation)


def flows_between(events: pl.DataFrame, labels: pl.Series, previous: Previous) -> pl.DataFrame:
    """Count the source events that each previous id brings into each cluster: ``canonical_id``, ``label``, ``size``, ``born``."""
    now = events.select(*IDENTITY).with_columns(labels.rename("label"))
    return (
        previous.members.join(now, on=list(IDENTITY))
        .group_by("canonical_id", "label")
        .agg(pl.len().alias("size"))
        .join(previous.canonicals.select("canonical_id", "born"), on="canonical_id", how="left")
    )


def _largest_parts(flows: pl.DataFrame) -> pl.DataFrame:
    return flows.sort("size", "label", descending=[True, False]).unique("canonical_id", keep="first")


def _with_new_ids(
    named: pl.DataFrame, events: pl.DataFrame, taken: Collection[str], generation: int
) -> pl.DataFrame:
    """Derive ids for the clusters that inherited none; only they are hashed."""
    new = named.filter(pl.col("canonical_id").is_null()).select("label")
    firsts = events.select(*IDENTITY)[new["label"].to_numpy()]
    used = set(taken)
    ids = [_free_id(source_code, listing_id, used) for source_code, listing_id in firsts.iter_rows()]
    fresh = new.with_columns(pl.Series("new_id", ids, dtype=pl.String))
    return named.join(fresh, on="label", how="left", maintain_order="left").select(
        "label",
        pl.coalesce("canonical_id", "new_id").alias("canonical_id"),
        pl.col("born").fill_null(generation).cast(pl.Int64),
    )


def _free_id(source_code: str, listing_id: str, used: set[str]) -> str:
    salt = 0
    while (candidate := derived_id(source_code, listing_id, salt=salt)) in used:
        salt += 1
    used.add(candidate)
    return candidate


def difference(
    events: pl.DataFrame, labels: pl.Series, named: pl.DataFrame, hashes: pl.DataFrame, previous: Previous
) -> Difference:
    """Compare with the previous state.

    named: as from `reconcile`. hashes: ``canonical_id``, ``content_hash`` of now.
    """
    then = previous.canonicals.select("canonical_id", then="content_hash")
    both = hashes.select("canonical_id", now="content_hash").join(
        then, on="canonical_id", how="full", coalesce=True
    )
    flows = flows_between(events, labels, previous).join(
        named.select("label", child_id="canonical_id"), on="label"
    )
    lineage = _lineage(flows)
    gone = _ids(both.filter(pl.col("now").is_null()))
    redirects = lineage.filter((pl.col("kind") == "merged") & pl.col("parent_id").is_in(gone.to_list()))
    return Difference(
        created=_ids(both.filter(pl.col("then").is_null())),
        changed=_ids(both.filter(pl.col("then") != pl.col("now"))),
        gone=gone,
        redirects=redirects.select(from_id="parent_id", to_id="child_id").sort("from_id"),
        lineage=lineage,
    )


def _ids(rows: pl.DataFrame) -> pl.Series:
    return rows["canonical_id"].sort()


def _lineage(flows: pl.DataFrame) -> pl.DataFrame:
    """Name each flow between different ids: ``merged`` if it is the parent's largest part, else ``split``."""
    largest = _largest_parts(flows).select("canonical_id", "label", pl.lit("merged").alias("kind"))
    return (
        flows.filter(pl.col("canonical_id") != pl.col("child_id"))
        .join(largest, on=["canonical_id", "label"], how="left")
        .select(parent_id="canonical_id", child_id="child_id", kind=pl.col("kind").fill_null("split"))
        .sort("parent_id", "child_id")
    )
