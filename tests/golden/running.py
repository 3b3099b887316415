"""Running the product's own path over the cases' files, from bytes to canonical events, and reading off each case's outcome.

Three ways: each case alone, all together, all among background listings. Alone, token frequencies and boilerplate mean
little; embedded, they mean what they mean in production. Each case has its own town or its own weeks, so nothing of one belongs to another.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

import polars as pl

from dedup_core.events import IDENTITY, LISTING_SCHEMA, VERDICT_SCHEMA, Previous, Resolution
from dedup_core.normalising import normalise
from dedup_core.parsing import parse
from dedup_core.pipeline import resolve
from dedup_core.policy import Intake, Policy, default_policy
from dedup_core.validating import Validated, source_code_of, validate
from tests.golden.background import background
from tests.golden.cases import Case, Identity, hard_cases, identity, input_files
from tests.golden.judging import Judgement, Outcome, Pair, judge

Mode = Literal["alone", "together", "embedded"]
BACKGROUND_SEED: Final = 2026


def validated(files: Mapping[str, bytes], intake: Intake) -> list[Validated]:
    """Return what the product's intake makes of the files, in the order of their names."""
    return [
        validate(parse(content, intake=intake), file=name, source_code=source_code_of(name), intake=intake)
        for name, content in sorted(files.items())
    ]


def resolution_of(files: Mapping[str, bytes], policy: Policy) -> Resolution:
    """Resolve all listings of the files, with no verdicts and no past."""
    frames = [one.listings for one in validated(files, policy.intake)]
    listings = pl.concat([pl.DataFrame(schema=dict(LISTING_SCHEMA)), *frames])
    held = listings.unique(IDENTITY, keep="last", maintain_order=True)
    verdicts = pl.DataFrame(schema=dict(VERDICT_SCHEMA))
    return resolve(normalise(held), verdicts, Previous.nothing(), policy)


def outcomes(cases: Iterable[Case], resolution: Resolution) -> list[Outcome]:
    """Read each case's outcome off a run over them all."""
    canonical_of = {(source, id_): canonical for canonical, source, id_ in resolution.members.rows()}
    size = Counter(canonical_of.values())
    review = _review(resolution)
    links = [tuple(row) for row in resolution.links.select("kind", "from", "to").rows()]
    canonical_events = {row["canonical_id"]: row for row in resolution.canonical_events.to_dicts()}

    def outcome(case: Case) -> Outcome:
        key_of = {identity(case, key): key for key in case.listings}
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


def _alone(cases: tuple[Case, ...], policy: Policy) -> list[Outcome]:
    return [outcomes([case], resolution_of(input_files([case]), policy))[0] for case in cases]


def _together(cases: tuple[Case, ...], policy: Policy) -> list[Outcome]:
    return outcomes(cases, resolution_of(input_files(cases), policy))


def _embedded(cases: tuple[Case, ...], policy: Policy) -> list[Outcome]:
    return outcomes(cases, resolution_of({**input_files(cases), **background(BACKGROUND_SEED)}, policy))


MODES: Final[Mapping[Mode, Callable[[tuple[Case, ...], Policy], list[Outcome]]]] = {
    "alone": _alone,
    "together": _together,
    "embedded": _embedded,
}


def judgements(mode: Mode, policy: Policy | None = None) -> list[Judgement]:
    """Run all hard cases in a mode and judge each, with the policy that the package ships unless another is given."""
    cases = hard_cases()
    return [judge(*pair) for pair in zip(cases, MODES[mode](cases, policy or default_policy()), strict=True)]
