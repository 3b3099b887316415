"""Changes: what became of each canonical event, numbered in the order of the commits; a run appends, readers follow.

A follower keeps one number, the last that it saw. An entry comes with the event as it stands now, or with none where it is gone: put
the one, remove the other. What is read twice or late therefore does no harm, and whoever has read to the end holds the present state.
"""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, func, select, text

from dedup_core.events import Difference, Resolution
from infra.store.copying import copy_in
from infra.store.tables import canonical_events, changes, redirects


@dataclass(frozen=True, slots=True)
class Hiding:
    """The ids of events that no reader saw before a run, and of those that none sees after it."""

    before: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()

    def seen(self, difference: Difference) -> tuple[pl.Series, pl.Series, pl.Series]:
        """Part what was created or changed into what readers see come, change and go; each sorted."""
        new, changed = set(difference.created) - self.now, set(difference.changed)
        back = changed & self.before - self.now
        gone = changed & self.now - self.before
        parts = (new | back, changed - self.before - self.now, gone)
        created, updated, withdrawn = (pl.Series(sorted(part), dtype=pl.String) for part in parts)
        return created, updated, withdrawn


NOTHING_HIDDEN: Final = Hiding()

CHANGE_SCHEMA: Final = pl.Schema(
    {
        "canonical_id": pl.String(),
        "kind": pl.String(),
        "successors": pl.List(pl.String()),
    }
)


def changes_of(difference: Difference, hiding: Hiding = NOTHING_HIDDEN) -> pl.DataFrame:
    """List what a run changed, CHANGE_SCHEMA: created, then updated, then withdrawn, then gone; each sorted by id.

    What is gone was ``merged`` if all of it went to one event, ``split`` if to several, ``withdrawn`` if to none. What a person called
    no event is ``withdrawn``, too, and ``created`` when that is taken back; what changes of it meanwhile is nobody's news.
    """
    created, updated, withdrawn = hiding.seen(difference)
    living = [
        pl.DataFrame({"canonical_id": ids, "kind": [kind] * len(ids), "successors": [[]] * len(ids)})
        for kind, ids in (("created", created), ("updated", updated), ("withdrawn", withdrawn))
    ]
    heirs = difference.lineage.group_by("parent_id").agg(pl.col("child_id").unique().sort())
    gone = (
        difference.gone.rename("canonical_id")
        .to_frame()
        .join(heirs, left_on="canonical_id", right_on="parent_id", how="left", maintain_order="left")
        .select("canonical_id", successors=pl.col("child_id").fill_null([]))
        .with_columns(kind=_fate(pl.col("successors").list.len()))
    )
    return pl.concat([part.select(*CHANGE_SCHEMA).cast(CHANGE_SCHEMA) for part in (*living, gone)])


def _fate(successors: pl.Expr) -> pl.Expr:
    known = {0: "withdrawn", 1: "merged"}
    return successors.cast(pl.Int64).replace_strict(known, default="split", return_dtype=pl.String)


def hidden_events(connection: Connection) -> frozenset[str]:
    """List the events that no reader sees."""
    return frozenset(
        connection.scalars(select(canonical_events.c.canonical_id).where(canonical_events.c.hidden))
    )


def save_changes(
    connection: Connection, resolution: Resolution, generation: int, *, hidden_before: frozenset[str]
) -> None:
    """Append a run's changes; under the matcher's lock, so that numbers are committed in their order."""
    hidden = resolution.canonical_events.filter("hidden")["canonical_id"]
    told = changes_of(resolution.difference, Hiding(hidden_before, frozenset(hidden)))
    numbered = told.with_columns(_json_list("successors"), generation=pl.lit(generation))
    copy_in(connection, changes.name, numbered)


def _json_list(name: str) -> pl.Expr:
    # Ids are letters, digits and underscores: nothing in them has to be escaped.
    quoted = pl.col(name).list.eval(pl.format('"{}"', pl.element())).list.join(",")
    return pl.format("[{}]", quoted).alias(name)


# Written by the database: to take hundreds of rows apart and to write them anew took most of a page's time. Ids and kinds are ours, and
# nothing in them has to be escaped.
_WRITTEN: Final = text(
    r"""
SELECT c.change_id, '{"change_id":' || c.change_id || ',"canonical_id":"' || c.canonical_id || '","kind":"' || c.kind
    || '","generation":' || c.generation || ',"successors":' || c.successors
    || ',"at":"' || to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\:MI\:SS.US') || '+00:00'
    || '","event":' || coalesce(CAST(e.content AS text), 'null') || '}' AS unread
FROM changes c LEFT JOIN canonical_events e ON e.canonical_id = c.canonical_id AND NOT e.hidden
WHERE c.change_id > :after ORDER BY c.change_id LIMIT :limit
"""
)


def list_changes(connection: Connection, *, after: int, limit: int) -> list[tuple[int, bytes]]:
    """List changes behind a number, oldest first: the number, and the change as JSON, with its ``event`` as of now, null for what is gone."""
    rows = connection.execute(_WRITTEN, {"after": after, "limit": limit})
    return [(number, written) for number, written in rows]


def last_change(connection: Connection) -> int:
    """Return the number of the newest change, 0 if there is none."""
    return connection.scalar(select(func.max(changes.c.change_id))) or 0


def history_of(connection: Connection, canonical_id: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """List what became of an id, newest first."""
    asked = {"id": canonical_id, "most": limit}
    return [dict(row) for row in connection.execute(_HISTORY, asked).mappings()]


_HISTORY: Final = text("SELECT * FROM changes WHERE canonical_id = :id ORDER BY change_id DESC LIMIT :most")


def fate_of(connection: Connection, canonical_id: str) -> tuple[str, list[str]] | None:
    """Tell how an id went, and the living events that have what it stood for; null if it never was or still is.

    Successors that went themselves lead on; an id that was split, and all of whose parts have met again since, is merged.
    """
    last = history_of(connection, canonical_id, limit=1)
    if not last or last[0]["kind"] in ("created", "updated"):
        return None
    onward = select(redirects.c.from_id, redirects.c.to_id).where(
        redirects.c.from_id.in_(last[0]["successors"])
    )
    led = dict(connection.execute(onward).all())
    living = sorted({led.get(each, each) for each in last[0]["successors"]})
    return ("withdrawn", "merged", "split")[min(len(living), 2)], living
