"""Evidence: the bits of a pair as bars that add up, and the listings of an event as a graph with its weakest bridge.

It draws what `dedup_core.explaining` says, and says nothing by itself: each bar begins where the one before ended, the last ends at the sum.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any, Final

from dedup_core.remarks import Remark, names_of, remarks

if TYPE_CHECKING:
    from dedup_core.explaining import Explanation

Identity = tuple[str, str]

PLAIN: Final = {
    "prior": "Starting point",
    "title": "Title",
    "date": "Day",
    "time": "Time",
    "city": "Town",
    "geo": "Coordinates",
    "venue": "Venue",
    "street": "Street",
    "description": "Description",
    "categories": "Categories",
    "source": "Source",
    "cap": "Limits and vetoes",
}
"""The parts of the evidence by the names that a reader knows."""


SHOWN_DIGITS: Final = 2
"""Of bits, behind the point: with one digit, +0.96 would be shown as the +1.0 from which a person is asked."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a sum. left, width: in per cent of the scale; shown: the bits as they are written; seen: what of this pair."""

    name: str
    meaning: str
    seen: tuple[Remark, ...]
    bits: float
    shown: float
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a number of bits stands, in per cent."""

    low: float
    high: float

    def at(self, bits: float) -> float:
        """Place a number of bits."""
        return round(100 * (bits - self.low) / (self.high - self.low), 2)


@dataclass(frozen=True, slots=True)
class Told:
    """A pair's evidence as it is drawn. zero, sum_at: in per cent; silent: names of the parts that had nothing to compare."""

    a: Identity
    b: Identity
    bars: tuple[Bar, ...]
    silent: tuple[str, ...]
    zero: float
    sum_at: float
    weight: float
    score: float
    decision: str
    reasons: tuple[str, ...]


def told(a: Identity, b: Identity, explanation: "Explanation") -> Told:
    """Draw an explanation. What is shown of each part is rounded so that the shown ones add up to the shown sum."""
    spoken = [(part, part.bits) for part in explanation.parts if part.bits]
    totals = list(accumulate((bits for _, bits in spoken), initial=0.0))
    total = totals[-1]
    scale = Scale(min(totals) - 1, max(totals) + 1)
    rounded = [round(each, SHOWN_DIGITS) for each in totals]
    shown = {
        part.name: round(after - before, SHOWN_DIGITS)
        for (part, _), (before, after) in zip(spoken, pairwise(rounded), strict=True)
    }
    said = remarks(
        explanation.seen,
        names_of(a, b),
        {**shown, "sum": rounded[-1]},
        limited=bool(explanation.reasons),
        digits=SHOWN_DIGITS,
    )
    bars = [
        Bar(
            PLAIN[part.name],
            part.meaning,
            said.get(part.name, ()),
            bits,
            shown[part.name],
            scale.at(min(before, after)),
            max(0.4, round(abs(scale.at(after) - scale.at(before)), 2)),
        )
        for (part, bits), (before, after) in zip(spoken, pairwise(totals), strict=True)
    ]
    silent = tuple(PLAIN[part.name] for part in explanation.parts if part.bits is None and part.name != "cap")
    return Told(
        a,
        b,
        tuple(bars),
        silent,
        scale.at(0),
        scale.at(total),
        explanation.weight,
        explanation.score,
        explanation.decision,
        explanation.reasons,
    )


@dataclass(frozen=True, slots=True)
class Node:
    """A listing in the graph, at x and y. name: its source; where another listing has the same one, with its number among them."""

    identity: Identity
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Edge:
    """A decided pair in the graph. bridge: the cluster falls apart most easily here; x, y: where its bits are written."""

    a: Node
    b: Node
    weight: float
    decision: str
    bridge: bool
    thickness: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Graph:
    """An event's listings on a circle, and the pairs between them. numbered: whether there is room for each pair's bits."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    bridge: Edge | None
    numbered: bool


WIDTH: Final = 360
HEIGHT: Final = 260
MOST_NUMBERED: Final = 6
"""Pairs whose bits are written beside their lines; more of them lie over each other."""

MOST_NODES: Final = 24
"""More on a circle can't be told apart."""


def graph_of(members: Sequence[Identity], decisions: Iterable[Mapping[str, Any]]) -> Graph | None:
    """Lay the listings of an event out; null where there is nothing to see, or too much.

    decisions: as from `handlers.browsing.evidence_of`.
    """
    if not 1 < len(members) <= MOST_NODES:
        return None
    names = _names(members)
    nodes = {
        identity: _node(number, len(members), identity, names[identity])
        for number, identity in enumerate(members)
    }
    pairs = [
        (_identity(each["a"]), _identity(each["b"]), each["explanation"])
        for each in decisions
        if each["explanation"].decision != "no_match"
    ]
    weakest = weakest_bridge([(a, b, told.weight) for a, b, told in pairs], len(members))
    edges = [
        _edge(nodes[a], nodes[b], told, bridge=(a, b) == weakest and len(members) > 2)
        for a, b, told in pairs
        if a in nodes and b in nodes
    ]
    bridge = next((edge for edge in edges if edge.bridge), None)
    return Graph(tuple(nodes.values()), tuple(edges), bridge, len(edges) <= MOST_NUMBERED)


def _names(members: Sequence[Identity]) -> dict[Identity, str]:
    sources = Counter(source for source, _ in members)
    seen = Counter[str]()
    names: dict[Identity, str] = {}
    for identity in members:
        source = identity[0]
        seen[source] += 1
        names[identity] = f"{source} {seen[source]}" if sources[source] > 1 else source
    return names


def _edge(a: Node, b: Node, told: "Explanation", *, bridge: bool) -> Edge:
    """Draw a pair; its bits stand a little nearer to its first end, as lines through the middle of the circle cross there."""
    return Edge(
        a,
        b,
        told.weight,
        told.decision,
        bridge,
        round(1 + min(max(told.weight, 0), 20) / 5, 1),
        round(a.x + 0.42 * (b.x - a.x), 1),
        round(a.y + 0.42 * (b.y - a.y), 1),
    )


def _identity(side: Mapping[str, str]) -> Identity:
    return side["source_code"], side["id"]


def _node(number: int, among: int, identity: Identity, name: str) -> Node:
    angle = 2 * pi * number / among - (pi if among == 2 else pi / 2)
    across, down = WIDTH / 2 - 60, HEIGHT / 2 - 34
    return Node(
        identity, name, round(WIDTH / 2 + across * cos(angle), 1), round(HEIGHT / 2 + down * sin(angle), 1)
    )


def weakest_bridge(
    pairs: list[tuple[Identity, Identity, float]], among: int
) -> tuple[Identity, Identity] | None:
    """Find the lightest pair of the heaviest tree that holds all together: cutting it costs least. Null where evidence does not hold all.

    A loop over the pairs of one event, of which there are at most as many as a page shows.
    """
    group: dict[Identity, Identity] = {}

    def root(one: Identity) -> Identity:
        while group.get(one, one) != one:
            one = group[one]
        return one

    held: tuple[Identity, Identity] | None = None
    apart = among
    for a, b, _ in sorted(pairs, key=lambda pair: -pair[2]):
        if root(a) != root(b):
            group[root(a)] = root(b)
            held = (a, b)
            apart -= 1
    return held if apart == 1 else None
