"""Whatever dies, and wherever: nothing is torn, nothing is lost, nothing is done twice, and the next one ends where an undisturbed one does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import make_url

from handlers.watch import Watcher
from infra.errors import MatcherBusy
from infra.object_store import FolderObjects
from infra.store import Store
from tests.conftest import created
from tests.faults.dying import POLICY, Death, Steps, begin, die, forgotten, run, steps_of, take_in, wait_for
from tests.faults.poison import file_of, listing
from tests.store.uploads import contents, rows


def concert(number: str, title: str, day: str, city: str = "Freiburg") -> dict[str, object]:
    place = {"name": "Jazzhaus", "city": city}
    when = [{"date": day, "start_time": "20:00"}]
    return listing(number, title=title, description=title, event_dates=when, location=place)


BEFORE = {
    "bwb_1.json": file_of(
        concert("1", "Duo Rosenrot", "2026-03-06"),
        concert("2", "Trio Grenzgang", "2026-03-07"),
        concert("3", "Chor der Winzer", "2026-03-08", "Emmendingen"),
        concert("4", "Quartett Wildwuchs", "2026-03-09"),
    ),
    "zrk_1.json": file_of(
        concert("1", "DUO ROSENROT", "2026-03-06"), concert("2", "Trio Grenzgang", "2026-03-07")
    ),
}
NEWS = file_of(
    concert("1", "Duo Rosenrot", "2026-03-16"),
    concert("2", "Trio Grenzgang", "2026-03-07"),
    concert("5", "Orchester Oberwind", "2026-03-10"),
    listing("6", title=...),
)
"""A listing that moved, so that its event is split; one as before; one that is new; one that is refused."""


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name, content in {**BEFORE, "bwb_2.json": NEWS, "bad_1.json": b'{"events": [{"id": "torn'}.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def matched(database: str, inbox: Path) -> str:
    """Give a database in which BEFORE is matched, and a verdict waits that merges two of its events."""
    store = Store.at(database)
    for name in BEFORE:
        take_in(store, inbox / name, Steps(None))
    run(store)
    store.give_verdict("must_link", ("bwb", "3"), ("bwb", "4"), author="ada")
    store.engine.dispose()
    return database


@contextmanager
def copied(server: str, database: str) -> Iterator[tuple[str, Store]]:
    """Copy a database: two copies have equal pasts."""
    with created(server, str(make_url(database).database)) as url:
        store = Store.at(url)
        yield url, store
        store.engine.dispose()


def undisturbed(server: str, database: str, file: Path | None) -> tuple[list[str], dict[str, list[str]]]:
    """Let a child do its work on a copy; returns its steps, and what is in all tables then."""
    with copied(server, database) as (url, store):
        return steps_of(url, file), contents(store.engine)


def check_every_death(server: str, database: str, file: Path | None) -> list[str]:
    """Kill a child before each of its steps, and hold what it leaves to what was before, or, once committed, to what must be."""
    steps, finished = undisturbed(server, database, file)
    commit = steps.index("after commit")
    with copied(server, database) as (url, store):
        before = contents(store.engine)
        for number in range(commit):
            die(url, file, number)
            assert contents(store.engine) == before, f"killed before step {number}: {steps[number]}"
        again(store, file)
        assert contents(store.engine) == finished
    for number in range(commit, len(steps)):
        with copied(server, database) as (url, store):
            die(url, file, number)
            assert contents(store.engine) == finished, f"killed before step {number}: {steps[number]}"
            again(store, file)
            assert without_runs(store) == {**finished, "runs": []}
    return steps


def again(store: Store, file: Path | None) -> None:
    if file is None:
        run(store)
    else:
        take_in(store, file, Steps(None))


def without_runs(store: Store) -> dict[str, list[str]]:
    return {**contents(store.engine), "runs": []}


def test_an_ingest_killed_at_any_step_leaves_nothing_or_all(postgres: str, matched: str, inbox: Path) -> None:
    steps = check_every_death(postgres, matched, inbox / "bwb_2.json")

    assert {"before read", "SELECT pg_advisory_xact_lock(%s)", "before commit", "before announcing"} <= set(
        steps
    )
    written = " ".join(step for step in steps if not step.startswith("SELECT"))
    for table in ("files", "source_events", "source_event_history", "rejections", "generations"):
        assert table in written


def test_a_quarantine_killed_at_any_step_leaves_no_file_unrecorded(
    postgres: str, matched: str, inbox: Path
) -> None:
    steps = check_every_death(postgres, matched, inbox / "bad_1.json")

    kept = [path for path in inbox.with_name("aside").rglob("*") if path.is_file()]
    assert "before set_aside" in steps
    assert sorted(path.name for path in kept) == ["bad_1.json", "bad_1.json.reason.json"]


def test_a_matcher_killed_at_any_step_leaves_the_last_run_or_the_next(
    postgres: str, matched: str, inbox: Path
) -> None:
    store = Store.at(matched)
    take_in(store, inbox / "bwb_2.json", Steps(None))
    store.engine.dispose()

    steps = check_every_death(postgres, matched, None)

    assert "SELECT pg_try_advisory_xact_lock(%s)" in steps
    written = " ".join(step for step in steps if not step.startswith(("SELECT", "COPY (SELECT")))
    for table in (
        "canonical_events",
        "canonical_sources",
        "redirects",
        "lineage",
        "decisions",
        "generations",
        "runs",
    ):
        assert table in written


def test_a_wake_up_lost_between_commit_and_announcement_is_made_up_for(matched: str, inbox: Path) -> None:
    die(matched, inbox / "bwb_2.json", "before announcing")
    store = Store.at(matched)
    ingested, behind = store.generations()

    told = Steps(None)
    report = take_in(store, inbox / "bwb_2.json", told)

    assert ingested > behind  # by which the sweep finds it
    assert (report.status, report.generation) == ("already_known", ingested)
    assert "before announcing" in told.names  # by which a second delivery makes up for it
    store.engine.dispose()


WORKING = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"


def test_a_matcher_that_hangs_keeps_others_out_until_it_is_killed(matched: str) -> None:
    store = Store.at(matched)
    child, _ = begin(matched, None, Death("before commit", signal.SIGSTOP))
    wait_for(store, WORKING)

    with pytest.raises(MatcherBusy):
        run(store)
    child.kill()
    child.join()
    forgotten(matched)
    report = run(store)

    assert report.ran
    assert store.generations() == (report.generation, report.generation)
    store.engine.dispose()


def test_who_waits_for_an_ingest_that_is_killed_does_its_work(matched: str, inbox: Path) -> None:
    store = Store.at(matched)
    child, _ = begin(matched, inbox / "bwb_2.json", Death("before commit", signal.SIGSTOP))
    wait_for(store, WORKING)

    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(take_in, store, inbox / "bwb_2.json", Steps(None))
        wait_for(store, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        waiting = not second.done()
        child.kill()
        report = second.result(timeout=60)

    assert waiting
    assert (report.status, report.stored, report.rejected) == ("stored", 2, 1)
    store.engine.dispose()


FILES, LISTINGS = 8, 60


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(FILES):
        concerts = [
            concert(f"{n}", f"Abend {number} mit {n}", f"2026-04-{1 + n % 28:02}") for n in range(LISTINGS)
        ]
        (folder / f"s{number}_1.json").write_bytes(file_of(*concerts))
    return folder


def started(folder: Path, database: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "EVENT_DEDUP_DATABASE_URL": database, "EVENT_DEDUP_DATA_FOLDER": str(folder.with_name("var"))}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "handlers.cli", "watch", str(folder)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def whole(store: Store) -> tuple[int, int]:
    """Hold that every file is in with all its listings or not at all; returns how many files are."""
    (files,) = rows(store.engine, "SELECT count(*), coalesce(sum(stored), 0) FROM files")
    (listings,) = rows(store.engine, "SELECT count(*) FROM source_events")
    assert files[1] == listings[0] == files[0] * LISTINGS
    return files[0], listings[0]


def finish(folder: Path, store: Store) -> None:
    """Do what is left, as the next start does."""
    Watcher(folder, store, POLICY, FolderObjects(folder.with_name("var")), Event()).once()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_watcher_that_is_ended_leaves_whole_files_and_the_next_one_finishes(
    postgres: str, template: str, many: Path, number: signal.Signals
) -> None:
    with created(postgres, template) as calm_url, created(postgres, template) as url:
        calm, store = Store.at(calm_url), Store.at(url)
        finish(many, calm)
        watching = started(many, url)
        wait_for(store, "SELECT EXISTS (SELECT FROM files)")

        watching.send_signal(number)
        _, said = watching.communicate(timeout=60)
        forgotten(url)
        done, _ = whole(store)
        finish(many, store)

        assert watching.returncode == (-number if number == signal.SIGKILL else 0), said
        assert b"Traceback" not in said
        assert 1 <= done <= FILES
        assert whole(store)[0] == FILES
        assert contents(store.engine) == contents(calm.engine)
        calm.engine.dispose()
        store.engine.dispose()
