"""What a person sees: tables that a terminal has room for, help whose examples run, a policy that explains itself."""

import csv
import json
import re
import shlex
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from dedup_core.policy import Policy, default_policy, parse_policy
from handlers import terminal
from handlers.cli import app
from handlers.described import described

ROOT = Path(__file__).parents[2]
EVENT: dict[str, Any] = {
    "canonical_id": "ev_5oxegkhxyuezaenc",
    "title": "Kulturverein Elztal e.V. präsentiert: Magdalena Baier in Concert",
    "city": "Waldkirch",
    "first_day": "2026-04-11",
    "n_sources": 2,
    "confidence": 0.996,
    "needs_review": True,
    "status": "sold_out",
}
CELL = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=90)


def printed(monkeypatch: pytest.MonkeyPatch, width: int, rows: list[dict[str, Any]]) -> str:
    text = StringIO()
    monkeypatch.setattr(terminal, "out", Console(file=text, width=width))
    terminal.events("Canonical events", rows)
    return text.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_title_is_broken_between_words_and_no_line_is_wider_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    text = printed(monkeypatch, width, [EVENT])

    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert all(word in text.split() for word in EVENT["title"].split())
    assert EVENT["canonical_id"] in text.split()


def test_what_a_narrow_terminal_leaves_out_is_named_and_a_wide_one_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    narrow, wide = (printed(monkeypatch, width, [EVENT]) for width in (80, 160))

    assert "no room here for: note, confidence" in narrow
    assert "no room" not in wide
    assert "sold out, review" in wide
    assert "1.00" in wide


def test_what_is_ordinary_or_empty_takes_no_column(monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = EVENT | {"status": "scheduled", "needs_review": False, "city": None}

    text = printed(monkeypatch, 160, [ordinary])

    assert not {"note", "city", "scheduled", "None"} & set(text.split())


@given(
    st.dictionaries(
        st.sampled_from([*terminal.ROOM, "id", "score", "status"]), st.lists(CELL, min_size=1), min_size=1
    ),
    st.integers(40, 200),
)
def test_columns_go_from_the_last_on_and_only_while_there_is_no_room(
    cells: dict[str, list[str]], width: int
) -> None:
    widths = terminal.fitting(cells, width)
    kept = list(widths)

    assert kept == list(cells)[: len(kept)]
    assert len(kept) == 1 or sum(widths.values()) + terminal.GAP * (len(kept) - 1) <= width
    if kept != list(cells):
        one_more = list(cells)[: len(kept) + 1]
        whole = sum(max(cell_len(text) for text in (name, *cells[name])) + terminal.GAP for name in one_more)
        assert whole - terminal.GAP > width


def commands(group: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found |= commands(command, (*path, name)) if inner else {(*path, name): command}
    return found


def test_every_command_has_an_example_that_it_understands_in_a_fresh_clone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    known = commands(typer.main.get_command(app))

    examples = {
        path: re.search(r"\*\*Example:\*\* `event-dedup ([^`]*)`", command.help or "")
        for path, command in known.items()
    }

    assert len(known) > 15
    for path, example in examples.items():
        assert example, path
        words = shlex.split(example[1].split(" > ")[0])
        assert tuple(words[: len(path)]) == path
        known[path].make_context(path[-1], words[len(path) :])


def test_each_listing_that_an_example_or_the_readme_names_is_in_the_samples() -> None:
    helps = [command.help or "" for command in commands(typer.main.get_command(app)).values()]
    told = "\n".join([*helps, (ROOT / "README.md").read_text(encoding="utf-8")])
    examples = re.findall(r"event-dedup .*", told)
    known = {
        f"{path.name.partition('_')[0]}:{listing['id']}"
        for path in (ROOT / "samples").rglob("*.json")
        for listing in json.loads(path.read_bytes())["events"]
        if "id" in listing
    }

    named = {name for line in examples for name in re.findall(r"\b[a-z]+:[A-Za-z]+-[\w-]+", line)}

    assert len(named) > 5
    assert named <= known


def test_the_verdicts_that_the_readme_gives_are_true_of_the_samples() -> None:
    lines = (ROOT / "samples" / "breisgau" / "truth.csv").read_text(encoding="utf-8").splitlines()[1:]
    event_of = {f"{source}:{listing}": event for source, listing, event in csv.reader(lines)}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    said = re.findall(r"verdicts add (same|different) (\w+:\S+) (\w+:\S+)", readme)

    assert said
    assert [(word, a, b) for word, a, b in said if (word == "same") != (event_of[a] == event_of[b])] == []


def test_each_guide_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    missing = [path.name for path in (ROOT / "docs").glob("*.md") if f"](docs/{path.name})" not in readme]

    assert missing == []


TALKS = {("serve",), ("label",), ("local", "logs")}
"""Commands that give no result: one serves, one asks, one repeats lines as they were written."""


def test_every_command_that_gives_a_result_gives_it_as_json_too() -> None:
    known = commands(typer.main.get_command(app))

    without = {
        path for path, command in known.items() if "--json" not in [o for p in command.params for o in p.opts]
    }

    assert without == TALKS


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("event-dedup ev", ["evaluate", "events"]),
        ("event-dedup verdicts add ", ["same", "different", "not-an-event", "an-event"]),
        ("event-dedup dedupe --out", ["--output"]),
    ],
)
def test_a_shell_completes_commands_words_and_options(typed: str, offered: list[str]) -> None:
    asked = {
        "_EVENT_DEDUP_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split(" ")) - 1),
    }

    answer = CliRunner().invoke(app, [], env=asked, prog_name="event-dedup")

    assert answer.stdout.split() == offered


def meanings(section: type[Any]) -> list[str]:
    found = []
    for name, field in section.model_fields.items():
        inner = field.annotation
        found.append(f"{name}:")
        found += [field.description] if field.description else []
        found += meanings(inner) if hasattr(inner, "model_fields") else []
    return found


def leaves(section: type[Any], path: str = "") -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, field in section.model_fields.items():
        inner = hasattr(field.annotation, "model_fields")
        mine = leaves(field.annotation, f"{path}{name}.") if inner else {f"{path}{name}": field.description}
        found |= mine
    return found


def test_each_value_of_a_policy_has_a_meaning_of_its_own_in_the_model_and_in_the_guide() -> None:
    guide = (ROOT / "docs/MATCHING.md").read_text(encoding="utf-8")

    told = leaves(Policy)

    assert [path for path, meaning in told.items() if not meaning] == []
    assert [path for path, meaning in told.items() if f"| `{path}` | {meaning} |" not in guide] == []


def test_a_policy_that_is_shown_reads_back_as_itself_and_tells_what_each_part_means() -> None:
    policy = default_policy()
    changed = policy.model_copy(update={"version": "no: 'quotes' # here"})

    shown = [described(policy), described(changed)]

    assert [parse_policy(text).hash for text in shown] == [policy.hash, changed.hash]
    assert [part for part in meanings(Policy) if part not in shown[0]] == []
    assert yaml.safe_load(shown[0])["thresholds"]["match"] == policy.thresholds.match
