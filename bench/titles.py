"""Titles: how each source writes the name of an event, with its marks and its slips."""

from typing import Final

import numpy as np
import polars as pl

from bench import chance, definitions, noise
from bench.columns import Mask
from bench.definitions import Kind
from bench.grammar import Grammar, bank
from bench.habits import TYPES, Rows
from bench.happenings import EXTRA_DATE, UMBRELLA
from bench.times import dates, stale


def titles(rows: Rows, grammar: Grammar) -> pl.Series:
    """Write the titles."""
    titles = _plain_titles(rows, grammar)
    spelt = rows.happens("spelling", lambda source: source.spelling, habit=True)
    titles = noise.respelt(titles, spelt, rows.habit, definitions.spellings())
    titles = _marked(titles, rows)
    capitals = rows.happens("capitals", lambda source: source.capitals, habit=True)
    titles = noise.where(capitals, titles, titles.filter(pl.Series(capitals)).str.to_uppercase())
    emojis = rows.happens("emoji", lambda source: source.emojis, habit=True)
    faces = grammar.written("emoji", rows.habit[emojis], {})
    titles = noise.where(emojis, titles, titles.filter(pl.Series(emojis)) + " " + faces)
    return slips(titles, rows, "title")


def slips(texts: pl.Series, rows: Rows, purpose: str) -> pl.Series:
    """Mistype and misread some texts. purpose: so that each field slips on its own."""
    keys = chance.derived(rows.key, purpose)
    typed = rows.happens(f"typo {purpose}", lambda source: source.typos)
    texts = noise.mistyped(texts, typed & texts.is_not_null().to_numpy(), keys)
    return noise.misread(texts, rows.happens(f"ocr {purpose}", lambda source: source.ocr), keys)


def _plain_titles(rows: Rows, grammar: Grammar) -> pl.Series:
    """Write each title in the style of its source and type; a style that a kind lacks gives way to a plainer one."""
    lists = bank([_titles_of(kind, style) for kind in rows.kinds for style in definitions.STYLES])
    weights = [
        [source.styles.get(name, {"list": 1.0}).get(style, 0) for style in definitions.STYLES]
        for source in rows.sources
        for name in TYPES
    ]
    style = rows.drawn("style", weights, rows.source * len(TYPES) + rows.type)
    style = np.where(rows.truth.at.role[rows.event] == UMBRELLA, definitions.STYLES.index("series"), style)
    which = rows.kind * len(definitions.STYLES) + style
    return grammar.drawn(lists, which, chance.derived(rows.habit, "title"), rows.slots.to_dict())


def _titles_of(kind: Kind, style: str) -> tuple[str, ...]:
    plainer = {
        "series": "list",
        "ticket": "calendar",
        "organiser": "calendar",
        "headline": "calendar",
        "calendar": "list",
    }
    while style not in kind.titles:
        style = plainer[style]
    return kind.titles[style]  # type: ignore[index]


MARKS: Final = {
    "cancelled": ("ABGESAGT: {}", "{} – entfällt!", "{} (abgesagt)", "ENTFÄLLT {}", "Abgesagt! {}"),
    "sold_out": ("{} – ausverkauft", "AUSVERKAUFT: {}", "{} (ausverkauft)", "{} *ausverkauft*"),
    "moved": ("{} (verlegt)", "VERLEGT! {}", "{} – Nachholtermin", "{} VERLEGT VOM "),
    "extra": ("Zusatztermin: {}", "{} – Zusatzshow", "Zusatzvorstellung: {}", "{} (Zusatztermin)"),
}


def _marked(titles: pl.Series, rows: Rows) -> pl.Series:
    truth = rows.truth
    told = rows.happens("mark", lambda source: source.marks)
    facts = {
        "cancelled": truth.cancelled[rows.event],
        "sold_out": truth.sold_out[rows.event],
        "moved": (truth.moved_from[rows.event] != -1) & ~stale(rows),
        "extra": truth.at.role[rows.event] == EXTRA_DATE,
    }
    for mark, fact in facts.items():
        titles = _with_mark(titles, fact & told, rows, mark)
    return titles


def _with_mark(titles: pl.Series, hit: Mask, rows: Rows, mark: str) -> pl.Series:
    forms = [form.split("{}") for form in MARKS[mark]]
    which = chance.below(rows.habit[hit], mark, len(forms))
    before = pl.Series([form[0] for form in forms]).gather(which)
    after = pl.Series([form[1] for form in forms]).gather(which)
    dated = pl.select(
        pl.when(pl.lit(after.str.ends_with("VOM ")))
        .then(pl.lit(after + _numeric(rows, hit)))
        .otherwise(pl.lit(after))
    ).to_series()
    return noise.where(hit, titles, before + titles.filter(pl.Series(hit)) + dated)


def _numeric(rows: Rows, hit: Mask) -> pl.Series:
    """Write the day that a moved event was announced for before: ``25.2.``."""
    return dates(rows.truth.moved_from[rows.event[hit]]).dt.strftime("%-d.%-m.")
