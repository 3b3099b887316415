"""The nouns: what a listing, a decision, a canonical event and the result of a run are made of.

Between the stages everything is a Polars frame whose columns are named here, once. A row of the *events* frame
is one source event; stages speak of it by its row number (``UInt32``) in the frame sorted by (source_code, id).
"""

from dataclasses import dataclass, field
from typing import Final, NewType

import polars as pl

SourceCode = NewType("SourceCode", str)
ListingId = NewType("ListingId", str)
CanonicalId = NewType("CanonicalId", str)

IDENTITY: Final = ("source_code", "id")
"""The two columns by which a listing is known."""

OCCURRENCE: Final = pl.Struct(
    {"date": pl.Date, "start_time": pl.String, "end_time": pl.String, "end_date": pl.Date}
)
"""One entry of ``event_dates``; times are ``HH:MM`` with hours 00 to 29 (24:30 is half past midnight of that night)."""

LISTING_SCHEMA: Final = pl.Schema(
    {
        "source_code": pl.String(),
        "id": pl.String(),
        "title": pl.String(),
        "short_description": pl.String(),
        "description": pl.String(),
        "highlights": pl.List(pl.String()),
        "event_dates": pl.List(OCCURRENCE),
        "venue": pl.String(),
        "city": pl.String(),
        "district": pl.String(),
        "street": pl.String(),
        "street_no": pl.String(),
        "zipcode": pl.String(),
        "sanitized_city": pl.String(),
        "sanitized_district": pl.String(),
        "sanitized_confidence": pl.Float64(),
        "latitude": pl.Float64(),
        "longitude": pl.Float64(),
        "geo_confidence": pl.Float64(),
        "country": pl.String(),
        "source_type": pl.String(),
        "categories": pl.List(pl.String()),
        "is_family_event": pl.Boolean(),
        "is_child_focused": pl.Boolean(),
        "admission_free": pl.Boolean(),
        "registration_required": pl.Boolean(),
        "registration_contact": pl.String(),
        "confidence_score": pl.Float64(),
    }
)
"""A valid listing as it came: ``location`` flattened (``venue`` is ``location.name``, ``sanitized_*`` is
``location._sanitizeResult``), empty text as null, title and at least one occurrence always there."""

COMPARABLE_SCHEMA: Final = pl.Schema(
    {
        "title_words": pl.String(),
        "title_tokens": pl.String(),
        "markers": pl.String(),
        "edition": pl.Int32(),
        "previous_day": pl.Date(),
        "kind": pl.String(),
        "city_key": pl.String(),
        "district_key": pl.String(),
        "venue_key": pl.String(),
        "street_key": pl.String(),
    }
)
"""What `dedup_core.normalising` adds. Lists of words are one space-joined text: that is what Postgres COPY moves fastest.

title_words: the words of the title's core in order, folded, synonyms replaced, compounds split; title_tokens: the distinct ones;
markers: of ``cancelled early extra late live moved sold_out``, sorted; kind: ``voucher``, ``guided_tour``, ``exhibition`` … or null."""

EVENT_SCHEMA: Final = pl.Schema({**LISTING_SCHEMA, **COMPARABLE_SCHEMA})

EVIDENCE: Final = (
    "prior",
    "title",
    "date",
    "time",
    "city",
    "geo",
    "venue",
    "street",
    "description",
    "categories",
    "source",
    "cap",
)
"""The parts of a weight of evidence, in bits (log2 of the likelihood ratio). They sum to ``weight``; null is missing and counts 0.

``cap`` is what vetoes and limits took away, so that the sum still holds; ``reasons`` names them."""

DECISION_SCHEMA: Final = pl.Schema(
    {
        "a": pl.UInt32(),
        "b": pl.UInt32(),
        **{part: pl.Float32() for part in EVIDENCE},
        "weight": pl.Float32(),
        "score": pl.Float32(),
        "decision": pl.String(),
        "reasons": pl.String(),
        "relation": pl.String(),
    }
)
"""A scored pair, row numbers a < b. score: probability in [0, 1] = 1 / (1 + 2 ** -weight).

decision: ``match``, ``ambiguous`` or ``no_match``; reasons: space-joined names of vetoes and caps, or null;
relation: ``a_part_of_b``, ``b_part_of_a``, ``a_date_of_b``, ``b_date_of_a``, or null."""

VERDICT_SCHEMA: Final = pl.Schema(
    {
        "kind": pl.String(),
        "a_source_code": pl.String(),
        "a_id": pl.String(),
        "b_source_code": pl.String(),
        "b_id": pl.String(),
        "sequence": pl.Int64(),
        "field": pl.String(),
        "value": pl.String(),
        "author": pl.String(),
    }
)
"""A person's word. Of two that contradict, the higher sequence (later) holds.

kind: ``must_link`` or ``cannot_link``, on a pair; ``not_an_event``, on the listing ``a`` alone: its event is hidden from readers;
``is_event``, on ``a`` alone: that it looks like something sold beside an event is no reason to look at it;
``pin``, on ``a`` alone: its event has ``value`` (JSON) in ``field`` (a name of `dedup_core.pinning.PINNABLE`). ``author`` said so.
"""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One listing, or one whole file (index null), that was refused: kept with its reason, replayable."""

    file: str
    index: int | None
    field: str | None
    reason: str
    listing_id: str | None = None
    kept: bytes | None = None
    """The refused listing as JSON text (UTF-8: a text with one rare character takes four times as much), scrubbed of what Postgres
    can't store; null for a whole file, and for a listing that is too large, too deep or too full: its file has it."""

    @property
    def listing(self) -> str | None:
        """The refused listing as text, as ``kept``."""
        return None if self.kept is None else self.kept.decode()


@dataclass(frozen=True, slots=True)
class Previous:
    """The canonical events that the last run left behind.

    members: ``canonical_id``, ``source_code``, ``id``: one row a source event of a living canonical event.
    canonicals: ``canonical_id``, ``born`` (Int64, the generation in which it first appeared: lower is older),
        ``content_hash`` (String).
    retired: ids that once were public and must never be given to another event.
    """

    members: pl.DataFrame
    canonicals: pl.DataFrame
    retired: frozenset[str] = frozenset()

    @classmethod
    def nothing(cls) -> "Previous":
        """Return the state before the first run."""
        return cls(
            members=pl.DataFrame(
                schema={"canonical_id": pl.String, "source_code": pl.String, "id": pl.String}
            ),
            canonicals=pl.DataFrame(
                schema={"canonical_id": pl.String, "born": pl.Int64, "content_hash": pl.String}
            ),
        )


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A closed part of the source events, and single ones from around it: what verdicts can reach.

    events: EVENT_SCHEMA, sorted by identity, with ``home`` (the canonical event that it is in, null if it was never matched) and ``inside``:
        whether it belongs to the part. The others are listings that an open question leads to, and listings with the same text, enough
        to tell a template.
    decisions: DECISION_SCHEMA: all that is known of pairs inside, and the ambiguous ones that lead out.
    verdicts: VERDICT_SCHEMA, in force, of any of the events. previous: of their homes; ``retired``: ids that new events must not get.
    """

    events: pl.DataFrame
    decisions: pl.DataFrame
    verdicts: pl.DataFrame
    previous: Previous


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed against the previous state, exactly: only these rows are written.

    created, changed, gone: canonical ids, sorted.
    redirects: ``from_id``, ``to_id``: a gone id and the canonical event that took in the largest part of it.
    lineage: ``parent_id``, ``child_id``, ``kind`` (``merged`` or ``split``): every flow of source events between
        different ids.
    """

    created: pl.Series
    changed: pl.Series
    gone: pl.Series
    redirects: pl.DataFrame
    lineage: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Resolution:
    """The whole result of a run.

    events: the source events, sorted by (source_code, id); row numbers elsewhere point into it.
    canonical_events: see `dedup_core.synthesising`; one row a canonical event, sorted by ``canonical_id``.
    members: ``canonical_id``, ``source_code``, ``id``: the partition of the source events, sorted.
    decisions: DECISION_SCHEMA; every match and ambiguous pair, the no_match pairs above the policy's floor but for those whose titles
        alone decide, and every pair of a group that matches hold together.
    review: those of them that wait for a person: ambiguous, across two canonical events, without a verdict; most likely first.
    links: ``kind`` (``part_of`` or ``date_of``), ``from``, ``to``: canonical ids.
    flags: ``canonical_id``, ``flag``, ``detail``: why a person should look at a cluster.
    left_out: ``key``, ``size``: blocks too large to pair.
    statistics: counts (see `dedup_core.pipeline`), JSON-ready.
    seen: what was seen of each row of ``decisions`` (OBSERVED of `dedup_core.observations`), null if it was not asked for.
    """

    events: pl.DataFrame
    canonical_events: pl.DataFrame
    members: pl.DataFrame
    decisions: pl.DataFrame
    review: pl.DataFrame
    links: pl.DataFrame
    flags: pl.DataFrame
    left_out: pl.DataFrame
    difference: Difference
    result_hash: str
    policy_version: str
    policy_hash: str
    statistics: dict[str, float | int] = field(default_factory=dict)
    seen: pl.Series | None = None
