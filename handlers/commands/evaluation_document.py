"""What an evaluation says, as one JSON document: the tables and the page are made of it, so they can't say another thing."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import polars as pl

from dedup_core.events import EVIDENCE
from dedup_core.judging import Judgement, complaints, rows_of
from dedup_core.labels import TrueClusters
from dedup_core.measuring import BIN, Figures, contributions, curve, histogram
from dedup_core.mistakes import Mistake, json_ready, mistakes
from dedup_core.policy import Policy
from dedup_core.variants import numbers_of
from handlers.commands.listings import told_apart
from handlers.evaluate import Data, Evaluation, Variant, compare

Document = dict[str, Any]

CURVE_POINTS: Final = 1_000
"""Points of a curve at most: more than a page has pixels for."""

TEXT_SHOWN: Final = 300
"""Characters of a listing's text: enough to see what it speaks of."""


def document(
    data: Data,
    found: Evaluation,
    *,
    most: int,
    variants: Sequence[Variant] = (),
    other: Evaluation | None = None,
) -> Document:
    """Put everything together. most: mistakes of each sort that are told in full; other: of the policy to compare with."""
    told: Document = {
        "data": _data(data),
        "policy": _policy(found.policy),
        "figures": flat(found.figures),
        "thresholds": found.policy.thresholds.model_dump(),
        "hard_cases": _cases(found.judgements),
        "curve": _thinned(curve(found.trial, data.truth)).to_dicts(),
        "histogram": {"bin": BIN, "bars": histogram(found.trial, data.truth).to_dicts()},
        "evidence": contributions(found.trial, data.truth).to_dicts(),
        "mistakes": _mistakes(data, found, most),
    }
    if variants:
        told["sweep"] = {"paths": list(variants[0].changes), "variants": [_variant(one) for one in variants]}
    if other is not None:
        told["comparison"] = _comparison(data, found, other)
    return told


def flat(figures: Figures) -> dict[str, float | int | None]:
    """Lay figures out as names and numbers; shares have four digits."""
    pairs, cubed = figures.pairs, figures.bcubed
    shares = {
        "precision": pairs.precision,
        "recall": pairs.recall,
        "f1": pairs.f1,
        "bcubed_precision": None if cubed is None else cubed.precision,
        "bcubed_recall": None if cubed is None else cubed.recall,
        "bcubed_f1": None if cubed is None else cubed.f1,
        "match_precision": figures.match_precision,
        "blocking_recall": figures.blocking_recall,
        "review_share": figures.review_share,
    }
    return {
        "listings": figures.listings,
        "labelled": figures.labelled,
        "right_pairs": pairs.true,
        "wrong_merges": pairs.false,
        "wrong_events": figures.wrong_events,
        "missed_pairs": pairs.missed,
        **{name: None if share is None else round(share, 4) for name, share in shares.items()},
        "reduction": round(figures.reduction, 6),
        "candidate_pairs": figures.candidates,
        "blocks_left_out": figures.left_out_blocks,
        "review": figures.review,
        "review_same": figures.review_same,
    }


def _data(data: Data) -> Document:
    kind = "clusters" if isinstance(data.truth, TrueClusters) else "pairs"
    return {
        "name": data.name,
        "labels": kind if data.suite is None else "hard cases",
        "refused_listings": len(data.rejections),
        "labels_of_refused": data.left_out,
    }


def _policy(policy: Policy) -> Document:
    return {"version": policy.version, "hash": policy.hash}


def _thinned(points: pl.DataFrame) -> pl.DataFrame:
    if points.height <= CURVE_POINTS:
        return points
    every = points.gather_every(-(-points.height // CURVE_POINTS))
    return pl.concat([every, points.tail(1)]).unique(maintain_order=True)


def _cases(judgements: Sequence[Judgement]) -> Document | None:
    if not judgements:
        return None
    rows = [{**asdict(row), "right": row.right} for row in rows_of(judgements)]
    return {"rows": rows, "wrong": [_case(one) for one in complaints(judgements)]}


def _case(one: Judgement) -> Document:
    return {
        "id": one.case.id,
        "row": one.case.row,
        "phenomenon": one.case.phenomenon,
        "verdict": one.verdict,
        "faults": sorted(words for _, words in one.faults),
        "why": one.case.why,
    }


def _mistakes(data: Data, found: Evaluation, most: int) -> Document:
    worst, merges, missed = mistakes(found.trial, data.truth, data.events, most=most)
    return {"wrong_merges": merges, "missed": missed, "worst": [_mistake(one, data.events) for one in worst]}


def _mistake(one: Mistake, events: pl.DataFrame) -> Document:
    sides = {side: listing(events, row) for side, row in (("a", one.a), ("b", one.b))}
    return {"kind": one.kind, "same": one.same, **sides, "evidence": json_ready(one.explanation)}


def listing(events: pl.DataFrame, row: int) -> Document:
    """Say what a person tells a listing by."""
    whole = events.row(row, named=True)
    text = whole["description"] or whole["short_description"] or ""
    shown = text if len(text) <= TEXT_SHOWN else text[:TEXT_SHOWN].rsplit(" ", 1)[0] + " …"
    return {**told_apart(whole), "district": whole["district"], "text": shown or None}


def _variant(one: Variant) -> Document:
    measured = None if one.figures is None else flat(one.figures)
    return {"changes": one.changes, "refused": one.refused, "figures": measured, "right_cases": one.right}


def _comparison(data: Data, found: Evaluation, other: Evaluation) -> Document:
    pairs = compare(data, found, other)
    return {
        "policy": _policy(other.policy),
        "differences": _differences(found.policy, other.policy),
        "figures": flat(other.figures),
        "hard_cases": _cases(other.judgements),
        "cases": _cases_changed(found.judgements, other.judgements),
        "better": int(pairs["better"].sum() or 0),
        "worse": int((~pairs["better"]).sum() or 0),
        "unlabelled": pairs["better"].null_count(),
        "changes": [_change(row, data.events) for row in pairs.iter_rows(named=True)],
    }


def _differences(one: Policy, other: Policy) -> list[Document]:
    before, after = numbers_of(one), numbers_of(other)
    paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    return [{"path": path, "before": before.get(path), "after": after.get(path)} for path in paths]


def _cases_changed(before: Sequence[Judgement], after: Sequence[Judgement]) -> list[Document]:
    return [
        {
            "id": one.case.id,
            "before": one.verdict,
            "after": now.verdict,
            "better": now.right if one.right != now.right else None,
        }
        for one, now in zip(before, after, strict=True)
        if one.verdict != now.verdict
    ]


def _change(row: Document, events: pl.DataFrame) -> Document:
    """Lay a changed pair out: what it was and is, and which evidence says more or less than before."""
    kept = ("before", "after", "same", "better", "weight_before", "weight_after")
    moved = {part: row[f"{part}_change"] for part in EVIDENCE if row[f"{part}_change"]}
    sides = {side: listing(events, row[side]) for side in ("a", "b")}
    return {**sides, **{name: row[name] for name in kept}, "evidence": moved}
