"""Variants: a policy with a few of its numbers changed, each named by a dotted path such as ``evidence.title.shared``.

Points of a curve are counted from 0: ``evidence.description.2.1`` is the second number of the third point. What comes out is
validated like any policy; a sweep over many variants picks the luckiest one, which is for its reader to heed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Any, Final

from pydantic import ValidationError

from dedup_core.errors import InvalidPolicy
from dedup_core.policy import Policy

MOST: Final = 500
"""Variants of one sweep; more are a slip of the keyboard rather than a plan."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values to try at a path."""

    path: str
    values: tuple[float, ...]


def parsed_range(text: str) -> Range:
    """Read ``path=first:last:step`` (both ends included) or ``path=value,value,…``.

    Raises:
        InvalidPolicy: neither of the two, or too many values.
    """
    path, equals, values = text.partition("=")
    try:
        numbers = _stepped(values) if ":" in values else tuple(float(value) for value in values.split(","))
    except ValueError as error:
        raise InvalidPolicy(f"{text}: not path=first:last:step or path=value,value,…: {error}") from error
    if not path or not equals or not numbers:
        raise InvalidPolicy(f"{text}: not path=first:last:step or path=value,value,…")
    return Range(path, numbers)


def _stepped(text: str) -> tuple[float, ...]:
    first, last, step = (float(part) for part in text.split(":"))
    if step <= 0 or last < first:
        raise ValueError("the step must be positive and the last value not below the first")
    many = int((last - first) / step + 1e-9) + 1
    if many > MOST:
        raise ValueError(f"{many} values, more than {MOST}")
    return tuple(round(first + step * number, 9) for number in range(many))


def combined(ranges: Sequence[Range]) -> list[dict[str, float]]:
    """List every combination of the ranges' values, the last range changing fastest.

    Raises:
        InvalidPolicy: more than MOST, or a path twice.
    """
    paths = [one.path for one in ranges]
    if len(set(paths)) < len(paths):
        raise InvalidPolicy(f"a path is swept twice: {', '.join(paths)}")
    many = 1
    for one in ranges:
        many *= len(one.values)
    if many > MOST:
        raise InvalidPolicy(
            f"{many:,} combinations are more than {MOST}: take larger steps, or sweep fewer paths at once"
        )
    return [dict(zip(paths, values, strict=True)) for values in product(*(one.values for one in ranges))]


def varied(policy: Policy, changes: Mapping[str, float]) -> Policy:
    """Change a few numbers of a policy.

    Raises:
        InvalidPolicy: there is no such number, or the policy that comes out breaks a rule; the message names the path.
    """
    insist_on_paths(policy, changes)
    document: dict[str, Any] = policy.model_dump(mode="json")
    for path, value in changes.items():
        _put(document, path, value)
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise InvalidPolicy("; ".join(lines)) from error


def numbers_of(policy: Policy) -> dict[str, float]:
    """Return every number of a policy by its path."""
    return dict(_leaves(policy.model_dump(mode="json"), ""))


def _leaves(document: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from _leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from _leaves(value, f"{path}.{number}")
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield path, document


def insist_on_paths(policy: Policy, changes: Mapping[str, float]) -> None:
    """Insist that every path leads to a number.

    Raises:
        InvalidPolicy: one does not; the message names those that are spelt alike.
    """
    known = numbers_of(policy)
    for path in changes:
        if path not in known:
            near = get_close_matches(path, known, n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InvalidPolicy(f"{path}: no number of the policy{hint}")


def _put(document: Any, path: str, value: float) -> None:
    *way, last = path.split(".")
    for name in way:
        document = document[int(name)] if isinstance(document, list) else document[name]
    if isinstance(document, list):
        document[int(last)] = value
    else:
        document[last] = int(value) if value == int(value) else value
