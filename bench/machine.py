"""Machine: what a figure was measured on, and how much memory a process took."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from dockerfile_parse import DockerfileParser

DOCKERFILE: Final = Path(__file__).parent.parent / "Dockerfile"
PACKAGES: Final = ("polars", "numpy", "scipy", "rapidfuzz", "sqlalchemy", "pg8000")


def described() -> dict[str, str]:
    """Name the processor, memory, versions, commit, day, and what else runs: call it before measuring."""
    cpu = _after(Path("/proc/cpuinfo"), "model name") or platform.processor()
    memory = int(_after(Path("/proc/meminfo"), "MemTotal").split()[0]) / 2**20
    return {
        "processor": cpu,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory_gib": f"{memory:.0f}",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "commit": _commit(),
        "load_before": f"{os.getloadavg()[0]:.1f}",
        "day": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def peak_mib() -> float:
    """Return the most memory that this process has held at once, in MiB (VmHWM: code and libraries included)."""
    return int(_after(Path("/proc/self/status"), "VmHWM").split()[0]) / 1024


def run_python(*arguments: str, hash_seed: str = "0") -> None:
    """Run a module in a fresh interpreter, in the environment that the image gives, and wait for it; raises CalledProcessError."""
    image = DockerfileParser(path=str(DOCKERFILE)).envs
    environment = {**os.environ, **image, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-m", *arguments], check=True, env=environment)


def _after(path: Path, name: str) -> str:
    """Read ``name: value`` of a file under /proc."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _commit() -> str:
    """Name the commit, and say so if the code that was measured differs from it."""
    measured = ["bench", "dedup_core", "handlers", "infra"]
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *measured)
    return (_git("rev-parse", "--short", "HEAD") or "unknown") + (", changed" if changed else "")


def _git(*arguments: str) -> str:
    top = Path(__file__).resolve().parent.parent
    found = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=top)
    return found.stdout.strip()
