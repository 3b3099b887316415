"""Subjects: everything that a comparison looks at, laid out once an event so that pairs only gather.

Rows are source events in the order of the events frame; -1 codes and NaN numbers stand for missing.
`dedup_core.subjects.table` says what each column holds, `dedup_core.subjects.layout` where it comes from.
"""

from dedup_core.subjects.columns import Floats, Ints, Ragged
from dedup_core.subjects.layout import subjects_of
from dedup_core.subjects.table import Subjects

__all__ = ["Floats", "Ints", "Ragged", "Subjects", "subjects_of"]
