"""Measure the stack on this machine: the real template in LocalStack, functions as processes, a Postgres of its own, all in a temporary folder.

    python -m bench.stack            # imports, image, up, cold, warm, burst, down: about three minutes
    python -m bench.stack --first    # the first and the later `make demo` of a clean clone, too; it installs everything anew

The figures go to bench/results/stack.json and between the marks of docs/LOCAL.md. Everything that runs, LocalStack too, shares this machine's
processors with what is measured, and the store grows from one measured file to the next.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]
from sqlalchemy import text

from bench.batches import write_files
from bench.generator import generate
from bench.machine import described
from bench.report import table
from bench.run import RESULTS
from handlers.commands.local_demo import CREDENTIALS
from infra.local.stack import Stack, Up
from infra.local.stack_deployment import client
from infra.local.stack_process import PROJECT
from infra.local.stack_status import status
from infra.store import Store
from tests.deploy import image
from tests.deploy.conftest import COMMANDS
from tests.deploy.emulated import environment, free_port, interpreter, runtime_client

DOCUMENT: Final = PROJECT / "docs" / "LOCAL.md"
LISTINGS: Final = 2_000
"""Of a file whose way is measured."""

WAYS: Final = 5
BURST_LISTINGS: Final = 20
"""Of each of the 200 files at once, into which two larger ones are cut."""

IMPORTS: Final = 9
PATIENCE_S: Final = 300
PORT: Final = str(free_port())
"""Of the LocalStack of the clean clone: one that runs on the usual port is left alone."""

Row = tuple[str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, keep the figures, and write them into the document."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.stack", epilog="example: python -m bench.stack --first"
    )
    parser.add_argument("--first", action="store_true", help="measure `make demo` in a clean clone, too")
    parser.add_argument("--no-save", action="store_true", help="only print")
    asked = parser.parse_args(arguments)
    machine = described()
    rows = [*images(), *ways(), *(demos() if asked.first else [])]
    command = "python -m bench.stack" + (" --first" if asked.first else "")
    figures = {
        "machine": machine,
        "load_after": f"{os.getloadavg()[0]:.1f}",
        "command": command,
        "rows": rows,
    }
    written = _written(figures)
    print(written)
    if not asked.no_save:
        (RESULTS / "stack.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
        document = DOCUMENT.read_text(encoding="utf-8")
        marks = re.compile(r"(<!-- stack: measured -->\n).*?(<!-- stack: end -->)", re.DOTALL)
        document, found = marks.subn(lambda m: f"{m[1]}{written}\n{m[2]}", document)
        if not found:
            raise SystemExit(f"{DOCUMENT} has no marks to write between")
        DOCUMENT.write_text(document, encoding="utf-8")


def _written(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    head = (
        f"Measured {machine['day']} at commit `{machine['commit']}` by `{figures['command']}` on {machine['cores']} cores of "
        f"{machine['processor']}, {machine['system']}, Python {machine['python']}. Load average before {machine['load_before']}, "
        f"after {figures['load_after']}."
    )
    return head + "\n\n" + table(["what", "figure"], [list(row) for row in figures["rows"]])


# --- the image --------------------------------------------------------------------------------------------------------------------


def images() -> Iterator[Row]:
    """Measure the image's tree, and what it costs to import each function in it."""
    with tempfile.TemporaryDirectory(prefix="event-dedup-bench-") as place:
        folder = Path(place)
        stage = image.build(folder / "stages")
        tree, runtime = stage.at(image.TASK_ROOT), runtime_client(folder / "client")
        sizes = {path.name: image.megabytes(path) for path in tree.iterdir() if path.is_dir()}
        largest = sorted(sizes, key=lambda name: -sizes[name])[:4]
        yield (
            "image: its tree without the base",
            f"{image.megabytes(tree):.0f} MB; " + ", ".join(f"{name} {sizes[name]:.0f}" for name in largest),
        )
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
        for _ in range(IMPORTS):
            for name, times in taken.items():  # in turn, so that a busy minute hits all of them
                times.append(_import(COMMANDS[name].rpartition(".")[0], tree, runtime))
        for name, times in taken.items():
            wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
            least = min(time for time, _ in times)
            yield (
                f"import of {name}",
                f"{wall:.2f} s (best of {IMPORTS}: {least:.2f}), {cpu:.2f} s of a processor",
            )


def _import(module: str, tree: Path, runtime: Path) -> tuple[float, float]:
    """Import a module in a fresh process: seconds on the clock, and of a processor."""
    code = f"import time; b, c = time.perf_counter(), time.process_time(); import {module}; print(time.perf_counter() - b, time.process_time() - c)"
    done = subprocess.run(
        [interpreter(), "-c", code],
        env=environment(tree, runtime, {}),
        cwd=tree,
        check=True,
        capture_output=True,
        text=True,
    )
    wall, cpu = map(float, done.stdout.split())
    return wall, cpu


# --- the stack --------------------------------------------------------------------------------------------------------------------


class Running:
    """A stack that runs, and what is watched in it."""

    def __init__(self, stack: Stack, up: Up) -> None:
        """up: what was deployed."""
        self.stack, self.up = stack, up
        self.s3, self.sqs = client("s3", up.url), client("sqs", up.url)
        secret = client("secretsmanager", up.url).get_secret_value(SecretId="event-dedup-local/database")
        self.store = Store.at(secret["SecretString"])
        self.bucket = up.deployed.outputs["UploadsBucket"]

    def number(self, query: str) -> int:
        """Ask Postgres for a number."""
        with self.store.engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())

    def copy(self, path: Path) -> None:
        """Put a file in by the command `aws`."""
        aws = [str(self.stack.environment / "bin" / "aws"), "--endpoint-url", self.up.url, "s3", "cp"]
        subprocess.run(
            [*aws, str(path), f"s3://{self.bucket}/"],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **CREDENTIALS},
        )

    def processor_s(self) -> float:
        """Sum the processor's seconds of LocalStack, the functions, Postgres and the commands that were run: what a busy machine can't stretch."""
        found = self.stack.found()
        families = found.processes() if found is not None else []
        if (pid := self.stack.postgres_pid()) is not None:
            server = psutil.Process(pid)
            families += [server, *server.children(recursive=True)]
        ours = resource.getrusage(resource.RUSAGE_CHILDREN)
        return ours.ru_utime + ours.ru_stime + sum(map(_processor_s, families))

    def files(self) -> int:
        """Count the files that were taken in."""
        return self.number("SELECT count(*) FROM files")

    def matched(self) -> bool:
        """Whether the matcher has seen all that was taken in."""
        ingested, matched = self.store.generations()
        return ingested == matched

    def dead(self) -> int:
        """Count the messages in both dead letter queues."""
        urls = [self.up.deployed.outputs[f"{name}DeadLettersUrl"] for name in ("Upload", "Match")]
        found = [
            self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in urls
        ]
        return sum(int(one["ApproximateNumberOfMessages"]) for one in found)


def _processor_s(process: "psutil.Process") -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def running() -> Iterator[tuple[Running, Path]]:
    """Start a stack in a temporary folder, with LocalStack's packages of this clone; nothing of it is left."""
    place = tempfile.TemporaryDirectory(prefix="event-dedup-bench-", ignore_cleanup_errors=True)
    with place as name:
        stack = Stack(Path(name), PROJECT / "var" / "localstack-venv", free_port())
        try:
            yield Running(stack, stack.up(lambda _: None)), Path(name) / "in"
        finally:
            stack.down(lambda _: None)


def ways() -> Iterator[Row]:
    """Measure the way of one file, cold and warm, and of many at once."""
    with running() as (world, folder):
        yield "`up`, with nothing running", f"{world.up.seconds:.1f} s"
        again = world.stack.up(lambda _: None)
        yield "`up` again", f"{again.seconds:.1f} s"
        first, *large, spare, other = _files(folder)
        small = [*_cut(spare), *_cut(other)]
        yield "the first file, both functions cold", f"{_way_s(world, first):.1f} s"
        spent = world.processor_s()
        warm = [_way_s(world, path) for path in large]
        spent = (world.processor_s() - spent) / len(large)
        yield (
            f"`aws s3 cp` of {LISTINGS:,} listings until their canonical events are there, warm, {WAYS} files",
            f"{statistics.median(warm):.1f} s ({min(warm):.1f} to {max(warm):.1f}), {spent:.1f} s of processors each, `aws` and Postgres included",
        )
        yield f"{len(small)} files of {BURST_LISTINGS} listings at once", _burst(world, small)
        found = status(world.stack)
        if found is not None:
            used = {"LocalStack": found.summary["memory_mb"]}
            used |= {
                row["function"].rsplit("-", 1)[1]: row["memory_mb"]
                for row in found.functions
                if row["processes"]
            }
            yield "memory, MB", ", ".join(f"{name} {memory}" for name, memory in used.items())
        world.store.engine.dispose()
        begun = time.monotonic()
        world.stack.down(lambda _: None)
        yield "`down`", f"{time.monotonic() - begun:.1f} s"


def _files(folder: Path) -> list[Path]:
    """Write files of just as many listings: one to begin with, those that are measured, and two for the burst."""
    made = generate(12 * LISTINGS, seed=1, sources=4)
    written = write_files(made.listings, made.day, folder, batch_size=LISTINGS)
    full = [path for path in written if len(json.loads(path.read_bytes())["events"]) == LISTINGS]
    return full[: WAYS + 3]


def _cut(path: Path) -> list[Path]:
    """Cut a file into small ones of the same source."""
    document = json.loads(path.read_bytes())
    parts = []
    for start in range(0, LISTINGS, BURST_LISTINGS):
        part = path.with_name(f"{path.stem}-{start}.json")
        part.write_text(
            json.dumps({**document, "events": document["events"][start : start + BURST_LISTINGS]})
        )
        parts.append(part)
    return parts


def _way_s(world: Running, path: Path) -> float:
    """Measure from the start of the command `aws` to the commit of the run."""
    before = world.files()
    begun = time.monotonic()
    world.copy(path)
    _wait(lambda: world.files() > before and world.matched(), begun)
    return time.monotonic() - begun


def _burst(world: Running, paths: Sequence[Path]) -> str:
    files, runs = world.files(), world.number("SELECT count(*) FROM runs")
    begun = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        for path in paths:
            pool.submit(world.s3.put_object, Bucket=world.bucket, Key=path.name, Body=path.read_bytes())
    _wait(lambda: world.files() == files + len(paths) and world.matched(), begun)
    seconds = time.monotonic() - begun
    ran = world.number("SELECT count(*) FROM runs") - runs
    stored = world.number("SELECT count(*) FROM source_events")
    return f"{seconds:.0f} s, {ran} runs, {world.dead()} messages in the dead letter queues; {stored:,} listings stored then"


def _wait(look: Callable[[], bool], begun: float) -> None:
    while not look():
        if time.monotonic() - begun > PATIENCE_S:
            raise TimeoutError(f"the stack did not come to rest within {PATIENCE_S} s")
        time.sleep(0.05)


# --- make demo ----------------------------------------------------------------------------------------------------------------------


def demos() -> Iterator[Row]:
    """Measure `make demo` in a clean clone: the first one, one with nothing running, one on the stack that runs."""
    with tempfile.TemporaryDirectory(prefix="event-dedup-first-", ignore_cleanup_errors=True) as place:
        clone = Path(place) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        try:
            yield "the first `make demo` of a clean clone, all installations included", _make(clone, "demo")
            yield "`make demo` once more, the stack running", _make(clone, "demo")
            _make(clone, "down")
            yield "`make demo` with nothing running", _make(clone, "demo")
        finally:
            _make(clone, "down")


def _make(clone: Path, target: str) -> str:
    own = {"EVENT_DEDUP_LOCAL_PORT": PORT}
    begun = time.monotonic()
    subprocess.run(
        ["make", target], check=True, cwd=clone, env={**os.environ, **own}, stdout=subprocess.DEVNULL
    )
    return f"{time.monotonic() - begun:.0f} s"


if __name__ == "__main__":
    main()
