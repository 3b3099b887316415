"""Changes: what became of each canonical event, numbered in the order of the commits; a run appends, readers follow.

A follower keeps one number, the last that it saw. An entry comes with the event as it stands now, or with none where it is gone: put
the one, remove the other. What is read twice or late therefore does no harm, and whoever has read to the end holds the present state.
"""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Select, and_, func, select

from dedup_core.events import Difference, Resolution
from infra.store.copying import copy_in
from infra.store.events import content_of
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


def list_changes(connection: Connection, *, after: int, limit: int) -> list[dict[str, Any]]:
    """List changes behind a number, oldest first, each with ``content`` as of now (JSON text), null for what is gone."""
    query: Select[Any] = (
        select(changes, content_of(as_text=True), canonical_events.c.updated_at)
        .outerjoin(
            canonical_events,
            and_(canonical_events.c.canonical_id == changes.c.canonical_id, ~canonical_events.c.hidden),
        )
        .where(changes.c.change_id > after)
        .order_by(changes.c.change_id)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def last_change(connection: Connection) -> int:
    """Return the number of the newest change, 0 if there is none."""
    return connection.scalar(select(func.max(changes.c.change_id))) or 0


def history_of(connection: Connection, canonical_id: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """List what became of an id, newest first."""
    query = select(changes).where(changes.c.canonical_id == canonical_id).order_by(changes.c.change_id.desc())
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


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
