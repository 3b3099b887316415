"""Announcements: what has become of an event, where its title keeps silent and only the text says it.

A text that speaks of rain, of a condition or of last year says nothing of the event; a text that is understood too readily would
have people stay at home, so when in doubt nothing was said.
"""

from typing import Final

import polars as pl

from dedup_core import lexicon
from dedup_core.folding import unescaped

HINTS: Final = ("abgesagt", "entf", "fällt", "FÄLLT", "fa\u0308llt", "f&auml;llt", "nicht statt", "cancel")
"""Letters without which no pattern fits, in the ways in which umlauts are written: most texts are read no further."""

ABBREVIATED: Final = r"\d\.|\b(?:\p{L}|bzw|ca|etc|evtl|ggf|inkl|nr|st|str|tel|usw)\."
"""What ends with a dot and no sentence: "bei Regen am 12.3. bzw. bei Sturm" speaks of one case."""


NOTHING: Final = r"[^\s\S]"
"""Finds nothing: an empty pattern would be found in every sentence."""


def announced(listings: pl.DataFrame) -> pl.Series:
    """Name the markers that the texts of listings speak of: (n,), space-joined in their order, null for none."""
    texts = listings.select(
        pl.concat_str("description", "short_description", separator="\n", ignore_nulls=True).alias("text")
    )
    asked = texts.select(pl.col("text").str.contains_any(list(HINTS), ascii_case_insensitive=True))
    rows = asked.to_series().fill_null(value=False).arg_true()
    said = texts[rows].select(pl.concat_str(*_spoken_of(), separator=" ", ignore_nulls=True)).to_series()
    found = pl.Series("announced", [None], dtype=pl.String).new_from_index(0, listings.height)
    return found.scatter(rows, said.replace("", None)) if len(rows) else found


def _spoken_of() -> list[pl.Expr]:
    """Tell of each marker whether a sentence says it and speaks of no other case."""
    lowered = unescaped(pl.col("text")).str.normalize("NFKC").str.to_lowercase()
    within = rf"(?:{ABBREVIATED}|[^.!?\n])*"
    flags: list[pl.Expr] = []
    for name, sentence in sorted(lexicon.sentences().items()):
        said = f"{within}(?:{'|'.join(sentence.patterns)}){within}"
        other = "|".join(sentence.unless) or NOTHING
        plain = lowered.str.extract_all(said).list.eval(~pl.element().str.contains(other)).list.any()
        flags.append(pl.when(plain).then(pl.lit(name)))
    return flags
