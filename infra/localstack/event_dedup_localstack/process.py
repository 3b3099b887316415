"""A function as a process: started when it is first called, ended when its time is up, started anew after a crash.

What may go wrong: the process can't load the function (told as Lambda tells it), dies in the midst of a call (an error, and the next call
starts another), hangs (killed at the timeout), outlives LocalStack (its standard input closes, see bootstrap.py).
"""

import fcntl
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import bootstrap
from .outcomes import Outcome, Usage, exited, timed_out
from .runtime_api import Answered, Exited, InitFailed, Invocation, Ready, RuntimeApi

START_S: Final = 60
"""Seconds for a process to load its function; on Lambda ten, but on a laptop with a cold disk the imports alone may take that long."""

STOP_S: Final = 1
"""Seconds that a process has for its end after SIGTERM; one that waits for an invocation in C hears it only then."""


class InitError(Exception):
    """The function can't be loaded. payload: the error as JSON."""

    def __init__(self, payload: bytes) -> None:
        """payload: as the process posted it."""
        super().__init__(payload.decode(errors="replace"))
        self.payload = payload


@dataclass(frozen=True, slots=True)
class Program:
    """What is run. python: an interpreter with awslambdaric; folder: where the function's modules lie; handler: ``module.function``."""

    python: Path
    folder: Path
    handler: str
    environment: Mapping[str, str]
    timeout_s: float


class Life:
    """One process and its Runtime API."""

    def __init__(self, program: Program) -> None:
        """Start the process; raises InitError if it can't load the function."""
        self.api = RuntimeApi()
        # A file, not a pipe: what was written before the answer is there when the answer is, and nothing ever blocks.
        self._written = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed in `close`
        fcntl.fcntl(self._written, fcntl.F_SETFL, os.O_RDWR | os.O_APPEND)
        self.process = subprocess.Popen(  # noqa: S603 - the project's own function
            [program.python, bootstrap.__file__, program.handler],
            stdin=subprocess.PIPE,
            stdout=self._written,
            stderr=subprocess.STDOUT,
            cwd=program.folder,
            env={**program.environment, "AWS_LAMBDA_RUNTIME_API": self.api.address},
            start_new_session=True,
        )
        threading.Thread(target=self._watch, daemon=True).start()
        self._begin()

    def _watch(self) -> None:
        self.api.tell(Exited(self.process.wait()))

    def _begin(self) -> None:
        match self.api.wait(START_S):
            case Ready():
                return
            case InitFailed(payload):
                raise self._failed(payload)
            case Exited(status):
                raise self._failed(exited("init", status).payload)
            case _:
                raise self._failed(timed_out("init", START_S).payload)

    def _failed(self, payload: bytes) -> InitError:
        error = InitError(payload)
        error.add_note(self.written())
        self.end()
        return error

    @property
    def over(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def call(self, invocation: Invocation, timeout_s: float) -> Outcome:
        """Call the function; one whose time is up is killed."""
        self.api.give(invocation)
        until = time.monotonic() + timeout_s
        while True:
            match self.api.wait(until - time.monotonic()):
                case Answered(request_id, outcome) if request_id == invocation.request_id:
                    return outcome
                case Exited(status):
                    return exited(invocation.request_id, status)
                case None:
                    self.end()
                    return timed_out(invocation.request_id, timeout_s)

    def written(self) -> str:
        """Return what the process has written since the last time."""
        self._written.seek(0)
        text = self._written.read().decode(errors="replace")
        self._written.truncate(0)
        return text

    def max_memory_mb(self) -> int | None:
        """Return the most memory that the process has held; null where the system does not tell, or it is gone."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024
        return None

    def end(self) -> None:
        """End the process and whatever it started, and wait until it is gone."""
        for order in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, order)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_S)
                break
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.api.close()

    def close(self) -> None:
        """Let go of what the process wrote."""
        self._written.close()


class FunctionProcess:
    """A function that is called one invocation at a time, by a process that is kept from one to the next."""

    def __init__(self, program: Program) -> None:
        """program: what is run."""
        self._program = program
        self._life: Life | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process if none runs; raises InitError."""
        with self._lock:
            self._started()

    def _started(self) -> Life:
        if self._life is None or self._life.over:
            self._bury()
            self._life = Life(self._program)
        return self._life

    def call(
        self, request_id: str, *, arn: str, payload: bytes, trace_id: str, memory_mb: int
    ) -> tuple[Outcome, str, Usage]:
        """Call the function: its answer, what it wrote, what it used. A call after a crash starts another process.

        Raises:
            InitError: the function can't be loaded.
        """
        with self._lock:
            life = self._started()
            timeout_s = self._program.timeout_s
            deadline_ms = int((time.time() + timeout_s) * 1000)
            begun = time.monotonic()
            outcome = life.call(Invocation(request_id, arn, payload, trace_id, deadline_ms), timeout_s)
            duration_ms = (time.monotonic() - begun) * 1000
            return outcome, life.written(), Usage(duration_ms, memory_mb, life.max_memory_mb())

    def stop(self) -> None:
        """End the process, also in the midst of a call."""
        life = self._life
        if life is not None:
            life.end()

    def _bury(self) -> None:
        if self._life is not None:
            self._life.end()
            self._life.close()
            self._life = None
