import gzip
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dedup_core import parsing as under_test
from dedup_core.errors import UnreadableFile
from dedup_core.parsing import ParsedFile, check_size, parse
from dedup_core.policy import default_policy
from tests.unit.test_raw_listing import any_json, is_poisonous

INTAKE = default_policy().intake
FILE = b'{"events": [{"id": "a", "title": "\\"Fasnet\\" \\ud83c\\udfad \xc3\xa4"}, {}], "rejected": [1], "metadata": {"x": 1}}'


def texts(parsed: ParsedFile) -> dict[int, str]:
    return {index: raw for batch in parsed.batches for index, raw in batch.iter_rows()}


def with_metadata(metadata: object) -> bytes:
    return json.dumps({"events": [], "metadata": metadata}).encode()


@given(
    listings=st.lists(any_json, max_size=6), beside=st.dictionaries(st.text(max_size=4), any_json, max_size=3)
)
def test_every_listing_is_either_read_as_it_was_given_or_refused_alone(
    listings: list[Any], beside: dict[str, Any]
) -> None:
    content = json.dumps({**beside, "events": listings}).encode()

    parsed = parse(content, intake=INTAKE)

    assert len(parsed) == len(listings)
    assert set(parsed.refused) == {index for index, given in enumerate(listings) if is_poisonous(given)}
    assert {index: repr(json.loads(text)) for index, text in texts(parsed).items()} == {
        index: repr(json.loads(json.dumps(given, sort_keys=True)))
        for index, given in enumerate(listings)
        if index not in parsed.refused
    }


@given(content=st.binary(max_size=60))
@example(b"\x1f\x8b")
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe")
@example(b'{"events"')
@example(b'}{"events":[]')
def test_bytes_of_any_kind_are_read_or_unreadable_and_nothing_else(content: bytes) -> None:
    try:
        parse(content, intake=INTAKE)
    except UnreadableFile as error:
        assert str(error).isprintable()  # noqa: PT017 - most bytes are unreadable, but not all have to be


@given(at=st.integers(0, len(FILE)), gone=st.integers(0, 3), put=st.binary(max_size=3), zipped=st.booleans())
def test_a_file_damaged_anywhere_loses_no_listing_unnoticed(
    at: int, gone: int, put: bytes, *, zipped: bool
) -> None:
    damaged = FILE[:at] + put + FILE[at + gone :]

    try:
        parsed = parse(gzip.compress(damaged) if zipped else damaged, intake=INTAKE)
    except UnreadableFile:
        return

    assert len(parsed) == len(json.loads(damaged)["events"])


@given(at=st.integers(0, len(gzip.compress(FILE)) - 1), bit=st.integers(0, 7))
def test_damaged_gzip_is_unreadable_or_gives_the_same_listings(at: int, bit: int) -> None:
    packed = bytearray(gzip.compress(FILE, mtime=0))
    packed[at] ^= 1 << bit

    try:
        parsed = parse(bytes(packed), intake=INTAKE)
    except UnreadableFile:
        return

    assert texts(parsed) == texts(parse(FILE, intake=INTAKE))


def test_batches_keep_the_order_and_the_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "BATCH_LISTINGS", 2)
    content = json.dumps({"events": [0, "\x00", 2, 3, float("nan"), 5, 6]}).encode()

    parsed = parse(content, intake=INTAKE)

    assert [batch["index"].to_list() for batch in parsed.batches] == [[0, 2], [3, 5], [6]]
    assert list(texts(parsed).values()) == ["0", "2", "3", "5", "6"]
    assert set(parsed.refused) == {1, 4}


def test_a_member_that_is_named_like_the_listings_inside_another_is_not_taken_for_them() -> None:
    content = b'{"metadata": {"events": [1, 2, 3]}, "rejected": [{"events": [4]}], "events": [5]}'

    assert texts(parse(content, intake=INTAKE)) == {0: "5"}


@pytest.mark.parametrize(
    ("size", "readable"), [(0, False), (1, True), (64 << 20, True), ((64 << 20) + 1, False), (10**9, False)]
)
def test_the_size_alone_tells_what_need_not_be_read(size: int, *, readable: bool) -> None:
    if readable:
        check_size(size, intake=INTAKE)
    else:
        with pytest.raises(UnreadableFile):
            check_size(size, intake=INTAKE)


@pytest.mark.parametrize("count", [1_000, 1_001])
def test_the_limit_of_listings_is_exact(count: int) -> None:
    intake = INTAKE.model_copy(update={"max_listings": 1_000})
    content = b'{"events": [' + b"1," * (count - 1) + b"1]}"

    if count > 1_000:
        with pytest.raises(UnreadableFile, match="1,001 listings, expected at most 1,000"):
            parse(content, intake=intake)
    else:
        assert len(parse(content, intake=intake)) == count


@pytest.mark.parametrize("over", [0, 1])
def test_the_limit_of_bytes_holds_for_what_gzip_inflates_to(over: int) -> None:
    intake = INTAKE.model_copy(update={"max_file_bytes": 5_000})
    content = b'{"events": [1]}'.ljust(5_000 + over)

    if over:
        with pytest.raises(UnreadableFile, match="inflates to more than 5,000 bytes"):
            parse(gzip.compress(content), intake=intake)
    else:
        assert len(parse(gzip.compress(content), intake=intake)) == 1


@pytest.mark.parametrize(
    ("given", "processed_at"),
    [
        ("2026-02-11T20:46:41.796Z", "2026-02-11T20:46:41.796000Z"),
        ("2026-02-11T21:46:41+01:00", "2026-02-11T20:46:41.000000Z"),
        ("2026-02-11T20:46:41", "2026-02-11T20:46:41.000000Z"),
        ("0001-01-01T00:00:00+23:00", None),
        ("yesterday", None),
        ("2026-02-30T00:00:00Z", None),
        (1770842801, None),
        (None, None),
    ],
)
def test_the_time_of_processing_is_read_in_utc_or_not_known(given: object, processed_at: str | None) -> None:
    parsed = parse(with_metadata({"processedAt": given}), intake=INTAKE)

    assert parsed.processed_at == processed_at


@pytest.mark.parametrize("metadata", [None, [], "x", {}, {"processedAt": {}}, {"processedAt": float("nan")}])
def test_metadata_of_any_kind_does_no_harm(metadata: object) -> None:
    assert parse(with_metadata(metadata), intake=INTAKE).processed_at is None


def test_an_unreadable_listing_is_named_by_its_index_and_place() -> None:
    with pytest.raises(UnreadableFile, match=r"is not JSON: .*at 'tru'.*\(listing 1, from byte 14\)"):
        parse(b'{"events": [1, tru]}', intake=INTAKE)
