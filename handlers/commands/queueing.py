"""The review queue at the terminal: one question after the other, one key a verdict."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from handlers.commands.changing import match_at_once
from handlers.commands.listings import LISTING_COLUMNS, SIDE_COLUMNS, beside_each_other, told_apart
from handlers.commands.options import ME, AsJson, Author, Limit, Offset, chosen_policy, database
from handlers.commands.verdict_words import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.deciding import Contradicted
    from handlers.keyboard import Key
    from handlers.reviewing import Review, Word

Row = Mapping[str, Any]

KEYS: Final = {
    "s": "same",
    "d": "different",
    "n": "not an event",
    "k": "skip",
    "u": "undo",
    "w": "why",
    "q": "quit",
}
HELP: Final = "s same   d different   n not an event   k skip   u undo   w why   q quit"
SIDES: Final = {"1": "a", "2": "b", "b": "ab"}

Ask = Annotated[
    bool | None,
    typer.Option(
        "--ask/--list",
        help="Ask one after the other, as it does at a terminal, or list them.",
        show_default=False,
    ),
]


FLAGGED_COLUMNS: Final = {
    "id": "event",
    "title": "title",
    "first_day": "day",
    "why": "why",
    "n_sources": "listings",
    "city": "city",
}


def review(
    ask: Ask = None,
    flagged: Annotated[
        bool, typer.Option("--flagged", help="List events that are odd though no pair of theirs waits.")
    ] = False,
    limit: Limit = 20,
    offset: Offset = 0,
    author: Author = ME,
    as_json: AsJson = False,
) -> None:
    """Decide the pairs of listings that wait for a person: the soonest first, then the most doubtful.

    One key a pair: s same, d different, n not an event, k skip, u undo, w why, q quit. Each answer is kept at once; the canonical events
    are brought up to date at the end. Without a terminal, with --list or --json, the pairs are listed. Events that are flagged wait
    besides; `verdicts add` settles them.

    **Example:** `event-dedup review`

    **Example:** `event-dedup review --list --limit 10`

    **Example:** `event-dedup review --flagged`
    """
    if flagged:
        _list_flagged(limit, offset, as_json=as_json)
    elif as_json or not (_at_terminal() if ask is None else ask):
        _list(limit, offset, as_json=as_json)
    else:
        _ask_all(author)


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _today() -> date:
    return datetime.now(UTC).date()


def _list(limit: int, offset: int, *, as_json: bool) -> None:
    from handlers.questioning import ask_next
    from handlers.terminal import print_json, table

    with database("look") as store:
        found = ask_next(store, today=_today(), cursor=None, limit=offset + limit)
    items = found.items[offset:]
    if as_json:
        print_json(items)
    else:
        rows = [row for item in items for row in _two_rows(item)]
        table("Awaiting review, the soonest first", rows, LISTING_COLUMNS)
        _tell_flagged(found.flagged)


def _tell_flagged(number: int) -> None:
    from handlers.terminal import counted, say

    if number:
        say(f"besides, {counted(number, 'event')} flagged, without a pair: event-dedup review --flagged")


def _list_flagged(limit: int, offset: int, *, as_json: bool) -> None:
    from handlers.questioning import flagged_next
    from handlers.terminal import print_json, say, table

    with database("look") as store:
        items = flagged_next(store, today=_today(), cursor=None, limit=offset + limit).items[offset:]
    if as_json:
        print_json(items)
        return
    table(
        "Flagged",
        [{**item, "why": ", ".join(map(_flag_in_words, item["flags"]))} for item in items],
        FLAGGED_COLUMNS,
    )
    if items:
        say(
            "what one is: event-dedup events show EVENT; what you say of its listing: verdicts add an-event, or not-an-event"
        )


def _flag_in_words(flag: Row) -> str:
    detail = f" ({flag['detail']})" if flag["detail"] else ""
    name: str = flag["flag"]
    return name.replace("_", " ") + detail


def _two_rows(question: Row) -> list[dict[str, Any]]:
    scores = (f"{question['score']:.2f}", None)
    return [{**told_apart(question[side]), "score": score} for side, score in zip("ab", scores, strict=True)]


def _ask_all(author: str) -> None:
    from handlers.keyboard import keyboard
    from handlers.reviewing import Review
    from handlers.terminal import counted, say
    from infra.match_queue import RememberingQueue

    with database("change") as store:
        session = Review(store, RememberingQueue(), chosen_policy(None), author, _today())
        with keyboard() as key:
            _ask_on(session, key)
        if session.said:
            say(f"{counted(session.verdicts, 'verdict')} given; `event-dedup verdicts list` has them")
            match_at_once(store)


def _ask_on(session: "Review", key: "Key") -> None:
    """Ask until the end or until it is enough; behind the last question the last answer can be undone like any other."""
    from handlers.terminal import say

    while True:
        if session.question is not None:
            _show(session)
            if not _answered(session, key):
                return
        elif not session.said:
            say("no question is open")
            return
        elif not _undone_at_the_end(session, key):
            return


def _undone_at_the_end(session: "Review", key: "Key") -> bool:
    """Tell that it was the last question, and undo if that is wished."""
    from handlers.terminal import out

    out.print("That was the last question.   u undo   any other key: done", highlight=False)
    return key() == "u" and session.undo()


def _show(session: "Review") -> None:
    from handlers.terminal import out, table

    question = session.question or {}
    sides = (told_apart(question[side]) for side in "ab")
    table(f"One event? score {question['score']:.2f}", beside_each_other(*sides), SIDE_COLUMNS)
    for number, side in enumerate("ab", 1):
        text = question[side]["description"] or question[side]["short_description"]
        if text:
            out.print(f"{number}: {text[:300]}", highlight=False, markup=False)
    out.print(HELP, highlight=False)


def _answered(session: "Review", key: "Key") -> bool:
    """Wait for a key that means something, and do it; tell whether to go on. The end of the input quits, as q does."""
    while (word := KEYS.get(key() or "q")) is None:
        continue
    if word == "quit":
        return False
    if word in ("same", "different"):
        said = cast("Word", word)
        _say(lambda taking_back: session.answer(said, taking_back=taking_back), key)
    elif word == "not an event":
        _call_no_event(session, key)
    elif word == "why":
        _tell_why(session)
    elif word == "skip":
        session.skip()
    else:
        _undo(session)
    return True


def _say(say: "Callable[[tuple[int, ...]], None]", key: "Key") -> None:
    """Keep a verdict; where it contradicts others, show them and let the person choose which of them hold. say: called with what is taken back."""
    from handlers.deciding import Contradicted
    from handlers.terminal import out

    taking_back: tuple[int, ...] = ()
    while True:
        try:
            say(taking_back)
        except Contradicted as error:
            tell_contradictions(error)
            out.print(
                "t take back the newest of these, and keep yours   any other key: leave it", highlight=False
            )
            if key() != "t":
                return
            taking_back = (*taking_back, *newest_of(error))
        else:
            return


def newest_of(error: "Contradicted") -> list[int]:
    """Choose of each chain the newest verdict: without it, the chain is broken."""
    return sorted({max(said.sequence for said in found.chain) for found in error.found if found.chain})


def tell_contradictions(error: "Contradicted") -> None:
    """Say which verdicts a new one contradicts, a chain a line."""
    from handlers.terminal import warn

    for found in error.found:
        chain = "; ".join(
            f"verdict {said.sequence} of {said.author}: {in_words(said)}" for said in found.chain
        )
        warn(f"{in_words(found.new)} contradicts {chain or 'what else is said'}")


def _call_no_event(session: "Review", key: "Key") -> None:
    from handlers.terminal import out

    out.print(
        "Which is no event?   1 the first   2 the second   b both   any other key: neither", highlight=False
    )
    sides = SIDES.get(key() or "")
    if sides is not None:
        _say(lambda taking_back: session.call_no_event(sides, taking_back=taking_back), key)


def _tell_why(session: "Review") -> None:
    from handlers.terminal import explanation

    question = session.question or {}
    rules = session.store.policy_in_force() or session.policy
    explanation("The evidence", question["explanation"], rules.thresholds)


def _undo(session: "Review") -> None:
    from handlers.terminal import say

    if not session.undo():
        say("nothing to undo")
