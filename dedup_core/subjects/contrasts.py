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
    rows = events["title"].str.contains_any(list(NUMERALS)).fill_null(value=False).arg_true()
    said = pl.col("title").str.extract(rf"\b({'|'.join(NUMERALS)})(?:[^.\w]|$)")
    number = said.replace_strict(NUMERALS, default=None, return_dtype=pl.Int32)
    part = pl.when(number.ne_missing(pl.col("edition"))).then(number)
    found = np.zeros(events.height, np.int32)
    found[rows.to_numpy()] = events.select("title", "edition")[rows].select(part.fill_null(0)).to_series()
    return found


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
        r"einsteiger|schnupper|anfänger|anfaenger|beginner|grundkurs|grundlagen|basiskurs|(?-u:\b)basics?(?-u:\b)",
        "mittelstufe|intermediate",
        "fortgeschritten|aufbaukurs|advanced",
    ),
    (r"(?-u:\b)(?:damen|frauen|mädchen|weiblich)", r"(?-u:\b)(?:herren|männer|maenner|jungs|buben|männlich)"),
    tuple(rf"(?-u:\b){letter}-(?:jugend|junior)" for letter in "abcdefg"),
    (
        r"(?-u:\b)(?:1|i|erste)\.? mannschaft",
        r"(?-u:\b)(?:2|ii|zweite)\.? mannschaft",
        r"(?-u:\b)(?:3|iii|dritte)\.? mannschaft",
    ),
    (
        r"(?-u:\b)(?:e-bike|pedelec|fahrrad|rad-?tour|radausfahrt|mountainbike)",
        "wanderung|wandertour|zu fuß|spaziergang",
    ),
    (r"(?-u:\b)nord(?-u:\b)", r"(?-u:\b)s(?:ü|ue)d(?-u:\b)", r"(?-u:\b)ost(?-u:\b)", r"(?-u:\b)west(?-u:\b)"),
    (r" us(?:a)?$", r" uk$", r" de$", r" at$", r" ch$", r" fr$", r" es$"),
    (
        "kindergottesdienst|kinderkirche|krabbelgottesdienst",
        "taufgottesdienst|gottesdienst mit (?:taufe|abendmahl)|festgottesdienst|hochamt",
    ),
    ("bilderbuchkino|kamishibai|vorlese", "kinderkino|kinderfilm|filmnachmittag|filmabend"),
)
"""What titles say of whom a course or a match is for: of each row one thing excludes the others.

Words end as ASCII has it, as the search for Unicode's ends is far slower; a word before which an umlaut stands is a rare mistake."""


CLUBS: Final = "sv|tsv|fc|tus|tv|hsg|sg|vfb|vfr|vfl|sc|fv|sf|spvgg|djk|tb|ttc|bc|ksv|esv|asv|ssv|bsc|rsv|sgm"
"""How names of sports clubs begin."""

PLAYS: Final = rf"(?-u:\b)(?:{CLUBS}) "
"""Who may play a match, …"""

MATCH: Final = (
    rf"{PLAYS}.* (?:[-–:]|gegen|vs\.?|empfängt|trifft auf) |(?-u:\b)gegen (?:den |die )?(?:{CLUBS}) "
)
"""… and the match."""

TEAM: Final = r" ([2-5]|ii|iii|iv)(?:[ :,()]|$)"
"""Which of their teams plays, if it is not the first."""


WOMEN: Final = r"\b(?:damen|frauen|mädchen|[a-g]-juniorinnen|juniorinnen)\b"
YOUTH: Final = r"\b([a-g])-?(?:jugend|junior)"
UNDER: Final = r"\bu\s?-?(\d\d?)\b"
"""Who plays, if it is not the men."""


PLACES: Final = r" (?:platz|halle|feld|runde|teil|spieltag|gruppe|court|liga|klasse) ?\d\b"
"""Numbers that are no team's."""


TEAMS: Final = -1
"""Column of the levels that has the teams."""


def _teams(lowered: pl.Series) -> Ints:
    """Tell which team plays a match: (n,), 0 for what is none, 1 where nothing is said; the men's first is meant then."""
    clubs = lowered.str.contains(PLAYS).arg_true()
    matches = clubs.filter(lowered.gather(clubs).str.contains(MATCH))
    said = lowered.gather(matches).str.replace_all(PLACES, " ")
    number = said.str.extract(TEAM).replace({"ii": "2", "iii": "3", "iv": "4"}).cast(pl.Int32).fill_null(1)
    youth = said.str.extract(YOUTH).replace_strict(
        {x: n for n, x in enumerate("abcdefg", start=1)}, default=0, return_dtype=pl.Int32
    )
    # The A-Jugend are the U19 and U18, the B-Jugend the U17 and U16, and so on.
    under = (19 - said.str.extract(UNDER).cast(pl.Int32)) // 2 + 1
    numbers = np.zeros(len(lowered), np.int32)
    age = pl.Series(np.where(youth > 0, youth, under.clip(1, 7).fill_null(0)))
    kinds = said.str.contains(WOMEN).cast(pl.Int32) * 10 + age * 100
    numbers[matches.to_numpy()] = (number + kinds).to_numpy()
    return numbers


LETTERS: Final = "abcdefgh"

LETTER: Final = rf"(?:kurs|gruppe|klasse|block) ([{LETTERS}])(?:[ :,()]|$)"
"""The letter of a course or a group."""

TELLING: Final = "|".join([LETTER, *("|".join(words) for words in LEVELS)])
"""What any of these holds: few titles do, and the others are read once."""


def levels(lowered: pl.Series) -> Ints:
    """Read whom each title is for: (n, k), the number of what is said from 1 on, 0 for none and for several. lowered: the titles.

    A column a row of `LEVELS`, one of letters and one of teams.
    """
    found = np.zeros((len(lowered), len(LEVELS) + 2), np.int32)
    found[:, TEAMS] = _teams(lowered)
    rows = lowered.str.contains(TELLING).arg_true()
    if rows.is_empty():
        return found
    naming = lowered.gather(rows)
    for column, words in enumerate(LEVELS):
        said = np.array([naming.str.contains(one).to_numpy() for one in words])
        found[rows.to_numpy(), column] = np.where(said.sum(axis=0) == 1, said.argmax(axis=0) + 1, 0)
    letter = naming.str.extract(LETTER).fill_null(" ")
    found[rows.to_numpy(), len(LEVELS)] = [LETTERS.find(one) + 1 for one in letter]
    return found
