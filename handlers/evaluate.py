"""Evaluate: what policies make of labelled listings, measured.

Nothing is stored and nothing changed; a second run gives the same figures. What it may get wrong is what the labels get wrong: read
the pairs that it names before you blame the matcher.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from dedup_core.errors import InvalidPolicy, WrongLabels
from dedup_core.events import IDENTITY, VERDICT_SCHEMA, Previous, Rejection
from dedup_core.hard_cases import Suite, read_suite
from dedup_core.judging import Judgement, judged
from dedup_core.labels import Truth, clusters_of, read_labels
from dedup_core.measuring import Figures, figures
from dedup_core.mistakes import changes
from dedup_core.pipeline import resolve
from dedup_core.policy import Policy
from dedup_core.trials import Trial, Trials
from dedup_core.validating import source_code_of
from dedup_core.variants import insist_on_paths, varied
from handlers.dedupe import input_paths, read_files
from infra.errors import NothingToRead

LABELS: Final = ("truth.csv", "pairs.csv")
"""Where labels stand in a folder of input files, if not said otherwise."""

CASES: Final = "hard_cases"
SOURCES: Final = "sources.yaml"
"""What a suite's folder holds: a folder of YAML files with cases, and their sources."""

Told = Callable[[str, float], None]
"""Told what is done now, and the share that is done by then, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Data:
    """Labelled listings.

    events: EVENT_SCHEMA, sorted by identity; truth: of their rows; suite: if they are the listings of one.
    rejections: listings and files that were refused; left_out: labels that name a refused listing.
    """

    name: str
    events: pl.DataFrame
    truth: Truth
    suite: Suite | None
    rejections: tuple[Rejection, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one policy makes of labelled listings. judgements: of the suite's cases; empty without a suite."""

    policy: Policy
    trial: Trial
    figures: Figures
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """A policy with other numbers. refused: why there is no such policy; else figures, and cases of a suite by verdict.

    changes: path -> value. right: cases that are right; null without a suite.
    """

    changes: dict[str, float]
    refused: str | None
    figures: Figures | None
    right: int | None


def is_suite(folder: Path) -> bool:
    """Tell whether a folder holds a suite of hard cases."""
    return (folder / CASES).is_dir() and (folder / SOURCES).is_file()


def suite_in(folder: Path) -> Suite:
    """Read a suite of hard cases.

    Raises:
        WrongLabels: a mistake in it.
    """
    named = folder / SOURCES
    files = sorted((folder / CASES).glob("*.yaml"))
    texts = {path.as_posix(): path.read_text(encoding="utf-8") for path in files}
    return read_suite((named.as_posix(), named.read_text(encoding="utf-8")), texts)


def read_data(
    paths: Sequence[Path],
    policy: Policy,
    *,
    labels: Path | None,
    around: Sequence[Path] = (),
    told: Told = lambda text, share: None,
) -> Data:
    """Read labelled listings: files and folders with their labels, or the folder of a suite.

    labels: CSV; without one, that of LABELS which lies in a folder of ``paths``. around: more input files, without labels.

    Raises:
        NothingToRead: no input files, or no labels, or none by which a pair could be judged: all would be right.
        WrongLabels: a mistake in them.
    """
    more = input_paths(around) if around else []
    if any(is_suite(path) for path in paths):
        if len(paths) > 1 or labels is not None:
            raise WrongLabels(f"{paths[0]}: a suite of hard cases is measured alone, and has its own labels")
        return _suite_data(paths[0], policy, more, told)
    found, files = labels or _labels_in(paths), input_paths(paths)
    read = read_files([*files, *more], policy, read=lambda done: told("reading files", done / len(files)))
    refused = [
        (source_code_of(Path(one.file).name), one.listing_id) for one in read.rejections if one.listing_id
    ]
    frame = pl.DataFrame(refused, schema=dict.fromkeys(IDENTITY, pl.String), orient="row")
    events = read.events.sort(*IDENTITY)
    truth, left_out = read_labels(found.read_bytes(), events, name=found.as_posix(), refused=frame)
    if truth.size < 2:
        gone = f"; {left_out} of its labels name listings that are refused" if left_out else ""
        raise NothingToRead(
            f"no two listings have a label in {found.as_posix()}, so nothing can be measured{gone}"
        )
    name = ", ".join(path.as_posix() for path in paths)
    return Data(name, events, truth, None, read.rejections, left_out)


def _labels_in(paths: Sequence[Path]) -> Path:
    found = [path / name for path in paths if path.is_dir() for name in LABELS if (path / name).is_file()]
    if not found:
        raise NothingToRead(
            f"no {' or '.join(LABELS)} in {', '.join(map(str, paths))}: name the labels with --truth FILE"
        )
    if len(found) > 1:
        raise NothingToRead(
            f"{' and '.join(map(str, found))}: say with --truth FILE which of them are the labels"
        )
    return found[0]


def _suite_data(folder: Path, policy: Policy, more: Sequence[Path], told: Told) -> Data:
    told("reading cases", 0.0)
    suite = suite_in(folder)
    read = read_files(more, policy, written=suite.input_files())
    around = {path.as_posix() for path in more}
    for refused in read.rejections:
        if refused.file not in around:
            raise WrongLabels(f"{folder}: listing {refused.listing_id}: {refused.field}: {refused.reason}")
    events = read.events.sort(*IDENTITY)
    known = [
        (*suite.identity(case, key), f"{case.id} {number}")
        for case in suite.cases
        for number, cluster in enumerate(case.expect.clusters)
        for key in cluster
    ]
    clusters = pl.DataFrame(known, schema=dict.fromkeys((*IDENTITY, "cluster"), pl.String), orient="row")
    return Data(folder.as_posix(), events, clusters_of(events, clusters), suite, read.rejections, 0)


def evaluate(
    data: Data, trials: Trials, policy: Policy, told: Callable[[str], None] = lambda stage: None
) -> Evaluation:
    """Measure a policy. trials: of the data's events; told: of each stage when it begins."""
    trial = trials.trial(policy, told)
    told("judging")
    judgements = () if data.suite is None else tuple(_judged(data, data.suite, policy))
    return Evaluation(policy, trial, figures(trial, data.truth), judgements)


def _judged(data: Data, suite: Suite, policy: Policy) -> list[Judgement]:
    """Judge a suite's cases by the whole run: links and states are made after clustering."""
    verdicts = pl.DataFrame(schema=dict(VERDICT_SCHEMA))
    return judged(suite, suite.cases, resolve(data.events, verdicts, Previous.nothing(), policy))


def sweep(
    data: Data,
    trials: Trials,
    policy: Policy,
    combinations: Sequence[dict[str, float]],
    told: Told = lambda text, share: None,
) -> list[Variant]:
    """Measure a policy with each combination of numbers: path -> value.

    Raises:
        InvalidPolicy: a path that no policy has; a value that no policy may have is told in its variant.
    """
    found = []
    for done, combination in enumerate(combinations):
        told(f"variant {done + 1} of {len(combinations)}", done / len(combinations))
        found.append(_variant(data, trials, policy, combination))
    return found


def _variant(data: Data, trials: Trials, policy: Policy, combination: dict[str, float]) -> Variant:
    insist_on_paths(policy, combination)
    try:
        measured = evaluate(data, trials, varied(policy, combination))
    except InvalidPolicy as error:
        return Variant(combination, str(error), None, None)
    right = sum(one.right for one in measured.judgements) if data.suite else None
    return Variant(combination, None, measured.figures, right)


def compare(data: Data, before: Evaluation, after: Evaluation) -> pl.DataFrame:
    """List every pair of which two policies make different things: `dedup_core.mistakes.CHANGE_SCHEMA`."""
    return changes(before.trial, after.trial, data.truth)
