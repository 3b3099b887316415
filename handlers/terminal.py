"""Terminal: tables, progress and errors as a person reads them; JSON where a script does."""

import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    from dedup_core.explaining import Explanation

WIDE: Final = 160
"""Columns where there is no terminal to ask: in a file or a log nothing has to fit."""

out: Final = Console(width=None if sys.stdout.isatty() else WIDE)
err: Final = Console(stderr=True)

LONG: Final = ("title", "reason", "key", "name", "value", "what it says")
"""Headings of columns that may break over lines; all others are kept whole."""

EVENT_COLUMNS: Final = {
    "canonical_id": "id",
    "title": "title",
    "city": "city",
    "first_day": "from",
    "n_sources": "listings",
    "confidence": "confidence",
    "needs_review": "review",
    "status": "status",
}
"""What a table of canonical events shows: column -> heading."""

Row = Mapping[str, Any]


def print_json(value: object, *, indent: bool = True) -> None:
    """Write JSON to standard output, one document, on one line if not indented."""
    option = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    sys.stdout.write(orjson.dumps(value, default=str, option=option).decode() + "\n")
    sys.stdout.flush()


def fail(message: str) -> None:
    """Say on standard error what is wrong, one line a fact."""
    for line in message.splitlines():
        err.print(f"[bold red]error:[/] {_plain(line)}", highlight=False, soft_wrap=True)


def warn(message: str) -> None:
    """Say on standard error what a person should know."""
    err.print(f"[yellow]warning:[/] {_plain(message)}", highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Tell on standard error what goes on."""
    err.print(_plain(message), highlight=False, soft_wrap=True)


def _plain(text: object) -> str:
    """Keep markup and control characters of listings from being acted upon."""
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return escape(printable)


def table(title: str, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    """Print rows as a table. columns: key of the row -> heading."""
    if not rows:
        out.print(f"{title}: none")
        return
    grid = Table(title=_plain(title), title_justify="left", header_style="bold")
    for heading in columns.values():
        grid.add_column(heading, overflow="fold", no_wrap=heading not in LONG)
    for row in rows:
        grid.add_row(*("" if row.get(key) is False else _cell(row.get(key)) for key in columns))
    out.print(grid)


def _cell(value: object) -> str:
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.2f}"
        case int():
            text = f"{value:,}"
        case dict():
            text = "\n".join(
                f"{_plain(name).replace('_', ' ')}: {_cell(inner)}" for name, inner in value.items()
            )
        case list():
            text = ", ".join(map(_cell, value))
        case datetime():
            text = value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case _:
            text = _plain(value)
    return text


def facts(title: str, row: Row) -> None:
    """Print one thing as names and values; what is not known is left out."""
    grid = Table(title=_plain(title), title_justify="left", show_header=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in row.items():
        if value not in (None, [], {}):
            grid.add_row(name.replace("_", " "), _cell(value))
    out.print(grid)


def explanation(title: str, told: "Explanation") -> None:
    """Print the evidence of a pair; the bits that are shown add up to the sum that is shown."""
    grid = Table(title=_plain(title), title_justify="left", header_style="bold")
    grid.add_column("evidence")
    grid.add_column("bits", justify="right")
    grid.add_column("what it says", overflow="fold")
    shown = adding_up([part.bits or 0.0 for part in told.parts])
    for part, bits in zip(told.parts, shown, strict=True):
        if part.bits is None:
            grid.add_row(part.name, "", "[dim]missing: says nothing[/]")
        else:
            grid.add_row(part.name, f"{bits:+.2f}", _plain(part.meaning))
    grid.add_section()
    decision = f"probability {told.score:.3f}: [bold]{told.decision.replace('_', ' ')}[/]"
    grid.add_row("[bold]sum[/]", f"[bold]{told.weight:+.2f}[/]", decision)
    out.print(grid)
    for reason in told.reasons:
        out.print(f"  • {_plain(reason)}")
    if told.relation:
        out.print(f"  • linked: {told.relation.replace('_', ' ')}")


def adding_up(numbers: Sequence[float]) -> list[float]:
    """Round to hundredths so that the sum of the rounded is the rounded sum: each carries on what the one before it lost."""
    sums = [round(total, 2) for total in itertools.accumulate(numbers, initial=0.0)]
    return [round(after - before, 2) for before, after in itertools.pairwise(sums)]


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """Show a bar on standard error while a block runs: call it with what is done now, and the share that is done."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def show(text: str, share: float) -> None:
            bar.update(task, completed=share, description=_plain(text))

        yield show
