"""Objects: where files lie. A bucket of S3, or a folder that stands in for one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from infra.errors import ObjectMissing, ObjectTooLarge

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing of its bucket names it. version: empty where the bucket keeps none."""

    key: str
    version: str


class Objects(Protocol):
    """What the use cases ask of a place where files lie."""

    def read(self, bucket: str, key: str, version: str, *, at_most: int) -> bytes:
        """Read a whole object; raises ObjectTooLarge before reading it, ObjectMissing if it is gone."""

    def write(self, bucket: str, key: str, content: bytes, *, content_type: str) -> None:
        """Write an object, over one that is there."""

    def set_aside(self, bucket: str, key: str, version: str, target: str) -> None:
        """Copy an object to another key of its bucket; raises ObjectMissing. Again is harmless."""

    def list(self, bucket: str) -> Iterator[Listed]:
        """List the newest version of every object."""


class S3Objects:
    """S3. Throttling and faults raise botocore's errors, so that the message comes again."""

    def __init__(self, client: "S3Client") -> None:
        """client: boto3's; it retries by itself."""
        self._client = client

    def read(self, bucket: str, key: str, version: str, *, at_most: int) -> bytes:
        """Read a whole object, its size asked first."""
        versioned = {"VersionId": version} if version else {}
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key, **versioned)  # type: ignore[arg-type]
        except ClientError as error:
            raise _missing(error, key) from error
        with answer["Body"] as body:
            if answer["ContentLength"] > at_most:
                raise ObjectTooLarge(f"{answer['ContentLength']} bytes, at most {at_most} are read")
            return body.read()

    def write(self, bucket: str, key: str, content: bytes, *, content_type: str) -> None:
        """Write an object."""
        self._client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    def set_aside(self, bucket: str, key: str, version: str, target: str) -> None:
        """Copy an object within its bucket, by S3 itself: up to 5 GB."""
        source: dict[str, str] = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
        try:
            self._client.copy_object(Bucket=bucket, Key=target, CopySource=source)  # type: ignore[arg-type]
        except ClientError as error:
            raise _missing(error, key) from error

    def list(self, bucket: str) -> Iterator[Listed]:
        """List the objects, newest version each."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for item in page.get("Contents", []):
                yield Listed(item["Key"], "")


GONE = ("NoSuchKey", "NoSuchVersion", "404")


def _missing(error: ClientError, key: str) -> Exception:
    """Name the one error that a retry can't help."""
    return ObjectMissing(key) if error.response.get("Error", {}).get("Code") in GONE else error


class FolderObjects:
    """A folder as a bucket: keys are paths below it. What is set aside lies in another folder, where nothing is picked up."""

    def __init__(self, aside: Path) -> None:
        """aside: folder for what is set aside and written; created when needed."""
        self._aside = aside

    def read(self, bucket: str, key: str, version: str, *, at_most: int) -> bytes:
        """Read a file; bucket is the folder's path."""
        path = Path(bucket) / key
        try:
            if path.stat().st_size > at_most:
                raise ObjectTooLarge(f"{path.stat().st_size} bytes, at most {at_most} are read")
            return path.read_bytes()
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error

    def write(self, bucket: str, key: str, content: bytes, *, content_type: str) -> None:
        """Write a file into the other folder, whole or not at all."""
        target = self._aside / key
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_bytes(content)
        part.replace(target)

    def set_aside(self, bucket: str, key: str, version: str, target: str) -> None:
        """Copy a file into the other folder by a hard link or its bytes; the original stays where it is."""
        goal = self._aside / target
        goal.parent.mkdir(parents=True, exist_ok=True)
        try:
            goal.unlink(missing_ok=True)
            goal.hardlink_to(Path(bucket) / key)
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error
        except OSError:  # another file system
            self.write(bucket, target, (Path(bucket) / key).read_bytes(), content_type="")

    def list(self, bucket: str) -> Iterator[Listed]:
        """List the input files of a folder and of folders below it, hidden ones left out, by name."""
        top = Path(bucket)
        for path in sorted(top.rglob("*")):
            key = path.relative_to(top).as_posix()
            if is_input(key) and path.is_file():
                yield Listed(key, "")


def is_input(key: str) -> bool:
    """Tell by its name whether a file of a folder is meant for us: JSON, plain or gzipped, not hidden."""
    return key.lower().endswith((".json", ".json.gz")) and not any(
        part.startswith(".") for part in key.split("/")
    )
