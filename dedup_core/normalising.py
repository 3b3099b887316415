"""Normalising: bring what sources write to columns that can be compared.

Here meaning is lost on purpose: markers, editions, organisers and years leave the title, synonyms become one word, compounds fall
into their parts. What was taken out stands in columns of its own. A word wrongly joined here can still be told apart by
date and place; a word wrongly left apart is found again by its letters.
"""

from typing import Final

import polars as pl

from dedup_core.events import COMPARABLE_SCHEMA
from dedup_core.folding import folded, unescaped
