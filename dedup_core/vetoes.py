"""Vetoes: what no sum of evidence may overrule, and relations that are no merge.

Each rule is a mask over pairs and a limit on their weight. A limit at or below the clustering's refusal keeps a pair apart
in every chain; a limit between the thresholds leaves it to a person. A rule that fires too often costs matches; the pairs
that it touched have its name in ``reasons``.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from dedup_core.comparisons.dates import EVENING, Meeting, far_from
from dedup_core.comparisons.names import Names
from dedup_core.comparisons.pairs import Bits, Mask, Pairs, Rows, both_known, same_code
from dedup_core.comparisons.places import SURE_GEO, Km, districts_differ, kilometres, one_spot, same_town
from dedup_core.comparisons.titles import EXACT, Wording
from dedup_core.occurrences import MINUTES_A_DAY
from dedup_core.policy import Policy
from dedup_core.subjects import Subjects

REASONS: Final = {
    "title_differs": "The titles name different things.",
    "headline_differs": "A headline names no event, so differing titles are left to a person.",
    "two_names": "Each title has a name of its own that the other lacks, as sibling events have.",
    "kind_only": "All that the titles share is common, and each says something of its own.",
    "number_differs": "The titles hold different numbers or levels, as parts, groups and ages do.",
    "hosts_differ": "Each title names another club or band, and nothing says that they have one venue.",
    "towns_differ": "They are in different towns: at most a person may join them.",
    "neighbours": "They are in two towns that are near each other, and nothing says that it is one place.",
    "places_differ": "All that the titles share is common, or only says who invites or plays before, and they are in two places of the town.",
    "venues_opposed": "The names of their venues differ in nothing but a number or a word like east and west.",
    "districts_differ": "All that the titles share is common, and they are in two districts of the town, which have their own each.",
    "side_by_side": "One source lists both side by side: two shows, two places, two items.",
    "hours_apart": "They begin hours apart, so a person should look.",
    "midnight": "All that ties their nights is a 00:00 without an end, which may as well be an unknown hour.",
    "item_or_whole": "One lasts for days, the other is one of them and says more: perhaps an item of it.",
    "two_shows": "A source lists several shows of it on this day, and these are two of them.",
    "shows_together": "One listing announces several shows of the day, the other a single one.",
    "session_differs": "One is an early or late show, the other is not.",
    "far_apart": "The places are confidently too far apart.",
    "no_common_day": "They share no day, and neither was moved from the other's.",
    "kind_differs": "They are different kinds of event, such as an exhibition and a guided tour of it.",
    "no_event": "One is sold or announced beside an event, such as a voucher, and the other is not.",
    "two_runs": "Both run for weeks, at two venues and from and to other days: two exhibitions of one artist.",
    "run_and_show": "One is a single show, the other a run of weeks.",
    "one_of_a_series": "One is a single date of the series that the other announces: linked, not merged.",
    "part_of": "One is an item of the other, which spans more days: linked, not merged.",
}
"""Why a weight was cut, in the words that a reviewer is shown."""


@dataclass(frozen=True, slots=True)
class Rulings:
    """limit: (p,) bits, infinite where nothing was cut. reasons, relation: (p,) text, null where none."""

    limit: Bits
    reasons: pl.Series
    relation: pl.Series


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


def rulings(facts: Facts, subjects: Subjects, policy: Policy) -> Rulings:
    """Apply every rule; the lowest limit holds, all reasons are kept."""
    refused = np.float32(policy.clustering.refuse_below)
    below_match = np.float32(policy.thresholds.match - 0.05)
    below_review = np.float32(policy.thresholds.ambiguous - 0.05)
    headline = subjects.headline[facts.pairs.a] | subjects.headline[facts.pairs.b]
    headline &= policy.vetoes.headline_review
    common = facts.wording.rarest < policy.vetoes.rare_word
    venues = np.nan_to_num(facts.venue) <= policy.vetoes.venue_differs
    towns = _towns_differ(facts, subjects, policy)
    names = facts.wording.names >= policy.vetoes.two_names
    each = np.minimum(facts.wording.rest_a, facts.wording.rest_b) >= policy.vetoes.rest
    differs = facts.evidence["title"] <= policy.vetoes.title_differs
    places = _places_differ(facts, subjects, policy.vetoes.venue_differs)
    hosts = _hosts_differ(facts, subjects)
    elsewhere = ~_one_stage(facts, subjects, policy)
    side_by_side = _side_by_side(facts, subjects, policy)
    one_evening = _one_evening(facts, subjects, policy)
    a_of_b, b_of_a = _dates_of(facts, subjects, policy)
    a_in_b, b_in_a = (part & ~(a_of_b | b_of_a) for part in _parts_of(facts, subjects))
    rules: list[tuple[str, Mask, np.float32]] = [
        ("title_differs", differs & ~headline, below_review),
        ("headline_differs", differs & headline, below_match),
        ("two_names", names & ~headline & elsewhere, below_match),
        ("kind_only", common & each & ~headline & elsewhere, below_match),
        ("number_differs", facts.wording.numbered, below_review),
        ("number_differs", _numerals_differ(facts, subjects), below_review),
        ("hosts_differ", hosts, below_match),
        ("hosts_differ", hosts & places, below_review),
        ("towns_differ", towns, below_match),
        ("towns_differ", towns & (common | venues), below_review),
        ("neighbours", _neighbours(facts, subjects, policy), below_review),
        ("places_differ", common & places, below_match),
        ("places_differ", places & _frame_only(facts, subjects, places), below_match),
        (
            "venues_opposed",
            facts.names.opposed & ~one_spot(facts.pairs, facts.km, subjects, policy.evidence.place),
            below_review,
        ),
        ("districts_differ", common & districts_differ(facts.pairs, subjects), below_review),
        ("side_by_side", side_by_side & ~one_evening, refused),
        ("side_by_side", side_by_side & one_evening, below_match),
        ("hours_apart", _hours_apart(facts, policy), below_match),
        ("midnight", facts.meeting.by_midnight, below_match),
        ("item_or_whole", _item_or_whole(facts, subjects), below_match),
        ("two_shows", _two_shows(facts, subjects, policy), refused),
        ("shows_together", _shows_together(facts, subjects), below_match),
        ("shows_together", _listed_singly(facts, subjects), below_review),
        ("session_differs", _sessions_differ(facts, subjects), below_match),
        ("far_apart", _far_apart(facts, subjects, policy), refused),
        ("no_common_day", far_from(facts.meeting, days=policy.vetoes.moved_days), refused),
        ("kind_differs", _kinds_differ(facts, subjects), refused),
        ("no_event", subjects.unreal[facts.pairs.a] != subjects.unreal[facts.pairs.b], refused),
        ("two_runs", _two_runs(facts, subjects, policy), below_review),
        ("run_and_show", _run_and_show(facts, subjects), refused),
        ("one_of_a_series", a_of_b | b_of_a, refused),
        ("part_of", a_in_b | b_in_a, refused),
    ]
    relation = _relations(
        [("a_date_of_b", a_of_b), ("b_date_of_a", b_of_a), ("a_part_of_b", a_in_b), ("b_part_of_a", b_in_a)],
        len(facts.pairs),
    )
    return Rulings(_limits(rules, len(facts.pairs)), _reasons(rules, len(facts.pairs)), relation)


LATE: Final = 120.0
"""Minutes after which what begins by day in an open window is a slot in it, and no longer what its doors were opened for."""


def _hours_apart(facts: Facts, policy: Policy) -> Mask:
    """Find the pairs whose starts are so far apart that they may be two shows of a day; not what was moved, nor an evening that still lasts.

    By day, less is enough where the one begins while the other is open: a slot, or the whole of it.
    """
    apart: Mask = facts.meeting.apart >= policy.vetoes.hours_apart_minutes
    in_window = facts.meeting.window & (facts.meeting.apart > LATE)
    return (apart & ~facts.meeting.announced & ~facts.meeting.during) | in_window


ONE_VENUE: Final = 0.85
"""Similarity from which two venues' names are one."""


MORE_TO_SAY: Final = 5.0
"""Bits that the title of an item has on top of its festival's, its genre among them: "Lesung – Zelt-Musik-Festival"."""


def _item_or_whole(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs of which one lasts at least twice as long and the other, within it, says more than it and the place.

    Two exhibitions that end together are one: sources list what is left of a run.
    """
    a, b = facts.pairs.a, facts.pairs.b
    place = subjects.town_bits + subjects.hall_bits
    more_a, more_b = (
        subjects.title_bits[item] - place[item] - facts.wording.shared >= MORE_TO_SAY for item in (a, b)
    )
    a_item = facts.meeting.a_within_b & (subjects.days[b] >= 2 * subjects.days[a]) & more_a
    b_item = facts.meeting.b_within_a & (subjects.days[a] >= 2 * subjects.days[b]) & more_b
    ruled: Mask = (a_item | b_item) & ~_rest_of_a_run(facts, subjects)
    return ruled


def _rest_of_a_run(facts: Facts, subjects: Subjects) -> Mask:
    """Find two runs up to the same day that both last for weeks, or of which one is called an exhibition."""
    a, b = facts.pairs.a, facts.pairs.b
    runs = (subjects.days[a] > 1) & (subjects.days[b] > 1)
    shown = subjects.exhibition[a] | subjects.exhibition[b]
    shown |= (subjects.days[a] >= LONG_RUN) & (subjects.days[b] >= LONG_RUN)
    rest: Mask = runs & shown & (subjects.last_day[a] == subjects.last_day[b])
    return rest


MOSTLY_SHARED: Final = 1.75
"""How much more two titles must share than the shorter rest says: sisters of a conference share the smaller part."""


def _one_stage(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs that begin at one minute at one venue, where there is hardly room for two, unless their titles tell two apart.

    They don't if they share most, or if each says what the other leaves unsaid.
    """
    smaller = np.minimum(facts.wording.rest_a, facts.wording.rest_b)
    mostly = facts.wording.shared >= MOSTLY_SHARED * smaller
    one: Mask = (_one_minute(facts, subjects) & mostly) | who_and_what(facts, subjects, policy)
    return one


def _one_minute(facts: Facts, subjects: Subjects) -> Mask:
    start = subjects.moment
    one: Mask = (start[facts.pairs.a] == start[facts.pairs.b]) & (facts.names.venues >= ONE_VENUE)
    return one


def who_and_what(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs of one minute, day and venue of which the one says what it is, the other who plays, invites or where.

    Two kinds, or two names, are two events in a house of many rooms.
    """
    a, b = facts.pairs.a, facts.pairs.b
    single = (subjects.days[a] == 1) & (subjects.days[b] == 1)
    found: Mask = _one_minute(facts, subjects) & single & (facts.wording.names < policy.vetoes.two_names)
    rows = np.flatnonzero(found)
    kinds = [
        rest[rows] - _said_of(one[rows], other[rows], subjects)
        for rest, one, other in ((facts.wording.rest_a, a, b), (facts.wording.rest_b, b, a))
    ]
    found[rows] = np.minimum(*kinds) < policy.vetoes.rest
    return found


UNSAID_SHARE: Final = np.float32(0.5)
"""What differing titles count where the one says what, the other who."""


def weigh_unsaid(facts: Facts, subjects: Subjects, policy: Policy) -> None:
    """Let titles that share nothing count less where the one says what and the other who, until a person is asked; none becomes a match.

    Sisters of a conference share a part, and differ in one and the same thing.
    """
    title = facts.evidence["title"]
    asked = (title < 0) & (facts.weight < policy.thresholds.match)
    asked &= ~same_code(subjects.source, facts.pairs) & (facts.wording.shared < EXACT)
    asked &= who_and_what(facts, subjects, policy)
    room = np.float32(policy.thresholds.match - 0.05) - facts.weight
    more = np.where(asked, np.clip(-UNSAID_SHARE * np.nan_to_num(title), 0, np.maximum(room, 0)), 0)
    title += more.astype(np.float32)
    facts.weight[:] += more.astype(np.float32)


def _said_of(one: Rows, other: Rows, subjects: Subjects) -> Bits:
    """Sum the bits of what only the title of ``one`` says of who and where: (p,)."""
    names = subjects.names[one]
    shared = np.asarray(names.multiply(subjects.has_word[other]).sum(axis=1)).ravel()
    said: Bits = subjects.name_bits[one] - shared + subjects.host_bits[one] + subjects.town_bits[one]
    return said + subjects.hall_bits[one]


def _numerals_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find a second team or part against the first, or a third, `SV Lautental II`, a course for beginners against one for the advanced, women's against men's.

    Where no numeral is said and no number at all, the first is meant.
    """
    a, b = facts.pairs.a, facts.pairs.b
    numeral = (subjects.numeral[a] > 0) | (subjects.numeral[b] > 0)
    digits = subjects.has_number[a] | subjects.has_number[b]
    differ: Mask = numeral & (subjects.numeral[a] != subjects.numeral[b]) & ~digits
    levels = (subjects.level[a], subjects.level[b])
    differ |= ((np.minimum(*levels) > 0) & (levels[0] != levels[1])).any(axis=1)
    return differ


def _limits(rules: list[tuple[str, Mask, np.float32]], n: int) -> Bits:
    limit = np.full(n, np.inf, np.float32)
    for _, mask, bound in rules:
        limit[mask] = np.minimum(limit[mask], bound)
    return limit


def _reasons(rules: list[tuple[str, Mask, np.float32]], n: int) -> pl.Series:
    """Name the rules that fired, each distinct set of them put in words once."""
    fired = np.zeros(n, np.int32)
    for number, (_, mask, _) in enumerate(rules):
        fired |= mask.astype(np.int32) << number
    sets = np.unique(fired)
    words = [
        " ".join(dict.fromkeys(rule[0] for number, rule in enumerate(rules) if code >> number & 1)) or None
        for code in sets.tolist()
    ]
    return pl.Series(words, dtype=pl.String).gather(np.searchsorted(sets, fired))


def _relations(named: list[tuple[str, Mask]], n: int) -> pl.Series:
    code = np.full(n, len(named), np.int64)
    for number, (_, mask) in reversed(list(enumerate(named))):
        code[mask] = number
    return pl.Series([*(name for name, _ in named), None], dtype=pl.String).gather(code)


def _side_by_side(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """A source that lists two starts, two titles or two places means two events; only a true copy is one.

    An event that was moved may stand in it twice, with the new day and the old one; an article and the entry in the calendar may be of
    one issue.
    """
    two_starts = (facts.meeting.apart >= policy.vetoes.side_by_side_minutes) & ~facts.meeting.announced
    smaller = np.minimum(facts.wording.rest_a, facts.wording.rest_b)
    article = subjects.headline[facts.pairs.a] != subjects.headline[facts.pairs.b]
    two_titles = (np.nan_to_num(facts.evidence["title"]) < 0) | (smaller >= policy.vetoes.rest)
    two_days = ((facts.meeting.gap > 0) | _within(facts)) & ~facts.meeting.announced
    two_places = _towns_differ(facts, subjects, policy) | _places_differ(facts, subjects, 0)
    two: Mask = two_starts | (two_titles & ~article) | two_days | two_places
    return same_code(subjects.source, facts.pairs) & two


def _one_evening(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find two starts at one venue in the evening with no room for two shows between them: perhaps the doors and the start.

    Whether it is one, a source that lists both should be asked; the titles must agree, and venues, not only towns, be the same.
    """
    a, b = facts.pairs.a, facts.pairs.b
    evening = np.fmin(subjects.moment[a], subjects.moment[b]) % MINUTES_A_DAY >= EVENING
    near = (facts.meeting.apart > 0) & (facts.meeting.apart < policy.vetoes.two_shows_minutes)
    alike = np.minimum(facts.wording.rest_a, facts.wording.rest_b) < policy.vetoes.rest
    same_day = (facts.meeting.gap == 0) & (facts.meeting.common == 1)
    venue = (facts.names.venues >= ONE_VENUE) & ~_towns_differ(facts, subjects, policy)
    one: Mask = evening & near & alike & same_day & venue & (np.nan_to_num(facts.evidence["title"]) >= 0)
    return one


def _within(facts: Facts) -> Mask:
    """Find the pairs of which one lasts while the other takes place: a run and a show, a festival and an item."""
    within: Mask = (facts.meeting.a_within_b | facts.meeting.b_within_a) & (facts.meeting.common < 1)
    return within


def _places_differ(facts: Facts, subjects: Subjects, venue_below: float) -> Mask:
    """Find the pairs in two places: venues, districts or streets that differ by name.

    venue_below: bits below which two venues do. Where address or coordinates are one, the venue's bits are never negative.
    """
    venues = (np.nan_to_num(facts.venue) < venue_below) | facts.names.beside
    streets = both_known(subjects.street, facts.pairs) & ~same_code(subjects.street, facts.pairs)
    same_venue = np.nan_to_num(facts.venue) > 0
    numbers = same_code(subjects.street, facts.pairs) & both_known(subjects.street_no, facts.pairs)
    numbers &= ~same_code(subjects.street_no, facts.pairs)
    differ: Mask = venues | ((streets | numbers) & ~same_venue) | districts_differ(facts.pairs, subjects)
    return differ


def _hosts_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs whose titles name other clubs or bands, but for those at one venue: one invites, the other plays."""
    a, b = facts.pairs.a, facts.pairs.b
    named = np.diff(subjects.bands.indptr) > 0
    differ: Mask = named[a] & named[b] & ~(facts.names.venues >= ONE_VENUE)
    rows = np.flatnonzero(differ)
    shared = subjects.bands[a[rows]].multiply(subjects.bands[b[rows]])
    differ[rows] = np.asarray(shared.sum(axis=1)).ravel() == 0
    return differ


def _frame_only(facts: Facts, subjects: Subjects, asked: Mask) -> Mask:
    """Find the pairs of a mask that share nothing but what frames one of the titles: the support of an evening has evenings of its own."""
    rows = np.flatnonzero(asked & (facts.wording.shared > 0))
    framed = np.zeros(len(asked), np.bool_)
    for one, other in (
        (facts.pairs.a[rows], facts.pairs.b[rows]),
        (facts.pairs.b[rows], facts.pairs.a[rows]),
    ):
        said = subjects.hosts[one].multiply(subjects.has_word[other])
        framed[rows] |= np.asarray(said.sum(axis=1)).ravel() >= facts.wording.shared[rows] - EXACT
    return framed


def _towns_differ(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs in two known towns that are not near, unless one side takes place online."""
    pairs = facts.pairs
    online = subjects.online[pairs.a] | subjects.online[pairs.b]
    one = same_town(pairs, subjects) | facts.names.towns
    near = facts.km <= policy.vetoes.near_km
    return both_known(subjects.city, pairs) & ~one & ~near & ~online


def _neighbours(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find the pairs in two known towns that are near, where no venue in common says that a source took the one for the other."""
    pairs = facts.pairs
    two = both_known(subjects.city, pairs) & ~same_town(pairs, subjects) & ~facts.names.towns
    near: Mask = two & (facts.km <= policy.vetoes.near_km) & ~(facts.venue > 0)
    return near & ~one_spot(pairs, facts.km, subjects, policy.evidence.place)


LONG_RUN: Final = 8
"""Days; a range as long as this is a run, of which a single show is a part."""


def _run_and_show(facts: Facts, subjects: Subjects) -> Mask:
    """Find a single day with a start against a run of weeks: a performance, an opening, a guided tour of it."""
    a, b = facts.pairs.a, facts.pairs.b
    run, show = subjects.days >= LONG_RUN, (subjects.days == 1) & ~np.isnan(subjects.moment)
    ruled: Mask = (run[a] & show[b]) | (run[b] & show[a])
    return ruled


def _two_runs(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Find two runs at two venues that neither begin nor end together: one source may err in a day or a venue, not in all of them."""
    a, b = facts.pairs.a, facts.pairs.b
    other_days = (subjects.day[a] != subjects.day[b]) & (subjects.last_day[a] != subjects.last_day[b])
    runs = (subjects.days[a] >= LONG_RUN) & (subjects.days[b] >= LONG_RUN)
    two: Mask = runs & other_days & (np.nan_to_num(facts.evidence["venue"]) <= policy.vetoes.venue_differs)
    return two


def _two_shows(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    """Two starts of a day that any source lists as several shows are two shows for everybody, and neither is the doors."""
    several = subjects.several_shows[facts.pairs.a] | subjects.several_shows[facts.pairs.b]
    two: Mask = several & (facts.meeting.apart >= policy.vetoes.two_shows_minutes) & (facts.meeting.gap == 0)
    return two


def _shows_together(facts: Facts, subjects: Subjects) -> Mask:
    several = subjects.starts_a_day > 1
    single = (subjects.starts_a_day == 1) & (subjects.dates == 1)
    a, b = facts.pairs.a, facts.pairs.b
    ruled: Mask = (several[a] & single[b]) | (several[b] & single[a])
    return ruled


def _listed_singly(facts: Facts, subjects: Subjects) -> Mask:
    """Find several shows in one listing against one of them, where a source lists them one by one: so it is none of them alone."""
    a, b = facts.pairs.a, facts.pairs.b
    single = (subjects.starts_a_day == 1) & subjects.several_shows
    singly: Mask = (single[a] | single[b]) & _shows_together(facts, subjects)
    return singly


def _sessions_differ(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs of which one is the early or late show and the other does not say so, unless the start settles it."""
    a, b = facts.pairs.a, facts.pairs.b
    differ: Mask = (subjects.session[a] != subjects.session[b]) & ~(subjects.moment[a] == subjects.moment[b])
    return differ


CERTAIN_GEO: Final = 0.85
"""Confidence from which coordinates overrule the equal name of a town: there are many called Weiler."""


def _far_apart(facts: Facts, subjects: Subjects, policy: Policy) -> Mask:
    a, b = facts.pairs.a, facts.pairs.b
    trust = np.minimum(subjects.geo_confidence[a], subjects.geo_confidence[b])
    sure = trust >= np.where(np.nan_to_num(facts.evidence["city"]) > 0, CERTAIN_GEO, SURE_GEO)
    far = ((facts.km > policy.vetoes.far_km) & sure) | outside(a, b, subjects) | outside(b, a, subjects)
    return far & ~subjects.online[a] & ~subjects.online[b]


def outside(one: Rows, other: Rows, subjects: Subjects) -> Mask:
    """Tell where the one's town lies in a landscape, as its name says, and certain coordinates of the other do not."""
    found = (subjects.landscape[one] >= 0) & (subjects.geo_confidence[other] >= CERTAIN_GEO)
    land = subjects.landscape[one[found]]
    here = (subjects.latitude[other[found]], subjects.longitude[other[found]])
    km = kilometres(*here, subjects.landscapes[land, 0], subjects.landscapes[land, 1])
    found[found] = km > subjects.landscapes[land, 2]
    return found


def _kinds_differ(facts: Facts, subjects: Subjects) -> Mask:
    a, b = facts.pairs.a, facts.pairs.b
    known = (subjects.kind[a] >= 0) & (subjects.kind[b] >= 0)
    different = known & (subjects.kind[a] != subjects.kind[b]) & ~(subjects.series[a] | subjects.series[b])
    visit = (subjects.visit[a] & (subjects.days[b] >= LONG_RUN)) | (
        subjects.visit[b] & (subjects.days[a] >= LONG_RUN)
    )
    ruled: Mask = different | visit
    return ruled


MANY_DATES: Final = 3
"""Dates from which a listing is a series and not an event that is shown twice."""


SERIES_REST: Final = 4.0
"""Bits that the title of a series may have alone."""


def _dates_of(facts: Facts, subjects: Subjects, policy: Policy) -> tuple[Mask, Mask]:
    """Find the dates of series: one announces many days, the other is one of them, at its hour and place, and names it."""
    a, b = facts.pairs.a, facts.pairs.b
    many = (subjects.dates >= MANY_DATES) | (subjects.series & (subjects.last_day > subjects.day))
    one = (subjects.dates == 1) & (subjects.days == 1)
    hours = np.nan_to_num(facts.meeting.apart) < policy.vetoes.side_by_side_minutes
    alike = _is_named(facts, subjects) & (facts.meeting.gap == 0) & hours & ~_kinds_differ(facts, subjects)
    a_date = alike & one[a] & many[b] & (facts.wording.rest_b <= SERIES_REST)
    b_date = alike & one[b] & many[a] & (facts.wording.rest_a <= SERIES_REST)
    return a_date, b_date


def _is_named(facts: Facts, subjects: Subjects) -> Mask:
    """Find the pairs whose titles share enough to name one of them in the other, in one town and not in two venues."""
    place = (np.nan_to_num(facts.evidence["city"]) >= 0) & (np.nan_to_num(facts.evidence["venue"]) > -1)
    named: Mask = place & (facts.wording.shared >= FESTIVAL_BITS)
    return named


ITEM_BITS: Final = 10.0
"""Information that the title of an item must have on top of its festival's."""

FESTIVAL_BITS: Final = 5.0
"""Information that the title of a series or festival must have to be recognised inside another."""

FESTIVAL_REST: Final = 0.4
"""Share of a festival's title that an item may leave out: "Festival", its subtitle."""


def _parts_of(facts: Facts, subjects: Subjects) -> tuple[Mask, Mask]:
    """Find the items of longer events: days within and at most half as many, most of its title in theirs, and more to say."""
    a, b = facts.pairs.a, facts.pairs.b
    rest_a, rest_b = facts.wording.rest_a, facts.wording.rest_b
    place = (np.nan_to_num(facts.evidence["city"]) >= 0) & (facts.wording.shared >= FESTIVAL_BITS)
    short_a, short_b = subjects.days[b] >= 2 * subjects.days[a], subjects.days[a] >= 2 * subjects.days[b]
    # Items do not repeat whose festival it is.
    in_b, in_a = (
        rest - subjects.performer_bits[whole] <= FESTIVAL_REST * subjects.title_bits[whole]
        for rest, whole in ((rest_b, b), (rest_a, a))
    )
    a_item = (
        place & facts.meeting.a_within_b & short_a & in_b & (rest_a >= ITEM_BITS) & ~_shown(a, b, subjects)
    )
    b_item = (
        place & facts.meeting.b_within_a & short_b & in_a & (rest_b >= ITEM_BITS) & ~_shown(b, a, subjects)
    )
    return a_item, b_item


def _shown(item: Rows, whole: Rows, subjects: Subjects) -> Mask:
    """Find exhibitions with their tours and openings: those are visits, not items."""
    shown: Mask = subjects.visit[item] & (subjects.days[whole] >= LONG_RUN)
    return shown
