"""The command that has a person label pairs, one key each: label."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from handlers.commands.listings import SIDE_COLUMNS, beside_each_other, told_apart
from handlers.commands.options import PolicyOfFiles, chosen_policy

if TYPE_CHECKING:
    from handlers.keyboard import Key
    from handlers.label import Labelling

KEYS: Final = {"s": "same", "d": "different", "k": "skip", "u": "undo", "q": "quit"}
HELP: Final = "s same   d different   k skip   u undo   q quit"

Paths = Annotated[
    list[Path], typer.Argument(metavar="DATA", help="Input files, or folders of them.", exists=True)
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        help="CSV of labelled pairs; what it holds already is kept and not asked again.",
        dir_okay=False,
    ),
]
Ask = Annotated[int, typer.Option(help="How many pairs to ask about.", min=1, max=10_000)]


def label(data: Paths, out: Out, ask: Ask = 80, policy: PolicyOfFiles = None) -> None:
    """Ask which pairs of listings are one event, those first that say most; each answer is written at once.

    One key a pair: s same, d different, k skip, u undo, q quit. `tune DATA --truth FILE` fits the policy to the answers.

    **Example:** `event-dedup label samples/breisgau --ask 20 --out labels.csv`
    """
    from handlers.keyboard import keyboard
    from handlers.label import begin
    from handlers.terminal import counted, progress_bar, say

    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="'--out'")
    with progress_bar() as show:
        labelling = begin(data, chosen_policy(policy), out, many=ask, told=show)
    with keyboard() as key:
        while labelling.next is not None:
            _show(labelling)
            if not _answered(labelling, key):
                break
    say(f"in {out}: {counted(labelling.labelled, 'labelled pair')}")


def _show(labelling: "Labelling") -> None:
    from handlers.terminal import out, table

    number, of = labelling.asked + 1, labelling.planned
    sides = (told_apart(labelling.events.row(row, named=True)) for row in labelling.next or ())
    table(f"{number} of {of}: one event?", beside_each_other(*sides), SIDE_COLUMNS)
    out.print(HELP, highlight=False)


def _answered(labelling: "Labelling", key: "Key") -> bool:
    """Wait for a key that means something; tell whether there is more to ask. The end of the input quits, as q does."""
    while (word := KEYS.get(key() or "q")) is None:
        continue
    if word != "quit":
        labelling.answer(word)
    return word != "quit"
