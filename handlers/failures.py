"""Failures: what a log line says of an error. Its kind and where it arose, never its message.

A database quotes the row that it refuses, a parser the text that it stumbled over: listings don't belong into logs.
The message stands where only operators of the database look: in the record of the run or of the file.
"""

import traceback
from typing import Final

FRAMES: Final = 6
"""Innermost calls that are named: enough to see which step failed."""


def described(error: BaseException) -> dict[str, object]:
    """Describe an error for a log line: ``error`` and ``caused_by`` are types, ``at`` lists calls, innermost last."""
    calls = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return {
        "error": _kind(error),
        "caused_by": None if error.__cause__ is None else _kind(error.__cause__),
        "at": [f"{call.name} in {_module(call.filename)}, line {call.lineno}" for call in calls],
    }


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")


def _module(path: str) -> str:
    return "/".join(path.split("/")[-3:])
