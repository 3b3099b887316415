"""Policies: a plan says just what the next run does, and nothing is applied that nobody saw."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from dedup_core.policy import Policy, default_policy
from handlers import planning
from handlers.ingest import Announcement, ingest
from handlers.match import match
from handlers.planning import FieldFaults, PlanOutdated, PolicyMoved, read_document
from infra.match_queue import RememberingQueue
from infra.object_store import FolderObjects
from infra.store import Store, policies
from tests.conftest import created
from tests.handlers.worlds import state
from tests.store.uploads import rows

SAMPLES = Path(__file__).parents[2] / "samples" / "breisgau"
FILES = sorted(path.name for path in SAMPLES.glob("*.json"))
POLICY = default_policy()


def changed(**numbers: Any) -> Policy:
    """Give the packaged policy with other values. numbers: path, with two underscores for a dot -> value."""
    document = POLICY.model_dump(mode="json")
    for path, value in numbers.items():
        *way, name = path.split("__")
        part = document
        for step in way:
            part = part[step]
        part[name] = value
    return read_document(document)


STRICT = changed(version="strict", thresholds__match=30, thresholds__ambiguous=20)
LOOSE = changed(version="loose", thresholds__match=2, thresholds__ambiguous=0, vetoes__title_differs=-20)


def take_in(store: Store, aside: Path, name: str) -> None:
    ingest(
        Announcement(str(SAMPLES), name, sequencer="1"),
        objects=FolderObjects(aside),
        store=store,
        queue=RememberingQueue(),
        policy=POLICY,
        quarantine="quarantine/",
    )


def filled(store: Store, aside: Path, files: list[str]) -> None:
    """Take sample files in, and match."""
    for name in files:
        take_in(store, aside, name)
    match(store=store, policy=POLICY)


proposals = st.builds(
    changed,
    version=st.just("proposed"),
    thresholds__match=st.sampled_from([1, 4, 6, 12, 30]),
    thresholds__ambiguous=st.sampled_from([-2, 0, 1]),
    evidence__title__shared=st.sampled_from([0.2, 0.6, 1.5]),
    vetoes__title_differs=st.sampled_from([-30, -5, -1]),
    synthesis__fields__title=st.sampled_from(["best_title", "longest", "most_frequent"]),
    blocking__rare_tokens=st.integers(0, 3),
)


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(proposed=st.lists(proposals, min_size=1, max_size=2), verdict=st.booleans(), late=st.booleans())
def test_a_plan_says_just_what_the_run_that_follows_does(
    postgres: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    proposed: list[Policy],
    *,
    verdict: bool,
    late: bool,
) -> None:
    aside = tmp_path_factory.mktemp("aside")
    with created(postgres, template) as url:
        store = Store.at(url)
        try:
            filled(store, aside, FILES[1:] if late else FILES)
            if verdict:
                a, b = rows(store.engine, "SELECT source_code, id FROM source_events ORDER BY title LIMIT 2")
                store.give_verdict("must_link", a, b, author="ada")
            if late:  # what came since the last run is in the plan, too
                take_in(store, aside, FILES[0])
            for policy in proposed:
                _hold_the_run_to_its_plan(store, policy, pending=verdict or late)
                verdict = late = False
        finally:
            store.engine.dispose()


def _events(store: Store) -> dict[str, tuple[dict[str, Any], list[str]]]:
    query = """
    SELECT e.canonical_id, e.content, array_agg(s.source_code || ':' || s.id ORDER BY s.source_code || ':' || s.id COLLATE "C")
    FROM canonical_events e JOIN canonical_sources s USING (canonical_id) GROUP BY 1, 2
    """
    return {row[0]: (row[1], list(row[2])) for row in rows(store.engine, query)}


def _hold_the_run_to_its_plan(store: Store, policy: Policy, *, pending: bool) -> planning.Plan:
    before, last = _events(store), rows(store.engine, "SELECT coalesce(max(change_id), 0) FROM changes")[0][0]
    untouched = state(store)

    planned = planning.plan(store, policy, POLICY)
    written_by_planning = state(store) != untouched
    planning.apply(store, policy, POLICY, author="ada", token=planned.token)
    report = match(store=store, policy=POLICY)
    after = _events(store)

    assert not written_by_planning
    assert planned.pending == pending
    assert planned.result_hash == report.result_hash
    told = rows(
        store.engine,
        "SELECT kind, canonical_id, successors FROM changes WHERE change_id > :last",
        last=last,
    )
    assert sorted((one.kind, one.canonical_id, one.successors) for one in planned.changes) == sorted(told)
    for one in planned.changes:
        was, now = before.get(one.canonical_id), after.get(one.canonical_id)
        assert (one.title, one.sources) == ((None, None) if was is None else (was[0]["title"], was[1]))
        assert (one.title_after, one.sources_after) == (
            (None, None) if now is None else (now[0]["title"], now[1])
        )
        if one.kind == "updated":
            assert was is not None
            assert now is not None
            assert one.fields == sorted(
                name for name in now[0].keys() | was[0].keys() if now[0].get(name) != was[0].get(name)
            )
            # A listing that came since the last run was in no event before.
            assert pending or bool(one.takes_from or one.gives_to) == (was[1] != now[1])
    assert planned.counts["events_after"] == len(after)
    assert planned.counts["events"] == len(before)
    runs = rows(store.engine, "SELECT policy_hash FROM runs ORDER BY run_id DESC LIMIT 1")
    assert runs == [(policy.hash,)]
    return planned


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Store:
    filled(store, tmp_path, FILES[:2])
    return store


def test_events_that_part_and_meet_again_are_foretold_side_by_side_with_what_they_part_from(
    store: Store, tmp_path: Path
) -> None:
    filled(store, tmp_path, FILES)

    apart = _hold_the_run_to_its_plan(store, STRICT, pending=False)
    together = _hold_the_run_to_its_plan(store, changed(version="back"), pending=False)

    assert apart.counts["created"] == together.counts["merged"] > 5
    assert apart.counts["regrouped"] == together.counts["regrouped"] > 5
    for planned, kind in ((apart, "created"), (together, "merged")):
        moved = [one for one in planned.changes if one.rank == 0]
        assert moved == planned.changes[: len(moved)]
        for one, behind in itertools.pairwise(moved):
            assert behind.about == one.about or behind.kind == "updated"
        assert {one.about for one in moved if one.kind == kind} <= {
            one.canonical_id for one in moved if one.kind == "updated"
        }


def test_what_nobody_saw_is_not_applied(world: Store, tmp_path: Path) -> None:
    planned = planning.plan(world, STRICT, POLICY)

    with pytest.raises(PlanOutdated):
        planning.apply(world, LOOSE, POLICY, author="ada", token=planned.token)
    with pytest.raises(PolicyMoved, match=POLICY.hash):
        planning.apply(world, STRICT, POLICY, author="ada", seen=LOOSE.hash)
    take_in(world, tmp_path, FILES[2])
    with pytest.raises(PlanOutdated):
        planning.apply(world, STRICT, POLICY, author="ada", token=planned.token)
    assert planning.in_force(world, POLICY) == planning.InForce(POLICY, None)

    planning.apply(
        world,
        STRICT,
        POLICY,
        author="ada",
        seen=POLICY.hash,
        token=planning.plan(world, STRICT, POLICY).token,
    )

    assert planning.in_force(world, POLICY).policy == STRICT


def test_of_many_who_apply_at_once_what_each_saw_all_but_one_have_to_look_again(world: Store) -> None:
    seen = planning.in_force(world, POLICY).policy.hash
    proposed = [changed(version=f"of {number}") for number in range(6)]

    def apply(policy: Policy) -> str | None:
        try:
            return planning.apply(world, policy, POLICY, author="ada", seen=seen).policy_hash
        except PolicyMoved:
            return None

    with ThreadPoolExecutor(6) as pool:
        done = [applied for applied in pool.map(apply, proposed) if applied is not None]

    assert done == [planning.in_force(world, POLICY).policy.hash]
    assert rows(world.engine, "SELECT count(*) FROM policies") == [(1,)]


def test_a_policy_that_is_applied_while_a_run_reads_is_left_to_the_run_after_it(world: Store) -> None:
    with world.matching() as work:
        applied = planning.apply(world, STRICT, POLICY, author="ada")
        snapshot = work.load()

    assert snapshot.policy is None
    assert work.ingested < applied.generation
    assert match(store=world, policy=POLICY, wanted=applied.generation).ran
    assert rows(world.engine, "SELECT policy_hash FROM runs ORDER BY run_id DESC LIMIT 1") == [(STRICT.hash,)]


def test_a_policy_is_in_force_from_the_next_run_on_and_remembers_who_applied_it(world: Store) -> None:
    ingested, _ = world.generations()

    first = planning.apply(world, STRICT, POLICY, author="ada", reason="too many doubles")
    again = planning.apply(world, STRICT, POLICY, author="bob")
    report = match(store=world, policy=POLICY, wanted=first.generation)
    back = planning.apply(world, POLICY, POLICY, author="bob")
    insisted = match(store=world, policy=LOOSE, insist=True)

    assert (first.generation, again.policy_id, again.generation) == (ingested + 1, None, ingested + 1)
    assert report.ran
    assert insisted.ran
    hashes = rows(world.engine, "SELECT policy_hash FROM runs ORDER BY run_id")
    assert hashes == [(POLICY.hash,), (STRICT.hash,), (LOOSE.hash,)]
    with world.reading() as connection:
        applied = policies.list_policies(connection, before=None, limit=9)
    assert [(one["author"], one["reason"], one["policy_hash"]) for one in applied] == [
        ("bob", None, POLICY.hash),
        ("ada", "too many doubles", STRICT.hash),
    ]
    trail = rows(world.engine, "SELECT who, action, subject FROM audit ORDER BY audit_id")
    assert trail == [
        ("ada", "apply", f"policy {first.policy_id}"),
        ("bob", "apply", f"policy {back.policy_id}"),
    ]


def test_a_run_that_fails_is_recorded_with_the_policy_that_it_had(
    world: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning.apply(world, STRICT, POLICY, author="ada")

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("handlers.match.resolve", broken)
    with pytest.raises(ZeroDivisionError):
        match(store=world, policy=POLICY)

    assert rows(world.engine, "SELECT policy_hash FROM runs WHERE status = 'failed'") == [(STRICT.hash,)]


def test_faults_of_a_policy_are_named_by_their_paths() -> None:
    document = POLICY.model_dump(mode="json")
    document["blocking"]["geo_cell_km"] = -1
    document["thresholds"]["match"] = "high"
    document["database_password"] = "secret"

    with pytest.raises(FieldFaults) as caught:
        read_document(document)

    assert {path for path, _ in caught.value.faults} == {
        "blocking.geo_cell_km",
        "thresholds.match",
        "database_password",
    }
    assert "secret" not in str(caught.value)


def test_a_policy_of_an_older_version_is_completed_and_what_is_no_longer_known_left_out(store: Store) -> None:
    document = STRICT.model_dump(mode="json")
    del document["vetoes"]["near_km"]
    document["evidence"]["moon"] = {"phase": 3}
    document["title_by_category"] = {"theater": 2.0}
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO policies (policy_hash, document, author, generation) VALUES ('h', :d, 'ada', 1)"
            ),
            {"d": json.dumps(document)},
        )

    read = store.policy_in_force()

    assert read is not None
    assert read.vetoes.near_km == POLICY.vetoes.near_km
    assert read.title_by_category == {"theater": 2.0}
    assert read.thresholds == STRICT.thresholds


@settings(max_examples=20, deadline=None)
@given(proposed=proposals)
def test_a_policy_comes_back_from_the_store_as_it_was(proposed: Policy) -> None:
    assert policies.policy_of(json.loads(json.dumps(proposed.model_dump(mode="json")))).hash == proposed.hash
