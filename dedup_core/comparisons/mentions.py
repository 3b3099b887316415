"""Mentions: title words that the other listing has elsewhere, in its venue, its address or its text.

A headline names no event, but the text below it does; one title says where, another leaves that to the address. A text may speak of
other events, too, so a mention counts less the longer the text is; what differs in day, hour or place stays for the other
comparisons and the vetoes to tell.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from dedup_core.chunks import each
from dedup_core.comparisons.pairs import Mask, Pairs, Rows
from dedup_core.corpus import TEXT_PREFIX
from dedup_core.folding import folded
from dedup_core.normalising import telling_words
from dedup_core.subjects import Floats, Ints, Subjects
from dedup_core.venues import church_word, generic_words

CHUNK: Final = 100_000
"""Pairs compared at once: keeps the copies of rows under about 100 MB."""


TEXTS: Final = 20_000
"""Texts that a thread reads at once, at most; bounds the memory of their words."""

TEXTS_WORTH_IT: Final = 1_000
"""Texts; fewer are read faster at once than side by side."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """Of p pairs, in bits (p,): what of a title's own words the other mentions.

    a, b: information of a's own words that b mentions, and the reverse; hosts_a, places_a and the reverse: of those among them that say who
    invites, and of those that only say where it is.   told: what the mentions in texts add, long texts
    less.   rarest: information of the rarest word that a text mentions.   placed: of the title words that name the other's venue, of
    the side with more.
    """

    a: Floats
    b: Floats
    hosts_a: Floats
    hosts_b: Floats
    places_a: Floats
    places_b: Floats
    told: Floats
    rarest: Floats
    placed: Floats

    def part(self, start: int, end: int) -> "Mentions":
        """Keep a range of the pairs."""
        return Mentions(*(getattr(self, name)[start:end] for name in self.__slots__))


def mentions_of(pairs: Pairs, by_text: Mask, subjects: Subjects) -> Mentions:
    """Look each title's own words up in the other's venue and address, and where ``by_text`` (p,) in its text and its title as written."""
    rows, back = np.unique(np.concatenate([pairs.a, pairs.b]), return_inverse=True)
    said = _mentioned(rows, subjects)
    places = (back[: len(pairs)], back[len(pairs) :])
    chunks = [slice(start, start + CHUNK) for start in range(0, max(1, len(pairs)), CHUNK)]
    parts = each(chunks, lambda part: _of_both(part, pairs, places, by_text, said, subjects))
    return Mentions(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _of_both(
    part: slice,
    pairs: Pairs,
    places: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    by_text: Mask,
    said: "Said",
    subjects: Subjects,
) -> tuple[Floats, ...]:
    """Find the columns of `Mentions` for a part of the pairs. places: of both sides in ``said``."""
    ends, asked = Pairs(pairs.a[part], pairs.b[part]), by_text[part]
    left, right = (rows[part] for rows in places)
    a, b = (
        _of_one(ends, right, asked, said, subjects),
        _of_one(Pairs(ends.b, ends.a), left, asked, said, subjects),
    )
    both = [column for columns in zip(a[:3], b[:3], strict=True) for column in columns]
    return *both, a[3] + b[3], np.maximum(a[4], b[4]), np.maximum(a[5], b[5])


def _of_one(
    pairs: Pairs,
    other: npt.NDArray[np.int64],
    by_text: Mask,
    said: "Said",
    subjects: Subjects,
) -> tuple[Floats, ...]:
    """Find what of the titles of ``pairs.a`` the others mention: the columns of `Mentions` for one side. other: (p,) their rows in ``said``."""
    words = subjects.words[pairs.a]
    own = words - words.multiply(subjects.has_word[pairs.b])
    by_place = own.multiply(said.places[other])
    left = own - by_place
    asked = sparse.diags_array(by_text.astype(np.float32)).tocsr()
    told = sparse.csr_array(left.multiply(asked @ said.texts[other]))
    # That a text speaks of the place where the event is, or of who invites to it and to much else, says nothing more of the event.
    place = subjects.has_place_word[pairs.a]
    host = (subjects.hosts[pairs.a] > 0).astype(np.float32)
    named = sparse.csr_array(told - told.multiply(place))
    chances = np.repeat(said.lengths[other], np.diff(named.indptr))
    gain = sparse.csr_array(
        (np.maximum(named.data - chances, 0), named.indices, named.indptr), shape=named.shape
    )
    rarest = named.max(axis=1).toarray().ravel().astype(np.float32)
    placed = _venue_named(own, subjects.venue[pairs.b], said)
    mentioned = by_place + told
    hosts, places = _sums(mentioned.multiply(host)), _sums(mentioned.multiply(place))
    return _sums(mentioned), hosts, places, _sums(gain), rarest, placed


NAMED: Final = 0.5
"""Share of the words of a venue's name that name it."""


def _venue_named(own: sparse.csr_array, venue: Ints, said: "Said") -> Floats:
    """Sum the bits of the title words that name a venue: (p,), 0 where they are too few of its words to mean it.

    own: (p, V) title words. venue: (p,) codes, -1 if not known.
    """
    words = sparse.csr_array(own.multiply(said.venues[venue]))
    words.eliminate_zeros()
    named = (venue >= 0) & (np.diff(words.indptr) >= np.maximum(NAMED * said.venue_sizes[venue], 1))
    return np.where(named, _sums(words), np.float32(0))


def _sums(matrix: sparse.csr_array) -> Floats:
    sums: Floats = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    return sums


@dataclass(frozen=True, slots=True)
class Said:
    """What r events say beside the core of their titles, in words of titles.

    places, texts: (r, V), 1 where a word is.   lengths: (r,) bits of a text's length.
    venues: (k + 1, V) ones for the names of k venues, words for kinds of venues left out, the last row empty; venue_sizes: (k + 1,) words of each.
    """

    places: sparse.csr_array
    texts: sparse.csr_array
    lengths: Floats
    venues: sparse.csr_array
    venue_sizes: Floats


def _mentioned(rows: Rows, subjects: Subjects) -> Said:
    threads = pl.thread_pool_size()
    rounds = max(1, -(-len(rows) // (TEXTS * threads)))
    at_once = max(TEXTS_WORTH_IT, -(-len(rows) // (rounds * threads)))
    chunks = [rows[start : start + at_once] for start in range(0, max(1, len(rows)), at_once)]
    parts = list(each(chunks, partial(_read, subjects=subjects)))
    places, texts = (sparse.csr_array(sparse.vstack(side, format="csr")) for side in zip(*parts, strict=True))
    lengths = np.log2(1 + np.diff(texts.indptr)).astype(np.float32)
    return Said(places, texts, lengths, *_venues(subjects))


def _venues(subjects: Subjects) -> tuple[sparse.csr_array, Floats]:
    """Lay out the names of venues, with an empty one at the end that the code -1 leads to."""
    names = pl.concat([subjects.venue_title_words, pl.Series([""], dtype=pl.String)])
    generic = list(generic_words())
    words = (
        names.rename("parts").to_frame().with_row_index("row").with_columns(pl.col("parts").str.split(" "))
    )
    telling = words.explode("parts").filter(~pl.col("parts").is_in(generic), pl.col("parts") != "").unique()
    sizes = np.bincount(telling["row"].to_numpy(), minlength=len(names)).astype(np.float32)
    return _ones(telling.join(_tokens(subjects), on="parts"), len(names), subjects), sizes


def _read(rows: Rows, subjects: Subjects) -> tuple[sparse.csr_array, sparse.csr_array]:
    said = subjects.texts[rows].with_columns(template=pl.Series(subjects.template[rows]))
    where = pl.concat_str("venue", "district", "street", separator=" ", ignore_nulls=True)
    own = pl.when(~pl.col("template"))
    text = pl.concat_str(
        "title",
        own.then(pl.col("description").str.slice(0, TEXT_PREFIX)),
        own.then("short_description"),
        separator=" ",
        ignore_nulls=True,
    )
    places = _words(said.select(where).to_series(), subjects, without=church_word())
    return places, _words(said.select(text).to_series(), subjects)


def _words(texts: pl.Series, subjects: Subjects, *, without: str | None = None) -> sparse.csr_array:
    """Turn texts into words as titles are, those of no title left out: (n, V), 1 where a word is.

    without: a word not to be heard: a choir's "Kirche" is not the Lutherkirche that it sings in.
    """
    plain = texts.to_frame("text").select(folded(pl.col("text")).fill_null("")).to_series()
    said, parts = telling_words(plain)
    known = parts.filter(pl.col("parts").ne_missing(without)).join(_tokens(subjects), on="parts")
    return _ones(said.join(known, on="word"), len(texts), subjects)


def _tokens(subjects: Subjects) -> pl.DataFrame:
    """Number the words of titles: ``parts``, ``token``."""
    tokens = pl.int_range(len(subjects.vocabulary), dtype=pl.Int32, eager=True)
    return pl.DataFrame({"parts": subjects.vocabulary, "token": tokens})


def _ones(words: pl.DataFrame, n: int, subjects: Subjects) -> sparse.csr_array:
    """Lay out words: (n, V). words: ``row``, ``token``; as often as one likes."""
    ends = (words["row"].cast(pl.Int32).to_numpy(), words["token"].to_numpy())
    ones = sparse.csr_array((np.ones(words.height, np.float32), ends), shape=(n, len(subjects.vocabulary)))
    ones.data[:] = 1  # what was said twice was summed
    return ones
