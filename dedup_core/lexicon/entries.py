"""The lexicon's entries: what each YAML file may hold, checked while it is read.

A wrong entry joins or parts events in every run, so whatever a program can see (an alias with two meanings, a word in
two groups, a pattern that does not compile) is refused here; what only a person can see stands in the files' notes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Self

import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from dedup_core.folding import fold_all


class Entry(BaseModel):
    """A part of a file: unknown fields are errors, values can't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


CHECKED: Final = {"checked": True}
"""Context of a validation: the entries are those that the tests checked, so what takes long is not done again at each start."""


def _compiles(pattern: str, info: ValidationInfo) -> str:
    if info.context == CHECKED:
        return pattern
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        raise ValueError(f"not a pattern of Polars' regex engine: {error}") from error
    return pattern


Word = Annotated[str, Field(min_length=1)]
Words = Annotated[tuple[Word, ...], Field(min_length=1)]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(_compiles)]
"""A regular expression on text as `dedup_core.folding.lowered` leaves it."""


def _refuse_shared(entries: Iterable[Iterable[str]], what: str, info: ValidationInfo) -> None:
    """Refuse a name that two entries share once it is folded; one entry may hold spellings that fold alike."""
    if info.context == CHECKED:
        return
    flat = [(number, name) for number, names in enumerate(entries) for name in names]
    owners = set(zip(fold_all([name for _, name in flat]), (number for number, _ in flat), strict=True))
    count = Counter(name for name, _ in owners)
    if shared := sorted(name for name, times in count.items() if times > 1):
        raise ValueError(f"{what} belongs to two entries: {', '.join(shared)}")


class SynonymGroup(Entry):
    """Words that name the same thing; the first is the one that all are replaced by. rare: they are no everyday words of titles."""

    words: Annotated[tuple[Word, ...], Field(min_length=2)]
    rare: bool = False
    note: str | None = None


class Synonyms(Entry):
    """synonyms.yaml; forms: inflections, treated alike."""

    groups: Annotated[tuple[SynonymGroup, ...], Field(min_length=1)]
    forms: tuple[Annotated[tuple[Word, ...], Field(min_length=2)], ...] = ()

    @model_validator(mode="after")
    def _one_meaning(self, info: ValidationInfo) -> Self:
        _refuse_shared([*(group.words for group in self.groups), *self.forms], "a word", info)
        return self


class Compounds(Entry):
    """compounds.yaml: parts by subject (the subjects are for the reader only) and words that stay whole."""

    parts: Mapping[str, Words]
    whole: Words

    @model_validator(mode="after")
    def _once(self, info: ValidationInfo) -> Self:
        _refuse_shared(
            [*((part,) for subject in self.parts.values() for part in subject), self.whole], "a part", info
        )
        return self


class Place(Entry):
    """A town. Its first name, folded, is its key."""

    name: Word
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    aliases: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude stand together or not at all")
        return self


class Landscape(Entry):
    """A landscape after which towns are told apart: its middle, and how far around it they lie, generously."""

    name: Word
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    km: Annotated[float, Field(gt=0)]


class Places(Entry):
    """places.yaml; an ambiguous name is the alias of no place."""

    places: Annotated[tuple[Place, ...], Field(min_length=1)]
    ambiguous: tuple[Word, ...] = ()
    online: Words
    landscapes: tuple[Landscape, ...] = ()

    @model_validator(mode="after")
    def _one_place(self, info: ValidationInfo) -> Self:
        named = ((place.name, *place.aliases) for place in self.places)
        _refuse_shared([*named, self.ambiguous, self.online], "a name", info)
        return self


class Districts(Entry):
    """districts.yaml: town -> districts, and those names that mean nothing without their town."""

    districts: Mapping[str, Words]
    needs_town: tuple[Word, ...] = ()


class Country(Entry):
    """A country: ISO 3166 codes, the name that the others are replaced by, the others."""

    alpha2: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    alpha3: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    name: Word
    aliases: tuple[Word, ...] = ()


class Countries(Entry):
    """countries.yaml; regions: country -> code -> name, as in ``Nashville, TN``."""

    countries: Annotated[tuple[Country, ...], Field(min_length=1)]
    codes_in_titles: tuple[Word, ...] = ()
    regions: Mapping[str, Mapping[str, Word]]

    @model_validator(mode="after")
    def _one_country(self, info: ValidationInfo) -> Self:
        _refuse_shared(((c.alpha2, c.alpha3, c.name, *c.aliases) for c in self.countries), "a name", info)
        return self


class Removal(Entry):
    """A pattern that is cut out of a title. examples: title -> what is left of it; unchanged: titles that it leaves alone."""

    pattern: Pattern
    examples: Annotated[Mapping[str, str], Field(min_length=1)]
    unchanged: tuple[str, ...] = ()


class Marker(Entry):
    """Patterns that say one thing of a text: any of them suffices. Each example is matched by at least one, a counter-example by none."""

    patterns: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    examples: Annotated[tuple[str, ...], Field(min_length=1)]
    counter_examples: Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def pattern(self) -> str:
        """All patterns as one."""
        return "|".join(f"(?:{pattern})" for pattern in self.patterns)


class Row(Entry):
    """Things of one kind, each with the words that name it. about: for the reader; taught: speaks in titles of courses and groups only."""

    about: str
    taught: bool = False
    things: Annotated[tuple[Words, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _one_thing(self, info: ValidationInfo) -> Self:
        _refuse_shared(self.things, "a word", info)
        return self


class Alternatives(Entry):
    """alternatives.yaml: rows of things of which an event is about one; clubs of which a town has one, and patterns for what each does by itself; what a town has once on a day, and towns too large for that."""

    alternatives: Annotated[tuple[Row, ...], Field(min_length=1)]
    clubs: Annotated[tuple[Words, ...], Field(min_length=2)]
    affairs: Marker
    unique: Annotated[tuple[Words, ...], Field(min_length=2)]
    large_towns: Words

    @model_validator(mode="after")
    def _one_meaning(self, info: ValidationInfo) -> Self:
        for row in (self.clubs, self.unique):
            _refuse_shared(row, "a word", info)
        return self


class Organisers(Entry):
    """organisers.yaml; hosts: patterns for what stands before a title's colon, lowered; umbrellas: for what stands in brackets at its end; supports, works: for what is added at its end."""

    prefixes: Annotated[tuple[Removal, ...], Field(min_length=1)]
    hosts: Marker
    umbrellas: Marker
    supports: Marker
    works: Marker


class Capture(Entry):
    """Patterns with named groups, tried in order. examples: text -> what the groups of the first that matches hold, nothing for no match."""

    patterns: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    examples: Annotated[Mapping[str, Mapping[str, str]], Field(min_length=2)]


class Sentence(Marker):
    """A marker of sentences. unless: patterns of sentences that speak of another case."""

    unless: tuple[Pattern, ...] = ()


class Markers(Entry):
    """markers.yaml."""

    months: Mapping[str, Annotated[int, Field(ge=1, le=12)]]
    markers: Mapping[str, Marker]
    sentences: Mapping[str, Sentence]
    captures: Mapping[str, Capture]


class Kind(Marker):
    """A kind of listing; event is false for what is sold or announced but does not take place."""

    event: bool = True


class Kinds(Entry):
    """kinds.yaml, in the order in which a listing that fits several is told."""

    kinds: Mapping[str, Kind]


class TitleRules(Entry):
    """What rules look for in titles as written, but lowered."""

    concert: Marker
    musicians: Marker
    among_themselves: Marker
    of_others: Marker
    several: Marker
    taught: Marker
    where: Marker
    programme: Marker
    own_house: Marker
    item: Marker


class VenueRules(Entry):
    """What rules look for in folded names of venues; place: in a word of them, or of a title; nameless: in what stands before the word for a house."""

    cinema: Marker
    indoors: Marker
    outdoors: Marker
    no_square: Marker
    around: Marker
    before_house: Marker
    of_a_village: Marker
    own_house: Marker
    town_hall: Marker
    place: Marker
    nameless: Marker


class Rules(Entry):
    """rules.yaml."""

    titles: TitleRules
    venues: VenueRules


class Stopwords(Entry):
    """stopwords.yaml, by language."""

    stopwords: Mapping[str, Words]
    genres: Words = ()


class Patrons(Entry):
    """Names of which a house has one, with those that mean the same. endings: what may follow in one word: `Pauluskirche`."""

    endings: tuple[Word, ...] = ()
    names: Annotated[tuple[Words, ...], Field(min_length=2, max_length=63)]

    @model_validator(mode="after")
    def _one_name(self, info: ValidationInfo) -> Self:
        _refuse_shared(self.names, "a name", info)
        return self


class Venues(Entry):
    """venues.yaml: words for a church, for houses of which a place has one, for kinds of house, for no more than a kind, for no venue, and for a whole place; names of houses."""

    church: Words
    single: tuple[Annotated[tuple[Word, ...], Field(min_length=2)], ...] = ()
    alike: tuple[Annotated[tuple[Word, ...], Field(min_length=2)], ...] = ()
    epithets: Words
    generic: Words
    unknown: Words
    areas: Words
    patrons: tuple[Patrons, ...] = ()

    @model_validator(mode="after")
    def _one_house(self, info: ValidationInfo) -> Self:
        _refuse_shared([self.church, *self.single, *self.alike], "a word", info)
        return self
