"""Spoken cases: verdicts as a suite of cases, so that what editors said stays true of every policy and every version to come.

A case is made only where all that it claims was said, or follows: which listings are one event, and that the others are not. What nobody said
of two listings, no case claims; a verdict that would bring such a claim along is left out, and told. A wrong verdict makes a wrong case:
whoever takes it back exports again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any, Final

import yaml

from dedup_core.contradicting import Listing, Said
from dedup_core.hard_cases import MOST_LISTINGS, OWN_ROW

PHENOMENON: Final = "said by an editor"
KEYS: Final = [*ascii_lowercase, *(f"{letter}{digit}" for letter in ascii_lowercase for digit in range(10))]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spoken:
    """Listings of which is known what they are. camps: lists of listings that are one event each; any two camps are two events."""

    camps: tuple[tuple[Listing, ...], ...]
    verdicts: tuple[Said, ...]


def spoken_cases(verdicts: Iterable[Said]) -> tuple[list[Spoken], list[Said]]:
    """Make cases of verdicts on pairs, in force and without contradiction; each listing is in one case at most.

    Returns:
        the cases, and the verdicts that went into none.
    """
    said = sorted(
        (one for one in verdicts if one.b is not None),
        key=lambda one: (one.a, one.b or ("", ""), one.sequence),
    )
    camp_of = _camps(said)
    foes = _foes(said, camp_of)
    used = set[Listing]()
    cases = []
    for leader in sorted(set(camp_of.values())):
        if leader not in used and (chosen := _chosen(leader, camp_of, foes, used)):
            used |= set(chosen)
            cases.append(_spoken(chosen, camp_of, said))
    told = {one.sequence for case in cases for one in case.verdicts}
    return cases, [one for one in said if one.sequence not in told]


def _camps(said: Sequence[Said]) -> dict[Listing, Listing]:
    """Name the camp of each listing by its first listing."""
    listings = sorted({listing for one in said for listing in (one.a, one.b) if listing is not None})
    leader = {listing: listing for listing in listings}

    def found(listing: Listing) -> Listing:
        while leader[listing] != listing:
            listing = leader[listing]
        return listing

    for one in said:
        if one.kind == "must_link" and one.b is not None:
            low, high = sorted((found(one.a), found(one.b)))
            leader[high] = low
    return {listing: found(listing) for listing in listings}


def _foes(said: Sequence[Said], camp_of: Mapping[Listing, Listing]) -> dict[Listing, set[Listing]]:
    foes: dict[Listing, set[Listing]] = {}
    for one in said:
        if one.kind == "cannot_link" and one.b is not None:
            a, b = camp_of[one.a], camp_of[one.b]
            foes.setdefault(a, set()).add(b)
            foes.setdefault(b, set()).add(a)
    return foes


def _chosen(
    leader: Listing,
    camp_of: Mapping[Listing, Listing],
    foes: Mapping[Listing, set[Listing]],
    used: set[Listing],
) -> list[Listing]:
    """Choose camps that are foes, each of each: the first one, and of its foes those that fit. Empty if they make no case."""
    sizes: dict[Listing, int] = {}
    for camp in camp_of.values():
        sizes[camp] = sizes.get(camp, 0) + 1
    chosen = [leader]
    for foe in sorted(foes.get(leader, set()) - used):
        fits = all(foe in foes[other] for other in chosen)
        if fits and sum(sizes[camp] for camp in (*chosen, foe)) <= MOST_LISTINGS:
            chosen.append(foe)
    size = sum(sizes[camp] for camp in chosen)
    return chosen if 2 <= size <= MOST_LISTINGS else []


def _spoken(chosen: Sequence[Listing], camp_of: Mapping[Listing, Listing], said: Sequence[Said]) -> Spoken:
    camps = tuple(
        tuple(sorted(listing for listing, camp in camp_of.items() if camp == leader)) for leader in chosen
    )
    inside = {listing for camp in camps for listing in camp}
    return Spoken(camps, tuple(one for one in said if one.a in inside and one.b in inside))


def suite_texts(
    cases: Sequence[Spoken], listings: Mapping[Listing, Row], reasons: Mapping[int, str]
) -> tuple[str, str]:
    """Write a suite as `dedup_core.hard_cases.read_suite` reads it: the text of its sources, and that of its cases.

    listings: LISTING_SCHEMA as rows. reasons: number of a verdict -> what its author gave for a reason.
    """
    known = sorted({listing[0] for case in cases for camp in case.camps for listing in camp})
    sources = {
        code: {"habit": "a source of the database", "type": "terminliste", "ids": "number"} for code in known
    }
    written = [_case(case, listings, reasons) for case in cases]
    rows = [{"row": OWN_ROW, "phenomenon": PHENOMENON, "cases": written}] if written else []
    return _yaml(sources), _yaml(rows)


def _yaml(document: object) -> str:
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=150)


def _case(case: Spoken, listings: Mapping[Listing, Row], reasons: Mapping[int, str]) -> dict[str, Any]:
    keys = dict(zip((listing for camp in case.camps for listing in camp), KEYS, strict=False))
    said = [reasons[one.sequence] for one in case.verdicts if one.sequence in reasons]
    authors = ", ".join(sorted({one.author for one in case.verdicts}))
    return {
        "id": f"r{OWN_ROW:02}-verdict-{min(one.sequence for one in case.verdicts)}",
        "why": "; ".join(dict.fromkeys(said)) or f"so says {authors}",
        "listings": {key: _listing(listings[listing]) for listing, key in keys.items()},
        "expect": {"clusters": [[keys[listing] for listing in camp] for camp in case.camps]},
    }


PLAIN: Final = {
    "venue": "venue",
    "city": "city",
    "district": "district",
    "street": "street",
    "street_no": "nr",
    "zipcode": "zip",
    "source_type": "type",
    "description": "text",
    "short_description": "short",
    "is_family_event": "family",
    "is_child_focused": "child",
    "admission_free": "free",
    "registration_contact": "registration",
}
"""Column of a listing -> its name in the compact notation."""

UNSURE: Final = 0.5
"""Confidence of coordinates that come without one, as the matcher takes it."""


def _listing(row: Row) -> dict[str, Any]:
    """Write a listing in the compact notation; what only the output shows is left out."""
    return {
        "source": row["source_code"],
        "id": row["id"],
        "title": row["title"],
        "when": [dict(_occurrence(each)) for each in row["event_dates"]],
        **{name: row[column] for column, name in PLAIN.items() if row[column] is not None},
        **dict(_more(row)),
    }


def _occurrence(each: Row) -> Iterator[tuple[str, str]]:
    for name, value in each.items():
        if value is not None:
            yield name, str(value)


def _more(row: Row) -> Iterator[tuple[str, Any]]:
    if row["latitude"] is not None and row["longitude"] is not None:
        confidence = UNSURE if row["geo_confidence"] is None else row["geo_confidence"]
        yield "geo", [row["latitude"], row["longitude"], confidence]
    if row["country"] is not None:
        yield "country", row["country"]
    if row["sanitized_city"] is not None and row["sanitized_confidence"] is not None:
        place = {"city": row["sanitized_city"], "confidence": row["sanitized_confidence"]}
        district = {"district": row["sanitized_district"]} if row["sanitized_district"] is not None else {}
        yield "sanitized", {**place, **district}
    if row["categories"]:
        yield "cats", list(row["categories"])
    if row["highlights"]:
        yield "highlights", list(row["highlights"])
