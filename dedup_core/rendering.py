"""Rendering: canonical events as JSON in the input's own format, with their sources and provenance.

Whole columns are encoded at once; nothing here depends on the clock, so equal events give equal bytes and equal hashes.
The format is documented in docs/dedupe-output.schema.json.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import BinaryIO, Final

import orjson
import polars as pl

from dedup_core.events import EVIDENCE, IDENTITY, Rejection, Resolution
from dedup_core.synthesising import FIELDS, UNIONS

PLACE_NAMES: Final[Mapping[str, str]] = {
    "venue": "location.name",
    "city": "location.city",
    "district": "location.district",
    "street": "location.street",
    "street_no": "location.street_no",
    "zipcode": "location.zipcode",
    "latitude": "location.geo",
    "country": "location.geo.country",
}
"""Column -> its name in the output's provenance, where that differs."""

NOT_TRACED: Final = ("longitude", "geo_confidence")
"""Columns that come with another one: the geo is one value."""

ROWS_AT_ONCE: Final = 50_000
"""Canonical events that are encoded at once; bounds the memory of their text."""


def render(canonical: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Add ``content`` (JSON text of the canonical event) and ``content_hash`` (hex) to canonical events.

    canonical: as from `dedup_core.synthesising`, with ``canonical_id``, ``confidence`` (rounded), ``needs_review`` and ``flags``.
    events: the source events that row numbers point into.
    """
    identities = events.select(pl.struct(*IDENTITY).struct.json_encode().alias("identity"))["identity"]
    parts = [
        canonical.slice(start, ROWS_AT_ONCE).select(
            _content(canonical.slice(start, ROWS_AT_ONCE), identities)
        )
        for start in range(0, max(canonical.height, 1), ROWS_AT_ONCE)
    ]
    content = pl.concat(parts)["content"]
    hashes = [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in content]
    return canonical.with_columns(content, pl.Series("content_hash", hashes, dtype=pl.String))


def _content(canonical: pl.DataFrame, identities: pl.Series) -> pl.Series:
    body = canonical.select(_body().struct.json_encode().alias("body"))["body"]
    sources = _listed(canonical.select("members").with_row_index("event"), identities)
    provenance = _provenance(canonical, identities)
    pieces = pl.DataFrame({"body": body, "sources": sources, "provenance": provenance})
    return pieces.select(
        pl.concat_str(
            pl.col("body").str.strip_suffix("}"),
            pl.lit(',"sources":['),
            "sources",
            pl.lit('],"provenance":{'),
            "provenance",
            pl.lit("}}"),
        ).alias("content")
    )["content"]


def _body() -> pl.Expr:
    geo = pl.struct("latitude", "longitude", pl.col("geo_confidence").alias("confidence"), "country")
    location = pl.struct(
        pl.col("venue").alias("name"), "city", "district", "street", "street_no", "zipcode", geo.alias("geo")
    )
    return pl.struct(
        pl.col("canonical_id").alias("id"),
        "title",
        "short_description",
        "description",
        "highlights",
        "event_dates",
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
        "previous_date",
        "flags",
    )


def _listed(rows: pl.DataFrame, identities: pl.Series) -> pl.Series:
    """Write lists of row numbers as identities with commas between. rows: ``event``, ``members``; null lists stay null."""
    spread = rows.explode("members").drop_nulls("members")
    texts = spread.select("event", identities.gather(spread["members"]).alias("text"))
    joined = texts.group_by("event", maintain_order=True).agg(pl.col("text").str.join(","))
    return rows.select("event").join(joined, on="event", how="left", maintain_order="left")["text"]


def _provenance(canonical: pl.DataFrame, identities: pl.Series) -> pl.Series:
    """Name the source event of each field that has a value: ``"title":{"source_code":…,"id":…},…``."""
    columns: dict[str, pl.Series] = {}
    for field in FIELDS:
        if field in NOT_TRACED:
            continue
        origin = identities.gather(canonical[f"from_{field}"])
        name = orjson.dumps(PLACE_NAMES.get(field, field)).decode()
        columns[field] = pl.select(
            pl.concat_str(pl.lit(f"{name}:"), _with_others(origin, field, canonical, identities))
        ).to_series()
    return pl.DataFrame(columns).select(
        pl.concat_str(pl.all(), separator=",", ignore_nulls=True).alias("text")
    )["text"]


def _with_others(origin: pl.Series, field: str, canonical: pl.DataFrame, identities: pl.Series) -> pl.Series:
    """Add, for a union, who else contributed to it: ``"also":[…]``."""
    if field not in UNIONS:
        return origin
    others = canonical.select(pl.col(f"all_from_{field}").list.slice(1).alias("members")).with_row_index("event")
    also = _listed(others, identities)
    both = pl.DataFrame({"origin": origin, "also": also})
    extended = pl.concat_str(
        pl.col("origin").str.strip_suffix("}"), pl.lit(',"also":['), "also", pl.lit("]}")
    )
    return both.select(pl.coalesce(extended, "origin").alias("text"))["text"]


def result_hash(canonical: pl.DataFrame, links: pl.DataFrame) -> str:
    """Return the SHA-256 (hex) over all canonical events, sorted by id, and all links: what a run decided."""
    digest = hashlib.sha256()
    for canonical_id, content_hash in (
        canonical.select("canonical_id", "content_hash").sort("canonical_id").iter_rows()
    ):
        digest.update(f"{canonical_id} {content_hash}\n".encode())
    for link in links.sort("kind", "from", "to").iter_rows():
        digest.update(f"{' '.join(link)}\n".encode())
    return digest.hexdigest()


def write_document(
    resolution: Resolution, rejections: Iterable[Rejection], out: BinaryIO, *, stats: Mapping[str, object]
) -> None:
    """Write the documented output, one canonical event a line, without holding its text in memory twice.

    stats: counts; only its ``seconds`` may differ between two runs on the same input.
    """
    head = {"version": resolution.policy_version, "hash": resolution.policy_hash}
    out.write(
        b'{"policy":'
        + orjson.dumps(head)
        + b',"result_hash":"'
        + resolution.result_hash.encode()
        + b'",\n"events":[\n'
    )
    _write_lines(out, (text.encode() for text in resolution.canonical_events["content"]))
    out.write(b'],\n"links":[\n')
    _write_lines(out, (orjson.dumps(link) for link in resolution.links.iter_rows(named=True)))
    out.write(b'],\n"review":[\n')
    _write_lines(out, (orjson.dumps(question) for question in questions(resolution)))
    out.write(b'],\n"rejected":[\n')
    _write_lines(out, (orjson.dumps(_rejection(rejection)) for rejection in rejections))
    out.write(b'],\n"stats":' + orjson.dumps(dict(stats)) + b"}\n")


def _write_lines(out: BinaryIO, items: Iterable[bytes]) -> None:
    separator = b""
    for item in items:
        out.write(separator + item)
        separator = b",\n"
    out.write(b"\n" if separator else b"")


def questions(resolution: Resolution) -> Iterable[dict[str, object]]:
    """Put the pairs that wait for a person in the output's form, most likely first; the evidence sums to the weight, in bits."""
    codes, ids = (resolution.events[column] for column in IDENTITY)
    for row in resolution.review.iter_rows(named=True):
        yield {
            "a": {"source_code": codes[row["a"]], "id": ids[row["a"]]},
            "b": {"source_code": codes[row["b"]], "id": ids[row["b"]]},
            "score": round(row["score"], 4),
            "weight": round(row["weight"], 3),
            "evidence": {part: round(row[part], 3) for part in EVIDENCE if row[part] is not None},
            "reasons": (row["reasons"] or "").split(),
        }


def _rejection(rejection: Rejection) -> dict[str, object]:
    return {
        "file": rejection.file,
        "index": rejection.index,
        "id": rejection.listing_id,
        "field": rejection.field,
        "reason": rejection.reason,
    }
