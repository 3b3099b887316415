"""``python -m tests.golden.report [alone|together|embedded|strangers …] [--write-floors]``: what the matcher makes of the hard cases.

A row of MATCHING's catalogue a line; below it every case that is not right, the worst first, with what is wrong in words.
``--write-floors``, given alone, runs all modes and sets the floors to what was measured: read the difference before you commit it.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from dedup_core.judging import Judgement, complaints, rows_of
from tests.golden.floors import FLOORS, MODE_NAMES, AllFloors, floors_of, write_floors
from tests.golden.labelled import SAMPLE_NAMES, sample_figures
from tests.golden.running import Mode, judgements

WIDTHS: Final = (5, 5, 6, 6, 6, 4, 5, 5)


def table(judged: Sequence[Judgement]) -> Iterator[str]:
    """Yield a heading, a line a row of the catalogue and the sums."""
    yield f"{'row':>3}  {'phenomenon':32} {'cases':>5} {'exact':>5} {'asked+':>6} {'asked-':>6} {'status':>6} {'link':>4} {'split':>5} {'MERGE':>5}"
    for row in rows_of(judged):
        asked = (row.review_right, row.review_wrong)
        wrong = (row.wrong_status, row.wrong_link, row.wrong_split, row.wrong_merge)
        counts = (row.cases, row.exact, *asked, *wrong)
        shown = [f"{count or '.':>{width}}" for count, width in zip(counts, WIDTHS, strict=True)]
        yield f"{row.row or '':>3}  {row.phenomenon:32} {' '.join(shown)}"


def complained(judged: Sequence[Judgement]) -> Iterator[str]:
    """Yield each case that is not right with its faults, the worst first."""
    for one in complaints(judged):
        yield f"{one.verdict:12} {one.case.id:44} {'; '.join(sorted(words for _, words in one.faults))}"


def joined_pairs(judged: Sequence[Judgement]) -> str:
    """Say how many pairs of the cases' listings were joined, and how many of them wrongly: the figure that counts most."""
    counts = Counter(right for one in judged for right in one.joined)
    share = counts[True] / max(1, counts.total())
    return f"pairs joined: {counts[True]} rightly, {counts[False]} wrongly, precision {share:.3f}"


def main(arguments: Sequence[str]) -> None:
    """Print the report of each mode named, of all and of the labelled samples without a name."""
    named: tuple[Mode, ...] = tuple(mode for mode in MODE_NAMES if mode in arguments)
    measured = {mode: judgements(mode) for mode in named or MODE_NAMES}
    for mode, judged in measured.items():
        print(
            f"\n{mode}: {len(judged)} cases\n",
            *table(judged),
            joined_pairs(judged),
            "",
            *complained(judged),
            sep="\n",
        )
    if named:
        return
    samples = {name: sample_figures(name) for name in SAMPLE_NAMES}
    print("", *(f"{name}: {figures}" for name, figures in samples.items()), sep="\n")
    if "--write-floors" in arguments:
        hard_cases = {mode: floors_of(judged) for mode, judged in measured.items()}
        write_floors(AllFloors(hard_cases=hard_cases, samples=samples))
        print(f"\nwritten: {FLOORS.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
