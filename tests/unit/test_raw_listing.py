import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup_core.errors import UnreadableFile
from dedup_core.policy import default_policy
from dedup_core.raw_listing import Refused, read_listing, shown

INTAKE = default_policy().intake

any_text = st.text(st.characters(codec=None) | st.sampled_from('\x00\ud800\udfff\\u0"🎭ä'), max_size=6)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.sampled_from([10**310, 2**64, -(2**63) - 1])
    | any_text
)
any_json: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=10,
)


def is_poisonous(value: object) -> bool:
    if isinstance(value, str):
        return any(character == "\x00" or 0xD800 <= ord(character) <= 0xDFFF for character in value)
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, int):
        return abs(value) > sys.float_info.max
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return isinstance(inner, list) and any(map(is_poisonous, inner))


@given(value=any_json, ascii_only=st.booleans())
def test_a_listing_is_refused_if_and_only_if_something_in_it_can_not_be_stored(
    value: object, *, ascii_only: bool
) -> None:
    piece = json.dumps(value, ensure_ascii=ascii_only).encode(errors="backslashreplace")

    read = read_listing(piece, intake=INTAKE)

    assert isinstance(read, Refused) == is_poisonous(value)


@given(value=any_json.filter(lambda value: not is_poisonous(value)), indent=st.sampled_from([None, 2]))
def test_the_text_of_an_accepted_listing_says_exactly_what_was_given(
    value: object, indent: int | None
) -> None:
    read = read_listing(json.dumps(value, indent=indent).encode(), intake=INTAKE)

    assert isinstance(read, bytes)
    assert repr(json.loads(read)) == repr(json.loads(json.dumps(value, sort_keys=True)))


@given(value=any_json)
def test_what_is_kept_of_a_refused_listing_is_storable_json_of_the_same_shape(value: object) -> None:
    read = read_listing(json.dumps(value).encode(), intake=INTAKE)

    if isinstance(read, Refused):
        assert read.text is not None
        kept = json.loads(read.text, parse_constant=pytest.fail)
        assert not is_poisonous(kept)
        assert not is_poisonous([read.fault.reason, read.fault.field or "", read.listing_id or ""])
        assert isinstance(kept, type(value)) or isinstance(value, float | int)


@given(
    fields=st.dictionaries(st.text(max_size=3), st.integers(), min_size=2, max_size=6),
    seed=st.randoms(use_true_random=False),
)
def test_the_order_of_keys_and_the_layout_make_no_difference(fields: dict[str, int], seed: Any) -> None:
    shuffled = list(fields.items())
    seed.shuffle(shuffled)

    one = read_listing(json.dumps(fields).encode(), intake=INTAKE)
    other = read_listing(json.dumps(dict(shuffled), indent=3).encode(), intake=INTAKE)

    assert one == other


def test_of_a_key_that_stands_twice_the_last_one_holds() -> None:
    assert read_listing(b'{"a": 1, "b": 2, "a": 3}', intake=INTAKE) == b'{"a":3,"b":2}'


def test_a_whole_number_of_over_64_bits_keeps_its_digits() -> None:
    assert (
        read_listing(b'{"a": 123456789012345678901234567890}', intake=INTAKE)
        == b'{"a":123456789012345678901234567890}'
    )


def test_the_digits_before_u0000_decide_whether_it_is_one() -> None:
    harmless = read_listing(rb'{"a": "C:\\u0000"}', intake=INTAKE)
    poisonous = read_listing(rb'{"a": "C:\\\u0000"}', intake=INTAKE)

    assert harmless == rb'{"a":"C:\\u0000"}'
    assert isinstance(poisonous, Refused)
    assert poisonous.text == rb'{"a":"C:\\\\u0000"}'


OVERSIZED: Mapping[str, Callable[[int], bytes]] = {
    "max_listing_bytes": lambda n: b'"' + b"x" * (n - 2) + b'"',
    "max_depth": lambda n: b"[" * n + b"]" * n,
    "max_keys": lambda n: b"[" + b"1," * (n - 1) + b"1]",
}


@pytest.mark.parametrize("limit", OVERSIZED)
def test_a_listing_at_a_limit_is_read_and_one_over_it_is_refused_unparsed(limit: str) -> None:
    made = OVERSIZED[limit]
    allowed = getattr(INTAKE, limit)

    at_limit = read_listing(made(allowed), intake=INTAKE)
    over_it = read_listing(made(allowed + 1), intake=INTAKE)

    assert isinstance(at_limit, bytes)
    assert isinstance(over_it, Refused)
    assert f"expected at most {allowed:,}" in over_it.fault.reason
    assert over_it.text is None


@pytest.mark.parametrize(
    "piece", [b"", b"{", b"{]", b"tru", b"'a'", b'"\xff"', b'{"a":1}{"a":2}', b"01", b"[1,]"]
)
def test_what_is_not_json_is_not_a_listing_but_a_bad_file(piece: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read_listing(piece, intake=INTAKE)


@given(value=any_json)
def test_a_found_value_is_shown_on_one_short_printable_line(value: Any) -> None:
    line = shown(value)

    assert line.isprintable()
    assert len(line) < 400
