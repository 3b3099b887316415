"""Commands that change something: the quarantine, verdicts, the database's schema."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handlers.commands.options import (
    A_FILE_WAS_REFUSED,
    ME,
    AsJson,
    Author,
    PolicyFile,
    chosen_policy,
    data_folder,
    database,
    found,
    identity,
    policy_in_force,
)
from handlers.commands.reviewing import By, Event, OfKind, Since, Until, meant

if TYPE_CHECKING:
    from dedup_core.policy import Policy
    from handlers.deciding import Request
    from handlers.ingest import Announcement, IngestReport
    from infra.store import Store
    from infra.store.verdicts import NewVerdict


class Word(StrEnum):
    """What a person can say of two listings, or of one."""

    same = "same"
    different = "different"
    not_an_event = "not-an-event"
    is_event = "an-event"


KINDS = {
    Word.same: "must_link",
    Word.different: "cannot_link",
    Word.not_an_event: "not_an_event",
    Word.is_event: "is_event",
}
ALONE = (Word.not_an_event, Word.is_event)
"""What is said of one listing."""


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

    rules = policy_in_force() if policy is None else chosen_policy(policy)
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


TakingBack = Annotated[
    list[int] | None,
    typer.Option(help="Number of a verdict that no longer holds; may be given several times."),
]


def verdicts_add(
    word: Annotated[
        Word,
        typer.Argument(help="Whether they are one event or two, or the one is no event, or one after all."),
    ],
    a: Annotated[str, typer.Argument(help="A listing, source_code:id.")],
    b: Annotated[str | None, typer.Argument(help="Another listing.")] = None,
    author: Author = ME,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    taking_back: TakingBack = None,
    as_json: AsJson = False,
) -> None:
    """Say that two listings are the same event, or that they are not, or that one is no event, or one after all; every run from now on respects it.

    The canonical events are brought up to date at once. What contradicts is shown, and nothing is stored then; --taking-back a
    verdict of each chain makes room.

    **Example:** `event-dedup verdicts add different bwb:pdf-4e1f07aa-8-1 amtskal:em-2026-0050 --reason "two shows"`

    **Example:** `event-dedup verdicts add not-an-event tickethof:TH-400001 --reason "a voucher"`

    **Example:** `event-dedup verdicts add an-event tickethof:TH-448121`
    """
    from infra.store.verdicts import NewVerdict

    listings = [identity(text) for text in (a, b) if text is not None]
    if (len(listings) == 1) != (word in ALONE):
        raise typer.BadParameter(f"{word} is said of {'one listing' if word in ALONE else 'two listings'}")
    if len(set(listings)) < len(listings):
        raise typer.BadParameter("the two listings are the same one")
    first, other = listings[0], listings[1] if b is not None else None
    wish = NewVerdict(KINDS[word], first, other, reason=reason)
    _give(wish, author, tuple(taking_back or ()), as_json=as_json)


def verdicts_pin(
    listing: Annotated[str, typer.Argument(help="A listing of the event, source_code:id.")],
    field: Annotated[
        str, typer.Argument(help="A field as the output names it, e.g. title or location.name.")
    ],
    value: Annotated[str, typer.Argument(help="Its value: JSON, or a text as it is.")],
    author: Author = ME,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    taking_back: TakingBack = None,
    as_json: AsJson = False,
) -> None:
    """Pin a field of an event to a value; it survives merges, and goes with its listing.

    **Example:** `event-dedup verdicts pin bwb:pdf-4e1f07aa-8-1 title "Fasnetumzug"`

    **Example:** `event-dedup verdicts pin bwb:pdf-4e1f07aa-8-1 categories '["fasnacht"]'`
    """
    from dedup_core.pinning import pinned_value
    from infra.store.verdicts import NewVerdict

    text = pinned_value(field, _json_or_text(value))
    wish = NewVerdict("pin", identity(listing), field=field, value=text, reason=reason)
    _give(wish, author, tuple(taking_back or ()), as_json=as_json)


def _json_or_text(value: str) -> object:
    import orjson

    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _give(wish: "NewVerdict", author: str, taking_back: tuple[int, ...], *, as_json: bool) -> None:
    """Store a verdict and bring the canonical events up to date; what contradicts is told, and ends it."""
    from handlers.commands.queueing import newest_of, tell_contradictions
    from handlers.deciding import Contradicted, Request
    from handlers.terminal import print_json, say

    with database("change") as store:
        try:
            answer = _decided(store, Request(author, [wish], taking_back=taking_back))
        except Contradicted as error:
            tell_contradictions(error)
            asked = " ".join(f"--taking-back {number}" for number in newest_of(error))
            say(f"nothing is stored; with {asked} it would be")
            raise typer.Exit(1) from error
        number = answer["verdicts"][0]["sequence"]
        if as_json:
            print_json(answer["verdicts"][0])
        say(f"verdict {number} is noted; take it back with: event-dedup verdicts undo {number}")
        match_at_once(store)


def _decided(store: "Store", request: "Request") -> dict[str, Any]:
    from handlers.deciding import decide
    from infra.match_queue import RememberingQueue

    return decide(request, store=store, queue=RememberingQueue(), policy=chosen_policy(None))


def verdicts_undo(  # noqa: PLR0913, PLR0917 - an option a parameter, as typer reads them
    sequence: Annotated[
        int | None, typer.Argument(help="Number of a verdict, as in `verdicts list`.")
    ] = None,
    author: Author = ME,
    by: By = None,
    since: Since = None,
    until: Until = None,
    event: Event = None,
    kind: OfKind = None,
    given_with: Annotated[
        int | None, typer.Option(help="All that one act gave, such as a merge: by the number of its first.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Take back what the filters name, without asking.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take a verdict back, or all that filters name; what the evidence says, and other verdicts, holds again.

    **Example:** `event-dedup verdicts undo 3`

    **Example:** `event-dedup verdicts undo --by ada --since 2026-02-01 --yes`

    **Example:** `event-dedup verdicts undo --given-with 7`
    """
    from dataclasses import replace

    from dedup_core.errors import UnknownEvent
    from handlers.deciding import Request
    from handlers.questioning import in_force
    from handlers.terminal import counted, print_json, say
    from infra.store.verdicts import Which

    which = replace(meant(by, since, until, event, kind), given_with=given_with)
    if (sequence is None) == (which == Which()):
        raise typer.BadParameter("name a verdict, or at least one filter")
    if sequence is not None:
        which = Which(sequences=(sequence,))
    with database("change") as store:
        numbers = in_force(store, which)
        if not numbers:
            raise UnknownEvent(f"no verdict {sequence or 'of these'} is in force")
        several = counted(len(numbers), "verdict")
        if sequence is None and not yes and not typer.confirm(f"Take back {several}?", err=True):
            raise typer.Exit(1)
        _decided(store, Request(author, taking_back=numbers))
        if as_json:
            print_json({"taken_back": sorted(numbers)})
        say(f"verdict {sequence} is taken back" if sequence else f"{several} taken back")
        match_at_once(store)


def match_at_once(store: "Store") -> None:
    """Bring the canonical events up to date; if another matcher is at work, the next run will."""
    from handlers.match import match
    from handlers.terminal import counted, say
    from infra.errors import MatcherBusy

    try:
        report = match(store=store, policy=chosen_policy(None))
    except MatcherBusy:
        say("another matcher is at work; the next run respects it")
    else:
        new = counted(report.events_created, "event")
        say(f"{new} new, {report.events_changed} changed, {report.events_gone} gone")


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
