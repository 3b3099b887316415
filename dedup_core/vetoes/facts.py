"""Facts: what the rules look at of a pair."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dedup_core.comparisons.dates import Meeting
from dedup_core.comparisons.names import Names
from dedup_core.comparisons.pairs import Bits, Mask, Pairs
from dedup_core.comparisons.places import Km
from dedup_core.comparisons.titles import Wording


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at: p pairs, their evidence and how their days and places meet.

    venue: the evidence of the venue as the fields have it, before texts were read.
    """

    pairs: Pairs
    evidence: dict[str, Bits]
    venue: Bits
    weight: Bits
    wording: Wording
    meeting: Meeting
    km: Km
    names: Names

    def where(self, mask: Mask) -> "Facts":
        """Keep the pairs of a mask (p,)."""
        kept = np.flatnonzero(mask)
        return Facts(
            self.pairs.where(mask),
            {part: bits[kept] for part, bits in self.evidence.items()},
            self.venue[kept],
            self.weight[kept],
            self.wording.where(mask),
            Meeting(*(getattr(self.meeting, name)[kept] for name in Meeting.__slots__)),
            self.km[kept],
            Names(*(getattr(self.names, name)[kept] for name in Names.__slots__)),
        )


LONG_RUN: Final = 8
"""Days; a range as long as this is a run, of which a single show is a part."""
