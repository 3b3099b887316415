"""Linked data: a feed as schema.org events in JSON-LD, as search engines and other portals read them.

A series and an event of several dates carry each date as an event of its own, because readers look at one date only; so each is told as
cancelled when the event is gone. What is not known is left out: a guess here would be shown as a fact.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from handlers.publishing import Address, Feed, Item, Span, described, fitting, spans_of, standing, writable

CONTEXT: Final = "https://schema.org"

STATUS: Final = {
    "scheduled": "EventScheduled",
    "sold_out": "EventScheduled",
    "cancelled": "EventCancelled",
    "moved": "EventRescheduled",
}

Node = dict[str, Any]


def linked(feed: Feed, address: Address, zone: ZoneInfo) -> tuple[bytes, str | None]:
    """Write a feed as JSON-LD; gives it and the cursor of what had no room. What is gone stands in it as cancelled."""
    relatives = _relatives(feed, address)

    def written(item: Item) -> bytes:
        node = _event(item, address, zone)
        for name, others in relatives.get(item.canonical_id, {}).items():
            node[name] = [*node.get(name, []), *others]  # a series has its dates there already
        return orjson.dumps(node)

    gone = standing(feed, written, lambda piece: piece)
    pieces, onward = fitting(feed, written, lambda piece: piece, gone=gone)
    graph = b",\n".join([*pieces, *gone])
    return b'{"@context":"%b","@graph":[\n%b\n]}\n' % (CONTEXT.encode(), graph), onward


def _relatives(feed: Feed, address: Address) -> dict[str, Node]:
    """Name what an event is part of, and its parts: id -> ``superEvent`` and ``subEvent``."""
    found: dict[str, dict[str, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for link in feed.relations:
        found[link["from_id"]]["superEvent"].append(_named(link["to_id"], link["to_title"], address))
        found[link["to_id"]]["subEvent"].append(_named(link["from_id"], link["from_title"], address))
    return {one: dict(nodes) for one, nodes in found.items()}


def _named(canonical_id: str, title: str, address: Address) -> Node:
    return {"@type": "Event", "@id": address.of(canonical_id), "name": writable(title)}


def _event(item: Item, address: Address, zone: ZoneInfo) -> Node:
    content, spans = item.content, spans_of(item.content, zone)
    node: Node = {
        "@type": "Event" if len(spans) == 1 else "EventSeries",
        "@id": address.of(item.canonical_id),
        "identifier": item.canonical_id,
        "url": address.of(item.canonical_id),
        "name": writable(content["title"]),
        **_times(spans),
        **_state(item),
        **dict(_details(content)),
    }
    if len(spans) > 1:
        names = ("name", "eventStatus") if item.gone else ("name", "eventStatus", "location")
        inherited = {name: node[name] for name in names if name in node}
        node["subEvent"] = [
            {**_date(node["@id"], number, span), **inherited} for number, span in enumerate(spans, 1)
        ]
    return node


def _date(series: str, number: int, span: Span) -> Node:
    """Write one date of several as an event of its own. series: the address of the event."""
    return {"@type": "Event", "@id": f"{series}#{number}", **_times([span])}


def _times(spans: list[Span]) -> Node:
    """Write the first start and the last end; an end that is not known is left out."""
    last = max(spans, key=lambda span: (span.end or span.start).isoformat())
    end = last.end if last.end is not None or len(spans) == 1 else last.start
    times = {"startDate": min(span.start.isoformat() for span in spans)}
    return times if end is None else {**times, "endDate": end.isoformat()}


def _state(item: Item) -> Node:
    status = "cancelled" if item.gone else item.content["status"]
    node = {"eventStatus": f"{CONTEXT}/{STATUS[status]}"}
    if status == "moved" and item.content.get("previous_date"):
        node["previousStartDate"] = item.content["previous_date"]
    return node


def _details(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give what is known beside, as names and values."""
    if text := described(content):
        yield "description", text
    if content["categories"]:
        yield "keywords", [writable(category) for category in content["categories"]]
    if place := _place(content["location"]):
        yield "location", place
    if content["admission_free"] is not None:
        yield "isAccessibleForFree", content["admission_free"]
    if offer := _offer(content):
        yield "offers", offer
    if content["registration_contact"]:
        yield "organizer", {"@type": "Organization", "contactPoint": _contact(content)}


def _offer(content: dict[str, Any]) -> Node | None:
    """Say that it costs nothing, or that it is sold out; a price is never known."""
    free, sold_out = content["admission_free"], content["status"] == "sold_out"
    if not free and not sold_out:
        return None
    price = {"price": 0, "priceCurrency": "EUR"} if free else {}
    return {
        "@type": "Offer",
        **price,
        "availability": f"{CONTEXT}/{'SoldOut' if sold_out else 'InStock'}",
    }


def _contact(content: dict[str, Any]) -> Node:
    contact = writable(content["registration_contact"])
    kind = "email" if "@" in contact and " " not in contact else "description"
    return {"@type": "ContactPoint", "contactType": "registration", kind: contact}


def _place(location: dict[str, Any]) -> Node | None:
    street = " ".join(part for part in (location["street"], location["street_no"]) if part)
    geo = location["geo"] or {}
    address = {
        "streetAddress": street,
        "postalCode": location["zipcode"],
        "addressLocality": location["city"],
        "addressCountry": geo.get("country"),
    }
    known = {name: writable(part) for name, part in address.items() if part}
    name = location["name"] or location["district"] or location["city"]
    place: Node = {"@type": "Place"}
    if name:
        place["name"] = writable(name)
    if known:
        place["address"] = {"@type": "PostalAddress", **known}
    if geo.get("latitude") is not None:
        place["geo"] = {
            "@type": "GeoCoordinates",
            "latitude": geo["latitude"],
            "longitude": geo["longitude"],
        }
    return place if len(place) > 1 else None
