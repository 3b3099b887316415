"""Commands that change something: the quarantine, verdicts, the database's schema; and the policy, which they obey."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handlers.commands.options import (
    A_FILE_WAS_REFUSED,
    AsJson,
    PolicyFile,
    chosen_policy,
    data_folder,
    database,
    found,
    identity,
)

if TYPE_CHECKING:
    from dedup_core.policy import Policy
    from handlers.ingest import Announcement, IngestReport
    from infra.store import Store

Author = Annotated[str, typer.Option(help="Who says so.", envvar="USER")]


class Word(StrEnum):
    """What a person can say of two listings."""

    same = "same"
    different = "different"


KINDS = {Word.same: "must_link", Word.different: "cannot_link"}


def quarantine_replay(
    file_id: Annotated[int, typer.Argument(help="Number of a file, as in `quarantine list`.")],
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Try a file again from where it came, after it was mended there or the policy allows more.

    Exits with 3 if it is refused again.

    **Example:** `event-dedup quarantine replay 7`
    """
    from handlers.replay import replay
    from handlers.terminal import facts, print_json
    from infra.store import reading

    rules = chosen_policy(policy)
    with database("change") as store:
        with store.reading() as connection:
            file = found(reading.show_file(connection, file_id), f"file {file_id}")
        _insist_on_original(Path(file["bucket"]) / file["key"])
        report = replay(file, store=store, ingested=lambda announced: _ingested(announced, store, rules))
    if as_json:
        print_json(asdict(report))
    else:
        facts(f"File {file_id}, again", asdict(report))
    if report.status == "quarantined":
        raise typer.Exit(A_FILE_WAS_REFUSED)


def _insist_on_original(path: Path) -> None:
    """Refuse to set a file free of which only the copy is left; a bucket's name is no path, and S3 keeps its objects."""
    from infra.errors import ObjectMissing

    if path.is_absolute() and not path.exists():
        copies = data_folder() / "quarantine"
        raise ObjectMissing(f"{path} is gone; put it there again, its copy lies in {copies}")


def _ingested(announced: "Announcement", store: "Store", rules: "Policy") -> "IngestReport":
    """Take a file in and bring the canonical events up to date: at once for a folder's, by the queue for a bucket's."""
    from handlers import wiring
    from handlers.ingest import ingest
    from handlers.match import match
    from infra.match_queue import RememberingQueue
    from infra.object_store import FolderObjects

    if not Path(announced.bucket).is_absolute():
        parts = wiring.for_ingest()
        return ingest(
            announced,
            objects=parts.objects,
            store=store,
            queue=parts.queue,
            policy=rules,
            quarantine=parts.quarantine,
        )
    queue = RememberingQueue()
    report = ingest(
        announced,
        objects=FolderObjects(data_folder()),
        store=store,
        queue=queue,
        policy=rules,
        quarantine="quarantine/",
    )
    if (wanted := queue.take()) is not None:
        match(store=store, policy=rules, wanted=wanted)
    return report


def verdicts_add(
    word: Annotated[Word, typer.Argument(help="Whether they are one event or two.")],
    a: Annotated[str, typer.Argument(help="A listing, source_code:id.")],
    b: Annotated[str, typer.Argument(help="Another listing.")],
    author: Author = "someone",
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
) -> None:
    """Say that two listings are the same event, or that they are not; every run from now on respects it.

    The canonical events are brought up to date at once. Of two verdicts on a pair the later holds.

    **Example:** `event-dedup verdicts add different bwb:pdf-4e1f07aa-8-1 amtskal:em-2026-0050 --reason "two shows"`
    """
    from handlers.terminal import say

    pair = identity(a), identity(b)
    if pair[0] == pair[1]:
        raise typer.BadParameter("the two listings are the same one")
    with database("change") as store:
        _tell_what_holds(store, word, *pair)
        sequence = store.give_verdict(KINDS[word], *pair, author=author, reason=reason)
        say(f"verdict {sequence} is noted; take it back with: event-dedup verdicts undo {sequence}")
        _match_at_once(store)


def _tell_what_holds(store: "Store", word: Word, a: tuple[str, str], b: tuple[str, str]) -> None:
    """Tell of the verdict on this pair that is in force, above all if it says the opposite."""
    from handlers.terminal import say, warn
    from infra.store import verdicts

    with store.reading() as connection:
        earlier = verdicts.list_verdicts(connection, pair=(a, b), limit=1)
    for verdict in earlier:
        said = f"verdict {verdict['sequence']} of {verdict['author']} on this pair"
        if verdict["kind"] == KINDS[word]:
            say(f"{said} says so already")
        else:
            warn(f"{said} says the opposite; the new one overrules it")


def verdicts_undo(
    sequence: Annotated[int, typer.Argument(help="Number of a verdict, as in `verdicts list`.")],
    author: Author = "someone",
) -> None:
    """Take a verdict back; what the evidence says, or an earlier verdict, holds again.

    **Example:** `event-dedup verdicts undo 3`
    """
    from dedup_core.errors import UnknownEvent
    from handlers.terminal import say

    with database("change") as store:
        if not store.take_back(sequence, author=author):
            raise UnknownEvent(f"no verdict {sequence} is in force")
        say(f"verdict {sequence} is taken back")
        _match_at_once(store)


def _match_at_once(store: "Store") -> None:
    """Bring the canonical events up to date; if another matcher is at work, the next run will."""
    from handlers.match import match
    from handlers.terminal import say
    from infra.errors import MatcherBusy

    try:
        report = match(store=store, policy=chosen_policy(None))
    except MatcherBusy:
        say("another matcher is at work; the next run respects it")
    else:
        say(f"{report.events_created} events new, {report.events_changed} changed, {report.events_gone} gone")


def policy_show(policy: PolicyFile = None, as_json: AsJson = False) -> None:
    """Show the policy that is in force: YAML with the meaning of each part, to begin an own one with.

    --json shows it with its hash.

    **Example:** `event-dedup policy show > my.yaml`
    """
    import sys

    from handlers.described import described
    from handlers.terminal import print_json

    rules = chosen_policy(policy)
    if as_json:
        print_json({"hash": rules.hash, **rules.model_dump(mode="json")})
    else:
        sys.stdout.write(described(rules))


def policy_check(
    path: Annotated[Path, typer.Argument(help="A matching.yaml.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
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


def db_upgrade(as_json: AsJson = False) -> None:
    """Bring the database's schema to what this version needs; a second time changes nothing.

    **Example:** `event-dedup db upgrade`
    """
    from handlers.migrate import migrate
    from handlers.terminal import out, print_json

    with database("begin") as store:
        revision = migrate(store=store)
    if as_json:
        print_json({"revision": revision})
    else:
        out.print(f"the database is at revision {revision}")
