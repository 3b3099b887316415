"""A function as Lambda runs it: the image's file tree under AWS's own Runtime Interface Emulator and runtime client, nothing else on the path."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import IO, Any

from tests.deploy.tools import emulator

CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""What AWS's base image brings along: its runtime client and what that needs."""


def runtime_client(folder: Path) -> Path:
    """Lay the runtime client, and nothing of our environment, into a folder."""
    for name in CLIENT:
        for file in distribution(name).files or []:
            if ".." not in file.parts and (source := Path(str(file.locate()))).is_file():
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
    return folder


@dataclass(frozen=True)
class Emulated:
    """A function under the emulator."""

    host: str
    port: int
    log: Path

    def invoke(self, event: Any) -> Any:
        """Call it once; gives its answer, or the emulator's word on what went wrong."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
        text = connection.getresponse().read().decode()
        connection.close()
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text

    def logged(self, message: str) -> list[dict[str, Any]]:
        """Give its log's lines with this phrase."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("message") == message]


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def interpreter() -> str:
    """Give the Python below our virtual environment, which knows none of its packages."""
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")


def environment(tree: Path, client: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Give what a function's process sees: the image's and the function's variables, and none of ours."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": f"{tree}:{client}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "LAMBDA_TASK_ROOT": str(tree),
        **variables,
    }


@contextmanager
def emulated(
    command: str,
    tree: Path,
    client: Path,
    variables: Mapping[str, str],
    log: Path,
    *,
    address: tuple[str, int] | None = None,
) -> Iterator[Emulated]:
    """Run a function. command: of its image, ``handlers.ingest.lambda_handler``; log: what it writes goes there; address: else a free port."""
    host, port = address or ("127.0.0.1", free_port())
    addresses = ["--runtime-interface-emulator-address", f"{host}:{port}"]
    addresses += ["--runtime-api-address", f"{host}:{free_port()}"]
    run = [str(emulator()), *addresses, interpreter(), "-m", "awslambdaric", command]
    with log.open("w") as out, started(run, environment(tree, client, variables), out, cwd=tree):
        _await(host, port)
        yield Emulated(host, port, log)


@contextmanager
def started(
    command: list[str], variables: Mapping[str, str], out: IO[str], *, cwd: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program with all that it starts, and end them all."""
    with subprocess.Popen(
        command, env=dict(variables), cwd=cwd, stdout=out, stderr=out, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _await(host: str, port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("the emulator does not listen")
