"""Reading the lexicon's files: each once a process.

What is wrong with an entry is said with file and path (`InvalidLexicon`); a lexicon in parts is never used. What takes long to check
is checked by the tests, as the files come with the program: a start would take a tenth of a second more.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, TypeVar

import yaml
from pydantic import ValidationError

from dedup_core.errors import InvalidLexicon
from dedup_core.lexicon.entries import (
    CHECKED,
    Alternatives,
    Compounds,
    Countries,
    Districts,
    Entry,
    Kinds,
    Markers,
    Organisers,
    Places,
    Rules,
    Stopwords,
    Synonyms,
    Venues,
)

FILES: Final[Mapping[str, type[Entry]]] = {
    "synonyms.yaml": Synonyms,
    "compounds.yaml": Compounds,
    "places.yaml": Places,
    "districts.yaml": Districts,
    "countries.yaml": Countries,
    "organisers.yaml": Organisers,
    "markers.yaml": Markers,
    "kinds.yaml": Kinds,
    "stopwords.yaml": Stopwords,
    "venues.yaml": Venues,
    "alternatives.yaml": Alternatives,
    "rules.yaml": Rules,
}

PLAIN: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Reads every value as text, which the entries' types turn into numbers: Norway's `NO` is no truth value here, and half the time is saved."""

E = TypeVar("E", bound=Entry)


def parse(text: str, model: type[E], *, name: str, checked: bool = False) -> E:
    """Read one file of the lexicon. checked: its patterns compile and its names are unlike, as the tests saw; that takes long.

    Raises:
        InvalidLexicon: not YAML, or a rule broken; the message names the file and each path, e.g. ``groups.3.words``.
    """
    try:
        document: Any = yaml.load(text, Loader=PLAIN)  # noqa: S506 - makes nothing but texts, lists and mappings
        return model.model_validate(document, context=CHECKED if checked else None)
    except yaml.YAMLError as error:
        raise InvalidLexicon(f"{name}: not YAML: {error}") from error
    except ValidationError as error:
        lines = [f"{name}: {'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise InvalidLexicon("\n".join(lines)) from error


def _text(name: str) -> str:
    return resources.files("dedup_core.lexicon").joinpath(name).read_text(encoding="utf-8")


def read(name: str, model: type[E]) -> E:
    """Read one of the files beside this one."""
    return parse(_text(name), model, name=name, checked=True)


@cache
def fingerprint() -> str:
    """Return the SHA-256 of all files, hex: listings normalised with another lexicon can't be compared."""
    return hashlib.sha256("\0".join(f"{name}\0{_text(name)}" for name in FILES).encode()).hexdigest()
