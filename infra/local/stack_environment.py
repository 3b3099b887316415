"""LocalStack's own environment: its packages, versions and hashes pinned, apart from ours, as it insists on old ones.

What may go wrong: no Python that LocalStack runs on, no network, a half-finished installation (marked as whole only at its end), two at
once (a lock), a new lock file (installed anew).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from infra.errors import NoLocalStack
from infra.local import guardian

LOCALSTACK: Final = Path(__file__).parents[1] / "localstack"
"""Where its lock file and our plugin lie."""

LOCK: Final = LOCALSTACK / "requirements.lock"

WORKS_ON: Final = ((3, 11), (3, 12), (3, 13))
"""Versions of Python on which the pinned LocalStack was installed and started."""

INSTALLING: Final = "installing LocalStack into {folder} (once, 500 MB; a minute or two)"


def environment(folder: Path, say: Callable[[str], None]) -> Path:
    """Install LocalStack into a folder if it is not there, and give its interpreter.

    A second call finds it; a crash half-way leaves an environment that the next call makes anew.

    Raises:
        NoLocalStack: it can't be installed here; the message says why.
    """
    if os.name != "posix":
        raise NoLocalStack("LocalStack without Docker runs on Linux and macOS only; on Windows use WSL")
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with guardian.opened(folder, "install.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = folder / f"installed-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
        if not (whole.exists() and python.exists()):
            say(INSTALLING.format(folder=folder))
            _install(folder, python)
            whole.touch()
    return python


def _install(folder: Path, python: Path) -> None:
    for path in (*folder.glob("installed-*"), *folder.glob("pyvenv.cfg")):
        path.unlink()
    shutil.rmtree(folder / "lib", ignore_errors=True)
    _must([*_base(), "-m", "venv", str(folder)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    _must([*pip, "-r", str(LOCK)])


def _base() -> list[str]:
    """Choose an interpreter: ours, or another that is installed."""
    if sys.version_info[:2] in WORKS_ON:
        return [sys.executable]
    for path in _installed():
        tried = subprocess.run([path, "-c", "import venv, ensurepip"], check=False, capture_output=True)  # noqa: S603
        if tried.returncode == 0:
            return [path]
    wanted = " or ".join(f"{major}.{minor}" for major, minor in WORKS_ON)
    raise NoLocalStack(
        f"LocalStack needs Python {wanted}, with venv; this is {sys.version_info[0]}.{sys.version_info[1]}, and no other was found"
    )


def _installed() -> Iterator[str]:
    for major, minor in WORKS_ON:
        if path := shutil.which(f"python{major}.{minor}"):
            yield path


def _must(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise NoLocalStack(f"LocalStack can't be installed: {' '.join(command[:4])} … failed:\n{words}")
