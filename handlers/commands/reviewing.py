"""Commands for who decides: the evidence of a pair, and what was said of it."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handlers.commands.listings import LISTING_COLUMNS, told_apart
from handlers.commands.options import (
    AsJson,
    Limit,
    Offset,
    PolicyOfEither,
    chosen_policy,
    database,
    identity,
    policy_in_force,
)
from handlers.commands.verdict_words import WORDS, row_in_words

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Connection

    from dedup_core.explaining import Explanation
    from dedup_core.policy import Policy
    from infra.store.verdicts import Which

Row = Mapping[str, Any]


class Kind(StrEnum):
    """What a verdict may say."""

    must_link = "same"
    cannot_link = "different"
    not_an_event = "not-an-event"
    is_event = "an-event"
    pin = "pin"


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


Since = Annotated[datetime | None, typer.Option(help="Given from then on (UTC).")]
Until = Annotated[datetime | None, typer.Option(help="Given before then (UTC).")]
Event = Annotated[str | None, typer.Option(help="On a listing of this canonical event.")]
By = Annotated[str | None, typer.Option("--by", help="Given by this person.")]
OfKind = Annotated[Kind | None, typer.Option(help="Only these.")]


def meant(
    by: str | None, since: datetime | None, until: datetime | None, event: str | None, kind: Kind | None
) -> "Which":
    """Say filters in the store's words."""
    from infra.store.verdicts import Which

    return Which(
        author=by,
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC),
        event=event,
        kind=None if kind is None else kind.name,
    )


def verdicts_list(  # noqa: PLR0913, PLR0917 - an option a parameter, as typer reads them
    everything: Annotated[bool, typer.Option("--all", help="Those that were taken back, too.")] = False,
    by: By = None,
    since: Since = None,
    until: Until = None,
    event: Event = None,
    kind: OfKind = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """List the verdicts that are in force, newest first.

    **Example:** `event-dedup verdicts list --all --by ada`
    """
    from handlers.terminal import print_json, table
    from infra.store import verdicts

    which = meant(by, since, until, event, kind)
    with database("look") as store, store.reading() as connection:
        rows = verdicts.find_verdicts(connection, which, taken_back=everything, limit=limit, offset=offset)
    if as_json:
        print_json(rows)
    else:
        table("Verdicts", [{**row, **row_in_words(row)} for row in rows], VERDICT_COLUMNS)


def explain(
    a: Annotated[str, typer.Argument(help="A listing, source_code:id.")],
    b: Annotated[str, typer.Argument(help="Another listing.")],
    files: Annotated[
        list[Path] | None,
        typer.Option("--files", help="Look in these files or folders instead of the database.", exists=True),
    ] = None,
    policy: PolicyOfEither = None,
    as_json: AsJson = False,
) -> None:
    """Explain why two listings are joined, kept apart or sent to review: evidence in bits that adds up.

    **Example:** `event-dedup explain bwb:pdf-4e1f07aa-8-1 amtskal:em-2026-0050 --files samples/breisgau`
    """
    from dedup_core.explaining import explain as explained
    from dedup_core.pipeline import blocked
    from handlers.terminal import print_json, remarks

    pair = identity(a), identity(b)
    rules = policy_in_force() if policy is None and not files else chosen_policy(policy)
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
