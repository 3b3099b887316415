"""Described: a policy as YAML that tells what each of its parts means.

It is what a policy of one's own begins with. The meanings are those of the model that reads it, so they can't say
another thing than what is checked; that it reads back as the same policy is held by a test.
"""

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from dedup_core.policy import Policy

INDENT = "  "


def described(policy: Policy) -> str:
    """Write a policy out, a comment above each part."""
    return f"# The policy of hash {policy.hash}\n" + "\n".join(_lines(policy, "")) + "\n"


def _lines(section: BaseModel, indent: str) -> Iterator[str]:
    plain = section.model_dump(mode="json")
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        nested = isinstance(value, BaseModel)
        meaning = field.description or (value.__doc__ if nested else None)
        if nested and not indent:
            yield ""
        if meaning:
            yield f"{indent}# {meaning}"
        if nested:
            yield f"{indent}{name}:"
            yield from _lines(value, indent + INDENT)
        else:
            yield f"{indent}{name}: {_on_one_line(plain[name])}"


def _on_one_line(value: Any) -> str:
    written: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return written.removesuffix("...\n").strip()
