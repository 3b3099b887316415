"""What titles say beside the name of an event: organisers, markers, numbers, kinds, and what the rules look for; as patterns for lowered text.

A pattern that finds too much takes a name out of a title or a status out of the air; each stands with examples and
counter-examples, which the tests run in the engine that uses them.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from dedup_core.folding import fold_all
from dedup_core.lexicon.entries import Capture, Kind, Kinds, Marker, Markers, Organisers, Rules, Sentence
from dedup_core.lexicon.reading import read


@cache
def _markers() -> Markers:
    return read("markers.yaml", Markers)


@cache
def organiser_prefixes() -> tuple[str, ...]:
    """Return the patterns of what organisers put before a title, to be cut from lowered text, in this order."""
    return tuple(prefix.pattern for prefix in read("organisers.yaml", Organisers).prefixes)


@cache
def hosts() -> Marker:
    """Return the patterns that tell who invites from other text before the colon of a lowered title."""
    return read("organisers.yaml", Organisers).hosts


@cache
def umbrellas() -> Marker:
    """Return the patterns that tell festivals from other text in brackets at the end of a lowered title."""
    return read("organisers.yaml", Organisers).umbrellas


@cache
def supports() -> Marker:
    """Return the patterns that tell who plays before from other text that is added to a lowered title."""
    return read("organisers.yaml", Organisers).supports


@cache
def works() -> Marker:
    """Return the patterns that tell what is played from other text at the end of a lowered title."""
    return read("organisers.yaml", Organisers).works


@cache
def markers() -> Mapping[str, Marker]:
    """Return name of a marker (``cancelled`` …) -> its patterns for lowered titles."""
    return MappingProxyType(dict(_markers().markers))


@cache
def sentences() -> Mapping[str, Sentence]:
    """Return name of a marker -> patterns for the lowered sentences of a description that say it."""
    return MappingProxyType(dict(_markers().sentences))


@cache
def captures() -> Mapping[str, Capture]:
    """Return name (``previous_date``, ``edition``, ``year``, ``support`` …) -> patterns with named groups for lowered titles."""
    return MappingProxyType(dict(_markers().captures))


@cache
def months() -> Mapping[str, int]:
    """Return month as a capture holds it, lowered and folded alike -> its number."""
    names = _markers().months
    return MappingProxyType(
        {name.lower(): number for name, number in names.items()}
        | dict(zip(fold_all(list(names)), names.values(), strict=True))
    )


@cache
def kinds() -> Mapping[str, Kind]:
    """Return name of a kind -> its patterns for lowered titles; of several that fit, the first in order holds."""
    return MappingProxyType(dict(read("kinds.yaml", Kinds).kinds))


@cache
def rules() -> Rules:
    """Return the patterns that rules look for: in titles as written, but lowered, and in folded names of venues."""
    return read("rules.yaml", Rules)
