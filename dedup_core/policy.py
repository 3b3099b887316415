"""The policy: weights, thresholds and limits, as one validated, versioned document (``matching.yaml``).

Only the policy changes answers. Its hash stands in every result, so that two results can be compared honestly.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dedup_core.errors import InvalidPolicy

Share = Annotated[float, Field(ge=0, le=1)]
Bits = Annotated[float, Field(ge=-60, le=60)]
Strategy = Literal[
    "best_title", "longest", "most_frequent", "union", "any_true", "majority", "highest_confidence"
]


class Section(BaseModel):
    """A part of the policy: unknown fields are errors, values can't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Intake(Section):
    """What a file and a listing may be, before anything is stored."""

    max_file_bytes: int = Field(ge=1_000, description="bytes; a larger file, also once inflated, is refused")
    max_depth: int = Field(ge=4, le=900, description="levels of nesting of the JSON")
    max_listings: int = Field(ge=1, description="listings a file")
    max_keys: int = Field(ge=30, description="keys of one listing, unknown and nested ones included")
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
    max_token_share: Share = Field(description="share of all titles above which a word is no key")


class Clustering(Section):
    """When a cluster is cut or flagged."""

    max_size: int = Field(ge=2, description="source events; a larger cluster is flagged `too_large`")
    refuse_below: Bits = Field(description="bits; a pair at or below it is refused: no chain may join it")
    min_coherence: Share = Field(
        description="share of a cluster's scored inner pairs that must be matches, else it is flagged `incoherent`"
    )
    max_completed_size: int = Field(
        ge=3, description="source events; in a component up to this size the pairs that no block gave are scored too"
    )


class Synthesis(Section):
    """How a canonical event's fields are chosen from its source events."""

    fields: Mapping[str, Strategy] = Field(description="strategy a field")
    source_types: Mapping[str, float] = Field(
        description="source_type -> preference of its title, higher is better; others count 0"
    )
    sources: Mapping[str, float] = Field(
        description="source_code -> preference where a strategy leaves a tie, higher is better; others count 0"
    )


class Policy(Section):
    """The whole document."""

    version: str = Field(min_length=1, description="a name for this state of the policy, shown in every result")
    intake: Intake
    blocking: Blocking
    clustering: Clustering
    synthesis: Synthesis

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the policy's content, hex: layout and comments of the file don't matter."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def parse_policy(text: str, *, name: str = "policy") -> Policy:
    """Read a policy from YAML.

    Raises:
        InvalidPolicy: not YAML, or a rule broken; the message names each path, e.g. ``blocking.geo_cell_km``.
    """
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidPolicy(f"{name}: not YAML: {error}") from error
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        lines = [f"{name}: {'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise InvalidPolicy("\n".join(lines)) from error


def default_policy() -> Policy:
    """Return the policy that the package ships."""
    return parse_policy(
        resources.files("dedup_core").joinpath("matching.yaml").read_text(encoding="utf-8"), name="matching.yaml"
    )
