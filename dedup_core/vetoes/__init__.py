"""Vetoes: what no sum of evidence may overrule, and relations that are no merge.

Each rule is a mask over pairs and a limit on their weight. A limit at or below the clustering's refusal keeps a pair apart
in every chain; a limit between the thresholds leaves it to a person. A rule that fires too often costs matches; the pairs
that it touched have its name in ``reasons``. `dedup_core.vetoes.ruling` has the table of the rules; the other modules are named for what speaks in them.
"""

from dedup_core.vetoes.facts import Facts
from dedup_core.vetoes.links import linked
from dedup_core.vetoes.one_stage import weigh_concerts, weigh_unsaid
from dedup_core.vetoes.reasons import REASONS
from dedup_core.vetoes.ruling import Rulings, rulings
from dedup_core.vetoes.unique import weigh_unique

__all__ = [
    "REASONS",
    "Facts",
    "Rulings",
    "linked",
    "rulings",
    "weigh_concerts",
    "weigh_unique",
    "weigh_unsaid",
]
