import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from sqlalchemy import make_url, text

from infra.errors import NoPostgres
from infra.local.postgres import embedded_postgres
from infra.store.engine import build_engine

USER = """
import sys, time
from pathlib import Path
from infra.local.postgres import embedded_postgres
with embedded_postgres(Path(sys.argv[1])) as url:
    print("up", flush=True)
    sys.stdin.readline()
"""
"""A process that uses the server of a folder until it is told to leave."""


def ask(url: str, query: str) -> object:
    engine = build_engine(url)
    with engine.begin() as connection:
        answer: object = connection.scalar(text(query))
    engine.dispose()
    return answer


def servers(folder: Path) -> list[int]:
    """List the processes, dead ones that nobody buried left out, that name the folder: the server and its guardian."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(str(folder) in part for part in process.info["cmdline"] or ())
        and process.pid != os.getpid()
    ]


def gone(folder: Path, *, within_s: float = 30) -> bool:
    until = time.monotonic() + within_s
    while servers(folder) and time.monotonic() < until:
        time.sleep(0.05)
    return not servers(folder)


@pytest.fixture
def home() -> Iterator[Path]:
    """Give a folder for servers. Not pytest's own: every pytest that starts closes that again to a server's user."""
    with tempfile.TemporaryDirectory(prefix="event-dedup-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def user(home: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home / "postgres")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_data_is_found_again_and_nothing_is_left_running(home: Path) -> None:
    folder = home / "ümlauts, commas; 'quotes' \"more\" $HOME `x` \\ & | #"

    with embedded_postgres(folder) as url:
        ask(url, "CREATE TABLE kept AS SELECT 7 AS number; SELECT 1")
    with embedded_postgres(folder) as url:
        kept = ask(url, "SELECT number FROM kept")

    assert kept == 7
    assert gone(folder)


def test_the_server_opens_no_port_and_lets_nobody_else_in(home: Path) -> None:
    with embedded_postgres(home / "postgres") as url:
        listening = ask(url, "SHOW listen_addresses")

        assert listening == ""
        assert (home / "postgres" / "data").stat().st_mode & 0o077 == 0


def test_texts_are_ordered_by_their_bytes_as_in_the_core(home: Path) -> None:
    with embedded_postgres(home / "postgres") as url:
        first = ask(url, "SELECT min(word) FROM (VALUES ('a'), ('B'), ('ä')) AS words (word)")
        lowered = ask(url, "SELECT lower('Ä')")

    assert (first, lowered) == ("B", "ä")


def test_who_leaves_first_does_not_stop_the_server_of_another(
    home: Path, user: Callable[[], subprocess.Popen[str]]
) -> None:
    first = user()

    with embedded_postgres(home / "postgres") as url:
        first.communicate("leave\n", timeout=30)
        assert first.returncode == 0
        assert ask(url, "SELECT 1") == 1
        with embedded_postgres(home / "postgres"):
            pass
        assert ask(url, "SELECT 2") == 2

    assert gone(home / "postgres")


def test_a_user_who_is_killed_leaves_no_server_behind(
    home: Path, user: Callable[[], subprocess.Popen[str]]
) -> None:
    first, second = user(), user()

    first.send_signal(signal.SIGKILL)
    first.wait()
    time.sleep(0.5)
    still = servers(home / "postgres" / "data")
    second.send_signal(signal.SIGKILL)
    second.wait()

    assert still
    assert gone(home / "postgres")


def test_who_comes_while_the_server_stops_gets_a_running_one(
    home: Path, user: Callable[[], subprocess.Popen[str]]
) -> None:
    for _ in range(3):
        user().kill()

        with embedded_postgres(home / "postgres") as url:
            assert ask(url, "SELECT 1") == 1

    assert gone(home / "postgres")


def test_a_pid_file_that_a_power_cut_left_names_a_stranger_who_is_not_harmed(home: Path) -> None:
    folder = home / "postgres"
    with embedded_postgres(folder):
        left = (folder / "data" / "postmaster.pid").read_text()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (folder / "data" / "postmaster.pid").write_text("\n".join([str(stranger.pid), *left.splitlines()[1:]]))

    with embedded_postgres(folder) as url:
        assert ask(url, "SELECT 1") == 1

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_creation_that_was_cut_off_is_begun_anew(home: Path) -> None:
    (home / "postgres" / "data.new" / "base").mkdir(parents=True)
    (home / "postgres" / "data.new" / "PG_VERSION").write_text("18")

    with embedded_postgres(home / "postgres") as url:
        assert ask(url, "SELECT 1") == 1


def test_a_path_that_is_too_long_for_a_socket_does_no_harm(home: Path) -> None:
    folder = home / ("long" * 30) / "postgres"

    with embedded_postgres(folder) as url:
        socket = Path(str(make_url(url).query["unix_sock"]))
        assert ask(url, "SELECT 1") == 1
        assert socket.parent.stat().st_mode & 0o077 == 0

    assert folder not in socket.parents
    assert not socket.parent.exists()


def test_a_server_that_can_not_start_says_where_its_log_is(home: Path) -> None:
    folder = home / "postgres"
    with embedded_postgres(folder):
        pass
    (folder / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(NoPostgres, match=f"{folder}.*its log is {folder / 'data' / 'log'}"):
        embedded_postgres(folder).__enter__()

    assert gone(folder)


def test_where_no_server_of_its_own_can_run_the_variable_for_another_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    for module in ("infra.local.server", "infra.local.guardian"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    with pytest.raises(NoPostgres, match=r"EVENT_DEDUP_DATABASE_URL.*WSL"):
        embedded_postgres(home / "postgres").__enter__()


def test_settings_of_other_servers_do_not_reach_this_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")

    with embedded_postgres(home / "postgres") as url:
        assert ask(url, "SELECT 1") == 1
