"""Report: turn the figures in bench/results into the tables of docs/PERFORMANCE.md, and the policy's fields into that of docs/MATCHING.md.

    python -m bench.report

Only what stands between the marks in that file is replaced; the words around them are a person's.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from dedup_core.policy import Policy

HERE: Final = Path(__file__).parent
DOCUMENT: Final = HERE.parent / "docs" / "PERFORMANCE.md"
MATCHING: Final = HERE.parent / "docs" / "MATCHING.md"

Figures = dict[str, Any]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table; all columns but the first are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def core_tables(figures: Figures) -> str:
    """Write the tables of the core: speed and memory, stages, quality."""
    runs = figures["runs"]
    return "\n\n".join([_source(figures), _speed(runs), _stages(runs), _quality(runs), _kinds(runs)])


def pipeline_tables(figures: Figures) -> str:
    """Write the table of the way through Postgres."""
    rows = [
        [case["name"], f"{case['listings']:,}", f"{case['seconds']:.2f}", case["note"]]
        for case in figures["cases"]
    ]
    return _source(figures) + "\n\n" + table(["case", "listings", "seconds", ""], rows)


def api_tables(figures: Figures) -> str:
    """Write the table of the API under load."""
    head = [
        "asked for",
        "alone: median ms",
        f"{figures['clients']} clients: p50 ms",
        "p95 ms",
        "answers a second",
        "server's processor ms an answer",
        "database's",
    ]
    rows = [
        [
            case["name"],
            *(f"{case[name]:.1f}" for name in ("alone_ms", "p50_ms", "p95_ms")),
            f"{case['answers_s']:,.0f}",
            f"{case['processor_ms']:.1f}",
            f"{case['database_ms']:.1f}" if case.get("database_ms") is not None else "–",
        ]
        for case in figures["cases"]
    ]
    return f"{_source(figures)} {figures['events']:,} canonical events.\n\n" + table(head, rows)


def _source(figures: Figures) -> str:
    machine = figures["machine"]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("python", "polars", "numpy", "rapidfuzz"))
    return (
        f"Measured {machine['day']} at commit `{machine['commit']}` by `{figures['command']}` on {machine['cores']} cores of "
        f"{machine['processor']}, {machine['memory_gib']} GiB, {machine['system']}; {versions}. "
        f"Load average before: {machine['load_before']}."
    )


def _speed(runs: list[Figures]) -> str:
    head = ["listings", "generate s", "normalise s", "resolve s", "normalise CPU s", "resolve CPU s"]
    head += ["peak MiB normalise", "peak MiB resolve", "hash equal, shuffled"]
    return table(head, [_speed_row(run) for run in runs])


def _speed_row(run: Figures) -> list[str]:
    return [
        f"{run['listings']:,}",
        f"{run['generate']['seconds']:.1f}",
        *(f"{run[stage]['seconds']:.2f}" for stage in ("normalise", "resolve")),
        *(f"{run[stage]['cpu_seconds']:.2f}" for stage in ("normalise", "resolve")),
        *(f"{run[stage]['peak_mib']:,.0f}" for stage in ("normalise", "resolve")),
        {True: "yes", False: "NO", None: "not run"}[run["hash_equal_when_shuffled"]],
    ]


def _stages(runs: list[Figures]) -> str:
    names = list(runs[0]["resolve"]["stages"])
    rows = [
        [f"{run['listings']:,}", *(f"{run['resolve']['stages'][name]:.2f}" for name in names)] for run in runs
    ]
    return table(["seconds a stage of resolve", *names], rows)


def _quality(runs: list[Figures]) -> str:
    head = [
        "listings",
        "true events",
        "candidate pairs",
        "reduction",
        "blocking recall",
        "to review",
        "merged pairs right",
    ]
    head += ["precision", "recall", "F1", "B-cubed F1"]
    return table(head, [_quality_row(run) for run in runs])


def _quality_row(run: Figures) -> list[str]:
    counts, quality = run["resolve"]["statistics"], run["quality"]
    return [
        f"{run['listings']:,}",
        f"{quality['true_events']:,}",
        f"{counts['candidate_pairs']:,}",
        f"{counts['reduction']:.5f}",
        f"{quality['blocking_recall']:.4f}",
        f"{counts['review'] / counts['candidate_pairs']:.2%}",
        f"{quality['decisions']['match']['share_true']:.4f}",
        *(f"{quality['pairwise'][name]:.4f}" for name in ("precision", "recall", "f1")),
        f"{quality['bcubed']['f1']:.4f}",
    ]


def _kinds(runs: list[Figures]) -> str:
    """Write precision and recall of each kind of event, at the largest size."""
    run = runs[-1]
    rows = [
        [
            kind,
            f"{row['listings']:,}",
            f"{row['precision']:.3f}",
            f"{row['recall']:.3f}",
            f"{row['false']:,}",
            f"{row['missed']:,}",
        ]
        for kind, row in run["quality"]["by_kind"].items()
    ]
    return table(
        [f"kind, of {run['listings']:,}", "listings", "precision", "recall", "false pairs", "missed pairs"],
        rows,
    )


def policy_table() -> str:
    """Write what each field of the policy means; the values stand in matching.yaml alone."""
    rows = [f"| `{path}` | {meaning} |" for path, meaning in _fields(Policy, "")]
    return "\n".join(["| field | meaning |", "| --- | --- |", *rows])


def _fields(section: type[BaseModel], path: str) -> Iterator[tuple[str, str]]:
    """List fields with their meaning; a section whose fields have none of their own is one row."""
    for name, field in section.model_fields.items():
        inner = field.annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            yield f"{path}{name}", field.description or ""
            continue
        yield f"{path}{name}", field.description or (inner.__doc__ or "").split("\n")[0]
        if any(part.description for part in inner.model_fields.values()):
            yield from _fields(inner, f"{path}{name}.")


def main() -> None:
    """Put the tables into docs/PERFORMANCE.md."""
    for name, write in {"core": core_tables, "pipeline": pipeline_tables, "api": api_tables}.items():
        path = HERE / "results" / f"{name}.json"
        if path.exists():
            put_between(DOCUMENT, name, write(json.loads(path.read_text(encoding="utf-8"))))
    put_between(MATCHING, "policy", policy_table())


def put_between(document: Path, name: str, written: str) -> None:
    """Replace what stands between the marks of that name in a document."""
    text = document.read_text(encoding="utf-8")
    document.write_text(_between(text, name, written), encoding="utf-8")


def _between(text: str, name: str, written: str) -> str:
    begin, end = f"<!-- {name}: measured -->", f"<!-- {name}: end -->"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return found.sub(lambda _: f"{begin}\n{written}\n{end}", text)


if __name__ == "__main__":
    main()
