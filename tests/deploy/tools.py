"""The linters and the Runtime Interface Emulator, in an environment of their own; made when it is not there, or for another lock file."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools"
LOCKS = ROOT / "requirements-tools.lock", ROOT / "requirements-rie.lock"
EMULATOR = TOOLS / "emulator"


def install() -> None:
    """Install both locks; a second call finds them, a crash half-way leaves what the next call makes anew."""
    whole = TOOLS / hashlib.sha256(b"".join(lock.read_bytes() for lock in LOCKS)).hexdigest()[:16]
    if whole.exists():
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    venv.create(TOOLS, with_pip=True)
    linters, emulator = LOCKS
    _pip("-r", str(linters))
    _pip("--no-deps", "--target", str(EMULATOR), "-r", str(emulator))
    whole.touch()


def _pip(*arguments: str) -> None:
    command = [
        str(TOOLS / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*command, "--require-hashes", *arguments], check=True)


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a linter in the project's folder, without the network; gives what it says."""
    install()
    environment = {**os.environ, "BC_SKIP_MAPPING": "TRUE"}
    command = [str(TOOLS / "bin" / name), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)


def emulator() -> Path:
    """Give the emulator's binary."""
    install()
    kind = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    binary = EMULATOR / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{kind}"
    binary.chmod(0o755)
    return binary


if __name__ == "__main__":
    install()
    sys.stdout.write(f"{TOOLS}\n")
