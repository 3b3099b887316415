"""Filters: which events a request means, the same for lists, feeds and exports.

A route takes them all at once: ``wanted: Annotated[EventFilter, Query()]``, and asks the store for ``wanted.wanted()``.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from infra.store.events import Box, Near, Wanted

NUMBER: Final = r"-?[0-9]{1,3}(\.[0-9]{1,12})?"
Text = Annotated[str | None, Field(min_length=1, max_length=200)]
Status = Literal["scheduled", "cancelled", "moved", "sold_out"]


class EventFilter(BaseModel):
    """Every filter of events; all must hold, and one that is not given always does."""

    q: Text = Field(
        None,
        description="Words of title, place or city; where no event has them as they are written, what is spelt much like them.",
    )
    city: Text = None
    category: Text = None
    source: Text = Field(None, description="A source_code that lists it.")
    since: date | None = Field(None, description="First of the days that it may touch.")
    until: date | None = Field(None, description="Last of the days that it may touch.")
    near: str | None = Field(None, pattern=f"^{NUMBER},{NUMBER}$", description="latitude,longitude")
    radius_km: float = Field(10.0, gt=0, le=500)
    bbox: str | None = Field(None, pattern=f"^{NUMBER}(,{NUMBER}){{3}}$", description="west,south,east,north")
    status: Status | None = None
    min_confidence: float | None = Field(None, ge=0, le=1)
    needs_review: bool | None = None
    updated_since: datetime | None = None

    def wanted(self) -> Wanted:
        """Say the same in the store's words."""
        return Wanted(
            words=storable(self.q),
            city=storable(self.city),
            category=storable(self.category),
            source=storable(self.source),
            since=self.since,
            until=self.until,
            near=None if self.near is None else _around(self.near, self.radius_km),
            box=None if self.bbox is None else Box(*_numbers(self.bbox)),
            status=self.status,
            least_confidence=self.min_confidence,
            needs_review=self.needs_review,
            updated_since=None if self.updated_since is None else aware(self.updated_since),
        )


def storable(text: str | None) -> str | None:
    """Drop what PostgreSQL's texts can't hold: nothing that is stored has it, so nothing is missed."""
    return None if text is None else text.replace("\0", "").encode("utf-8", "ignore").decode()


def _around(point: str, radius_km: float) -> Near:
    latitude, longitude = _numbers(point)
    return Near(latitude, longitude, radius_km)


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def aware(moment: datetime) -> datetime:
    """Put a time into UTC; one without a zone is meant so. What UTC's calendar has no day for is the nearest that it has."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return zoned.astimezone(UTC)
    except OverflowError:
        return (datetime.max if moment.year > 1 else datetime.min).replace(tzinfo=UTC)
