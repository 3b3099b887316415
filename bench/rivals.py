"""Rivals: event-dedup beside a simple rule and Splink, on the same listings in the same run.

    EVENT_DEDUP_DATA=/path/to/data python -m bench.rivals

The simple rule: titles alike by 85 of 100, same first day, same town; which similarity is chosen with the labels. Splink: five comparisons on its DuckDB backend, the one of dates
set by hand as its own estimates of it fail on events, the others estimated by EM; its threshold is chosen with the labels of each
set. Both choices flatter the rivals. Both are given towns, venues and texts as event-dedup normalises them. event-dedup runs with the policy
that the package ships. Chance plays no part but in Splink's sampling, whose seed is fixed.
"""

import argparse
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from bench.generator import generate
from bench.machine import described
from bench.report import put_between, table
from bench.run import RESULTS
from dedup_core.evaluating import Labels
from dedup_core.events import IDENTITY
from dedup_core.labels import TrueClusters, clusters_of
from dedup_core.normalising import normalise
from dedup_core.occurrences import MINUTES_A_DAY, occurrences
from dedup_core.policy import default_policy
from dedup_core.trials import Trials
from handlers.evaluate import Data, read_data

TOP: Final = Path(__file__).parents[1]
DOCUMENT: Final = TOP / "docs" / "MATCHING.md"
DATA: Final = "EVENT_DEDUP_DATA"
"""Environment variable: a folder that may hold more labelled data than the project does."""

ALIKE: Final = 85
"""Of 100: similarity of two titles from which the simple rule takes them for one."""

SCORERS: Final[dict[str, Callable[..., float]]] = {
    scorer.__name__: scorer for scorer in (fuzz.ratio, fuzz.token_sort_ratio, fuzz.token_set_ratio)
}
"""What the similarity may be; the best by F1 is told."""

SEED: Final = 20_261
"""Of the generator; the weights were set with the worlds of other seeds before the eyes."""

THRESHOLDS: Final = (0.05, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999)
"""Probabilities that Splink's pairs are cut at; the best by F1 is told."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a matcher makes of a set. labels: (n,); note: what was chosen for it."""

    labels: Labels
    note: str = ""


def event_dedup(data: Data) -> Answer:
    """Run the matcher with the policy that the package ships."""
    return Answer(Trials(data.events).trial(default_policy()).labels)


def simple_rule(data: Data) -> Answer:
    """Join what has the same first day and town and titles that are alike."""
    rows = _plain(data.events).with_row_index("row")
    blocks = rows.drop_nulls(["day", "city"]).group_by("day", "city").agg("row", "title")
    crowded = list(blocks.filter(pl.col("row").list.len() > 1).select("row", "title").iter_rows())
    answers = []
    for name, scorer in SCORERS.items():
        ends = [np.empty((0, 2), np.int64), *(_alike(found, titles, scorer) for found, titles in crowded)]
        answers.append(Answer(_joined(data.events.height, np.concatenate(ends)), name))
    return _best(answers, data)


def _alike(rows: list[int], titles: list[str], scorer: Callable[..., float]) -> "np.typing.NDArray[np.int64]":
    """Pair the rows of a block whose titles are alike."""
    alike = process.cdist(titles, titles, scorer=scorer, score_cutoff=ALIKE)
    pairs: np.typing.NDArray[np.int64] = np.array(rows, np.int64)[np.argwhere(np.triu(alike, 1) > 0)]
    return pairs


def _best(answers: Sequence[Answer], data: Data) -> Answer:
    """Choose by the labels: the first of the greatest F1."""
    return max(answers, key=lambda answer: data.truth.counts(answer.labels).f1)


def splink(data: Data) -> Answer:
    """Train Splink on the listings, score its candidate pairs, and join what chains of them hold together."""
    scored = _splink_pairs(_plain(data.events).with_row_index("unique_id"))
    answers = []
    for threshold in THRESHOLDS:
        sure = scored.filter(pl.col("match_probability") >= threshold)
        ends = sure.select("unique_id_l", "unique_id_r").to_numpy()
        answers.append(Answer(_joined(data.events.height, ends), f"cut at {threshold:g}"))
    return _best(answers, data)


def _plain(events: pl.DataFrame) -> pl.DataFrame:
    """Lay out what rivals compare: texts in small letters, towns and venues normalised, first day and start, last day."""
    spans = (
        occurrences(events)
        .group_by("event")
        .agg(pl.col("day").min(), pl.col("last_day").max(), pl.col("moment").min())
        .sort("event")
    )
    return events.select(
        pl.col("title").str.to_lowercase(),
        city=pl.col("city_key"),
        venue=pl.col("venue_key"),
        source=pl.col("source_code"),
    ).hstack(spans.select("day", "last_day", start=pl.col("moment") % MINUTES_A_DAY))


def _joined(n: int, ends: "np.typing.NDArray[np.int64]") -> Labels:
    graph = sparse.coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    labels: Labels = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def _splink_pairs(rows: pl.DataFrame) -> pl.DataFrame:
    """Return Splink's candidate pairs with ``match_probability``."""
    import splink.comparison_level_library as cll  # noqa: PLC0415 - of the group `bench`, asked for by who runs this
    import splink.comparison_library as cl  # noqa: PLC0415
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # noqa: PLC0415

    def level(condition: str, name: str, m: float, u: float) -> Any:
        made = cll.CustomLevel(condition, label_for_charts=name)
        return made.configure(
            m_probability=m, u_probability=u, fix_m_probability=True, fix_u_probability=True
        )

    # By hand: nine in ten twins begin on the same day; of others one in 400 does, in a year of listings.
    date = cl.CustomComparison(
        output_column_name="date",
        comparison_levels=[
            level("day_l = day_r", "same first day", 0.9, 0.0025),
            level("day_l <= last_day_r and day_r <= last_day_l", "days in common", 0.08, 0.01),
            level("abs(day_l - day_r) <= 1", "a day apart", 0.015, 0.005),
            level("true", "apart", 0.005, 0.9825),
        ],
    )
    title = cl.CustomComparison(
        output_column_name="title",
        comparison_levels=[
            cll.NullLevel("title"),
            cll.ExactMatchLevel("title", term_frequency_adjustments=True),
            cll.JaroWinklerLevel("title", 0.95),
            cll.JaroWinklerLevel("title", 0.88),
            cll.JaccardLevel("title", 0.8),
            cll.ElseLevel(),
        ],
    )
    start = cl.CustomComparison(
        output_column_name="start",
        comparison_levels=[
            cll.NullLevel("start"),
            cll.CustomLevel("start_l = start_r"),
            cll.CustomLevel("abs(start_l - start_r) <= 60"),
            cll.ElseLevel(),
        ],
    )
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            title,
            date,
            cl.JaroWinklerAtThresholds("city", [0.9]),
            cl.JaroWinklerAtThresholds("venue", [0.88]),
            start,
        ],
        blocking_rules_to_generate_predictions=[
            block_on("day", "city"),
            block_on("day", "venue"),
            block_on("day", "substr(title, 1, 8)"),
            block_on("title", "city"),
        ],
    )
    linker: Any = Linker(DuckDBAPI().register(rows.to_arrow()), settings, log_level=logging.ERROR)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on("title", "day", "city")], recall=0.6)
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("day", "city"), block_on("title")):
        training.estimate_parameters_using_expectation_maximisation(rule, record_sample_proportion=1.0)
    predicted = linker.inference.predict(threshold_match_probability=min(THRESHOLDS))
    return pl.DataFrame(predicted.as_pyarrow_table()).select(
        "unique_id_l", "unique_id_r", "match_probability"
    )


MATCHERS: Final[dict[str, Callable[[Data], Answer]]] = {
    "event-dedup": event_dedup,
    "simple rule": simple_rule,
    "Splink": splink,
}


def sets(generated: int) -> dict[str, Data]:
    """Return the labelled sets by name; of the environment's folder only what is there."""
    policy = default_policy()
    found = {
        "samples/breisgau": TOP / "samples" / "breisgau",
        "samples/conferences": TOP / "samples" / "conferences",
        "hard cases": TOP / "tests" / "golden",
    }
    more = Path(os.environ[DATA]) / "conf-events" if DATA in os.environ else None
    if more is not None and more.is_dir():
        found["conf-events"] = more
    read = {name: read_data([path], policy, labels=None) for name, path in found.items()}
    if generated:
        read[f"generator, {generated:,}"] = _generated(generated)
    return read


def _generated(n: int) -> Data:
    made = generate(n, seed=SEED)
    known = made.listings.select(*IDENTITY, cluster=pl.Series(made.truth).cast(pl.String))
    events = normalise(made.listings).sort(*IDENTITY)
    return Data("generator", events, clusters_of(events, known), None, (), 0)


def measured(data: Data, matcher: Callable[[Data], Answer]) -> Figures:
    """Run a matcher on a set and count."""
    began = time.perf_counter()
    answer = matcher(data)
    seconds = time.perf_counter() - began
    pairs, cubed = data.truth.counts(answer.labels), data.truth.bcubed(answer.labels)
    return {
        "precision": pairs.precision,
        "recall": pairs.recall,
        "f1": pairs.f1,
        "bcubed_f1": cubed.f1 if cubed else None,
        "wrong_merges": pairs.false,
        "cases": _cases_right(data, answer.labels),
        "seconds": seconds,
        "note": answer.note,
    }


def _cases_right(data: Data, labels: Labels) -> int | None:
    """Count the hard cases whose listings are grouped just as expected; states and links are not asked of rivals."""
    if data.suite is None or not isinstance(data.truth, TrueClusters):
        return None
    rows = {identity: row for row, identity in enumerate(data.events.select(*IDENTITY).iter_rows())}
    right = 0
    for case in data.suite.cases:
        mine = [rows[data.suite.identity(case, key)] for key in case.listings]
        counted = TrueClusters(data.truth.cluster[mine]).counts(labels[mine])
        right += counted.false == counted.missed == 0
    return right


def rivals_table(figures: Figures) -> str:
    """Write the table: a row a set and matcher."""
    head = ["set", "matcher", "precision", "recall", "F1", "B-cubed F1", "wrong merges", "seconds", "note"]
    rows = []
    for one in figures["sets"]:
        for number, (name, told) in enumerate(one["matchers"].items()):
            label = f"{one['name']} ({one['listings']:,} listings)" if number == 0 else ""
            shares = [f"{told[share]:.4f}" for share in ("precision", "recall", "f1", "bcubed_f1")]
            cases = "" if told["cases"] is None else f"{told['cases']} cases grouped right"
            note = ", ".join(filter(None, (told["note"], cases)))
            rows.append([label, name, *shares, f"{told['wrong_merges']:,}", f"{told['seconds']:.1f}", note])
    machine = figures["machine"]
    about = (
        f"Measured {machine['day']} at commit `{machine['commit']}` by `{figures['command']}` with Splink {figures['splink']}, "
        f"on {machine['cores']} cores of {machine['processor']}."
    )
    return about + "\n\n" + table(head, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, keep the figures and put them into docs/MATCHING.md."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.rivals",
        description="Measure event-dedup, a simple rule and Splink on the same labelled listings.",
        epilog=f"example: python -m bench.rivals --generated 2000; {DATA} names a folder with more sets",
    )
    parser.add_argument(
        "--generated", type=int, default=10_000, help="listings of the generator (default: %(default)s)"
    )
    parser.add_argument("--no-save", action="store_true", help="leave bench/results and docs as they are")
    asked = parser.parse_args(arguments)
    from splink import __version__ as version  # noqa: PLC0415 - as above

    machine = described()
    told = [
        {
            "name": name,
            "listings": data.events.height,
            "matchers": {who: measured(data, matcher) for who, matcher in MATCHERS.items()},
        }
        for name, data in sets(asked.generated).items()
    ]
    folder = f"{DATA}=… " if DATA in os.environ else ""
    command = f"{folder}python -m bench.rivals --generated {asked.generated}"
    figures = {"machine": machine, "command": command, "splink": version, "sets": told}
    written = rivals_table(figures)
    if not asked.no_save:
        (RESULTS / "rivals.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        put_between(DOCUMENT, "rivals", written)
    print(written)


if __name__ == "__main__":
    main()
