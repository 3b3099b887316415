"""The image's file tree, made by the Dockerfile's own steps where no engine runs: COPY is a copy, RUN a shell, a stage is a folder.

Absolute paths of the steps are moved below the stage's folder. What it can't show: the base image's own files, and its user.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
TASK_ROOT = "/var/task"


@dataclass
class Stage:
    """A stage. folder: stands for its root; instructions: what Dockerfile says beyond files, in order."""

    folder: Path
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Find a path of the image in the folder."""
        return self.folder / path.replace("${LAMBDA_TASK_ROOT}", TASK_ROOT).lstrip("/")


def build(folder: Path, *, dockerfile: Path = ROOT / "Dockerfile") -> Stage:
    """Take all steps of a Dockerfile; gives the last stage."""
    parser = DockerfileParser(path=str(dockerfile), env_replace=False)
    stages: dict[str, Stage] = {}
    stage = Stage(folder / "0")
    for step in parser.structure:
        instruction, value = step["instruction"], step["value"]
        if instruction == "FROM":
            stage = Stage(folder / str(len(stages)))
            stage.folder.mkdir(parents=True)
            stages[value.split(" AS ")[-1] if " AS " in value else ""] = stage
        elif instruction == "COPY":
            _copy(value, stage, stages)
        elif instruction == "RUN":
            _run(value, stage)
        elif instruction != "COMMENT":
            stage.instructions.append((instruction, value))
    return stage


def _copy(value: str, stage: Stage, stages: dict[str, Stage]) -> None:
    *options, source, target = value.split()
    origin = [option.removeprefix("--from=") for option in options]
    if origin:
        # Linked, as no later step writes into these files: half a gigabyte less to write and to remove.
        shutil.copytree(
            stages[origin[0]].at(source), stage.at(target), dirs_exist_ok=True, copy_function=os.link
        )
        return
    for path in context():
        inner = path.relative_to(ROOT)
        if inner.as_posix() == source or inner.is_relative_to(source):
            to = (
                stage.at(target) / inner.relative_to(source)
                if inner.as_posix() != source
                else stage.at(target)
            )
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, to)


def _run(value: str, stage: Stage) -> None:
    command = re.sub(r"(?<![\w/])/build", str(stage.folder / "build"), value)
    shell = f"python() {{ '{sys.executable}' \"$@\"; }}; {command}"
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # How this machine reaches its packages; the image's own build has that from its engine.
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    subprocess.run(
        ["bash", "-euc", shell], check=True, env=environment, cwd=stage.folder, capture_output=True
    )


def context() -> Iterator[Path]:
    """List the files that .dockerignore lets through, by its rules: the last that fits a path, or a folder above it, decides."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for top in {rule.removeprefix("!").split("/")[0] for rule in rules if rule.startswith("!")}:
        whole = ROOT / top
        for path in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            if path.is_file() and _is_let_through(path.relative_to(ROOT).as_posix(), rules):
                yield path


def _is_let_through(path: str, rules: list[str]) -> bool:
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    let = True
    for rule in rules:
        pattern = rule.removeprefix("!")
        if any(_fits(one, pattern) for one in above):
            let = rule.startswith("!")
    return let


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(path.rsplit("/", 1)[-1], pattern[3:])
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


def megabytes(folder: Path) -> float:
    """Measure a tree."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
