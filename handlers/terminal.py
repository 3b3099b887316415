"""Terminal: tables, progress and errors as a person reads them; JSON where a script does."""

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
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
    from dedup_core.policy import Thresholds

WIDE: Final = 160
"""Columns where there is no terminal to ask: in a file or a log nothing has to fit."""

out: Final = Console(width=None if sys.stdout.isatty() else WIDE)
err: Final = Console(stderr=True)

ROOM: Final = {
    "title": 20,
    "key": 30,
    "reason": 26,
    "why": 30,
    "value": 24,
    "1": 24,
    "2": 24,
    "from": 20,
    "from or into": 20,
    "listings now": 22,
    "listings then": 22,
    "reads differently": 16,
    "pair": 21,
    "what was seen": 24,
    "when": 16,
    "city": 9,
    "venue": 9,
    "note": 9,
    "author": 8,
    **dict.fromkeys(("received", "started", "finished", "given", "taken back"), 10),
}
"""Headings of columns that may break over lines, with the characters that they need at least; all others are kept whole."""

GIANT: Final = 24
"""Characters of a word from which it is better broken than other columns left out."""

GAP: Final = 2
"""Characters between two columns."""

EVENT_COLUMNS: Final = {
    "canonical_id": "id",
    "title": "title",
    "city": "city",
    "first_day": "day",
    "start_time": "start",
    "n_sources": "listings",
    "note": "note",
    "confidence": "confidence",
}
"""What a table of canonical events shows: column -> heading, the most telling first."""

COUNTS: Final = {
    "source_events": "distinct listings",
    "reduction": "share of pairs not scored",
    "below_floor": "pairs hardly alike",
    "left_out_blocks": "blocks left out",
    "matches": "pairs alike",
    "ambiguous": "pairs in doubt",
    "review": "pairs to review",
    "needs_review": "events to review",
    "questions": "pairs to review",
    "merged": "of several listings",
}
"""What counts are called where their short names would leave a question."""

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


def counted(number: int, one: str, many: str | None = None) -> str:
    """Say how many there are: ``1 file``, ``2 files``. many: what more are called, if not as one with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _plain(text: object) -> str:
    """Keep markup and control characters of listings from being acted upon."""
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return escape(printable)


def table(title: str, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    """Print rows as a table.

    columns: key of the row -> heading, the most telling first: a column that says nothing in any row is left out, and of those that the
    terminal has no room for the last ones are, which is told.
    """
    if not rows:
        out.print(f"[bold]{_plain(title)}:[/] none\n", highlight=False)
        return
    cells = {
        heading: ["" if row.get(key) is False else _cell(row.get(key)) for row in rows]
        for key, heading in columns.items()
        if any(row.get(key) not in (None, "", [], False) for row in rows)
    }
    kept = fitting(cells, out.width)
    out.print(f"[bold]{_plain(title)}[/]", highlight=False)
    out.print(_grid(cells, kept))
    if left := [heading for heading in cells if heading not in kept]:
        out.print(f"[dim]no room here for: {', '.join(left)}[/]", highlight=False)
    out.print()


def fitting(cells: Mapping[str, Sequence[str]], width: int) -> dict[str, int]:
    """Choose the columns, from the first on, that a terminal has room for, and share the room out: heading -> characters.

    cells: heading -> what stands below it. What is left over goes to the columns that would break, the first before the others.
    """
    kept = {heading: _least(heading, column) for heading, column in cells.items()}
    while len(kept) > 1 and sum(kept.values()) + GAP * (len(kept) - 1) > width:
        kept.popitem()
    spare = width - sum(kept.values()) - GAP * (len(kept) - 1)
    for heading, least in kept.items():
        more = max(0, min(spare, _longest(heading, cells[heading]) - least))
        kept[heading] += more
        spare -= more
    return kept


def _least(heading: str, column: Sequence[str]) -> int:
    """Tell how narrow a column may become: what may break has room for its words, if they are no giants."""
    if heading not in ROOM:
        return _longest(heading, column)
    words = max((cell_len(word) for cell in column for word in cell.split()), default=0)
    return min(_longest(heading, column), max(ROOM[heading], min(words, GIANT)))


def _longest(heading: str, column: Sequence[str]) -> int:
    return max(cell_len(line) for cell in (heading, *column) for line in cell.splitlines() or [""])


def _grid(cells: Mapping[str, Sequence[str]], widths: Mapping[str, int]) -> Table:
    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for heading, width in widths.items():
        numbers = all(cell.replace(",", "").replace(".", "").isdigit() or not cell for cell in cells[heading])
        grid.add_column(
            heading,
            width=width,
            justify="right" if numbers else "left",
            overflow="fold",
            no_wrap=heading not in ROOM,
        )
    for row in zip(*(cells[heading] for heading in widths), strict=True):
        grid.add_row(*row)
    return grid


def events(title: str, rows: Sequence[Row]) -> None:
    """Print canonical events as a table."""
    table(title, [{**row, **_in_short(row)} for row in rows], EVENT_COLUMNS)


def _in_short(event: Row) -> Row:
    """Say of an event's state only what is out of the ordinary."""
    state = None if event["status"] == "scheduled" else event["status"].replace("_", " ")
    note = ", ".join(filter(None, (state, "review" if event["needs_review"] else None)))
    return {"note": note, "confidence": f"{event['confidence']:.2f}"}


def _cell(value: object) -> str:
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.6g}"
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


def facts(title: str, row: Row, names: Mapping[str, str] = MappingProxyType({})) -> None:
    """Print one thing as names and values; what is not known is left out. names: what to call them, if not as they are."""
    grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, GAP, 0, 0))
    grid.add_column()
    grid.add_column(overflow="fold")
    for name, value in row.items():
        if value not in (None, [], {}):
            grid.add_row(names.get(name, name.replace("_", " ")), _cell(value))
    out.print(f"[bold]{_plain(title)}[/]", highlight=False)
    out.print(grid)
    out.print()


def explanation(title: str, told: "Explanation", thresholds: "Thresholds") -> None:
    """Print the evidence of a pair; the bits that are shown add up to the sum that is shown."""
    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    grid.add_column("evidence")
    grid.add_column("bits", justify="right")
    grid.add_column("what it says", overflow="fold")
    shown = adding_up([part.bits or 0.0 for part in told.parts])
    for part, bits in zip(told.parts, shown, strict=True):
        if part.bits is not None:
            says = "\n".join(filter(None, (_plain(part.seen), f"[dim]{_plain(part.meaning)}[/]")))
            grid.add_row(part.name, f"{bits:+.2f}", says)
    grid.add_section()
    decision = f"probability {told.score:.3f}: [bold]{told.decision.replace('_', ' ')}[/]"
    grid.add_row("[bold]sum[/]", f"[bold]{told.weight:+.2f}[/]", decision)
    out.print(f"[bold]{_plain(title)}[/]", highlight=False)
    out.print(grid)
    out.print()
    remarks(_remarks(told, thresholds))


def remarks(lines: Iterable[str]) -> None:
    """Print sentences as a list."""
    for line in lines:
        out.print(Padding(f"• {_plain(line)}", (0, 0, 0, 2)), highlight=False)


def _remarks(told: "Explanation", thresholds: "Thresholds") -> Iterator[str]:
    yield from told.reasons
    if told.relation:
        yield f"Linked, not merged: {told.relation.replace('_', ' ')}."
    if silent := [part.name for part in told.parts if part.bits is None and part.name != "cap"]:
        yield f"Nothing to compare, so neither for nor against: {', '.join(silent)}."
    yield f"A match from {thresholds.match:+.2f} bits on; from {thresholds.ambiguous:+.2f} on a person should look."


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
