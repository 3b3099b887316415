"""Reasons: why a weight was cut, in the words that a reviewer is shown."""

from typing import Final

REASONS: Final = {
    "title_differs": "The titles name different things.",
    "headline_differs": "A headline names no event, so differing titles are left to a person.",
    "two_names": "Each title has a name of its own that the other lacks, as sibling events have.",
    "kind_only": "All that the titles share is common, and each says something of its own.",
    "two_items": "All that the titles share is who invites or the festival, and each names an item of its own.",
    "number_differs": "The titles hold different numbers or levels, as parts, groups and ages do.",
    "hosts_differ": "Each title names another club or band, and nothing says that they have one venue.",
    "towns_differ": "They are in different towns: nobody but a person may join them.",
    "neighbours": "They are in two towns that are near each other, and nothing says that it is one place.",
    "places_differ": "All that the titles share is common, or only says who invites or plays before, and the places differ.",
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
