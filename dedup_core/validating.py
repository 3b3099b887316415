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
from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class _Twice:
    """Listings whose id stands again further down: how many are equal to the last one, and what is said of the others."""

    equal: int
    faults: Mapping[int, Sequence[Fault]]


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

    parsed: its batches are taken. file: the name that the rejections carry.
    """
    rejections = [
        Rejection(file, index, refused.fault.field, refused.fault.reason, refused.listing_id, refused.text)
        for index, refused in parsed.refused.items()
    ]
    parts = []
    for batch in parsed.taken():
        faults: dict[int, list[Fault]] = defaultdict(list)
        parts.append(_valid(batch, faults, source_code=source_code, intake=intake))
        rejections += _rejections(batch, faults, file=file)
    everything = pl.concat(parts or [_nothing()])
    listings, twice = _each_id_once(everything)
    rejections += _rejections(everything, twice.faults, file=file)
    return Validated(
        listings=listings.select(*LISTING_SCHEMA),
        raw=listings["raw"],
        rejections=tuple(sorted(rejections, key=lambda rejection: rejection.index or 0)),
        duplicates=twice.equal,
    )


def _valid(
    batch: pl.DataFrame, faults: dict[int, list[Fault]], *, source_code: str, intake: Intake
) -> pl.DataFrame:
    """Give the valid listings of a batch, with ``index`` and ``raw``; add what is wrong with the others to ``faults``."""
    for index, text in _texts(batch):  # a loop, because pydantic checks one text at a time
        if wrong := _wrong_types(text):
            faults[index] = wrong
    typed = _without(batch, faults)
    rows = decoded(typed["raw"]).with_columns(typed)
    dates = occurrences(rows)
    for index, fault in broken(rows, listing_rules(intake)):
        faults[index].append(fault)
    for index, fault in broken(dates, occurrence_rules(intake), path="event_dates.{}."):
        faults[index].append(fault)
    rows, dates = _without(rows, faults), _without(dates, faults)
    return listing_columns(rows, dates, source_code=source_code).with_columns(rows.select("index", "raw"))


def _texts(rows: pl.DataFrame) -> Iterator[tuple[int, bytes]]:
    """Give ``index`` and ``raw`` as UTF-8: as Python's text a listing with one rare character takes four times as much."""
    yield from rows.select("index", pl.col("raw").cast(pl.Binary)).iter_rows()


def _without(rows: pl.DataFrame, faults: Mapping[int, object]) -> pl.DataFrame:
    return rows.filter(~pl.col("index").is_in(list(faults))) if faults else rows


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={**LISTING_SCHEMA, "index": pl.UInt32, "raw": pl.String})


def _wrong_types(text: bytes) -> list[Fault]:
    try:
        ADAPTER.validator.validate_json(text)
    except ValidationError as error:
        return [_type_fault(details) for details in _details(error)]
    return []


def _details(error: ValidationError) -> list[ErrorDetails]:
    """List what is wrong. What a missing field was not found in is the whole listing, and is left out if nothing else is wrong."""
    missing = error.errors(include_url=False, include_context=False, include_input=False)
    if all(details["type"] == "missing" for details in missing):
        return missing
    return error.errors(include_url=False, include_context=False)


def _type_fault(error: ErrorDetails) -> Fault:
    """Say an error of pydantic in our words; what it adds to a path for the kinds of a union is left out."""
    path = list(error["loc"])
    while (known := ".".join("*" if isinstance(part, int) else part for part in path)) not in EXPECTED:
        path.pop()
    found = "is missing" if error["type"] == "missing" else f"found {shown(error['input'])}"
    return Fault(".".join(map(str, path)) or None, f"{found}, expected {EXPECTED[known]}")


def _each_id_once(rows: pl.DataFrame) -> tuple[pl.DataFrame, _Twice]:
    """Keep the last listing of each id."""
    if not rows["id"].is_duplicated().any():
        return rows, _Twice(0, {})
    marked = rows.with_columns(pl.col("index", "raw").last().over("id").name.prefix("last_"))
    earlier = marked.filter(pl.col("index") != pl.col("last_index"))
    different = earlier.filter(pl.col("raw") != pl.col("last_raw"))
    faults = {
        index: [
            Fault(
                "id", f"found {shown(listing_id)} again at index {last} with other content, expected it once"
            )
        ]
        for index, listing_id, last in different.select("index", "id", "last_index").iter_rows()
    }
    kept = marked.filter(pl.col("index") == pl.col("last_index")).select(rows.columns)
    return kept, _Twice(earlier.height - different.height, faults)


def _rejections(
    rows: pl.DataFrame, faults: Mapping[int, Sequence[Fault]], *, file: str
) -> Iterator[Rejection]:
    """Give the first fault of each listing, and name the other fields that are wrong, too."""
    if not faults:
        return
    for index, text in _texts(rows.filter(pl.col("index").is_in(list(faults)))):
        first, *others = faults[index]
        fields = dict.fromkeys(str(fault.field) for fault in others if fault.field != first.field)
        also = ", ".join(list(fields)[:5])
        reason = f"{first.reason}; also wrong: {also}" if also else first.reason
        yield Rejection(file, index, first.field, reason, listing_id_of(read_json(text)), text)
