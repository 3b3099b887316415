"""Hard cases: listings as an editor meets them in a compact notation, with the events that an editor would make of them.

A case says what is true, never what the matcher does today. If this module expands a case wrongly, whoever measures by it measures
nonsense; so what it expands goes through the product's own parsing and validation, and a case that is refused is told.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from dedup_core.errors import WrongLabels

WHEN: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)(?:\.\.(?P<end_date>\d{4}-\d\d-\d\d))?"
    r"(?: (?P<start_time>\d\d:\d\d)(?:-(?P<end_time>\d\d:\d\d))?)?"
)
OWN_ROW: Final = 41
"""The row behind the catalogue's last: cases that an editor's verdicts made."""

MOST_LISTINGS: Final = 30
"""Listings of a case; a case written by hand has two to six."""

FIRST_BATCH: Final = datetime(2025, 12, 1, 20, 46, 41, 776_000)

Identity = tuple[str, str]
Validated = TypeVar("Validated")
Key = Annotated[str, Field(pattern=r"^[a-z]\d?$")]


class Entry(BaseModel):
    """A part of a case: unknown fields are errors, values can't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Source(Entry):
    """An invented source: its habit in words, the source_type of its listings, the shape of its ids."""

    habit: str
    type: str
    ids: Literal["pdf", "number", "uuid"]


class Occurrence(Entry):
    """One entry of ``event_dates``; written ``DATE[..END_DATE][ HH:MM[-HH:MM]]``, or as a mapping where a time is no time."""

    date: str
    start_time: str | None = None
    end_time: str | None = None
    end_date: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, date):
            value = value.isoformat()
        if not isinstance(value, str):
            return value
        if (match := WHEN.fullmatch(value)) is None:
            raise ValueError(f"not DATE[..END_DATE][ HH:MM[-HH:MM]]: {value}")
        return match.groupdict()


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class Sanitized(Entry):
    """The upstream's normalised place."""

    city: str
    confidence: float
    district: str | None = None


class Listing(Entry):
    """One listing in the compact notation; what is left out, the source did not give.

    geo: latitude, longitude, confidence. nr: the street number. text: the description. batch: the file of its source, 1 is the earliest.
    """

    source: str
    title: str
    when: Annotated[tuple[Occurrence, ...], BeforeValidator(_as_list), Field(min_length=1)]
    venue: str | None = None
    city: str | None = None
    district: str | None = None
    street: str | None = None
    nr: str | None = None
    zip: str | None = None
    geo: tuple[float, float, float] | None = None
    country: str | None = None
    sanitized: Sanitized | None = None
    type: str | None = None
    cats: tuple[str, ...] = ()
    text: str | None = None
    short: str | None = None
    highlights: tuple[str, ...] = ()
    family: bool | None = None
    child: bool | None = None
    free: bool | None = None
    registration: str | None = None
    id: str | None = None
    batch: int = Field(default=1, ge=1, le=20)


class Link(Entry):
    """A relation that is no merge: ``from`` is the part or the date, ``to`` the whole or the series."""

    kind: Literal["part_of", "date_of"]
    from_: Key = Field(alias="from")
    to: Key


class Expectation(Entry):
    """What an editor would make of the listings.

    links_allowed: relations that are true but not asked for. review_acceptable: an honest editor would have to look.
    status, previous_date: by any listing of the canonical event. not_an_event: listings that belong in review, never in the calendar.
    """

    clusters: tuple[tuple[Key, ...], ...]
    links: tuple[Link, ...] = ()
    links_allowed: tuple[Link, ...] = ()
    status: Mapping[Key, Literal["scheduled", "cancelled", "moved", "sold_out"]] = {}
    previous_date: Mapping[Key, date] = {}
    not_an_event: tuple[Key, ...] = ()
    review_acceptable: bool = False


class Case(Entry):
    """One hard case: some listings and the truth about them."""

    id: Annotated[str, Field(pattern=r"^r\d\d-[a-z0-9-]+$")]
    row: int = Field(ge=1, le=OWN_ROW)
    phenomenon: str
    why: str
    listings: Annotated[Mapping[Key, Listing], Field(min_length=2, max_length=MOST_LISTINGS)]
    expect: Expectation

    @model_validator(mode="after")
    def _speaks_only_of_its_listings(self) -> "Case":
        expect, keys = self.expect, set(self.listings)
        members = [key for cluster in expect.clusters for key in cluster]
        links = (*expect.links, *expect.links_allowed)
        named = {*expect.status, *expect.previous_date, *expect.not_an_event}
        named |= {end for link in links for end in (link.from_, link.to)}
        if sorted(members) != sorted(keys) or not named <= keys:
            raise ValueError(
                f"{self.id}: the clusters must part the listings, the rest must name some of them"
            )
        if not self.id.startswith(f"r{self.row:02}-"):
            raise ValueError(f"{self.id} stands under row {self.row}")
        return self


class Row(Entry):
    """One row of the catalogue with its cases."""

    row: int
    phenomenon: str
    cases: tuple[dict[str, Any], ...]

    def read(self) -> Iterator[Case]:
        """Read the row's cases; raises ValidationError."""
        for case in self.cases:
            yield Case.model_validate({"row": self.row, "phenomenon": self.phenomenon, **case})


@dataclass(frozen=True, slots=True)
class Suite:
    """All cases in the order of the catalogue, and their sources by code."""

    sources: Mapping[str, Source]
    cases: tuple[Case, ...]

    def identity(self, case: Case, key: str) -> Identity:
        """Return (source_code, id), by which a case's listing is known."""
        return case.listings[key].source, self._listing_id(case, key)

    def input_files(self, cases: Iterable[Case] | None = None) -> dict[str, bytes]:
        """Return the cases' listings as the files that would be dropped, content by file name: one a source and batch.

        cases: those to expand; all unless they are given.
        """
        batches: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for case in self.cases if cases is None else cases:
            for key, listing in case.listings.items():
                batches.setdefault((listing.source, listing.batch), []).append(self.input_format(case, key))
        return dict(_file(*batch, listings) for batch, listings in sorted(batches.items()))

    def input_format(self, case: Case, key: str) -> dict[str, Any]:
        """Return the listing as the upstream pipeline writes it."""
        listing = case.listings[key]
        return {
            "id": self._listing_id(case, key),
            "title": listing.title,
            "short_description": listing.short,
            "description": listing.text,
            "highlights": list(listing.highlights),
            "event_dates": [occurrence.model_dump() for occurrence in listing.when],
            "location": _location(listing),
            "source_type": listing.type or self.sources[listing.source].type,
            "categories": list(listing.cats),
            "is_family_event": listing.family,
            "is_child_focused": listing.child,
            "admission_free": listing.free,
            "registration_required": None if listing.registration is None else True,
            "registration_contact": listing.registration,
            "confidence_score": 0.85,
        }

    def _listing_id(self, case: Case, key: str) -> str:
        """Return the id that the source gave the listing: as such sources shape theirs, and telling nothing."""
        listing = case.listings[key]
        if listing.id is not None:
            return listing.id
        number = hashlib.sha256(f"{case.id}/{key}".encode()).hexdigest()
        batch = hashlib.sha256(f"{listing.source}/{listing.batch}".encode()).hexdigest()[:8]
        shapes = {
            "pdf": f"pdf-{batch}-{int(number[:3], 16) % 40}-{int(number[3:9], 16)}",
            "number": str(int(number[:10], 16)),
            "uuid": f"{number[:8]}-{number[8:12]}-4{number[12:15]}-a{number[15:18]}-{number[18:30]}",
        }
        return shapes[self.sources[listing.source].ids]


def read_suite(sources: tuple[str, str], files: Mapping[str, str]) -> Suite:
    """Read a suite from YAML. sources: name and text of the file of sources; files: text of those of cases by name, in order.

    Raises:
        WrongLabels: a mistake; the message has a line ``file:line: field: what`` for each of the file that has any.
    """
    known = _validated(TypeAdapter(dict[str, Source]), sources[1], name=sources[0])
    cases: list[Case] = []
    for name, text in files.items():
        for number, row in enumerate(_validated(TypeAdapter(list[Row]), text, name=name)):
            cases += _cases(row, text, name=name, row_number=number)
    _refuse_doubles(cases)
    for case in cases:
        for key, listing in case.listings.items():
            if listing.source not in known:
                raise WrongLabels(
                    f"{case.id}: listings.{key}.source: {listing.source} does not stand in {sources[0]}"
                )
    suite = Suite(known, tuple(cases))
    _refuse_shared_ids(suite)
    return suite


def _cases(row: Row, text: str, *, name: str, row_number: int) -> list[Case]:
    read: list[Case] = []
    for number, case in enumerate(row.cases):
        whole = {"row": row.row, "phenomenon": row.phenomenon, **case}
        read.append(_insisted(TypeAdapter(Case), whole, text, name, (row_number, "cases", number)))
    return read


def _refuse_doubles(cases: Iterable[Case]) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise WrongLabels(f"{case.id}: id: stands twice")
        seen.add(case.id)


def _refuse_shared_ids(suite: Suite) -> None:
    """Insist that no listing is one of two cases: its later version would take the place of the other."""
    seen: dict[Identity, str] = {}
    for case in suite.cases:
        for key in case.listings:
            named = f"{case.id}: listings.{key}"
            if (other := seen.setdefault(suite.identity(case, key), named)) != named:
                raise WrongLabels(f"{named}.id: is the same listing as {other}")


def _validated(model: "TypeAdapter[Validated]", text: str, *, name: str) -> "Validated":
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WrongLabels(f"{name}: not YAML: {error}") from error
    return _insisted(model, document, text, name, ())


Way = tuple[str | int, ...]
"""Names and numbers that lead from the top of a document to a part of it."""


def _insisted(model: "TypeAdapter[Validated]", document: Any, text: str, name: str, way: Way) -> "Validated":
    """Validate a part of a document. way: where it stands in the text."""
    try:
        return model.validate_python(document)
    except ValidationError as error:
        lines = [
            f"{name}:{_line(text, (*way, *e['loc']))}: {'.'.join(map(str, e['loc'])) or 'case'}: {e['msg']}"
            for e in error.errors()
        ]
        raise WrongLabels("\n".join(lines)) from error


def _line(text: str, way: Way) -> int:
    """Find the line, from 1, of a part of a YAML document, or of the last part on the way that exists."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 0
    for step in way:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(step)), node)
        if node is not None:
            line = node.start_mark.line
    return line + 1


def _location(listing: Listing) -> dict[str, Any]:
    place: dict[str, Any] = {
        "name": listing.venue,
        "city": listing.city,
        "district": listing.district,
        "street": listing.street,
        "street_no": listing.nr,
        "zipcode": listing.zip,
    }
    if listing.sanitized is not None:
        place["_sanitizeResult"] = listing.sanitized.model_dump()
    if listing.geo is not None or listing.country is not None:
        latitude, longitude, confidence = listing.geo or (None, None, None)
        position = {"longitude": longitude, "latitude": latitude, "confidence": confidence}
        place["geo"] = {**position, "country": listing.country}
    return place


def _file(source: str, batch: int, listings: list[dict[str, Any]]) -> tuple[str, bytes]:
    processed = FIRST_BATCH + timedelta(weeks=batch)
    stamp = processed.isoformat(timespec="milliseconds")
    name = f"{source}_{processed:%d.%m.%Y}_{stamp.replace(':', '-').replace('.', '-')}Z.json"
    content = {
        "events": listings,
        "rejected": [],
        "metadata": {"processedAt": f"{stamp}Z", "sourceKey": f"{source}.pdf"},
    }
    return name, json.dumps(content, ensure_ascii=False, indent=1).encode()
