"""How heavy a text is, as Lambda counts it: what a function answers is written as JSON once more."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from handlers.portions import weight_of


@given(st.text())
@example("\n\r\t")
@example("\b\f\0\x1f\x7f")
@example("Флохмаркт\r\n")
@example('"\\ä€𝄞')
def test_a_text_takes_no_more_than_its_weight_as_text_and_as_bytes(text: str) -> None:
    taken = len(json.dumps(text)) - len('""')

    assert taken <= weight_of(text) == weight_of(text.encode())


def test_ends_of_lines_and_tabs_take_two_bytes_each_beside_letters_beyond_ascii_too() -> None:
    weights = [weight_of(text) for text in ("a\nb", "a\rb", "a\tb", "ä\r\n\t")]

    assert weights == [4, 4, 4, 12]
