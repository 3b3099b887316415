"""Verdicts as labels: a suite that evaluate reads, which claims what was said and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dedup_core.contradicting import Listing, Said, contradictions
from dedup_core.policy import default_policy
from dedup_core.spoken_cases import spoken_cases
from dedup_core.variants import varied
from handlers import planning
from handlers.cli import app
from handlers.evaluate import suite_in
from handlers.verdict_cases import export_cases, stored_data
from infra.errors import NothingToRead
from infra.store import Store
from tests.handlers.conftest import forget_wiring
from tests.store.uploads import save
from tests.unit.listings import listing

NAMES: list[Listing] = [("a", str(number)) for number in range(6)]
SAID = st.lists(
    st.tuples(
        st.sampled_from(["must_link", "cannot_link"]),
        st.permutations(NAMES).map(lambda order: tuple(order[:2])),
    ),
    max_size=8,
)


@given(SAID)
def test_a_case_claims_what_was_said_or_follows_and_no_verdict_is_lost(wanted: list[tuple[str, Any]]) -> None:
    said: list[Said] = []
    for number, (kind, (a, b)) in enumerate(wanted, 1):
        new = Said(number, kind, a, b)
        said += [] if contradictions([new], said) else [new]

    cases, left_out = spoken_cases(said)

    told = [one.sequence for part in (*(case.verdicts for case in cases), left_out) for one in part]
    assert sorted(told) == [one.sequence for one in said]
    used = [member for case in cases for camp in case.camps for member in camp]
    assert len(used) == len(set(used))
    for case in cases:
        for number, camp in enumerate(case.camps):
            for one in camp:
                same = {member for member in camp if member != one}
                others = {member for other in case.camps[number + 1 :] for member in other}
                # What a case claims can't be denied without contradiction.
                assert all(contradictions([Said(99, "cannot_link", one, other)], said) for other in same)
                assert all(contradictions([Said(99, "must_link", one, other)], said) for other in others)


@pytest.fixture
def spoken(store: Store) -> Store:
    """Give a store with listings of all kinds of fields, and verdicts on them."""
    place: dict[str, Any] = {
        "city": "Waldkirch",
        "venue": "Halle",
        "latitude": 48.09,
        "longitude": 7.96,
        "categories": ["jazz"],
    }
    save(
        store,
        [
            listing(
                "bwb:1", "Konzert: Trio", "2026-05-02", "20:00", **place, description="Ein 'Trio'\nin: Dur"
            ),
            listing("bwb:2", "Flohmarkt"),
            listing("bwb:3", "Gutschein"),
        ],
    )
    save(
        store, [listing("rza:1", "TRIO", "2026-05-02", **place), listing("rza:2", "Markt")], key="rza_1.json"
    )
    store.give_verdict("must_link", ("bwb", "1"), ("rza", "1"), author="ada", reason="one evening")
    store.give_verdict("cannot_link", ("bwb", "1"), ("rza", "2"), author="ada")
    store.give_verdict("cannot_link", ("bwb", "2"), ("rza", "2"), author="bob")
    return store


def test_an_exported_suite_is_read_back_with_the_same_listings_and_clusters(
    spoken: Store, tmp_path: Path
) -> None:
    exported = export_cases(spoken, tmp_path / "cases")

    (case,) = suite_in(tmp_path / "cases").cases
    suite = suite_in(tmp_path / "cases")
    keys = {key: suite.identity(case, key) for key in case.listings}
    raw = {keys[key]: suite.input_format(case, key) for key in keys}

    assert [[keys[key] for key in cluster] for cluster in case.expect.clusters] == [
        [("bwb", "1"), ("rza", "1")],
        [("rza", "2")],
    ]
    assert case.why == "one evening"
    assert exported.left_out == (3,)
    first = raw["bwb", "1"]
    assert (first["title"], first["description"]) == ("Konzert: Trio", "Ein 'Trio'\nin: Dur")
    assert first["event_dates"] == [
        {"date": "2026-05-02", "start_time": "20:00", "end_time": None, "end_date": None}
    ]
    assert first["location"]["geo"]["latitude"] == 48.09


def test_verdicts_are_labels_for_evaluate(
    spoken: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", database)
    forget_wiring()

    stored = CliRunner().invoke(app, ["evaluate", "--verdicts", "--json"], catch_exceptions=False)
    written = CliRunner().invoke(app, ["cases", "export", str(tmp_path / "c")], catch_exceptions=False)
    suite = CliRunner().invoke(app, ["evaluate", str(tmp_path / "c"), "--json"], catch_exceptions=False)
    neither = CliRunner().invoke(app, ["evaluate"])
    forget_wiring()

    assert stored_data(spoken).truth.size == 4
    assert stored.exit_code == written.exit_code == suite.exit_code == 0
    assert "left out" in written.stderr
    assert json.loads(stored.stdout)["data"]["labels"] == "pairs"
    assert json.loads(suite.stdout)["data"]["labels"] == "hard cases"
    assert neither.exit_code == 2


def test_verdicts_measure_the_policy_that_was_applied_if_no_other_is_named(
    spoken: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", database)
    forget_wiring()
    packaged = Path("dedup_core/matching.yaml").resolve()
    applied = varied(default_policy(), {"thresholds.match": 9.0})
    planning.apply(spoken, applied, default_policy(), author="ada")

    stored = CliRunner().invoke(app, ["evaluate", "--verdicts", "--json"], catch_exceptions=False)
    named = CliRunner().invoke(
        app, ["evaluate", "--verdicts", "--json", "--policy", str(packaged)], catch_exceptions=False
    )
    forget_wiring()

    hashes = [json.loads(result.stdout)["policy"]["hash"] for result in (stored, named)]
    assert hashes == [applied.hash, default_policy().hash]


def test_without_verdicts_there_is_nothing_to_measure_by(store: Store) -> None:
    with pytest.raises(NothingToRead):
        stored_data(store)
