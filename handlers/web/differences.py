"""Differences: two texts side by side, word by word. What differs only in its spaces or in its punctuation is the same."""

import re
from itertools import groupby
from typing import Final, NamedTuple

from rapidfuzz.distance import Indel

MOST_WORDS: Final = 2000
"""Of a text that is compared; what follows is shown unmarked, as the time grows with both lengths multiplied."""

WORDS: Final = re.compile(r"\w+|[^\w\s]+|\s+")


class Piece(NamedTuple):
    """A run of a text. differs: the other text has not these words here."""

    text: str
    differs: bool


def marked(text: str, against: str) -> list[Piece]:
    """Part a text into what another one has, in the same order, and what it has not."""
    words, others = WORDS.findall(text), WORDS.findall(against)
    head, rest = words[:MOST_WORDS], words[MOST_WORDS:]
    folded, other = [_plain(word) for word in head], [_plain(word) for word in others[:MOST_WORDS]]
    pieces = [
        Piece("".join(head[step.dest_start : step.dest_end]), step.tag == "insert")
        for step in Indel.opcodes(other, folded)
        if step.tag != "delete"
    ]
    pieces += [Piece("".join(rest), differs=False)] if rest else []
    return _joined(pieces)


def _plain(word: str) -> str:
    return " " if word.isspace() else word.casefold()


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Take what stands between two marked words into the mark, and spaces and punctuation at its edges out of it: a mark is of words."""
    runs = [
        Piece("".join(piece.text for piece in run), differs)
        for differs, run in groupby(_with_spaces(pieces), key=lambda piece: piece.differs)
    ]
    parted = [part for run in runs for part in (_of_words(run.text) if run.differs else (run,))]
    return [
        Piece("".join(piece.text for piece in run), differs)
        for differs, run in groupby(parted, key=lambda piece: piece.differs)
    ]


def _with_spaces(pieces: list[Piece]) -> list[Piece]:
    """Mark what has no word as what stands before it."""
    kept: list[Piece] = []
    for piece in pieces:
        wordless = re.search(r"\w", piece.text) is None
        kept.append(Piece(piece.text, kept[-1].differs if kept and wordless else piece.differs))
    return kept


def _of_words(text: str) -> list[Piece]:
    """Part a marked run into its words, from the first to the last, and what stands at its edges."""
    words = list(re.finditer(r"\w+", text))
    if not words:
        return [Piece(text, differs=False)]
    first, last = words[0].start(), words[-1].end()
    parts = (
        Piece(text[:first], differs=False),
        Piece(text[first:last], differs=True),
        Piece(text[last:], differs=False),
    )
    return [part for part in parts if part.text]
