"""Versions: what an editor has seen of an event, so that nobody decides on what has changed meanwhile: its content, and what people said of it.

Verdicts are never deleted, so that the newest of them and the number of those that were taken back never come again together.
"""

from collections.abc import Collection, Mapping
from typing import Final

import orjson
from sqlalchemy import Connection, text

from dedup_core.contradicting import Listing

HASH: Final = 16
"""Characters of the content's hash that a version has."""


def version_of(content_hash: str, last_word: str) -> str:
    """Name a version of an event, as `VERSION` does in SQL."""
    return f"{content_hash[:HASH]}.{last_word}"


def _last_word(listings: str) -> str:
    """Say in SQL how far people have spoken of listings: ``sequence.count``. listings: source_code and id, a FROM item named m and a condition."""
    item, condition = listings.split(" WHERE ")
    on_them = " UNION ".join(
        f"SELECT v.sequence FROM {item} JOIN verdicts v ON v.{side}_source_code = m.source_code AND v.{side}_id = m.id WHERE {condition}"  # noqa: S608 - our own words
        for side in "ab"
    )
    return (
        "(SELECT coalesce(max(said.sequence), 0) || '.' || "  # noqa: S608 - our own words
        "count((SELECT t.sequence FROM take_backs t WHERE t.sequence = said.sequence)) "
        f"FROM ({on_them}) said)"
    )


VERSION: Final = f"left(e.content_hash, {HASH}) || '.' || " + _last_word(
    "canonical_sources m WHERE m.canonical_id = e.canonical_id"
)
"""Of the row ``e`` of ``canonical_events``."""

_VERSIONS: Final = text(
    f"SELECT e.canonical_id, {VERSION} AS version FROM canonical_events e "  # noqa: S608 - our own words
    "WHERE e.canonical_id IN (SELECT jsonb_array_elements_text(CAST(:ids AS jsonb)))"
)

_LAST_WORDS: Final = text(f"""
WITH listed AS (
    SELECT one->>0 AS name, one->>1 AS source_code, one->>2 AS id FROM jsonb_array_elements(CAST(:listed AS jsonb)) AS one
)
SELECT g.name, {_last_word("listed m WHERE m.name = g.name")} AS word FROM (SELECT DISTINCT name FROM listed) g
""")  # noqa: S608 - our own words


def versions_of(connection: Connection, canonical_ids: Collection[str]) -> dict[str, str]:
    """Name the versions of living events; one that is not there is left out."""
    rows = connection.execute(_VERSIONS, {"ids": orjson.dumps(sorted(canonical_ids)).decode()})
    return {row.canonical_id: row.version for row in rows}


def last_words(connection: Connection, groups: Mapping[str, Collection[Listing]]) -> dict[str, str]:
    """Tell of each group the newest verdict on any of its listings, and how many of them were taken back: ``sequence.count``."""
    listed = [[name, *listing] for name, listings in groups.items() for listing in listings]
    # As JSON: the driver writes arrays letter by letter.
    rows = connection.execute(_LAST_WORDS, {"listed": orjson.dumps(listed).decode()})
    spoken = {row.name: row.word for row in rows}
    return {name: spoken.get(name, "0.0") for name in groups}
