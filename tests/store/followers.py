"""Followers of the changes: each stopped somewhere, and holds what there is once it has read on."""

from typing import Any

import orjson
from sqlalchemy import select

from infra.store import Store
from infra.store.changes import last_change, list_changes
from infra.store.tables import canonical_events


class Followers:
    """What was there at each point at which somebody stopped. held: the change that was the last -> the events then, by id."""

    def __init__(self) -> None:
        self.held: dict[int, dict[str, Any]] = {0: {}}

    def read_on(self, store: Store) -> None:
        """Let each read to the end, which has to be what readers may see now; and let another one stop here."""
        with store.reading() as connection:
            shown = canonical_events.c
            query = select(shown.canonical_id, shown.content).where(~shown.hidden)
            now = dict(connection.execute(query).all())
            for point, kept in self.held.items():
                held, after = dict(kept), point
                while page := list_changes(connection, after=after, limit=3):
                    after = page[-1][0]
                    for entry in (orjson.loads(written) for _, written in page):
                        held.pop(entry["canonical_id"], None)
                        if entry["event"] is not None:
                            held[entry["canonical_id"]] = entry["event"]
                assert held == now
            self.held[last_change(connection)] = now
