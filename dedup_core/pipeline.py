"""START HERE. The pipeline: listings in, canonical events out.

    blocking -> scoring -> clustering -> synthesising -> reconciling

`resolve` runs these stages over all source events at once. It knows no files, no database and no clock: what the last run
left behind comes in as `Previous`, and what changed goes out as a `Difference`. To follow the way of a listing, read the
calls in `resolve` from top to bottom; each stage is a module of its name.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from dedup_core import lexicon, normalising
from dedup_core.aliases import with_aliases
from dedup_core.blocking import Candidates, blocking_keys, candidate_pairs
from dedup_core.clustering import Clusters, IndexedVerdicts, cluster, index_verdicts, missing_pairs
from dedup_core.corpus import corpus_of, title_words
from dedup_core.events import EVENT_SCHEMA, IDENTITY, Previous, Resolution
from dedup_core.memory import give_back
from dedup_core.observations import observations
from dedup_core.occurrences import occurrences, spans
from dedup_core.pinning import pinned, pinned_twice
from dedup_core.policy import Policy
from dedup_core.reconciling import difference, reconcile
from dedup_core.rendering import hashed, result_hash
from dedup_core.scoring import Scored, score
from dedup_core.subjects import Subjects, subjects_of
from dedup_core.subjects.rarity import ranks
from dedup_core.synthesising import synthesise
from dedup_core.witnesses import with_witnesses

Progress = Callable[[str, float], None]
"""Called with the name of a stage when it starts, and the share of the run that is done by then, in [0, 1]."""

STAGES: Final = {
    "blocking": 0.0,
    "scoring": 0.25,
    "clustering": 0.7,
    "synthesising": 0.75,
    "reconciling": 0.85,
    "rendering": 0.9,
}
"""Share of the run that is done when a stage starts (measured on 100,000 generated listings, rounded)."""


def resolve(
    events: pl.DataFrame,
    verdicts: pl.DataFrame,
    previous: Previous,
    policy: Policy,
    *,
    generation: int = 1,
    progress: Progress | None = None,
    observe: bool = False,
) -> Resolution:
    """Find out which source events announce the same real event, and make one canonical event of each.

    events: EVENT_SCHEMA, in any order, each (source_code, id) once.   verdicts: VERDICT_SCHEMA.
    previous: what the last run left.   generation: number of the data's state; new canonical events are ``born`` in it.
    observe: also tell what was seen of each decided pair, for who keeps it to be read; it takes a few hundredths longer.

    The same events, verdicts, previous state and policy give the same result, byte for byte, in whatever order they come.
    """
    begin = _announcer(progress, events.height)
    begin("blocking")
    events = _in_order(events)
    known_verdicts = index_verdicts(verdicts, events)
    left_out, scored, seen = _decided(events, policy, begin, observe=observe)
    clusters = cluster(events.height, scored.decisions, known_verdicts, limits=policy.clustering)
    made = settle(
        events,
        scored.decisions,
        clusters,
        known_verdicts,
        previous,
        policy,
        generation=generation,
        begin=begin,
    )
    canonical, review, links = made.canonical_events, made.review, made.links
    hashes = canonical.select("canonical_id", "content_hash")
    return Resolution(
        events=events,
        canonical_events=canonical,
        members=made.members,
        decisions=scored.decisions,
        seen=seen,
        review=review,
        links=links,
        flags=made.flags,
        left_out=_left_out(left_out, events),
        difference=difference(events, made.labels, made.named, hashes, previous),
        result_hash=result_hash(canonical, links),
        policy_version=policy.version,
        policy_hash=policy.hash,
        statistics=_statistics(events, left_out, scored, canonical, review, links),
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """Clusters made into canonical events. labels: (n,) of each event's cluster; named: as from `dedup_core.reconciling.reconcile`.

    canonical_events, members, review, links, flags: as in `dedup_core.events.Resolution`.
    """

    labels: pl.Series
    named: pl.DataFrame
    canonical_events: pl.DataFrame
    members: pl.DataFrame
    review: pl.DataFrame
    links: pl.DataFrame
    flags: pl.DataFrame


def settle(
    events: pl.DataFrame,
    decisions: pl.DataFrame,
    clusters: Clusters,
    verdicts: IndexedVerdicts,
    previous: Previous,
    policy: Policy,
    *,
    generation: int,
    begin: Callable[[str], None] = lambda stage: None,
) -> Settled:
    """Make canonical events of clusters: synthesise, pin, name, judge and hash them.

    events: sorted by identity; decisions, clusters and verdicts: of their rows. begin: told of each stage.
    """
    begin("synthesising")
    labels = pl.Series("label", clusters.labels)
    canonical = pinned(
        synthesise(events, clusters.labels, policy=policy.synthesis), verdicts.pins, labels
    ).with_columns(pl.col("label").is_in(labels.gather(verdicts.no_events).implode()).alias("hidden"))
    begin("reconciling")
    named = reconcile(events, labels, previous, generation=generation)
    review = awaiting_review(decisions, clusters, verdicts)
    flags = _flags(clusters, events, named, verdicts)
    canonical = _judged(
        canonical.join(named, on="label", how="left", maintain_order="left"), clusters, review, flags
    )
    begin("rendering")
    return Settled(
        labels=labels,
        named=named,
        canonical_events=hashed(canonical, events).sort("canonical_id"),
        members=_members(events, labels, named),
        review=review,
        links=_links(decisions, clusters, named),
        flags=flags,
    )


def _in_order(events: pl.DataFrame) -> pl.DataFrame:
    """Sort the events by identity; a million that are sorted already are not copied."""
    events = events.select(*EVENT_SCHEMA)
    source, number = (pl.col(name) for name in IDENTITY)
    rises = (source > source.shift(1)) | ((source == source.shift(1)) & (number > number.shift(1)))
    sorted_already = events.select(rises.fill_null(value=True).all()).item()
    return events if sorted_already else events.sort(*IDENTITY)


def _decided(
    events: pl.DataFrame, policy: Policy, begin: Callable[[str], None], *, observe: bool
) -> tuple[pl.DataFrame, Scored, pl.Series | None]:
    """Block and score; no verdict has a say in it. What comparisons look at is large, and is let go with the end of this function.

    Returns:
        the blocks that were left out (as in `dedup_core.blocking.Candidates`), the scored pairs, and what was seen of them if asked for.
    """
    subjects, candidates = blocked(events, policy)
    begin("scoring")
    scored = score(candidates.pairs, subjects, policy, worded=observe)
    begin("clustering")
    scored = completed(scored, subjects, policy)
    seen = None if scored.wording is None else observations(scored.wording, subjects, policy)
    return candidates.left_out, replace(scored, wording=None), seen


def _announcer(progress: Progress | None, rows: int) -> Callable[[str], None]:
    def begin(stage: str) -> None:
        give_back(rows)
        if progress:
            progress(stage, STAGES[stage])

    return begin


def subjects_and_words(events: pl.DataFrame, policy: Policy) -> tuple[Subjects, pl.DataFrame]:
    """Lay out what comparisons look at: the subjects, and ``event``, ``token``, ``rarity``, ``df`` of each title word.

    events: EVENT_SCHEMA, sorted by identity.
    """
    table = occurrences(events)
    extents = spans(table, events.height)
    words = title_words(events)
    common = lexicon.compound_parts() | lexicon.synonym_words()
    with ThreadPoolExecutor(1) as beside:
        # Python's own work, for which counting columns leaves room; what goes wrong here does so again where it is needed.
        beside.submit(normalising.ready)
        corpus = corpus_of(events, words, extents, background=policy.background, common=common)
    known = words.join(corpus.words, on="word", maintain_order="left")
    tokens = known.select("event", "token", "df", rarity=ranks(known))
    return subjects_of(events, table, extents, known, corpus, policy), tokens


def blocked(events: pl.DataFrame, policy: Policy) -> tuple[Subjects, Candidates]:
    """Lay out what comparisons look at, and choose the pairs to compare. events: sorted by identity."""
    subjects, tokens = subjects_and_words(events, policy)
    keys = blocking_keys(events, subjects.occurrences, tokens, limits=policy.blocking)
    candidates = candidate_pairs(keys, max_block_size=policy.blocking.max_block_size)
    return with_aliases(subjects, candidates.pairs, policy), candidates


def completed(scored: Scored, subjects: Subjects, policy: Policy) -> Scored:
    """Score the pairs that only a chain brought together, so that clustering sees what they refuse, and hear who has the names of both."""
    limit = policy.clustering.max_completed_size
    missing = missing_pairs(subjects.size, scored.decisions, max_size=limit)
    if missing.is_empty():
        return replace(scored, decisions=with_witnesses(scored.decisions, policy))
    added = score(missing, subjects, policy, keep_all=True, worded=scored.wording is not None)
    decisions = pl.concat([scored.decisions, added.decisions]).sort("a", "b")
    wording = (
        None
        if scored.wording is None or added.wording is None
        else pl.concat([scored.wording, added.wording]).sort("a", "b")
    )
    return replace(scored, decisions=with_witnesses(decisions, policy), wording=wording)


def awaiting_review(decisions: pl.DataFrame, clusters: Clusters, verdicts: IndexedVerdicts) -> pl.DataFrame:
    """Choose the ambiguous pairs that lie across two clusters and that no person has decided, most likely first.

    Who called one of the two no event has decided, too.
    """
    labels = pl.Series(clusters.labels)
    asked = decisions.filter(pl.col("decision") == "ambiguous")
    apart = asked.filter(labels.gather(asked["a"]) != labels.gather(asked["b"]))
    settled = pl.concat([verdicts.known.select("a", "b"), verdicts.known.select(a="b", b="a")])
    unreal = verdicts.no_events.implode()
    open_pairs = apart.join(settled, on=["a", "b"], how="anti").filter(
        ~pl.col("a").is_in(unreal), ~pl.col("b").is_in(unreal)
    )
    return open_pairs.sort("weight", "a", "b", descending=[True, False, False])


def _flags(
    clusters: Clusters, events: pl.DataFrame, named: pl.DataFrame, verdicts: IndexedVerdicts
) -> pl.DataFrame:
    """Put the flags of clusters, and of listings that are no event, in words: ``canonical_id``, ``flag``, ``detail``.

    Where a person called one no event, that it may be none is no news; nor where one called it an event.
    """
    identity = events.select(pl.concat_str(*IDENTITY, separator=":").alias("name"))["name"]
    pairs = clusters.flags.with_columns(
        identity.gather(clusters.flags[side]).alias(f"name_{side}") for side in ("a", "b")
    )
    number = pl.col("number").round(2).cast(pl.String)
    detail = pl.coalesce(pl.format("{} and {}", "name_a", "name_b"), number)
    unreal = [name for name, kind in lexicon.kinds().items() if not kind.event]
    labels = pl.Series("label", clusters.labels)
    known = labels.gather(verdicts.no_events).implode()
    kinds = (
        events.select("kind", labels)
        .filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(verdicts.real.implode()))
        .filter(pl.col("kind").is_in(unreal), ~pl.col("label").is_in(known))
    )
    twice = pinned_twice(verdicts.pins, labels)
    flagged = pl.concat(
        [
            pairs.select("label", "flag", detail.alias("detail")),
            kinds.select("label", pl.lit("not_an_event").alias("flag"), pl.col("kind").alias("detail")),
            twice.select(
                "label", pl.lit("contradicting_verdicts").alias("flag"), pl.col("field").alias("detail")
            ),
        ]
    )
    return (
        flagged.join(named, on="label")
        .select("canonical_id", "flag", "detail")
        .unique()
        .sort("canonical_id", "flag", "detail")
    )


def _judged(
    canonical: pl.DataFrame, clusters: Clusters, review: pl.DataFrame, flags: pl.DataFrame
) -> pl.DataFrame:
    """Add ``confidence``, ``needs_review`` and ``flags``: how sure the cluster is, and whether a person should look.

    An open question leaves an event as doubtful as it is likely that the answer changes it.
    """
    labels = pl.Series(clusters.labels)
    open_pairs = pl.concat(
        [review.select(labels.gather(review[side]).alias("label"), "score") for side in ("a", "b")]
    )
    doubt = open_pairs.group_by("label").agg(pl.col("score").max().alias("doubt"))
    names = flags.group_by("canonical_id").agg(pl.col("flag").unique().sort().alias("flags"))
    certain = pl.Series("certain", clusters.confidence).gather(canonical["label"])
    joined = (
        canonical.with_columns(certain)
        .join(doubt, on="label", how="left", maintain_order="left")
        .join(names, on="canonical_id", how="left", maintain_order="left")
    )
    # Two digits: a hundredth more or less is no news to a reader, but would rewrite events in every run.
    sure = pl.min_horizontal("certain", 1 - pl.col("doubt").fill_null(0.0)).cast(pl.Float64).round(2)
    return joined.with_columns(
        sure.alias("confidence"),
        (pl.col("doubt").is_not_null() | pl.col("flags").is_not_null()).alias("needs_review"),
        pl.col("flags").fill_null(pl.lit([], pl.List(pl.String))),
    ).drop("certain", "doubt")


def _left_out(oversized: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Name the blocks that were too large by a listing that is in them: ``key``, ``size``."""
    examples = events.select(pl.concat_str(*IDENTITY, separator=":").alias("name"))["name"]
    blocks = oversized.with_columns(examples.gather(oversized["example"]))
    return blocks.select(pl.format("{}, with {}", "key", "name").alias("key"), "size")


def _links(decisions: pl.DataFrame, clusters: Clusters, named: pl.DataFrame) -> pl.DataFrame:
    """Turn relations of pairs into relations of canonical events: ``kind``, ``from``, ``to``, each once."""
    labels = pl.Series(clusters.labels)
    related = decisions.filter(pl.col("relation").is_not_null())
    related = related.select(
        pl.col("relation").str.slice(2).str.strip_suffix("_a").str.strip_suffix("_b").alias("kind"),
        pl.col("relation").str.starts_with("a_").alias("a_first"),
        labels.gather(related["a"]).alias("label_a"),
        labels.gather(related["b"]).alias("label_b"),
    )
    ends = related.select(
        "kind",
        label_from=pl.when("a_first").then("label_a").otherwise("label_b"),
        label_to=pl.when("a_first").then("label_b").otherwise("label_a"),
    ).filter(pl.col("label_from") != pl.col("label_to"))
    ids = named.select("label", "canonical_id")
    return (
        ends.join(ids.rename({"label": "label_from", "canonical_id": "from"}), on="label_from")
        .join(ids.rename({"label": "label_to", "canonical_id": "to"}), on="label_to")
        .select("kind", "from", "to")
        .unique()
        .sort("kind", "from", "to")
    )


def _members(events: pl.DataFrame, labels: pl.Series, named: pl.DataFrame) -> pl.DataFrame:
    return (
        events.select(*IDENTITY)
        .with_columns(labels)
        .join(named, on="label", how="left", maintain_order="left")
        .select("canonical_id", *IDENTITY)
        .sort("canonical_id", *IDENTITY)
    )


def _statistics(
    events: pl.DataFrame,
    left_out: pl.DataFrame,
    scored: Scored,
    canonical: pl.DataFrame,
    review: pl.DataFrame,
    links: pl.DataFrame,
) -> dict[str, float | int]:
    """Count what happened. reduction: share of all possible pairs that blocking spared."""
    n = events.height
    possible = n * (n - 1) // 2
    pairs = scored.candidates
    counts = dict(scored.decisions["decision"].value_counts().iter_rows())
    return {
        "listings": n,
        "candidate_pairs": pairs,
        "reduction": round(1 - pairs / possible, 6) if possible else 1.0,
        "left_out_blocks": left_out.height,
        "matches": int(counts.get("match", 0)),
        "ambiguous": int(counts.get("ambiguous", 0)),
        "below_floor": scored.below_floor,
        "canonical_events": canonical.height,
        "review": review.height,
        "needs_review": int(canonical["needs_review"].sum()),
        "links": links.height,
    }
