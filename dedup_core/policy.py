"""The policy: weights, thresholds and limits, as one validated, versioned document (``matching.yaml``).

Only the policy changes answers. Its hash stands in every result, so that two results can be compared honestly.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from dedup_core.errors import InvalidPolicy

Share = Annotated[float, Field(ge=0, le=1)]
Bits = Annotated[float, Field(ge=-60, le=60)]
Strategy = Literal[
    "best_title", "longest", "most_frequent", "union", "any_true", "majority", "highest_confidence"
]

TextStrategy = Literal["longest", "most_frequent", "highest_confidence"]
FlagStrategy = Literal["any_true", "majority", "highest_confidence"]


class Section(BaseModel):
    """A part of the policy: unknown fields are errors, values can't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Intake(Section):
    """What a file and a listing may be, before anything is stored."""

    max_file_bytes: int = Field(ge=1_000, description="bytes; a larger file, also once inflated, is refused")
    max_listing_bytes: int = Field(
        ge=1_000, description="bytes of one listing, and of what stands beside the file's lists"
    )
    max_depth: int = Field(
        ge=8,
        le=150,
        description="levels of nesting of a listing; 150 is what every later reader of the JSON bears",
    )
    max_listings: int = Field(ge=1, description="listings a file")
    max_keys: int = Field(
        ge=30, description="keys and list entries of one listing, unknown and nested ones included"
    )
    max_dates: int = Field(ge=1, description="occurrences of one listing")
    max_text: int = Field(ge=100, description="characters of one text field; longer text refuses the listing")
    earliest_year: int = Field(ge=1, le=9999, description="an event before it is refused")
    latest_year: int = Field(ge=1, le=9999, description="an event after it is refused")
    max_days: int = Field(ge=1, description="days from the first to the last day of one occurrence")


class Blocking(Section):
    """Which pairs are worth scoring."""

    max_block_size: int = Field(ge=2, description="source events; a larger block is reported, not paired")
    geo_cell_km: float = Field(gt=0, le=100, description="km; places nearer than this share a cell")
    max_days_keyed: int = Field(
        ge=1, description="days; of a longer range the first, the last and the weeks between are keyed"
    )
    rare_tokens: int = Field(ge=0, le=10, description="rarest words of a title that become keys")
    rare_token_floor: int = Field(
        ge=1, description="titles; a word in no more of them is a key in any corpus"
    )
    max_token_share: Share = Field(description="share of all titles above which a word is no key")


class Background(Section):
    """What a typical corpus looks like, mixed into the counts of the real one: it matters while that is small."""

    listings: int = Field(ge=1, description="listings; how many real ones the background weighs as much as")
    common_share: Share = Field(description="share of titles with a given word that the lexicon knows")
    other_share: Share = Field(description="share of titles with a given other word")
    day_share: Share = Field(description="share of listings that begin on a given day")
    city_share: Share = Field(description="share of listings in a given town")
    venue_share: Share = Field(description="share of a town's listings in a given venue")
    start_share: Share = Field(description="share of listings that start at a given minute of the day")


def _ascending(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if any(left[0] >= right[0] for left, right in pairwise(points)):
        raise ValueError("the first numbers of a curve must ascend")
    return points


Curve = Annotated[tuple[tuple[float, float], ...], Field(min_length=2), AfterValidator(_ascending)]
"""Points (x, bits), x ascending: between them the weight is interpolated, outside the nearest point holds."""


class TitleWeights(Section):
    """Words shared add, words that both sides have and do not share subtract, each by its rarity."""

    shared: float = Field(ge=0, le=2, description="bits a bit of information in the shared words")
    shared_cap: Bits = Field(description="bits; the most that shared words may add")
    equal: Bits = Field(description="bits on top if no word is left over on either side")
    disagree: float = Field(
        ge=0, le=2, description="bits a bit of information in the smaller of the two rests"
    )
    rest: float = Field(ge=0, le=2, description="bits a bit in what the longer title says more")
    disagree_cap: Bits = Field(description="bits; the most that differing words may take away")
    near: Share = Field(
        description="similarity of two rests from which they begin to count as misspelt, not different"
    )
    initials: Bits = Field(description="bits for a word that is made of the other title's initials")
    edition: Bits = Field(description="bits for two different numbers of an edition")


class PlaceWeights(Section):
    """Town, coordinates, venue and address."""

    city_differs: Bits = Field(description="bits for two different towns")
    city_similar: Bits = Field(description="bits lost if two towns are one but for a misspelling")
    online: Bits = Field(description="bits for online against a town")
    district_differs: Bits = Field(description="bits for two different districts of a town")
    misspelt: Share = Field(
        description="similarity of two names of towns from which they count as one misspelt"
    )
    distance_km: Curve = Field(description="km -> bits, at full confidence of both sides")
    equal_km: float = Field(
        ge=0, description="km; places as near as this are equal whatever their confidence"
    )
    spot_km: float = Field(
        ge=0, description="km; sure coordinates as near as this are one venue, whatever it is called"
    )
    venue: Curve = Field(description="similarity of the names of venues in [0, 1] -> share of the bits below")
    venue_cap: Bits = Field(description="bits; the most that a rare venue may add")
    alias_occasions: int = Field(
        ge=2,
        description="events that two sources put at two names of venues, in a town or in as many towns, from which these are one house's",
    )
    venue_in_title: float = Field(
        ge=0,
        le=1,
        description="share of its information that a venue counts which only the other's title names",
    )
    venue_differs: Bits = Field(description="bits for two clearly different venues")
    street: Bits = Field(description="bits for the same street")
    street_no: Bits = Field(description="bits on top for the same number")
    street_differs: Bits = Field(description="bits for different streets")
    cap: Bits = Field(description="bits; the most that venue, street and coordinates may add together")


class EvidenceWeights(Section):
    """How much each comparison may say."""

    density_floor: float = Field(gt=0, description="events; how many one expects at least in a town on a day")
    run_density_floor: float = Field(
        gt=0,
        description="events; how many one expects at least in a town that last from one same day to another",
    )
    title: TitleWeights
    place: PlaceWeights
    date_overlap: Curve = Field(
        description="share of common days in [0, 1] -> bits on top of the day's rarity"
    )
    date_differs: Curve = Field(description="days between -> bits, where no day is common")
    time_apart: Curve = Field(description="minutes between starts -> bits")
    same_start_cap: Bits = Field(description="bits; the most that an equal rare start may add")
    description: Curve = Field(description="cosine similarity in [0, 1] -> bits")
    description_copies: int = Field(
        ge=2, description="different titles with the same text from which it is a template"
    )
    categories_shared: Bits = Field(description="bits for a category in common")
    categories_differ: Bits = Field(description="bits if both have categories and none in common")
    same_source: Bits = Field(
        description="bits for two listings of one source that are not the same to the letter"
    )


class Vetoes(Section):
    """What no sum of evidence may overrule."""

    title_differs: Bits = Field(description="bits; a title at or below it can't become a match")
    two_names: Bits = Field(
        description="bits; if each title has that much that the other lacks, it can't become a match"
    )
    headline_review: bool = Field(
        description="whether a journalist's headline that differs may still go to review"
    )
    side_by_side_minutes: int = Field(
        ge=1, description="minutes; one source listing starts this far apart means two events"
    )
    two_shows_minutes: float = Field(
        gt=0,
        description="minutes between starts from which they are two shows, where a source lists several; an hour may be that of the doors",
    )
    hours_apart_minutes: float = Field(
        gt=0, description="minutes between starts from which a pair is never joined without a person"
    )
    rare_word: Bits = Field(
        description="bits; a word from this on may name an event, more common ones name only its kind"
    )
    rest: Bits = Field(
        description="bits that two titles of one source must have alone each to mean two events"
    )
    venue_differs: Bits = Field(
        description="bits of the venue at or below which two listings are in two places of a town"
    )
    rival: float = Field(
        ge=0,
        description="bits by which the better of two listings that are not one event outdoes the other for a third",
    )
    near_km: float = Field(ge=0, description="km; two towns' listings nearer than this may be one event")
    far_km: float = Field(gt=0, description="km; confident places this far apart can't be one event")
    moved_days: int = Field(
        ge=0, description="days; no common day and further apart than this can't be one event"
    )


class Thresholds(Section):
    """Where a weight becomes a decision."""

    match: Bits = Field(description="bits; at or above it two listings are one event")
    ambiguous: Bits = Field(description="bits; from here to `match` a person should look")
    floor: Bits = Field(description="bits; pairs below it are counted, not kept")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.floor <= self.ambiguous <= self.match:
            raise ValueError("floor <= ambiguous <= match must hold")
        return self


class Clustering(Section):
    """When a cluster is cut or flagged."""

    max_size: int = Field(ge=2, description="source events; a larger cluster is flagged `too_large`")
    refuse_below: Bits = Field(description="bits; a pair at or below it is refused: no chain may join it")
    min_coherence: Share = Field(
        description="share of a cluster's scored inner pairs that must be matches, else it is flagged `incoherent`"
    )
    max_completed_size: int = Field(
        ge=3,
        description="source events; in a component up to this size the pairs that no block gave are scored too",
    )


class FieldStrategies(Section):
    """Which strategy chooses each field; the place and the dates have one of their own, each as a whole."""

    title: Literal["best_title", "longest", "most_frequent", "highest_confidence"] = Field(
        description="the name that readers see; `best_title` prefers one without a status or a support act, of the best kind of source, most given, not shouted"
    )
    short_description: TextStrategy = Field(
        description="the text of a sentence or two; `longest` prefers one that is no template, then the one with most characters"
    )
    description: TextStrategy = Field(description="the long text; as `short_description`")
    highlights: Literal["union"] = Field(
        description="a list of what to look forward to; `union` joins those of all listings, what most say first"
    )
    categories: Literal["union"] = Field(
        description="a list of what kind of event it is; `union` joins those of all listings, what most say first"
    )
    is_family_event: FlagStrategy = Field(
        description="whether families are meant; `any_true` believes a listing that affirms, as the others often don't say"
    )
    is_child_focused: FlagStrategy = Field(
        description="whether children are meant first; `majority` takes what most listings say, and of as many the more trusted source"
    )
    admission_free: FlagStrategy = Field(
        description="whether it costs nothing; `majority` takes what most listings say, and of as many the more trusted source"
    )
    registration_required: FlagStrategy = Field(
        description="whether one has to register; `any_true` believes a listing that affirms: better asked for nothing than sent away"
    )
    registration_contact: TextStrategy = Field(
        description="whom to ask; `most_frequent` takes what most listings say"
    )
    source_type: TextStrategy = Field(
        description="the kind of text that the listings are, such as `terminliste`; `most_frequent` takes what most of them are"
    )
    confidence_score: Literal["highest_confidence", "most_frequent"] = Field(
        description="how sure the upstream is of a listing; `highest_confidence` takes that of the surest"
    )


class Synthesis(Section):
    """How a canonical event's fields are chosen from its source events."""

    fields: FieldStrategies = Field(description="strategy a field")
    source_types: Mapping[str, float] = Field(
        description="source_type -> preference of its title, higher is better; others count 0"
    )
    sources: Mapping[str, float] = Field(
        description="source_code -> preference where a strategy leaves a tie, higher is better; others count 0"
    )
    sure_place: Share = Field(
        description="confidence of the upstream's normalised place from which it is shown instead of the raw one"
    )
    sure_geo: Share = Field(description="confidence of coordinates from which they mark a place of their own")
    apart_km: float = Field(
        gt=0, description="km; sure coordinates further apart belong to two places, which are never mixed"
    )
    template_titles: int = Field(
        ge=2,
        description="titles; a text under as many, of as many canonical events, gives way to any other text",
    )


class Policy(Section):
    """The whole document."""

    version: str = Field(
        min_length=1,
        pattern=r"^[^\x00]+$",
        description="a name for this state of the policy, shown in every result",
    )
    intake: Intake
    blocking: Blocking
    background: Background
    evidence: EvidenceWeights
    title_by_category: Mapping[str, Annotated[float, Field(ge=0, le=3)]] = Field(
        description="category -> factor on what differing titles take away: carnival's vary, councils' do not"
    )
    title_by_source_type: Mapping[str, Annotated[float, Field(ge=0, le=3)]] = Field(
        description="source_type -> the same factor, if either side is of it: a headline is no name"
    )
    vetoes: Vetoes
    thresholds: Thresholds
    clustering: Clustering
    synthesis: Synthesis

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the policy's content, hex: layout, order and comments of the file don't matter."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @field_validator("title_by_category", mode="after")
    @classmethod
    def _lowered(cls, factors: Mapping[str, float]) -> Mapping[str, float]:
        """Lower the names of categories, as those of listings are."""
        return {name.lower(): factor for name, factor in factors.items()}


def parse_policy(text: str, *, name: str = "policy") -> Policy:
    """Read a policy from YAML.

    Raises:
        InvalidPolicy: not YAML, or a rule broken; the message names each path, e.g. ``blocking.geo_cell_km``.
    """
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidPolicy(f"{name}: not YAML: {error}") from error
    except RecursionError as error:
        raise InvalidPolicy(f"{name}: nested too deeply") from error
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        lines = [f"{name}: {'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise InvalidPolicy("\n".join(lines)) from error


@cache
def default_policy() -> Policy:
    """Return the policy that the package ships; read once, as it is frozen."""
    return parse_policy(
        resources.files("dedup_core").joinpath("matching.yaml").read_text(encoding="utf-8"),
        name="matching.yaml",
    )
