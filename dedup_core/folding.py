"""Folding: bring all spellings of one text to the same letters, digits and single spaces.

Folding joins what should stay apart now and then ("Masse" and "Maße") and never the reverse; scoring sees the
other evidence. Both functions run the same engine, so a text folds alike alone and in a column, on every version
of Python; the lexicon is folded by it too, or its entries would never be found.
"""

import html
import re
from collections.abc import Callable
from html.entities import html5
from typing import Final

import polars as pl

_NESTED_AMPERSAND: Final = re.compile(r"&(?:(?:amp|#0*38|#x0*26);)+", re.IGNORECASE)
_ENTITY: Final = re.compile(
    r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]*);|&(?:amp|quot|nbsp|szlig|[aouAOU]uml)\b"
)
_MAX_UNESCAPES: Final = 10
"""Each pass reads the text once; without a limit a text of nested entities costs the square of its length."""

_DROPPED: Final = r"['\u2018\u2019\u201B\u02BC`\u00B4\u2032\uFF07\u00AD\u200B-\u200D\u2060\uFEFF\u2120\u2122]"
"""Apostrophes, soft hyphens, joiners and trademark signs: they vanish without a gap. Before NFKD, which splits some."""

_INVISIBLE: Final = r"[\u00AD\u200B-\u200D\u2060\uFEFF]"
_DASHES: Final = r"[\u2010-\u2015\u2212]"
_APOSTROPHES: Final = r"[\u2018\u2019\u201B\u02BC`\u00B4\u2032]"

_LETTERS: Final = {
    "a\u0308": "ae",
    "o\u0308": "oe",
    "u\u0308": "ue",
    "ß": "ss",
    "ς": "σ",
    "ł": "l",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ħ": "h",
    "ŧ": "t",
    "ı": "i",
    "æ": "ae",
    "œ": "oe",
    "\u02bc": "",
    "\u2032": "",
}
"""Letters that NFKD leaves whole, the umlauts as NFKD leaves them, apostrophes that it brings forth; all lower case."""


def _character(entity: re.Match[str]) -> str:
    """Return the character that one entity stands for, or the text as it is: ``&Wein;`` is no entity."""
    name = entity[0][1:]
    return html.unescape(entity[0]) if name[0] == "#" or name in html5 else entity[0]


def unescape(text: str) -> str:
    """Replace HTML entities, nested ones too: ``&amp;amp;`` becomes ``&``. At most ten levels deep."""
    for _ in range(_MAX_UNESCAPES):
        plain = _ENTITY.sub(_character, _NESTED_AMPERSAND.sub("&", text))
        if plain == text:
            break
        text = plain
    return text


def unescaped(expr: pl.Expr) -> pl.Expr:
    """Replace HTML entities in a column of texts, as `unescape` does; null stays null."""
    return _changed(expr, "&", unescape)


def lowered(expr: pl.Expr) -> pl.Expr:
    """Lower a column of texts but keep their punctuation and umlauts: what the lexicon's patterns are written for.

    Entities unescaped, NFKC, soft hyphens and zero-width characters gone, dashes as ``-``, apostrophes as ``'``, spaces single.
    """
    plain = unescaped(expr).str.replace_all(_INVISIBLE, "").str.normalize("NFKC").str.to_lowercase()
    dashed = plain.str.replace_all(_DASHES, "-").str.replace_all(_APOSTROPHES, "'")
    return dashed.str.replace_all(r"\s+", " ").str.strip_chars(" ")


_MISREAD: Final = (
    (r"([a-zäöüß])(I(?:mpuls|mpro|mmobil|mker|mport|dee|talien|rland|slam|kone))", "${1} ${2}"),
    (r"([b-df-hj-np-tv-xzß])(II+)\b", "${1} ${2}"),
    (r"([a-zäöüß])II", "${1}ll"),
    (r"([a-zäöüß])I([a-mo-zäöüß])", "${1}l${2}"),
    (r"(\p{Ll})1(\p{Ll})", "${1}l${2}"),
    (r"(\p{L})0(\p{L})", "${1}o${2}"),
)
"""Capitals and digits within a word that text recognition took for letters: `HexenbaII`, `go1den`. Not the I of `BürgerInnen`, nor that of a
word that begins with it, `StadtImpuls`, nor a number behind a consonant, `TheaterII`, as no word ends with r and two l."""

_PERHAPS_MISREAD: Final = r"\p{Ll}I|\p{L}[01]\p{L}"


def well_read(expr: pl.Expr) -> pl.Expr:
    """Replace what text recognition reads for l and o within words of a column of texts as they were written, in the few that may have any."""
    return expr.map_batches(_well_read_column, return_dtype=pl.String, is_elementwise=True)


def _well_read_column(column: pl.Series) -> pl.Series:
    rows = column.str.contains(_PERHAPS_MISREAD).fill_null(value=False).arg_true()
    if rows.is_empty():
        return column
    plain = column.gather(rows)
    for misread, letters in _MISREAD:
        plain = plain.str.replace_all(misread, letters)
    return column.clone().scatter(rows, plain)


_SET_WIDE: Final = r"\b[^\W\d_](?: [^\W\d_]){3,}\b"


def unspaced(expr: pl.Expr) -> pl.Expr:
    """Close the gaps of words that are set wide, `S T R A S S E N F E S T`, in a column of texts; the few that are reach Python."""
    return _changed(
        expr, _SET_WIDE, lambda text: re.sub(_SET_WIDE, lambda found: found[0].replace(" ", ""), text)
    )


def _changed(expr: pl.Expr, sign: str, change: Callable[[str], str]) -> pl.Expr:
    """Change the few texts of a column that hold a sign; the others never reach Python."""

    def of_column(column: pl.Series) -> pl.Series:
        rows = column.str.contains(sign).fill_null(value=False).arg_true()
        if rows.is_empty():
            return column
        plain = [change(text) for text in column.gather(rows)]
        return column.clone().scatter(rows, pl.Series(plain, dtype=pl.String))

    return expr.map_batches(of_column, return_dtype=pl.String, is_elementwise=True)


_BROKEN: Final = re.compile(
    r"(?<=[^\W\d_]{2})-\s+(?!(?:und|u|oder|bis|sowie|bzw|beziehungsweise|and|or|et|ou|mit|ohne|ein|eine|einen|der|die|das|den|dem|für|im|in|am|an|auf|aus|von|vom|zu|zum|zur|bei|beim|durch|alles|gemeinsam)\b)(?=[a-zäöüß])"
)
_PERHAPS_BROKEN: Final = r"\p{L}{2}-\s+\p{Ll}"


def unbroken(expr: pl.Expr) -> pl.Expr:
    """Close words that a line break parted, `Som- merfest`, in a column of texts; not `Floh- und Trödelmarkt`. The few that are reach Python."""
    return _changed(expr, _PERHAPS_BROKEN, lambda text: _BROKEN.sub("", text))


_ALIKE: Final = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "Ä": "ae",
    "Ö": "oe",
    "Ü": "ue",
    "ß": "ss",
    **dict(zip("áàâåãçéèêëíìîïñóòôõúùûÁÀÂÅÇÉÈÊËÓÔÚ", "aaaaaceeeeiiiinoooouuuaaaaceeeeoou", strict=True)),
    **dict.fromkeys("–—„“”«»…·•€→\u00a0", " "),
    **dict.fromkeys("'`´’‘\u00ad", ""),
}
"""Characters that German texts have beside those of ASCII, and what folding makes of them wherever they stand; with the quotes that vanish."""

_ENTITY_BEGINS: Final = r"&[#A-Za-z]"

_GAPS: Final = r"[\x00-\x1f!-/:-@\[-`{-\x7f][\x00-\x20!-/:-@\[-`{-\x7f]*| [\x00-\x20!-/:-@\[-`{-\x7f]+"
"""Runs of ASCII that are neither letters nor digits, but for single spaces, which stay as they are."""


def folded(expr: pl.Expr) -> pl.Expr:
    """Fold a column of texts; null stays null, a text without letters and digits becomes empty.

    Entities unescaped, compatibility forms and capitals levelled, ä ö ü ß as ae oe ue ss, other marks stripped,
    apostrophes removed, every run of anything else one space. One million titles take about half a second.
    """
    return expr.map_batches(_folded_column, return_dtype=pl.String, is_elementwise=True)


_QUICKLY: Final = (
    pl.col("text")
    .str.replace_many(_ALIKE)
    .str.to_lowercase()
    .str.replace_all(_GAPS, " ")
    .str.strip_chars(" ")
    .alias("plain")
)

_OTHERWISE: Final = (
    (pl.col("plain").str.len_bytes() != pl.col("plain").str.len_chars())
    | pl.col("text").str.contains(_ENTITY_BEGINS)
).fill_null(value=False)
"""Where other characters are left, or entities."""


def _folded_column(column: pl.Series) -> pl.Series:
    """Fold what is ASCII but for a few characters, as most texts are, in a quarter of the time; and the others thoroughly."""
    texts = column.alias("text").to_frame()
    found = texts.with_columns(_QUICKLY)
    rows = found.select(_OTHERWISE.arg_true()).to_series()
    if rows.is_empty():
        return found["plain"]
    others = texts["text"].gather(rows).to_frame().select(_folded_thoroughly(pl.col("text")))
    return found["plain"].scatter(rows, others.to_series())


def _folded_thoroughly(expr: pl.Expr) -> pl.Expr:
    """Fold by the tables of Unicode."""
    letters = unescaped(expr).str.replace_all(_DROPPED, "").str.normalize("NFKD").str.to_lowercase()
    plain = letters.str.replace_many(_LETTERS).str.replace_all(r"\p{Mn}+", "")
    return plain.str.replace_all(r"[^\p{Alphabetic}\p{N}]+", " ").str.strip_chars(" ")


def fold_all(texts: list[str]) -> list[str]:
    """Fold many texts at once, in order."""
    return (
        pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
        .select(folded(pl.col("text")))
        .to_series()
        .to_list()
    )


def fold(text: str) -> str:
    """Fold one text exactly as `folded` does; for more than a few, `fold_all` is far cheaper."""
    return fold_all([text])[0]
