"""Measure the API: `event-dedup serve` under many clients at once, over loopback, on events that were ingested and matched.

    python -m bench.api --listings 10000

Clients ask without a pause, so what is measured is the answer under load: with twenty clients, twenty times the time of one answer
where one core does all the work. The clients run on the same machine and take their part of it. A database that is kept by --folder is
filled once.
"""

import argparse
import http.client
import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, Final
from urllib.parse import quote

import numpy as np
from sqlalchemy import Connection, text

from bench.batches import write_files
from bench.generator import generate
from bench.machine import described
from bench.report import api_tables
from bench.run import RESULTS
from dedup_core.policy import default_policy
from handlers.watch import Watcher
from handlers.web.visiting import SESSION
from infra.local.postgres import embedded_postgres
from infra.object_store import FolderObjects
from infra.store import Store, keys

Case = dict[str, Any]

SCENES: Final[dict[str, str]] = {
    "an event": "/events/{id}",
    "its listings": "/events/{id}/sources",
    "its decisions": "/events/{id}/decisions",
    "list, 50 a page": "/events?since={day}",
    "list of a town": "/events?city={city}&since={day}",
    "list by words": "/events?q={word}",
    "list around a point": "/events?near=48.0,7.9&radius_km=15&since={day}",
    "changes, 100 a page": "/changes?after={change}",
    "changes, nothing new": "/changes?after={last}",
    "review, 20 a page": "/review",
    "page: list": "/desk?since={day}",
    "page: event": "/desk/events/{id}",
    "page: review": "/desk/review?pair={pair}",
}
"""What is asked for: name -> path, its places filled by what is in the database."""


def fill(store: Store, listings: int, folder: Path, *, seed: int) -> None:
    """Ingest and match, unless that was done."""
    store.upgrade()
    if store.generations()[0]:
        return
    made = generate(listings, seed=seed)
    write_files(made.listings, made.day, folder / "in", batch_size=20_000)
    logging.disable()
    Watcher(folder / "in", store, default_policy(), FolderObjects(folder / "aside"), Event()).once()
    logging.disable(logging.NOTSET)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))  # what PostgreSQL does by itself within minutes


def paths(store: Store, scene: str, *, count: int, seed: int) -> list[str]:
    """Write paths of a scene, drawn from what is there."""
    with store.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT canonical_id, title, city, first_day FROM canonical_events ORDER BY md5(canonical_id) LIMIT 2000"
            )
        ).all()
        last = connection.scalar(text("SELECT max(change_id) FROM changes")) or 0
        pairs = [quote(json.dumps(list(row))) for row in connection.execute(text(PAIRS))]
    draw = random.Random(seed)
    return [
        _path(scene, draw.choice(rows), last, draw).replace("{pair}", draw.choice(pairs or [""]))
        for _ in range(count)
    ]


PAIRS: Final = """
SELECT a_source_code, a_id, b_source_code, b_id FROM decisions WHERE decision = 'ambiguous' ORDER BY md5(a_id || b_id) LIMIT 200
"""


def _path(scene: str, row: Any, last: int, draw: random.Random) -> str:
    words = [word for word in re.findall(r"\w{4,}", row.title) if word.isascii()]
    return scene.format(
        id=row.canonical_id,
        day=row.first_day,
        city=re.sub(r"[^\w]", "%20", row.city) if row.city and row.city.isascii() else "Freiburg",
        word=draw.choice(words or ["Konzert"]),
        change=draw.randrange(max(1, last - 200)),
        last=last,
        pair="{pair}",
    )


@contextmanager
def serving(url: str, *options: str) -> Iterator[tuple[str, int]]:
    """Run `event-dedup serve` on a database; gives host and port once it listens, and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "handlers.cli", "serve", "--port", "0", "--no-match", *options],
        env=os.environ | {"EVENT_DEDUP_DATABASE_URL": url, "EVENT_DEDUP_REQUESTS_PER_SECOND": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    told = ""
    while not (found := re.search(r"serving http://(\S+);", told)):
        if process.poll() is not None or process.stderr is None:
            raise SystemExit(told)
        told += process.stderr.readline()
    try:
        yield found[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def processor_s(process: int) -> float:
    """Tell how long a process and those that it started have computed: what a busy machine changes least."""
    tree = {process}
    seconds = 0.0
    for path in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) in tree or int(path.parent.name) == process:
                tree.add(int(path.parent.name))
                seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def postmaster(connection: Connection) -> int:
    """Name the process that all of the database's belong to."""
    backend = connection.scalar(text("SELECT pg_backend_pid()"))
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


def load(address: str, key: str, asked: Sequence[str], *, clients: int, seconds: float) -> list[float]:
    """Ask with so many clients at once; gives the seconds of each answer. In a process of its own, so that it slows down nobody."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_load, (address, key, asked, clients, seconds))


def _load(address: str, key: str, asked: Sequence[str], clients: int, seconds: float) -> list[float]:
    with ThreadPoolExecutor(clients) as pool:
        end = time.perf_counter() + seconds
        taken = pool.map(lambda n: _client(address, key, asked[n::clients], end), range(clients))
        return [each for of_one in taken for each in of_one]


def _client(address: str, key: str, asked: Sequence[str], end: float) -> list[float]:
    """Ask again and again on one connection."""
    connection = http.client.HTTPConnection(address, timeout=60)
    taken: list[float] = []
    # A browser shows its key as a cookie, and unpacks what is sent.
    headers = {"X-Api-Key": key, "Cookie": f"{SESSION}={key}", "Accept-Encoding": "gzip"}
    while time.perf_counter() < end:
        path = asked[len(taken) % len(asked)]
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        taken.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
    connection.close()
    return taken


def measured(
    url: str, scenes: Sequence[str], *, clients: int, seconds: float, seed: int, options: Sequence[str]
) -> list[Case]:
    """Measure scenes, each alone and with all clients."""
    store = Store.at(url)
    with store.engine.begin() as connection:
        keys.revoke_key(connection, "bench", author="bench")
        key = keys.add_key(connection, name="bench", role="editor", author="bench")
    cases = []
    with store.reading() as connection:
        server = postmaster(connection)
    with serving(url, *options) as (address, process):
        for name in scenes:
            asked = paths(store, SCENES[name], count=500, seed=seed)
            load(address, key, asked, clients=clients, seconds=1)  # what is cold is not what is meant
            alone = load(address, key, asked, clients=1, seconds=seconds / 2)
            before = processor_s(process), processor_s(server)
            together = load(address, key, asked, clients=clients, seconds=seconds)
            computed = processor_s(process) - before[0], processor_s(server) - before[1]
            cases.append(_case(name, alone, together, seconds, computed))
            print(cases[-1], file=sys.stderr)
    store.engine.dispose()
    return cases


def _case(
    name: str, alone: list[float], together: list[float], seconds: float, computed: tuple[float, float]
) -> Case:
    p50, p95 = np.percentile(together, [50, 95])
    return {
        "name": name,
        "alone_ms": float(np.median(alone)) * 1000,
        "p50_ms": float(p50) * 1000,
        "p95_ms": float(p95) * 1000,
        "answers_s": len(together) / seconds,
        "processor_ms": computed[0] / len(together) * 1000,
        # Less than nothing where a process of the database has ended meanwhile.
        "database_ms": computed[1] / len(together) * 1000 if computed[1] >= 0 else None,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and keep the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.api",
        description="Measure the API under load, on a PostgreSQL of its own.",
        epilog="example: python -m bench.api --listings 10000 --seconds 5",
    )
    parser.add_argument(
        "--listings", type=int, default=160_000, help="stored listings (default: %(default)s)"
    )
    parser.add_argument("--clients", type=int, default=20, help="at once (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="a scene (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes that serve (default: %(default)s)")
    parser.add_argument("--scene", action="append", choices=SCENES, help="only this one (default: all)")
    parser.add_argument("--folder", type=Path, help="keep the database there, and use it again")
    parser.add_argument("--seed", type=int, default=1, help="seed of the generator (default: 1)")
    parser.add_argument("--no-save", action="store_true", help="leave bench/results as it is")
    asked = parser.parse_args(arguments)
    machine = described()
    with TemporaryDirectory(prefix="event-dedup-bench-") as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        with embedded_postgres(folder / "postgres") as url:
            store = Store.at(url)
            fill(store, asked.listings, folder, seed=asked.seed)
            with store.reading() as connection:
                events = connection.scalar(text("SELECT count(*) FROM canonical_events"))
            store.engine.dispose()
            options = ("--workers", str(asked.workers))
            scenes = asked.scene or list(SCENES)
            cases = measured(
                url, scenes, clients=asked.clients, seconds=asked.seconds, seed=asked.seed, options=options
            )
    command = (
        f"python -m bench.api --listings {asked.listings} --clients {asked.clients} --workers {asked.workers}"
    )
    figures = {
        "machine": machine,
        "command": command,
        "events": events,
        "clients": asked.clients,
        "cases": cases,
    }
    if not asked.no_save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "api.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(api_tables(figures))


if __name__ == "__main__":
    main()
