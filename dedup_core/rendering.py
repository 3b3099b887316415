"""Rendering: canonical events as JSON in the input's own format, with their sources and provenance.

Whole columns are encoded at once; nothing here depends on the clock, so equal events give equal bytes and equal hashes.
The format is documented in docs/dedupe-output.schema.json; a test holds the two together.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

import orjson
import polars as pl

from dedup_core.chunks import each
from dedup_core.events import EVIDENCE, IDENTITY, Rejection, Resolution
from dedup_core.synthesising import FIELDS, UNIONS

NAMES: Final[Mapping[str, str]] = {
    **{field: field for field in FIELDS if field not in ("longitude", "geo_confidence")},
    "venue": "location.name",
    "city": "location.city",
    "district": "location.district",
    "street": "location.street",
    "street_no": "location.street_no",
    "zipcode": "location.zipcode",
    "latitude": "location.geo",
    "country": "location.geo.country",
    "status": "status",
    "previous_date": "previous_date",
}
"""Column -> its name in the output's provenance. Longitude and confidence come with the latitude: the geo is one value."""

ROWS_AT_ONCE: Final = 25_000
"""Canonical events that are encoded at once; bounds the memory of their text (about 2 kB each)."""


def hashed(canonical: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Add ``content_hash`` to canonical events: BLAKE2b-128 (hex) of the bytes of `contents`, of which no more than a slice is held.

    canonical: as from `dedup_core.synthesising`, with ``canonical_id``, ``confidence`` (rounded), ``needs_review`` and ``flags``.
    events: the source events that row numbers point into.
    """
    identities = _identities(events)
    parts = each(_slices(canonical), lambda part: _hashes(_content(part, identities)))
    return canonical.with_columns(pl.concat(list(parts), rechunk=True))


def contents(canonical: pl.DataFrame, events: pl.DataFrame) -> pl.Series:
    """Write canonical events, as those of `hashed`, as JSON: (k,) ``content``, about 2 kB each."""
    return pl.concat(list(_contents(canonical, events)), rechunk=True)


def _contents(canonical: pl.DataFrame, events: pl.DataFrame) -> Iterator[pl.Series]:
    """Write canonical events, each slice when it is asked for."""
    identities = _identities(events)
    return (_content(part, identities) for part in _slices(canonical))


def _identities(events: pl.DataFrame) -> pl.Series:
    return events.select(pl.struct(*IDENTITY).struct.json_encode()).to_series()


def _slices(canonical: pl.DataFrame) -> list[pl.DataFrame]:
    """Cut canonical events into slices, one at least."""
    starts = range(0, max(1, canonical.height), ROWS_AT_ONCE)
    return [canonical.slice(start, ROWS_AT_ONCE) for start in starts]


def _hashes(content: pl.Series) -> pl.Series:
    """Hash each text. A loop: no column engine promises the same hash in its next version."""
    hashes = [hashlib.blake2b(text, digest_size=16).hexdigest() for text in content.cast(pl.Binary)]
    return pl.Series("content_hash", hashes, dtype=pl.String)


def _content(canonical: pl.DataFrame, identities: pl.Series) -> pl.Series:
    sources = _listed(canonical["members"], identities)
    provenance = _provenance(canonical, identities)
    halves = canonical.select(
        _first_half().struct.json_encode().str.strip_suffix("}").alias("first"),
        _second_half().struct.json_encode().str.strip_prefix("{").str.strip_suffix("}").alias("second"),
        pl.format(',"previous_date":"{}"', "previous_date").fill_null("").alias("previous_date"),
        _hidden(canonical).alias("hidden"),
    )
    return halves.select(
        pl.concat_str(
            "first",
            pl.lit(","),
            "second",
            "previous_date",
            "hidden",
            pl.lit(',"sources":['),
            sources,
            pl.lit('],"provenance":{'),
            provenance,
            pl.lit("}}"),
        ).alias("content")
    ).to_series()


def _first_half() -> pl.Expr:
    """The body is encoded in two halves, because two expressions run side by side."""
    return pl.struct(
        pl.col("canonical_id").alias("id"),
        "title",
        "short_description",
        "description",
        "highlights",
        "event_dates",
    )


def _second_half() -> pl.Expr:
    geo = pl.struct("latitude", "longitude", pl.col("geo_confidence").alias("confidence"), "country")
    placed = pl.any_horizontal(pl.col("latitude", "country").is_not_null())
    location = pl.struct(
        pl.col("venue").alias("name"),
        "city",
        "district",
        "street",
        "street_no",
        "zipcode",
        pl.when(placed).then(geo).alias("geo"),
    )
    return pl.struct(
        location.alias("location"),
        "source_type",
        "categories",
        "is_family_event",
        "is_child_focused",
        "admission_free",
        "registration_required",
        "registration_contact",
        "confidence_score",
        "confidence",
        "needs_review",
        "status",
        "flags",
    )


def _hidden(canonical: pl.DataFrame) -> pl.Expr:
    """Say of events that a person called none, and of no others, that they are hidden."""
    if "hidden" not in canonical.columns:
        return pl.lit("")
    return pl.when("hidden").then(pl.lit(',"hidden":true')).otherwise(pl.lit(""))


def _listed(rows: pl.Series, identities: pl.Series) -> pl.Series:
    """Write lists of row numbers as identities with commas between; null for a null or empty list."""
    alone = identities.gather(rows.list.first())
    several = (rows.list.len() > 1).arg_true()
    return alone.scatter(several, _joined(rows.gather(several), identities)) if len(several) else alone


def _joined(rows: pl.Series, identities: pl.Series) -> pl.Series:
    """Write lists of two row numbers or more."""
    spread = pl.DataFrame([rows.rename("row")]).with_row_index("event").explode("row").drop_nulls("row")
    texts = spread.select("event", identities.gather(spread["row"]).alias("text"))
    joined = texts.group_by("event", maintain_order=True).agg(pl.col("text").str.join(","))
    every = pl.DataFrame([pl.int_range(len(rows), dtype=pl.UInt32, eager=True).alias("event")])
    return every.join(joined, on="event", how="left", maintain_order="left")["text"]


def _provenance(canonical: pl.DataFrame, identities: pl.Series) -> pl.Series:
    """Name the source event of each field that has a value: ``"title":{"source_code":…,"id":…},…``."""
    given = canonical.select(pl.lit(identities).gather(f"from_{field}").alias(field) for field in NAMES)
    pins = [field for field in NAMES if f"pinned_{field}" in canonical.columns]
    others = [
        _listed(canonical[f"all_from_{field}"].list.slice(1), identities).alias(f"others_{field}")
        for field in UNIONS
    ]
    origins = [_origin(field, pinned=field in pins).alias(field) for field in NAMES]
    named = [pl.concat_str(pl.lit(f'"{name}":'), field) for field, name in NAMES.items()]
    columns = given.hstack([canonical[f"pinned_{field}"] for field in pins]).hstack(others)
    return columns.select(origins).select(pl.concat_str(named, separator=",", ignore_nulls=True)).to_series()


def _origin(field: str, *, pinned: bool) -> pl.Expr:
    """Write the origin of a field, null where it is; of a union with who else contributed: ``"also":[…]``.

    Of a field that a person pinned it is the listing of the pin, with who did and the number of the verdict.
    """
    origin = pl.col(field)
    if pinned:
        pin = pl.col(f"pinned_{field}").str.strip_prefix("{")
        origin = pl.coalesce(pl.format("{},{}", origin.str.strip_suffix("}"), pin), origin)
    if field not in UNIONS:
        return origin
    extended = pl.format('{},"also":[{}]}}', origin.str.strip_suffix("}"), f"others_{field}")
    return pl.coalesce(extended, origin)


def result_hash(canonical: pl.DataFrame, links: pl.DataFrame) -> str:
    """Return the SHA-256 (hex) over all canonical events, sorted by id, and all links: what a run decided."""
    digest = hashlib.sha256()
    hashes = canonical.select("canonical_id", "content_hash").sort("canonical_id")
    for part in (hashes, links.select("kind", "from", "to").sort("kind", "from", "to")):
        lines = part.select(pl.concat_str(pl.all(), separator=" ") + "\n").to_series()
        digest.update(lines.str.join("").item().encode())
    return digest.hexdigest()


def write_document(
    resolution: Resolution, rejections: Iterable[Rejection], out: BinaryIO, *, stats: Mapping[str, object]
) -> None:
    """Write the documented output, one canonical event a line; of their text no more than a slice is held.

    rejections: in any order. stats: counts; only its ``seconds`` may differ between two runs on the same input.
    """
    head = {"version": resolution.policy_version, "hash": resolution.policy_hash}
    out.write(b'{"policy":%b,"result_hash":"%b"' % (orjson.dumps(head), resolution.result_hash.encode()))
    texts = _contents(resolution.canonical_events, resolution.events)
    _write_list(out, "events", (text for part in texts for text in part.cast(pl.Binary)))
    _write_list(out, "links", map(orjson.dumps, resolution.links.iter_rows(named=True)))
    _write_list(out, "review", map(orjson.dumps, questions(resolution)))
    _write_list(out, "rejected", map(orjson.dumps, _rejected(rejections)))
    out.write(b',\n"stats":%b}\n' % orjson.dumps(dict(stats)))


def _write_list(out: BinaryIO, name: str, items: Iterable[bytes]) -> None:
    out.write(b',\n"%b":[' % name.encode())
    separator = b"\n"
    for item in items:
        out.write(separator + item)
        separator = b",\n"
    out.write(b"]")


def questions(resolution: Resolution) -> Iterator[dict[str, object]]:
    """Put the pairs that wait for a person in the output's form, most likely first.

    The evidence, in bits, sums to the weight within 0.01: each of its parts is rounded to a thousandth.
    """
    identities = [resolution.events[column] for column in IDENTITY]
    sides = {
        side: pl.DataFrame([column.gather(resolution.review[side]) for column in identities]).to_dicts()
        for side in ("a", "b")
    }
    for a, b, row in zip(sides["a"], sides["b"], resolution.review.iter_rows(named=True), strict=True):
        yield {
            "a": a,
            "b": b,
            "score": round(row["score"], 4),
            "weight": round(row["weight"], 3),
            "evidence": {part: round(row[part], 3) for part in EVIDENCE if row[part] is not None},
            "reasons": (row["reasons"] or "").split(),
        }


def _rejected(rejections: Iterable[Rejection]) -> Iterator[dict[str, object]]:
    """Put what was refused in the output's form, sorted by file and place in it."""

    def place(rejection: Rejection) -> tuple[str, int, str, str]:
        index = -1 if rejection.index is None else rejection.index
        return rejection.file, index, rejection.field or "", rejection.reason

    for rejection in sorted(rejections, key=place):
        yield {
            "file": rejection.file,
            "index": rejection.index,
            "id": rejection.listing_id,
            "field": rejection.field,
            "reason": rejection.reason,
        }
