"""Batches: in which order listings come out, under which ids, and in which files.

Within a source the listings are ordered by the day they are published, some days or weeks before the event; a listing that
comes again comes in a later batch.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from bench import chance
from bench.calendar import FIRST_DAY
from bench.chance import Ints
from bench.habits import Rows


@dataclass(frozen=True)
class Order:
    """order: (n,) rows as published, source by source; day: (n,) when, relative to the window; ids: in that order."""

    order: Ints
    day: Ints
    ids: pl.Series


def published(rows: Rows) -> Order:
    """Order the listings by source and day of publication, and give them the ids that their sources use."""
    ahead = 2 + (45 * chance.uniform(rows.habit, "ahead") ** 2).astype(np.int64)
    day = rows.truth.at.day[rows.event] - np.maximum(
        ahead - 4 * rows.copy * chance.below(rows.key, "later", 5), 0
    )
    order = np.lexsort((rows.key, day, rows.source))
    return Order(order, day[order], _ids(rows, order))


def _ids(rows: Rows, order: Ints) -> pl.Series:
    """Number each source's listings as it does: page and place in a PDF, a counter, a UUID. None tells what belongs together."""
    source = rows.source[order]
    first = np.searchsorted(source, np.arange(len(rows.sources)))
    number = np.arange(len(order)) - first[source]
    style = np.array([["pdf", "number", "uuid"].index(habits.ids) for habits in rows.sources])[source]
    counter = pl.Series(100_000 + number * 3 + chance.below(rows.key[order], "gap", 3)).cast(pl.String)
    issue = _hexadecimal(
        chance.joined(chance.derived(rows.world.places.keys[:1], "issue"), number // 40 * 64 + source)
    )
    page, item = pl.Series(number % 40 // 5 + 1).cast(pl.String), pl.Series(number % 5 + 1).cast(pl.String)
    unique = _hexadecimal(rows.key[order])
    return (
        pl.DataFrame(
            {"style": style, "counter": counter, "issue": issue, "page": page, "item": item, "unique": unique}
        )
        .select(
            pl.when(pl.col("style") == 0)
            .then(pl.format("pdf-{}-{}-{}", pl.col("issue").str.slice(0, 8), "page", "item"))
            .when(pl.col("style") == 1)
            .then(pl.col("counter"))
            .otherwise(
                pl.format(
                    "{}-{}-4{}",
                    pl.col("unique").str.slice(0, 8),
                    pl.col("unique").str.slice(8, 4),
                    pl.col("unique").str.slice(13),
                )
            )
            .alias("id")
        )
        .to_series()
    )


def _hexadecimal(keys: chance.Keys) -> pl.Series:
    """Write keys as 16 hexadecimal digits."""
    places = np.arange(60, -4, -4, dtype=np.uint64)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[(keys[:, None] >> places) & np.uint64(15)]
    return pl.Series(digits.view("S16").ravel()).cast(pl.String)


def write_files(listings: pl.DataFrame, day: Ints, folder: Path, *, batch_size: int) -> list[Path]:
    """Write the listings as input files of one source each, ``batch_size`` listings at most, in order of publication.

    listings: LISTING_SCHEMA, source by source; day: when each is published. Equal input gives equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for _, rows in (
        pl.DataFrame({"source": listings["source_code"]})
        .with_row_index()
        .group_by("source", maintain_order=True)
    ):
        low, high = int(rows["index"][0]), int(rows["index"][-1]) + 1
        for number, start in enumerate(range(low, high, batch_size)):
            stop = min(start + batch_size, high)
            written.append(_write(listings[start:stop], int(day[stop - 1]), number, folder))
    return written


def _write(batch: pl.DataFrame, day: int, number: int, folder: Path) -> Path:
    moment = datetime.combine(FIRST_DAY + timedelta(days=day), datetime.min.time(), UTC) + timedelta(
        hours=20, minutes=number % 60, seconds=number * 7 % 60, milliseconds=776
    )
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    source = batch["source_code"][0]
    path = folder / f"{source}_{moment:%d.%m.%Y}_{stamp.replace(':', '-').replace('.', '-')}.json"
    metadata = orjson.dumps({"processedAt": stamp, "sourceKey": f"{source}.pdf"})
    body = _nested(batch, stamp).write_json().encode()
    path.write_bytes(b'{"events":' + body + b',"rejected":[],"metadata":' + metadata + b"}")
    return path


def _nested(batch: pl.DataFrame, stamp: str) -> pl.DataFrame:
    """Put the columns of a listing back into the input format's nesting."""
    sanitised = pl.struct(
        city="sanitized_city", district="sanitized_district", confidence="sanitized_confidence"
    )
    geo = pl.struct("longitude", "latitude", confidence="geo_confidence", country="country")
    location = pl.struct(
        pl.col("venue").alias("name"), "city", "district", "street", "street_no", "zipcode",
        pl.when(pl.col("sanitized_city").is_not_null()).then(sanitised).alias("_sanitizeResult"),
        pl.when(pl.col("latitude").is_not_null()).then(geo).alias("geo"),
    )  # fmt: skip
    return batch.select(
        "id", "title", "short_description", "description", "highlights", "event_dates", location.alias("location"),
        "source_type", "categories", "is_family_event", "is_child_focused", "admission_free", "registration_required",
        "registration_contact", "confidence_score",
        pl.lit(0).alias("_batch_index"),
        pl.lit(stamp).alias("_extracted_at"),
    )  # fmt: skip
