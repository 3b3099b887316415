"""Commands on files, without any service: dedupe, and what explain needs of files."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handlers.commands.options import A_FILE_WAS_REFUSED, AsJson, InputFiles, PolicyOfFiles, chosen_policy

if TYPE_CHECKING:
    from dedup_core.events import Rejection
    from handlers.dedupe import Deduped

REFUSALS_SHOWN = 20


def dedupe(
    files: InputFiles,
    policy: PolicyOfFiles = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to write the canonical events as JSON; - for standard output.",
            dir_okay=False,
            allow_dash=True,
        ),
    ] = None,
    as_json: AsJson = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 also if only a listing was refused.")
    ] = False,
) -> None:
    """Deduplicate files, without any service.

    What can't be read is left out, told, and listed in the output under `rejected`; all else goes in. Exits with 3 if a whole file
    was left out. Of a listing that stands in several files, the one of the latest `processedAt` holds, whatever the files' order.

    **Example:** `event-dedup dedupe samples/breisgau --output events.json`
    """
    from handlers.dedupe import dedupe as deduped
    from handlers.dedupe import input_paths
    from handlers.terminal import progress_bar

    paths, rules = input_paths(files), chosen_policy(policy)
    if output is not None:
        _insist_on_folder(output)
    with progress_bar() as show:
        result = deduped(
            paths,
            rules,
            read=lambda done: show(f"reading {done} of {len(paths)} files", done / len(paths)),
            progress=show,
        )
    if output is not None:
        _write(result, output)
    if str(output) != "-":
        _show(result, as_json=as_json)
    _tell_refusals(result)
    _tell_output(result, output)
    if any(strict or rejection.index is None for rejection in result.rejections):
        raise typer.Exit(A_FILE_WAS_REFUSED)


def _insist_on_folder(output: Path) -> None:
    """Refuse to work for a file that can't be written afterwards."""
    if not output.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.parent}", param_hint="'--output'")


def _write(result: "Deduped", output: Path) -> None:
    """Write the document whole or not at all."""
    from dedup_core.rendering import write_document

    if str(output) == "-":
        write_document(result.resolution, result.rejections, sys.stdout.buffer, stats=result.stats)
        return
    part = output.with_name(output.name + ".part")
    with part.open("wb") as out:
        write_document(result.resolution, result.rejections, out, stats=result.stats)
    part.replace(output)


def _show(result: "Deduped", *, as_json: bool) -> None:
    from handlers.terminal import COUNTS, events, facts, print_json

    summary = summarised(result)
    if as_json:
        print_json(summary)
        return
    facts("Summary", {**summary, "seconds": summary["seconds"]["total"]}, COUNTS)
    events("Merged from most listings", _largest(result))


def summarised(result: "Deduped") -> dict[str, Any]:
    """Put the counts of a resolution together with what it was made by."""
    made_by = {"policy": result.resolution.policy_version, "result_hash": result.resolution.result_hash}
    return {**result.stats, **made_by}


def _largest(result: "Deduped") -> list[dict[str, Any]]:
    import polars as pl

    merged = result.resolution.canonical_events.filter(pl.col("n_sources") > 1)
    ordered = merged.sort("n_sources", "canonical_id", descending=[True, False]).head(10)
    shown = (
        "canonical_id",
        "title",
        "city",
        "first_day",
        "n_sources",
        "confidence",
        "needs_review",
        "status",
    )
    return ordered.select(shown).to_dicts()


def _tell_refusals(result: "Deduped") -> None:
    from handlers.terminal import warn

    for rejection in result.rejections[:REFUSALS_SHOWN]:
        warn(f"{_where(rejection)}: {rejection.field + ': ' if rejection.field else ''}{rejection.reason}")
    if len(result.rejections) > REFUSALS_SHOWN:
        warn(f"… and {len(result.rejections) - REFUSALS_SHOWN} more; all of them stand in the output")


def _where(rejection: "Rejection") -> str:
    if rejection.index is None:
        return rejection.file
    named = f" ({rejection.listing_id})" if rejection.listing_id else ""
    return f"{rejection.file}, listing {rejection.index}{named}"


def _tell_output(result: "Deduped", output: Path | None) -> None:
    """Tell a person where the result is, or how to get it."""
    from handlers.terminal import say

    if not sys.stderr.isatty():
        return
    if output is None:
        say(
            "Nothing was written; --output events.json writes the canonical events, links and open questions."
        )
    elif str(output) != "-":
        say(f"{result.resolution.canonical_events.height:,} canonical events stand in {output}")
