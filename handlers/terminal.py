"""Terminal: tables, progress and errors as a person reads them; JSON where a script does."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from dedup_core.explaining import Explanation

WIDE: Final = 160
"""Columns where there is no terminal to ask: in a file or a log nothing has to fit."""

out: Final = Console(width=None if sys.stdout.isatty() else WIDE)
err: Final = Console(stderr=True)

LONG: Final = ("title", "reason", "key", "name")
"""Headings of columns that may break over lines; all others are kept whole."""

Row = Mapping[str, Any]


def print_json(value: object) -> None:
    """Write JSON to standard output, one document."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    sys.stdout.write(text.decode() + "\n")


def fail(message: str) -> None:
    """Say on standard error what is wrong, in one line a fact."""
    err.print(f"[bold red]error:[/] {_plain(message)}", highlight=False)


def warn(message: str) -> None:
    """Say on standard error what a person should know."""
    err.print(f"[yellow]warning:[/] {_plain(message)}", highlight=False)


def _plain(text: object) -> str:
    """Keep markup and control characters of listings from being acted upon."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text)).replace(
        "[", r"\["
    )


def table(title: str, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    """Print rows as a table. columns: key of the row -> heading."""
    if not rows:
        out.print(f"{title}: none")
        return
    grid = Table(title=title, title_justify="left", header_style="bold")
    for heading in columns.values():
        grid.add_column(heading, overflow="fold", no_wrap=heading not in LONG)
    for row in rows:
        grid.add_row(*(_cell(row.get(key)) for key in columns))
    out.print(grid)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return _plain(", ".join(map(str, value)))
    return _plain(value)


def facts(title: str, row: Row) -> None:
    """Print one thing as names and values."""
    grid = Table(title=title, title_justify="left", show_header=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in row.items():
        shown = (
            orjson.dumps(value, default=str).decode() if isinstance(value, dict | list) and value else value
        )
        grid.add_row(name.replace("_", " "), _cell(shown))
    out.print(grid)


def explanation(title: str, told: Explanation) -> None:
    """Print the evidence of a pair; the bits add up to the last line but one."""
    grid = Table(title=title, title_justify="left", header_style="bold")
    grid.add_column("evidence")
    grid.add_column("bits", justify="right")
    grid.add_column("what it says", overflow="fold")
    for part in told.parts:
        grid.add_row(
            part.name,
            "" if part.bits is None else f"{part.bits:+.2f}",
            _plain(part.meaning) if part.bits is not None else "[dim]missing: says nothing[/]",
        )
    grid.add_section()
    grid.add_row(
        "[bold]sum[/]",
        f"[bold]{told.weight:+.2f}[/]",
        f"probability {told.score:.3f}: [bold]{told.decision.replace('_', ' ')}[/]",
    )
    out.print(grid)
    for reason in told.reasons:
        out.print(f"  • {_plain(reason)}")
    if told.relation:
        out.print(f"  • linked: {told.relation.replace('_', ' ')}")


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[str | None, float], None]]:
    """Show a bar on standard error while a block runs: call with a new description or null, and how far it is."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(description, total=total)

        def show(text: str | None, done: float) -> None:
            bar.update(task, completed=done, description=text)

        yield show
