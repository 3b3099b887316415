"""Strategies: choose, for one field of many clusters at once, the listing that gives the value.

A strategy is a sequence of preferences, read from first to last; what they leave tied, the trust in sources and then the order
of identities decides, so nothing depends on the order of input. A choice is always a row, never a value alone: so each value has
an origin by construction. What a strategy prefers wrongly can be seen in the provenance and mended in the policy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core import lexicon
from dedup_core.folding import lowered
from dedup_core.policy import Strategy

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

NOWHERE: Final = -1
"""The position of a listing that there is not."""

STATUS_MARKERS: Final = "cancelled|moved|sold_out"
"""Markers that speak of the event's state and not of its name: they belong to the status, not into a shown title."""

SHORTEST_SHOUT: Final = 5
"""Characters from which a title without small letters counts as shouted (a guess: ABBA and YOGA are names)."""


@dataclass(frozen=True, slots=True)
class Members:
    """The m listings of c clusters of several, each cluster's most trusted listing first.

    rows: (m,) EVENT_SCHEMA with ``row`` (UInt32 row number), ``cluster`` (UInt32, 0 to c - 1), ``title_preference`` (Float64) and
        ``template_<field>`` (Boolean), sorted by cluster, preference of the source (descending), row.
    starts: (c,) position of each cluster's first listing. cluster: (m,) as in the rows.
    """

    rows: pl.DataFrame
    starts: Positions
    cluster: Positions

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "Members":
        """Wrap rows that are sorted as described."""
        cluster = rows["cluster"].to_numpy().astype(np.int64)
        first = np.ones(len(cluster), np.bool_)
        first[1:] = cluster[1:] != cluster[:-1]
        return cls(rows, np.flatnonzero(first), cluster)

    def numbers(self, expression: pl.Expr) -> Numbers:
        """Evaluate an expression on the rows: (m,), NaN for null."""
        return self.rows.select(expression.cast(pl.Float64)).to_series().to_numpy()

    def mask(self, expression: pl.Expr) -> Mask:
        """Evaluate a condition on the rows: (m,), false for null."""
        return self.rows.select(expression.fill_null(value=False)).to_series().to_numpy()

    def filled(self, field: str) -> Mask:
        """Tell which listings fill a field: (m,)."""
        column = self.rows[field]
        return column.is_not_null().to_numpy() if column.null_count() else np.ones(len(column), np.bool_)

    def any(self, mask: Mask) -> Mask:
        """Tell for which clusters a mask holds anywhere: (c,)."""
        return np.logical_or.reduceat(mask, self.starts) if len(mask) else mask

    def first(self, eligible: Mask, *preferences: Numbers) -> Positions:
        """Choose of each cluster's eligible listings those with the highest first preference, of these … , and the first that is left.

        preferences: (m,) each; NaN counts as the lowest.

        Returns:
            (c,) positions, NOWHERE for a cluster without an eligible listing.
        """
        left = eligible.copy()
        for preference in preferences:
            offered = np.where(left & ~np.isnan(preference), preference, -np.inf)
            left &= offered == self._highest(offered)
        found = np.where(left, np.arange(len(left)), len(left))
        lowest = np.minimum.reduceat(found, self.starts) if len(found) else found
        return np.where(lowest == len(left), NOWHERE, lowest)

    def _highest(self, values: Numbers) -> Numbers:
        return np.maximum.reduceat(values, self.starts)[self.cluster] if len(values) else values

    def frequency(self, *fields: str) -> Numbers:
        """Count the listings of a listing's cluster that say the same: (m,)."""
        return self.numbers(pl.len().over("cluster", *fields))


def value_at(values: pl.Series, positions: Positions) -> pl.Series:
    """Take the values at positions, null at NOWHERE."""
    nowhere = positions < 0
    index = pl.Series(positions)
    return values.gather(index.set(pl.Series(nowhere), None) if nowhere.any() else index)


def longest(members: Members, field: str) -> Positions:
    """Prefer a text that is no template, then the one with most characters."""
    length = members.numbers(pl.col(field).str.strip_chars().str.len_chars())
    template = f"template_{field}"
    own = members.numbers(~pl.col(template)) if template in members.rows.columns else np.ones(len(length))
    return members.first(members.filled(field), own, length)


def most_frequent(members: Members, field: str) -> Positions:
    """Prefer what most listings say."""
    return members.first(members.filled(field), members.frequency(field))


def any_true(members: Members, field: str) -> Positions:
    """Prefer a listing that affirms."""
    return members.first(members.filled(field), members.numbers(pl.col(field)))


def highest_confidence(members: Members, field: str) -> Positions:
    """Prefer the listing that the upstream is surest of."""
    return members.first(members.filled(field), members.numbers(pl.col("confidence_score")))


def best_title(members: Members, field: str) -> Positions:
    """Prefer a title without a status, then none of a support act, then the name of the best kind of source, then the one most give.

    Titles of the same words are one name; of its spellings the one not shouted is shown, then that of the best kind of source,
    then the longest.
    """
    clean = pl.col("markers").str.contains(STATUS_MARKERS).not_().fill_null(value=True)
    shouted = ~pl.col(field).str.contains(r"\p{Ll}") & (pl.col(field).str.len_chars() >= SHORTEST_SHOUT)
    ordered = (
        clean,
        pl.lit(pl.Series(~_is_support(members, field))),
        pl.col("title_preference").max().over("cluster", "title_words", clean),
        pl.len().over("cluster", "title_words", clean),
        ~shouted,
        pl.col("title_preference"),
        pl.col(field).str.len_chars(),
    )
    return members.first(members.filled(field), *(members.numbers(preference) for preference in ordered))


MAY_NAME_SUPPORT: Final = (
    "support",
    "guest",
    "feat",
    "ft.",
    "vorband",
    "vorgruppe",
    "vorprogramm",
    "opener",
    "opening act",
)
"""One of these stands in each title that the lexicon's patterns for a support act fit; to look for them first is far cheaper."""


def _is_support(members: Members, field: str) -> Mask:
    """Tell which titles are no more than the act that another title of the cluster names as its support: (m,)."""
    titles = members.rows.select("cluster", title=field).with_row_index("position")
    lower = lowered(pl.col("title"))
    naming = titles.filter(
        pl.col("title").str.to_lowercase().str.contains_any(list(MAY_NAME_SUPPORT))
    ).with_columns(lower)
    acts = [
        naming.select("cluster", title=pl.col("title").str.extract(pattern).str.strip_chars(" "))
        for pattern in lexicon.captures()["support"].patterns
    ]
    own = titles.join(naming, on="cluster", how="semi").with_columns(lower)
    found = own.join(pl.concat(acts).drop_nulls(), on=["cluster", "title"], how="semi")["position"]
    support = np.zeros(titles.height, np.bool_)
    support[found.to_numpy()] = True
    return support


CHOICES: Final[dict[Strategy, Callable[[Members, str], Positions]]] = {
    "best_title": best_title,
    "longest": longest,
    "most_frequent": most_frequent,
    "majority": most_frequent,
    "any_true": any_true,
    "highest_confidence": highest_confidence,
}
"""Every strategy but ``union``, which takes from all listings (`dedup_core.unions`)."""


def template_columns(
    events: pl.DataFrame, labels: pl.Series, fields: Sequence[str], *, titles: int
) -> list[pl.Series]:
    """Tell which texts are templates: (n,) ``template_<field>`` for each field.

    A template stands in at least ``titles`` clusters under at least as many different titles, so it describes none of them. A series
    that repeats its own text is none, nor is the one text that many listings of an event copy.
    """
    return [
        _is_template(events[field], events["title_words"], labels, titles).alias(f"template_{field}")
        for field in fields
    ]


def _is_template(texts: pl.Series, title_words: pl.Series, labels: pl.Series, titles: int) -> pl.Series:
    """Compare only the texts whose hash repeats often enough: the others can't be."""
    hashes = texts.hash().rename("hash")
    often = hashes.filter(texts.is_not_null()).value_counts().filter(pl.col("count") >= titles)["hash"]
    suspects = hashes.is_in(often.implode()).arg_true()
    repeated = pl.DataFrame(
        {
            "row": suspects,
            "text": texts.gather(suspects),
            "title": title_words.gather(suspects),
            "label": labels.gather(suspects),
        }
    )
    counted = repeated.group_by("text").agg(pl.col("title", "label").n_unique())
    templates = counted.filter(pl.min_horizontal("title", "label") >= titles).drop_nulls("text")
    found = repeated.join(templates, on="text", how="semi")["row"]
    return pl.zeros(len(texts), pl.Boolean, eager=True).scatter(found, values=True)
