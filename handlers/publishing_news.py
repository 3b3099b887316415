"""News: a feed as RSS 2.0, what changed last first. A reader knows an entry by its guid, the canonical id, and shows it once."""

from email.utils import format_datetime
from typing import Any, Final
from xml.etree import ElementTree as Xml
from zoneinfo import ZoneInfo

from handlers.publishing import (
    Address,
    Feed,
    Item,
    Span,
    described,
    fitting,
    newest,
    place_in_words,
    spans_of,
    writable,
)

ATOM: Final = "http://www.w3.org/2005/Atom"
MOST_DATES: Final = 5
"""Dates that an entry names; a series has many."""


def news(feed: Feed, address: Address, zone: ZoneInfo, *, title: str, own: str) -> tuple[bytes, str | None]:
    """Write a feed as RSS; gives it and the cursor of what had no room. own: the feed's own address."""
    Xml.register_namespace("atom", ATOM)
    entries, onward = fitting(
        feed, lambda item: _entry(item, address, zone), lambda it: Xml.tostring(it, "unicode")
    )
    root = Xml.Element("rss", version="2.0")
    channel = Xml.SubElement(root, "channel")
    for name, text in (("title", writable(title)), ("link", address.base), ("description", writable(title))):
        Xml.SubElement(channel, name).text = text
    if (changed := newest(feed.items)) is not None:
        Xml.SubElement(channel, "lastBuildDate").text = format_datetime(changed)
    Xml.SubElement(channel, f"{{{ATOM}}}link", href=own, rel="self", type="application/rss+xml")
    channel.extend(entries)
    return Xml.tostring(root, encoding="utf-8", xml_declaration=True), onward


def _entry(item: Item, address: Address, zone: ZoneInfo) -> Xml.Element:
    content, entry = item.content, Xml.Element("item")
    status = content["status"]
    marked = content["title"] if status == "scheduled" else f"{content['title']} [{status.replace('_', ' ')}]"
    for name, text in (
        ("title", writable(marked)),
        ("link", address.of(item.canonical_id)),
        ("description", _text(content, spans_of(content, zone))),
        ("pubDate", format_datetime(item.created_at)),
    ):
        Xml.SubElement(entry, name).text = text
    Xml.SubElement(entry, "guid", isPermaLink="false").text = address.uid(item.canonical_id)
    for category in content["categories"] or []:
        Xml.SubElement(entry, "category").text = writable(category)
    return entry


def _text(content: dict[str, Any], spans: list[Span]) -> str:
    dates = ", ".join(map(_day, spans[:MOST_DATES])) + (", …" if len(spans) > MOST_DATES else "")
    return "\n".join(filter(None, (dates, place_in_words(content["location"]), described(content))))


def _day(span: Span) -> str:
    """Write when it begins, and of several days the last: ``2026-03-06 20:00``, ``2026-03-06 – 2026-03-08``."""
    if span.timed:
        return span.start.isoformat(" ", "minutes")[:16]  # type: ignore[call-arg]
    return f"{span.start} – {span.end}" if span.end != span.start else str(span.start)
