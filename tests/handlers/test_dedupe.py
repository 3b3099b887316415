from itertools import permutations
from pathlib import Path

import pytest

from dedup_core.policy import default_policy
from handlers.dedupe import dedupe, input_paths, read_files
from infra.errors import NothingToRead
from tests.faults.poison import file_of, listing
from tests.handlers.worlds import AFTER, BEFORE, lay

POLICY = default_policy()
MORNING, EVENING = "2026-02-11T08:00:00Z", "2026-02-11T21:00:00+01:00"


def dated(title: str, processed_at: str | None) -> bytes:
    """Write a file of one listing, with the time that it says of itself."""
    said = b"" if processed_at is None else f'"processedAt": "{processed_at}", '.encode()
    return file_of(listing("a", title=title)).replace(b'"metadata": {', b'"metadata": {' + said)


@pytest.mark.parametrize("order", list(permutations(["evening", "morning", "whenever"])), ids="-".join)
def test_the_latest_version_of_a_listing_holds_and_no_time_is_before_any(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    times = {"evening": EVENING, "morning": MORNING, "whenever": None}
    lay(tmp_path, {f"bwb_{place}.json": dated(name, times[name]) for place, name in enumerate(order)})
    paths = {name: tmp_path / f"bwb_{place}.json" for place, name in enumerate(order)}

    three = read_files([paths[name] for name in order], POLICY)
    two = read_files([paths[name] for name in order if name != "evening"], POLICY)

    assert three.events["title"].to_list() == ["evening"]
    assert two.events["title"].to_list() == ["morning"]


def test_what_can_not_be_read_is_told_by_file_listing_and_field_and_all_else_goes_in(tmp_path: Path) -> None:
    lay(tmp_path, {**BEFORE, **AFTER, "_nobody.json": file_of(listing("x"))})

    done = dedupe(input_paths([tmp_path]), POLICY)

    told = [(Path(r.file).name, r.index, r.field, r.reason) for r in done.rejections]
    assert [one[:3] for one in told] == [
        ("_nobody.json", None, None),
        ("bad_1.json", None, None),
        ("tickets_2.json", 1, "title"),
    ]
    assert "source code" in told[0][3]
    assert "cut off" in told[1][3]
    assert told[2][3].startswith("is missing")
    assert done.resolution.events.select("source_code", "id").rows() == [
        ("bwb", "b1"),
        ("bwb", "b2"),
        ("bwb", "b3"),
        ("bwb", "b4"),
        ("tickets", "t1"),
        ("tickets", "t2"),
    ]
    assert (done.stats["files"], done.stats["listings"], done.stats["rejected"]) == (6, 9, 3)


def test_the_order_in_which_files_are_named_does_not_matter(tmp_path: Path) -> None:
    lay(tmp_path, BEFORE | AFTER)
    paths = input_paths([tmp_path])

    hashes = {dedupe(order, POLICY).resolution.result_hash for order in (paths, paths[::-1])}

    assert len(hashes) == 1


def test_a_folder_without_input_is_named(tmp_path: Path) -> None:
    (tmp_path / ".hidden.json").write_bytes(b"{}")
    (tmp_path / "notes.txt").write_bytes(b"{}")

    with pytest.raises(NothingToRead, match=str(tmp_path)):
        input_paths([tmp_path])
