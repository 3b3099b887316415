"""Contradicting: what new verdicts would contradict, told before any of them is saved, as the chain that a person can follow.

"A is B" contradicts "X is not Y" where must-links lead from A to X and from B to Y; "A is not B" contradicts must-links that lead from A to
B; of one listing, that it is an event contradicts that it is none. Two values for one field of an event contradict, too: `dedup_core.neighbourhood` finds those, as it takes clusters to see them. What is
overlooked here is caught by the run: of verdicts that contradict the newer holds, and the event is flagged.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

Listing = tuple[str, str]
"""(source_code, id)."""


OPPOSITE: Final = {"is_event": "not_an_event", "not_an_event": "is_event"}
"""Verdicts on one listing that can't both hold."""


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict: the columns of `dedup_core.events.VERDICT_SCHEMA`. b: null for a verdict on one listing. value: JSON."""

    sequence: int
    kind: str
    a: Listing
    b: Listing | None = None
    field: str | None = None
    value: str | None = None
    author: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A new verdict, and a chain of others with which it can't be true. For a pin: the other pins of that field."""

    new: Said
    chain: tuple[Said, ...]


def contradictions(new: Iterable[Said], standing: Iterable[Said]) -> list[Contradiction]:
    """List what new verdicts contradict, pins apart: among those that stand, and among each other.

    Of several ways in which must-links contradict a cannot-link all are listed that have no verdict in common.
    """
    known = _Known()
    for said in standing:
        known.add(said)
    found = []
    for said in new:
        chains = _against(said, known)
        found += [Contradiction(said, chain) for chain in chains]
        known.add(said)
    return found


def _against(said: Said, known: "_Known") -> Iterator[tuple[Said, ...]]:
    if said.b is None:
        return known.against_mark(said)
    return known.against_same(said) if said.kind == "must_link" else known.against_different(said)


@dataclass(slots=True)
class _Known:
    """Verdicts on pairs as a graph. same: of each listing the must-links that it has, with the other end; alone: what is said of one."""

    same: dict[Listing, list[tuple[Listing, Said]]] = field(default_factory=dict)
    different: list[Said] = field(default_factory=list)
    alone: list[Said] = field(default_factory=list)

    def add(self, said: Said) -> None:
        if said.b is None:
            self.alone.append(said)
        elif said.kind == "cannot_link":
            self.different.append(said)
        else:
            self.same.setdefault(said.a, []).append((said.b, said))
            self.same.setdefault(said.b, []).append((said.a, said))

    def against_mark(self, said: Said) -> Iterator[tuple[Said, ...]]:
        """Find who said the opposite of whether a listing is an event."""
        for other in self.alone:
            if other.a == said.a and OPPOSITE.get(other.kind) == said.kind:
                yield (other,)

    def against_same(self, said: Said) -> Iterator[tuple[Said, ...]]:
        """Find the cannot-links between what the two are linked to: the chain from ``a`` over the cannot-link to ``b``."""
        if said.kind != "must_link" or said.b is None:
            return
        left, right = self._ways(said.a), self._ways(said.b)
        if said.b in left:
            return
        for other in self.different:
            ends = [(other.a, other.b), (other.b, other.a)]
            for x, y in ends:
                if x in left and y is not None and y in right:
                    yield (*left[x], other, *reversed(right[y]))
                    break

    def against_different(self, said: Said) -> Iterator[tuple[Said, ...]]:
        """Find the chains of must-links from ``a`` to ``b`` that have no link in common."""
        # A listing reaches itself by no link at all, however many are used up.
        if said.kind != "cannot_link" or said.b is None or said.a == said.b:
            return
        used: set[int] = set()
        while said.b in (ways := self._ways(said.a, without=used)):
            yield ways[said.b]
            used |= {link.sequence for link in ways[said.b]}

    def _ways(self, start: Listing, *, without: Iterable[int] = ()) -> dict[Listing, tuple[Said, ...]]:
        """Find a shortest chain of must-links to each listing that can be reached: breadth first."""
        avoided = set(without)
        ways: dict[Listing, tuple[Said, ...]] = {start: ()}
        waiting = deque([start])
        while waiting:
            here = waiting.popleft()
            for there, link in self.same.get(here, ()):
                if there not in ways and link.sequence not in avoided:
                    ways[there] = (*ways[here], link)
                    waiting.append(there)
        return ways
