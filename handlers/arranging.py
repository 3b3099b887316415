"""Arranging: merge, split and move, made of verdicts, so that every later run keeps to them and each can be taken back.

A merge says of every listing of the one event that it is one with one of the other. A split says of each listing that goes that it is none of
those that stay; what becomes of them otherwise, the evidence decides, and the preview shows it. A move is both. What is said is what an
editor sees and means, no more: such verdicts are labels, too, by which policies are measured.
"""

from collections.abc import Collection, Sequence
from itertools import product
from typing import Final

from dedup_core.contradicting import Listing
from dedup_core.errors import EventDedupError, UnknownEvent
from handlers.deciding import Plan
from infra.store.deciding import DecisionWork
from infra.store.verdicts import NewVerdict

MOST_VERDICTS: Final = 1000
"""Verdicts of one act; an event of 60 listings cut in the middle takes 900."""


class CannotArrange(EventDedupError):  # noqa: N818
    """There is nothing to merge, to split off or to move this way. Show the message; nothing was stored."""


def merging(canonical_ids: Sequence[str]) -> Plan:
    """Plan to make one event of several, the first with each of the others."""

    def plan(work: DecisionWork) -> list[NewVerdict]:
        wanted = list(dict.fromkeys(canonical_ids))
        if len(wanted) < 2:
            raise CannotArrange("a merge takes two events")
        members = _members(work, wanted)
        first, *others = (members[name] for name in wanted)
        return _few([verdict for other in others for verdict in _same(first, other)])

    return plan


def splitting(canonical_id: str, listings: Collection[Listing]) -> Plan:
    """Plan to take listings off an event."""

    def plan(work: DecisionWork) -> list[NewVerdict]:
        members = _members(work, [canonical_id])[canonical_id]
        leaving = _among(listings, members, canonical_id)
        staying = [listing for listing in members if listing not in leaving]
        if not staying:
            raise CannotArrange("a split leaves a listing behind")
        return _few(_different(leaving, staying))

    return plan


def confirming(canonical_id: str) -> Plan:
    """Plan to say that an event's listings are one event, whatever flagged it; and that they are one at all, where that was the doubt."""

    def plan(work: DecisionWork) -> list[NewVerdict]:
        first, *others = _members(work, [canonical_id])[canonical_id]
        doubted = not others or "not_an_event" in work.flags(canonical_id)
        real = [NewVerdict("is_event", listing) for listing in (first, *others)] if doubted else []
        return _few([*(NewVerdict("must_link", first, other) for other in others), *real])

    return plan


def calling_no_event(canonical_id: str) -> Plan:
    """Plan to say of all of an event's listings that they announce none."""

    def plan(work: DecisionWork) -> list[NewVerdict]:
        members = _members(work, [canonical_id])[canonical_id]
        return _few([NewVerdict("not_an_event", listing) for listing in members])

    return plan


def moving(canonical_id: str, listings: Collection[Listing], to: str) -> Plan:
    """Plan to take listings off an event and put them to another one; nothing may stay behind."""

    def plan(work: DecisionWork) -> list[NewVerdict]:
        if to == canonical_id:
            raise CannotArrange("a move takes two events")
        members = _members(work, [canonical_id, to])
        leaving = _among(listings, members[canonical_id], canonical_id)
        staying = [listing for listing in members[canonical_id] if listing not in leaving]
        joined = [NewVerdict("must_link", one, other) for one, other in product(leaving, members[to])]
        return _few([*_different(leaving, staying), *joined])

    return plan


def _members(work: DecisionWork, canonical_ids: Sequence[str]) -> dict[str, list[Listing]]:
    found = work.members(canonical_ids)
    for name in canonical_ids:
        if name not in found:
            raise UnknownEvent(f"no event {name} lives")
    return found


def _among(listings: Collection[Listing], members: Sequence[Listing], canonical_id: str) -> list[Listing]:
    """Insist that listings are an event's; sorted, each once."""
    wanted = sorted(set(listings))
    if not wanted:
        raise CannotArrange("no listing is named")
    for listing in wanted:
        if listing not in members:
            raise UnknownEvent(f"{':'.join(listing)} is no listing of {canonical_id}")
    return wanted


def _same(one: Sequence[Listing], other: Sequence[Listing]) -> list[NewVerdict]:
    """Link each listing of the one event to the first of the other, and the other way round."""
    pairs = [*((one[0], listing) for listing in other), *((listing, other[0]) for listing in one[1:])]
    return [NewVerdict("must_link", a, b) for a, b in pairs]


def _different(leaving: Sequence[Listing], staying: Sequence[Listing]) -> list[NewVerdict]:
    return [NewVerdict("cannot_link", one, other) for one, other in product(leaving, staying)]


def _few(wishes: list[NewVerdict]) -> list[NewVerdict]:
    if len(wishes) > MOST_VERDICTS:
        raise CannotArrange(f"that takes {len(wishes)} verdicts; at most {MOST_VERDICTS} are given at once")
    return wishes
