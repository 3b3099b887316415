"""START HERE. The pipeline: listings in, canonical events out.

    blocking -> scoring -> clustering -> synthesising -> reconciling

`resolve` runs these stages over all source events at once. It knows no files, no database and no clock: what the last run
left behind comes in as `Previous`, and what changed goes out as `Difference`. A new reader follows the calls in `resolve`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core import clustering, lexicon
from dedup_core.blocking import Candidates, blocking_keys, candidate_pairs
from dedup_core.clustering import Clusters
from dedup_core.corpus import corpus_of, title_words
from dedup_core.events import DECISION_SCHEMA, IDENTITY, Previous, Resolution
from dedup_core.occurrences import occurrences, spans
from dedup_core.policy import Policy
from dedup_core.scoring import Scored, score
from dedup_core.subjects import Subjects, subjects_of

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of the run that is done, in [0, 1]."""
