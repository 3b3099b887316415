"""Judging: what a run made of hard cases, and how bad that is.

The verdicts are ordered from `exact` to `wrong_merge`, the worst: a reader who is shown two events as one can't find the second.
A pair in review is a question to an editor: right where an honest editor would ask, too, else merely a cost.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations, product
from typing import Final, Literal

import polars as pl

from dedup_core.events import IDENTITY, Resolution
from dedup_core.hard_cases import Case, Identity, Link, Suite

Verdict = Literal["exact", "review", "wrong_status", "wrong_link", "wrong_split", "wrong_merge"]
VERDICTS: Final[tuple[Verdict, ...]] = (
    "exact",
    "review",
    "wrong_status",
    "wrong_link",
    "wrong_split",
    "wrong_merge",
)

Pair = frozenset[str]
Fault = tuple[Verdict, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run made of a case, in the case's keys.

    clusters: a partition of the keys. review: pairs that a person is asked about. links: kind, then the listings of
    the one and of the other canonical event. status, previous_date: of each listing's canonical event. flagged: listings whose
    canonical event needs review. foreign: listings that were joined with one from outside the case.
    """

    clusters: tuple[Pair, ...]
    review: frozenset[Pair] = frozenset()
    links: frozenset[tuple[str, Pair, Pair]] = frozenset()
    status: Mapping[str, str] = field(default_factory=dict)
    previous_date: Mapping[str, date | None] = field(default_factory=dict)
    flagged: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The worst verdict on a case, all that is wrong in words, and for each pair that was joined whether it is one event."""

    case: Case
    verdict: Verdict
    faults: tuple[Fault, ...]
    joined: tuple[bool, ...]

    @property
    def right(self) -> bool:
        """Whether an experienced editor has nothing to complain of."""
        return self.verdict == "exact" or (self.verdict == "review" and self.case.expect.review_acceptable)


def judge(case: Case, outcome: Outcome) -> Judgement:
    """Hold what a run made of a case against what an editor would."""
    checks = (_merges, _splits, _questions, _links, _lifecycle)
    faults = tuple(fault for check in checks for fault in check(case, outcome))
    verdict = max((fault[0] for fault in faults), key=VERDICTS.index, default=VERDICTS[0])
    truth = _pairs(case.expect.clusters)
    return Judgement(case, verdict, faults, tuple(pair in truth for pair in _pairs(outcome.clusters)))


def _pairs(clusters: Iterable[Iterable[str]]) -> set[Pair]:
    return {frozenset(pair) for cluster in clusters for pair in combinations(sorted(cluster), 2)}


def _words(pair: Iterable[str]) -> str:
    return "+".join(sorted(pair))


def _merges(case: Case, outcome: Outcome) -> Iterator[Fault]:
    for pair in _pairs(outcome.clusters) - _pairs(case.expect.clusters):
        yield "wrong_merge", f"{_words(pair)} joined"
    for key in outcome.foreign:
        yield "wrong_merge", f"{key} joined with a listing from outside the case"


def _splits(case: Case, outcome: Outcome) -> Iterator[Fault]:
    """An event in parts is in review if questions lead from each part to each other, else it is split."""
    truth = _pairs(case.expect.clusters)
    for expected in case.expect.clusters:
        if not _pairs([expected]) - _pairs(outcome.clusters):
            continue
        asked = _joined([*outcome.clusters, *(outcome.review & truth)], expected[0])
        yield ("review" if asked >= set(expected) else "wrong_split"), f"{_words(expected)} not joined"


def _joined(groups: Iterable[Pair], start: str) -> set[str]:
    """Return what can be reached from a listing through groups that share a listing."""
    groups = list(groups)
    reached: set[str] = set()
    following = {start}
    while following - reached:
        reached |= following
        following = {key for group in groups if group & reached for key in group}
    return reached


def _questions(case: Case, outcome: Outcome) -> Iterator[Fault]:
    ignored = set(case.expect.not_an_event)
    for pair in outcome.review - _pairs(case.expect.clusters):
        if not pair & ignored:
            yield "review", f"{_words(pair)} asked, though apart"


def _links(case: Case, outcome: Outcome) -> Iterator[Fault]:
    cluster_of = {key: cluster for cluster in outcome.clusters for key in cluster}

    def found(link: Link) -> tuple[str, Pair, Pair]:
        return link.kind, cluster_of[link.from_], cluster_of[link.to]

    for link in case.expect.links:
        ends = {frozenset(pair) for pair in product(cluster_of[link.from_], cluster_of[link.to])}
        if found(link) not in outcome.links:
            yield (
                ("review" if ends & outcome.review else "wrong_link"),
                f"{link.from_} {link.kind} {link.to} missing",
            )
    known = {found(link) for link in (*case.expect.links, *case.expect.links_allowed)}
    for kind, part, whole in outcome.links - known:
        yield "wrong_link", f"{_words(part)} {kind} {_words(whole)} is not so"


def _lifecycle(case: Case, outcome: Outcome) -> Iterator[Fault]:
    for key, status in case.expect.status.items():
        if outcome.status.get(key) != status:
            yield "wrong_status", f"{key} is {outcome.status.get(key)}, not {status}"
    for key, day in case.expect.previous_date.items():
        if outcome.previous_date.get(key) != day:
            yield "wrong_status", f"{key} was on {outcome.previous_date.get(key)}, not {day}"
    for key in set(case.expect.not_an_event) - outcome.flagged:
        yield "wrong_status", f"{key} is no event, and nobody is asked"


def outcomes(suite: Suite, cases: Iterable[Case], resolution: Resolution) -> list[Outcome]:
    """Read each case's outcome off a run over them all."""
    canonical_of = {(source, id_): canonical for canonical, source, id_ in resolution.members.rows()}
    size = Counter(canonical_of.values())
    review = _review(resolution)
    links = [tuple(row) for row in resolution.links.select("kind", "from", "to").rows()]
    canonical_events = {row["canonical_id"]: row for row in resolution.canonical_events.to_dicts()}

    def outcome(case: Case) -> Outcome:
        key_of = {suite.identity(case, key): key for key in case.listings}
        mine = {key: canonical_of[known] for known, key in key_of.items()}
        members: dict[str, Pair] = {c: frozenset(k for k in mine if mine[k] == c) for c in set(mine.values())}
        return Outcome(
            clusters=tuple(sorted(members.values(), key=sorted)),
            review=frozenset(
                frozenset(key_of[end] for end in pair) for pair in review if pair <= set(key_of)
            ),
            links=frozenset(
                (k, members[f], members[t]) for k, f, t in links if f in members and t in members
            ),
            status={key: canonical_events[c]["status"] for key, c in mine.items()},
            previous_date={key: canonical_events[c]["previous_date"] for key, c in mine.items()},
            flagged=frozenset(key for key, c in mine.items() if canonical_events[c]["needs_review"]),
            foreign=frozenset(key for key, c in mine.items() if size[c] > len(members[c])),
        )

    return [outcome(case) for case in cases]


def _review(resolution: Resolution) -> set[frozenset[Identity]]:
    known = list(zip(*(resolution.events[column].to_list() for column in IDENTITY), strict=True))
    asked = resolution.decisions.filter(pl.col("decision") == "ambiguous").select("a", "b")
    return {frozenset((known[a], known[b])) for a, b in asked.rows()}


def judged(suite: Suite, cases: Sequence[Case], resolution: Resolution) -> list[Judgement]:
    """Judge what a run made of some of a suite's cases."""
    return [judge(*pair) for pair in zip(cases, outcomes(suite, cases, resolution), strict=True)]


@dataclass(frozen=True, slots=True)
class RowFigures:
    """How many cases of a row of the catalogue came out how; row is null for all of them together.

    review_right: in review where an honest editor would ask, too; review_wrong: in review where they would not.
    """

    row: int | None
    phenomenon: str
    cases: int
    exact: int
    review_right: int
    review_wrong: int
    wrong_status: int
    wrong_link: int
    wrong_split: int
    wrong_merge: int

    @property
    def right(self) -> int:
        """Cases of which an experienced editor has nothing to complain."""
        return self.exact + self.review_right


def rows_of(judgements: Sequence[Judgement]) -> list[RowFigures]:
    """Sum judgements up by row of the catalogue, and over all at the end."""
    rows: dict[int, list[Judgement]] = {}
    for one in judgements:
        rows.setdefault(one.case.row, []).append(one)
    by_row = [_row(number, group[0].case.phenomenon, group) for number, group in sorted(rows.items())]
    return [*by_row, _row(None, "all", judgements)]


def _row(number: int | None, phenomenon: str, group: Sequence[Judgement]) -> RowFigures:
    count = Counter(one.verdict for one in group)
    asked = sum(one.verdict == "review" and one.right for one in group)
    return RowFigures(
        row=number,
        phenomenon=phenomenon,
        cases=len(group),
        exact=count["exact"],
        review_right=asked,
        review_wrong=count["review"] - asked,
        wrong_status=count["wrong_status"],
        wrong_link=count["wrong_link"],
        wrong_split=count["wrong_split"],
        wrong_merge=count["wrong_merge"],
    )


def complaints(judgements: Sequence[Judgement]) -> list[Judgement]:
    """List the cases that are not right, the worst first."""
    wrong = [one for one in judgements if not one.right]
    return sorted(wrong, key=lambda one: (-VERDICTS.index(one.verdict), one.case.id))
