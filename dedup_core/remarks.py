"""Remarks: what was seen of a pair, put into sentences for who reads an explanation.

A remark is a text with places for values, so that a page can say it in its reader's language. What is stored may be older than this
module, or newer: what is not there is not spoken of.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias


class Bits(float):
    """Evidence, written with its sign."""


class Share(float):
    """A part of one, written in per cent."""


class Thousandths(float):
    """A number of which three digits tell enough: ``0.42``, ``4.2``, ``42``."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A text with places in braces. values: by place; of several remarks a list is made."""

    text: str
    values: Mapping[str, "Value"] = field(default_factory=dict)


Value: TypeAlias = str | int | Bits | Share | Thousandths | tuple[Remark, ...]

BOTH: Final = "Both titles: {words}."
ONLY: Final = "Only {who}: {words}."
WORD: Final = "{word} (1 in {n})"
RARE: Final = "{word} (rare, 1 in {n})"
MORE: Final = "{n} more"
ALIKE: Final = "Some words count in part: the other listing spells them otherwise, or has them in its text."
NO_WORD: Final = "The titles have no word in common."
SUM: Final = "In bits: {parts}."
SHARED: Final = "in common {bits}"
CAPPED: Final = "in common {bits} (more is not counted)"
EQUAL: Final = "nothing sets them apart {bits}"
DIFFER: Final = "only in one {bits}"
BESIDES: Final = "read as one {bits}"
ONE_POINT: Final = "The same coordinates."
METRES: Final = "{n} m apart."
KILOMETRES: Final = "{km} km apart."
SURE: Final = "The less sure of the two coordinates is {share} sure."
SAME_DAY: Final = "The same day."
SAME_DAYS: Final = "The same {n} days."
PARTLY: Final = "Days of each: {n} and {m}; what they share counts as {share} of all."
ONE_DAY_APART: Final = "One day apart."
DAYS_APART: Final = "{n} days apart."
MOVED: Final = "The one was moved from the other's day."
SAME_START: Final = "They begin at the same time."
MINUTES: Final = "The starts are {n} min apart."
HOURS: Final = "The starts are {h} h apart."
HOURS_AND_MINUTES: Final = "The starts are {h} h {m} min apart."
DURING: Final = "The one begins while the other lasts."
NO_DIFFERENCE: Final = "That counts nothing: doors open before the start, or the one lasts so long."
ONE_TOWN: Final = "The same town."
ONE_TOWN_OF: Final = "The same town; events there on that day: at least {n}."
TWO_TOWNS: Final = "Two towns."
ONLINE: Final = "The one takes place online, the other in a town."
ONE_VENUE: Final = "The same name."
ALIKE_VENUE: Final = "The names are alike, or one place is told to have both."
TWO_VENUES: Final = "The names differ."
ONE_ADDRESS: Final = "The names differ; the listings, or others of these venues, give one address."
ONE_HOUSE: Final = (
    "The names differ; {n} events of the town stand in one source under the one, in another under the other."
)
ONE_HOUSE_ELSEWHERE: Final = (
    "The names differ; in {n} towns an event stands in one source under the one, in another under the other."
)
TOLD_VENUE: Final = "A title names the other's venue."
CHANCE: Final = "The chance before anything is compared: 1 in {n}."
BEFORE: Final = "Without limits and vetoes the sum would be {bits}."
ONE_PLACE: Final = "Coordinates, venue and street tell of one place, so together they count only so much."

TEXTS: Final = frozenset(
    value for name, value in globals().items() if name.isupper() and isinstance(value, str)
)
"""All that a remark may say, for who translates it."""

WORTH_A_WORD: Final = 40
"""Minutes between two starts from which a reader wonders why they count nothing."""


def remarks(
    seen: Mapping[str, Any],
    names: tuple[str, str],
    bits: Mapping[str, float],
    *,
    limited: bool,
    digits: int = 2,
) -> dict[str, tuple[Remark, ...]]:
    """Put into sentences what was seen of a pair, by part of the evidence.

    seen: as `dedup_core.observations.OBSERVED`, what is no or unknown left out or not; empty if nothing is kept.   names: what to call the two listings.
    bits: of the parts that speak, as they are shown, with so many digits behind the point, and ``sum``.
    limited: whether a veto or another listing had its say.
    """
    said = {
        "prior": (Remark(CHANCE, {"n": one_in(-bits.get("prior", 0.0))}),),
        "title": tuple(_titles(seen, names, bits.get("title", 0.0), digits)),
        "date": tuple(_days(seen)),
        "time": tuple(_hours(seen, bits.get("time", 0.0))),
        "city": tuple(_towns(seen, bits.get("city", 0.0))),
        "venue": tuple(_venues(seen, bits.get("venue", 0.0))),
        "geo": tuple(_distance(seen)),
    }
    if bits.get("cap"):
        before = Remark(BEFORE, {"bits": Bits(round(bits["sum"] - bits["cap"], digits))})
        said["cap"] = (before,) if limited else (Remark(ONE_PLACE),)
    return {part: sentences for part, sentences in said.items() if sentences and part in bits}


def names_of(a: tuple[str, str], b: tuple[str, str]) -> tuple[str, str]:
    """Name two listings as short as they can be told apart: by their sources, or with their ids."""
    return (a[0], b[0]) if a[0] != b[0] else (":".join(a), ":".join(b))


def one_in(bits: float) -> int:
    """Turn bits of information into a number of which one has it, in two digits: 6.6 bits are one in 97."""
    number = max(1, round(2.0**bits))
    return int(round(number, 1 - math.floor(math.log10(number)))) if number >= 100 else number


def _titles(seen: Mapping[str, Any], names: tuple[str, str], bits: float, digits: int) -> list[Remark]:
    if not seen:
        return []
    said = []
    for text, name, who in ((BOTH, "both", ""), (ONLY, "only_a", names[0]), (ONLY, "only_b", names[1])):
        if seen.get(name):
            said.append(Remark(text, {"who": who, "words": _listed(seen, name)}))
    if not seen.get("both"):
        said.insert(0, Remark(NO_WORD))
    if seen.get("alike"):
        said.append(Remark(ALIKE))
    return [*said, *_sum(seen, bits, digits)]


def _listed(seen: Mapping[str, Any], name: str, most: int | None = None) -> tuple[Remark, ...]:
    given = seen.get("bits") or {}
    rare = given.get("rare") or math.inf
    told = [
        Remark(RARE if bits >= rare else WORD, {"word": word, "n": one_in(bits)})
        for word, bits in zip(seen[name], given.get(name) or [], strict=False)
    ]
    more = 0 if most else seen.get(f"{name}_more") or 0
    return (*told[:most], Remark(MORE, {"n": more})) if more else tuple(told[:most])


def _sum(seen: Mapping[str, Any], bits: float, digits: int) -> list[Remark]:
    """Say of what the title's evidence is made, where it is of more than one thing; the shown numbers add up to the shown sum."""
    given = seen.get("bits") or {}
    shared, equal = (round(given.get(name) or 0.0, digits) for name in ("shared", "equal"))
    differ = round(round(bits, digits) - shared - equal, digits)
    if abs(differ) < 1.5 * 10**-digits and shared:  # no more than what rounding leaves
        shared, differ = round(shared + differ, digits), 0.0
    parts = [
        Remark(text, {"bits": Bits(number)})
        for text, number in (
            (CAPPED if seen.get("capped") else SHARED, shared),
            (EQUAL, equal),
            (DIFFER if differ < 0 else BESIDES, differ),
        )
        if number
    ]
    return [Remark(SUM, {"parts": tuple(parts)})] if len(parts) > 1 else []


def _distance(seen: Mapping[str, Any]) -> list[Remark]:
    km = seen.get("km")
    if km is None:
        return []
    if km < 0.001:
        return [Remark(ONE_POINT)]
    far = Remark(METRES, {"n": round(km * 1000)}) if km < 1 else Remark(KILOMETRES, {"km": Thousandths(km)})
    return [far, Remark(SURE, {"share": Share(seen.get("sure") or 0.0)})]


def _days(seen: Mapping[str, Any]) -> list[Remark]:
    gap, common = seen.get("gap"), seen.get("common")
    if gap is None or common is None:
        return []
    n, m = seen.get("days_a") or 1, seen.get("days_b") or 1
    if gap > 0:
        far = Remark(ONE_DAY_APART) if gap == 1 else Remark(DAYS_APART, {"n": gap})
        return [far, Remark(MOVED)] if seen.get("moved") else [far]
    if common >= 1:
        return [Remark(SAME_DAY) if n == m == 1 else Remark(SAME_DAYS, {"n": max(n, m)})]
    return [Remark(PARTLY, {"n": n, "m": m, "share": Share(common)})]


def _towns(seen: Mapping[str, Any], bits: float) -> list[Remark]:
    one = seen.get("one_town")
    if one is None:
        return []
    if seen.get("online"):
        return [Remark(ONLINE)]
    there = (seen.get("bits") or {}).get("that_day")
    if one and there and bits > 0:
        return [Remark(ONE_TOWN_OF, {"n": there})]
    return [Remark(ONE_TOWN if one else TWO_TOWNS)]


def _venues(seen: Mapping[str, Any], bits: float) -> list[Remark]:
    if not seen:
        return []
    one = seen.get("one_venue")
    if one is None:
        return [Remark(TOLD_VENUE)]
    if one:
        return [Remark(ONE_VENUE)]
    return _one_house(seen) or [Remark(ALIKE_VENUE if bits >= 0 else TWO_VENUES)]


def _one_house(seen: Mapping[str, Any]) -> list[Remark]:
    """Say how the corpus knows that venues of two names are one."""
    counts = seen.get("bits") or {}
    if seen.get("one_address") is False:
        return []
    if counts.get("occasions"):
        return [Remark(ONE_HOUSE, {"n": counts["occasions"]})]
    if seen.get("one_address"):
        return [Remark(ONE_ADDRESS)]
    return [Remark(ONE_HOUSE_ELSEWHERE, {"n": counts["towns"]})] if counts.get("towns") else []


def _hours(seen: Mapping[str, Any], bits: float) -> list[Remark]:
    minutes = seen.get("minutes")
    if minutes is None:
        return []
    hours, left = divmod(minutes, 60)
    if not minutes:
        far = Remark(SAME_START)
    elif not hours:
        far = Remark(MINUTES, {"n": minutes})
    elif left:
        far = Remark(HOURS_AND_MINUTES, {"h": hours, "m": left})
    else:
        far = Remark(HOURS, {"h": hours})
    if minutes and seen.get("during"):
        return [far, Remark(DURING)]
    return [far, Remark(NO_DIFFERENCE)] if minutes >= WORTH_A_WORD and bits >= 0 else [far]


def _english(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def written(
    remark: Remark,
    *,
    digits: int = 2,
    text: Callable[[str], str] = lambda english: english,
    number: Callable[[float, int], str] = _english,
) -> str:
    """Write a remark. digits: of bits, behind the point; text: says a text in the reader's language; number: writes a number in it."""

    def shown(value: Value) -> str:
        match value:
            case tuple():
                return ", ".join(written(each, digits=digits, text=text, number=number) for each in value)
            case Bits():
                sign = "+" if value > 0 else "−" if value < 0 else "±"
                return sign + number(abs(value), digits)
            case Share():
                return f"{number(100 * value, 0)} %"
            case Thousandths():
                return number(value, 1 if value < 100 else 0)
            case int():
                return number(value, 0)
            case _:
                return str(value)

    return text(remark.text).format(**{place: shown(value) for place, value in remark.values.items()})


def in_brief(seen: Mapping[str, Any]) -> tuple[Remark, ...]:
    """Say the most telling of what was seen in a line: the rarest words in common, and how far apart hours, days and places are."""
    if not seen:
        return ()
    no_word = Remark(ALIKE if seen.get("alike") else NO_WORD)
    words = Remark(BOTH, {"words": _listed(seen, "both", 2)}) if seen.get("both") else no_word
    return (words, *_days(seen)[:1], *_hours(seen, 0.0)[:1], *_distance(seen)[:1])
