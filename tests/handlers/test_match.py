import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from dedup_core.policy import default_policy
from handlers.match import RunReport, lambda_handler, match
from infra.errors import MatcherBusy
from infra.store import Store, reading
from infra.store.engine import LIMITS
from tests.faults.poison import file_of
from tests.handlers.conftest import CONTEXT, Aws, Lines, batch, failed
from tests.handlers.worlds import AFTER, BEFORE, POLICY, concert, lay, run, state, take_in


def messages(*generations: int) -> dict[str, Any]:
    return batch(*(json.dumps({"generation": generation}) for generation in generations), queue="match.fifo")


@pytest.fixture
def inbox(tmp_path: Path, store: Store) -> Path:
    """Lay out a folder whose first files are ingested and matched; two more are ingested and wait for a run."""
    folder = tmp_path / "inbox"
    lay(folder, BEFORE | AFTER)
    for name in BEFORE:
        take_in(store, folder, name)
    run(store)
    for name in AFTER:
        take_in(store, folder, name)
    return folder


def test_several_files_are_matched_once(
    aws: Aws, store: Store, inbox: Path, logged: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    ingested, _ = store.generations()

    answer = lambda_handler(messages(ingested - 1, ingested), CONTEXT)

    assert failed(answer) == []
    assert store.generations() == (ingested, ingested)
    (line,) = logged.named("run_finished")
    (idle,) = logged.named("already_matched")
    counts = {name: line[name] for name in ("events_created", "events_changed", "events_gone", "errors")}
    assert counts == {"events_created": 2, "events_changed": 2, "events_gone": 0, "errors": 0}
    assert {"listings", "matches", "ambiguous", "canonical_events", "review"} <= set(line["statistics"])
    assert {"loading", "scoring", "saving", "total"} <= set(line["seconds"])
    assert idle["generation"] == ingested
    emitted = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (emitted["runs"], emitted["events_created"], emitted["messages"]) == ([1.0], [2.0], [2.0])


def test_a_run_that_fails_changes_nothing_is_recorded_and_comes_again_with_those_behind_it(
    aws: Aws, store: Store, inbox: Path, logged: Lines
) -> None:
    ingested, matched = store.generations()
    before = state(store)
    with store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE decisions ADD CONSTRAINT no CHECK (weight < -1000) NOT VALID"))

    answer = lambda_handler(messages(matched, ingested - 1, ingested), CONTEXT)

    assert failed(answer) == ["message-1", "message-2"]
    after = state(store)
    assert {table for table in before if before[table] != after[table]} == {"runs"}
    with store.reading() as connection:
        newest = reading.list_runs(connection, limit=1)[0]
    assert newest["status"] == "failed"
    assert "no" in newest["reason"]
    (line,) = logged.named("run_failed")
    assert line["sqlstate"] == "23514"
    assert "Rosenrot" not in logged.getvalue()


def test_who_fails_asks_for_its_messages_in_half_a_minute(aws: Aws, store: Store, inbox: Path) -> None:
    ingested, _ = store.generations()
    aws.sqs.send_message(
        QueueUrl=aws.match_queue,
        MessageBody=json.dumps({"generation": ingested}),
        MessageGroupId="match",
        MessageDeduplicationId="1",
    )
    (taken,) = aws.sqs.receive_message(QueueUrl=aws.match_queue, VisibilityTimeout=0)["Messages"]
    event = messages(ingested)
    event["Records"][0]["receiptHandle"] = taken["ReceiptHandle"]

    with store.matching():
        answer = lambda_handler(event, CONTEXT)

    assert failed(answer) == ["message-0"]
    hidden = aws.sqs.get_queue_attributes(QueueUrl=aws.match_queue, AttributeNames=["All"])["Attributes"]
    assert hidden["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_a_second_matcher_is_turned_away_and_reports_no_error(
    aws: Aws, store: Store, inbox: Path, logged: Lines
) -> None:
    ingested, matched = store.generations()

    with store.matching():
        with pytest.raises(MatcherBusy):
            match(store=store, policy=POLICY, wanted=ingested)
        known = match(store=store, policy=POLICY, wanted=matched)
        answer = lambda_handler(messages(ingested), CONTEXT)

    assert known == RunReport(ran=False, generation=matched)
    assert failed(answer) == ["message-0"]
    assert len(logged.named("matcher_busy")) == 1
    assert logged.named("run_failed") == []


def test_matchers_at_once_leave_what_one_leaves(store: Store, inbox: Path) -> None:
    ingested, _ = store.generations()
    together = Barrier(4)

    def matcher(_: int) -> str:
        together.wait()
        try:
            return "ran" if match(store=store, policy=POLICY, wanted=ingested).ran else "idle"
        except MatcherBusy:
            return "busy"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(matcher, range(4)))
    after = state(store)
    again = run(store)

    assert outcomes.count("ran") == 1
    assert len(after["runs"]) == 2
    assert (again.events_created, again.events_changed, again.events_gone) == (0, 0, 0)


def test_a_file_and_a_run_twice_change_nothing(store: Store, inbox: Path) -> None:
    first = run(store)
    before = state(store)

    reports = [take_in(store, inbox, name) for name in (*AFTER, *BEFORE)]
    second = run(store)

    after = state(store)
    assert {report.status for report in reports} == {"already_known"}
    assert second.result_hash == first.result_hash
    assert {table for table in before if before[table] != after[table]} == {"runs"}


def test_listings_that_older_rules_normalised_are_normalised_anew(store: Store, inbox: Path) -> None:
    run(store)
    expected = state(store)
    with store.engine.begin() as connection:
        connection.execute(
            text("UPDATE source_events SET normaliser = 'old', title_words = 'nonsense', city_key = id")
        )

    report = run(store)

    assert (report.events_created, report.events_changed, report.events_gone) == (0, 0, 0)
    assert state(store) | {"runs": []} == expected | {"runs": []}


def test_another_policy_gives_another_result_from_the_same_listings(store: Store, inbox: Path) -> None:
    first = run(store)
    document = default_policy().model_dump()
    document["thresholds"]["match"] = 30.0
    strict = type(POLICY).model_validate(document)

    report = match(store=store, policy=strict)

    assert report.statistics["matches"] < first.statistics["matches"]
    assert report.events_created > 0


def test_files_come_in_while_listings_are_normalised_anew(
    store: Store, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "lock_timeout", "200ms")
    run(store)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE source_events SET normaliser = 'old', title_words = 'nonsense'"))
    newer = file_of(concert("b1", "Duo Rosenrot und Band", "2026-03-16"))
    lay(inbox, {"bwb_3.json": newer.replace(b'"metadata": {', b'"metadata": {"processedAt": "2026-03-01", ')})

    def taken_in_meanwhile(stage: str, share: float) -> None:
        if stage == "scoring":
            assert take_in(store, inbox, "bwb_3.json").stored == 1

    during = match(store=store, policy=POLICY, progress=taken_in_meanwhile)
    after = run(store)

    assert store.generations() == (during.generation + 1, after.generation)
    with store.reading() as connection:
        words = connection.execute(text("SELECT id, title_words FROM source_events WHERE id = 'b1'")).one()
        stale = connection.scalar(text("SELECT count(*) FROM source_events WHERE normaliser = 'old'"))
    assert words.title_words == "duo rosenrot band"
    assert stale == 0
