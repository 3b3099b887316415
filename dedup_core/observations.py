"""Observations: what the comparisons saw of pairs, in columns: which words, how rare they are, how far apart places, days and starts are.

They tell what bits were given for and give none. A word is told as it is compared, in a spelling that titles have for it; which
words only one side has is told as far as they counted, so what names a place, a host or the kind of event may be left out. Where a rule
read a text, no more is told than that it did.
"""

from functools import cache
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core import lexicon
from dedup_core.chunks import each
from dedup_core.comparisons.dates import meeting_of
from dedup_core.comparisons.names import address_of, learned
from dedup_core.comparisons.pairs import Mask, Pairs, Rows, both_known, same_code
from dedup_core.comparisons.places import distance_km, same_town
from dedup_core.comparisons.titles import EXACT, PLACE_SHARE
from dedup_core.compounds import stem
from dedup_core.folding import folded
from dedup_core.policy import Policy, TitleWeights
from dedup_core.scoring import SAID, score
from dedup_core.subjects import Floats, Ints, Subjects

MOST_WORDS: Final = 6
"""Words told a list, the rarest first; how many more there are is told, too."""

SHORTEST_PART: Final = 3
"""Letters of a part of a compound; shorter ones stand in any word."""

UMLAUTS: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}

CHUNK: Final = 50_000
"""Pairs looked at once: bounds the memory of their words."""

LISTS: Final = ("both", "only_a", "only_b")

BITS: Final = pl.Struct(
    {
        **{name: pl.List(pl.Float64()) for name in LISTS},
        "rare": pl.Float64(),
        "shared": pl.Float64(),
        "equal": pl.Float64(),
        "that_day": pl.Int32(),
        "occasions": pl.Int32(),
        "towns": pl.Int32(),
    }
)

OBSERVED: Final = pl.Struct(
    {
        **{name: pl.List(pl.String()) for name in LISTS},
        **{f"{name}_more": pl.UInt32() for name in LISTS},
        "capped": pl.Boolean(),
        "alike": pl.Boolean(),
        "one_town": pl.Boolean(),
        "online": pl.Boolean(),
        "one_venue": pl.Boolean(),
        "one_address": pl.Boolean(),
        "km": pl.Float64(),
        "sure": pl.Float64(),
        "gap": pl.Int32(),
        "moved": pl.Boolean(),
        "common": pl.Float64(),
        "days_a": pl.Int32(),
        "days_b": pl.Int32(),
        "minutes": pl.Int32(),
        "during": pl.Boolean(),
        "bits": BITS,
    }
)
"""What was seen of a pair; null is unknown. All that moves by a breath with each new listing stands in ``bits``.

both, only_a, only_b: words of the titles, the rarest first, and in ``bits`` the information of each; ``_more``: how many are not listed;
rare: from which information on a word is called rare.
shared, equal: bits that the title was given for what both share, and for nothing else being said; what is left of its evidence is what
only one says. capped: whether shared words reached the most that they may count; alike: whether words count as shared that are spelt
otherwise, or that the other listing says elsewhere.
one_town, one_venue: whether they are called the same; online: whether one side alone is; that_day: events that the town has at least on the day. one_address: whether
two venues of two names have one, as they or other listings tell; occasions, towns: where both names were learned to be of one house, as `dedup_core.subjects.houses.Aliases`. km, sure: between the places, and the confidence of the less sure side. gap, moved, common: days between, whether one was moved from the
other's day, share of common days. days_a, days_b: how many days each has. minutes: between the nearest starts; during: one begins while
the other lasts.
"""


def observations(wording: pl.DataFrame, subjects: Subjects, policy: Policy) -> pl.Series:
    """Tell what was seen of pairs: (p,) OBSERVED, in their order. wording: as of `dedup_core.scoring.Scored`."""
    spellings = _spellings(wording, subjects)
    chunks = [wording.slice(start, CHUNK) for start in range(0, max(1, wording.height), CHUNK)]
    seen = each(chunks, lambda part: _observed(part, spellings, subjects, policy), rows=wording.height)
    return pl.concat(list(seen)).rename("seen")


def observed_alone(pairs: pl.DataFrame, subjects: Subjects, policy: Policy) -> pl.Series:
    """Tell the same of a few pairs whose titles are to be compared anew. pairs: ``a``, ``b`` (UInt32 row numbers, a < b)."""
    found = score(pairs.select("a", "b"), subjects, policy, keep_all=True, worded=True).wording
    if found is None or found.is_empty():
        return pl.Series("seen", [], OBSERVED)
    asked = pairs.select("a", "b").join(found, on=["a", "b"], how="left", maintain_order="left")
    return observations(asked, subjects, policy)


def _observed(part: pl.DataFrame, spellings: pl.Series, subjects: Subjects, policy: Policy) -> pl.Series:
    pairs = Pairs(*(part[side].to_numpy().astype(np.intp) for side in ("a", "b")))
    columns = {
        **_words(pairs, part, spellings, subjects),
        "bits_rare": pl.repeat(policy.vetoes.rare_word, len(pairs), dtype=pl.Float64, eager=True),
        **_sums(pairs, part, subjects, policy.evidence.title),
        **_whereabouts(pairs, subjects),
    }
    frame = pl.DataFrame(columns)
    bits = pl.struct(pl.col(f"bits_{field.name}").alias(field.name) for field in BITS.fields)
    return (
        frame.with_columns(bits=bits)
        .select(pl.struct(pl.col(field.name).cast(field.dtype) for field in OBSERVED.fields).alias("seen"))
        .to_series()
    )


def _words(
    pairs: Pairs, wording: pl.DataFrame, spellings: pl.Series, subjects: Subjects
) -> dict[str, pl.Series]:
    """List the words of both titles, and of each side those that make up what only it says."""
    one, other = subjects.words[pairs.a], subjects.words[pairs.b]
    both = one.multiply(subjects.has_word[pairs.b])
    sides = (
        (both, None),
        (one - both, _Counted(pairs.a, wording["rest_a"].to_numpy())),
        (other - other.multiply(subjects.has_word[pairs.a]), _Counted(pairs.b, wording["rest_b"].to_numpy())),
    )
    columns: dict[str, pl.Series] = {}
    for name, (words, counted) in zip(LISTS, sides, strict=True):
        listed = _listed(words, counted, spellings, subjects)
        columns |= {name: listed["words"], f"bits_{name}": listed["bits"], f"{name}_more": listed["more"]}
    return columns


class _Counted:
    """Which words of one side count. rows: of the listings (p,); bits: of their words that counted (p,)."""

    def __init__(self, rows: Rows, bits: Floats) -> None:
        self.rows, self.bits = rows, bits


def _listed(
    words: sparse.csr_array, counted: _Counted | None, spellings: pl.Series, subjects: Subjects
) -> pl.DataFrame:
    """List the words of each row: ``words``, their ``bits``, ``more``; counted: list no more of them than make up its bits."""
    found = words.tocoo()
    said = found.data > 0
    row, token, bits = found.row[said].astype(np.int32), found.col[said].astype(np.int32), found.data[said]
    frame = pl.DataFrame({"row": row, "token": token, "bits": bits}).with_columns(unsaid=False)
    if counted is not None:
        unsaid = _goes_unsaid(counted.rows[row], token, subjects)
        frame = frame.with_columns(pl.Series("unsaid", unsaid), pl.Series("counted", counted.bits[row]))
    frame = frame.sort("row", "unsaid", "bits", "token", descending=[False, False, True, False])
    if counted is not None:
        before = pl.col("bits").cum_sum().over("row") - pl.col("bits")
        frame = frame.filter(before < pl.col("counted") - EXACT)
    named = frame.select(
        "row", words=spellings.gather(frame["token"]), bits=pl.col("bits").cast(pl.Float64).round(1)
    )
    shown = named.group_by("row", maintain_order=True).agg(
        pl.col("words", "bits").head(MOST_WORDS), more=(pl.len().cast(pl.Int64) - MOST_WORDS).clip(0)
    )
    rows = pl.DataFrame({"row": np.arange(words.shape[0], dtype=np.int32)})
    return rows.join(shown, on="row", how="left", maintain_order="left").with_columns(
        pl.col("words").fill_null(pl.lit([], pl.List(pl.String))),
        pl.col("bits").fill_null(pl.lit([], pl.List(pl.Float64))),
        pl.col("more").fill_null(0),
    )


def _goes_unsaid(rows: Rows, tokens: Ints, subjects: Subjects) -> Mask:
    """Tell which words say no more than place or host, so that the other's title may go without them: (w,)."""
    if not len(rows):
        return np.zeros(0, np.bool_)
    found = subjects.has_place_word[rows, tokens] + subjects.hosts[rows, tokens]
    unsaid: Mask = np.asarray(found).ravel() > 0
    return unsaid


def _sums(
    pairs: Pairs, wording: pl.DataFrame, subjects: Subjects, weights: TitleWeights
) -> dict[str, pl.Series]:
    """Divide the title's evidence: what is shared, and that nothing else is said."""
    shared, place, rest_a, rest_b = (wording[name].to_numpy() for name in SAID)
    agree = shared + np.float32(PLACE_SHARE) * place
    nothing_else = (np.maximum(rest_a, rest_b) < EXACT) & (agree > 0)
    exact = np.asarray(
        subjects.words[pairs.a].multiply(subjects.has_word[pairs.b]).sum(axis=1), np.float32
    ).ravel()
    return {
        "bits_shared": _rounded(np.minimum(weights.shared * agree, weights.shared_cap), 3),
        "bits_equal": _rounded(np.where(nothing_else, np.float32(weights.equal), np.float32(0)), 3),
        "capped": pl.Series(weights.shared * agree > weights.shared_cap + EXACT),
        "alike": pl.Series(shared + place > exact + EXACT),
    }


def _whereabouts(pairs: Pairs, subjects: Subjects) -> dict[str, pl.Series]:
    """Measure the ways between two listings: of places, days and starts."""
    meeting, km = meeting_of(pairs, subjects), distance_km(pairs, subjects)
    sure = np.minimum(subjects.geo_confidence[pairs.a], subjects.geo_confidence[pairs.b])
    days = [np.maximum(subjects.dates[rows], subjects.days[rows]) for rows in (pairs.a, pairs.b)]
    towns = both_known(subjects.city, pairs)
    one, other = (address_of(rows, subjects) for rows in (pairs.a, pairs.b))
    rows = learned(pairs, subjects)
    return {
        "one_town": _where(towns, same_town(pairs, subjects)),
        "online": pl.Series(subjects.online[pairs.a] != subjects.online[pairs.b]),
        "one_venue": _where(both_known(subjects.venue, pairs), same_code(subjects.venue, pairs)),
        "one_address": _where(both_known(subjects.venue, pairs) & (one >= 0) & (other >= 0), one == other),
        "bits_occasions": _counted(rows, subjects.aliases.occasions),
        "bits_towns": _counted(rows, subjects.aliases.towns),
        "bits_that_day": _rounded(np.minimum(subjects.density[pairs.a], subjects.density[pairs.b]), 0),
        "km": _rounded(km, 3),
        "sure": _rounded(np.where(np.isnan(km), np.nan, sure), 2),
        "gap": pl.Series(meeting.gap),
        "moved": pl.Series(meeting.announced),
        "common": _rounded(meeting.common, 2),
        "days_a": pl.Series(days[0]),
        "days_b": pl.Series(days[1]),
        "minutes": _rounded(meeting.apart, 0),
        "during": pl.Series(meeting.during | meeting.window),
    }


def _counted(rows: Ints, counts: Ints) -> pl.Series:
    """Look counts up: null where there is no row, and for 0."""
    found = np.zeros(len(rows), np.int32)
    found[rows >= 0] = counts[rows[rows >= 0]]
    return pl.Series(found).replace(0, None)


def _where(known: Mask, told: Mask) -> pl.Series:
    """Null where it is not known."""
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(told))).to_series()


def _rounded(numbers: npt.NDArray[np.floating[Any]], digits: int) -> pl.Series:
    """Round, as whoever reads does; what is not known becomes null."""
    return pl.Series(numbers.astype(np.float64)).fill_nan(None).round(digits)


def _spellings(pairs: pl.DataFrame, subjects: Subjects) -> pl.Series:
    """Spell the vocabulary as titles of the pairs do: (V,); a part of a compound as a title has it, a synonym as it is compared."""
    rows = pl.concat([pairs["a"], pairs["b"]]).unique()
    letters = r"[\p{L}\p{M}\p{N}]+"
    written = subjects.texts["title"].gather(rows).str.extract_all(letters).explode().drop_nulls()
    counts = written.rename("spelt").value_counts(name="n").with_columns(folded=folded(pl.col("spelt")))
    shouted = (pl.col("spelt") == pl.col("spelt").str.to_uppercase()) & (pl.col("spelt") != pl.col("folded"))
    # Of the forms of a word the shortest is the plain one.
    counts = counts.sort(
        shouted, pl.col("spelt").str.len_chars(), "n", "spelt", descending=[False, False, True, False]
    )
    stems = pl.Series("word", [stem(word) for word in counts["folded"]], dtype=pl.String)
    whole = counts.with_columns(stems).unique("word", keep="first").select("word", "spelt")
    known = subjects.vocabulary.rename("word").to_frame()
    missing = known.join(whole, on="word", how="anti")["word"]
    spelt = pl.concat([whole, _parts_spelt(missing, counts)])
    named = known.join(spelt, on="word", how="left", maintain_order="left")
    return named.select(pl.coalesce("spelt", "word").alias("word")).to_series()


def _parts_spelt(parts: pl.Series, counts: pl.DataFrame) -> pl.DataFrame:
    """Spell parts of compounds and synonyms: ``word``, ``spelt``. counts: ``spelt``, ``folded``, in the order in which they are preferred."""
    whole = _known_words()
    forms = pl.Series("form", [whole.get(part, part) for part in parts], dtype=pl.String)
    asked = parts.to_frame("word").with_columns(forms).filter(pl.col("form").str.len_chars() >= SHORTEST_PART)
    if asked.is_empty():
        return pl.DataFrame(schema={"word": pl.String, "spelt": pl.String})
    within = pl.col("folded").str.extract_many(asked["form"].unique().to_list(), overlapping=True)
    titled = (
        counts.select("spelt", form=within)
        .explode("form")
        .drop_nulls()
        .unique("form", keep="first", maintain_order=True)
    )
    found = asked.join(titled, on="form", how="left", maintain_order="left")
    # A loop over the distinct parts of compounds and synonyms, a few thousand of a million titles.
    spelt = [
        (None if compound is None else _cut_out(form, compound))
        or (form.capitalize() if word in whole else None)
        for word, form, compound in found.select("word", "form", "spelt").iter_rows()
    ]
    return found.select("word", pl.Series("spelt", spelt, dtype=pl.String)).drop_nulls()


@cache
def _known_words() -> dict[str, str]:
    """Map stems to the words of the lexicon that have them, the shortest of each."""
    words = lexicon.compound_parts() | {word for word in lexicon.synonym_words() if " " not in word}
    return {stem(word): word for word in sorted(words, key=lambda word: (-len(word), word))}


def _cut_out(part: str, compound: str) -> str | None:
    """Cut a folded part out of a word as it is written: ``fruehling`` out of ``Frühlingsfest``; null where it begins within a letter."""
    letters = [UMLAUTS.get(letter, letter) for letter in compound.lower()]
    starts = [0, *accumulate(map(len, letters))]
    begin = "".join(letters).find(part)
    if begin not in starts or begin + len(part) not in starts:
        return None
    cut = compound[starts.index(begin) : starts.index(begin + len(part))].lower()
    return cut.capitalize() if compound[0].isupper() else cut
