"""Definitions: the generator's world as data, read from the YAML and CSV files beside this one.

A misspelt habit or kind is refused here, with its path; whether the listings look real only a reader can tell.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field

HERE: Final = Path(__file__).parent

Share = Annotated[float, Field(ge=0, le=1)]
Weights = Mapping[str, Annotated[float, Field(ge=0)]]
Lines = tuple[str, ...]

FORMS: Final = ("plain", "town", "long", "spelt")
"""The forms of a venue's name."""

STYLES: Final = ("list", "calendar", "headline", "ticket", "organiser", "series")
VOCABULARIES: Final = ("fine", "coarse", "english")
MODES: Final = ("none", "own", "press", "cut", "boiler")
"""Where a listing's text comes from: nowhere, its editor, the organiser (all or the beginning), or the source's template."""


class Definition(BaseModel):
    """A part of a file: unknown fields are errors, values can't change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pattern(Definition):
    """How the occurrences of one group hang together."""

    type: Literal[
        "once", "shows", "weekly", "tour", "neighbours", "siblings", "parallel", "exhibition", "festival"
    ]
    least: int = 1
    most: int = 1
    every: int = 7
    gap: int = 0
    range: int = 1
    again: Share = 0
    extra: Share = 0
    run: Share = 0
    shift: int = 240
    umbrella: Share = 0


class Parent(Definition):
    """Whose items a kind's events are."""

    kind: str
    when: Literal["within"]


class Kind(Definition):
    """A kind of event."""

    name: str
    share: Annotated[float, Field(gt=0)]
    group: str
    of: Parent | None = None
    pattern: Pattern
    fame: float
    urban: float
    season: Literal["all", "fasnet", "advent", "easter", "summer"]
    days: Annotated[tuple[float, ...], Field(min_length=7, max_length=7)]
    starts: Lines
    lasts: tuple[int, ...]
    venues: Weights
    words: Lines
    extra: Lines
    titles: Mapping[Literal["list", "calendar", "headline", "ticket", "organiser", "series"], Lines]
    texts: tuple[Lines, ...]
    boiler: Lines
    categories: Mapping[Literal["fine", "coarse", "english"], Lines]


class VenueKind(Definition):
    """A kind of venue and the forms of its name."""

    at: str
    least: int
    growth: float
    x: Lines
    plain: str
    town: str
    long: str
    spelt: str


class Traits(Definition):
    """What a group of kinds tends to be."""

    family: Share
    child: Share
    free: Share
    registration: Share


class Kinds(Definition):
    """kinds.yaml."""

    kinds: tuple[Kind, ...]
    venues: Mapping[str, VenueKind]
    groups: Mapping[str, Traits]


class Habits(Definition):
    """What a source does with the events that it lists."""

    code: Annotated[str, Field(pattern="^[a-z0-9]+$")]
    says: str
    prefers: Weights
    least_population: int
    most_population: int = 10_000_000
    share_of_places: Share
    types: Weights
    styles: Mapping[str, Weights]
    ids: Literal["pdf", "number", "uuid"]
    vocabulary: Literal["fine", "coarse", "english"]
    capitals: Share = 0
    emojis: Share = 0
    no_time: Share
    doors: Share
    midnight: Share
    hour_wrong: Share
    day_wrong: Share
    ends: Share
    no_venue: Share
    venue: Weights
    district_as_city: Share
    city_alias: Share
    sanitised: Share
    address: Share
    no_geo: Share
    vague_geo: Share
    wrong_geo: Share
    typos: Share
    ocr: Share
    marks: Share
    text: Weights
    again: Share
    series: Share
    spelling: Share


class Sources(Definition):
    """sources.yaml."""

    habits: tuple[Habits, ...]
    spellings: tuple[tuple[str, ...], ...]


def _read(name: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((HERE / name).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe


@cache
def kinds() -> Kinds:
    """Read the kinds of events and venues."""
    return Kinds.model_validate(_read("kinds.yaml"))


@cache
def spellings() -> tuple[tuple[str, ...], ...]:
    """Read the words that are written in several ways."""
    return Sources.model_validate(_read("sources.yaml")).spellings


@cache
def sources(n: int) -> tuple[Habits, ...]:
    """Return the first n sources; past those defined they start over, with a number behind their code and other places."""
    habits = Sources.model_validate(_read("sources.yaml")).habits
    return tuple(
        source if not round_ else source.model_copy(update={"code": f"{source.code}{round_ + 1}"})
        for round_, source in ((i // len(habits), habits[i % len(habits)]) for i in range(n))
    )


@cache
def words() -> Mapping[str, Lines]:
    """Read the words that names and texts are made of."""
    return {name: tuple(lines) for name, lines in _read("words.yaml").items()}


def towns() -> pl.DataFrame:
    """Read the real towns; ``aliases`` and ``districts`` are comma-separated."""
    return pl.read_csv(HERE / "towns.csv", separator=";", schema_overrides={"zipcode": pl.String})
