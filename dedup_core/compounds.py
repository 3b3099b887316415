"""Compounds: split German words into the parts that they are made of.

"Kindertheaterfest" and "Theaterfest für Kinder" have the same parts. Only words of a known list are parts, so that names stay
whole; a wrong split does little harm, as it is wrong for both sides alike.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

LINKS: Final = ("", "s", "es", "n", "en", "er", "e", "ns")
"""Letters that join the parts of a compound (Fugenelemente)."""

MIN_PART: Final = 3
"""Letters of the shortest part."""

MIN_UNKNOWN: Final = 4
"""Letters of an unknown first part: "Waldkirchfest" has one."""

MIN_HEAD: Final = 4
"""Letters of a known last part that may follow an unknown first one."""


class Splitter:
    """Splits folded words; remembers what it split."""

    def __init__(self, parts: Collection[str], whole: Collection[str], canonical: Mapping[str, str]) -> None:
        """parts: folded words that may be parts. whole: folded words never split. canonical: synonym -> word that stands for it."""
        self._parts = frozenset(parts)
        self._whole = frozenset(whole)
        self._canonical = dict(canonical)
        self._heads = frozenset(part for part in self._parts if len(part) >= MIN_HEAD)
        self._stems = frozenset(stem(part) for part in self._heads)
        self.split = lru_cache(maxsize=500_000)(self._split)

    def _split(self, word: str) -> tuple[str, ...]:
        """Return the parts of a folded word, synonyms replaced; a word that can't be split is its only part."""
        if word in self._canonical:
            return tuple(self._canonical[word].split(" "))
        if word in self._whole or len(word) < 2 * MIN_PART or word.isdigit():
            return (word,)
        parts = self._known_parts(word) or (() if word in self._parts else self._unknown_and_head(word))
        return tuple(end for part in parts for end in self.split(part)) or (word,)

    def _known_parts(self, word: str) -> tuple[str, ...]:
        """Find the split into fewest known parts; of equally many the one with the longest first part. Empty if there is none.

        The last part may be inflected: `Ritterspielen` falls apart as `Ritterspiel` does.
        """
        best: dict[int, tuple[str, ...]] = {len(word): ()}
        for start in range(len(word) - MIN_PART, -1, -1):
            for end in range(len(word), start + MIN_PART - 1, -1):
                if not self._is_part(word, start, end):
                    continue
                part = word[start:end]
                tails = [
                    best[end + len(link)]
                    for link in LINKS
                    if word.startswith(link, end) and self._may_end(word, end, link, best)
                ]
                for tail in tails:
                    if start not in best or len(tail) + 1 < len(best[start]):
                        best[start] = (part, *tail)
        found = best.get(0, ())
        return found if len(found) > 1 else ()

    def _is_part(self, word: str, start: int, end: int) -> bool:
        """Tell a part from other letters. A word is no part of itself, or it would fall apart in a longer one only."""
        part = word[start:end]
        if end - start == len(word):
            return False
        return part in self._parts or (end == len(word) and stem(part) in self._stems)

    @staticmethod
    def _may_end(word: str, end: int, link: str, best: Mapping[int, tuple[str, ...]]) -> bool:
        """A link joins two parts: it can't close the word."""
        after = end + len(link)
        return after in best and (not link or after < len(word))

    def _unknown_and_head(self, word: str) -> tuple[str, ...]:
        for start in range(MIN_UNKNOWN, len(word) - MIN_HEAD + 1):
            if word[start:] in self._heads or stem(word[start:]) in self._stems:
                return (word[:start], word[start:])
        return ()


INFLECTIONS: Final = ("innen", "ern", "em", "en", "er", "es", "e")
"""Endings that German words take: the longest that fits is cut off."""

MIN_INFLECTED: Final = 6
"""Letters; shorter words are left as they are."""

MIN_STEM: Final = 4
"""Letters that must be left."""


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Cut the inflection off a folded word: ``traktoren`` and ``traktor``, ``waldkirchener`` and ``waldkirchen``.

    A light stemmer after Savoy (2006); what it cuts too much, it cuts of both sides. Twice, as inhabitants are inflected, too.
    """
    if len(word) < MIN_INFLECTED or not word.isalpha():
        return word
    plain = word[:-1] if word.endswith("s") and not word.endswith("ss") else word
    return _without_ending(_without_ending(plain))


def _without_ending(word: str) -> str:
    for ending in INFLECTIONS:
        if len(word) >= MIN_INFLECTED and word.endswith(ending) and len(word) - len(ending) >= MIN_STEM:
            return word[: -len(ending)]
    return word
