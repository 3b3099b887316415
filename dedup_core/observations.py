"""Observations: what the comparisons saw of one pair, in words and numbers, for who reads an explanation.

They tell what bits were given for and give none: a rule that read a text, or took a word for a place's, may have weighed it otherwise.
"""

from typing import Final

import numpy as np

from dedup_core.comparisons.dates import meeting_of
from dedup_core.comparisons.pairs import Pairs
from dedup_core.comparisons.places import distance_km
from dedup_core.subjects import Subjects

MOST_WORDS: Final = 6
"""Words told a list, the rarest first."""


def observed(low: int, high: int, subjects: Subjects, names: tuple[str, str]) -> dict[str, str]:
    """Say what was seen of a pair of rows, a sentence a part of the evidence; a part without one saw nothing to tell.

    names: what to call the two listings.
    """
    pair = Pairs(np.array([low]), np.array([high]))
    said = {
        "title": _words(low, high, subjects, names),
        "geo": _distance(pair, subjects),
        **_days_and_hours(pair, subjects),
    }
    return {part: sentence for part, sentence in said.items() if sentence}


def _words(low: int, high: int, subjects: Subjects, names: tuple[str, str]) -> str:
    """List the words of two titles as they were compared, with what each tells: those of both, then those of one."""
    one, other = (set(subjects.words[[row]].indices.tolist()) for row in (low, high))
    lists = [("Both", one & other), (f"Only {names[0]}", one - other), (f"Only {names[1]}", other - one)]
    told = [f"{who}: {_rarest(words, subjects)}." for who, words in lists if words]
    return (
        " ".join(told) + " Words stand as compared, without endings; in brackets what each tells, in bits."
        if told
        else ""
    )


def _rarest(words: set[int], subjects: Subjects) -> str:
    ordered = sorted(words, key=lambda word: (-subjects.word_bits[word], subjects.vocabulary[word]))
    shown = [f"{subjects.vocabulary[word]} ({subjects.word_bits[word]:.1f})" for word in ordered[:MOST_WORDS]]
    more = len(ordered) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _distance(pair: Pairs, subjects: Subjects) -> str:
    km = float(distance_km(pair, subjects)[0])
    if np.isnan(km):
        return ""
    sure = min(float(subjects.geo_confidence[rows[0]]) for rows in (pair.a, pair.b))
    return f"{km:.2f} km apart; the less sure side is {sure:.0%} sure."


def _days_and_hours(pair: Pairs, subjects: Subjects) -> dict[str, str]:
    meeting = meeting_of(pair, subjects)
    gap, common, apart = (float(each[0]) for each in (meeting.gap, meeting.common, meeting.apart))
    days = f"Days in common: counted as {common:.0%}."
    if gap > 0:
        moved = "; one was moved from the other's day" if meeting.announced[0] else ""
        days = f"{gap:.0f} {'day' if gap == 1 else 'days'} apart{moved}."
    if np.isnan(apart):
        return {"date": days}
    return {
        "date": days,
        "time": f"The starts are {apart:.0f} minutes apart." if apart else "The same start.",
    }
