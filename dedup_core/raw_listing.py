r"""A listing as it came: one JSON text, read and written again so that every later reader takes it.

Parsers differ on what they let through. What any of them or the database would choke on (``\u0000``, half a
surrogate pair, NaN, 1e999, too many levels or keys) is found here, named by its path, and refused; the text that is
kept of a refused listing has it written out in plain characters.

The canonical text has no spaces and sorted keys, so equal listings have equal texts. Of a key that stands twice the
last one holds, as everywhere. Whole numbers keep all their digits; other numbers are kept as 64-bit floats.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import orjson

from dedup_core.errors import UnreadableFile
from dedup_core.outline import measure
from dedup_core.policy import Intake

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

SHOWN: Final = 60
"""Characters of a found value that a message shows."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_ENTRY_BYTES: Final = len("1,")
"""The least that an entry takes: shorter texts need no counting."""
_LONG_NUMBER: Final = b"0" * 19
"""From 19 digits on a whole number may not fit 64 bits, and orjson would round it."""
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_MOST_DIGITS: Final = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a listing: the path of the field (null: the listing itself) and the reason, for a person."""

    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A listing that was read and can't be accepted; ``text`` is storable JSON (UTF-8), null if the listing is too large."""

    fault: Fault
    listing_id: str | None = None
    text: bytes | None = None


def read_listing(given: bytes | memoryview, *, intake: Intake) -> bytes | Refused:
    """Read one listing and give its canonical text (UTF-8), or the reason why it is refused.

    Raises:
        UnreadableFile: the piece is not UTF-8 or not JSON.
    """
    if fault := _oversize(given, intake=intake):
        return Refused(fault)
    piece = bytes(given)
    try:
        value = orjson.loads(piece)
    except orjson.JSONDecodeError as error:
        value = _read_leniently(piece, error)
        return _refused(value, first_fault(value) or Fault(None, f"is not JSON: {error.msg}"))
    if b"\\u0000" in piece and (fault := first_fault(value)):
        return _refused(value, fault)
    if _LONG_NUMBER in piece.translate(_DIGITS):
        return _dumped(json.loads(piece))
    # Copied, because orjson's own bytes keep their grown buffer's pages: measured 8 KiB and 4 us each for 1 KiB of text.
    return bytes(memoryview(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))


def _oversize(given: bytes | memoryview, *, intake: Intake) -> Fault | None:
    """Tell whether a listing is too large in any way; before it is parsed, so that it can do no harm."""
    if len(given) > intake.max_listing_bytes:
        return Fault(None, f"is {len(given):,} bytes long, expected at most {intake.max_listing_bytes:,}")
    piece = bytes(given)
    few_brackets = piece.count(b"[") + piece.count(b"{") <= intake.max_depth
    if few_brackets and len(piece) <= _ENTRY_BYTES * intake.max_keys:
        return None
    depth, entries = measure(piece)
    if depth > intake.max_depth:
        return Fault(None, f"is nested {depth:,} levels deep, expected at most {intake.max_depth:,}")
    if entries > intake.max_keys:
        return Fault(None, f"has {entries:,} keys and list entries, expected at most {intake.max_keys:,}")
    return None


def read_json(text: bytes | str) -> Json:
    """Read any JSON, with what `read_listing` would refuse.

    Raises:
        UnreadableFile: the text is not UTF-8 or not JSON.
    """
    try:
        return cast(Json, orjson.loads(text))
    except orjson.JSONDecodeError as error:
        return _read_leniently(text.encode() if isinstance(text, str) else text, error)


def _read_leniently(piece: bytes, error: orjson.JSONDecodeError) -> Json:
    """Read JSON with what orjson refuses but a person can be told about: NaN, Infinity, 1e999, lone surrogates.

    Raises:
        UnreadableFile: the piece is not UTF-8 or not JSON.
    """
    try:
        return cast(Json, json.loads(piece.decode(), parse_int=_bounded_integer))
    except UnicodeDecodeError as cause:
        raise UnreadableFile(f"is not UTF-8: byte 0x{piece[cause.start]:02x}, {cause.reason}") from cause
    except json.JSONDecodeError as cause:
        around = piece.decode()[cause.pos : cause.pos + SHOWN]
        raise UnreadableFile(f"is not JSON: {error.msg}, at {shown(around)}") from cause


def _bounded_integer(digits: str) -> int | float:
    """Read a whole number; one with so many digits that reading it would take long is as good as infinite."""
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def first_fault(value: Json) -> Fault | None:
    """Find the first text, key or number that no database keeps."""
    return next(_faults(value, ()), None)


def _faults(value: Json, path: tuple[str, ...]) -> Iterator[Fault]:
    """Walk a listing; the depth was measured before, so recursion is bounded."""
    if isinstance(value, str) and (found := _UNSTORABLE.search(value)):
        yield Fault(_joined(path), f"found {shown(value)} with {_named(found[0])}, which can't be stored")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(
            _joined(path), f"found {shown(value)}, expected a finite number of at most {_MOST_DIGITS} digits"
        )
    elif isinstance(value, dict):
        for key, inner in value.items():
            here = (*path, key)
            if found := _UNSTORABLE.search(key):
                yield Fault(_joined(here), f"found a key with {_named(found[0])}, which can't be stored")
            yield from _faults(inner, here)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _faults(inner, (*path, str(number)))


def _named(character: str) -> str:
    name = "the character U+0000" if character == "\x00" else "half of a surrogate pair"
    return f"{name} ({_scrubbed_text(character)})"


def _joined(path: tuple[str, ...]) -> str | None:
    parts = (part if part.isidentifier() and len(part) < SHOWN else shown(part)[1:-1] for part in path)
    return ".".join(parts) or None


def _refused(value: Json, fault: Fault) -> Refused:
    return Refused(fault, listing_id_of(value), _dumped(_scrubbed(value)))


def listing_id_of(value: Json) -> str | None:
    """Give a refused listing's id as far as it has one, storable and not longer than a message shows."""
    listing_id = value.get("id") if isinstance(value, dict) else None
    if isinstance(listing_id, str):
        return _scrubbed_text(listing_id[:SHOWN])
    return str(listing_id) if type(listing_id) is int else None


def _scrubbed(value: Json) -> Json:
    """Write out in plain characters what can't be stored."""
    if isinstance(value, str):
        return _scrubbed_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, dict):
        return {_scrubbed_text(key): _scrubbed(inner) for key, inner in value.items()}
    return [_scrubbed(inner) for inner in value] if isinstance(value, list) else value


def _scrubbed_text(text: str) -> str:
    return text.replace("\x00", "\\u0000").encode(errors="backslashreplace").decode()


def _dumped(value: Json) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def shown(value: Json) -> str:
    """Show a found value to a person: one short line, with all that is invisible or dangerous escaped."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if isinstance(value, str):
        return repr(value) if len(value) <= SHOWN else f"{value[:SHOWN]!r}…"
    return json.dumps(value)[:SHOWN]
