"""The columns of listings whose types are right: texts trimmed, days and times read, places flattened.

Nothing is refused here. What can't be read becomes null beside the text as given, and `dedup_core.listing_rules`
tells the nulls that mean "not known" from those that mean "wrong".
"""

from typing import Final

import orjson
import polars as pl

from dedup_core.events import LISTING_SCHEMA, OCCURRENCE
from dedup_core.listing import SHAPE, VISIBLE

_DAY: Final = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:00)?)?$"
_TIME: Final = (
    r"(?i)^(?P<hour>[0-9]{1,2})(?:[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?:\.[0-9]+)?)?"
    r"(?:\s*(?:uhr|h))?|\s*(?:uhr|h))$"
)
_LAST_HOUR, _LAST_MINUTE = "29", "59"

_LOCATION: Final = {
    "venue": ("name",),
    "city": ("city",),
    "district": ("district",),
    "street": ("street",),
    "street_no": ("street_no",),
    "zipcode": ("zipcode",),
    "sanitized_city": ("_sanitizeResult", "city"),
    "sanitized_district": ("_sanitizeResult", "district"),
    "sanitized_confidence": ("_sanitizeResult", "confidence"),
    "latitude": ("geo", "latitude"),
    "longitude": ("geo", "longitude"),
    "geo_confidence": ("geo", "confidence"),
    "country": ("geo", "country"),
}
PATHS: Final = {
    **{name: name for name in LISTING_SCHEMA if name not in ("source_code", *_LOCATION)},
    **{name: ".".join(("location", *path)) for name, path in _LOCATION.items()},
}
"""Column of LISTING_SCHEMA -> path of the field in the input format."""


def decoded(raw: pl.Series) -> pl.DataFrame:
    """Decode the JSON texts of listings; `dedup_core.listing.ADAPTER` must have accepted each.

    raw: (n,) texts.

    Returns:
        (n,) rows with the columns of LISTING_SCHEMA but ``source_code``, as given; ``event_dates`` still all text.
    """
    try:
        rows = raw.str.json_decode(SHAPE).struct.unnest()
    except pl.exceptions.ComputeError:
        # A whole number of more than 38 digits somewhere. Only unknown fields may hold one, so rounding does no harm.
        rounded = [orjson.dumps(orjson.loads(text)).decode() for text in raw]
        rows = pl.Series(rounded, dtype=pl.String).str.json_decode(SHAPE).struct.unnest()
    return rows.select(_FLAT)


def _inside(column: str, *path: str) -> pl.Expr:
    found = pl.col(column)
    for name in path:
        found = found.struct.field(name)
    return found


def occurrences(rows: pl.DataFrame) -> pl.DataFrame:
    """Lay out every date of every listing and read it.

    rows: with ``index`` and ``event_dates`` as given.

    Returns:
        One row an occurrence, in order: ``index``; ``position`` in its listing; ``date``, ``start_time``,
        ``end_time``, ``end_date`` as given; ``day`` and ``last_day`` (Date, null if unreadable or missing);
        ``start`` and ``end`` (``HH:MM``, null if not known); ``start_possible`` and ``end_possible`` (false for a
        time that can't be, like 99:99).
    """
    given = rows.select("index", "event_dates").explode("event_dates").unnest("event_dates")
    return given.with_columns(
        (pl.int_range(pl.len()) - pl.col("index").search_sorted(pl.col("index"))).alias("position"),
        _day("date").alias("day"),
        _day("end_date").alias("last_day"),
        _time_parts("start_time").alias("start"),
        _time_parts("end_time").alias("end"),
    ).with_columns(
        _time("start").alias("start"),
        _time("end").alias("end"),
        _possible("start").alias("start_possible"),
        _possible("end").alias("end_possible"),
    )


def _day(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().str.extract(_DAY, 1).str.to_date("%Y-%m-%d", strict=False)


def _time_parts(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().str.extract_groups(_TIME)


def _time(column: str) -> pl.Expr:
    parts = pl.col(column).struct
    return parts.field("hour").str.zfill(2) + ":" + parts.field("minute").fill_null("00")


def _possible(column: str) -> pl.Expr:
    """Tell whether a time is in range; null if the text does not look like a time. Two digits each compare as text."""
    parts = pl.col(column).struct
    hour, minute, second = (parts.field(part) for part in ("hour", "minute", "second"))
    return (
        (hour.str.zfill(2) <= _LAST_HOUR)
        & (minute <= _LAST_MINUTE).fill_null(value=True)
        & (second <= _LAST_MINUTE).fill_null(value=True)
    )


def listing_columns(rows: pl.DataFrame, dates: pl.DataFrame, *, source_code: str) -> pl.DataFrame:
    """Bring valid listings to LISTING_SCHEMA, same rows, same order.

    rows: as from `decoded`. dates: as from `occurrences`, of these rows.
    """
    source = pl.lit(source_code).alias("source_code")
    return rows.select(_COLUMNS).with_columns(source, _regrouped(dates)).select(*LISTING_SCHEMA)


def _column(name: str) -> pl.Expr:
    if name in ("latitude", "longitude", "geo_confidence"):
        return pl.when(_placed()).then(name)
    kind = LISTING_SCHEMA[name]
    if kind == pl.String:
        return visible(pl.col(name)).alias(name)
    return _texts(name) if kind == pl.List(pl.String) else pl.col(name)


def visible(text: pl.Expr) -> pl.Expr:
    """Trim a text; null if there is nothing to see in it."""
    return pl.when(text.str.contains(VISIBLE)).then(text.str.strip_chars())


def _texts(name: str) -> pl.Expr:
    """Drop blanks and repetitions, keep the order; null for an empty list."""
    texts = pl.col(name).list.eval(visible(pl.element())).list.drop_nulls().list.unique(maintain_order=True)
    return pl.when(texts.list.len() > 0).then(texts).alias(name)


def _placed() -> pl.Expr:
    both = pl.col("latitude").is_not_null() & pl.col("longitude").is_not_null()
    return both & ~((pl.col("latitude") == 0) & (pl.col("longitude") == 0))


def _regrouped(dates: pl.DataFrame) -> pl.Series:
    occurrence = pl.struct(date="day", start_time="start", end_time="end", end_date="last_day")
    return (
        dates.group_by("index", maintain_order=True)
        .agg(occurrence.alias("event_dates"))["event_dates"]
        .cast(pl.List(OCCURRENCE))
    )


# Built once: building expressions took a third of the time of a small file.
_FLAT: Final = [
    *(pl.col(field.name) for field in SHAPE.fields if field.name != "location"),
    *(_inside("location", *path).alias(name) for name, path in _LOCATION.items()),
]
_COLUMNS: Final = [_column(name) for name in LISTING_SCHEMA if name not in ("source_code", "event_dates")]
