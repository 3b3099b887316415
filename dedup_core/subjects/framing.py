"""Framing: the words of a title that say who invites, to what, who plays too, what is played and whose it is.

One source says so and another doesn't; what is taken for a frame and is none weighs too little.
"""

from typing import Final

import polars as pl

from dedup_core import lexicon
from dedup_core.folding import folded
from dedup_core.normalising import words_of


def framing_words(known: pl.DataFrame, own_place: pl.DataFrame, lowered: pl.Series) -> pl.DataFrame:
    """List the words of titles that say who invites, to what, or whose it is, but for the names of places: as ``known``, and ``role``.

    lowered: the titles as written, lowered. None where a title says nothing else. role: number in `FRAMES`.
    """
    titles = lowered.to_frame("title").with_row_index("event")
    framed = pl.concat(
        titles.filter(pl.col("title").str.contains(sign))
        .select("event", pl.lit(role).alias("role"), said=pl.col("title").str.extract(where))
        .filter(pl.col("said").str.contains(marker().pattern))
        for role, (sign, where, marker) in enumerate(FRAMES)
    )
    framed = framed.join(_words_of_texts(framed["said"].unique()), on="said", maintain_order="left").drop(
        "said"
    )
    telling = known.filter(pl.col("event").is_in(framed["event"].unique().implode())).join(
        own_place.select("event", "token"), on=["event", "token"], how="anti", maintain_order="left"
    )
    both = framed.join(telling, on="event", maintain_order="left_right")
    said = pl.col("word").is_in(pl.col("frame"))
    return both.filter(said & ~said.all().over("event", "role")).select(*known.columns, "role")


def _words_of_texts(said: pl.Series) -> pl.DataFrame:
    """Split distinct texts as titles are: ``said``, ``frame`` (List[str])."""
    none = pl.repeat(None, len(said), dtype=pl.Int32, eager=True)
    words = words_of(said.to_frame("said").select(folded(pl.col("said"))).to_series(), none)["title_tokens"]
    return pl.DataFrame({"said": said, "frame": words.str.split(" ")})


BEFORE_COLON = r"^([^:]{3,80}):\s"
"""What may say who invites, …"""


IN_BRACKETS = r"\s\(([^()]{3,60})\)\s*$"
"""… to what it belongs, …"""


WITHIN = (
    r"\s(?:[–—|@]\s?|(?:beim|bei den|bei der|auf dem|im rahmen:?(?: der| des| von)?)\s)([^:()|–—@]{3,60})$"
)
"""… also behind a dash or "beim", …"""


ADDED = r"\s[(+|,&/–-]*\s*((?:mit|special|support|vorband|vorgruppe|opener)\b[^+|()]{2,80})\)?\s*$"
"""… who plays, too, …"""


PLAYED = r"\s((?:mit\s)?werken? (?:von|aus)\s.{3,80})$"
"""… what is played, …"""


IN_GENITIVE = r"\s(?:der|des|vom)\s([^:,(|–]{3,60})$"
"""… and who does it."""


FRAMES = (
    (r":\s", BEFORE_COLON, lexicon.hosts),
    (r":\s", BEFORE_COLON, lexicon.umbrellas),
    (r"\)\s*$", IN_BRACKETS, lexicon.umbrellas),
    (r"[–—|@]|bei|auf dem|im rahmen", WITHIN, lexicon.umbrellas),
    (r"support|special guest|vorband|vorgruppe|opener|mit (?:live|dj)", ADDED, lexicon.supports),
    (r"werke", PLAYED, lexicon.works),
    (r"\s(?:der|des|vom)\s", IN_GENITIVE, lexicon.hosts),
)
"""Where what frames an event stands in a title, by what to look for first, and what is taken for it; the last says whose it is."""


WORKS: Final = 5
"""Number in `FRAMES` of what is played."""
