"""Running the product's own path over the cases' files, from bytes to canonical events, and reading off each case's outcome.

Three ways: each case alone, all together, all among background listings; and all together the cases of a stranger, of which the rules were
made with half before the eyes, and with the other half only after it had been measured once. Alone, token frequencies and boilerplate mean
little; embedded, they mean what they mean in production. Each case has its own town or its own weeks, so nothing of one belongs to another.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import polars as pl

from dedup_core.events import VERDICT_SCHEMA, Previous, Resolution
from dedup_core.hard_cases import Case
from dedup_core.judging import Judgement, judged
from dedup_core.parsing import parse
from dedup_core.pipeline import resolve
from dedup_core.policy import Intake, Policy, default_policy
from dedup_core.validating import Validated, source_code_of, validate
from handlers.dedupe import read_files
from tests.golden.background import SEED as BACKGROUND_SEED
from tests.golden.background import background
from tests.golden.cases import hard_cases, input_files, strangers, suite

Mode = Literal["alone", "together", "embedded", "strangers"]


def validated(files: Mapping[str, bytes], intake: Intake) -> list[Validated]:
    """Return what the product's intake makes of the files, in the order of their names."""
    return [
        validate(parse(content, intake=intake), file=name, source_code=source_code_of(name), intake=intake)
        for name, content in sorted(files.items())
    ]


def resolution_of(files: Mapping[str, bytes], policy: Policy) -> Resolution:
    """Resolve all listings of the files, with no verdicts and no past."""
    verdicts = pl.DataFrame(schema=dict(VERDICT_SCHEMA))
    return resolve(read_files([], policy, written=files).events, verdicts, Previous.nothing(), policy)


def _alone(cases: tuple[Case, ...], policy: Policy) -> list[Judgement]:
    return [
        one for case in cases for one in judged(suite(), [case], resolution_of(input_files([case]), policy))
    ]


def _together(cases: tuple[Case, ...], policy: Policy) -> list[Judgement]:
    return judged(suite(), cases, resolution_of(input_files(cases), policy))


def _embedded(cases: tuple[Case, ...], policy: Policy) -> list[Judgement]:
    files = {**input_files(cases), **background(BACKGROUND_SEED)}
    return judged(suite(), cases, resolution_of(files, policy))


def _strangers(_: tuple[Case, ...], policy: Policy) -> list[Judgement]:
    suite = strangers()
    return judged(suite, suite.cases, resolution_of(suite.input_files(), policy))


MODES: Final[Mapping[Mode, Callable[[tuple[Case, ...], Policy], list[Judgement]]]] = {
    "alone": _alone,
    "together": _together,
    "embedded": _embedded,
    "strangers": _strangers,
}


def judgements(mode: Mode, policy: Policy | None = None) -> list[Judgement]:
    """Run all hard cases in a mode and judge each, with the policy that the package ships unless another is given."""
    return MODES[mode](hard_cases(), policy or default_policy())
