"""What fails on the real stack is repaired: by its message's coming again, by the dead letter queue and its redrive, by the sweep."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.local.postgres import embedded_postgres
from tests.stack.conftest import World, eventually, file_of, listing

GONE_S: Final = 20
"""Seconds for which the database is gone."""


def test_an_ingest_that_is_killed_in_mid_run_leaves_nothing_and_its_file_comes_again(world: World) -> None:
    world.put("totblatt_0.json", file_of(listing("a0", "Probe")))
    eventually(lambda: world.events_of("totblatt"), "ingest is warm")
    victim = world.process_of("ingest")

    with world.locked("files") as somebody_waits:
        world.put("totblatt_1.json", file_of(listing("a1", "Kirchweih")))
        eventually(somebody_waits, "ingest is in the midst of it")
        victim.kill()
        eventually(lambda: not victim.is_running(), "ingest is dead")
    eventually(lambda: world.file("totblatt_1.json"), "the file is taken in by another")
    world.rest(within_s=60)

    assert sorted(event.title for event in world.events_of("totblatt")) == ["Kirchweih", "Probe"]
    assert len(world.rows("SELECT 1 FROM files WHERE key = 'totblatt_1.json'")) == 1


def test_a_match_that_is_killed_in_mid_run_leaves_the_last_state_and_its_message_comes_again(
    world: World,
) -> None:
    world.put("stillblatt_0.json", file_of(listing("a0", "Wanderung")))
    eventually(lambda: world.events_of("stillblatt"), "match is warm")
    victim = world.process_of("match")

    with world.locked("runs") as somebody_waits:
        world.put("stillblatt_1.json", file_of(listing("a1", "Radtour")))
        eventually(lambda: world.file("stillblatt_1.json"), "the file is taken in")
        eventually(somebody_waits, "match is in the midst of it")
        victim.kill()
        eventually(lambda: not victim.is_running(), "match is dead")
        seen_in_between = [event.title for event in world.events_of("stillblatt")]
    world.rest(within_s=90)

    assert seen_in_between == ["Wanderung"]
    assert [event.title for event in world.events_of("stillblatt")] == ["Radtour", "Wanderung"]


def test_a_lost_message_is_healed_by_the_sweep(world: World) -> None:
    with world.unheard("MatchFunction"):
        world.put("verlorenblatt_1.json", file_of(listing("a1", "Nachtwächterrundgang")))
        eventually(lambda: world.file("verlorenblatt_1.json"), "the file is taken in")
        eventually(lambda: world.waiting("MatchQueueUrl") == 1, "its message waits")
        world.client("sqs").purge_queue(QueueUrl=world.output("MatchQueueUrl"))
    assert not world.caught_up()

    swept = _invoke(world, "SweepFunction", {})

    assert swept["behind"] == 1
    eventually(lambda: world.events_of("verlorenblatt"), "canonical events of the file")


def _invoke(world: World, function: str, event: dict[str, Any]) -> Any:
    answer = world.client("lambda").invoke(
        FunctionName=world.up.deployed.functions[function], Payload=json.dumps(event)
    )
    return json.loads(answer["Payload"].read())


def test_of_several_calls_of_match_at_once_all_but_one_are_turned_away(world: World) -> None:
    generation = world.store.generations()[0] + 1
    event = _message(generation)
    begun = threading.Event()

    def call(_: int) -> str:
        begun.set()
        try:
            _invoke(world, "MatchFunction", event)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "answered"

    with ThreadPoolExecutor(3) as pool:
        with world.locked("runs") as somebody_waits:
            first = pool.submit(call, 0)
            eventually(somebody_waits, "the first call is in the midst of it")
            others = list(pool.map(call, (1, 2)))
        outcome = first.result(timeout=60)

    assert others == ["TooManyRequestsException"] * 2
    assert outcome == "answered"


def _message(generation: int) -> dict[str, Any]:
    record = {
        "messageId": "1",
        "receiptHandle": "none",
        "body": json.dumps({"generation": generation}),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:none.fifo",
        "awsRegion": "eu-central-1",
    }
    return {"Records": [record]}


def test_a_database_that_is_gone_for_twenty_seconds_costs_time_and_no_file(world: World) -> None:
    world.put("pauseblatt_0.json", file_of(listing("a0", "Auftakt")))
    eventually(lambda: world.events_of("pauseblatt"), "the functions are warm")
    failures = _failures_of_ingest(world)

    world.stop_postgres()
    stopped = time.monotonic()
    world.put("pauseblatt_1.json", file_of(listing("a1", "Ausklang")))
    eventually(lambda: _failures_of_ingest(world) > failures, "ingest has failed")
    time.sleep(max(0, GONE_S - (time.monotonic() - stopped)))
    with embedded_postgres(world.stack.folder / "postgres"):
        eventually(lambda: world.file("pauseblatt_1.json"), "the file is taken in", within_s=120)
        world.rest(within_s=120)

    assert [event.title for event in world.events_of("pauseblatt")] == ["Auftakt", "Ausklang"]
    assert world.waiting("UploadDeadLettersUrl") == 0


def _failures_of_ingest(world: World) -> int:
    return sum("message_failed" in line for line in world.lines("IngestFunction"))


def test_what_has_failed_five_times_waits_in_the_dead_letter_queue_shows_there_and_is_repaired_by_a_redrive(
    world: World,
) -> None:
    sqs, queue = world.client("sqs"), world.output("MatchQueueUrl")
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    dead = json.loads(policy["RedrivePolicy"])["deadLetterTargetArn"]
    failed = _failed_runs(world)

    assert world.waiting("MatchDeadLettersUrl") == 0
    with _short_pauses(world):
        _rename(world, "canonical_events", "broken")
        try:
            world.put("dlqblatt_1.json", file_of(listing("a1", "Waldfest")))
            eventually(lambda: world.waiting("MatchDeadLettersUrl"), "it is given up", within_s=120)
            seen = eventually(lambda: _metric(world), "the alarm's metric shows it", within_s=60)
        finally:
            _rename(world, "broken", "canonical_events")
    # LocalStack drops what it has seen within five minutes, and holds back the group of a message that was given up. A purge of the
    # queue, which is empty, makes it forget both.
    sqs.purge_queue(QueueUrl=queue)
    sqs.start_message_move_task(SourceArn=dead)

    eventually(lambda: world.events_of("dlqblatt"), "canonical events of the file")
    assert seen == 1
    eventually(lambda: world.waiting("MatchDeadLettersUrl") == 0, "the dead letter queue is empty")
    reasons = _failed_runs(world)[len(failed) :]
    assert len(reasons) == 5
    assert all("canonical_events" in reason for reason in reasons)


@contextmanager
def _short_pauses(world: World) -> Iterator[None]:
    """Let what fails in match come again after a second, not after half a minute."""
    functions, name = world.client("lambda"), world.up.deployed.functions["MatchFunction"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def give(variables: dict[str, str]) -> None:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)

    give({**before, "EVENT_DEDUP_RETRY_AFTER_S": "1"})
    try:
        yield
    finally:
        give(before)


def _failed_runs(world: World) -> list[str]:
    return [
        row.reason for row in world.rows("SELECT reason FROM runs WHERE status = 'failed' ORDER BY run_id")
    ]


def _rename(world: World, old: str, new: str) -> None:
    with world.store.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


def _metric(world: World) -> float:
    """Ask CloudWatch for what the alarm on the matcher's dead letters looks at."""
    cloudwatch = world.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["event-dedup-local-dead-matches"])["MetricAlarms"]
    now = world.rows("SELECT now() AS now")[0].now
    found = cloudwatch.get_metric_data(
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        MetricDataQueries=[
            {
                "Id": "dead",
                "MetricStat": {
                    "Metric": {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")},
                    "Period": alarm["Period"],
                    "Stat": alarm["Statistic"],
                },
            }
        ],
    )
    return float(max(found["MetricDataResults"][0]["Values"], default=0))
