"""The image's file tree, built once for all tests here."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy import image
from tests.deploy.emulated import runtime_client
from tests.deploy.translating import resources

COMMANDS: dict[str, str] = {
    name.removesuffix("Function").lower(): function["ImageConfig"]["Command"][0]
    for name, function in resources("AWS::Lambda::Function").items()
}


@dataclass(frozen=True)
class Image:
    """The last stage's files, and the runtime client that its base image brings along."""

    tree: Path
    client: Path
    instructions: list[tuple[str, str]]


@pytest.fixture(scope="package")
def built() -> Iterator[Image]:
    """Build the image's tree by the Dockerfile's own steps."""
    folder = Path(tempfile.mkdtemp(prefix="event-dedup-image-"))
    stage = image.build(folder / "stages")
    yield Image(stage.at(image.TASK_ROOT), runtime_client(folder / "client"), stage.instructions)
    shutil.rmtree(folder, ignore_errors=True)
