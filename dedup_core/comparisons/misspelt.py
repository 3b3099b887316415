"""Misspelt words: what two titles have in common but for a letter, a blank, or what text recognition made of them.

Asked only where titles share letters but not their words. Two names that differ by a letter may be two people; the other
evidence, and the vetoes, have their say.
"""

from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz import fuzz, process

from dedup_core.comparisons.pairs import Mask, Pairs, Rows
from dedup_core.compounds import differ_in_prefix
from dedup_core.policy import TitleWeights
from dedup_core.signatures import shared_part
from dedup_core.subjects import Floats, Ragged, Subjects

ALIKE: Final = 55
"""Similarity in percent of two whole titles below which their rests are not compared …"""

ALIKE_LETTERS: Final = 0.3
"""… nor are titles that share less than this part of their runs of three letters. Of 100,000 generated listings' 2,842 pairs
with a misspelt rest, fewer than one in a hundred share less than 0.44 (measured 2026-11)."""

SHORT: Final = 5
"""Characters; a shorter rest is too short to be a misspelling of another."""

PARTIAL_LOSS: Final = 0.05
"""What similarity to a part of the other rest counts less than similarity to the whole of it."""

READ_AS: Final = {"rn": "m", "vv": "w", "cl": "d", "0": "o", "1": "l", "5": "s"}
"""Letters that text recognition takes for others (a usual few of them, after Holley 2009)."""

Spread: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
"""Words of many pairs, end to end: number of the pair, ascending, and of the word."""


def perhaps_misspelt(pairs: Pairs, unsure: Mask, subjects: Subjects) -> Mask:
    """Find the titles that are alike enough, letter by letter, for their rests to be worth comparing.

    Titles whose rests are near are near as a whole; this asks the cheaper questions first.
    """
    near = unsure & (shared_part(subjects.letter_signs, pairs.a, pairs.b) >= ALIKE_LETTERS)
    asked = pairs.where(near)
    left, right = subjects.titles.gather(asked.a).to_list(), subjects.titles.gather(asked.b).to_list()
    alike = process.cpdist(left, right, scorer=fuzz.ratio, score_cutoff=ALIKE, dtype=np.float32, workers=-1)
    near[near] = alike > 0
    return near


def regained(pairs: Pairs, smaller: Floats, subjects: Subjects, weights: TitleWeights) -> Floats:
    """Find how much of what is left of two titles without their shared words is one thing misspelt: (p,) bits.

    smaller: (p,) bits of the smaller rest. As a whole, since blanks get lost, and word by word, since words get left out.
    """
    left, right = _rests(pairs, subjects)
    whole = _as_a_whole(left, right, len(pairs), subjects, weights) * smaller
    gain: Floats = np.minimum(
        np.maximum(whole, _word_by_word(left, right, len(pairs), subjects, weights)), smaller
    )
    return gain


def _word_by_word(left: Spread, right: Spread, n: int, subjects: Subjects, weights: TitleWeights) -> Floats:
    """Sum the bits of the words of each side that are misspelt on the other, of the side that has less: (n,)."""
    sides = [
        pl.DataFrame({"pair": pair, "word": word}).filter(
            subjects.vocabulary.gather(word).str.contains(rf"^\D{{{SHORT},}}$")
        )
        for pair, word in (left, right)
    ]
    met = sides[0].join(sides[1], on="pair")
    kinds = met.select("word", "word_right").unique()
    texts = [
        subjects.vocabulary.gather(kinds[side]).str.replace_many(READ_AS).to_list() for side in kinds.columns
    ]
    letters: Floats = process.cpdist(*texts, scorer=fuzz.ratio, dtype=np.float32, workers=-1)
    alike = _but_for_prefixes(letters / np.float32(100), texts[0], texts[1], weights)
    share = np.clip((alike - weights.near) / (1 - weights.near), 0, 1).astype(np.float32)
    found = met.join(kinds.with_columns(pl.Series("share", share)), on=["word", "word_right"]).filter(
        pl.col("share") > 0
    )
    return np.minimum(*(_best(found, side, n, subjects) for side in ("word", "word_right")))


def _best(found: pl.DataFrame, side: str, n: int, subjects: Subjects) -> Floats:
    """Sum the bits of each word of a side, as far as the likest word of the other is like it: (n,)."""
    best = found.group_by("pair", side).agg(pl.col("share").max()).sort("pair", side)
    bits = subjects.word_bits[best[side].to_numpy()] * best["share"].to_numpy()
    return np.bincount(best["pair"].to_numpy(), weights=bits, minlength=n).astype(np.float32)


def _as_a_whole(left: Spread, right: Spread, n: int, subjects: Subjects, weights: TitleWeights) -> Floats:
    """Compare the rests run together: (n,) how much of them is one misspelt, [0, 1]."""
    one, other = (_run_together(words, n, subjects) for words in (left, right))
    whole = process.cpdist(one, other, scorer=fuzz.ratio, dtype=np.float32, workers=-1) / 100
    lengths = [np.fromiter(map(len, texts), np.intp, n) for texts in (one, other)]
    long_enough = np.minimum(*lengths) >= SHORT
    near = np.where(long_enough | (whole >= 1), whole, 0)
    partly = np.flatnonzero(long_enough & (near < weights.near))
    part = process.cpdist(
        [one[i] for i in partly],
        [other[i] for i in partly],
        scorer=fuzz.partial_ratio,
        dtype=np.float32,
        workers=-1,
    )
    near[partly] = np.maximum(near[partly], part / 100 - PARTIAL_LOSS)
    near = _but_for_prefixes(near, one, other, weights)
    regained: Floats = np.clip((near - weights.near) / (1 - weights.near), 0, 1).astype(np.float32)
    return regained


def _but_for_prefixes(alike: Floats, one: list[str], other: list[str], weights: TitleWeights) -> Floats:
    """Call words that are one but for a prefix not alike. A loop, over the few that are alike."""
    kept = alike.copy()
    for number in np.flatnonzero((alike > weights.near) & (alike < 1)):
        if differ_in_prefix(one[number], other[number]):
            kept[number] = 0
    return kept


def _rests(pairs: Pairs, subjects: Subjects) -> tuple[Spread, Spread]:
    """List the words that only the one and only the other title of each pair has."""
    left, right = _spread(pairs.a, subjects.word_lists), _spread(pairs.b, subjects.word_lists)
    only_left, only_right = ~_among(left, right, len(pairs)), ~_among(right, left, len(pairs))
    return (left[0][only_left], left[1][only_left]), (right[0][only_right], right[1][only_right])


def _run_together(words: Spread, n: int, subjects: Subjects) -> list[str]:
    """Write the words of each pair without blanks: (n,), empty if none. A loop, as Polars takes longer to join so few at a time."""
    texts = subjects.vocabulary.gather(words[1]).str.replace_many(READ_AS).to_list()
    ends = np.searchsorted(words[0], np.arange(n + 1)).tolist()
    return ["".join(texts[start:end]) for start, end in pairwise(ends)]


def _spread(events: Rows, lists: Ragged) -> Spread:
    """Lay the lists of these events end to end: number of the pair, and value."""
    starts = lists.starts[events]
    lengths = lists.starts[events + 1] - starts
    pair = np.repeat(np.arange(len(events), dtype=np.int64), lengths)
    offset = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return pair, lists.values[np.repeat(starts, lengths) + offset]


def _among(these: Spread, those: Spread, n: int) -> Mask:
    """Tell which words of these lists stand in the list of the same pair among those: (words,)."""
    pair, word = those
    place = np.arange(len(pair)) - np.searchsorted(pair, pair)
    table = np.full((n, int(place.max(initial=0)) + 1), -1, np.int32)
    table[pair, place] = word
    found: Mask = (table[these[0]] == these[1][:, None]).any(axis=1)
    return found
