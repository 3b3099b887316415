"""Label: ask a person about the pairs of which a label says most, and keep each answer at once.

A second run on the same file of labels goes on where the first one stopped. A crash loses no answer: the file is written anew, and put in its
place whole, after each. Scores are not shown, so that nobody agrees with the matcher out of politeness.
"""

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from dedup_core.asking import worth_asking
from dedup_core.errors import WrongLabels
from dedup_core.events import IDENTITY
from dedup_core.labels import PAIR_COLUMNS, LabelledPairs, read_labels
from dedup_core.policy import Policy
from dedup_core.trials import Trials
from handlers.dedupe import input_paths, read_files


@dataclass(slots=True)
class Labelling:
    """What is asked, and what was answered.

    events: EVENT_SCHEMA, sorted by identity. plan: pairs of rows. before: labels that the file held: rows and whether they are the same.
    answers: of the plan's first pairs, null where one was skipped.
    """

    events: pl.DataFrame
    out: Path
    before: list[tuple[int, int, bool]]
    plan: list[tuple[int, int]]
    answers: list[bool | None] = field(default_factory=list)

    @property
    def next(self) -> tuple[int, int] | None:
        """The pair to ask about, or null after the last one."""
        return self.plan[self.asked] if self.asked < self.planned else None

    @property
    def asked(self) -> int:
        """Pairs that were asked about."""
        return len(self.answers)

    @property
    def planned(self) -> int:
        """Pairs that are asked about in all."""
        return len(self.plan)

    @property
    def labelled(self) -> int:
        """Labels in the file."""
        return len(self._labels())

    def answer(self, word: str) -> None:
        """Take an answer: ``same``, ``different``, ``skip``, or ``undo``, which asks the last pair again."""
        if word == "undo":
            self.answers = self.answers[:-1]
        else:
            self.answers.append({"same": True, "different": False}.get(word))
        self._write()

    def _labels(self) -> list[tuple[int, int, bool]]:
        new = [
            (a, b, same) for (a, b), same in zip(self.plan, self.answers, strict=False) if same is not None
        ]
        return [*self.before, *new]

    def _write(self) -> None:
        identities = self.events.select(*IDENTITY)
        whole = self.out.with_name(f".{self.out.name}.part")
        with whole.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(PAIR_COLUMNS)
            for a, b, same in self._labels():
                rows.writerow((*identities.row(a), *identities.row(b), "same" if same else "different"))
        os.replace(whole, self.out)


def begin(
    paths: Sequence[Path],
    policy: Policy,
    out: Path,
    *,
    many: int,
    told: Callable[[str, float], None] = lambda text, share: None,
) -> Labelling:
    """Plan what to ask.

    Raises:
        NothingToRead: no input files.
        WrongLabels: the file of labels has mistakes, or holds clusters.
    """
    files = input_paths(paths)
    read = read_files(files, policy, read=lambda done: told("reading files", 0.8 * done / len(files)))
    told("comparing", 0.8)
    events = read.events.sort(*IDENTITY)
    before = _labels_in(out, events)
    known = pl.DataFrame(
        [(a, b) for a, b, _ in before], schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row"
    )
    asked = worth_asking(Trials(events).trial(policy), known, many=many)
    return Labelling(events, out, before, list(asked.select("a", "b").iter_rows()))


def _labels_in(out: Path, events: pl.DataFrame) -> list[tuple[int, int, bool]]:
    if not out.exists():
        return []
    nobody = pl.DataFrame(schema=dict.fromkeys(IDENTITY, pl.String))
    truth, _ = read_labels(out.read_bytes(), events, name=out.as_posix(), refused=nobody)
    if not isinstance(truth, LabelledPairs):
        raise WrongLabels(f"{out}: holds clusters; pairs need a file of their own")
    return list(truth.pairs.select("a", "b", "same").iter_rows())
