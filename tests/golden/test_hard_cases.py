"""The hard cases as a suite: sound in itself, not to be solved by a simple trick, and a floor under the matcher."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from itertools import pairwise

import pytest

from dedup_core.hard_cases import Case
from dedup_core.judging import Outcome, Pair, Verdict, judge
from dedup_core.policy import default_policy
from tests.golden.background import SEED as BACKGROUND_SEED
from tests.golden.background import TOWNS, background
from tests.golden.cases import hard_cases, identity, input_files
from tests.golden.floors import MODE_NAMES, fallen, floors, floors_of
from tests.golden.labelled import SAMPLE_NAMES, sample_figures
from tests.golden.report import complained
from tests.golden.running import Mode, judgements, validated


def _case(id_: str) -> Case:
    return next(case for case in hard_cases() if case.id == id_)


def _as_expected(case: Case) -> Outcome:
    expect = case.expect
    cluster_of = {key: frozenset(cluster) for cluster in expect.clusters for key in cluster}
    return Outcome(
        clusters=tuple(cluster_of.values()),
        links=frozenset((link.kind, cluster_of[link.from_], cluster_of[link.to]) for link in expect.links),
        status=expect.status,
        previous_date=expect.previous_date,
        flagged=frozenset(expect.not_an_event),
    )


def test_each_row_of_the_catalogue_has_at_least_four_cases_and_not_only_one_answer() -> None:
    cases = hard_cases()

    count = Counter(case.row for case in cases)
    apart = {case.row for case in cases if len(case.expect.clusters) > 1}
    joined = {case.row for case in cases if len(case.expect.clusters) < len(case.listings)}

    assert {row for row, cases_of_row in count.items() if cases_of_row >= 4} == set(range(1, 41))
    assert apart == joined == set(range(1, 41))


def test_no_two_listings_share_an_identity_and_no_two_cases_an_id() -> None:
    cases = hard_cases()

    known = Counter(identity(case, key) for case in cases for key in case.listings)
    ids = Counter(case.id for case in cases)

    assert max(known.values()) == 1
    assert max(ids.values()) == 1


def test_cases_of_one_town_lie_days_apart_and_the_background_is_elsewhere() -> None:
    spans: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for case in hard_cases():
        for listing in case.listings.values():
            days = [day for when in listing.when for day in (when.date, when.end_date or when.date)]
            spans[listing.city or ""][case.id] += days

    shared = [
        sorted((min(days), max(days)) for days in town.values()) for name, town in spans.items() if name
    ]
    gaps = [
        (date.fromisoformat(after[0]) - date.fromisoformat(before[1])).days
        for town in shared
        for before, after in pairwise(town)
    ]

    assert all(gap >= 3 for gap in gaps)
    assert not set(TOWNS) & set(spans)


def test_every_listing_of_the_cases_and_of_the_background_passes_the_intake() -> None:
    files = {**input_files(hard_cases()), **background(BACKGROUND_SEED)}

    results = validated(files, default_policy().intake)

    assert [rejection for result in results for rejection in result.rejections] == []
    expected = sum(len(case.listings) for case in hard_cases())
    assert sum(result.listings.height for result in results) >= expected + 1_500


def _by_equal_title(case: Case) -> list[Pair]:
    groups: dict[str, set[str]] = defaultdict(set)
    for key, listing in case.listings.items():
        groups[listing.title.casefold()].add(key)
    return [frozenset(group) for group in groups.values()]


def _by_equal_day_and_town(case: Case) -> list[Pair]:
    groups: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    for key, listing in case.listings.items():
        groups[listing.city, listing.when[0].date].add(key)
    return [frozenset(group) for group in groups.values()]


@pytest.mark.parametrize("trick", [_by_equal_title, _by_equal_day_and_town])
def test_a_simple_trick_solves_less_than_half_of_the_cases(trick: Callable[[Case], list[Pair]]) -> None:
    cases = hard_cases()

    solved = [case.id for case in cases if set(trick(case)) == {frozenset(c) for c in case.expect.clusters}]

    assert len(solved) < 0.5 * len(cases)


@pytest.mark.parametrize("case", hard_cases(), ids=lambda case: case.id)
def test_the_expected_outcome_of_a_case_is_judged_exact(case: Case) -> None:
    outcome = _as_expected(case)

    judged = judge(case, outcome)

    assert judged.verdict == "exact", judged.faults


APART: tuple[Pair, ...] = (frozenset("a"), frozenset("b"), frozenset("c"))
TOGETHER: tuple[Pair, ...] = (frozenset("abc"),)


@pytest.mark.parametrize(
    ("case", "outcome", "verdict"),
    [
        ("r01-tour-in-capitals", Outcome(TOGETHER), "wrong_merge"),
        ("r01-tour-in-capitals", Outcome(APART), "wrong_split"),
        ("r01-tour-in-capitals", Outcome(APART, review=frozenset({frozenset("ab")})), "review"),
        ("r01-tour-in-capitals", Outcome(APART, review=frozenset({frozenset("bc")})), "wrong_split"),
        (
            "r01-band-and-album-tour",
            Outcome(APART, review=frozenset({frozenset("ab"), frozenset("bc")})),
            "review",
        ),
        ("r01-band-and-album-tour", Outcome(TOGETHER, foreign=frozenset("a")), "wrong_merge"),
        ("r16-fosdem-devroom", Outcome((frozenset("ac"), frozenset("b"))), "wrong_link"),
        ("r21-abgesagt-in-front", Outcome((frozenset("ab"), frozenset("c"))), "wrong_status"),
        ("r34-voucher", Outcome((frozenset("a"), frozenset("b"))), "wrong_status"),
    ],
)
def test_a_wrong_outcome_is_judged_by_the_worst_that_is_wrong(
    case: str, outcome: Outcome, verdict: Verdict
) -> None:
    known = _case(case)

    judged = judge(known, outcome)

    assert judged.verdict == verdict


def test_a_link_the_wrong_way_round_is_wrong() -> None:
    case = _case("r16-fosdem-devroom")
    whole, part = frozenset("ac"), frozenset("b")

    judged = judge(case, Outcome((whole, part), links=frozenset({("part_of", whole, part)})))

    assert judged.verdict == "wrong_link"
    assert len(judged.faults) == 2


@pytest.mark.parametrize("mode", MODE_NAMES)
def test_the_matcher_does_not_fall_below_the_floor(mode: Mode) -> None:
    floor = floors().hard_cases[mode]

    judged = judgements(mode)

    lower = fallen(floor, floors_of(judged))
    since = [one for one in judged if floor.wrong.get(one.case.id) != one.verdict]
    assert not lower, "\n".join([*lower, "since the floor was set:", *complained(since)])


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_a_labelled_sample_is_matched_no_worse_than_the_floor(name: str) -> None:
    floor = floors().samples[name]

    figures = sample_figures(name)

    assert figures.listings == floor.listings
    assert figures.precision >= floor.precision, figures
    assert figures.recall >= floor.recall, figures
    assert figures.asked <= floor.asked, figures
