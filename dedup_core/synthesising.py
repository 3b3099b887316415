"""Synthesising: one canonical event from all listings of it, each field with the listing that gave it.

More listings never make an event poorer: a field that one of them fills stays filled, texts only grow, lists only gain. (Two exceptions
are meant: a template gives way to a text about this event, and when most listings come to name another town its place is shown.)
What is chosen wrongly can be traced, as every value names its source event. A cluster of one listing is that listing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.chosen_places import PLACE_FIELDS, choose_places
from dedup_core.chunks import each
from dedup_core.policy import Synthesis
from dedup_core.strategies import CHOICES, Members, Positions, template_columns, value_at
from dedup_core.unions import dates_said, union_of_dates, union_of_texts

CHOSEN_FIELDS: Final = (
    "title",
    "short_description",
    "description",
    "highlights",
    "categories",
    "is_family_event",
    "is_child_focused",
    "admission_free",
    "registration_required",
    "registration_contact",
    "source_type",
    "confidence_score",
)
FIELDS: Final = (*CHOSEN_FIELDS, "event_dates", *PLACE_FIELDS)
"""The fields of a canonical event; each has a column ``from_<field>`` with the row number of the source event that gave it."""

UNIONS: Final = ("highlights", "categories", "event_dates")
"""Fields to which several listings contribute: ``all_from_<field>`` (List[UInt32]) names them, the main one first."""

TEXTS_OF_TEMPLATES: Final = ("short_description", "description")
STATES: Final = {3: "cancelled", 2: "moved", 1: "sold_out"}
"""Markers that are a status; of several the highest holds."""

Rows = npt.NDArray[np.uint32]


def synthesise(events: pl.DataFrame, labels: Rows, *, policy: Synthesis) -> pl.DataFrame:
    """Make one canonical event of each cluster.

    events: EVENT_SCHEMA, sorted by identity. labels: (n,) lowest row number of each event's cluster.

    The town and district are the upstream's normalised ones where it is sure of them. An event has the status that any listing notes:
    ``cancelled`` before ``moved`` before ``sold_out``, else ``scheduled``; but a cancellation of nothing but the day from which the
    event was moved is none. ``previous_date`` is that day, the latest of several.

    Returns:
        one row a cluster, sorted by ``label`` (UInt32): FIELDS with ``from_<field>`` (UInt32 row number, null where the value is),
        UNIONS with ``all_from_<field>``, ``status`` and ``from_status``, ``previous_date`` and ``from_previous_date``, ``first_day``,
        ``last_day``, ``n_sources`` (UInt32: source events), ``members`` (List[UInt32] row numbers, ascending).
    """
    shown = events.with_columns(_shown("city", policy), _shown("district", policy))
    clusters = Clusters.of(labels)
    members = _members(shown, labels, clusters, policy)
    dates, lifecycle = _in_time(shown, clusters, members)
    parts = [_chosen(shown, clusters, members, _choices(members, policy))]
    parts += [_joined(shown, clusters, union_of_texts(members, field), field) for field in UNIONS[:-1]]
    return with_days(pl.concat([clusters.frame(labels), *parts, dates, lifecycle], how="horizontal"))


def with_days(canonical: pl.DataFrame) -> pl.DataFrame:
    """Read ``first_day`` and ``last_day`` off ``event_dates``."""
    return canonical.with_columns(_first_day(), _last_day())


@dataclass(frozen=True, slots=True)
class Clusters:
    """k clusters, sorted by their lowest row number.

    label: (k,) that number. size: (k,) source events. several: (c,) indices of the clusters of more than one.
    """

    label: Rows
    size: Rows
    several: Positions

    @classmethod
    def of(cls, labels: Rows) -> "Clusters":
        """Count the clusters. labels: (n,) lowest row number of each event's cluster."""
        counts = np.bincount(labels, minlength=len(labels)).astype(np.uint32)
        label = np.flatnonzero(counts).astype(np.uint32)
        size = counts[label]
        return cls(label, size, np.flatnonzero(size > 1))

    def frame(self, labels: Rows) -> pl.DataFrame:
        """Lay out ``label``, ``n_sources``, ``members``."""
        order = pl.Series("members", np.argsort(labels, kind="stable"), dtype=pl.UInt32)
        grouped = pl.DataFrame([pl.Series("label", labels).gather(order), order])
        lists = grouped.group_by("label", maintain_order=True).agg("members")
        return lists.insert_column(1, pl.Series("n_sources", self.size))

    def rows(self, of_several: pl.Series) -> pl.Series:
        """Name the row that stands for each cluster: (k,) UInt32; of a single one its own. of_several: (c,) UInt32."""
        return pl.Series(self.label).scatter(self.several, of_several)

    def aligned(self, single: pl.DataFrame, several: pl.DataFrame) -> pl.DataFrame:
        """Bring rows of the single clusters and (c,) rows of those of several into the order of the clusters."""
        place = np.empty(len(self.label), np.int64)
        alone = np.ones(len(self.label), np.bool_)
        alone[self.several] = False
        place[alone] = np.arange(single.height)
        place[self.several] = single.height + np.arange(several.height)
        return taken(
            pl.concat([single, several], rechunk=True), place
        )  # by chunks it takes forty times as long

    @property
    def single(self) -> pl.Series:
        """The rows that are a cluster alone, UInt32."""
        return pl.Series(self.label[self.size == 1])


ROWS_AT_ONCE: Final = 50_000
"""Rows that are copied at once: to copy lists, Polars needs a multiple of their size."""


def taken(frame: pl.DataFrame, rows: Positions | pl.Series) -> pl.DataFrame:
    """Take rows by number, in their order."""
    lists = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return (
        frame.drop(lists)[rows]
        .with_columns(_taken_lists(frame[name], rows) for name in lists)
        .select(frame.columns)
    )


def _taken_lists(column: pl.Series, rows: Positions | pl.Series) -> pl.Series:
    starts = range(0, max(1, len(rows)), ROWS_AT_ONCE)
    return pl.concat([column[rows[start : start + ROWS_AT_ONCE]] for start in starts], rechunk=True)


def _shown(field: str, policy: Synthesis) -> pl.Expr:
    """Choose between the raw name and the upstream's, which holds where it is sure; of a town also where it is alone."""
    sure = pl.col("sanitized_confidence") >= policy.sure_place
    raw = pl.coalesce("city", "sanitized_city") if field == "city" else pl.col(field)
    return pl.when(sure).then(pl.coalesce(f"sanitized_{field}", field)).otherwise(raw).alias(field)


UNASKED: Final = ("id", "sanitized_city", "sanitized_district", "sanitized_confidence", "title_tokens", "edition", "kind")  # fmt: skip
"""Columns of which no field is made."""


def _members(shown: pl.DataFrame, labels: Rows, clusters: Clusters, policy: Synthesis) -> Members:
    """Gather the listings of clusters of several, the most trusted of each cluster first."""
    number = np.zeros(len(labels), np.uint32)
    number[clusters.label[clusters.several]] = np.arange(len(clusters.several))
    several = np.bincount(labels, minlength=len(labels))[labels] > 1
    templates = template_columns(shown, pl.Series(labels), TEXTS_OF_TEMPLATES, titles=policy.template_titles)
    ranked = (
        shown.select("source_code")
        .with_row_index("row")
        .with_columns(
            pl.Series("cluster", number[labels]),
            _preference("source_code", policy.sources).alias("preference"),
        )
    )
    ranked = ranked.filter(pl.Series(several)).sort(
        "cluster", "preference", "row", descending=[False, True, False]
    )
    rows = taken(shown.with_columns(templates).drop(UNASKED), ranked["row"]).with_columns(
        ranked["row"],
        ranked["cluster"],
        _preference("source_type", policy.source_types).alias("title_preference"),
    )
    return Members.of(rows)


def _preference(field: str, preferences: Mapping[str, float]) -> pl.Expr:
    known = pl.col(field).replace_strict(dict(preferences), default=0.0, return_dtype=pl.Float64)
    return known.fill_null(0.0)


def _choices(members: Members, policy: Synthesis) -> dict[str, Positions]:
    """Choose the listing that gives each field of a single value: field -> (c,) positions."""
    single = {field: strategy for field, strategy in policy.fields if strategy != "union"}
    chosen = each(
        list(single), lambda field: CHOICES[single[field]](members, field), rows=members.rows.height
    )
    return dict(zip(single, chosen, strict=True)) | choose_places(members, policy=policy)


def _chosen(
    shown: pl.DataFrame, clusters: Clusters, members: Members, choices: Mapping[str, Positions]
) -> pl.DataFrame:
    """Take fields from the chosen listings: each field and ``from_<field>``, (k,) each."""
    number = members.rows["row"]
    rows = pl.DataFrame(
        [clusters.rows(value_at(number, chosen)).alias(f"from_{field}") for field, chosen in choices.items()]
    )
    values = rows.select(pl.lit(shown[field]).gather(f"from_{field}").alias(field) for field in choices)
    given = rows.hstack(values).select(
        pl.when(pl.col(field).is_not_null()).then(f"from_{field}").alias(f"from_{field}") for field in choices
    )
    return values.hstack(given)


def _joined(shown: pl.DataFrame, clusters: Clusters, union: pl.DataFrame, field: str) -> pl.DataFrame:
    """Align a union with the clusters: the field, ``from_<field>`` and ``all_from_<field>``, (k,) each."""
    alone = pl.DataFrame([shown[field].gather(clusters.single), clusters.single.alias("row")]).select(
        field,
        pl.when(pl.col(field).is_not_null()).then("row").alias(f"from_{field}"),
        pl.when(pl.col(field).is_not_null()).then(pl.concat_list("row")).alias(f"all_from_{field}"),
    )
    every = pl.DataFrame(pl.int_range(len(clusters.several), dtype=pl.UInt32, eager=True).alias("cluster"))
    several = every.join(union, on="cluster", how="left", maintain_order="left")
    return clusters.aligned(alone, several.select(alone.columns))


def _in_time(shown: pl.DataFrame, clusters: Clusters, members: Members) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join the dates, and read the status off them: a frame (k,) rows each. All dates of a million listings are large: let go here."""
    said = dates_said(members)
    return (
        _joined(shown, clusters, union_of_dates(said, members), "event_dates"),
        _lifecycle(shown, clusters, members, said),
    )


def _lifecycle(shown: pl.DataFrame, clusters: Clusters, members: Members, said: pl.DataFrame) -> pl.DataFrame:
    """Read ``status`` and ``previous_date`` off what the listings note, with the listings that note it."""
    obsolete = said.group_by("row").agg(pl.col("given_up").all()).filter("given_up")["row"]
    state = shown.with_row_index("row").select(_state(pl.col("row").is_in(obsolete.implode()))).to_series()
    noted = state.gather(members.rows["row"]).to_numpy()
    rows = clusters.rows(value_at(members.rows["row"], members.first(noted > 0, noted)))
    status = state.gather(rows).fill_null(0)
    day = members.numbers(pl.col("previous_day").to_physical())
    moved = _chosen(shown, clusters, members, {"previous_day": members.first(~np.isnan(day), day)})
    return pl.DataFrame(
        [
            status.replace_strict({0: "scheduled", **STATES}, return_dtype=pl.String).alias("status"),
            rows.set(status == 0, None).alias("from_status"),
            *moved.rename({"previous_day": "previous_date", "from_previous_day": "from_previous_date"}),
        ]
    )


def _state(obsolete: pl.Expr) -> pl.Expr:
    """Find the number of the strongest status that a listing's markers speak of, 0 for none."""
    found = [
        pl.when(pl.col("markers").str.contains(marker, literal=True)).then(number)
        for number, marker in sorted(STATES.items(), reverse=True)
    ]
    cancelled, *others = found
    return pl.coalesce(pl.when(~obsolete).then(cancelled), *others, 0).cast(pl.Int8).alias("state")


def _first_day() -> pl.Expr:
    day = pl.element().struct.field("date")
    return pl.col("event_dates").list.eval(day).list.min().alias("first_day")


def _last_day() -> pl.Expr:
    day = pl.coalesce(pl.element().struct.field("end_date"), pl.element().struct.field("date"))
    return pl.col("event_dates").list.eval(day).list.max().alias("last_day")
