"""Differences: two texts side by side, word by word. What differs only in its spaces is the same."""

import re
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
    """Take spaces between two marked words into the mark, and those at its edges out of it: a mark is of words."""
    joined: list[Piece] = []
    for piece in pieces:
        blank = not piece.text.strip()
        if joined and (joined[-1].differs == piece.differs or blank):
            joined[-1] = Piece(joined[-1].text + piece.text, joined[-1].differs)
        else:
            joined.append(Piece(piece.text, piece.differs and not blank))
    return joined
