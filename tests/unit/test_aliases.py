"""Aliases: two names of one house are learned from what sources put there, and from the addresses of others; traps are not."""

from typing import Any

import polars as pl
import pytest

from dedup_core.events import VERDICT_SCHEMA, Previous, Resolution
from dedup_core.explaining import explained
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing

LUTHER, PARISH = "Martin-Luther-Haus", "Ev. Gemeindehaus"
TOLD = ("Vortrag Bienenkönigin", "Lesung Rosa Wasserfall")


def twice(
    number: int, title: str, day: str, *, one: str = LUTHER, other: str = PARISH, city: str = "Waldkirch"
) -> list[dict[str, Any]]:
    """Let two sources put an event at two venues."""
    return [
        listing(f"{source}:{number}", title, day, "19:30", city=city, venue=venue)
        for source, venue in (("kal", one), ("mag", other))
    ]


def asked() -> list[dict[str, Any]]:
    """Let two sources put at two venues what begins in another town, too, so that it does not itself tell that they are one."""
    title, day = "Seniorennachmittag", "2026-09-30"
    return [*twice(9, title, day), listing("amt:9", title, day, "19:30", city="Endingen", venue="Kursaal")]


def resolved(*rows: list[dict[str, Any]]) -> Resolution:
    frame = events(*(row for part in rows for row in part))
    return resolve(
        frame, pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), default_policy(), observe=True
    )


def decided(result: Resolution, number: int = 9) -> dict[str, Any]:
    """Give the decision on the pair of a number."""
    pair = (pl.col("id") == str(number)) & (pl.col("source_code") != "amt")
    rows = result.events.with_row_index("row").filter(pair)["row"]
    assert result.seen is not None
    return (
        result.decisions.with_columns(seen=result.seen)
        .filter(pl.col("a").is_in(rows.implode()), pl.col("b").is_in(rows.implode()))
        .row(0, named=True)
    )


def further_house(city: str = "Waldkirch") -> list[dict[str, Any]]:
    """Let one of the two sources tell of another house of a town: it is no house's own programme."""
    return [listing(f"kal:{city}", "Jugendtreff", "2026-09-03", "15:00", city=city, venue="Bürgerhaus")]


TWO_EVENTS = twice(1, TOLD[0], "2026-09-01") + twice(2, TOLD[1], "2026-09-12")


def test_two_names_are_learned_from_two_events_of_the_town_and_the_explanation_says_so() -> None:
    decision = decided(resolved(TWO_EVENTS, further_house(), asked()))

    assert decision["decision"] == "match"
    venue = next(
        part for part in explained(decision, (("kal", "9"), ("mag", "9"))).parts if part.name == "venue"
    )
    assert venue.bits is not None
    assert venue.bits > 0
    assert "2 events of the town" in venue.seen


SIDE_BY_SIDE = [
    listing("amt:1", "Jugendtreff", "2026-10-05", "19:30", city="Waldkirch", venue=LUTHER),
    listing("amt:2", "Frauenfrühstück", "2026-10-05", "19:30", city="Waldkirch", venue=PARISH),
]
ADDRESSES = [
    listing(f"amt:{number}", title, "2026-10-07", city="Waldkirch", venue=venue, street=street, street_no="3")
    for number, (title, venue, street) in enumerate(
        [("Jugendtreff", LUTHER, "Kirchstraße"), ("Spielekreis", PARISH, "Bahnhofstraße")]
    )
]
FURTHER = [
    row
    for number, venue in enumerate(["Stadtbücherei", "Alte Post"], start=3)
    for row in twice(number, f"Xenophon{number} Ypsilon{number}", f"2026-09-{20 + number}", other=venue)
]


@pytest.mark.parametrize(
    "told",
    [
        pytest.param([], id="nothing told"),
        pytest.param(TWO_EVENTS[:2], id="one event of the town"),
        pytest.param(twice(1, TOLD[0], "2026-09-01", city="Lahr"), id="one event of one other town"),
        pytest.param(TWO_EVENTS + SIDE_BY_SIDE, id="a source lists two events at both at one minute"),
        pytest.param(TWO_EVENTS + ADDRESSES, id="both have an address of their own"),
        pytest.param(TWO_EVENTS + FURTHER, id="the one was found with further names: it is no house's"),
    ],
)
def test_two_names_stay_two_where_too_little_is_told_or_something_speaks_against_it(
    told: list[dict[str, Any]],
) -> None:
    assert decided(resolved(told, further_house(), asked()))["decision"] != "match"


PROGRAMME = (
    "Weltgebetstag Nigeria",
    "Sternsinger Aussendung",
    "Gottesdienst",
    "Adventskonzert",
    "Kinderkirche",
)


@pytest.mark.parametrize(
    ("venues", "further"),
    [
        pytest.param((LUTHER, PARISH), [], id="two houses' own programmes"),
        pytest.param(
            ("Kirche St. Josef", "Christuskirche"), further_house(), id="two churches by their names"
        ),
    ],
)
def test_what_two_houses_do_at_one_hour_makes_them_not_one(
    venues: tuple[str, str], further: list[dict[str, Any]]
) -> None:
    one, other = venues
    days = [
        twice(number, title, f"2026-10-{number + 1:02}", one=one, other=other)
        for number, title in enumerate(PROGRAMME)
    ]
    result = resolved(*days, further, asked())

    for number in (2, 3, 4):
        assert decided(result, number)["decision"] != "match"


def test_services_at_the_same_hours_do_not_make_two_churches_one() -> None:
    churches = {"one": "Christuskirche", "other": "Kirche St. Blasius"}
    services = ("Gottesdienst", "Familiengottesdienst", "Heilige Messe")
    sundays = [
        row
        for number, title in enumerate(services)
        for row in twice(number, title, f"2026-09-{6 + 7 * number:02}", **churches)
    ]

    assert decided(resolved(sundays, further_house()), 2)["decision"] != "match"


def test_what_several_towns_tell_holds_in_a_town_that_has_both_names() -> None:
    towns = [
        row for number, town in enumerate(["Lahr", "Kehl"]) for row in twice(number, TOLD[number], "2026-09-01", city=town)
    ]  # fmt: skip

    further = [row for town in ("Lahr", "Kehl") for row in further_house(town)]

    assert decided(resolved(towns, further, asked()))["decision"] == "match"


def test_what_several_towns_tell_holds_nowhere_if_too_many_tell_the_contrary() -> None:
    towns = [
        row for number, town in enumerate(["Lahr", "Kehl"]) for row in twice(number, TOLD[number], "2026-09-01", city=town)
    ]  # fmt: skip
    further = [row for town in ("Lahr", "Kehl") for row in further_house(town)]
    contrary = [
        listing(f"amt:{number}", title, "2026-10-05", "19:30", city="Offenburg", venue=venue)
        for number, (title, venue) in enumerate(
            [("Jugendtreff", LUTHER), ("Frauenfrühstück", PARISH)], start=20
        )
    ]

    assert decided(resolved(towns, further, contrary, asked()))["decision"] != "match"


def test_what_rain_drives_from_the_square_into_the_hall_makes_no_house_of_the_two() -> None:
    square, hall = "Marktplatz", "Stadthalle"
    moved = [
        row
        for number, title in enumerate(TOLD)
        for row in twice(number, title, f"2026-09-{number + 1:02}", one=square, other=hall)
    ]
    asked_there = [row | {"venue": square if row["source_code"] == "kal" else hall} for row in asked()[:2]]

    assert decided(resolved(moved, further_house(), asked_there, asked()[2:]))["decision"] != "match"


def test_another_listing_of_each_venue_tells_that_both_have_one_address() -> None:
    there = [row | {"street": "Kirchstraße", "street_no": "3"} for row in ADDRESSES]

    alone, told = decided(resolved(asked())), decided(resolved(asked(), there))

    assert alone["venue"] < 0
    assert told["venue"] > 0
    assert told["seen"]["one_address"]


def test_what_is_learned_does_not_depend_on_the_order_of_the_listings() -> None:
    rows = TWO_EVENTS + FURTHER + further_house() + asked()

    assert resolved(rows).result_hash == resolved(rows[::-1]).result_hash
