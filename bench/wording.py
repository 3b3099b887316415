"""Wording: what stands under a title: texts, categories and traits."""

import numpy as np
import polars as pl

from bench import chance, definitions, noise
from bench.chance import Keys
from bench.columns import Mask, either, kept
from bench.grammar import Grammar, bank
from bench.habits import Rows
from bench.titles import slips


def texts(rows: Rows, grammar: Grammar) -> dict[str, pl.Series]:
    """Write description, short description and highlights."""
    modes = definitions.MODES
    mode = rows.drawn("text", [[source.text[name] for name in modes] for source in rows.sources])
    is_mode = {name: mode == number for number, name in enumerate(modes)}
    shared = is_mode["press"] | is_mode["cut"]
    keys = chance.derived(np.where(shared, rows.truth.at.group[rows.event], rows.habit), "text")
    told = _sentences(rows, keys, grammar, ~is_mode["none"] & ~is_mode["boiler"])
    whole = pl.select(
        pl.concat_str([pl.lit(sentence) for sentence in told], separator=" ", ignore_nulls=True)
    ).to_series()
    cut = whole.str.slice(0, 90) + "…"
    template = _boilers(rows, grammar)
    text = either(is_mode["cut"], cut, either(is_mode["boiler"], template, whole))
    text = slips(kept(~is_mode["none"], text), rows, "text")
    brief = chance.happens(rows.habit, "brief", 0.3) & ~is_mode["boiler"]
    both = chance.happens(rows.habit, "both", 0.35) & ~is_mode["none"] & ~is_mode["boiler"]
    listed = both & chance.happens(rows.habit, "highlights", 0.4)
    return {
        "short_description": either(brief, text, kept(both, told[0])),
        "description": kept(~brief, text),
        "highlights": pl.DataFrame({"one": kept(listed, told[1])})
        .select(pl.when(pl.col("one").is_not_null()).then(pl.concat_list("one")))
        .to_series(),
    }


def _sentences(rows: Rows, keys: Keys, grammar: Grammar, told: Mask) -> list[pl.Series]:
    """Write up to three sentences a listing; a kind that has fewer leaves the rest null."""
    given = rows.slots.filter(pl.Series(told)).to_dict()
    written = []
    for number in range(3):
        lists = bank([kind.texts[number] if len(kind.texts) > number else ("",) for kind in rows.kinds])
        own = chance.derived(keys[told], f"sentence {number}")
        texts = grammar.drawn(lists, rows.kind[told], own, given)
        empty = pl.repeat(None, len(keys), dtype=pl.String, eager=True)
        written.append(noise.where(told, empty, texts.replace("", None)))
    return written


def _boilers(rows: Rows, grammar: Grammar) -> pl.Series:
    """Write the text that a source puts under everything of a kind."""
    lists = bank([kind.boiler for kind in rows.kinds])
    keys = chance.joined(chance.derived(rows.world.places.keys[:1], "boiler"), rows.source * 64 + rows.kind)
    return grammar.drawn(lists, rows.kind, keys, rows.slots.to_dict())


def categories(rows: Rows, grammar: Grammar) -> pl.Series:
    """Write the categories in the vocabulary of the source."""
    lists = bank([kind.categories[name] for kind in rows.kinds for name in definitions.VOCABULARIES])
    spoken = np.array([definitions.VOCABULARIES.index(source.vocabulary) for source in rows.sources])[
        rows.source
    ]
    keys = np.where(
        chance.happens(rows.habit, "own category", 0.3), rows.habit, rows.truth.at.group[rows.event]
    )
    names = grammar.drawn(
        lists, rows.kind * len(definitions.VOCABULARIES) + spoken, chance.derived(keys, "category"), {}
    )
    split = names.str.to_lowercase().str.split(",")
    return kept(~chance.happens(rows.habit, "no category", 0.12), split)


def traits(rows: Rows) -> dict[str, pl.Series]:
    """Write what a source says of price, age and registration; most of it unknown or right."""
    known_traits = [definitions.kinds().groups[kind.group] for kind in rows.kinds]

    def told(name: str, shares: list[float], known: float) -> pl.Series:
        true = chance.happens(
            chance.derived(rows.truth.at.group[rows.event], name), "true", np.array(shares)[rows.kind]
        )
        right = true ^ chance.happens(rows.habit, f"{name} wrong", 0.03)
        return kept(chance.happens(rows.habit, f"{name} known", known), pl.Series(right))

    registration = told("registration", [trait.registration for trait in known_traits], 0.6)
    contact = "info@" + rows.slots["place"].str.to_lowercase().str.replace_all(r"[^a-z]+", "-") + ".example"
    asked = registration.fill_null(value=False).to_numpy() & chance.happens(rows.habit, "contact", 0.6)
    return {
        "is_family_event": told("family", [trait.family for trait in known_traits], 0.7),
        "is_child_focused": told("child", [trait.child for trait in known_traits], 0.7),
        "admission_free": told("free", [trait.free for trait in known_traits], 0.5),
        "registration_required": registration,
        "registration_contact": kept(asked, contact),
        "confidence_score": pl.Series((0.55 + 0.43 * chance.uniform(rows.key, "confidence")).round(2)),
    }
