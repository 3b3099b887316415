"""The lexicon: what the matcher knows of language and places, as YAML files beside this one.

Entries are written naturally and folded here by the matcher's own folding, so that what a listing writes is what is
looked up. A word that is missing costs a match that the letters may still find; a word too many joins events that are
different, which no later stage can see. So when in doubt, a word stays out.

Everything is read once a process and never changes. Every function raises `InvalidLexicon`, which names file and path.
"""

from dedup_core.lexicon.geography import (
    ONLINE,
    District,
    countries,
    country_words,
    district_names,
    districts,
    landscapes,
    place_aliases,
    places,
    regions,
)
from dedup_core.lexicon.reading import FILES, fingerprint, parse, read
from dedup_core.lexicon.titles import (
    captures,
    hosts,
    kinds,
    markers,
    months,
    organiser_prefixes,
    sentences,
    supports,
    umbrellas,
    works,
)
from dedup_core.lexicon.words import (
    Things,
    affairs,
    alike_venue_words,
    alternatives,
    area_names,
    church_words,
    clubs,
    compound_parts,
    generic_venue_words,
    genre_words,
    patrons,
    single_venue_words,
    stopwords,
    synonym_words,
    synonyms,
    unknown_venues,
    venue_epithets,
    whole_words,
)

__all__ = [
    "FILES",
    "ONLINE",
    "District",
    "Things",
    "affairs",
    "alike_venue_words",
    "alternatives",
    "area_names",
    "captures",
    "church_words",
    "clubs",
    "compound_parts",
    "countries",
    "country_words",
    "district_names",
    "districts",
    "fingerprint",
    "generic_venue_words",
    "genre_words",
    "hosts",
    "kinds",
    "landscapes",
    "markers",
    "months",
    "organiser_prefixes",
    "parse",
    "patrons",
    "place_aliases",
    "places",
    "read",
    "regions",
    "sentences",
    "single_venue_words",
    "stopwords",
    "supports",
    "synonym_words",
    "synonyms",
    "umbrellas",
    "unknown_venues",
    "venue_epithets",
    "whole_words",
    "works",
]
