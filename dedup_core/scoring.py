"""Scoring: what speaks for and against a pair, added up in bits.

The model is a naive Bayes sum in the manner of Fellegi & Sunter (1969): each comparison gives the logarithm of a likelihood
ratio, weighed by how rare the agreement is in the corpus. Its parts are not independent; caps limit what correlated
evidence may say together, and vetoes what no sum may overrule. What is wrong here is caught by people: pairs between the
thresholds go to review, and clustering refuses chains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from dedup_core.chunks import each
from dedup_core.comparisons.dates import Meeting, date_bits, meeting_of, time_bits
from dedup_core.comparisons.descriptions import description_bits
from dedup_core.comparisons.habits import category_bits, source_bits
from dedup_core.comparisons.mentions import Mentions, mentions_of
from dedup_core.comparisons.names import KnownNames, Names, names_of
from dedup_core.comparisons.pairs import Bits, Mask, Pairs, both_known, same_code, together
from dedup_core.comparisons.places import (
    Km,
    city_bits,
    distance_km,
    district_bits,
    geo_bits,
    same_town,
    street_bits,
    venue_bits,
)
from dedup_core.comparisons.titles import Wording, title_bits, wording_of
from dedup_core.comparisons.told import TOLD, told_of, with_told_starts, with_told_venues
from dedup_core.events import DECISION_SCHEMA, EVIDENCE
from dedup_core.memory import give_back
from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import EvidenceWeights, Policy
from dedup_core.rivals import with_rivals
from dedup_core.signatures import shared_part
from dedup_core.subjects import Subjects
from dedup_core.vetoes import (
    Facts,
    Rulings,
    linked,
    rulings,
    weigh_concerts,
    weigh_unique,
    weigh_unsaid,
)

CHUNK: Final = 500_000
"""Pairs scored at once on a core; bounds the memory of the evidence table."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The result of scoring.

    decisions: DECISION_SCHEMA, sorted by (a, b); pairs below the policy's floor, and those that their titles part, are left out …
    below_floor: … and counted here.
    candidates: pairs that were looked at.
    wording: where it was asked for, of the same rows ``a``, ``b`` and SAID: what was found of their titles, for who is told why.
    """

    decisions: pl.DataFrame
    below_floor: int
    candidates: int
    wording: pl.DataFrame | None = None


SAID: Final = ("shared", "place", "rest_a", "rest_b")
"""Of `dedup_core.comparisons.titles.Wording`: what titles share and what only one says, in bits (Float32)."""


def score(
    pairs: pl.DataFrame,
    subjects: Subjects,
    policy: Policy,
    *,
    keep_all: bool = False,
    worded: bool = False,
) -> Scored:
    """Score candidate pairs.

    pairs: ``a``, ``b`` (UInt32 row numbers, a < b). keep_all: also keep pairs below the floor, with all their evidence; worded: also tell
    their wording.
    """
    kept = SAID if worded else ()
    compared = _compared(pairs, subjects, policy, keep_all=keep_all, wording=kept)
    give_back(subjects.size)
    decisions = with_rivals(compared, subjects, policy)
    above = (pl.col("weight") >= policy.thresholds.floor) | pl.col("relation").is_not_null()
    decisions = decisions.filter(above | keep_all)
    return Scored(
        decisions.select(*DECISION_SCHEMA),
        below_floor=pairs.height - decisions.height,
        candidates=pairs.height,
        wording=decisions.select("a", "b", *SAID) if worded else None,
    )


def _compared(
    pairs: pl.DataFrame, subjects: Subjects, policy: Policy, *, keep_all: bool, wording: Sequence[str]
) -> pl.DataFrame:
    """Score pairs by themselves. What was found of titles and names is large, and is let go with the end of this function."""
    titled = _titled(pairs, subjects, policy, keep_all=keep_all)
    give_back(subjects.size)
    names = names_of([part.pairs for part in titled], subjects)
    scored = partial(
        _score_part, names=names, subjects=subjects, policy=policy, keep_all=keep_all, wording=wording
    )
    return pl.concat(list(each(titled, scored)))


def _chunk(pairs: pl.DataFrame, start: int) -> Pairs:
    part = pairs.slice(start, CHUNK)
    return Pairs(*(part[side].to_numpy().astype(np.intp) for side in ("a", "b")))


@dataclass(frozen=True, slots=True)
class Titled:
    """p pairs whose titles were compared. title: the evidence, (p,); unsaid: whether the other's texts are worth reading, (p,)."""

    pairs: Pairs
    wording: Wording
    title: Bits
    unsaid: Mask

    def where(self, mask: Mask) -> "Titled":
        """Keep the pairs of a mask (p,)."""
        kept = np.flatnonzero(mask)
        return Titled(self.pairs.where(mask), self.wording.where(mask), self.title[kept], self.unsaid[kept])


def _titled(pairs: pl.DataFrame, subjects: Subjects, policy: Policy, *, keep_all: bool) -> list[Titled]:
    """Compare titles first: most pairs share no more than a day and a town, and their titles part them.

    Where titles differ and nothing else that is cheap to compare does, the texts are read, too: each text once.
    """
    chunks = [_chunk(pairs, start) for start in range(0, max(1, pairs.height), CHUNK)]
    parts = list(each(chunks, partial(_titles_compared, subjects=subjects, policy=policy, keep_all=keep_all)))
    asked = together([part.pairs.where(part.unsaid) for part in parts])
    if not len(asked):
        return parts
    give_back(subjects.size)  # reading the texts of all is where most memory is taken
    mentions, start = mentions_of(asked, _one_day(asked, subjects), subjects), 0
    for number, part in enumerate(parts):
        end = start + int(part.unsaid.sum())
        read = _texts_read(part, mentions.part(start, end), subjects, policy)
        parted = _parted_by_title(read.pairs, read.title, subjects, policy)
        parts[number], start = read if keep_all else read.where(~parted), end
    return parts


def _texts_read(titled: Titled, mentions: Mentions, subjects: Subjects, policy: Policy) -> Titled:
    """Weigh the titles of the unsaid pairs again, with what the other's texts mention."""
    titled.wording.take(titled.unsaid, mentions, titled.pairs, subjects)
    asked = titled.where(titled.unsaid)
    titled.title[titled.unsaid] = title_bits(asked.pairs, asked.wording, subjects, policy.evidence.title)
    return titled


def _titles_compared(pairs: Pairs, *, subjects: Subjects, policy: Policy, keep_all: bool) -> Titled:
    wording = wording_of(pairs, subjects, policy.evidence.title)
    unsaid = _worth_reading(pairs, wording, subjects)
    titled = Titled(pairs, wording, title_bits(pairs, wording, subjects, policy.evidence.title), unsaid)
    parted = _parted_by_title(pairs, titled.title, subjects, policy)
    return titled if keep_all else titled.where(unsaid | ~parted)


UNSAID: Final = 3.0
"""Bits of a title that the other lacks from which it is worth looking for them elsewhere."""

SAME_HOUR: Final = 120
"""Minutes; starts further apart are two events whatever the texts say."""


def _worth_reading(pairs: Pairs, wording: Wording, subjects: Subjects) -> Mask:
    """Tell which pairs differ in their titles, but in nothing else that is cheap to compare."""
    rests = (wording.rest_a, wording.rest_b)
    differ = np.where(wording.shared > 0, np.maximum(*rests), np.minimum(*rests)) >= UNSAID
    left = np.flatnonzero(differ)
    for perhaps_one in (_two_sources, _perhaps_one_hour, _met, _perhaps_one_town, _one_minute_or_venue):
        left = left[perhaps_one(Pairs(pairs.a[left], pairs.b[left]), subjects)]
    worth = np.zeros(len(pairs), np.bool_)
    worth[left] = True
    return worth


def _two_sources(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where two sources speak, or the calendar of one and an article of it."""
    two: Mask = ~same_code(subjects.source, pairs) | (
        subjects.headline[pairs.a] != subjects.headline[pairs.b]
    )
    return two


def _perhaps_one_hour(pairs: Pairs, subjects: Subjects) -> Mask:
    apart = np.abs(subjects.moment[pairs.a] - subjects.moment[pairs.b]) % MINUTES_A_DAY
    return ~(apart > SAME_HOUR)


def _met(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where the days from the first to the last of both overlap."""
    met: Mask = (subjects.day[pairs.a] <= subjects.last_day[pairs.b]) & (
        subjects.day[pairs.b] <= subjects.last_day[pairs.a]
    )
    return met


def _perhaps_one_town(pairs: Pairs, subjects: Subjects) -> Mask:
    return same_town(pairs, subjects) | ~both_known(subjects.city, pairs)


ALIKE_LETTERS: Final = 0.3
"""Share of the runs of three letters of a venue's name below which another is not it, unless coordinates say so."""

NEAR_KM: Final = 0.3
"""Places as near as this may be one, whatever they are called."""


def _perhaps_one_venue(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where the venues are one, alike, near or not known."""
    one: Mask = ~both_known(subjects.venue, pairs) | (distance_km(pairs, subjects) <= NEAR_KM)
    a, b = pairs.a[~one], pairs.b[~one]
    one[~one] = shared_part(subjects.venue_signs, subjects.venue[a], subjects.venue[b]) >= ALIKE_LETTERS
    return one


def _one_minute_or_venue(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where both begin at one minute, or perhaps at one venue: a house has more names than letters can tell."""
    one: Mask = subjects.moment[pairs.a] == subjects.moment[pairs.b]
    one[~one] = _perhaps_one_venue(pairs.where(~one), subjects)
    return one


def _one_day(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where the days are the same: a festival's text speaks of its items, and is not one of them."""
    same = (subjects.day[pairs.a] == subjects.day[pairs.b]) & (
        subjects.last_day[pairs.a] == subjects.last_day[pairs.b]
    )
    one: Mask = same & (subjects.dates[pairs.a] == subjects.dates[pairs.b])
    return one


def _score_part(
    titled: Titled,
    *,
    names: KnownNames,
    subjects: Subjects,
    policy: Policy,
    keep_all: bool,
    wording: Sequence[str],
) -> pl.DataFrame:
    """Run every other comparison, then the vetoes; the sum of the parts stays the weight."""
    facts = _facts(titled, names, subjects, policy, everywhere=keep_all)
    weigh_concerts(facts, subjects)
    weigh_unique(facts, subjects, policy)
    if not keep_all:
        facts = facts.where((facts.weight >= policy.thresholds.floor) | linked(facts, subjects, policy))
    weigh_unsaid(facts, subjects, policy)
    ruled, evidence = rulings(facts, subjects, policy), facts.evidence
    cut = np.minimum(ruled.limit - facts.weight, 0)
    evidence["cap"] = np.where(cut < 0, np.nan_to_num(evidence["cap"]) + cut, evidence["cap"]).astype(
        np.float32
    )
    said = {name: getattr(facts.wording, name) for name in wording}
    frame = _decided(facts.pairs, evidence, ruled, policy).with_columns(plain=facts.weight, **said)
    kept = (pl.col("plain") >= policy.thresholds.floor) | pl.col("relation").is_not_null()
    return frame if keep_all else frame.filter(kept)


def _facts(
    titled: Titled, names: KnownNames, subjects: Subjects, policy: Policy, *, everywhere: bool
) -> Facts:
    """Run the comparisons. everywhere: also the dear ones where they can't matter."""
    pairs = titled.pairs
    alike = names.of(pairs, subjects, policy.evidence.place)
    meeting, km = meeting_of(pairs, subjects), distance_km(pairs, subjects)
    evidence = _evidence(titled, meeting, km, alike, subjects, policy)
    _add_description(evidence, pairs, subjects, policy, everywhere=everywhere)
    venue = _read_texts(evidence, meeting.apart, pairs, subjects, policy)
    return Facts(pairs, evidence, venue, _sum(evidence), titled.wording, meeting, km, alike)


def _parted_by_title(pairs: Pairs, title: Bits, subjects: Subjects, policy: Policy) -> Mask:
    """Tell which pairs the veto on titles decides whatever else is said of them: no headline is among them."""
    headline = subjects.headline[pairs.a] | subjects.headline[pairs.b]
    parted: Mask = (title <= policy.vetoes.title_differs) & ~(headline & policy.vetoes.headline_review)
    parted[parted] = ~_perhaps_one_stage(pairs.where(parted), subjects)
    return parted


def _perhaps_one_stage(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where both begin at one minute, perhaps at one venue: there the one title may say what, the other who."""
    one: Mask = subjects.moment[pairs.a] == subjects.moment[pairs.b]
    one &= both_known(subjects.venue, pairs)
    one[one] = _perhaps_one_venue(pairs.where(one), subjects)
    return one


def _identical(pairs: Pairs, subjects: Subjects) -> Mask:
    """Tell where title, day and start are the same to the letter."""
    same_start = (subjects.moment[pairs.a] == subjects.moment[pairs.b]) | (
        np.isnan(subjects.moment[pairs.a]) & np.isnan(subjects.moment[pairs.b])
    )
    same_days = (subjects.day[pairs.a] == subjects.day[pairs.b]) & (
        subjects.last_day[pairs.a] == subjects.last_day[pairs.b]
    )
    identical: Mask = same_code(subjects.equal_title, pairs) & same_days & same_start
    return identical


Evidence = dict[str, Bits]


def _evidence(
    titled: Titled,
    meeting: Meeting,
    km: Km,
    names: Names,
    subjects: Subjects,
    policy: Policy,
) -> Evidence:
    """Run every comparison: one column (p,) a part of EVIDENCE. The table reads as the model."""
    weights, pairs = policy.evidence, titled.pairs
    evidence: Evidence = {
        "prior": np.full(len(pairs), -subjects.log_size, np.float32),
        "title": titled.title,
        "date": date_bits(pairs, meeting, subjects, weights),
        "time": time_bits(pairs, meeting, subjects, weights),
        "city": city_bits(pairs, km, names, subjects, weights.place),
        "geo": geo_bits(pairs, km, subjects, weights.place),
        "venue": venue_bits(pairs, km, names, titled.wording.placed, subjects, weights.place),
        "street": street_bits(pairs, subjects, weights.place),
        "description": np.full(len(pairs), np.nan, np.float32),
        "categories": category_bits(pairs, subjects, weights),
        "source": source_bits(pairs, _identical(pairs, subjects), subjects, weights),
        "cap": np.full(len(pairs), np.nan, np.float32),
    }
    _limit_density(evidence, pairs, subjects, weights)
    evidence["city"] += district_bits(pairs, subjects)
    _limit_place(evidence, weights.place.cap)
    return evidence


def _read_texts(evidence: Evidence, apart: Bits, pairs: Pairs, subjects: Subjects, policy: Policy) -> Bits:
    """Look for venues and starts in texts where they may still decide: what matches without them is not read.

    Returns:
        (p,) what the venue says to the vetoes: as the fields have it, unless a text says that the one lies in the other.
    """
    by_fields = evidence["venue"].copy()
    weights, limits = policy.evidence, policy.thresholds
    weight = _sum(evidence)
    against = -np.fmin(np.nan_to_num(evidence["venue"]), 0) - np.fmin(np.nan_to_num(evidence["time"]), 0)
    most = TOLD * (weights.place.venue_cap + weights.same_start_cap) + against
    two_places = np.nan_to_num(evidence["venue"]) <= policy.vetoes.venue_differs
    undecided = (weight < limits.match) | two_places
    asked = undecided & (weight + most >= limits.ambiguous)
    if asked.any():
        told = told_of(pairs.where(asked), subjects)
        evidence["venue"][asked] = with_told_venues(evidence["venue"][asked], told, weights.place)
        evidence["time"][asked] = with_told_starts(
            evidence["time"][asked], apart[asked], told, weights.same_start_cap
        )
        by_fields[asked] = np.where(told.own_venue, evidence["venue"][asked], by_fields[asked])
    return by_fields


def _add_description(
    evidence: Evidence, pairs: Pairs, subjects: Subjects, policy: Policy, *, everywhere: bool
) -> None:
    """Compare the descriptions, the dearest comparison, only where they could still lift a pair over the floor."""
    most = max(bits for _, bits in policy.evidence.description)
    asked = (_sum(evidence) + most >= policy.thresholds.floor) | everywhere
    if asked.any():
        evidence["description"][asked] = description_bits(pairs.where(asked), subjects, policy.evidence)


def _limit_density(evidence: Evidence, pairs: Pairs, subjects: Subjects, weights: EvidenceWeights) -> None:
    """Never let prior, day and town together say more than the town's real density on that day allows.

    If ten events take place in a town on a day, sharing both leaves odds of one in ten, however rare town and day are.
    Of those that last several days, fewer last just the same ones.
    """
    density = np.maximum(
        np.minimum(subjects.density[pairs.a], subjects.density[pairs.b]), weights.density_floor
    )
    run = np.minimum(subjects.run_density[pairs.a], subjects.run_density[pairs.b])
    same_run = _one_day(pairs, subjects) & (run > 0)
    density = np.where(same_run, np.maximum(run, weights.run_density_floor), density)
    place = np.where(np.isnan(evidence["city"]), evidence["geo"], evidence["city"])
    together = evidence["prior"] + np.nan_to_num(evidence["date"]) + np.nan_to_num(place)
    excess = np.maximum(together + np.log2(density), 0).astype(np.float32)
    excess = np.where(np.nan_to_num(evidence["date"]) > 0, excess, 0)
    in_city = np.where(evidence["city"] > 0, np.minimum(excess, evidence["city"]), 0)
    evidence["city"] = (evidence["city"] - in_city).astype(np.float32)
    evidence["date"] = (evidence["date"] - (excess - in_city)).astype(np.float32)


def _limit_place(evidence: Evidence, cap: float) -> None:
    """Take back what coordinates, venue and street say together beyond the cap."""
    together = sum(np.maximum(np.nan_to_num(evidence[part]), 0) for part in ("geo", "venue", "street"))
    excess = np.maximum(together - cap, 0)
    evidence["cap"] = np.where(excess > 0, -excess, np.float32(np.nan)).astype(np.float32)


def _sum(evidence: Evidence) -> Bits:
    total: Bits = np.nan_to_num(evidence[EVIDENCE[0]])
    for part in EVIDENCE[1:]:
        total += np.nan_to_num(evidence[part])
    return total


DECISIONS: Final = pl.Series(["no_match", "ambiguous", "match"])


def _decided(pairs: Pairs, evidence: Evidence, ruled: Rulings, policy: Policy) -> pl.DataFrame:
    weight = _sum(evidence)
    limits = policy.thresholds
    reached = (weight >= limits.ambiguous).astype(np.uint8) + (weight >= limits.match)
    return pl.DataFrame(
        {
            "a": pairs.a,
            "b": pairs.b,
            **{part: evidence[part] for part in EVIDENCE},
            "weight": weight,
            "score": (1 / (1 + np.exp2(-weight.astype(np.float64)))).astype(np.float32),
            "decision": DECISIONS.gather(reached),
            "reasons": ruled.reasons,
            "relation": ruled.relation,
        },
        schema=DECISION_SCHEMA,
    ).with_columns(pl.col(EVIDENCE).fill_nan(None))
