import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core import outline as under_test
from dedup_core.errors import UnreadableFile
from dedup_core.outline import measure, outline

tricky_text = st.text(st.sampled_from('"\\[]{},: aä🎭\n'), max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | tricky_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(tricky_text, inner, max_size=4),
    max_leaves=12,
)
members = st.dictionaries(tricky_text, values, max_size=4)
chunk_sizes = st.integers(1, 40)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def entries(value: object) -> int:
    """Count as documented: an empty list or object counts as one entry."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else max(1, len(inner)) + sum(map(entries, inner))


@given(top=members, chunk=chunk_sizes, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_every_entry_of_every_list_is_found_wherever_the_chunks_are_cut(
    top: dict[str, Any], chunk: int, indent: int | None, *, ascii_only: bool
) -> None:
    text = json.dumps(top, indent=indent, ensure_ascii=ascii_only).encode()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(under_test, "CHUNK", chunk)
        groups = outline(text, max_entries=10_000)
    found = [
        [json.loads(text[begin:end]) for begin, end in group if text[begin:end].strip()]
        for group in groups
        if text[group.begin - 1 : group.begin] == b"["
    ]

    assert found == [member for member in top.values() if isinstance(member, list)]
    assert len(groups) == sum(isinstance(member, list | dict) for member in top.values())


@given(value=values, chunk=chunk_sizes)
def test_depth_and_entries_are_those_of_the_parsed_value(value: object, chunk: int) -> None:
    text = json.dumps(value).encode()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(under_test, "CHUNK", chunk)
        measured = measure(text)

    assert measured == (depth(value), entries(value))


@given(top=members, cut=st.integers(1, 200))
def test_a_file_cut_off_anywhere_is_refused(top: dict[str, Any], cut: int) -> None:
    text = json.dumps(top).encode()

    with pytest.raises(UnreadableFile, match="cut off"):
        outline(text[: -min(cut, len(text) - 1)], max_entries=10_000)


def test_counting_stops_at_the_limit() -> None:
    with pytest.raises(UnreadableFile, match="more than 10 entries"):
        outline(b'{"a": [' + b"1," * 20 + b"1]}", max_entries=10)
