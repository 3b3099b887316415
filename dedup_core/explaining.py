"""Explaining: why a pair was joined, kept apart or sent to review, in words and numbers that add up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import polars as pl

from dedup_core.comparisons.dates import date_bits, time_bits
from dedup_core.comparisons.descriptions import description_bits
from dedup_core.comparisons.habits import category_bits, source_bits
from dedup_core.comparisons.places import city_bits, geo_bits, street_bits, venue_bits
from dedup_core.comparisons.titles import title_bits
from dedup_core.errors import UnknownEvent
from dedup_core.events import EVIDENCE, IDENTITY
from dedup_core.observations import observed_alone
from dedup_core.policy import Policy, Strategy
from dedup_core.remarks import names_of, remarks, written
from dedup_core.rivals import RIVALS
from dedup_core.scoring import score
from dedup_core.strategies import CHOICES
from dedup_core.subjects import Subjects
from dedup_core.unions import union_of_dates, union_of_texts
from dedup_core.vetoes import REASONS
from dedup_core.witnesses import with_witnesses

COMPARISONS: Final[dict[str, Callable[..., object]]] = {
    "title": title_bits,
    "date": date_bits,
    "time": time_bits,
    "city": city_bits,
    "geo": geo_bits,
    "venue": venue_bits,
    "street": street_bits,
    "description": description_bits,
    "categories": category_bits,
    "source": source_bits,
}

PRIOR: Final = "Only one in so many listings is the same event as this one."
CAP: Final = "What limits and vetoes took away."


PLACE: Final = "Of one place in the town that most listings name: from the most complete listing that gives it; coordinates from the surest."
PINNED: Final = "A person pinned it."


@dataclass(frozen=True, slots=True)
class Part:
    """One line of an explanation; bits is null where a side had nothing to compare. seen: what of this pair, empty if nothing is known."""

    name: str
    bits: float | None
    meaning: str
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The evidence of a pair: the bits of its parts sum to ``weight``.

    seen: what the parts' sentences were made of, as `dedup_core.observations.OBSERVED`; empty where nothing is kept.
    """

    parts: tuple[Part, ...]
    weight: float
    score: float
    decision: str
    reasons: tuple[str, ...]
    relation: str | None
    seen: Mapping[str, Any] = field(default_factory=dict)


def explain(
    a: tuple[str, str],
    b: tuple[str, str],
    events: pl.DataFrame,
    subjects: Subjects,
    candidates: pl.DataFrame,
    policy: Policy,
) -> Explanation:
    """Score one pair with all its evidence, also if no block would have paired it.

    a, b: (source_code, id).   events: sorted by them; subjects: their columns.   candidates: the pairs that blocking gives, among which
    are the rivals.

    Raises:
        UnknownEvent: no such source event.
    """
    low, high = sorted((row_of(a, events), row_of(b, events)))
    this = (pl.col("a") == low) & (pl.col("b") == high)
    beside = score(_beside(low, high, candidates), subjects, policy).decisions
    if beside.filter(this).is_empty():
        pair = pl.DataFrame({"a": [low], "b": [high]}, schema={"a": pl.UInt32, "b": pl.UInt32})
        beside = pl.concat([beside, score(pair, subjects, policy, keep_all=True).decisions])
    among = with_witnesses(beside, policy).filter(this)
    seen = observed_alone(among, subjects, policy)[0]
    return explained({**among.row(0, named=True), "seen": seen}, (_name(low, events), _name(high, events)))


def _name(row: int, events: pl.DataFrame) -> tuple[str, str]:
    source_code, listing_id = events.select(*IDENTITY).row(row)
    return source_code, listing_id


def _beside(low: int, high: int, candidates: pl.DataFrame) -> pl.DataFrame:
    """List the pairs that have a say on one of them: those among all that either side is paired with."""
    ends = (low, high)
    touching = candidates.filter(pl.col("a").is_in(ends) | pl.col("b").is_in(ends))
    near = pl.concat([touching["a"], touching["b"]]).unique().implode()
    return candidates.filter(pl.col("a").is_in(near) & pl.col("b").is_in(near))


def explained(decision: Mapping[str, Any], pair: tuple[tuple[str, str], tuple[str, str]]) -> Explanation:
    """Put a row of a decisions frame into words; a reason of an older version, which has none, stays as it is.

    decision: may hold ``seen``, as `dedup_core.observations.OBSERVED`; what an older version stored has none.
    pair: (source_code, id) of both.
    """
    reasons = str(decision["reasons"] or "").split()
    numbers = {name: _number(decision[name]) for name in EVIDENCE}
    weight = _number(decision["weight"]) or 0.0
    seen: Mapping[str, Any] = decision.get("seen") or {}
    known = {name: bits for name, bits in numbers.items() if bits is not None}
    said = remarks(seen, names_of(*pair), {**known, "sum": weight}, limited=bool(reasons))
    return Explanation(
        parts=tuple(
            Part(name, bits, meaning(name), " ".join(map(written, said.get(name, ()))))
            for name, bits in numbers.items()
        ),
        weight=weight,
        score=_number(decision["score"]) or 0.0,
        decision=str(decision["decision"]),
        reasons=tuple((REASONS | RIVALS).get(reason, reason) for reason in reasons),
        relation=None if decision["relation"] is None else str(decision["relation"]),
        seen=seen,
    )


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


@cache
def meaning(part: str) -> str:
    """Say what a part of the evidence means: the first paragraph of the comparison's docstring."""
    return _first_paragraph(COMPARISONS[part]) if part in COMPARISONS else {"prior": PRIOR, "cap": CAP}[part]


def _first_paragraph(told: Callable[..., object]) -> str:
    return " ".join((told.__doc__ or "").split("\n\n")[0].split())


def field_reason(field: str, strategies: Mapping[str, Strategy]) -> str:
    """Say by which rule a field's value is chosen among the listings, empty where there is none to choose by.

    field: as in the provenance.   strategies: the policy's, by field.
    """
    if field.startswith("location."):
        return PLACE
    if field == "event_dates":
        return _first_paragraph(union_of_dates)
    strategy = strategies.get(field)
    if strategy is None:
        return ""
    return _first_paragraph(union_of_texts if strategy == "union" else CHOICES[strategy])


def field_reasons() -> dict[str, str]:
    """List all that `field_reason` may say, by a code."""
    chosen = {str(strategy): _first_paragraph(choice) for strategy, choice in CHOICES.items()}
    united = {"union": _first_paragraph(union_of_texts), "dates": _first_paragraph(union_of_dates)}
    return {**chosen, **united, "place": PLACE}


def row_of(identity: tuple[str, str], events: pl.DataFrame) -> int:
    """Find the row of a source event.

    Raises:
        UnknownEvent: there is none.
    """
    source_code, listing_id = identity
    rows = events.with_row_index("row").filter(
        (pl.col(IDENTITY[0]) == source_code) & (pl.col(IDENTITY[1]) == listing_id)
    )["row"]
    if not len(rows):
        raise UnknownEvent(f"no source event {source_code}:{listing_id}")
    return int(rows[0])
