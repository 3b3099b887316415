"""Objects: where files lie. A bucket of S3, or a folder that stands in for one."""

import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from infra.errors import ObjectMissing, ObjectTooLarge

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


UNRECORDABLE: Final = re.compile("[\0\ud800-\udfff]")
"""What a text in Postgres can't hold: NUL and lone surrogates."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as its bucket lists it. version: empty where the bucket keeps none."""

    key: str
    version: str
    modified: datetime


def is_input(key: str) -> bool:
    """Tell by its name whether an object is meant for us: JSON, plain or gzipped, neither hidden nor below something hidden."""
    return key.lower().endswith((".json", ".json.gz")) and not any(
        part.startswith(".") for part in key.split("/")
    )


def recordable(key: str) -> str:
    """Give the name under which an object is recorded: S3 and folders take NUL and broken Unicode in names, Postgres takes neither."""
    return UNRECORDABLE.sub("\N{REPLACEMENT CHARACTER}", key)


class S3Objects:
    """S3. Throttling and faults raise botocore's errors, so that the message comes again."""

    def __init__(self, client: "S3Client", aside: str | None = None) -> None:
        """client: boto3's; it retries by itself. aside: bucket for what is set aside and written, null for the one it came from."""
        self._client = client
        self._aside = aside

    def read(self, bucket: str, key: str, version: str, *, at_most: int) -> bytes:
        """Read a whole object; its size is looked at before its body is.

        Raises:
            ObjectTooLarge: more than ``at_most`` bytes.
            ObjectMissing: it is gone.
        """
        try:
            answer = self._client.get_object(**_source(bucket, key, version))  # type: ignore[arg-type]
        except ClientError as error:
            raise _gone(error, key) from error
        # Closed unread, a body is never fetched: the connection is dropped.
        with answer["Body"] as body:
            if answer["ContentLength"] > at_most:
                raise _too_large(answer["ContentLength"], at_most)
            return body.read()

    def write(self, bucket: str, key: str, content: bytes, *, content_type: str) -> None:
        """Write an object, over one that is there, into the bucket for it."""
        self._client.put_object(Bucket=self._aside or bucket, Key=key, Body=content, ContentType=content_type)

    def set_aside(self, bucket: str, key: str, version: str, target: str) -> None:
        """Copy an object to another key, into the bucket for it, by S3 itself and in parts if it is large. Again is harmless.

        Raises:
            ObjectMissing: it is gone.
        """
        try:
            self._client.copy(_source(bucket, key, version), self._aside or bucket, target)  # type: ignore[arg-type]
        except ClientError as error:
            raise _gone(error, key) from error

    def list(self, bucket: str) -> Iterator[Listed]:
        """List all versions of all objects that were not deleted, the newest of a key first."""
        deleted: set[str] = set()
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            # A marker that is the latest stands on the same page as the key's first version, or before it.
            deleted |= {marker["Key"] for marker in page.get("DeleteMarkers", []) if marker["IsLatest"]}
            for item in page.get("Versions", []):
                if item["Key"] not in deleted:
                    version = item["VersionId"]
                    yield Listed(item["Key"], "" if version == "null" else version, item["LastModified"])


_GONE: Final = ("NoSuchKey", "NoSuchVersion", "404")


def _source(bucket: str, key: str, version: str) -> dict[str, str]:
    return {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}


def _gone(error: ClientError, key: str) -> Exception:
    """Name the one error that a retry can't help."""
    return ObjectMissing(key) if error.response.get("Error", {}).get("Code") in _GONE else error


def _too_large(size: int, at_most: int) -> ObjectTooLarge:
    return ObjectTooLarge(f"is {size:,} bytes long, expected at most {at_most:,}")


class FolderObjects:
    """A folder as a bucket: the bucket is its path, keys are paths below it.

    What is set aside and written goes into another folder. That may lie inside the first: nothing in it is ever listed.
    """

    def __init__(self, aside: Path) -> None:
        """aside: folder for what is set aside and written; created when needed."""
        self._aside = aside.resolve()

    def read(self, bucket: str, key: str, version: str, *, at_most: int) -> bytes:
        """Read a file; raises ObjectTooLarge before it is read, ObjectMissing if it is gone."""
        path = Path(bucket) / key
        try:
            size = path.stat().st_size
            if size > at_most:
                raise _too_large(size, at_most)
            return path.read_bytes()
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error

    def write(self, bucket: str, key: str, content: bytes, *, content_type: str) -> None:
        """Write a file into the other folder, whole or not at all."""
        part = self._part_of(key)
        part.write_bytes(content)
        part.replace(self._aside / key)

    def set_aside(self, bucket: str, key: str, version: str, target: str) -> None:
        """Copy a file into the other folder, whole or not at all; the original stays where it is. Again is harmless.

        The bytes are copied, not linked: who mends the original in its place must not change what was kept of it.
        """
        part = self._part_of(target)
        try:
            shutil.copyfile(Path(bucket) / key, part)
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error
        part.replace(self._aside / target)

    def _part_of(self, key: str) -> Path:
        target = self._aside / key
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(target.name + ".part")

    def list(self, bucket: str) -> Iterator[Listed]:
        """List the input files of a folder and of folders below it, by name."""
        top = Path(bucket).resolve()
        for path in sorted(top.rglob("*")):
            key = path.relative_to(top).as_posix()
            if not is_input(key) or path.is_relative_to(self._aside):
                continue
            try:
                info = path.stat()
            except FileNotFoundError:  # gone since the folder was read
                continue
            if stat.S_ISREG(info.st_mode):
                yield Listed(key, "", datetime.fromtimestamp(info.st_mtime, UTC))
