"""Portions: as much of a page as one answer may hold; where it ends, its cursor goes on.

A function's answer has six megabytes at most, and is written as JSON within JSON: a quote or the end of a line takes two bytes, a letter
beyond ASCII six. What a page leaves out is never lost, as it says where it ended. A single item that is too large by itself is sent, and
refused at the door.
"""

from collections.abc import Iterable
from typing import Final

import orjson

MOST_BYTES: Final = 5_500_000
"""Of what a page holds, as Lambda counts it: 6 MiB less room for what stands around it."""

MOST_A_CHARACTER: Final = 6
"""Bytes of a character as Lambda counts it; one beyond the basic plane is two of UTF-16, and counts as 12."""


def weight_of(text: str | bytes) -> int:
    """Tell how many bytes a text takes at most, written into JSON as ASCII."""
    if isinstance(text, str):
        text = text.encode()
    escaped = text.translate(None, _PLAIN)
    # Each byte that leads or continues a letter beyond ASCII is counted thrice: of two bytes six, of four twelve.
    beyond = len(escaped.translate(None, _ASCII))
    unnamed = len(escaped) - beyond - sum(map(escaped.count, _NAMED))
    return len(text) + len(escaped) + beyond + 4 * unnamed


_ASCII: Final = bytes(range(128))
_NAMED: Final = b'"\\\b\f\n\r\t'
"""What takes two bytes; any other control character takes six, as its number."""

_PLAIN: Final = bytes(byte for byte in range(32, 127) if byte not in _NAMED)


def portion(texts: Iterable[str | bytes], *, most: int = MOST_BYTES) -> int:
    """Count how many of the first texts fit together; at least one, whatever its size, and none of none."""
    known = list(texts)
    if 2 * MOST_A_CHARACTER * sum(map(len, known)) <= most:
        return len(known)
    room = most
    for number, text in enumerate(known):
        room -= weight_of(text)
        if room < 0 and number:
            return number
    return len(known)


def written(item: object) -> bytes:
    """Write an item as answers do, to be weighed."""
    return orjson.dumps(item, option=orjson.OPT_NON_STR_KEYS)
