"""Commands on the policy: show and check one, plan what it would change, apply it, list those that were applied."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from handlers.commands.changing import match_at_once
from handlers.commands.options import (
    ME,
    AsJson,
    Author,
    Limit,
    PolicyFile,
    chosen_policy,
    database,
    policy_in_force,
)

if TYPE_CHECKING:
    from handlers.planning import Plan, PlannedChange

Proposed = Annotated[Path, typer.Argument(help="A matching.yaml.", exists=True, dir_okay=False)]

SHOWN: Final = 50
"""Changes that a person reads; --json has all of them."""

PLAN_COLUMNS: Final = {
    "title": "title",
    "becomes": "becomes",
    "others": "from or into",
    "before": "listings now",
    "after": "listings then",
    "fields": "reads differently",
    "canonical_id": "id",
}
VERSION_COLUMNS: Final = {
    "policy_id": "policy",
    "at": "applied",
    "author": "author",
    "reason": "reason",
    "policy_hash": "hash",
}
COUNTS: Final = {
    "created": "new events",
    "merged": "merged into another",
    "split": "split to several",
    "withdrawn": "gone",
    "updated": "changed",
    "regrouped": "of these: listings come or go",
    "reworded": "of these: same listings, other words",
    "events": "events now",
    "events_after": "events then",
    "needs_review": "to review now",
    "needs_review_after": "to review then",
}


def policy_show(policy: PolicyFile = None, as_json: AsJson = False) -> None:
    """Show the policy that is in force: YAML with the meaning of each part, to begin an own one with.

    It is the one that was applied last, or the file's or the package's where none was. --json shows it with its hash.

    **Example:** `event-dedup policy show > my.yaml`
    """
    import sys

    from handlers.described import described
    from handlers.terminal import print_json

    rules = policy_in_force() if policy is None else chosen_policy(policy)
    if as_json:
        print_json({"hash": rules.hash, **rules.model_dump(mode="json")})
    else:
        sys.stdout.write(described(rules))


def policy_check(path: Proposed, as_json: AsJson = False) -> None:
    """Check a policy; what is wrong is named by its path.

    **Example:** `event-dedup policy check dedup_core/matching.yaml`
    """
    from handlers.terminal import out, print_json

    rules = chosen_policy(path)
    if as_json:
        print_json({"version": rules.version, "hash": rules.hash})
    else:
        out.print(
            f"{path} is valid: version {rules.version}, hash {rules.hash}", soft_wrap=True, highlight=False
        )


def policy_plan(path: Proposed, as_json: AsJson = False) -> None:
    """Work out what a policy would make of the published events: which merge, split, change, come or go. Nothing is written.

    Takes as long as a run. The token at the end applies just this: it is void as soon as the data has moved on.

    **Example:** `event-dedup policy plan dedup_core/matching.yaml`
    """
    from handlers import planning
    from handlers.terminal import print_json, progress_bar

    proposed = chosen_policy(path)
    with database("look") as store, progress_bar() as show:
        planned = planning.plan(store, proposed, chosen_policy(None), progress=show)
    if as_json:
        print_json(planning.as_json(planned, most=len(planned.changes)))
    else:
        _show(planned, path)


def _show(planned: "Plan", path: Path) -> None:
    from handlers.terminal import facts, remarks, say, table

    titles = {change.canonical_id: change.title or change.title_after for change in planned.changes}
    rows = [_row(change, titles) for change in planned.changes if change.rank < 2]
    table("What would change", rows[:SHOWN], PLAN_COLUMNS)
    silent = len(planned.changes) - len(rows)
    lines = [f"{len(rows) - SHOWN:,} more; --json has all of them."] if len(rows) > SHOWN else []
    lines += [f"{silent:,} events would change only in confidence or provenance."] if silent else []
    lines += ["Data came since the last run: what it changes stands here, too."] if planned.pending else []
    remarks(lines)
    facts("Counts", planned.counts, COUNTS)
    say(f"apply it with: event-dedup policy apply {path} --token {planned.token}")


def _row(change: "PlannedChange", titles: Mapping[str, str | None]) -> dict[str, Any]:
    """Lay a change out for a reader."""
    others = change.successors or change.takes_from or change.gives_to
    regrouped = change.sources != change.sources_after
    return {
        "title": change.title or change.title_after,
        "becomes": _in_words(change),
        "others": [titles.get(other) or other for other in others],
        "before": change.sources if regrouped else None,
        "after": change.sources_after if regrouped else None,
        "fields": None if regrouped else change.fields,
        "canonical_id": change.canonical_id,
    }


def _in_words(change: "PlannedChange") -> str:
    words = {"created": "new", "merged": "merged into", "split": "split to", "withdrawn": "gone"}
    if change.kind in words:
        return "new, from" if change.takes_from else words[change.kind]
    if change.gives_to:
        return "takes and loses" if change.takes_from else "loses to"
    return "takes in" if change.sources != change.sources_after else "other words"


def policy_apply(
    path: Proposed,
    token: Annotated[
        str | None, typer.Option(help="Of `policy plan`: refuses if the data has moved on since.")
    ] = None,
    author: Author = ME,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a policy in force, and bring the canonical events up to date with it; a second time changes nothing.

    It holds for every run from now on, whatever EVENT_DEDUP_POLICY_FILE says, until another one is applied.

    **Example:** `event-dedup policy apply dedup_core/matching.yaml --reason "carnival titles vary"`
    """
    from handlers import planning
    from handlers.terminal import print_json, say

    proposed = chosen_policy(path)
    with database("change") as store:
        done = planning.apply(store, proposed, chosen_policy(None), author=author, reason=reason, token=token)
        if done.policy_id is None:
            say("it is in force already")
        else:
            if planning.has_namesake(store, proposed, chosen_policy(None)):
                say(
                    f"version {proposed.version} has other content than before: `version:` in {path} may give it a name of its own; "
                    f"this one is {proposed.hash[:12]}"
                )
            say(f"policy {done.policy_id} is in force; what was before: event-dedup policy list")
            match_at_once(store)
    if as_json:
        print_json(asdict(done))


def policy_list(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the policies that were applied, newest first: who, when and why.

    **Example:** `event-dedup policy list`
    """
    from handlers.commands.looking import show_rows
    from infra.store import policies

    with database("look") as store, store.reading() as connection:
        rows = policies.list_policies(connection, before=None, limit=limit)
    show_rows("Policies", rows, VERSION_COLUMNS, as_json=as_json)
