"""Contrasts: what titles say that has an opposite: the second team, a club's name, a course for beginners."""

from typing import Final

import numpy as np
import polars as pl
from scipy import sparse

from dedup_core.folding import folded
from dedup_core.subjects.columns import Ints, matrix

NUMERALS: Final = {"II": 2, "III": 3, "IV": 4, "VI": 6, "VII": 7, "VIII": 8, "IX": 9}
"""Roman numerals that are hardly anything else."""


def numerals(events: pl.DataFrame) -> Ints:
    """Read the first Roman numeral of each title as written, since who invites may be a second team: (n,), 0 for none.

    An edition is none, nor is what a point makes an ordinal: `Ludwig II.` is a king, whom another source calls by his name alone.
    """
    said = pl.col("title").str.extract(rf"\b({'|'.join(NUMERALS)})(?:[^.\w]|$)")
    number = said.replace_strict(NUMERALS, default=None, return_dtype=pl.Int32)
    part = pl.when(number.ne_missing(pl.col("edition"))).then(number)
    return events.select(part.fill_null(0)).to_series().to_numpy()


BANDS: Final = "verein|verband|zunft|feuerwehr|kapelle|stadtmusik|blasmusik|guggemusik|guggenmusik|chor|kantorei|orchester|landfrauen"
"""With what the names of clubs and bands end."""


NAMED: Final = rf"[^ :,()]*(?:{BANDS})(?:e?s)?(?:[ :,()]|$)"


def bands(lowered: pl.Series) -> sparse.csr_array:
    """List the clubs and bands that titles name as written, wherever they stand: (n, k) ones, a column a word."""
    titles = lowered.to_frame("title").with_row_index("event")
    naming = titles.filter(pl.col("title").str.contains(BANDS))
    said = naming.select("event", band=pl.col("title").str.extract_all(NAMED)).explode("band").drop_nulls()
    plain = said.select(folded(pl.col("band"))).to_series().str.replace(r"e?s$", "")
    named = said.select("event", plain.alias("band")).unique()
    codes = named["band"].rank("dense").cast(pl.Int32) - 1
    return matrix(named["event"], codes, None, (len(lowered), int(codes.max() or 0) + 1))  # type: ignore[arg-type]


LEVELS: Final = (
    (
        r"einsteiger|anfänger|anfaenger|beginner|grundkurs|grundlagen|basiskurs|\bbasics?\b",
        "mittelstufe|intermediate",
        "fortgeschritten|aufbaukurs|advanced",
    ),
    (r"\b(?:damen|frauen|mädchen|weiblich)", r"\b(?:herren|männer|maenner|jungs|buben|männlich)"),
    tuple(rf"\b{letter}-(?:jugend|junior)" for letter in "abcdefg"),
    (
        r"\b(?:1|i|erste)\.? mannschaft\b",
        r"\b(?:2|ii|zweite)\.? mannschaft\b",
        r"\b(?:3|iii|dritte)\.? mannschaft\b",
    ),
    (r"\b(?:e-bike|pedelec|fahrrad|rad-?tour|radausfahrt|mountainbike)", "wander|zu fuß|spaziergang"),
    (r"\bnord\b", r"\bs(?:ü|ue)d\b", r"\bost\b", r"\bwest\b"),
    ("bilderbuchkino|kamishibai|vorlese", "kinderkino|kinderfilm|filmnachmittag|filmabend"),
)
"""What titles say of whom a course or a match is for: of each row one thing excludes the others."""


CLUBS: Final = "sv|tsv|fc|tus|tv|hsg|sg|vfb|vfr|vfl|sc|fv|sf|spvgg|djk|tb|ttc|bc|ksv|esv|asv|ssv|bsc|rsv|sgm"
"""How names of sports clubs begin."""

MATCH: Final = rf"\b(?:{CLUBS}) .* (?:[-–]|gegen|vs\.?) "
"""A match of one."""

TEAM: Final = r" ([2-5]|ii|iii|iv)(?:[ :,()]|$)"
"""Which of their teams plays, if it is not the first."""


TEAMS: Final = -1
"""Column of the levels that has the teams."""


def _teams(lowered: pl.Series) -> Ints:
    """Tell which team plays a match: (n,), 0 for what is none, 1 where no number is said."""
    matches = lowered.str.contains(MATCH).arg_true()
    team = lowered.gather(matches).str.extract(TEAM).replace({"ii": "2", "iii": "3", "iv": "4"})
    numbers = np.zeros(len(lowered), np.int32)
    numbers[matches.to_numpy()] = team.cast(pl.Int32).fill_null(1).to_numpy()
    return numbers


LETTER: Final = r"(?:kurs|gruppe|klasse|block) ([a-h])(?:[ :,()]|$)"
"""The letter of a course or a group."""


def _letters(lowered: pl.Series) -> Ints:
    """Number the letter of a course or group: (n,), 0 for none."""
    letter = lowered.str.extract(LETTER).replace_strict(
        {x: n for n, x in enumerate("abcdefgh", start=1)}, default=0
    )
    return letter.cast(pl.Int32).to_numpy()


def levels(lowered: pl.Series) -> Ints:
    """Read whom each title is for: (n, k), the number of what is said from 1 on, 0 for none and for several. lowered: the titles.

    A column a row of `LEVELS`, one of letters and one of teams.
    """
    found = np.zeros((len(lowered), len(LEVELS) + 2), np.int32)
    found[:, -2], found[:, TEAMS] = _letters(lowered), _teams(lowered)
    for column, words in enumerate(LEVELS):
        rows = lowered.str.contains("|".join(words)).arg_true()
        if rows.is_empty():
            continue
        naming = lowered.gather(rows)
        said = np.array([naming.str.contains(one).to_numpy() for one in words])
        found[rows.to_numpy(), column] = np.where(said.sum(axis=0) == 1, said.argmax(axis=0) + 1, 0)
    return found
