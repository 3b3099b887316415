"""What a local stack is doing: its processes, functions, queues and logs. It only looks."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import psutil  # type: ignore[import-untyped]

from infra.errors import NoLocalStack
from infra.local.stack import NAME, Stack
from infra.local.stack_deployment import Deployed, client
from infra.local.stack_process import LocalStack

MB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Status:
    """What runs. functions and queues: a row each; memory is resident, in MB."""

    summary: dict[str, Any] = field(default_factory=dict)
    functions: list[dict[str, Any]] = field(default_factory=list)
    queues: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log. time_ms: since 1970."""

    time_ms: int
    text: str


def status(stack: Stack) -> Status | None:
    """Look at a stack; null if LocalStack does not run."""
    running = stack.found()
    if running is None:
        return None
    deployed = stack.deployed() or Deployed()
    mine, *others = running.processes()
    summary = {
        "LocalStack": running.url,
        "answers": running.answers(),
        "process": running.pid,
        "minutes": round((time.time() - running.started) / 60, 1),
        "memory_mb": _memory(mine),
        "Postgres": _postgres(stack),
        "stack": NAME if stack.deployed() else "not deployed",
        "log": str(stack.log),
    }
    if not running.answers():
        return Status(summary)
    return Status(
        summary, list(_functions(running, deployed, others)), list(_queues(client("sqs", running.url)))
    )


def _postgres(stack: Stack) -> str:
    if stack.database_url is not None:
        return "of EVENT_DEDUP_DATABASE_URL"
    pid = stack.postgres_pid()
    return "does not run" if pid is None else f"embedded, process {pid}"


def _memory(process: "psutil.Process") -> int:
    try:
        return int(process.memory_info().rss // MB)
    except psutil.NoSuchProcess:
        return 0


def _functions(
    running: LocalStack, deployed: Deployed, processes: "list[psutil.Process]"
) -> Iterator[dict[str, Any]]:
    functions = client("lambda", running.url)
    for name in sorted(deployed.functions.values()):
        found = functions.get_function(FunctionName=name)
        mine = [process for process in processes if _runs(process, name)]
        yield {
            "function": name,
            "state": found["Configuration"]["State"],
            "reserved": found.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
            "processes": len(mine),
            "memory_mb": sum(map(_memory, mine)),
        }


def _runs(process: "psutil.Process", function: str) -> bool:
    try:
        return bool(process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == function)
    except psutil.Error:
        return False


def _queues(sqs: Any) -> Iterator[dict[str, Any]]:
    counts = {
        "waiting": "ApproximateNumberOfMessages",
        "in_flight": "ApproximateNumberOfMessagesNotVisible",
        "delayed": "ApproximateNumberOfMessagesDelayed",
    }
    for url in sorted(sqs.list_queues().get("QueueUrls", [])):
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        yield {
            "queue": url.rsplit("/", 1)[-1],
            **{name: int(found[attribute]) for name, attribute in counts.items()},
        }


def lines(stack: Stack, function: str, since_ms: int) -> Iterator[Line]:
    """Read what a function wrote since a time, oldest first. function: ``match``.

    Raises:
        NoLocalStack: there is no such function, or nothing runs.
    """
    running, deployed = stack.found(), stack.deployed()
    if running is None or deployed is None:
        raise NoLocalStack("nothing runs; start it with: event-dedup local up")
    names = [name for logical, name in deployed.functions.items() if logical.lower().startswith(function)]
    if not names:
        raise NoLocalStack(f"the template has no function {function}; it has {', '.join(deployed.functions)}")
    logs = client("logs", running.url)
    group = client("lambda", running.url).get_function_configuration(FunctionName=names[0])
    where = group.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{names[0]}"
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=where, startTime=since_ms)
        for page in pages:
            for event in page["events"]:
                yield Line(event["timestamp"], event["message"])
    except logs.exceptions.ResourceNotFoundException:  # it has not run yet
        return


def localstack_lines(stack: Stack) -> Iterator[str]:
    """Read LocalStack's own log."""
    if not stack.log.exists():
        raise NoLocalStack(f"there is no log in {stack.log}; start the stack with: event-dedup local up")
    with stack.log.open(encoding="utf-8", errors="replace") as log:
        yield from log
