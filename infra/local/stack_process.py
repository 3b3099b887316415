"""LocalStack's process: start it, find it again, end it with all that it started.

What may go wrong: the port is taken, or another's LocalStack answers there (the process is looked at, not the port), it dies while it starts
(its log is quoted), who starts it is cut off half-way (it ends by itself, see `event_dedup_localstack.server`), it does not heed SIGTERM.

It binds 127.0.0.1 only. It holds the lock of the embedded Postgres's users for as long as it lives: so the database's guardian stops that
server when LocalStack is gone, however it went.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psutil  # type: ignore[import-untyped]

from infra.errors import NoLocalStack
from infra.local.stack_environment import LOCALSTACK

START_S: Final = 90
"""Seconds until LocalStack answers; it takes two to five, on a cold disk twenty."""

STOP_S: Final = 6
"""Seconds for its end in good order, which takes three; it keeps nothing that would need more."""

DYING_S: Final = 10
"""Seconds until a port has to be free whose owner is gone."""

MODULE: Final = "event_dedup_localstack.server"
PROJECT: Final = Path(__file__).parents[2]
NOTE: Final = "localstack.json"
LOG: Final = "localstack.log"


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A LocalStack that runs. started: seconds since 1970."""

    pid: int
    port: int
    started: float

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Whether it takes calls."""
        try:
            with urllib.request.urlopen(f"{self.url}/_localstack/health", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    def answers_within(self, seconds: float) -> bool:
        """Whether it takes calls, now or after a while; one that dies meanwhile does not."""
        until = time.monotonic() + seconds
        while not self.answers():
            if not self.processes() or time.monotonic() > until:
                return False
            time.sleep(0.2)
        return True

    def processes(self) -> "list[psutil.Process]":
        """List it and what it started."""
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def find(folder: Path) -> LocalStack | None:
    """Find the LocalStack that runs on a folder; a number in its note that is another's by now is told apart by its command."""
    try:
        found = LocalStack(**json.loads((folder / NOTE).read_text()))
        process = psutil.Process(found.pid)
        command = process.cmdline()
    except (OSError, ValueError, TypeError, psutil.Error):
        return None
    alive = process.status() != psutil.STATUS_ZOMBIE
    return found if alive and MODULE in command and str(folder) in command else None


class Starting:
    """A LocalStack that its starter has not let go of yet: it ends with the block, unless `keep` was called."""

    def __init__(self, folder: Path, python: Path, port: int, hold: Sequence[int]) -> None:
        """folder: of its state; python: of its environment; hold: file descriptors that it keeps open for as long as it lives."""
        _insist_on_free(port)
        for name in ("state", "tmp", "cache"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._log = folder / LOG
        self._kept = False
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [python, "-m", MODULE, folder],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=tuple(hold),
                env=_environment(folder, port),
                cwd=folder,
                start_new_session=True,
            )
        self.found = LocalStack(self._process.pid, port, time.time())
        write(folder / NOTE, json.dumps({"pid": self.found.pid, "port": port, "started": self.found.started}))

    def wait(self) -> LocalStack:
        """Wait until it answers.

        Raises:
            NoLocalStack: it died, or did not answer in time; the message ends with its last words.
        """
        until = time.monotonic() + START_S
        while not self.found.answers():
            if self._process.poll() is not None:
                raise NoLocalStack(
                    f"LocalStack ended while it started; its log is {self._log}:\n{self._last_words()}"
                )
            if time.monotonic() > until:
                raise NoLocalStack(
                    f"LocalStack did not answer within {START_S} s; its log is {self._log}:\n{self._last_words()}"
                )
            time.sleep(0.1)
        return self.found

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").strip().splitlines()[-5:])

    def __enter__(self) -> Self:
        """Begin the block with which it ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, unless it was let go of."""
        if not self._kept:
            end(self.found)
            self._process.wait()

    def keep(self) -> None:
        """Let it live on after this process."""
        self._kept = True
        if self._process.stdin is not None:
            self._process.stdin.write(b"stay\n")
            self._process.stdin.close()


def end(running: LocalStack) -> None:
    """End LocalStack and what it started, and wait until all of it is gone."""
    family = running.processes()
    if not family:
        return
    for order in (signal.SIGTERM, signal.SIGKILL):
        with suppress(psutil.NoSuchProcess):
            family[0].send_signal(order)
        if _gone(family[:1], STOP_S):
            break
    # Functions end by themselves when LocalStack is gone; these are for what would not.
    if not _gone(family, STOP_S):
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _gone(family, STOP_S)


def _gone(processes: "Sequence[psutil.Process]", seconds: float) -> bool:
    """Wait until processes are gone. Not psutil's wait: where nobody buries the dead, that takes a zombie for alive."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(map(_lives, processes)):
            return True
        time.sleep(0.05)
    return False


def _lives(process: "psutil.Process") -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _insist_on_free(port: int) -> None:
    """Wait while a port is nobody's and taken all the same: so it is for a moment after a LocalStack was killed."""
    until = time.monotonic() + DYING_S
    while (error := _taken(port)) is not None:
        if (owner := _by_whom(port)) or time.monotonic() > until:
            raise NoLocalStack(
                f"port {port} of 127.0.0.1 is taken{owner}; end that, or choose another with --port or EVENT_DEDUP_LOCAL_PORT"
            ) from error
        time.sleep(0.1)


def _taken(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error
    return None


def _by_whom(port: int) -> str:
    """Name who listens on a port; one that has no command any more is dying, and counts as nobody."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                if process.cmdline():
                    return f" by {process.name()} (process {connection.pid})"
    return ""


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Configure LocalStack; what the user set for other LocalStacks, other Pythons and AWS is kept away from it."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONPATH": str(LOCALSTACK),
        "EVENT_DEDUP_FUNCTION_PYTHON": sys.executable,
        "EVENT_DEDUP_FUNCTION_FOLDER": str(PROJECT),
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",
        "LAMBDA_SYNCHRONOUS_CREATE": "1",
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.2",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "2",
        "GATEWAY_SERVER": "hypercorn",  # the usual server binds 0.0.0.0 whatever GATEWAY_LISTEN says
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",  # else URLs of queues need a name server outside
        "SQS_ENDPOINT_STRATEGY": "path",
        "DNS_ADDRESS": "0",
        "DISABLE_EVENTS": "1",  # of its use, to its makers
        "SQS_CLOUDWATCH_METRICS_REPORT_INTERVAL": "10",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "OVERRIDE_IN_DOCKER": "0",
        "EAGER_SERVICE_LOADING": "0",
        "FILESYSTEM_ROOT": str(folder / "state"),
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)
