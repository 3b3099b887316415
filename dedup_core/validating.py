"""Validating: the texts of listings to columns, and a reason for each one that is refused.

A listing is refused alone, with the path of the field; its neighbours never notice. What is refused wrongly here is
lost to matching until someone reads the rejections; what is accepted wrongly goes into canonical events. So text
that merely says nothing becomes missing, and what contradicts itself is refused. Decided:

- Text is trimmed; text without a visible character is missing. HTML, SQL and emoji are text like any other.
- A time is ``H:MM`` (also ``14:11:00``, ``19.30 Uhr``, ``20 Uhr``), hours 00 to 29. What looks like one and can't be
  (``99:99``) refuses the listing; any other text ("siehe Website") means that the time is not known.
- A day is ``YYYY-MM-DD``, or that with midnight behind it. Days that do not exist, lie outside the policy's years, or
  end before they begin refuse the listing. An end time before the start time means past midnight.
- Coordinates come in pairs: half a pair, like 0, 0 (a geocoder's "nowhere"), is missing.
- Of an id that stands twice in a file, the last valid listing holds. An earlier one with the same content is counted
  as a duplicate, one with other content is a rejection.
- In lists of texts, blanks and repetitions are dropped, and an empty list is missing.
- Whole numbers are taken as ids, house numbers and postcodes. Other types are never converted.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from dedup_core.errors import UnreadableFile
from dedup_core.events import LISTING_SCHEMA, Rejection
from dedup_core.listing import ADAPTER, EXPECTED
from dedup_core.listing_columns import decoded, listing_columns, occurrences
from dedup_core.listing_rules import broken, listing_rules, occurrence_rules
from dedup_core.parsing import ParsedFile
from dedup_core.policy import Intake
from dedup_core.raw_listing import Fault, listing_id_of, read_json, shown

BATCH: Final = 1 << 20
"""Bytes of listings validated together. Measured: larger batches are not faster, and hostile ones take 30 times as much."""

MAX_SOURCE_CODE: Final = 100
"""Characters."""


@dataclass(frozen=True, slots=True)
class Validated:
    """What became of a file's listings: each one is in ``listings``, in ``rejections``, or counted in ``duplicates``.

    listings: (n,) rows of LISTING_SCHEMA, in the file's order, each id once.
    raw: (n,) String, the same listings as canonical JSON text with all their fields; PostgreSQL stores it.
    rejections: by index in the file.
    duplicates: listings that stood again in the file with the same id and the same content.
    """

    listings: pl.DataFrame
    raw: pl.Series
    rejections: tuple[Rejection, ...]
    duplicates: int


def source_code_of(file_name: str) -> str:
    """Give the part of a file's name before the first underscore, or, if it has none, before the first dot.

    file_name: may have folders before it.

    Raises:
        UnreadableFile: the name has no such part, or one that is no name.
    """
    name = file_name.rsplit("/", maxsplit=1)[-1]
    code = name.split("_" if "_" in name else ".", maxsplit=1)[0].strip()
    if not code or not code.isprintable() or len(code) > MAX_SOURCE_CODE:
        raise UnreadableFile(
            f"has no source code before the first underscore of its name: found {shown(name)}"
        )
    return code


def validate(parsed: ParsedFile, *, file: str, source_code: str, intake: Intake) -> Validated:
    """Check every listing and lay the valid ones out in columns.

    file: the name that the rejections carry.
    """
    faults: dict[int, list[Fault]] = defaultdict(list)
    parts = [
        _validated(batch, faults, source_code=source_code, intake=intake)
        for batch in _batches(parsed.listings)
    ]
    everything = pl.concat([_nothing(), *parts])
    listings, repeated = _each_id_once(everything, faults)
    rejections = [
        *_refused_by_parsing(parsed, file=file),
        *(_rejection(index, found, parsed.listings[index], file=file) for index, found in faults.items()),
    ]
    return Validated(
        listings=listings.select(*LISTING_SCHEMA),
        raw=listings["raw"],
        rejections=tuple(sorted(rejections, key=lambda rejection: rejection.index or 0)),
        duplicates=repeated,
    )


def _batches(listings: Mapping[int, bytes]) -> Iterator[dict[int, bytes]]:
    """Cut the listings into batches by their size in bytes."""
    batch: dict[int, bytes] = {}
    size = 0
    for index, text in listings.items():
        batch[index] = text
        size += len(text)
        if size >= BATCH:
            yield batch
            batch, size = {}, 0
    if batch:
        yield batch


def _validated(
    batch: Mapping[int, bytes], faults: dict[int, list[Fault]], *, source_code: str, intake: Intake
) -> pl.DataFrame:
    """Give the valid listings of a batch, with ``index`` and ``raw``; add what is wrong with the others to ``faults``."""
    for index, text in batch.items():  # a loop, because pydantic checks one text at a time
        if wrong := _wrong_types(text):
            faults[index] = wrong
    typed = {index: text for index, text in batch.items() if index not in faults}
    raw = pl.Series("raw", list(typed.values()), dtype=pl.Binary).cast(pl.String)
    rows = decoded(raw).with_columns(raw, index=pl.Series(list(typed), dtype=pl.UInt32))
    dates = occurrences(rows)
    for index, fault in broken(rows, listing_rules(intake)):
        faults[index].append(fault)
    for index, fault in broken(dates, occurrence_rules(intake), path="event_dates.{}."):
        faults[index].append(fault)
    valid = ~pl.col("index").is_in(list(faults))
    rows, dates = rows.filter(valid), dates.filter(valid)
    return listing_columns(rows, dates, source_code=source_code).with_columns(rows["index"], rows["raw"])


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={**LISTING_SCHEMA, "index": pl.UInt32, "raw": pl.String})


def _wrong_types(text: bytes) -> list[Fault]:
    try:
        ADAPTER.validator.validate_json(text)
    except ValidationError as error:
        return [_type_fault(details) for details in error.errors(include_url=False, include_context=False)]
    return []


def _type_fault(error: ErrorDetails) -> Fault:
    """Say an error of pydantic in our words; what it adds to a path for the kinds of a union is left out."""
    path = list(error["loc"])
    while (known := ".".join("*" if isinstance(part, int) else part for part in path)) not in EXPECTED:
        path.pop()
    found = "is missing" if error["type"] == "missing" else f"found {shown(error['input'])}"
    return Fault(".".join(map(str, path)) or None, f"{found}, expected {EXPECTED[known]}")


def _each_id_once(rows: pl.DataFrame, faults: dict[int, list[Fault]]) -> tuple[pl.DataFrame, int]:
    """Keep the last listing of each id; give the count of the equal ones before it, and a fault to each different one."""
    if not rows["id"].is_duplicated().any():
        return rows, 0
    marked = rows.with_columns(pl.col("index", "raw").last().over("id").name.prefix("last_"))
    earlier = marked.filter(pl.col("index") != pl.col("last_index"))
    different = earlier.filter(pl.col("raw") != pl.col("last_raw"))
    for index, listing_id, last in different.select("index", "id", "last_index").iter_rows():
        reason = f"found {shown(listing_id)} again at index {last} with other content, expected each id once"
        faults[index].append(Fault("id", reason))
    kept = marked.filter(pl.col("index") == pl.col("last_index")).select(rows.columns)
    return kept, earlier.height - different.height


def _refused_by_parsing(parsed: ParsedFile, *, file: str) -> Iterator[Rejection]:
    for index, refused in parsed.refused.items():
        fault = refused.fault
        yield Rejection(file, index, fault.field, fault.reason, refused.listing_id, refused.text)


def _rejection(index: int, faults: list[Fault], text: bytes, *, file: str) -> Rejection:
    """Give the first fault, and name the other fields that are wrong, too."""
    first, *others = faults
    fields = dict.fromkeys(fault.field for fault in others if fault.field != first.field)
    also = ", ".join(str(field) for field in list(fields)[:5])
    reason = f"{first.reason}; also wrong: {also}" if also else first.reason
    return Rejection(file, index, first.field, reason, listing_id_of(read_json(text)), text.decode())
