"""Listings: an event or a listing as fields with texts, in the order in which an editor reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from handlers.web.differences import Piece, marked
from handlers.web.languages import Language

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Title": ("title",),
    "When": ("event_dates",),
    "Venue": ("location.name",),
    "Town": ("location.city", "location.district"),
    "Address": ("location.street", "location.street_no", "location.zipcode"),
    "Coordinates": ("location.geo",),
    "In short": ("short_description",),
    "Description": ("description",),
    "Highlights": ("highlights",),
    "Categories": ("categories",),
    "Kind of text": ("source_type",),
    "For families": ("is_family_event",),
    "For children": ("is_child_focused",),
    "Free of charge": ("admission_free",),
    "Registration": ("registration_required", "registration_contact"),
}
"""What a field is called, and the places of the output format that it is made of."""

LONG: Final = ("In short", "Description", "Highlights")
MOST_DATES: Final = 12


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an event. sources: (source_code, id) of the listings that gave it; pinned_by: who set it by hand, which no listing gave.

    why: by which rule it was chosen among several listings.
    """

    name: str
    text: str
    sources: tuple[tuple[str, str], ...]
    pinned_by: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A field across listings: a cell each, null where one says nothing."""

    name: str
    cells: tuple[tuple[Piece, ...] | None, ...]
    alike: bool


def fields_of(
    event: Mapping[str, Any], language: Language, reasons: Mapping[str, str] = MappingProxyType({})
) -> list[Field]:
    """List what is known of an event, with where it came from. reasons: by which rule each place of the output format was chosen."""
    texts, provenance = texts_of(event, language), event.get("provenance", {})
    return [
        Field(
            name,
            text,
            _sources(provenance, FIELDS[name]),
            pinned := _pinned_by(provenance, FIELDS[name]),
            "" if pinned else next((reasons[place] for place in FIELDS[name] if reasons.get(place)), ""),
        )
        for name, text in texts.items()
    ]


def _sources(provenance: Mapping[str, Any], places: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    given = [provenance[place] for place in places if place in provenance]
    from_listings = [one for one in given if "pinned_by" not in one]
    all_of_them = [each for one in from_listings for each in (one, *one.get("also", []))]
    return tuple(dict.fromkeys((each["source_code"], each["id"]) for each in all_of_them))


def _pinned_by(provenance: Mapping[str, Any], places: tuple[str, ...]) -> tuple[str, ...]:
    names = [provenance[place].get("pinned_by") for place in places if place in provenance]
    return tuple(dict.fromkeys(str(name) for name in names if name is not None))


def rows_of(listings: list[Mapping[str, Any]], language: Language) -> list[Row]:
    """Lay listings side by side; each is marked where it differs from the first that says something, and that one from the next."""
    texts = [texts_of(listing, language) for listing in listings]
    rows = [_row(name, [each.get(name) for each in texts]) for name in FIELDS]
    return [row for row in rows if any(cell is not None for cell in row.cells)]


def _row(name: str, texts: list[str | None]) -> Row:
    said = [text for text in texts if text is not None]
    alike = len({" ".join(text.casefold().split()) for text in said}) <= 1
    if alike or len(said) < 2:
        return Row(
            name, tuple(None if text is None else (Piece(text, differs=False),) for text in texts), alike
        )
    first, second = said[0], said[1]
    cells: list[tuple[Piece, ...] | None] = []
    seen = False
    for text in texts:
        if text is None:
            cells.append(None)
        else:
            cells.append(tuple(marked(text, first if seen else second)))
            seen = True
    return Row(name, tuple(cells), alike=False)


def texts_of(listing: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Say each field as text; those that a listing lacks are left out."""
    place = _mapping(listing.get("location"))
    geo = _mapping(place.get("geo"))
    said = {
        "Title": _text(listing.get("title")),
        "When": _dates(listing.get("event_dates"), language),
        "Venue": _text(place.get("name")),
        "Town": _list([place.get("city"), place.get("district")], " – "),
        "Address": _address(place),
        "Coordinates": _coordinates(geo),
        "In short": _text(listing.get("short_description")),
        "Description": _text(listing.get("description")),
        "Highlights": _list(listing.get("highlights"), " · "),
        "Categories": _list(listing.get("categories"), ", "),
        "Kind of text": _text(listing.get("source_type")),
        "For families": _answer(listing.get("is_family_event"), language),
        "For children": _answer(listing.get("is_child_focused"), language),
        "Free of charge": _answer(listing.get("admission_free"), language),
        "Registration": _list(
            [_answer(listing.get("registration_required"), language), listing.get("registration_contact")],
            ", ",
        ),
    }
    return {name: text for name, text in said.items() if text}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _list(values: Any, between: str) -> str:
    return between.join(str(value) for value in values if value) if isinstance(values, list) else ""


def _answer(value: Any, language: Language) -> str:
    return language("yes") if value is True else language("no") if value is False else ""


def _address(place: Mapping[str, Any]) -> str:
    street = _list([place.get("street"), place.get("street_no")], " ")
    return _list([street, place.get("zipcode")], ", ")


def _coordinates(geo: Mapping[str, Any]) -> str:
    latitude, longitude = geo.get("latitude"), geo.get("longitude")
    known = isinstance(latitude, float | int) and isinstance(longitude, float | int)
    return f"{latitude:.4f}, {longitude:.4f}" if known else ""


def _dates(dates: Any, language: Language) -> str:
    if not isinstance(dates, list):
        return ""
    shown = [_date(each, language) for each in dates[:MOST_DATES] if isinstance(each, Mapping)]
    more = len(dates) - MOST_DATES
    return "; ".join(shown) + (f" … {language('and {n} more', n=more)}" if more > 0 else "")


def _date(one: Mapping[str, Any], language: Language) -> str:
    try:
        day = language.day(str(one.get("date")))
        last = language.day(str(one["end_date"])) if one.get("end_date") else ""
    except ValueError:
        day, last = _text(one.get("date")), _text(one.get("end_date"))
    times = _list([one.get("start_time"), one.get("end_time")], "–")
    return day + (f" – {last}" if last and last != day else "") + (f", {times}" if times else "")
