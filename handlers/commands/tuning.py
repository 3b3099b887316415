"""The command that fits a policy to labels: tune."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from handlers.commands.evaluating import Around, DataPaths, Labels, change_in_digits, figure_in_digits
from handlers.commands.options import AsJson, PolicyOfFiles, chosen_policy

if TYPE_CHECKING:
    from handlers.tune import Fitted

Out = Annotated[
    Path | None, typer.Option("--out", help="Write the tuned policy to this file.", dir_okay=False)
]
Precision = Annotated[
    float,
    typer.Option(
        help="Least share of joined pairs that are right, on the labels that are fitted.", min=0, max=1
    ),
]
Caution = Annotated[
    float,
    typer.Option(help="Nats that it costs to double or halve a number; more of it changes less.", min=0),
]
Folds = Annotated[
    int,
    typer.Option(
        help="Parts of the labels, each held out once to measure a fit to the others; 1 holds out none.",
        min=1,
        max=20,
    ),
]
FEW: Final = 50
"""Fitted pairs below which a fit is mostly chance: a guess; the fewest that were measured to help are 80 labels asked for."""

Seed = Annotated[int, typer.Option(help="Decides which labels stand in which part.", min=0)]


def tune(  # noqa: PLR0913, PLR0917 - an option a parameter, as typer reads them
    data: DataPaths,
    truth: Labels = None,
    policy: PolicyOfFiles = None,
    around: Around = None,
    out: Out = None,
    precision: Precision = 0.99,
    caution: Caution = 2.0,
    folds: Folds = 2,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Fit the policy's weights and its threshold to labelled listings, and measure the fit on labels that it has not seen.

    A few hundred labels are enough; the more a number is to change, the more labels must speak for it. Takes a minute for some
    thousand listings.

    **Example:** `event-dedup tune samples/conferences --out tuned.yaml`
    """
    from dedup_core.tuning import Goal
    from handlers import tune as tuning
    from handlers.described import described
    from handlers.evaluate import read_data
    from handlers.terminal import print_json, progress_bar, say

    if out is not None and not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="'--out'")
    rules = chosen_policy(policy)
    with progress_bar() as show:
        read = read_data(data, rules, labels=truth, around=around or (), told=show)
        goal = Goal(precision=precision, caution=caution)
        fitted = tuning.fit(read, rules, goal=goal, folds=folds, seed=seed, told=show)
    if out is not None:
        out.write_text(described(fitted.tuned.policy), encoding="utf-8")
    if as_json:
        print_json(_document(fitted))
    else:
        _show(fitted)
        say(
            f"The policy is {out}; try it with --policy {out}"
            if out
            else "Nothing was written: --out FILE does."
        )


def _document(fitted: "Fitted") -> dict[str, Any]:
    tuned, worth = fitted.tuned, fitted.worth
    return {
        "pairs": tuned.pairs,
        "warnings": _warnings(fitted),
        "loss": {"before": tuned.loss_before, "after": tuned.loss},
        "changes": {path: {"before": then, "after": now} for path, (then, now) in tuned.changes.items()},
        "held_out": None if worth is None else {"before": worth[0], "after": worth[1]},
        "folds": [
            {
                "fold": fold.number,
                **{
                    name: {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
                    for name, counts in (("before", fold.before), ("after", fold.after))
                },
            }
            for fold in fitted.folds
        ],
        "policy": fitted.tuned.policy.model_dump(mode="json"),
    }


def _warnings(fitted: "Fitted") -> list[str]:
    """Say what a person should know before using the policy."""
    found, limits = [], fitted.tuned.policy.thresholds
    if fitted.tuned.pairs < FEW:
        found.append(
            f"Only {fitted.tuned.pairs} labelled pairs say anything: too few to fit to; a few hundred labels are enough."
        )
    if limits.match <= limits.ambiguous:
        found.append(
            f"thresholds.match and thresholds.ambiguous are both {limits.match:g}: every pair is joined or kept apart, "
            "and nobody is asked any more. Lower thresholds.ambiguous if people should be."
        )
    return found


def _show(fitted: "Fitted") -> None:
    from handlers.terminal import remarks, table, warn

    rows = [
        {"path": path, "before": then, "after": now} for path, (then, now) in fitted.tuned.changes.items()
    ]
    table("What changed", rows, {"path": "number", "before": "before", "after": "after"})
    if not rows:
        remarks(["The labels speak for no other numbers than these."])
    for warning in _warnings(fitted):
        warn(warning)
    if fitted.worth is None:
        remarks(["Nothing was held out, so nobody knows what this is worth on other data."])
        return
    before, after = fitted.worth
    figures = [
        {
            "figure": name,
            "before": figure_in_digits(before[name]),
            "after": figure_in_digits(after[name]),
            "change": change_in_digits(after[name] - before[name]),
        }
        for name in before
    ]
    columns = {name: name for name in ("figure", "before", "after", "change")}
    table(f"On labels that were held out, mean of {len(fitted.folds)} folds", figures, columns)
    if after["f1"] <= before["f1"]:
        remarks(["On labels that it has not seen the fit is no better: keep the policy that you have."])
