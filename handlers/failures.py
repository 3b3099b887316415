"""Failures: what a log line says of an error. Its kind and where it arose, never its message, but for that of wrong settings.

A database quotes the row that it refuses, a parser the text that it stumbled over: listings don't belong into logs.
The message stands where only operators of the database look: in the record of the run or of the file. Wrong settings name variables and no value.
"""

import traceback
from pathlib import Path
from typing import Final

from infra.errors import WrongSettings
from infra.outages import sqlstate

OURS: Final = tuple(
    str(Path(__file__).parents[1] / package) for package in ("handlers", "infra", "dedup_core")
)
"""Where the calls that are named stand: of libraries' only the innermost one is, which says what failed."""


def described(error: BaseException) -> dict[str, object]:
    """Describe an error for a log line.

    ``error`` and ``caused_by`` are types, ``sqlstate`` is PostgreSQL's code or empty, ``at`` lists calls, innermost last.
    """
    calls = traceback.extract_tb(error.__traceback__)
    named = [call for call in calls[:-1] if call.filename.startswith(OURS)] + calls[-1:]
    return {
        "error": _kind(error),
        "caused_by": None if error.__cause__ is None else _kind(error.__cause__),
        "sqlstate": sqlstate(error),
        "at": [
            f"{call.name} in {'/'.join(Path(call.filename).parts[-3:])}, line {call.lineno}" for call in named
        ],
        **({"reason": str(error)} if isinstance(error, WrongSettings) else {}),
    }


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
