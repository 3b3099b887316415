"""Compounds: split German words into the parts that they are made of.

"Kindertheaterfest" and "Theaterfest für Kinder" have the same parts. Only words of a known list are parts, so that names stay
whole. A wrong split does harm: it is wrong for both sides alike, but what it cuts off may be a word of another title, as the ring of
`Engineering` would be.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
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

ENGLISH: Final = re.compile(r"(?:[aeiouy][rs]|ss)ing$")
"""How English words in -ing end that seem to be a ring or to sing: `Engineering`, `Monitoring`, `Advertising`, `Processing`. Behind a
known first part (`Schmuckring`, `Winzerring`) or another consonant (`Nibelungenring`) it is a German compound."""

MIN_REPAIRED: Final = 9
"""Letters; in a shorter word that is unknown, a letter more or less may be a name."""

MIN_NEAR: Final = 6
"""Letters of the shortest part that may be misspelt: a `Hornig` is no honey."""

READ_AS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("ii", "n"), ("ii", "u"), ("lc", "k"))
"""Letters that text recognition takes for others, where it makes two of one (a usual few of them, after Holley 2009)."""

LOOK_ALIKE: Final = frozenset(
    frozenset(two) for two in ("ao", "ce", "hb", "il", "ij", "lt", "tf", "un", "rn", "vy")
)
"""Letters that text recognition takes for each other. Any other letter in a letter's place may make another word, as in
`Vorführung` and `Verführung`, `Ausstellung` and `Aufstellung`; a letter too many, too few or out of its place hardly does."""

MIN_READ: Final = 4
"""Letters of the shortest part of what text recognition garbled: `Cleveland` is no `Dev-e-land`."""

PREFIXES: Final = (
    "ab",
    "an",
    "auf",
    "aus",
    "be",
    "ein",
    "ent",
    "er",
    "ge",
    "her",
    "hin",
    "ueber",
    "um",
    "unter",
    "ver",
    "vor",
    "zer",
    "zu",
)
"""What makes another word of a word: Verführung, Vorführung, Ausführung and Einführung are four."""

GLUED: Final = (
    "im",
    "am",
    "in",
    "an",
    "der",
    "des",
    "zum",
    "zur",
    "vom",
    "bei",
    "beim",
    "mit",
    "und",
    "fuer",
)
"""Words between two others that lost the blanks around them: `NachmittagimPfarrheim`."""


class Splitter:
    """Splits folded words; remembers what it split."""

    def __init__(self, parts: Collection[str], whole: Collection[str], canonical: Mapping[str, str]) -> None:
        """parts: folded words that may be parts. whole: folded words never split. canonical: synonym -> word that stands for it."""
        self._parts = frozenset(map(without_triples, parts))
        self._whole = frozenset(map(without_triples, whole))
        self._canonical = {without_triples(word): meant for word, meant in canonical.items()}
        self._heads = frozenset(part for part in self._parts if len(part) >= MIN_HEAD)
        self._stems = frozenset(stem(part) for part in self._heads)
        self._begins = frozenset(text[:MIN_PART] for text in self._parts | self._stems)
        self._halves = _by_half({form for word in self._parts for form in _linked(word)})
        self.split = lru_cache(maxsize=500_000)(self._split)

    def _split(self, word: str) -> tuple[str, ...]:
        """Return the parts of a folded word, synonyms replaced; a word that can't be split is its only part."""
        # First as written: who mends `ballettheater` gives `balletttheater`, which must not lose its letter again, and so on for ever.
        written, word = word, without_triples(word)
        if word in self._canonical:
            return tuple(self._canonical[word].split(" "))
        if word in self._whole or len(word) < 2 * MIN_PART or word.isdigit():
            return (word,)
        parts = self._known_parts(written) or (self._known_parts(word) if word != written else ())
        if not parts and word not in self._parts and not ENGLISH.search(word):
            parts = self._repaired(word) or self._unknown_and_head(word)
        return tuple(end for part in parts for end in self.split(part)) or (word,)

    def _known_parts(self, word: str) -> tuple[str, ...]:
        """Find the split into fewest known parts; of equally many the one with the longest first part. Empty if there is none.

        The last part may be inflected: `Ritterspielen` falls apart as `Ritterspiel` does.
        """
        best: dict[int, tuple[str, ...]] = {len(word): ()}
        ends = [len(word)]
        for start in range(len(word) - MIN_PART, -1, -1):
            if word[start : start + MIN_PART] not in self._begins:
                continue
            for end in ends:
                if end - start < MIN_PART or not self._is_part(word, start, end):
                    continue
                tail = min(_tails(word, end, best), key=len)
                if start not in best or len(tail) + 1 < len(best[start]):
                    best[start] = (word[start:end], *tail)
            if start in best:
                before = {start - len(link) for link in LINKS if word.endswith(link, 0, start)}
                ends = sorted(before.union(ends), reverse=True)
        found = best.get(0, ())
        return found if len(found) > 1 else ()

    def _is_part(self, word: str, start: int, end: int) -> bool:
        """Tell a part from other letters. A word is no part of itself, or it would fall apart in a longer one only."""
        part = word[start:end]
        if end - start == len(word):
            return False
        return part in self._parts or (end == len(word) and stem(part) in self._stems)

    def _is_known(self, word: str) -> bool:
        return word in self._parts or word in self._canonical or bool(self._known_parts(word))

    def _repaired(self, word: str) -> tuple[str, ...]:
        """Find the known words that an unknown one was before text recognition or a typist got at it; empty if it may be a name.

        All of it must be known but for one letter, or for a word that lost its blanks.
        """
        if len(word) < MIN_REPAIRED or not word.isalpha():
            return ()
        for two, one in READ_AS:
            if two in word and self._is_long(plain := word.replace(two, one)):
                return (plain,)
        for plain in self._misspelt(word):
            if self._is_known(plain):
                return (plain,)
        return self._unglued(word)

    def _is_long(self, word: str) -> bool:
        """Tell a known word from one that is known only as short parts happen to cover it."""
        if word in self._parts or word in self._canonical:
            return True
        parts = self._known_parts(word)
        return bool(parts) and min(map(len, parts)) >= MIN_READ

    def _misspelt(self, word: str) -> Iterator[str]:
        """Correct one letter of the whole word, of what stands before a known part, or of what stands behind one."""
        yield from self._nearest(word) if len(word) >= MIN_REPAIRED else ()
        for cut in range(MIN_HEAD, len(word) - MIN_HEAD + 1):
            head, tail = word[:cut], word[cut:]
            if tail in self._heads:
                yield from (near + tail for near in self._nearest(head))
            if head in self._heads:
                yield from (head + near for near in self._nearest(tail))

    def _nearest(self, word: str) -> Iterator[str]:
        """Find the one known form from which a slip of eye or finger leads to the word; the first letter is seldom wrong."""
        if len(word) < MIN_NEAR:
            return
        halves = {half for length in (-1, 0, 1) for half in _halves(word, len(word) + length)}
        forms = {form for half in halves for form in self._halves.get(half, ()) if form[0] == word[0]}
        near = [form for form in forms if _is_slip(form, word)]
        if len(near) == 1:
            yield near[0]

    def _unglued(self, word: str) -> tuple[str, ...]:
        for glue in GLUED:
            place = word.find(glue, MIN_NEAR)
            while place >= 0:
                before, behind = word[:place], word[place + len(glue) :]
                if len(behind) >= MIN_HEAD and self._is_known(before) and self._is_known(behind):
                    return (before, behind)
                place = word.find(glue, place + 1)
        return ()

    def _unknown_and_head(self, word: str) -> tuple[str, ...]:
        """Cut a known last part off an unknown first one: not of `Entführung`, which is no honour of an "Entfu"."""
        if word.startswith(PREFIXES) and any(word.removeprefix(prefix) in self._heads for prefix in PREFIXES):
            return ()
        for start in range(MIN_UNKNOWN, len(word) - MIN_HEAD + 1):
            if word[start : start + MIN_PART] not in self._begins:
                continue
            if word[start:] in self._heads or stem(word[start:]) in self._stems:
                return (word[:start], word[start:])
        return ()


def _tails(word: str, end: int, best: Mapping[int, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Give what may follow a part that ends there. A link joins two parts: it can't close the word."""
    for link in LINKS:
        after = end + len(link)
        if after in best and (not link or after < len(word)) and word.startswith(link, end):
            yield best[after]


COMMON_TAIL: Final = 6
"""Letters that two compounds end with from which it is the same last part."""

ONE_HEAD: Final = 60
"""Percent of letters in common from which what stands before it may be one thing misspelt."""


LONG_ENOUGH: Final = 7
"""Letters; what is shorter may be an abbreviation: MMM."""

TRIPLE: Final = re.compile(r"([bdfglmnprst])\1\1")


def without_triples(word: str) -> str:
    """Write three equal consonants as two, as was the rule until 1996, and as typists do: `Schifffahrt`, `Ausschusssitzung`."""
    return TRIPLE.sub(r"\1\1", word) if len(word) >= LONG_ENOUGH else word


def differ_in_prefix(one: str, two: str) -> bool:
    """Tell whether two words, or compounds that end with them, are one but for a prefix: `Aufstellung` is no misspelt `Ausstellung`.

    Or but for the first part: no `Sozialausschuss` is a `Bauausschuss`.
    """
    from rapidfuzz import fuzz  # noqa: PLC0415 - who only splits words, as ingest does, starts without it

    pairs = zip(reversed(one), reversed(two), strict=False)
    same = next((place for place, (x, y) in enumerate(pairs) if x != y), min(len(one), len(two)))
    # The tail may begin with letters that both first parts happen to end with.
    parted = same >= COMMON_TAIL and min(len(one), len(two)) - same >= MIN_PART
    if parted and fuzz.ratio(one[:-same], two[:-same]) < ONE_HEAD:
        return True
    ends = ((_prefixes(one[:-tail]), _prefixes(two[:-tail])) for tail in range(MIN_HEAD, same + 1))
    return any(not (p.endswith(q) or q.endswith(p)) for left, right in ends for p in left for q in right)


def _prefixes(text: str) -> list[str]:
    return [prefix for prefix in PREFIXES if text.endswith(prefix)]


def _is_slip(meant: str, written: str) -> bool:
    """Tell whether a letter was lost, added or read as one that looks alike, or two changed places."""
    start = next(
        (place for place, two in enumerate(zip(meant, written, strict=False)) if len({*two}) > 1), None
    )
    if start is None:
        return abs(len(meant) - len(written)) == 1
    one, two = meant[start:], written[start:]
    if len(one) != len(two):
        longer, shorter = (one, two) if len(one) > len(two) else (two, one)
        return longer[1:] == shorter
    swapped = one[:2] == two[1::-1] and one[2:] == two[2:]
    return swapped or (one[1:] == two[1:] and frozenset((one[0], two[0])) in LOOK_ALIKE)


def _linked(word: str) -> Iterator[str]:
    """Give the forms of a part within a compound."""
    if len(word) >= MIN_NEAR:
        yield from (word, word + "s")


def _halves(text: str, length: int) -> tuple[tuple[int, str], tuple[int, str]]:
    """Cut a text where a form of a length has its middle: what stands before, and what stands behind; with 0 and 1 for the side."""
    middle = length // 2
    return (0, text[:middle]), (1, text[len(text) - (length - middle) :])


def _by_half(forms: Collection[str]) -> Mapping[tuple[int, str], list[str]]:
    """Map the halves of each form to it: a slip leaves one half as it is, as it lies in the other one.

    But for two letters that change places across the middle: the first half stands here with them changed, too.
    """
    found: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for form in forms:
        middle = len(form) // 2
        before, behind = _halves(form, len(form))
        for half in (before, behind, (0, form[: middle - 1] + form[middle])):
            found[half].append(form)
    return found


INFLECTIONS: Final = {"n": ("innen", "ern", "en"), "m": ("em",), "r": ("er",), "s": ("es",), "e": ("e",)}
"""Endings that German words take, by their last letter: the longest that fits is cut off."""

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
    for ending in INFLECTIONS.get(word[-1], ()):
        if len(word) >= MIN_INFLECTED and word.endswith(ending) and len(word) - len(ending) >= MIN_STEM:
            return word[: -len(ending)]
    return word
