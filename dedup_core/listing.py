"""A listing in the input format: its shape, its types, and the ranges that no policy can change.

The description of a field is what a message says was expected. Unknown fields are ignored here; the raw text keeps
them. What depends on the policy, or on two fields together, is a rule in `dedup_core.validating`.
"""

from typing import Annotated, Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

VISIBLE: Final = r"[^\p{Cc}\p{Cf}\p{Z}]"
"""A character that can be seen: a text without any is blank (Rust's regex syntax, as in pydantic and Polars)."""

MAX_ID: Final = 200
"""Characters; with a source code beside it well below the 2,704 bytes of an index row of PostgreSQL."""

_CONTROL: Final = r"\p{Cc}\p{Zl}\p{Zp}"
_ID: Final = rf"^[^{_CONTROL}]*{VISIBLE}[^{_CONTROL}]*$"
_LARGEST_ID: Final = 10**18

Confidence = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[int, Field(ge=-_LARGEST_ID, le=_LARGEST_ID)]
Texts = Annotated[list[str | None], Field(fail_fast=True)]

_TEXT: Final = "text or null"
_NUMBERED: Final = "text, a whole number or null"
_FLAG: Final = "true, false or null"
_CONFIDENCE: Final = "a number from 0 to 1 or null"
_TEXTS: Final = "a list of texts or null"
_DATE: Final = "a day as YYYY-MM-DD"


class _Part(BaseModel):
    """Types are strict: a flag is no number, a number no text."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class Occurrence(_Part):
    """One entry of ``event_dates``. Days and times are read by `dedup_core.validating`."""

    date: str = Field(description=_DATE)
    start_time: str | None = Field(None, description=_TEXT)
    end_time: str | None = Field(None, description=_TEXT)
    end_date: str | None = Field(None, description=f"{_DATE} or null")


class SanitizedPlace(_Part):
    """The upstream's normalised place, ``_sanitizeResult``."""

    city: str | None = Field(None, description=_TEXT)
    district: str | None = Field(None, description=_TEXT)
    confidence: Confidence | None = Field(None, description=_CONFIDENCE)


class Geo(_Part):
    """Coordinates in degrees (WGS 84)."""

    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(
        None, description="degrees north, a number from -90 to 90, or null"
    )
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = Field(
        None, description="degrees east, a number from -180 to 180, or null"
    )
    confidence: Confidence | None = Field(None, description=_CONFIDENCE)
    country: str | None = Field(None, description=_TEXT)


class Location(_Part):
    """Where it takes place."""

    name: str | None = Field(None, description=_TEXT)
    city: str | None = Field(None, description=_TEXT)
    district: str | None = Field(None, description=_TEXT)
    street: str | None = Field(None, description=_TEXT)
    street_no: str | Number | None = Field(None, description=_NUMBERED)
    zipcode: str | Number | None = Field(None, description=_NUMBERED)
    sanitized: SanitizedPlace | None = Field(None, alias="_sanitizeResult", description="an object or null")
    geo: Geo | None = Field(None, description="an object or null")


class Listing(_Part):
    """One entry of ``events``."""

    id: Annotated[str, Field(pattern=_ID, max_length=MAX_ID)] | Number = Field(
        description=f"text of 1 to {MAX_ID} characters on one line, or a whole number"
    )
    title: Annotated[str, Field(pattern=VISIBLE)] = Field(description="text that is not blank")
    short_description: str | None = Field(None, description=_TEXT)
    description: str | None = Field(None, description=_TEXT)
    highlights: Texts | None = Field(None, description=_TEXTS)
    event_dates: Annotated[list[Occurrence], Field(min_length=1, fail_fast=True)] = Field(
        description="a list of at least one object with a date"
    )
    location: Location | None = Field(None, description="an object or null")
    source_type: str | None = Field(None, description=_TEXT)
    categories: Texts | None = Field(None, description=_TEXTS)
    is_family_event: bool | None = Field(None, description=_FLAG)
    is_child_focused: bool | None = Field(None, description=_FLAG)
    admission_free: bool | None = Field(None, description=_FLAG)
    registration_required: bool | None = Field(None, description=_FLAG)
    registration_contact: str | None = Field(None, description=_TEXT)
    confidence_score: Confidence | None = Field(None, description=_CONFIDENCE)


ADAPTER: Final = TypeAdapter(Listing)

_OCCURRENCE: Final = pl.Struct(dict.fromkeys(Occurrence.model_fields, pl.String))
_LOCATION: Final = pl.Struct(
    {
        **dict.fromkeys(("name", "city", "district", "street", "street_no", "zipcode"), pl.String),
        "_sanitizeResult": pl.Struct({"city": pl.String, "district": pl.String, "confidence": pl.Float64}),
        "geo": pl.Struct(
            {"latitude": pl.Float64, "longitude": pl.Float64, "confidence": pl.Float64, "country": pl.String}
        ),
    }
)
SHAPE: Final = pl.Struct(
    {
        **dict.fromkeys(("id", "title", "short_description", "description"), pl.String),
        "highlights": pl.List(pl.String),
        "event_dates": pl.List(_OCCURRENCE),
        "location": _LOCATION,
        "source_type": pl.String,
        "categories": pl.List(pl.String),
        **dict.fromkeys(
            ("is_family_event", "is_child_focused", "admission_free", "registration_required"), pl.Boolean
        ),
        "registration_contact": pl.String,
        "confidence_score": pl.Float64,
    }
)
"""`Listing` as a column: what Polars decodes once a listing's types are known to be right."""


_PARTS: Final[dict[str, type[BaseModel]]] = {
    "": Listing,
    "event_dates.*.": Occurrence,
    "location.": Location,
    "location._sanitizeResult.": SanitizedPlace,
    "location.geo.": Geo,
}
EXPECTED: Final[dict[str, str]] = {
    "": "an object",
    "event_dates.*": "an object with a date",
    "highlights.*": _TEXT,
    "categories.*": _TEXT,
    **{
        f"{path}{field.alias or name}": field.description or ""
        for path, part in _PARTS.items()
        for name, field in part.model_fields.items()
    },
}
"""Path of a field, ``*`` for the number in a list -> what is expected there, for a person."""
