"""The demo on the local stack: the samples through bucket, queues and functions, as on AWS."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from handlers.commands.local import Port, chosen_stack
from handlers.commands.options import AsJson, database

if TYPE_CHECKING:
    from infra.local.stack import Stack, Up
    from infra.store import Store

PATIENCE_S: Final = 300
"""Seconds until the samples have to be matched; it takes ten."""


def local_demo(
    folder: Annotated[
        Path, typer.Argument(help="Folder of input files.", exists=True, file_okay=False)
    ] = Path("samples"),
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Start the local stack, put the samples into its bucket, wait for the matcher, and show what came out.

    Where LocalStack can't run, the samples are deduplicated without it.

    **Example:** `event-dedup local demo`
    """
    from handlers.commands.watching import demo, show_demo
    from handlers.terminal import say, warn
    from infra.errors import NoLocalStack

    begun = time.monotonic()
    stack = chosen_stack(port)
    try:
        up = stack.up(say)
    except NoLocalStack as error:
        warn(f"{error}\nwithout LocalStack, from folder to Postgres directly")
        demo(folder, as_json)
        return
    with database("look") as store:
        before = _counts(store)
        _upload(stack, up, folder)
        _await(store, up)
        new, runs = (now - then for now, then in zip(_counts(store), before, strict=True))
        show_demo(
            store, new_files=new, runs=runs, seconds=round(time.monotonic() - begun, 1), as_json=as_json
        )
    for step in ("event-dedup local status", "event-dedup local logs match", "event-dedup local down"):
        say(f"  .venv/bin/{step}")


def _upload(stack: "Stack", up: "Up", folder: Path) -> None:
    from handlers.terminal import say

    bucket = up.deployed.outputs["UploadsBucket"]
    words = [
        "s3",
        "cp",
        "--recursive",
        "--exclude",
        "*",
        "--include",
        "*.json",
        str(folder),
        f"s3://{bucket}/",
    ]
    say(shlex.join(["aws", *words]))
    subprocess.run(  # noqa: S603 - LocalStack's own
        [str(stack.environment / "bin" / "aws"), "--endpoint-url", up.url, *words],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **CREDENTIALS},
    )


CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


def _await(store: "Store", up: "Up") -> None:
    """Show a bar until each file of the bucket is known and the matcher has caught up."""
    from handlers.terminal import progress_bar

    until = time.monotonic() + PATIENCE_S
    with progress_bar() as show:
        for done, total in _progress(store, up):
            show(f"{done} of {total} files ingested", done / total)
            ingested, matched = store.generations()
            if done == total and ingested == matched:
                return
            if time.monotonic() > until:
                raise TimeoutError(
                    f"after {PATIENCE_S} s {done} of {total} files were ingested, the matcher was at generation {matched} of "
                    f"{ingested}; see: event-dedup local logs ingest, event-dedup local logs match"
                )
            time.sleep(0.2)


def _progress(store: "Store", up: "Up") -> Iterator[tuple[int, int]]:
    """Count again and again how many of the bucket's objects are known, and how many there are."""
    from infra.local.stack_deployment import client
    from infra.object_store import S3Objects

    bucket = up.deployed.outputs["UploadsBucket"]
    objects: Any = client("s3", up.url)
    wanted = {(item.key, item.version) for item in S3Objects(objects).list(bucket)}
    while True:
        yield len(wanted & store.known_objects(bucket)), len(wanted)


def _counts(store: "Store") -> tuple[int, int]:
    """Count the files that were stored, and the runs."""
    from infra.store import reading

    with store.reading() as connection:
        last = reading.list_runs(connection, limit=1)
        return int(reading.overview(connection)["files"]), int(last[0]["run_id"] if last else 0)
