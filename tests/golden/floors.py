"""The floors: figures below which no change may fall, and the cases that were not right when they were measured.

The cases are kept so that a test that fails can name those that went wrong since; the figures decide.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict

from dedup_core.judging import Judgement, Verdict
from tests.golden.labelled import SampleFigures
from tests.golden.running import Mode

FLOORS: Final = Path(__file__).parent / "floors.yaml"
MODE_NAMES: Final[tuple[Mode, ...]] = ("alone", "together", "embedded", "strangers")
HEADING: Final = """\
# What the matcher made of the hard cases and of the labelled samples when it was last measured, by
# `python -m tests.golden.report --write-floors`.
# right: cases exact, or in review where an honest editor would ask; right_by_row: the same a row of the catalogue. `right` may not
# fall, `wrong_merges` may not rise, no row may fall. `wrong`: the cases that are not right, so that a new one can be named.
# samples: pairwise precision, recall and F1 may not fall, the number of pairs in review (`asked`) may not rise.
"""


class Floors(BaseModel):
    """The figures of one mode."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    right: int
    exact: int
    wrong_merges: int
    right_by_row: Mapping[int, int]
    wrong: Mapping[str, Verdict]


class AllFloors(BaseModel):
    """The whole document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hard_cases: Mapping[Mode, Floors]
    samples: Mapping[str, SampleFigures]


def floors_of(judged: Sequence[Judgement]) -> Floors:
    """Return the figures that were measured."""
    return Floors(
        right=sum(one.right for one in judged),
        exact=sum(one.verdict == "exact" for one in judged),
        wrong_merges=sum(one.verdict == "wrong_merge" for one in judged),
        right_by_row=dict(sorted(Counter(one.case.row for one in judged if one.right).items())),
        wrong={one.case.id: one.verdict for one in judged if not one.right},
    )


def floors() -> AllFloors:
    """Return the floors that hold."""
    return AllFloors.model_validate(yaml.safe_load(FLOORS.read_text(encoding="utf-8")))


def write_floors(measured: AllFloors) -> None:
    """Set the floors to what was measured."""
    text = yaml.safe_dump(measured.model_dump(), sort_keys=False, allow_unicode=True)
    FLOORS.write_text(HEADING + text, encoding="utf-8")


def fallen(floor: Floors, measured: Floors) -> list[str]:
    """Return in words each figure that is worse than its floor."""
    rows = {row: (least, measured.right_by_row.get(row, 0)) for row, least in floor.right_by_row.items()}
    lines = [f"row {row}: {now} right, were {least}" for row, (least, now) in rows.items() if now < least]
    if measured.right < floor.right:
        lines.append(f"{measured.right} right, were {floor.right}")
    if measured.wrong_merges > floor.wrong_merges:
        lines.append(f"{measured.wrong_merges} wrong merges, were {floor.wrong_merges}")
    return lines
