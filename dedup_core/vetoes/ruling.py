"""Ruling: apply every rule to pairs. The table reads as the list of the vetoes."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from dedup_core.comparisons.dates import far_from
from dedup_core.comparisons.pairs import Bits, Mask
from dedup_core.comparisons.places import districts_differ, one_spot
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects
from dedup_core.vetoes.alternatives import alternatives_differ, clubs_meet
from dedup_core.vetoes.facts import Facts
from dedup_core.vetoes.hosts import clubs_differ, hosts_differ, start_apart, two_of_a_kind
from dedup_core.vetoes.links import dates_of, parts_of, several_and_one, weekend_and_day
from dedup_core.vetoes.one_stage import one_stage, unnamed_concert, who_and_what
from dedup_core.vetoes.places import (
    far_apart,
    houses_of_two,
    in_and_out,
    neighbours,
    places_differ,
    towns_differ,
    towns_named,
)
from dedup_core.vetoes.runs import item_or_whole, kinds_differ, run_and_day, run_and_show, two_runs
from dedup_core.vetoes.siblings import (
    audience_differs,
    heads_differ,
    items_of_programmes,
    one_thing_replaced,
    runs_of_one,
    town_and_place,
)
from dedup_core.vetoes.sources import for_two_audiences, says_more, side_by_side
from dedup_core.vetoes.times import (
    hours_apart,
    listed_singly,
    one_evening,
    sessions_differ,
    shows_together,
    two_showings,
    two_shows,
)
from dedup_core.vetoes.titles import (
    frame_only,
    item_of,
    levels_differ,
    named_besides,
    numerals_differ,
    one_name_and_minute,
    part_alone,
    turned_around,
    two_items,
)
from dedup_core.vetoes.unique import ONE_OF_ITS_TOWN, one_of_its_town


@dataclass(frozen=True, slots=True)
class Rulings:
    """limit: (p,) bits, infinite where nothing was cut. reasons, relation: (p,) text, null where none."""

    limit: Bits
    reasons: pl.Series
    relation: pl.Series


def rulings(facts: Facts, subjects: Subjects, policy: Policy) -> Rulings:
    """Apply every rule; the lowest limit holds, all reasons are kept."""
    refused = np.float32(policy.clustering.refuse_below)
    below_match = np.float32(policy.thresholds.match - 0.05)
    no_limit = np.float32(np.inf)  # what was raised already, and is told
    below_review = np.float32(policy.thresholds.ambiguous - 0.05)
    headline = subjects.headline[facts.pairs.a] | subjects.headline[facts.pairs.b]
    headline &= policy.vetoes.headline_review
    common = facts.wording.rarest < policy.vetoes.rare_word
    venues = np.nan_to_num(facts.venue) <= policy.vetoes.venue_differs
    towns = towns_differ(facts, subjects, policy)
    names = facts.wording.names >= policy.vetoes.two_names
    each = np.minimum(facts.wording.rest_a, facts.wording.rest_b) >= policy.vetoes.rest
    differs = facts.evidence["title"] <= policy.vetoes.title_differs
    places = places_differ(facts, subjects, policy.vetoes.venue_differs)
    hosts = hosts_differ(facts, subjects)
    unsaid = who_and_what(facts, subjects, policy)
    elsewhere = ~one_stage(facts, subjects, unsaid)
    numerals = numerals_differ(facts, subjects)
    besides = numerals & named_besides(facts, subjects, policy)
    opposed = facts.names.opposed & ~one_spot(facts.pairs, facts.km, subjects, policy.evidence.place)
    once = one_of_its_town(facts, subjects, policy)
    twice = side_by_side(facts, subjects, policy)
    evening = one_evening(facts, subjects, policy)
    a_of_b, b_of_a = dates_of(facts, subjects, policy)
    in_programme = runs_of_one(facts, subjects, policy, common)
    items_a, items_b = items_of_programmes(facts, subjects, in_programme)
    part_a, part_b = parts_of(facts, subjects)
    a_in_b, b_in_a = (part & ~(a_of_b | b_of_a) for part in (part_a | items_a, part_b | items_b))
    items = two_items(facts, subjects, policy.vetoes.rest)
    replaced = one_thing_replaced(facts, subjects, policy, common, unsaid) & ~headline
    rules: list[tuple[str, Mask, np.float32]] = [
        ("title_differs", differs & ~headline, below_review),
        ("headline_differs", differs & headline, below_match),
        ("two_names", names & ~headline & elsewhere, below_match),
        ("kind_only", common & each & ~headline & elsewhere, below_match),
        ("one_replaced", replaced, below_match),
        (
            "alternatives_differ",
            alternatives_differ(facts, subjects, policy, (common & each & ~headline) | replaced),
            below_review,
        ),
        ("audience_differs", audience_differs(facts, subjects, policy, common), below_match),
        ("heads_differ", heads_differ(facts, subjects, policy, common), below_match),
        ("two_items", items, below_match),
        ("two_items", items & elsewhere, below_review),
        ("number_differs", facts.wording.numbered, below_review),
        ("number_differs", numerals & ~part_alone(facts, subjects, besides), below_match),
        ("number_differs", numerals & ~besides, below_review),
        ("number_differs", levels_differ(facts, subjects), below_review),
        ("hosts_differ", hosts, below_match),
        ("hosts_differ", hosts & places, below_review),
        ("hosts_differ", start_apart(facts, subjects, policy, hosts), below_review),
        ("clubs_differ", clubs_differ(facts, subjects, policy), below_match),
        ("two_of_a_kind", two_of_a_kind(facts, subjects, replaced), below_review),
        ("clubs_meet", clubs_meet(facts, subjects, policy), below_review),
        ("towns_differ", towns, below_match),
        ("towns_differ", towns & (common | venues), below_review),
        ("neighbours", neighbours(facts, subjects, policy), below_review),
        ("places_differ", common & places & ~once, below_match),
        ("houses_differ", facts.names.houses & ~once & ~one_name_and_minute(facts, policy), below_match),
        ("houses_differ", common & facts.names.houses & ~once, below_review),
        ("places_differ", places & frame_only(facts, subjects, places), below_match),
        ("places_differ", in_and_out(facts, subjects, common & places & ~once), below_review),
        ("places_differ", places & turned_around(facts, subjects, places), below_review),
        ("venues_opposed", opposed, below_match),
        ("venues_opposed", opposed & ~one_name_and_minute(facts, policy), below_review),
        ("towns_named", towns_named(facts, subjects, policy), below_match),
        ("towns_named", houses_of_two(facts, subjects, policy), below_review),
        ("town_named", town_and_place(facts, subjects, policy, common), below_match),
        ("runs_of_one", in_programme, below_match),
        ("districts_differ", common & districts_differ(facts.pairs, subjects), below_review),
        ("side_by_side", twice & ~evening, refused),
        ("side_by_side", twice & evening, below_match),
        ("side_by_side", says_more(facts, subjects, policy), below_match),
        ("side_by_side", for_two_audiences(facts, subjects), below_review),
        ("hours_apart", hours_apart(facts, policy), below_match),
        ("midnight", facts.meeting.by_midnight, below_match),
        ("item_or_whole", item_or_whole(facts, subjects), below_match),
        ("item_or_whole", item_of(facts, subjects, policy.vetoes.rest), below_match),
        ("two_shows", two_showings(facts, subjects), below_match),
        ("several_and_one", several_and_one(facts, subjects), below_review),
        ("several_and_one", weekend_and_day(facts, subjects), below_match),
        ("two_shows", two_shows(facts, subjects, policy), refused),
        ("shows_together", shows_together(facts, subjects), below_match),
        ("shows_together", listed_singly(facts, subjects), below_review),
        ("session_differs", sessions_differ(facts, subjects), below_match),
        ("far_apart", far_apart(facts, subjects, policy), refused),
        ("no_common_day", far_from(facts.meeting, days=policy.vetoes.moved_days), refused),
        ("kind_differs", kinds_differ(facts, subjects), refused),
        ("no_event", subjects.unreal[facts.pairs.a] != subjects.unreal[facts.pairs.b], refused),
        ("two_runs", two_runs(facts, subjects, policy), below_review),
        ("run_and_show", run_and_show(facts, subjects), refused),
        ("run_and_show", run_and_day(facts, subjects), below_match),
        ("once_in_town", once & (facts.evidence["title"] == ONE_OF_ITS_TOWN), no_limit),
        ("who_plays", unnamed_concert(facts, subjects), no_limit),
        ("one_of_a_series", a_of_b | b_of_a, refused),
        ("part_of", a_in_b | b_in_a, refused),
    ]
    relation = _relations(
        [("a_date_of_b", a_of_b), ("b_date_of_a", b_of_a), ("a_part_of_b", a_in_b), ("b_part_of_a", b_in_a)],
        len(facts.pairs),
    )
    return Rulings(_limits(rules, len(facts.pairs)), _reasons(rules, len(facts.pairs)), relation)


def _limits(rules: list[tuple[str, Mask, np.float32]], n: int) -> Bits:
    limit = np.full(n, np.inf, np.float32)
    for _, mask, bound in rules:
        limit[mask] = np.minimum(limit[mask], bound)
    return limit


def _reasons(rules: list[tuple[str, Mask, np.float32]], n: int) -> pl.Series:
    """Name the rules that fired in the order of the table, each distinct set of them put in words once. A bit a name: there is room for 63."""
    names = list(dict.fromkeys(name for name, _, _ in rules))
    bits = {name: np.int64(1 << number) for number, name in enumerate(names)}
    fired = np.zeros(n, np.int64)
    for name, mask, _ in rules:
        fired |= np.where(mask, bits[name], np.int64(0))
    sets = np.unique(fired)
    words = [
        " ".join(name for number, name in enumerate(names) if code >> number & 1) or None
        for code in sets.tolist()
    ]
    return pl.Series(words, dtype=pl.String).gather(np.searchsorted(sets, fired))


def _relations(named: list[tuple[str, Mask]], n: int) -> pl.Series:
    code = np.full(n, len(named), np.int64)
    for number, (_, mask) in reversed(list(enumerate(named))):
        code[mask] = number
    return pl.Series([*(name for name, _ in named), None], dtype=pl.String).gather(code)
