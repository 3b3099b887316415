"""The project's own hard cases, read once."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from dedup_core.hard_cases import Case, Identity, Suite
from handlers.evaluate import suite_in

FOLDER: Final = Path(__file__).parent


@cache
def suite() -> Suite:
    """Return the whole suite."""
    return suite_in(FOLDER)


@cache
def strangers() -> Suite:
    """Return the cases of an editor who knew the catalogue and had seen neither the matcher nor the other cases."""
    return suite_in(FOLDER / "strangers")


def hard_cases() -> tuple[Case, ...]:
    """Return all hard cases in the order of the catalogue."""
    return suite().cases


def identity(case: Case, key: str) -> Identity:
    """Return (source_code, id), by which the listing is known."""
    return suite().identity(case, key)


def input_files(cases: Iterable[Case]) -> dict[str, bytes]:
    """Return the cases' listings as the files that would be dropped, content by file name."""
    return suite().input_files(cases)
