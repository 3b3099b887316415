"""The command that turns verdicts into cases: cases export."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from handlers.commands.options import AsJson, database

Folder = Annotated[
    Path, typer.Argument(help="Where to write the suite; made if it is not there.", file_okay=False)
]


def cases_export(folder: Folder, as_json: AsJson = False) -> None:
    """Write the verdicts in force as a suite of hard cases: with their listings, so that it needs no database.

    `event-dedup evaluate FOLDER` measures it; put it beside your policy, and let CI do so.

    **Example:** `event-dedup cases export cases`
    """
    from handlers.terminal import counted, print_json, say
    from handlers.verdict_cases import export_cases

    with database("look") as store:
        exported = export_cases(store, folder)
    if as_json:
        print_json(asdict(exported))
        return
    say(f"in {folder}: {counted(exported.cases, 'case')} of {counted(exported.verdicts, 'verdict')}")
    if exported.marks:
        marks = counted(len(exported.marks), "verdict")
        say(f"left out, as what is said of a single listing says nothing of a pair: {marks}")
    if rest := [number for number in exported.left_out if number not in exported.marks]:
        say(
            f"left out, as a case with them would claim what nobody said: verdicts {', '.join(map(str, rest))}"
        )
