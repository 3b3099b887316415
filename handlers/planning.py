"""Planning: what another policy would make of the published events, before it is applied; and applying it.

A plan runs the whole matcher on what is stored and writes nothing. It is exact: on the generation that it was made of, the run that follows
does just that. It is void as soon as the data moves on, and its token says so: who applies with it applies what he has read.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from sqlalchemy import Connection, select

from dedup_core.errors import EventDedupError, InvalidPolicy
from dedup_core.policy import Policy
from handlers.turns import one_at_a_time
from infra.match_queue import MatchQueue
from infra.store import Store, policies
from infra.store.tables import canonical_events, generations
from infra.store.verdicts import note, raise_generation

if TYPE_CHECKING:
    import polars as pl

    from dedup_core.events import Resolution
    from infra.store.snapshots import Snapshot

MOST_WHILE_WAITING: Final = 20_000
"""Listings of a plan over HTTP: the gateway waits for 29 seconds."""

AT_ONCE: Final = 2000
"""Events whose content is held at once, twice."""

DERIVED: Final = frozenset(
    {"provenance", "sources", "confidence", "confidence_score", "flags", "needs_review"}
)
"""Parts of an event that change with what it is made of, and tell a reader nothing new by themselves."""

Progress = Callable[[str, float], None]


class PlanTooLarge(EventDedupError):  # noqa: N818
    """There are more listings than can be planned while someone waits. Plan at the command line; nothing was done."""


class PlanOutdated(EventDedupError):  # noqa: N818
    """The data or the policy moved on since the plan was made, or it is a plan of another policy. Plan anew; nothing was applied."""


class PolicyMoved(EventDedupError):  # noqa: N818
    """Another policy is in force than the one that was seen. Look at it, and decide anew; nothing was applied."""


class FieldFaults(InvalidPolicy):
    """A policy breaks rules. faults: the path of each field and what is wrong with it."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"policy: {path}: {reason}" for path, reason in faults))
        self.faults = faults


def read_document(document: object) -> Policy:
    """Read a policy from JSON.

    Raises:
        FieldFaults: a rule is broken; names each field by its path, e.g. ``blocking.geo_cell_km``.
    """
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        faults = [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors()]
        raise FieldFaults(faults) from error


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy that the next run has. applied: by whom, why and when; null if it is the file's or the package's."""

    policy: Policy
    applied: policies.Applied | None


def in_force(store: Store, fallback: Policy) -> InForce:
    """Tell which policy is in force. fallback: what holds where none was ever applied."""
    with store.reading() as connection:
        return _in_force(connection, fallback)


def _in_force(connection: Connection, fallback: Policy) -> InForce:
    applied = policies.in_force(connection)
    return InForce(fallback if applied is None else applied.policy, applied)


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What would become of an event.

    kind: as in the change log. title, sources: before, null if it is new; title_after, sources_after: after, null if it is gone.
    successors: who would have its listings, if it is gone. takes_from, gives_to: events whose listings it would take or lose.
    fields: what would read differently, top-level names of the output format, of one that stays.
    """

    kind: str
    canonical_id: str
    title: str | None
    title_after: str | None
    sources: list[str] | None
    sources_after: list[str] | None
    successors: list[str]
    takes_from: list[str]
    gives_to: list[str]
    fields: list[str]

    @property
    def rank(self) -> int:
        """Sort what a reader should see first: 0 what merges, splits, comes or goes; 1 other words; 2 mere confidence."""
        if self.kind != "updated" or self.sources != self.sources_after:
            return 0
        return 1 if set(self.fields) - DERIVED else 2

    @property
    def about(self) -> str:
        """Name the event that this is the story of: what is new stands with what it came from, what merges with what takes it in."""
        others = {"created": self.takes_from, "merged": self.successors}.get(self.kind, [])
        return others[0] if others else self.canonical_id

    @property
    def size(self) -> int:
        """Count the listings that it has or had."""
        return max(len(self.sources or []), len(self.sources_after or []))


def told_in_order(changes: Iterable[PlannedChange]) -> list[PlannedChange]:
    """Sort changes for a reader: the most telling first, larger events first, and what belongs together side by side."""
    known = list(changes)
    largest: dict[str, int] = defaultdict(int)
    for change in known:
        largest[change.about] = max(largest[change.about], change.size)

    def place(change: PlannedChange) -> tuple[int, int, str, bool, str]:
        mine = change.about == change.canonical_id
        return change.rank, -largest[change.about], change.about, not mine, change.canonical_id

    return sorted(known, key=place)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy would change. token: what to apply it with; base: the generation that it was made of.

    pending: whether that generation is ahead of the last run: then what came since is in the plan, too.
    counts: ``created``, ``updated``, ``merged``, ``split``, ``withdrawn``: events by what would become of them, as in the change log;
    ``regrouped``: those of which listings would come or go; ``reworded``: those that stay of the same listings and read differently;
    ``events`` and ``events_after``, ``needs_review`` and ``needs_review_after``.
    changes: all of them, the most telling first. result_hash: of the run that would follow.
    """

    token: str
    base: int
    pending: bool
    policy_hash: str
    hash_in_force: str
    counts: dict[str, int]
    changes: list[PlannedChange]
    result_hash: str


@one_at_a_time
def plan(
    store: Store,
    proposed: Policy,
    fallback: Policy,
    *,
    progress: Progress | None = None,
    most_listings: int | None = None,
) -> Plan:
    """Work out what a policy would change, writing nothing. most_listings: null for any number; a run's time and memory are needed.

    Raises:
        PlanTooLarge: there are more listings.
        Busy: another plan is being made; nothing was done.
    """
    from dedup_core.pipeline import resolve  # noqa: PLC0415 - SciPy; who asks for anything else need not wait for it
    from handlers.renewing import renewed  # noqa: PLC0415
    from infra.store.snapshots import load_snapshot  # noqa: PLC0415

    with store.moment() as moment:
        base, matched = moment.execute(select(generations.c.ingested, generations.c.matched)).one()
        _insist_on_size(moment, most_listings)
        now = _in_force(moment, fallback)
        snapshot, _ = renewed(load_snapshot(moment))
        resolution = resolve(
            snapshot.events,
            snapshot.verdicts,
            snapshot.previous,
            proposed,
            generation=base,
            progress=progress,
        )
        changes = told_in_order(_changes(moment, snapshot, resolution))
        counts = _counts(moment, resolution, changes)
    return Plan(
        token=token_of(base, proposed),
        base=base,
        pending=base != matched,
        policy_hash=proposed.hash,
        hash_in_force=now.policy.hash,
        counts=counts,
        changes=changes,
        result_hash=resolution.result_hash,
    )


def token_of(base: int, policy: Policy) -> str:
    """Name a plan by what it was made of: as long as this holds, what it says does."""
    return f"{base}-{policy.hash}"


def _insist_on_size(moment: Connection, most: int | None) -> None:
    from infra.store.reading import overview  # noqa: PLC0415

    if most is not None and (listings := overview(moment)["listings"]) > most:
        raise PlanTooLarge(f"{listings:,} listings, more than {most:,}: use `event-dedup policy plan`")


def _changes(moment: Connection, snapshot: "Snapshot", resolution: "Resolution") -> Iterator[PlannedChange]:
    from infra.store.changes import Hiding, changes_of, hidden_events  # noqa: PLC0415

    hidden = frozenset(resolution.canonical_events.filter("hidden")["canonical_id"])
    told = changes_of(resolution.difference, Hiding(hidden_events(moment), hidden))
    flows = _flows(resolution)
    then, now = _members(snapshot.previous.members), _members(resolution.members)
    before = dict(moment.execute(select(canonical_events.c.canonical_id, canonical_events.c.title)).all())
    after = dict(resolution.canonical_events.select("canonical_id", "title").iter_rows())
    reworded = _reworded(moment, resolution, told.filter(kind="updated")["canonical_id"].to_list())
    for canonical_id, kind, successors in told.select("canonical_id", "kind", "successors").iter_rows():
        comes, goes = kind == "created", kind in ("merged", "split", "withdrawn")
        yield PlannedChange(
            kind=kind,
            canonical_id=canonical_id,
            title=None if comes else before[canonical_id],
            title_after=None if goes else after[canonical_id],
            sources=None if comes else then[canonical_id],
            sources_after=None if goes else now[canonical_id],
            successors=successors,
            takes_from=flows.get(("child", canonical_id), []),
            gives_to=flows.get(("parent", canonical_id), []),
            fields=reworded.get(canonical_id, []),
        )


def _flows(resolution: "Resolution") -> dict[tuple[str, str], list[str]]:
    """List, of each event, those that it takes listings from (``child``) and gives some to (``parent``)."""
    found: dict[tuple[str, str], list[str]] = {}
    for parent, child in resolution.difference.lineage.select("parent_id", "child_id").iter_rows():
        found.setdefault(("child", child), []).append(parent)
        found.setdefault(("parent", parent), []).append(child)
    return found


def _members(members: "pl.DataFrame") -> dict[str, list[str]]:
    """List the listings of each event as ``source_code:id``, sorted."""
    import polars as pl  # noqa: PLC0415

    named = members.select("canonical_id", name=pl.format("{}:{}", "source_code", "id"))
    return dict(named.group_by("canonical_id").agg(pl.col("name").sort()).iter_rows())


def _reworded(moment: Connection, resolution: "Resolution", ids: list[str]) -> dict[str, list[str]]:
    """Name the parts of each event that would read differently. A loop over slices: contents are the largest thing there is."""
    import orjson  # noqa: PLC0415

    from dedup_core.rendering import contents  # noqa: PLC0415

    found = {}
    events = canonical_events.c
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        then = dict(
            moment.execute(
                select(events.canonical_id, events.content).where(events.canonical_id.in_(some))
            ).all()
        )
        rows = resolution.canonical_events.filter(_among(some))
        for text in contents(rows, resolution.events):
            now = orjson.loads(text)
            was: Mapping[str, Any] = then[now["id"]]
            found[now["id"]] = sorted(
                name for name in now.keys() | was.keys() if now.get(name) != was.get(name)
            )
    return found


def _among(ids: list[str]) -> "pl.Expr":
    import polars as pl  # noqa: PLC0415

    return pl.col("canonical_id").is_in(ids)


def _counts(moment: Connection, resolution: "Resolution", changes: list[PlannedChange]) -> dict[str, int]:
    from infra.store.reading import overview  # noqa: PLC0415

    now = overview(moment)
    kinds = [change.kind for change in changes]
    updated = [change for change in changes if change.kind == "updated"]
    return {
        **{kind: kinds.count(kind) for kind in ("created", "updated", "merged", "split", "withdrawn")},
        "regrouped": sum(change.sources != change.sources_after for change in updated),
        "reworded": sum(change.rank == 1 for change in updated),
        "events": now["canonical_events"],
        "events_after": resolution.canonical_events.height,
        "needs_review": now["needs_review"],
        "needs_review_after": int(resolution.canonical_events["needs_review"].sum()),
    }


@dataclass(frozen=True, slots=True)
class Application:
    """What applying did. policy_id: null if this policy was in force already, and nothing was done. generation: of the run that takes it in."""

    policy_id: int | None
    policy_hash: str
    generation: int


def apply(
    store: Store,
    proposed: Policy,
    fallback: Policy,
    *,
    author: str,
    reason: str | None = None,
    seen: str | None = None,
    token: str | None = None,
    queue: MatchQueue | None = None,
) -> Application:
    """Put a policy in force from the next run on, and raise the generation, so that there is one.

    seen: the hash of the policy in force that the author saw; token: of the plan that he read. Null: he insists on nothing.
    queue: where the generation is announced; null for who matches by himself.
    A second call with the same policy does nothing. A crash before the commit leaves nothing; after it, the sweep announces the generation.

    Raises:
        PolicyMoved: another policy is in force than the one that was seen.
        PlanOutdated: the token is of another policy, or the data moved on.
    """
    with store.engine.begin() as connection:
        base = policies.ingested_and_held(connection)
        now = _in_force(connection, fallback)
        if seen is not None and seen != now.policy.hash:
            raise PolicyMoved(f"the policy in force is {now.policy.hash}")
        if token is not None and token != token_of(base, proposed):
            raise PlanOutdated("the plan is of another policy, or the data moved on; plan anew")
        if now.applied is not None and proposed.hash == now.policy.hash:
            return Application(None, proposed.hash, base)
        generation = raise_generation(connection)
        number = policies.append(connection, proposed, author=author, reason=reason, generation=generation)
        detail = {
            "hash": proposed.hash,
            "before": now.policy.hash,
            "version": proposed.version,
            "reason": reason,
        }
        note(connection, author, "apply", f"policy {number}", detail)
    if queue is not None:
        queue.announce(generation)
    return Application(number, proposed.hash, generation)


def has_namesake(store: Store, proposed: Policy, fallback: Policy) -> bool:
    """Tell whether another policy, of those that were applied and the one that holds without any, has the same version."""
    with store.reading() as connection:
        known = policies.hashes_of_version(connection, proposed.version)
    if fallback.version == proposed.version:
        known.add(fallback.hash)
    return bool(known - {proposed.hash})


def as_json(planned: Plan, *, most: int) -> dict[str, Any]:
    """Write a plan for JSON, with the first of its changes; ``shown`` and ``of`` say how many of how many."""
    return {
        **{name: getattr(planned, name) for name in ("token", "base", "pending", "policy_hash")},
        "hash_in_force": planned.hash_in_force,
        "result_hash": planned.result_hash,
        "counts": planned.counts,
        "shown": min(most, len(planned.changes)),
        "of": len(planned.changes),
        "changes": [asdict(change) for change in planned.changes[:most]],
    }
