"""Pinning: fields of canonical events that a person set to a value.

A pin is said of a listing, and holds for the event that the listing is in, whatever joins it or leaves it. So it survives
merges and goes with its listing after a split. A wrong pin hides what the sources say: the provenance names who pinned it, and taking the
pin back restores the field exactly.
"""

import json
import re
from datetime import date as day
from typing import Annotated, Any, Final, Literal, TypeAlias

import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dedup_core.errors import WrongValue
from dedup_core.synthesising import UNIONS, with_days

MAX_TEXT: Final = 20_000
"""Characters of a text that somebody types."""

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_TIME: Final = r"^([01]\d|2\d):[0-5]\d$"


def _storable(text: str) -> str:
    if _UNSTORABLE.search(text):
        raise ValueError("holds a character that no database takes")
    if not text.strip():
        raise ValueError("is blank")
    return text


Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_storable)]
Name = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_storable)]
Names = Annotated[list[Name], Field(max_length=50)]
Time = Annotated[str, Field(pattern=_TIME)]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


FIRST_DAY: Final = day(1900, 1, 1)
LAST_DAY: Final = day(2100, 12, 31)
"""The years that listings may have by the package's policy: at the ends of the calendar there is no day after, nor a day before."""

Day = Annotated[day, Field(strict=False, ge=FIRST_DAY, le=LAST_DAY)]


class Occurrence(_Value):
    """One of the event's dates."""

    date: Day
    start_time: Time | None = None
    end_time: Time | None = None
    end_date: Day | None = None


class Position(_Value):
    """Coordinates in degrees (WGS 84)."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


def _in_order(dates: list[Occurrence]) -> list[Occurrence]:
    if any(each.end_date is not None and each.end_date < each.date for each in dates):
        raise ValueError("an occurrence ends before it begins")
    return sorted(dates, key=lambda each: (each.date, each.start_time or ""))


Dates = Annotated[list[Occurrence], Field(min_length=1, max_length=1000), AfterValidator(_in_order)]
Status = Literal["scheduled", "cancelled", "moved", "sold_out"]

PINNABLE: Final[dict[str, tuple[str, TypeAdapter[Any]]]] = {
    "title": ("title", TypeAdapter(Name)),
    "short_description": ("short_description", TypeAdapter(Text | None)),
    "description": ("description", TypeAdapter(Text | None)),
    "highlights": ("highlights", TypeAdapter(Names | None)),
    "event_dates": ("event_dates", TypeAdapter(Dates)),
    "location.name": ("venue", TypeAdapter(Name | None)),
    "location.city": ("city", TypeAdapter(Name | None)),
    "location.district": ("district", TypeAdapter(Name | None)),
    "location.street": ("street", TypeAdapter(Name | None)),
    "location.street_no": ("street_no", TypeAdapter(Name | None)),
    "location.zipcode": ("zipcode", TypeAdapter(Name | None)),
    "location.geo": ("latitude", TypeAdapter(Position)),
    "categories": ("categories", TypeAdapter(Names | None)),
    "is_family_event": ("is_family_event", TypeAdapter(bool | None)),
    "is_child_focused": ("is_child_focused", TypeAdapter(bool | None)),
    "admission_free": ("admission_free", TypeAdapter(bool | None)),
    "registration_required": ("registration_required", TypeAdapter(bool | None)),
    "registration_contact": ("registration_contact", TypeAdapter(Name | None)),
    "status": ("status", TypeAdapter(Status)),
}
"""What can be pinned, by its name in the output -> the column that has its provenance, and what a value may be."""

Json: TypeAlias = Any


def pinned_value(field: str, value: Json) -> str:
    """Check a value and write it as JSON, always in the same way, so that equal values are equal texts.

    Raises:
        WrongValue: there is no such field, or it can't have such a value.
    """
    if field not in PINNABLE:
        raise WrongValue(f"{field!r} can't be pinned; what can: {', '.join(PINNABLE)}")
    kind = PINNABLE[field][1]
    try:
        checked = kind.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise WrongValue(f"{field}: {error.errors()[0]['msg']}") from error
    return json.dumps(kind.dump_python(checked, mode="json"), sort_keys=True, ensure_ascii=False)


def holding(pins: pl.DataFrame, labels: pl.Series) -> pl.DataFrame:
    """Choose the pin that holds of each field of each cluster: the newest, and of equally new ones that of the higher row.

    pins: `dedup_core.verdicts.MARK_SCHEMA`. labels: (n,) of each event's cluster.

    Returns:
        the pins with ``label``, one row a field of a cluster; sorted.
    """
    of_clusters = pins.with_columns(labels.gather(pins["row"]).alias("label"))
    newest_first = of_clusters.sort(
        "label", "field", "sequence", "row", descending=[False, False, True, True]
    )
    return newest_first.unique(["label", "field"], keep="first", maintain_order=True)


def pinned_twice(pins: pl.DataFrame, labels: pl.Series) -> pl.DataFrame:
    """List the fields of clusters that have pins of different values: ``label``, ``field``, ``sequences`` (ascending)."""
    return (
        pins.with_columns(labels.gather(pins["row"]).alias("label"))
        .group_by("label", "field")
        .agg(
            pl.col("value").n_unique().alias("values"), pl.col("sequence").unique().sort().alias("sequences")
        )
        .filter(pl.col("values") > 1)
        .select("label", "field", "sequences")
        .sort("label", "field")
    )


def pinned(canonical: pl.DataFrame, pins: pl.DataFrame, labels: pl.Series) -> pl.DataFrame:
    """Set the fields that are pinned.

    canonical: as from `dedup_core.synthesising.synthesise`. pins, labels: as for `holding`.

    Returns:
        the same rows; a pinned field has the pin's listing for its origin, and for each field that is pinned anywhere there is a column
        ``pinned_<column>`` (JSON object: ``pinned_by``, ``verdict``), null where it is not. A loop over the fields that are pinned: each has a
        type of its own.
    """
    chosen = holding(pins, labels)
    for field in chosen["field"].unique().sort():
        canonical = _set(canonical, chosen.filter(pl.col("field") == field), field)
    return with_days(canonical) if "event_dates" in chosen["field"] else canonical


def _set(canonical: pl.DataFrame, chosen: pl.DataFrame, field: str) -> pl.DataFrame:
    column = PINNABLE[field][0]
    wrapped = pl.concat_str(pl.lit('{"v":'), "value", pl.lit("}"))
    value = wrapped.str.json_decode(pl.Struct({"v": _dtype(canonical, field)}))
    said = chosen.select(
        "label",
        pl.col("row").alias("pin_row"),
        value.struct.field("v").alias("pin_value"),
        pl.struct(pinned_by="author", verdict="sequence").struct.json_encode().alias(f"pinned_{column}"),
    )
    joined = canonical.join(said, on="label", how="left", maintain_order="left")
    is_pinned = pl.col("pin_row").is_not_null()
    changes = [
        pl.when(is_pinned).then(new).otherwise(pl.col(name)).alias(name)
        for name, new in _replacements(field, column)
    ]
    return joined.with_columns(changes).drop("pin_row", "pin_value")


def _dtype(canonical: pl.DataFrame, field: str) -> pl.DataType:
    if field == "location.geo":
        return pl.Struct({"latitude": pl.Float64, "longitude": pl.Float64})
    return canonical.schema[PINNABLE[field][0]]


def _replacements(field: str, column: str) -> list[tuple[str, pl.Expr]]:
    """Name the columns that a pin changes, with their new values."""
    origin = [(f"from_{column}", pl.col("pin_row"))]
    if field == "location.geo":
        place = pl.col("pin_value").struct
        sides = [(side, place.field(side)) for side in ("latitude", "longitude")]
        return [*sides, ("geo_confidence", pl.lit(1.0)), *origin]
    if column in UNIONS:
        origin.append((f"all_from_{column}", pl.concat_list("pin_row")))
    return [(column, pl.col("pin_value")), *origin]
