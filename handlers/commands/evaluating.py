"""The command that tells how good a policy is: evaluate."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from handlers.commands.listings import LISTING_COLUMNS
from handlers.commands.options import AsJson, PolicyOfEither, chosen_policy, policy_in_force

if TYPE_CHECKING:
    from handlers.evaluate import Data

MISTAKES_SHOWN: Final = 5
"""Mistakes of each sort that a terminal shows in full if nobody says otherwise."""

MISTAKES_TOLD: Final = 50
"""The same in a page and in JSON, which one can search."""

BEGUN: Final = {"blocking": 0.1, "scoring": 0.2, "clustering": 0.4, "judging": 0.45}
"""Share of the work that is done by then, if there is no sweep."""

CHANGES_SHOWN: Final = 20
"""Changed pairs that a terminal shows; --json and --html have every one."""

_DATA: Final = typer.Argument(
    metavar="DATA",
    help="A folder of input files with truth.csv or pairs.csv in it, files of your own with --truth, or a suite of hard cases.",
    exists=True,
)
DataPaths = Annotated[list[Path], _DATA]
AnyDataPaths = Annotated[list[Path] | None, _DATA]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        help="CSV of source_code, id, cluster; or of a_source_code, a_id, b_source_code, b_id, label (same or different).",
        exists=True,
        dir_okay=False,
    ),
]
Around = Annotated[
    list[Path] | None,
    typer.Option(
        help="More input files, unlabelled, so that common words are as common as in life.", exists=True
    ),
]
Verdicts = Annotated[
    bool,
    typer.Option(
        "--verdicts", help="Measure on the stored listings, by the verdicts that people gave on pairs."
    ),
]
Sweep = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH=RANGE",
        help="Try each value of a number of the policy, path=first:last:step or path=value,value; several are combined.",
    ),
]
Compare = Annotated[
    Path | None,
    typer.Option(
        help="Another policy: its figures beside these, and every pair that changes.",
        exists=True,
        dir_okay=False,
    ),
]
Errors = Annotated[
    int | None,
    typer.Option(
        help=f"Wrong pairs of each sort to tell in full: {MISTAKES_SHOWN}, in a page and in JSON {MISTAKES_TOLD}, if not said.",
        min=0,
        max=10_000,
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(help="Write a page with plots, all in one file that needs nothing else.", dir_okay=False),
]


def evaluate(  # noqa: PLR0913, PLR0917 - an option a parameter, as typer reads them
    data: AnyDataPaths = None,
    truth: Labels = None,
    verdicts: Verdicts = False,
    policy: PolicyOfEither = None,
    around: Around = None,
    sweep: Sweep = None,
    compare: Compare = None,
    errors: Errors = None,
    html: Page = None,
    as_json: AsJson = False,
) -> None:
    """Measure a policy on labelled listings: how many pairs are right, wrong or missed, and why.

    Precision and recall count pairs of listings; B-cubed counts each listing alike, so that a large event weighs no more than its
    size. A path of --sweep is that of matching.yaml with dots, a point of a curve is counted from 0 (evidence.description.2.1).

    **Example:** `event-dedup evaluate samples/breisgau`

    **Example:** `event-dedup evaluate --verdicts`

    **Example:** `event-dedup evaluate samples/breisgau --sweep thresholds.match=2:8:2 --html report.html`
    """
    from dedup_core.policy import parse_policy
    from dedup_core.trials import Trials
    from dedup_core.variants import combined, parsed_range
    from handlers import evaluate as measuring
    from handlers.commands.evaluation_document import document
    from handlers.terminal import print_json, progress_bar, say

    _insist_on_folder(html)
    if bool(data) == verdicts or (verdicts and (truth or around)):
        raise typer.BadParameter("name data, or --verdicts alone")
    rules = policy_in_force() if verdicts and policy is None else chosen_policy(policy)
    combinations = combined([parsed_range(text) for text in sweep or []]) if sweep else []
    second = None if compare is None else parse_policy(compare.read_text(encoding="utf-8"), name=str(compare))
    with progress_bar() as show:
        if verdicts:
            read = _stored()
        else:
            read = measuring.read_data(data or [], rules, labels=truth, around=around or (), told=show)
        trials = Trials(read.events)
        found = measuring.evaluate(read, trials, rules, told=lambda stage: show(stage, BEGUN[stage]))
        variants = measuring.sweep(read, trials, rules, combinations, told=show)
        show("comparing", 0.9)
        other = None if second is None else measuring.evaluate(read, trials, second)
        most = MISTAKES_TOLD if errors is None else errors
        told = document(read, found, most=most, variants=variants, other=other)
    if html is not None:
        from handlers.commands.evaluation_page import page

        html.write_text(page(told), encoding="utf-8")
    if as_json:
        print_json(told)
    else:
        _show(told, MISTAKES_SHOWN if errors is None else errors)
    _tell_refusals(read)
    if html is not None:
        say(f"The page with the plots is {html}")


def _stored() -> "Data":
    """Take listings and labels from the database."""
    from handlers.commands.options import database
    from handlers.verdict_cases import stored_data

    with database("look") as store:
        return stored_data(store)


def _insist_on_folder(html: Path | None) -> None:
    """Refuse to work for a page that can't be written afterwards."""
    if html is not None and not html.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {html.parent}", param_hint="'--html'")


def _tell_refusals(data: "Data") -> None:
    from handlers.terminal import warn

    if data.rejections:
        warn(
            f"{len(data.rejections)} listings or files were refused and are not measured "
            f"({data.left_out} labels name one of them); `event-dedup dedupe` tells why"
        )


Row = Mapping[str, Any]

NAMES: Final = {
    "labelled": "listings with a label",
    "right_pairs": "pairs joined rightly",
    "wrong_merges": "pairs joined wrongly",
    "wrong_events": "events with a wrong pair",
    "missed_pairs": "pairs missed",
    "f1": "F1",
    "bcubed_precision": "B-cubed precision",
    "bcubed_recall": "B-cubed recall",
    "bcubed_f1": "B-cubed F1",
    "match_precision": "matches that are right",
    "blocking_recall": "blocking recall",
    "review_share": "share for review",
    "reduction": "share of pairs not scored",
    "candidate_pairs": "pairs scored",
    "blocks_left_out": "blocks left out",
    "review": "pairs for review",
    "review_same": "of them one event",
    "right_cases": "cases right",
}
"""What figures are called; others by their own names."""

ROW_COLUMNS: Final = {
    "row": "row",
    "phenomenon": "phenomenon",
    "cases": "cases",
    "exact": "exact",
    "review_right": "review, rightly",
    "review_wrong": "review",
    "wrong_status": "status",
    "wrong_link": "link",
    "wrong_split": "split",
    "wrong_merge": "MERGE",
}

CASE_COLUMNS: Final = {"verdict": "verdict", "id": "case", "reason": "reason"}

CHANGE_COLUMNS: Final = {"outcome": "was and is", "label": "label", **LISTING_COLUMNS}


def _show(told: Row, most: int) -> None:
    """Print everything, the figures first. most: mistakes of each sort to tell in full."""
    from handlers.terminal import facts, table

    about = {"policy": _named(told["policy"]), "data": told["data"]["name"]}
    figures = {name: _shown(value) for name, value in told["figures"].items()}
    facts("Measured", {**about, **figures}, NAMES)
    if cases := told["hard_cases"]:
        table("Hard cases by row of the catalogue", _without_zeros(cases["rows"]), ROW_COLUMNS)
        rows = [{**case, "reason": "; ".join(case["faults"])} for case in cases["wrong"]]
        table("Cases that are not right, the worst first", rows, CASE_COLUMNS)
    _show_mistakes(told["mistakes"], most)
    if "sweep" in told:
        _show_sweep(told["sweep"])
    if "comparison" in told:
        _show_comparison(told)


def _named(policy: Row) -> str:
    """Name a policy so that two of one version are told apart."""
    return f"{policy['version']} ({policy['hash'][:12]})"


def figure_in_digits(value: float) -> str:
    """Write a figure: a count whole, a share with four digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def change_in_digits(value: float) -> str:
    """Write by how much a figure changes; nothing where it does not."""
    written = f"{value:+,}" if isinstance(value, int) else f"{value:+.4f}"
    return written if any(digit in written for digit in "123456789") else ""


def _shown(value: float | None) -> str | None:
    return None if value is None else figure_in_digits(value)


def _without_zeros(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [{name: None if value == 0 else value for name, value in row.items()} for row in rows]


def _show_mistakes(told: Row, most: int) -> None:
    from handlers.terminal import out, remarks, table

    total = told["wrong_merges"] + told["missed"]
    shown = [one for same in (False, True) for one in [w for w in told["worst"] if w["same"] == same][:most]]
    if not total:
        remarks(["No labelled pair is wrong."])
    for number, mistake in enumerate(shown, 1):
        table(
            f"{number} of {total} mistakes: {mistake['kind']}", [mistake["a"], mistake["b"]], LISTING_COLUMNS
        )
        remarks(evidence_in_words(mistake["evidence"]))
        out.print()
    if total > len(shown) > 0:
        remarks([f"… and {total - len(shown)} more: --errors {total} tells them all."])


SEEN: Final = ("title", "date", "time", "city", "geo", "venue", "cap")
"""Parts of the evidence of which it is told what was seen."""


def evidence_in_words(evidence: Row) -> list[str]:
    """Say what speaks for a pair, what against, which veto spoke, and what it comes to."""
    from handlers.terminal import adding_up

    bits = adding_up([part["bits"] or 0.0 for part in evidence["parts"]])
    shown = zip(evidence["parts"], bits, strict=True)
    parts = [{**part, "bits": rounded} for part, rounded in shown if rounded]
    sides = {
        "For": sorted((p for p in parts if p["bits"] > 0), key=lambda p: -p["bits"]),
        "Against": sorted((p for p in parts if p["bits"] < 0), key=lambda p: p["bits"]),
    }
    lines = [
        f"{side}: " + ", ".join(f"{part['name']} {part['bits']:+.2f}" for part in some)
        for side, some in sides.items()
        if some
    ]
    lines += [
        f"{part['name'].capitalize()}: {part['seen']}"
        for part in parts
        if part["seen"] and part["name"] in SEEN
    ]
    sum_up = f"{evidence['weight']:+.2f} bits, {evidence['decision'].replace('_', ' ')}"
    return [*lines, *evidence["reasons"], f"In all {sum_up}, probability {evidence['score']:.3f}."]


def _show_sweep(told: Row) -> None:
    from handlers.terminal import remarks, table

    shown = (
        "precision",
        "recall",
        "f1",
        "bcubed_f1",
        "wrong_merges",
        "missed_pairs",
        "review",
        "review_share",
    )
    rows = [
        {
            **{path: f"{value:g}" for path, value in one["changes"].items()},
            **{name: _shown((one["figures"] or {}).get(name)) for name in shown},
            "right_cases": one["right_cases"],
            "reason": one["refused"],
        }
        for one in told["variants"]
    ]
    names = {path: path for path in told["paths"]}
    table(
        "Sweep", rows, {**names, "reason": "reason", **{n: NAMES.get(n, n) for n in (*shown, "right_cases")}}
    )
    remarks(["The best of many is flattered by the data it was chosen on: confirm it on other data."])


def _show_comparison(told: Row) -> None:
    from handlers.terminal import remarks, table

    other = told["comparison"]
    rows = [
        {
            "figure": NAMES.get(name, name),
            "before": _shown(value),
            "after": _shown(after),
            "change": "" if after is None else change_in_digits(after - value),
        }
        for (name, value), after in zip(told["figures"].items(), other["figures"].values(), strict=True)
        if value is not None
    ]
    columns = {
        "figure": "figure",
        "before": _named(told["policy"]),
        "after": _named(other["policy"]),
        "change": "change",
    }
    if columns["before"] == columns["after"]:
        columns |= {"before": "policy", "after": "compared with"}
    table("Side by side", rows, columns)
    if other["differences"]:
        table(
            "Numbers of the policy that differ",
            other["differences"],
            {"path": "path", "before": "policy", "after": "other"},
        )
    else:
        remarks(["The two policies have the same numbers."])
    if other["cases"]:
        table("Cases that change", other["cases"], {"id": "case", "before": "was", "after": "is"})
    pairs = [row for change in other["changes"][:CHANGES_SHOWN] for row in _pair_rows(change)]
    title = f"Pairs that change: {other['better']} better, {other['worse']} worse, {other['unlabelled']} not labelled"
    table(title, pairs, CHANGE_COLUMNS)
    if len(other["changes"]) > CHANGES_SHOWN:
        remarks(
            [f"… and {len(other['changes']) - CHANGES_SHOWN} more pairs: --json and --html have all of them."]
        )


def _pair_rows(change: Row) -> list[dict[str, Any]]:
    label = {True: "one event", False: "two events", None: "none"}[change["same"]]
    outcome = f"{change['before']}, {change['after']}"
    return [{"outcome": outcome, "label": label, **change["a"]}, {"outcome": None, **change["b"]}]
