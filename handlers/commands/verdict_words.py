"""Verdicts in words, wherever a command shows one."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dedup_core.contradicting import Said

WORDS = {
    "must_link": "same",
    "cannot_link": "different",
    "not_an_event": "not an event",
    "is_event": "an event",
    "pin": "pinned",
}


def in_words(said: "Said") -> str:
    """Say what a verdict says: ``bwb:1 and rza:1 same``."""
    listings = " and ".join(":".join(listing) for listing in (said.a, said.b) if listing is not None)
    pin = f" {said.field} {said.value}" if said.kind == "pin" else ""
    return f"{listings} {WORDS[said.kind]}{pin}"


def row_in_words(verdict: Any) -> dict[str, str | None]:
    """Say what a stored verdict says, for a table: ``word``, ``a``, ``b``."""
    a = f"{verdict['a_source_code']}:{verdict['a_id']}"
    b = None if verdict["b_id"] is None else f"{verdict['b_source_code']}:{verdict['b_id']}"
    word = WORDS[verdict["kind"]]
    if verdict["kind"] == "pin":
        word = f"{verdict['field']} is {verdict['value']}"
    return {"word": word, "a": a, "b": b}
