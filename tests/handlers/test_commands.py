"""The commands, run as a person runs them, on a real Postgres."""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from dedup_core.errors import UnknownEvent
from dedup_core.policy import default_policy
from dedup_core.variants import varied
from handlers import ingest, match
from handlers.cli import app
from handlers.commands import options
from handlers.described import described
from tests.handlers.conftest import forget_wiring

TOWNS = ("Elzach", "Simonswald", "Bleibach", "Oberwinden")
BLATT, MAGAZIN = "blatt:a1", "magazin:m1"


def listing(identity: str, title: str, city: str, venue: str = "Marktplatz") -> dict[str, object]:
    day = {"date": "2026-03-28", "start_time": "11:00"}
    place = {"name": venue, "city": city}
    return {
        "id": identity,
        "title": title,
        "event_dates": [day],
        "location": place,
        "source_type": "terminliste",
    }


def put(path: Path, *listings: dict[str, object]) -> None:
    path.write_text(json.dumps({"events": listings}), encoding="utf-8")


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    for logger in (ingest.logger, match.logger):
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.stream = (
                    sys.__stderr__
                )  # the runner's is closed, which only a process of its own outlives
    return result


def shown(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


@pytest.fixture
def inbox(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of two files with a market each, in two towns, taken in; the commands work in its parent."""
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", database)
    monkeypatch.setenv("EVENT_DEDUP_DATA_FOLDER", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    forget_wiring()
    folder = tmp_path / "inbox"
    folder.mkdir()
    put(folder / "blatt_1.json", listing("a1", "Ostermarkt", "Waldkirch"))
    put(folder / "magazin_1.json", listing("m1", "Ostermarkt", "Emmendingen"))
    assert run("watch", "inbox", "--once").exit_code == 0
    return folder


@pytest.mark.usefixtures("inbox")
def test_a_verdict_that_contradicts_an_earlier_one_is_stored_when_that_is_taken_back() -> None:
    run("verdicts", "add", "same", BLATT, MAGAZIN, "--author", "ada")
    joined = run("explain", BLATT, MAGAZIN).stdout
    words = ("verdicts", "add", "different", MAGAZIN, BLATT, "--author", "bob", "--reason", "two towns")

    refused = run(*words)
    kept = shown("verdicts", "list")
    taken = run(*words, "--taking-back", "1")

    assert (refused.exit_code, taken.exit_code) == (1, 0)
    assert f"contradicts verdict 1 of ada: {BLATT} and {MAGAZIN} same" in " ".join(refused.stderr.split())
    assert "--taking-back 1" in refused.stderr
    assert [verdict["sequence"] for verdict in kept] == [1]
    assert "put both into ev_" in joined
    apart = run("explain", BLATT, MAGAZIN).stdout
    assert "bob says different (verdict" in apart
    assert "put them into ev_" in apart
    assert [verdict["author"] for verdict in shown("verdicts", "list")] == ["bob"]


@pytest.mark.usefixtures("inbox")
def test_verdicts_are_undone_by_filter_and_a_pinned_field_is_shown() -> None:
    run("verdicts", "add", "not-an-event", MAGAZIN, "--author", "ada")
    run("verdicts", "pin", BLATT, "title", "Großer Ostermarkt", "--author", "bob")
    hidden = [event["title"] for event in shown("events", "list")]

    unnamed = run("verdicts", "undo")
    with pytest.raises(UnknownEvent, match="in force"):
        run("verdicts", "undo", "--by", "nobody", "--yes")
    given = [verdict["sequence"] for verdict in shown("verdicts", "list", "--by", "ada")]
    undone = run("verdicts", "undo", "--by", "ada", "--yes", "--json")

    assert json.loads(undone.stdout) == {"taken_back": given}
    assert hidden == ["Großer Ostermarkt"]
    assert (unnamed.exit_code, undone.exit_code) == (2, 0)
    assert sorted(event["title"] for event in shown("events", "list")) == ["Großer Ostermarkt", "Ostermarkt"]


@pytest.mark.usefixtures("inbox")
def test_what_was_said_or_made_void_is_told_as_json_too() -> None:
    add = ("verdicts", "add", "same", BLATT, MAGAZIN, "--author", "ada")
    pin = ("verdicts", "pin", BLATT, "title", "Großer Ostermarkt", "--author", "bob")
    run("keys", "add", "portal")

    said, pinned, void = shown(*add), shown(*pin), shown("keys", "revoke", "portal")
    refused = run("verdicts", "add", "different", BLATT, MAGAZIN, "--json")

    sides = [(said[side]["source_code"], said[side]["id"]) for side in "ab"]
    assert (said["sequence"], said["kind"], said["author"]) == (1, "must_link", "ada")
    assert sides == [("blatt", "a1"), ("magazin", "m1")]
    assert (pinned["sequence"], pinned["field"], pinned["value"]) == (2, "title", "Großer Ostermarkt")
    assert void == {"revoked": "portal"}
    assert (refused.exit_code, refused.stdout) == (1, "")


def test_a_demo_says_how_many_pairs_wait_and_leads_to_the_queue_and_to_the_page(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "bote_1.json", *(listing(f"b{n}", "Wochenmarkt", town) for n, town in enumerate(TOWNS)))
    put(
        inbox / "amt_1.json",
        *(listing(f"w{n}", "Wochenmarkt", town, "Bahnhof") for n, town in enumerate(TOWNS)),
    )
    monkeypatch.setattr("handlers.commands.watching.FIRST", 3)

    told = run("demo", str(inbox)).stdout

    assert len(shown("review")) == 4
    assert "Awaiting review: 4 pairs; the likeliest 3 of them" in told
    assert {"review", "serve"} <= set(told.partition("Try next")[2].split())


def test_a_demo_is_told_as_json_too(inbox: Path) -> None:
    told = shown("demo", str(inbox))

    assert told["overview"]["listings"] == 2
    assert (told["overview"]["new_files"], told["merged"][0]["n_sources"], told["review"]) == (0, 1, [])


def test_the_queue_takes_a_key_a_verdict_and_undo_asks_again(inbox: Path) -> None:
    put(inbox / "bote_1.json", *(listing(f"b{n}", "Wochenmarkt", town) for n, town in enumerate(TOWNS)))
    put(
        inbox / "amt_1.json",
        *(listing(f"w{n}", "Wochenmarkt", town, "Bahnhof") for n, town in enumerate(TOWNS)),
    )
    run("watch", "inbox", "--once")
    queue = len(shown("review"))

    asked = CliRunner().invoke(app, ["review", "--ask", "--author", "ada"], input="xwsduksn1q")

    given = [(verdict["kind"], verdict["author"]) for verdict in shown("verdicts", "list", "--all")]
    in_force = [verdict["kind"] for verdict in shown("verdicts", "list")]
    assert queue == 4
    assert asked.exit_code == 0, asked.output
    assert "3 verdicts given" in asked.stderr
    assert sorted(given) == sorted(
        [("must_link", "ada"), ("cannot_link", "ada"), ("must_link", "ada"), ("not_an_event", "ada")]
    )
    assert sorted(in_force) == ["must_link", "must_link", "not_an_event"]


def test_what_looks_like_no_event_is_listed_at_the_terminal_and_settled_by_a_word(inbox: Path) -> None:
    put(inbox / "tix_1.json", listing("v1", "Gutschein für das Kellertheater", "Elzach"))
    run("watch", "inbox", "--once")

    beside, listed = run("review", "--list").stderr, run("review", "--flagged").stdout
    said = run("verdicts", "add", "an-event", "tix:v1", "--author", "ada")
    opposed = run("verdicts", "add", "not-an-event", "tix:v1", "--author", "bob")

    assert "1 event flagged" in beside
    assert "not an event (voucher)" in " ".join(listed.split())
    assert (said.exit_code, opposed.exit_code) == (0, 1)
    assert "contradicts verdict 1 of ada: tix:v1 an event" in " ".join(opposed.stderr.split())
    assert shown("review", "--flagged") == []
    assert shown("events", "show", "tix:v1")["needs_review"] is False


def test_a_file_that_is_refused_again_says_so_by_its_exit_code_until_it_is_mended(inbox: Path) -> None:
    (inbox / "torn_1.json").write_text('{"events": [', encoding="utf-8")
    refused = run("watch", "inbox", "--once")
    number = str(shown("quarantine", "list")[0]["file_id"])

    again = run("quarantine", "replay", number)
    put(inbox / "torn_1.json", listing("t1", "Jazzabend", "Freiburg"))
    number = str(shown("quarantine", "list")[0]["file_id"])
    mended = run("quarantine", "replay", number)

    assert [refused.exit_code, again.exit_code, mended.exit_code] == [3, 3, 0]
    assert shown("quarantine", "list") == []
    assert shown("events", "show", "torn:t1")["title"] == "Jazzabend"


def test_a_file_is_tried_again_by_the_limits_of_the_policy_that_was_applied(inbox: Path) -> None:
    (inbox / "torn_1.json").write_text('{"events": [', encoding="utf-8")
    run("watch", "inbox", "--once")
    text = described(varied(default_policy(), {"intake.max_listings": 1}))
    (inbox.parent / "mine.yaml").write_text(text, encoding="utf-8")
    run("policy", "apply", str(inbox.parent / "mine.yaml"))
    put(inbox / "torn_1.json", listing("t1", "Jazzabend", "Freiburg"), listing("t2", "Chor", "Freiburg"))

    again = run("quarantine", "replay", str(shown("quarantine", "list")[0]["file_id"]))

    assert again.exit_code == 3


def test_an_event_is_shown_with_what_holds_it_together_and_why_its_values_were_chosen(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "bote_1.json", listing("b1", "Jazzabend mit Philipzen", "Elzach", "Steinhof"))
    put(inbox / "amt_1.json", listing("w1", "Jazzabend mit Philipzen", "Elzach", "Steinhof"))
    put(inbox / "tix_1.json", listing("t1", "Philipzen", "Elzach", "Steinhof"))
    run("watch", "inbox", "--once")

    told = " ".join(run("events", "show", "bote:b1").stdout.split())
    monkeypatch.setattr("handlers.terminal.out", Console(width=80))
    narrow = " ".join(run("events", "show", "bote:b1").stdout.split())

    together = told.partition("Why together")[2].partition("Fields")[0]
    assert "amt:w1 – bote:b1" in together
    assert "Both titles: " in together
    assert "what was seen" in narrow.partition("Why together")[2].partition("Fields")[0]
    assert together.count("weakest bridge") == 1
    assert "Prefer a title without a status" in told.partition("Why these values")[2]
    assert "Prefer a title without a status" in narrow.partition("Why these values")[2]
    fields = told.partition("Fields")[2].partition("Why these values")[0]
    places = ("title", "event_dates", "location.name", "location.city", "source_type")
    assert [word for word in fields.split() if word in places] == list(places)
    assert "Why these values" not in run("events", "show", BLATT).stdout


@pytest.mark.usefixtures("inbox")
def test_events_are_listed_in_the_orders_that_the_api_has() -> None:
    newest = shown("events", "list", "--sort", "created_at", "--descending")
    by_title = shown("events", "list", "--sort", "city")

    assert [event["created_at"] for event in newest] == sorted(e["created_at"] for e in newest)[::-1]
    assert [event["city"] for event in by_title] == ["Emmendingen", "Waldkirch"]


def test_files_whose_content_was_known_are_counted_and_listed_when_asked_for(inbox: Path) -> None:
    put(inbox / "blatt_2.json", listing("a1", "Ostermarkt", "Waldkirch"))
    run("watch", "inbox", "--once")

    listed, everything = run("files", "list"), run("files", "list", "--all")

    assert ("blatt_2.json" in listed.stdout, "blatt_2.json" in everything.stdout) == (False, True)
    assert "was here before: 1 file; --all" in " ".join(listed.stderr.split())
    assert "--all" not in everything.stderr


def test_a_pair_in_doubt_is_shown_with_both_its_listings_until_a_verdict_settles_it(inbox: Path) -> None:
    put(inbox / "bote_1.json", listing("b1", "Wochenmarkt", "Elzach", "Marktplatz"))
    put(inbox / "amt_1.json", listing("w1", "Wochenmarkt", "Elzach", "Bahnhof"))
    run("watch", "inbox", "--once")

    before = run("review").stdout
    pairs = shown("review")
    for pair in pairs:
        run(
            "verdicts",
            "add",
            "same",
            *(f"{pair[side]['source_code']}:{pair[side]['id']}" for side in "ab"),
        )

    assert len(pairs) == 1
    assert [words.split()[-1] for words in before.splitlines() if "Wochenmarkt" in words] == [
        "Bahnhof",
        "Marktplatz",
    ]
    assert shown("review") == []


def test_an_event_that_awaits_review_names_the_pair_in_question_until_a_verdict_settles_it(
    inbox: Path,
) -> None:
    put(inbox / "bote_1.json", listing("b1", "Wochenmarkt", "Elzach", "Marktplatz"))
    put(inbox / "amt_1.json", listing("w1", "Wochenmarkt", "Elzach", "Bahnhof"))
    run("watch", "inbox", "--once")

    before = " ".join(run("events", "show", "bote:b1").stdout.split())
    run("verdicts", "add", "different", "amt:w1", "bote:b1")
    after = run("events", "show", "bote:b1").stdout

    assert "In question: perhaps one event with Wochenmarkt, 2026-03-28" in before
    assert "why: event-dedup explain amt:w1 bote:b1" in before
    assert "In question" not in after


@pytest.mark.usefixtures("inbox")
def test_events_are_listed_with_the_hour_at_which_they_begin() -> None:
    listed = run("events", "list").stdout

    assert [event["start_time"] for event in shown("events", "list")] == ["11:00", "11:00"]
    assert listed.count("2026-03-28  11:00") == 2


def test_the_queue_explains_by_the_thresholds_of_the_policy_that_was_applied(inbox: Path) -> None:
    put(inbox / "bote_1.json", listing("b1", "Wochenmarkt", "Elzach", "Marktplatz"))
    put(inbox / "amt_1.json", listing("w1", "Wochenmarkt", "Elzach", "Bahnhof"))
    run("watch", "inbox", "--once")
    text = described(varied(default_policy(), {"thresholds.ambiguous": 0.5}))
    (inbox.parent / "mine.yaml").write_text(text, encoding="utf-8")
    run("policy", "apply", str(inbox.parent / "mine.yaml"))

    asked = CliRunner().invoke(app, ["review", "--ask", "--author", "ada"], input="wq")

    assert "from +0.50 on a person should look" in " ".join(asked.stdout.split())


def test_a_policy_that_is_applied_under_the_version_of_another_one_is_told(inbox: Path) -> None:
    mine, twin, own = (inbox.parent / f"{name}.yaml" for name in ("mine", "twin", "own"))
    for path, bits, version in ((mine, 5.0, "1"), (twin, 6.0, "1"), (own, 7.0, "own")):
        other = varied(default_policy(), {"thresholds.match": bits})
        path.write_text(described(other.model_copy(update={"version": version})), encoding="utf-8")

    told = [" ".join(run("policy", "apply", str(path)).stderr.split()) for path in (mine, twin, twin, own)]

    assert ["version 1 has other content" in text for text in told] == [True, True, False, False]


def test_an_output_that_could_not_be_written_is_refused_before_the_work(inbox: Path) -> None:
    nowhere = run("dedupe", "inbox", "--output", "missing/events.json")
    there = run("dedupe", "inbox", "--output", str(inbox.parent / "events.json"))

    assert nowhere.exit_code == 2
    assert "there is no folder missing" in nowhere.stderr
    assert nowhere.stdout == ""
    assert there.exit_code == 0
    assert len(json.loads((inbox.parent / "events.json").read_bytes())["events"]) == 2


@pytest.mark.usefixtures("inbox")
def test_the_last_answer_of_the_queue_can_be_undone_like_any_other(inbox: Path) -> None:
    put(inbox / "bote_1.json", listing("b0", "Wochenmarkt", "Elzach"))
    put(inbox / "amt_1.json", listing("w0", "Wochenmarkt", "Elzach", "Bahnhof"))
    run("watch", "inbox", "--once")
    assert len(shown("review")) == 1

    asked = CliRunner().invoke(app, ["review", "--ask", "--author", "ada"], input="sudn")

    assert asked.exit_code == 0, asked.output
    assert asked.stdout.count("That was the last question") == 2
    assert [verdict["kind"] for verdict in shown("verdicts", "list")] == ["cannot_link"]


def test_who_says_something_has_a_name_also_where_the_system_knows_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(number: int) -> None:
        raise KeyError(number)

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)

    assert options._whoever() == f"user {os.getuid()}"
