"""Commands for who decides: the pairs in doubt, the evidence of a pair, and what was said of it."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handlers.commands.listings import LISTING_COLUMNS, side_by_side, told_apart
from handlers.commands.options import AsJson, Limit, Offset, PolicyFile, chosen_policy, database, identity

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Connection

    from dedup_core.explaining import Explanation
    from dedup_core.policy import Policy

Row = Mapping[str, Any]

VERDICT_COLUMNS = {
    "sequence": "verdict",
    "word": "says",
    "a": "listing",
    "b": "other listing",
    "taken_back_at": "taken back",
    "reason": "reason",
    "author": "author",
    "given_at": "given",
}


def review(limit: Limit = 20, offset: Offset = 0, as_json: AsJson = False) -> None:
    """List the pairs of listings that a person should decide, most likely first.

    `explain A B` tells why they are in doubt, `verdicts add same|different A B` decides.

    **Example:** `event-dedup review --limit 10`
    """
    from handlers.terminal import print_json, table
    from infra.store import reading

    with database("look") as store, store.reading() as connection:
        questions = reading.questions(connection, limit=limit, offset=offset)
        rows = [] if as_json else side_by_side(connection, questions)
    if as_json:
        print_json(questions)
    else:
        table("Awaiting review, most likely first", rows, LISTING_COLUMNS)


def verdicts_list(
    everything: Annotated[bool, typer.Option("--all", help="Those that were taken back, too.")] = False,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """List the verdicts that are in force, newest first.

    **Example:** `event-dedup verdicts list --all`
    """
    from handlers.terminal import print_json, table
    from infra.store import verdicts

    with database("look") as store, store.reading() as connection:
        rows = verdicts.list_verdicts(connection, taken_back=everything, limit=limit, offset=offset)
    if as_json:
        print_json(rows)
    else:
        table("Verdicts", [{**row, **_said(row)} for row in rows], VERDICT_COLUMNS)


def _said(verdict: Row) -> dict[str, str]:
    sides = {side: f"{verdict[f'{side}_source_code']}:{verdict[f'{side}_id']}" for side in ("a", "b")}
    return {"word": WORDS[verdict["kind"]], **sides}


WORDS = {"must_link": "same", "cannot_link": "different"}


def explain(
    a: Annotated[str, typer.Argument(help="A listing, source_code:id.")],
    b: Annotated[str, typer.Argument(help="Another listing.")],
    files: Annotated[
        list[Path] | None,
        typer.Option("--files", help="Look in these files or folders instead of the database.", exists=True),
    ] = None,
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Explain why two listings are joined, kept apart or sent to review: evidence in bits that adds up.

    **Example:** `event-dedup explain bwb:pdf-4e1f07aa-8-1 amtskal:em-2026-0050 --files samples/breisgau`
    """
    from dedup_core.explaining import explain as explained
    from dedup_core.pipeline import blocked
    from handlers.terminal import print_json, remarks

    pair, rules = (identity(a), identity(b)), chosen_policy(policy)
    if pair[0] == pair[1]:
        raise typer.BadParameter("the two listings are the same one")
    events, verdict, joined = _in_files(files, rules) if files else _in_database(*pair)
    events = events.sort("source_code", "id")
    subjects, candidates = blocked(events, rules)
    told = explained(*pair, events, subjects, candidates.pairs, rules)
    if as_json:
        print_json({"a": a, "b": b, **asdict(told), "verdict": verdict, "joined": joined})
    else:
        _show_explanation(pair, events, told, rules)
        remarks(filter(None, (verdict, joined)))


def _in_files(files: list[Path], rules: "Policy") -> tuple["pl.DataFrame", None, None]:
    from handlers.dedupe import input_paths, read_files

    return read_files(input_paths(files), rules).events, None, None


def _in_database(a: tuple[str, str], b: tuple[str, str]) -> tuple["pl.DataFrame", str | None, str | None]:
    """Read all listings, as rarity is counted over all of them, what a person said of the two, and what the last run made of them."""
    with database("look") as store:
        with store.reading() as connection:
            verdict, joined = _verdict(connection, a, b), _joined(connection, a, b)
        return store.snapshot().events, verdict, joined


def _verdict(connection: "Connection", a: tuple[str, str], b: tuple[str, str]) -> str | None:
    from infra.store import verdicts

    for verdict in verdicts.list_verdicts(connection, pair=(a, b), limit=1):
        why = f": {verdict['reason']}" if verdict["reason"] else ""
        return (
            f"{verdict['author']} says {WORDS[verdict['kind']]} (verdict {verdict['sequence']}){why}; "
            "that beats the evidence."
        )
    return None


def _joined(connection: "Connection", a: tuple[str, str], b: tuple[str, str]) -> str | None:
    from infra.store import reading

    first, second = (reading.event_of(connection, *listing) for listing in (a, b))
    if first is None or second is None:
        return None
    if first == second:
        return f"The last run put both into {first}."
    return f"The last run put them into {first} and {second}."


def _show_explanation(
    pair: tuple[tuple[str, str], tuple[str, str]],
    events: "pl.DataFrame",
    told: "Explanation",
    rules: "Policy",
) -> None:
    import polars as pl

    from handlers.terminal import explanation, table

    rows = [
        told_apart(
            events.row(by_predicate=(pl.col("source_code") == code) & (pl.col("id") == name), named=True)
        )
        for code, name in pair
    ]
    table("The listings", rows, LISTING_COLUMNS)
    explanation("The evidence", told, rules.thresholds)
