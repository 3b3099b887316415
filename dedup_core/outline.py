"""The outline of a JSON file: where its lists and their entries begin and end, found without parsing it.

Parsing a hostile file whole can take thirty times its size in memory, or more levels of recursion than there is
stack. The outline looks only at quotes, brackets and commas, in columns and chunk by chunk, so that afterwards each
listing can be measured, parsed and refused alone.

It does not check the grammar. What is not JSON gets a wrong outline, but never a silent one: every byte lies either in
an entry or beside the lists, and `dedup_core.parsing` parses or refuses each of these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dedup_core.errors import UnreadableFile

Text = bytes | bytearray | memoryview
Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

CHUNK: Final = 1 << 18
"""Bytes looked at together. Measured: 64 KiB to 1 MiB are equally fast; the worst chunk takes 50 times its size."""

QUOTE, COMMA, OPEN, CLOSE = range(1, 5)
_CODES: Final = bytes(
    {'"': QUOTE, ",": COMMA, "[": OPEN, "{": OPEN, "]": CLOSE, "}": CLOSE}.get(chr(byte), 0)
    for byte in range(256)
)
_STEPS: Final = np.array([0, 0, 0, 1, -1], dtype=np.int64)

ENTRY_LEVEL: Final = 2
"""Levels that are open between two listings: the file's object and the list in it."""


@dataclass(frozen=True, slots=True)
class Entries:
    """One list (or object) at the file's top level.

    cuts: (n + 1,) positions of the opening bracket, the commas between the entries, and the closing bracket.
    """

    cuts: Integers

    @property
    def begin(self) -> int:
        """Give the byte after the opening bracket."""
        return int(self.cuts[0]) + 1

    @property
    def end(self) -> int:
        """Give the byte of the closing bracket."""
        return int(self.cuts[-1])

    def __len__(self) -> int:
        return len(self.cuts) - 1

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Give the bytes from which and up to which each entry goes, without the commas."""
        return zip((self.cuts[:-1] + 1).tolist(), self.cuts[1:].tolist(), strict=True)


def outline(text: Text, *, max_entries: int) -> list[Entries]:
    """Find the entries of every list and object at the top level, in the file's order.

    Raises:
        UnreadableFile: cut off in the middle, brackets that do not match, or more than ``max_entries``.
    """
    positions, codes, level = [np.empty(0, np.int64)], [np.empty(0, np.uint8)], 0
    found = 0
    for where, kinds, levels in _marks(memoryview(text)):
        here = levels == ENTRY_LEVEL
        positions.append(where[here])
        codes.append(kinds[here])
        found += len(positions[-1])
        if found > max_entries:
            raise UnreadableFile(
                f"has more than {max_entries:,} entries in its lists; split it into smaller files"
            )
        level = int(levels[-1]) - int(kinds[-1] == CLOSE)
    if level != 0:
        raise UnreadableFile("is cut off or not JSON: brackets are left open" if level > 0 else _UNMATCHED)
    return _grouped(np.concatenate(positions), np.concatenate(codes))


_UNMATCHED: Final = "is not JSON: more brackets are closed than opened"


def _grouped(positions: Integers, codes: Codes) -> list[Entries]:
    """Cut the marks into groups, each from an opening to a closing bracket: at one level they always alternate."""
    begins, ends = np.flatnonzero(codes == OPEN), np.flatnonzero(codes == CLOSE)
    if len(begins) != len(ends) or (begins > ends).any():
        raise UnreadableFile(_UNMATCHED)
    return [Entries(positions[begin : end + 1]) for begin, end in zip(begins, ends, strict=True)]


def measure(text: Text) -> tuple[int, int]:
    """Count the levels of nesting, and the entries: keys and members of lists, nested ones included.

    An empty list or object counts as one entry too many.
    """
    depth = entries = 0
    for _, kinds, levels in _marks(memoryview(text)):
        depth = max(depth, int(levels.max()))
        entries += int(np.count_nonzero(kinds != CLOSE))
    return depth, entries


def _marks(text: memoryview) -> Iterator[tuple[Integers, Codes, Integers]]:
    """Give the commas and brackets outside of strings, chunk by chunk: position, code, and level.

    The level of a bracket is the one that it opens or closes, the level of a comma the one in which it stands.
    """
    level, in_string = 0, False
    for begin, chunk in _chunks(text):
        codes = np.frombuffer(chunk.translate(_CODES), np.uint8)
        where = np.flatnonzero(codes != 0)
        kinds = codes[where]
        quotes = kinds == QUOTE
        inside = np.logical_xor.accumulate(quotes) ^ in_string
        in_string = bool(inside[-1]) if len(inside) else in_string
        outside = ~(inside | quotes)
        where, kinds = where[outside] + begin, kinds[outside]
        if len(kinds):
            levels = level + np.cumsum(_STEPS[kinds])
            level = int(levels[-1])
            yield where, kinds, levels + (kinds == CLOSE)
    if in_string:
        raise UnreadableFile("is cut off or not JSON: a text's closing quote is missing")


def _chunks(text: memoryview) -> Iterator[tuple[int, bytes]]:
    """Cut the text into chunks with escaped quotes blotted out; never between a backslash and what it escapes."""
    begin = 0
    while begin < len(text):
        chunk = bytes(text[begin : begin + CHUNK])
        if (len(chunk) - len(chunk.rstrip(b"\\"))) % 2:
            chunk += bytes(text[begin + CHUNK : begin + CHUNK + 1])
        yield begin, chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in chunk else chunk
        begin += len(chunk)
