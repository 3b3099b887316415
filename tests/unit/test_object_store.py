import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dedup_core.policy import default_policy
from handlers.dedupe import read_files
from infra.errors import ObjectMissing, ObjectTooLarge
from infra.object_store import FolderObjects, S3Objects, is_input

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Put = Callable[[str, bytes], None]
"""Puts an object under a key."""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="uploads")
        client.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture(params=["S3", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, str, Put]:
    """Give both kinds of places: the objects, the bucket's name, and a way to put something there."""
    if request.param == "S3":
        client = request.getfixturevalue("s3")
        return (
            S3Objects(client),
            "uploads",
            lambda key, content: client.put_object(Bucket="uploads", Key=key, Body=content),
        )
    folder = tmp_path / "inbox"

    def put(key: str, content: bytes) -> None:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)

    return FolderObjects(tmp_path / "aside"), str(folder), put


def test_an_object_of_just_the_limit_is_read_and_a_larger_one_is_not(place: Any) -> None:
    objects, bucket, put = place
    put("in/a+b c%20ü.json", b"x" * 100)

    assert objects.read(bucket, "in/a+b c%20ü.json", "", at_most=100) == b"x" * 100
    with pytest.raises(ObjectTooLarge, match="100 bytes long, expected at most 99"):
        objects.read(bucket, "in/a+b c%20ü.json", "", at_most=99)


def test_a_file_of_a_gigabyte_is_refused_by_its_size_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "bwb_1.json").open("wb") as file:
        file.truncate(1 << 30)  # takes no place
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("was read"))

    with pytest.raises(ObjectTooLarge, match="1,073,741,824 bytes long"):
        FolderObjects(tmp_path / "aside").read(str(tmp_path), "bwb_1.json", "", at_most=1 << 26)
    done = read_files([tmp_path / "bwb_1.json"], default_policy())

    assert [(r.index, r.field) for r in done.rejections] == [(None, None)]
    assert "is 1,073,741,824 bytes long" in done.rejections[0].reason


def test_an_object_that_is_gone_is_no_fault_of_the_network(place: Any) -> None:
    objects, bucket, put = place
    put("other.json", b"{}")

    with pytest.raises(ObjectMissing):
        objects.read(bucket, "gone.json", "", at_most=100)
    with pytest.raises(ObjectMissing):
        objects.set_aside(bucket, "gone.json", "", "quarantine/gone.json")


def test_a_bucket_that_is_not_there_may_come_again(s3: "S3Client") -> None:
    with pytest.raises(s3.exceptions.NoSuchBucket):
        S3Objects(s3).read("nowhere", "a.json", "", at_most=100)


def test_what_is_too_large_is_not_fetched(s3: "S3Client", monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket="uploads", Key="a.json", Body=b"x" * 1000)
    answer: Any = s3.get_object(Bucket="uploads", Key="a.json")
    monkeypatch.setattr(s3, "get_object", lambda **_: answer)
    monkeypatch.setattr(answer["Body"], "read", lambda *_: pytest.fail("was read"))

    with pytest.raises(ObjectTooLarge):
        S3Objects(s3).read("uploads", "a.json", "", at_most=10)

    assert answer["Body"]._raw_stream.closed


def test_the_version_that_was_announced_is_read_and_set_aside(s3: "S3Client") -> None:
    first = s3.put_object(Bucket="uploads", Key="ü.json", Body=b"first")["VersionId"]
    s3.put_object(Bucket="uploads", Key="ü.json", Body=b"second")
    objects = S3Objects(s3)

    objects.set_aside("uploads", "ü.json", first, "quarantine/ü.json")

    assert objects.read("uploads", "ü.json", first, at_most=100) == b"first"
    assert objects.read("uploads", "ü.json", "", at_most=100) == b"second"
    assert objects.read("uploads", "quarantine/ü.json", "", at_most=100) == b"first"


def test_what_is_set_aside_and_written_goes_into_the_bucket_for_it(s3: "S3Client") -> None:
    s3.create_bucket(Bucket="results")
    s3.put_object(Bucket="uploads", Key="a.json", Body=b"torn")
    objects = S3Objects(s3, "results")

    objects.set_aside("uploads", "a.json", "", "quarantine/a.json")
    objects.write("uploads", "receipts/a.json", b"{}", content_type="application/json")

    in_results = s3.list_objects_v2(Bucket="results")["Contents"]
    assert [item["Key"] for item in in_results] == ["quarantine/a.json", "receipts/a.json"]
    assert [item.key for item in objects.list("uploads")] == ["a.json"]


def test_all_versions_are_listed_over_many_pages_but_not_those_of_deleted_objects(
    s3: "S3Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    paginate = s3.get_paginator("list_object_versions").paginate
    monkeypatch.setattr(
        type(s3.get_paginator("list_object_versions")),
        "paginate",
        lambda self, **arguments: paginate(**arguments, PaginationConfig={"PageSize": 2}),
    )
    expected = {
        (f"bwb_{key}.json", s3.put_object(Bucket="uploads", Key=f"bwb_{key}.json", Body=b"{}")["VersionId"])
        for key in (1, 1, 1, 2, 4)
    }
    for _ in range(3):
        s3.put_object(Bucket="uploads", Key="bwb_3.json", Body=b"{}")
    s3.delete_object(Bucket="uploads", Key="bwb_3.json")

    listed = {(item.key, item.version) for item in S3Objects(s3).list("uploads")}

    assert listed == expected


def test_what_is_kept_of_a_bad_file_does_not_change_when_the_original_is_mended(tmp_path: Path) -> None:
    original = tmp_path / "inbox" / "bwb_1.json"
    original.parent.mkdir()
    original.write_bytes(b"{torn")
    objects = FolderObjects(tmp_path / "var")

    objects.set_aside(str(original.parent), original.name, "", "quarantine/1/bwb_1.json")
    with original.open("r+b") as file:
        file.write(b"mended")

    assert (tmp_path / "var/quarantine/1/bwb_1.json").read_bytes() == b"{torn"
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_lists_input_files_and_nothing_else(tmp_path: Path) -> None:
    names = [
        "b_1.json",
        "sub/a_1.JSON",
        "sub/a_2.json.gz",
        ".b_2.json",
        ".git/b.json",
        "b.txt",
        "var/quarantine/b_3.json",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nowhere")
    os.utime(tmp_path / "b_1.json", (1_700_000_000, 1_700_000_000))

    listed = list(FolderObjects(tmp_path / "var").list(str(tmp_path)))

    assert [item.key for item in listed] == ["b_1.json", "sub/a_1.JSON", "sub/a_2.json.gz"]
    assert listed[0].modified == datetime.fromtimestamp(1_700_000_000, UTC)


def test_our_own_reasons_would_be_taken_for_input_if_they_did_not_lie_apart() -> None:
    assert is_input("quarantine/0a/bwb_1.json.reason.json")
