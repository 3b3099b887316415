"""Houses: what the listings of a town tell of its venues beyond their names: where they stand, and which two names are one house's.

Who names the `Martin-Luther-Haus` and nothing more may be told by another listing where it is. What a source gives for all its events, such as the
seat of who invites, is the address of no house: many names have it, or one name has several.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from dedup_core.subjects.columns import Ints, ints

MOST: Final = 0.75
"""Share of the listings of a venue with an address that must give the same one (a guess: a number is misread)."""

MANY: Final = 10
"""Names of venues at one address from which it is no house's; a school or a cinema has many rooms."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """Names of venues that are of one house in a town, as `dedup_core.aliases` learns them.

    two: (k,) ascending, as `numbered` numbers them. occasions: (k,) events of the town that two sources put at the one and at the other, 0 where
    they are too few to tell; towns: (k,) how many towns have any such events, 0 where too few.
    """

    two: npt.NDArray[np.int64]
    occasions: Ints
    towns: Ints

    def rows(self, numbers: npt.NDArray[np.int64]) -> Ints:
        """Find two names in a town: (p,) rows of the table, -1 for none."""
        if not len(self.two):
            return np.full(len(numbers), -1, np.int32)
        rows = np.minimum(np.searchsorted(self.two, numbers), len(self.two) - 1)
        return np.where(self.two[rows] == numbers, rows, -1).astype(np.int32)


NO_ALIASES: Final = Aliases(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32))


def numbered(town: Ints, one: Ints, other: Ints, names: int) -> npt.NDArray[np.int64]:
    """Number two of so many names in a town, in whichever order they come."""
    low, high = (np.asarray(pick(one, other), np.int64) for pick in (np.minimum, np.maximum))
    return (town.astype(np.int64) * names + low) * names + high


def addresses(town: Ints, venue: Ints, district: Ints, street: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Number the whole addresses, street and number, in each town. All: (n,) codes, -1 unknown.

    Returns:
        each listing's own; and that which most listings of the town give for its venue, unless several districts have such a venue.
    """
    listed = pl.DataFrame(
        {"town": town, "venue": venue, "district": district, "street": street, "number": number}
    )
    key = ("town", "street", "number")
    rows = listed.with_row_index("row").filter(pl.min_horizontal(key) >= 0)
    own = rows.select("row", "town", "venue", address=pl.struct(key).rank("dense").cast(pl.Int32) - 1)
    given = own.filter(pl.col("venue") >= 0).group_by("town", "venue", "address").len("told")
    share = pl.col("told") / pl.col("told").sum().over("town", "venue")
    given = given.filter((share >= MOST) & (pl.len().over("address") < MANY))
    houses = given.join(in_several_districts(listed), on=["town", "venue"], how="anti")
    known = listed.select("town", "venue").join(
        houses, on=["town", "venue"], how="left", maintain_order="left"
    )
    addresses = np.full(len(town), -1, np.int32)
    addresses[own["row"].to_numpy()] = own["address"].to_numpy()
    return addresses, ints(known["address"])


def in_several_districts(listed: pl.DataFrame) -> pl.DataFrame:
    """List the names that venues of several districts of a town have: ``town``, ``venue``. listed: these and ``district``, -1 unknown."""
    known = listed.filter(pl.min_horizontal("town", "venue", "district") >= 0)
    districts = known.group_by("town", "venue").agg(pl.col("district").n_unique())
    return districts.filter(pl.col("district") > 1).select("town", "venue")
