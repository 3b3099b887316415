"""Commands of the local stack: LocalStack and Postgres on this machine, without Docker, with the template that AWS gets."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

import time
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from handlers.commands.options import AsJson

if TYPE_CHECKING:
    from infra.local.stack import Stack, Up

Port = Annotated[
    int | None,
    typer.Option(help="Of LocalStack on 127.0.0.1; EVENT_DEDUP_LOCAL_PORT if not given.", min=1, max=65535),
]

FOLLOW_S: Final = 1.0
"""Seconds between two looks for new lines."""


class Function(StrEnum):
    """Whose lines are shown."""

    ingest = "ingest"
    match = "match"
    sweep = "sweep"
    migrate = "migrate"
    api = "api"
    localstack = "localstack"


def local_up(port: Port = None, as_json: AsJson = False) -> None:
    """Start LocalStack and Postgres, and deploy `template.yaml`; what runs already is found and left as it is.

    Everything listens on 127.0.0.1. The state lies below EVENT_DEDUP_DATA_FOLDER (./var): Postgres keeps it, LocalStack's bucket and queues
    are gone after `down`. The first call installs LocalStack there. Cut off half-way, it leaves nothing running.

    **Example:** `event-dedup local up`
    """
    _show_up(_begun(port, again=False), as_json=as_json)


def local_deploy(port: Port = None, as_json: AsJson = False) -> None:
    """Deploy `template.yaml` and the code once more, to the stack that runs, or to one that is started.

    **Example:** `event-dedup local deploy`
    """
    _show_up(_begun(port, again=True), as_json=as_json)


def _begun(port: int | None, *, again: bool) -> "Up":
    from handlers.terminal import say

    return chosen_stack(port).up(say, again=again)


def chosen_stack(port: int | None = None) -> "Stack":
    """Find the stack that the settings name, whether it runs or not."""
    from handlers import wiring
    from infra.local.stack import Stack

    chosen = wiring.settings()
    url = None if chosen.database_url is None else chosen.database_url.get_secret_value()
    folder = chosen.data_folder
    return Stack(folder, folder / "localstack-venv", port or chosen.local_port, url)


def _show_up(up: "Up", *, as_json: bool) -> None:
    from handlers.terminal import facts, print_json, say

    if as_json:
        print_json(asdict(up))
        return
    facts(
        "Local stack", {"LocalStack": up.url, **up.deployed.outputs, "seconds": up.seconds, "began": up.began}
    )
    for line in _next_steps(up):
        say(line)


def _next_steps(up: "Up") -> list[str]:
    bucket = up.deployed.outputs.get("UploadsBucket", "BUCKET")
    return [
        "put files in: "
        "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=eu-central-1 "
        f"aws --endpoint-url {up.url} s3 cp samples/breisgau/ s3://{bucket}/ --recursive --exclude '*' --include '*.json'",
        "look: event-dedup local status, event-dedup local logs match, event-dedup events list",
        "end: event-dedup local down",
    ]


def local_down(as_json: AsJson = False) -> None:
    """End LocalStack, the functions and the embedded Postgres. The database is kept, the bucket and the queues are not.

    **Example:** `event-dedup local down`
    """
    from handlers.terminal import print_json, say

    ended = chosen_stack().down(say)
    if as_json:
        print_json({"ended": ended})
    say("ended" if ended else "nothing ran")


def local_status(as_json: AsJson = False) -> None:
    """Show what runs: LocalStack, Postgres, each function, what waits in the queues. Exits with 1 if nothing runs.

    **Example:** `event-dedup local status`
    """
    from handlers.terminal import facts, fail, print_json, table
    from infra.local.stack_status import status

    found = status(chosen_stack())
    if found is None:
        fail("nothing runs; start it with: event-dedup local up")
        raise typer.Exit(1)
    if as_json:
        print_json(asdict(found))
        return
    facts("Local stack", found.summary)
    table("Functions", found.functions, {name: name.replace("_", " ") for name in FUNCTION_COLUMNS})
    queues = [
        {name: str(value) for name, value in row.items()} for row in found.queues
    ]  # zeros are told, too
    table("Queues", queues, {name: name.replace("_", " ") for name in QUEUE_COLUMNS})


FUNCTION_COLUMNS: Final = ("function", "state", "reserved", "processes", "memory_mb")
QUEUE_COLUMNS: Final = ("queue", "waiting", "in_flight", "delayed")


def local_logs(
    function: Annotated[Function, typer.Argument(help="Whose.")] = Function.match,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    minutes: Annotated[int, typer.Option(help="How far back.", min=1)] = 60,
) -> None:
    """Print what a function wrote to CloudWatch Logs, as it wrote it; or LocalStack's own log.

    **Example:** `event-dedup local logs match`
    """
    from infra.local.stack_status import lines, localstack_lines

    stack = chosen_stack()
    since_ms = int((time.time() - 60 * minutes) * 1000)
    if function is Function.localstack:
        for text in localstack_lines(stack):
            _print(text)
        return
    while True:
        for line in lines(stack, function.value, since_ms):
            since_ms = max(since_ms, line.time_ms + 1)
            _print(line.text)
        if not follow:
            return
        time.sleep(FOLLOW_S)


def _print(text: str) -> None:
    from handlers.terminal import out

    out.print(text.rstrip("\n"), markup=False, highlight=False, soft_wrap=True)
