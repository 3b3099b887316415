"""Vetoes and rivals on telling pairs: what no sum of evidence may overrule, and what is left to a person."""

from typing import Any

import polars as pl
import pytest

from dedup_core.events import VERDICT_SCHEMA, Previous, Resolution
from dedup_core.pipeline import resolve, subjects_and_words
from dedup_core.policy import default_policy
from dedup_core.rivals import RIVALS
from dedup_core.scoring import score
from dedup_core.subjects.contrasts import TEAMS
from dedup_core.vetoes import REASONS
from tests.unit.listings import events, listing, occurrence

POLICY = default_policy()
PLACE = {"city": "Waldkirch", "venue": "Stadthalle"}
HALL = {"venue": "Schwarzwaldhalle"}
PAIR = {"a": [0], "b": [1]}


def decision(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    frame = events(one, two)
    subjects, _ = subjects_and_words(frame, POLICY)
    pair = pl.DataFrame(PAIR, schema={"a": pl.UInt32, "b": pl.UInt32})
    return score(pair, subjects, POLICY, keep_all=True).decisions.row(0, named=True)


def resolved(*rows: dict[str, Any]) -> Resolution:
    return resolve(events(*rows), pl.DataFrame(schema=VERDICT_SCHEMA), Previous.nothing(), POLICY)


@pytest.mark.parametrize(
    ("one", "two", "reason", "decided"),
    [
        (
            listing("anz:1", "Hallenflohmarkt", start="08:00", city="Waldkirch", venue="Festhalle"),
            listing("kal:2", "Hallenflohmarkt", start="08:00", city="Lahrbach", venue="Festhalle"),
            "towns_differ",
            "no_match",
        ),
        (
            listing("kal:1", "Wochenmarkt", start="08:00", city="Waldkirch", venue="Marktplatz"),
            listing("tou:2", "Wochenmarkt", start="08:00", city="Waldkirch", venue="Bahnhofsplatz"),
            "places_differ",
            "ambiguous",
        ),
        (
            listing("kal:1", "Vorlesestunde", start="15:00", city="Waldkirch", venue="Bücherei"),
            listing("kal:2", "Vorlesestunde", start="15:00", city="Waldkirch", venue="Pfarrheim"),
            "side_by_side",
            "no_match",
        ),
        (
            listing("kin:1", "Die Schule der Magier 3", start="15:00", **PLACE),
            listing("amt:2", "Die Schule der Magier 4", start="15:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("tix:1", "VIP-Upgrade Mike Singert", start="20:00", **PLACE),
            listing("mag:2", "Mike Singert", start="20:00", **PLACE),
            "no_event",
            "no_match",
        ),
        (
            listing("cfa:1", "Regio PHP-Tag", start="09:00", **PLACE),
            listing("cfb:2", "Regio JavaScript-Tag", start="09:00", **PLACE),
            "two_names",
            "ambiguous",
        ),
        (
            listing(
                "ver:1",
                "Der keusche Lebemann",
                event_dates=[occurrence("2026-01-02", last="2026-01-17")],
                **PLACE,
            ),
            listing("rhz:2", "Premiere: Der keusche Lebemann", day="2026-01-02", start="20:00", **PLACE),
            "run_and_show",
            "no_match",
        ),
        (
            listing("kal:1", "SV Lautental – FC Obermoos", start="15:00", **PLACE),
            listing("ver:2", "SV Lautental II – FC Obermoos II", start="15:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("kal:1", "Discofox für Einsteiger", start="19:00", **PLACE),
            listing("kul:2", "Discofox für Fortgeschrittene", start="19:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("ver:1", "SV Walddorf (Damen) – TuS Ried", start="15:00", **PLACE),
            listing("kal:2", "SV Walddorf (Herren) – TuS Ried", start="15:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("amt:1", "Feuerwehrfest Abteilung Nord", start="11:00", **PLACE),
            listing("kal:2", "Feuerwehrfest Abteilung Süd", start="11:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("kal:1", "Discofox Basic", start="19:00", **PLACE),
            listing("amt:2", "Discofox Advanced", start="19:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("ver:1", "A-Jugend: SV Walddorf – TuS Ried", start="15:00", **PLACE),
            listing("kal:2", "B-Jugend: SV Walddorf – TuS Ried", start="15:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("ver:1", "Erste Mannschaft SV Walddorf – TuS Ried", start="15:00", **PLACE),
            listing("kal:2", "Zweite Mannschaft SV Walddorf – TuS Ried", start="15:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("kal:1", "Promenadenkonzert", start="10:30", city="Waldkirch", venue="Pavillon Ost"),
            listing("tou:2", "Promenadenkonzert", start="10:30", city="Waldkirch", venue="Pavillon West"),
            "venues_opposed",
            "no_match",
        ),
        (
            listing("amt:1", "Musikverein: Frühjahrskonzert", start="20:00", city="Waldkirch"),
            listing("kal:2", "Frühjahrskonzert der Stadtkapelle", start="20:00", **PLACE),
            "hosts_differ",
            "ambiguous",
        ),
        (
            listing("tix:1", "Die Nachtfalter + Support: Zimtkraut", start="20:30", **PLACE),
            listing("mag:2", "Zimtkraut", start="20:30", city="Waldkirch", venue="Rockkeller"),
            "places_differ",
            "ambiguous",
        ),
        (
            listing("amt:1", "Kammerkonzert mit Werken von Brahms", start="17:00", **PLACE),
            listing("kal:2", "Kammerkonzert mit Werken von Debussy", start="17:00", **PLACE),
            "one_replaced",
            "ambiguous",
        ),
        (
            listing("amt:1", "Schwimmkurs Gruppe Rot", start="17:00", **PLACE),
            listing("kal:2", "Schwimmkurs Gruppe Blau", start="17:00", **PLACE),
            "alternatives_differ",
            "no_match",
        ),
        (
            listing("amt:1", "Schützenverein: Jahreshauptversammlung", start="19:00", **PLACE),
            listing("kal:2", "Jahreshauptversammlung des Turnvereins", start="19:00", **PLACE),
            "clubs_meet",
            "no_match",
        ),
        (
            listing("amt:1", "Sommerfest Kindergarten Kollnau", start="14:00", city="Waldkirch"),
            listing("kal:2", "Sommerfest Kindergarten Sonnenschein", start="14:00", city="Waldkirch"),
            "one_replaced",
            "ambiguous",
        ),
        (
            listing("amt:1", "Kinderkleiderbasar", start="14:00", city="Waldkirch", venue="Turnhalle"),
            listing("kal:2", "Kinderkleiderbasar", start="14:00", city="Waldkirch", venue="Marktplatz"),
            "places_differ",
            "no_match",
        ),
        (
            listing("amt:1", "Sommerfest Kita Regenbogen", start="14:00", city="Waldkirch"),
            listing("kal:2", "Sommerfest Kita Sonnenschein", start="14:00", city="Waldkirch"),
            "two_of_a_kind",
            "no_match",
        ),
        (
            listing("amt:1", "Kammerorchester: Frühjahrskonzert", start="20:00", city="Waldkirch"),
            listing("kal:2", "Frühjahrskonzert der Stadtkapelle", start="19:30", **PLACE),
            "hosts_differ",
            "no_match",
        ),
        (
            listing(
                "amt:1", "Seniorennachmittag", start="14:30", city="Waldkirch", venue="Gemeindehaus Paulus"
            ),
            listing(
                "kal:2", "Seniorennachmittag", start="14:30", city="Waldkirch", venue="Johannes-Gemeindehaus"
            ),
            "houses_differ",
            "no_match",
        ),
        (
            listing("amt:1", "Stadtführung", start="14:00", **PLACE),
            listing("kal:2", "Stadtführung für Kinder", start="14:00", **PLACE),
            "audience_differs",
            "ambiguous",
        ),
        (
            listing("amt:1", "Kellerkind", start="19:00", **PLACE),
            listing("kal:2", "Kellerkinderchor", start="19:00", **PLACE),
            "heads_differ",
            "ambiguous",
        ),
        (
            listing("amt:1", "Musikverein Kappelsdorf: Frühschoppen", start="11:00", **PLACE),
            listing("kal:2", "Frühschoppen mit dem Musikverein Neusiedel", start="11:00", **PLACE),
            "clubs_differ",
            "ambiguous",
        ),
        (
            listing(
                "amt:1",
                "Sprechstunde der Rentenversicherung",
                start="14:00",
                city="Waldkirch",
                venue="Rathaus Waldkirch",
            ),
            listing(
                "kal:2",
                "Sprechstunde der Rentenversicherung",
                start="14:00",
                city="Waldkirch",
                venue="Rathaus Neusiedlach",
            ),
            "towns_named",
            "no_match",
        ),
        (
            listing(
                "amt:1", "Trio Zimtkraut", start="19:00", city="Waldkirch", venue="St. Blasius Waldkirch"
            ),
            listing(
                "kal:2", "Trio Zimtkraut", start="19:00", city="Waldkirch", venue="St. Blasius Neusiedlach"
            ),
            "towns_named",
            "ambiguous",
        ),
        (
            listing("amt:1", "Seniorennachmittag Waldkirch", start="14:30", **PLACE),
            listing("kal:2", "Seniorennachmittag Unterlach", start="14:30", **PLACE),
            "town_named",
            "ambiguous",
        ),
        (
            listing("amt:1", "Kleintierschau", start="10:00", city="Waldkirch", venue="Messehalle 1"),
            listing("kal:2", "Kleintierschau", start="10:00", city="Waldkirch", venue="Messehalle 2"),
            "venues_opposed",
            "ambiguous",
        ),
        (
            listing("amt:1", "SV Ried 2 – TuS Au 2", start="15:00", **PLACE),
            listing("kal:2", "SV Ried – TuS Au", start="15:00", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing(
                "mag:1", "Rotfuchs + Support: Kellerkind", start="20:30", city="Waldkirch", venue="Rockkeller"
            ),
            listing(
                "soc:2",
                "Kellerkind + Support: Rotfuchs",
                start="20:30",
                city="Waldkirch",
                venue="Alte Weberei",
            ),
            "places_differ",
            "no_match",
        ),
        (
            listing("kal:1", "SC Ried – SG Au", start="15:00", **PLACE),
            listing("ver:2", "SC Ried Frauen : SG Au Frauen", start="16:30", **PLACE),
            "number_differs",
            "no_match",
        ),
        (
            listing("kal:1", "Lange Nacht der Museen", start="18:00", city="Waldkirch"),
            listing("amt:2", "Lange Nacht der Museen: Kinderwerkstatt", start="18:00", city="Waldkirch"),
            "item_or_whole",
            "ambiguous",
        ),
        (
            listing("kin:1", "Elio", start="14:30", city="Waldkirch", venue="Central-Kino"),
            listing("tag:2", "Film: „Elio“", start="17:00", city="Waldkirch", venue="Central-Kino"),
            "two_shows",
            "ambiguous",
        ),
        (
            listing("kal:1", "Bernd Storz liest", day="2026-04-23", start="20:00", **PLACE),
            listing("tag:2", "Bernd Storz (Zusatztermin)", day="2026-04-23", **PLACE),
            "session_differs",
            "ambiguous",
        ),
        (
            listing(
                "tou:1",
                "Internationales Frauencafé",
                event_dates=[occurrence("2026-10-19", "10:00", last="2026-12-14")],
                **PLACE,
            ),
            listing("kal:2", "Internationales Frauencafé", day="2026-10-19", **PLACE),
            "run_and_show",
            "ambiguous",
        ),
        (
            listing("tix:1", "VELVET QUEENS – KULTURTAGE WALDKIRCH", start="20:00", **PLACE),
            listing("kul:2", "Die Hunde (Kulturtage Waldkirch)", start="20:00", **PLACE),
            "two_items",
            "ambiguous",
        ),
        (
            listing("kal:1", "Tag der offenen Tür", start="11:00", city="Oberried", venue="Schule"),
            listing("amt:2", "Tag der offenen Tür", start="11:00", city="Niederried", venue="Schule"),
            "towns_differ",
            "ambiguous",
        ),
    ],
)
def test_a_telling_difference_outweighs_all_that_is_equal(
    one: dict[str, Any], two: dict[str, Any], reason: str, decided: str
) -> None:
    told = decision(one, two)

    assert reason in (told["reasons"] or "").split()
    assert told["decision"] == decided


def test_the_ordinal_of_a_king_may_go_unsaid() -> None:
    told = decision(
        listing("ver:1", "Johannes Paul II. – ein Leben", start="19:00", **PLACE),
        listing("kal:2", "Vortrag: Johannes Paul – ein Leben", start="19:00", **PLACE),
    )

    assert told["decision"] == "match"


@pytest.mark.parametrize(("last", "joined"), [("2026-04-26", True), ("2026-04-25", False)])
def test_what_is_left_of_an_exhibition_is_no_item_of_it(last: str, *, joined: bool) -> None:
    whole = listing(
        "kul:1",
        "Ausstellung: Wege aus Glas",
        event_dates=[occurrence("2026-03-01", last="2026-04-26")],
        **PLACE,
    )
    rest = listing(
        "tou:2",
        "Wege aus Glas – Kunstausstellung mit Werken von Greta Sander",
        event_dates=[occurrence("2026-04-13", last=last)],
        **PLACE,
    )

    told = decision(whole, rest)

    assert ("item_or_whole" not in reasons(told)) is joined


AGATHA = {"city": "Waldkirch", "venue": "Agathakirche"}


def test_titles_that_say_what_and_who_part_less_at_one_minute_but_are_never_joined_for_it() -> None:
    reader = listing("kal:1", "Zora Zimtkraut", start="17:10", **AGATHA)

    one_minute, half_an_hour = (
        decision(reader, listing("mag:2", "Lesung in St. Agatha", start=start, **AGATHA))
        for start in ("17:10", "17:40")
    )

    assert one_minute["decision"] != "match"
    assert one_minute["title"] > half_an_hour["title"]


@pytest.mark.parametrize(
    ("start", "what", "decided"),
    [
        ("17:10", "Adventskonzert in St. Agatha", "match"),
        ("17:40", "Adventskonzert in St. Agatha", "no_match"),
        ("17:10", "Vortrag in St. Agatha", "no_match"),
        ("17:10", "Adventskonzert mit Zora Zimtkraut", "no_match"),
        ("17:10", "Orgelkonzert in St. Agatha", "no_match"),
    ],
)
def test_a_choir_and_a_concert_in_its_church_at_one_minute_are_one(
    start: str, what: str, decided: str
) -> None:
    choir = listing("kal:1", "Kirchenchor Cäcilia", start="17:10", **AGATHA)

    told = decision(choir, listing("mag:2", what, start=start, **AGATHA))
    run = resolved(choir, listing("mag:2", what, start=start, **AGATHA))

    assert told["decision"] == decided
    assert run.canonical_events.height == (1 if decided == "match" else 2)


def test_what_a_choir_does_by_itself_is_no_concert() -> None:
    told = decision(
        listing("kal:1", "Kirchenchor Probe", start="19:00", **AGATHA),
        listing("mag:2", "Konzert", start="19:00", **AGATHA),
    )

    assert "who_plays" not in (told["reasons"] or "")


@pytest.mark.parametrize(
    ("other", "decided"),
    [
        ("Dorffest", "match"),
        ("Dorffest des Musikvereins", "ambiguous"),
        ("Kinderdorffest", "ambiguous"),
        ("Bürgerfest", "no_match"),
    ],
)
def test_what_a_town_has_once_on_a_day_is_one_on_whichever_square(other: str, decided: str) -> None:
    one = listing("amt:1", "Dorffest", start="11:00", city="Waldkirch", venue="Kirchplatz")

    told = decision(one, listing("tou:2", other, start="11:00", city="Waldkirch", venue="Festwiese am Bach"))

    assert told["decision"] == decided


@pytest.mark.parametrize(
    ("other", "joined"),
    [
        ("Weihnachtsmarkt mit vierzig Buden", True),
        ("Eröffnung des Weihnachtsmarkts", False),
        ("Weihnachtsmarkt für Kinder", False),
    ],
)
def test_what_a_town_has_once_is_called_by_more_than_its_name_but_for_houses_and_items(
    other: str, *, joined: bool
) -> None:
    one = listing("amt:1", "Weihnachtsmarkt", start="16:00", city="Waldkirch", venue="Marktplatz")

    told = decision(one, listing("tou:2", other, start="16:00", city="Waldkirch"))

    assert (told["decision"] == "match") is joined


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param({}, {"district": "Kollnau"}, id="only one says which village"),
        pytest.param({"city": "Köln"}, {"city": "Köln"}, id="each quarter of a large town has its own"),
    ],
)
def test_what_a_town_has_once_it_may_have_twice(one: dict[str, str], two: dict[str, str]) -> None:
    place = {"start": "16:00", "city": "Waldkirch"}
    told = decision(
        listing("amt:1", "Weihnachtsmarkt", venue="Marktplatz", **(place | one)),
        listing("tou:2", "Weihnachtsmarkt", venue="Dorfplatz", **(place | two)),
    )

    assert told["decision"] == "ambiguous"


@pytest.mark.parametrize(
    ("thing", "other", "once"),
    [
        ("Weihnachtsmarkt", "Nikolaus-Weihnachtsmarkt", True),
        ("Weihnachtsmarkt", "Busfahrt zum Weihnachtsmarkt Colmar", False),
        ("Weihnachtsmarkt", "Weihnachtsmarkt: Bläserkreis Harmonia", False),
        ("Gemeinderat", "Kirchengemeinderat", False),
    ],
)
def test_a_trip_to_what_a_town_has_once_an_item_of_it_and_a_longer_word_are_something_else(
    thing: str, other: str, *, once: bool
) -> None:
    told = decision(
        listing("amt:1", thing, start="16:00", city="Waldkirch", venue="Marktplatz"),
        listing("tou:2", other, start="16:00", city="Waldkirch"),
    )

    assert ("once_in_town" in (told["reasons"] or "")) is once


def test_what_counts_as_rare_by_its_town_is_no_witness_of_two_villages() -> None:
    fairs = [
        listing("kal:1", "Weihnachtsmarkt", start="14:00", city="Waldkirch", venue="Marktplatz"),
        listing("amt:1", "Historischer Weihnachtsmarkt", start="14:00", city="Waldkirch"),
        listing("tou:1", "Nikolaus-Weihnachtsmarkt", start="14:00", city="Waldkirch"),
    ]
    reasons = resolved(*fairs).decisions["reasons"].drop_nulls()

    assert reasons.str.contains("once_in_town").any()
    assert not reasons.str.contains("witnessed").any()


@pytest.mark.parametrize(
    ("house", "outside", "decided"),
    [
        ("Stadthalle", "Kirchwiesen", "no_match"),
        ("Stadthalle", "Theaterplatz", "no_match"),
        ("Bürgerhaus", "Museumsplatz", "no_match"),
        ("Theater am Tor", "Theaterplatz", "ambiguous"),
        ("Lutherkirche", "Kirchgarten", "ambiguous"),
        ("Gemeindehaus", "Kirchstraße", "no_match"),
        ("Gemeindehaus", "Kirchstraße 3", "ambiguous"),
        ("Ev. Gemeindehaus", "Kirchgasse 2 b", "ambiguous"),
        ("Bürgerhaus", "Bahnhofstraße 5", "ambiguous"),
        ("Gemeindehaus", "Kindergarten Regenbogen", "ambiguous"),
        ("Landgasthof Krone", "Biergarten", "ambiguous"),
        ("Kurhaus", "Kurpark", "ambiguous"),
        ("Schützenhaus", "Schützenplatz", "ambiguous"),
        ("Festhalle", "Festplatz", "ambiguous"),
        ("Gemeindehaus", "Gemeindegarten", "ambiguous"),
    ],
)
def test_a_house_is_not_out_of_doors_but_for_what_is_its_own(house: str, outside: str, decided: str) -> None:
    one = listing("amt:1", "Kinderkleiderbasar", start="14:00", city="Waldkirch", venue=house)
    other = listing("kal:2", "Kinderkleiderbasar", start="14:00", city="Waldkirch", venue=outside)

    assert decision(one, other)["decision"] == decided


@pytest.mark.parametrize(
    ("one", "other", "two"),
    [
        (
            "Bürger- und Heimatverein: Mitgliederversammlung",
            "Mitgliederversammlung des Bürgervereins",
            False,
        ),
        (
            "Musik- und Gesangverein: Jahreshauptversammlung",
            "Jahreshauptversammlung Musikverein",
            False,
        ),
        (
            "Turn-, Musik- und Heimatverein: Jahreshauptversammlung",
            "Jahreshauptversammlung des Turnvereins",
            False,
        ),
        ("Turn-/Musikverein: Mitgliederversammlung", "Mitgliederversammlung des Turnvereins", False),
        ("Bürger- und Heimatverein: Stammtisch", "Stammtisch des Musikvereins", True),
    ],
)
def test_of_two_clubs_in_one_name_either_may_be_meant(one: str, other: str, *, two: bool) -> None:
    inn = {"start": "19:00", "city": "Waldkirch", "venue": "Gasthaus Krone"}

    told = decision(listing("amt:1", one, **inn), listing("kal:2", other, **inn))

    assert ("clubs_meet" in str(told["reasons"])) is two


@pytest.mark.parametrize("town", ["Zell a. H.", "Zell am Harmersbach-Ort"])
def test_a_town_that_is_only_shortened_or_lengthened_is_no_other_town(town: str) -> None:
    one = listing(
        "kal:1",
        "Jahreskonzert der Stadtkapelle",
        start="19:30",
        city="Zell am Harmersbach",
        venue="Stadthalle",
    )

    told = decision(one, {**one, "source_code": "amt", "city": town})

    assert told["decision"] == "match"


def test_one_address_is_one_venue_whatever_it_is_called() -> None:
    arena = listing(
        "kal:1",
        "Handball-Derby",
        start="19:00",
        city="Waldkirch",
        venue="Rheintalhalle",
        street="Sportweg",
        street_no="5",
    )

    told = decision(arena, {**arena, "source_code": "tix", "venue": "Volksbank-Arena"})

    assert told["venue"] >= 0
    assert told["decision"] == "match"


def test_a_listing_without_a_time_joins_neither_of_two_shows_and_is_linked_to_both() -> None:
    shows = [
        listing(f"tix:{start[:2]}", "Circus Almani", start=start, **PLACE) for start in ("15:00", "19:30")
    ]

    result = resolved(*shows, listing("kal:1", "Circus Almani", **PLACE))

    assert result.canonical_events.height == 3
    assert result.review.height == 0
    assert result.links["kind"].to_list() == ["date_of", "date_of"]


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("Vorstellungen um 15 und 18 Uhr.", True),
        ("Um 15:00 und 18:00 in der Halle.", True),
        ("Eintritt 15.00 Euro, Einlass eine halbe Stunde vorher.", True),
        ("Beginn ist um 15 Uhr.", False),
        ("Einlass 14.30 Uhr, Beginn 15 Uhr, am 12.05.", False),
        ("Um 15 Uhr. Karten gibt es ab 9 Uhr im Rathaus.", False),
    ],
)
def test_a_text_tells_which_of_two_shows_a_listing_without_a_time_means(text: str, *, both: bool) -> None:
    shows = [
        listing(f"tix:{start[:2]}", "Circus Almani", start=start, **PLACE) for start in ("15:00", "18:00")
    ]

    result = resolved(*shows, listing("kal:1", "Circus Almani", description=text, **PLACE))

    assert result.links.height == (2 if both else 0)


def test_a_listing_without_a_time_that_says_less_than_two_concerts_is_for_a_person() -> None:
    concerts = [
        listing("kal:15", "Adventskonzert des Kirchenchors", start="15:00", city="Waldkirch"),
        listing("kal:18", "Adventskonzert des Gospelchors", start="18:00", city="Waldkirch"),
    ]

    vague, both = (
        resolved(*concerts, listing("mag:1", title, city="Waldkirch"))
        for title in ("Adventskonzert", "Adventskonzerte von Kirchenchor und Gospelchor")
    )

    assert vague.links.height == 0
    assert both.links["kind"].to_list() == ["part_of", "part_of"]


def test_the_show_of_the_other_hour_is_outdone_by_the_one_of_its_own() -> None:
    shows = [listing(f"kin:{start[:2]}", "Nussknacker", start=start, **PLACE) for start in ("15:00", "19:00")]

    result = resolved(*shows, listing("mag:1", "Nussknacker", start="19:00", **PLACE))

    assert sorted(result.members.group_by("canonical_id").len()["len"]) == [1, 2]
    assert result.review.height == 0


def test_a_date_of_a_series_is_linked_and_not_merged() -> None:
    days = [occurrence(f"2026-08-{day}", "18:30") for day in ("05", "12", "19", "26")]

    result = resolved(
        listing("kal:1", "Jeden Mittwoch Yoga im Park", event_dates=days, **PLACE),
        listing("soc:2", "Yoga im Park 12.8.", day="2026-08-12", start="18:30", **PLACE),
    )

    assert result.links["kind"].to_list() == ["date_of"]
    assert result.canonical_events.height == 2


@pytest.mark.parametrize(
    ("letter", "years", "one"), [("A", 19, True), ("A", 18, True), ("B", 17, True), ("B", 18, False)]
)
def test_a_youth_team_is_named_by_its_letter_or_by_its_years(letter: str, years: int, *, one: bool) -> None:
    lettered = listing("ver:1", f"{letter}-Jugend: SV Walddorf – TuS Ried", start="15:00", **PLACE)
    counted = listing("kal:2", f"SV Walddorf U{years} – TuS Ried U{years}", start="15:00", **PLACE)

    levels = subjects_and_words(events(lettered, counted), POLICY)[0].level

    assert bool(levels[0, TEAMS] == levels[1, TEAMS]) is one


def test_what_children_do_is_no_word_of_headlines() -> None:
    reading, playing = (
        listing(f"{source}:1", f"{what} und Basteln", start="15:00", **PLACE)
        for source, what in (("kal", "Lesen"), ("amt", "Spielen"))
    )

    assert decision(reading, playing)["decision"] != "match"


def test_several_dates_and_one_of_them_are_never_joined() -> None:
    days = [occurrence(f"2026-08-{day}", "20:00") for day in ("05", "06")]
    both = listing("kal:1", "Nathan der Weise: Klassiker im Hof", event_dates=days, **PLACE)
    first = {"day": "2026-08-05", "start": "20:00", **PLACE}

    linked = resolved(both, listing("tix:2", "NATHAN DER WEISE", **first))
    asked = decision(both, listing("tix:2", "Nathan der Weise – Gastspiel des Landestheaters", **first))

    assert linked.links["kind"].to_list() == ["date_of"]
    assert "several_and_one" in reasons(asked)
    assert asked["decision"] != "match"


def test_the_hall_of_that_name_in_the_next_town_is_asked_about_where_coordinates_are_sure() -> None:
    where: dict[str, Any] = {"latitude": 48.09, "longitude": 7.96, "geo_confidence": 0.9, **HALL}
    one = listing("kal:1", "Pflanzenbörse", city="Waldkirch", start="13:00", **where)
    two = listing("tou:1", "Pflanzenbörse", city="Lahrbach", start="13:00", **where | {"latitude": 48.1})

    assert decision(one, two)["decision"] != "match"
    assert "neighbours" not in reasons(decision(one, two | {"latitude": 48.0901}))


def reasons(told: dict[str, Any]) -> list[str]:
    return (told["reasons"] or "").split()


def test_starts_hours_apart_are_for_a_person_unless_the_event_was_moved() -> None:
    text = "Ein Abend mit der Stadtkapelle, mit Werken von Bruckner, Dvorak und Piazzolla."
    early = listing("kal:1", "Karpaten Nacht", start="17:00", description=text, **PLACE)

    two_hours, three_hours = (
        decision(early, listing("mag:1", "Karpaten Nacht", start=start, description=text, **PLACE))
        for start in ("19:00", "20:00")
    )
    moved = decision(
        early, listing("mag:1", "Karpaten Nacht (verlegt vom 2.5.)", day="2026-05-09", start="20:00", **PLACE)
    )

    assert "hours_apart" not in reasons(two_hours)
    assert "hours_apart" in reasons(three_hours)
    assert three_hours["decision"] != "match"
    assert "hours_apart" not in reasons(moved)


@pytest.mark.parametrize(
    ("start", "venue", "left"),
    [
        ("20:00", "Stadthalle", False),
        ("20:30", "Stadthalle", True),
        ("20:00", "Bahnhof", True),
        (None, "Stadthalle", True),
    ],
)
def test_one_stage_has_room_for_one_name_at_one_minute(start: str | None, venue: str, left: bool) -> None:
    shared = "Ohrenschmaus Sulzmatten Wildwasserrodeo"

    told = decision(
        listing("kal:1", f"{shared} Philipzen", start="20:00", **PLACE),
        listing("mag:1", f"{shared} Brentano", start=start, city="Waldkirch", venue=venue),
    )

    assert ("two_names" in reasons(told)) is left


def test_one_stage_lifts_nothing_from_titles_that_share_the_smaller_part() -> None:
    told = decision(
        listing("kal:1", "Ohrenschmaus Philipzen", start="20:00", **PLACE),
        listing("mag:1", "Ohrenschmaus Brentano", start="20:00", **PLACE),
    )

    assert "two_names" in reasons(told)
    assert told["decision"] != "match"


def test_an_article_and_the_entry_in_the_calendar_may_be_of_one_source() -> None:
    entry = listing("bwb:1", "Fasnetumzug Waldkirch", start="14:11", source_type="terminliste", **PLACE)
    headline = "Philipzen lockt Tausende"

    article, second_entry = (
        decision(entry, listing("bwb:2", headline, start="14:11", source_type=kind, **PLACE))
        for kind in ("artikel", "terminliste")
    )

    assert "side_by_side" not in reasons(article)
    assert "side_by_side" in reasons(second_entry)
    assert article["decision"] != "match"


@pytest.mark.parametrize(("start", "left"), [("23:00", False), ("20:00", True), (None, True)])
def test_the_start_settles_which_session_is_meant(start: str | None, left: bool) -> None:
    told = decision(
        listing("kal:1", "[LATE] Sub Rosa", start="23:00", **PLACE),
        listing("mag:1", "Sub Rosa", start=start, **PLACE),
    )

    assert ("session_differs" in reasons(told)) is left


@pytest.mark.parametrize(
    ("titles", "venue"),
    [
        (("Schwimmkurs", "Schwimmkurs Gruppe Rot", "Schwimmkurs Gruppe Blau"), "Hallenbad"),
        (("Sommerfest Kita", "Sommerfest Kita Regenbogen", "Sommerfest Kita Sonnenschein"), None),
        (("Sprachkurs", "Sprachkurs Spanisch", "Sprachkurs Italienisch"), "VHS"),
    ],
)
def test_a_bare_third_listing_does_not_join_what_is_two(
    titles: tuple[str, str, str], venue: str | None
) -> None:
    rows = [
        listing(f"{source}:1", title, start="17:00", city="Waldkirch", venue=venue)
        for source, title in zip(("kal", "amt", "tou"), titles, strict=True)
    ]

    result = resolved(*rows)

    assert result.canonical_events.height == 3
    assert result.review.height == 2


def test_what_fits_two_entries_of_one_source_is_for_a_person() -> None:
    entries = [
        listing(f"kal:{n}", f"Vorlesestunde mit {name}", start="15:00", **PLACE)
        for n, name in enumerate(("Philipzen", "Brentano"))
    ]

    result = resolved(*entries, listing("mag:1", "Vorlesestunde", start="15:00", **PLACE))

    asked = result.decisions.filter(pl.col("reasons").fill_null("").str.contains("torn"))
    assert asked.height == 2
    assert "match" not in result.decisions["decision"]
    assert result.canonical_events.height == 3


def test_an_entry_that_fits_clearly_better_outdoes_its_sister() -> None:
    entries = [
        listing(f"kal:{n}", f"Vorlesestunde mit {name}", start="15:00", **PLACE)
        for n, name in enumerate(("Philipzen", "Brentano"))
    ]

    result = resolved(*entries, listing("mag:1", "Vorlesestunde mit Philipzen", start="15:00", **PLACE))

    assert sorted(result.members.group_by("canonical_id").len()["len"]) == [1, 2]
    assert result.review.height == 0


def test_no_chain_of_copies_joins_two_shows() -> None:
    shows = [listing(f"kal:{hour}", "Nussknacker", start=f"{hour}:00", **PLACE) for hour in (15, 19)]
    between = [
        listing(f"{source}:1", "Nussknacker", start="16:30", **PLACE) for source in ("mag", "tix", "amt")
    ]

    result = resolved(*shows, *between)

    ids = result.members.filter(pl.col("source_code") == "kal")["canonical_id"]
    assert ids.n_unique() == 2


def test_no_reason_has_two_meanings() -> None:
    assert not set(REASONS) & set(RIVALS)


def test_an_artist_shows_in_two_museums_from_and_to_other_days() -> None:
    one = listing("kal:1", "Ines Fleig: Keramik", city="Waldkirch", venue="Rathaus")
    two = listing("tou:1", "Ines Fleig: Keramik", city="Waldkirch", venue="Schlossmuseum")
    one["event_dates"] = [occurrence("2026-02-05", last="2026-05-11")]
    two["event_dates"] = [occurrence("2026-02-03", last="2026-04-21")]

    found = decision(one, two)

    assert found["decision"] == "no_match"
    assert "two_runs" in found["reasons"].split()


def test_two_districts_have_a_village_fair_each() -> None:
    one = listing("kal:1", "Dorffest", city="Waldkirch", district="Kollnau")
    two = listing("tou:1", "Dorffest mit Musik", city="Waldkirch", district="Buchholz")

    found = decision(one, two)

    assert found["decision"] == "no_match"
    assert "districts_differ" in found["reasons"].split()


def test_a_town_named_after_a_landscape_is_not_its_namesake_far_from_there() -> None:
    there: dict[str, Any] = {"latitude": 47.583, "longitude": 9.914, "geo_confidence": 0.9}
    elsewhere: dict[str, Any] = {"latitude": 48.331, "longitude": 7.861, "geo_confidence": 0.9}
    named = listing("amt:1", "Maibaumstellen", city="Weiler im Allgäu")

    near = decision(named, listing("kal:1", "Maibaumstellen", city="Weiler", **there))
    far = decision(named, listing("kal:1", "Maibaumstellen", city="Weiler", **elsewhere))

    assert "far_apart" in far["reasons"].split()
    assert "far_apart" not in (near["reasons"] or "").split()


def test_doors_and_start_in_the_evening_of_one_source_are_asked_about_and_two_matinees_are_not() -> None:
    evening = [
        listing(f"ver:{n}", "Hexenball", start=start, **PLACE) for n, start in enumerate(("19:00", "20:00"))
    ]
    morning = [
        listing(f"ver:{n}", "Kasperle", start=start, **PLACE) for n, start in enumerate(("10:00", "11:00"))
    ]

    assert decision(*evening)["weight"] > POLICY.clustering.refuse_below
    assert decision(*morning)["weight"] <= POLICY.clustering.refuse_below


def test_midnight_is_that_of_the_night_before_where_the_other_says_so_and_a_question_where_nothing_does() -> (
    None
):
    def night(source: str, day: str, start: str) -> dict[str, Any]:
        return listing(source, "Techno im Keller", day=day, start=start, **PLACE)

    midnight = night("mag:1", "2026-02-14", "00:00")

    assert decision(night("kal:1", "2026-02-13", "24:00"), midnight)["reasons"] is None
    assert decision(night("kal:1", "2026-02-13", "23:30"), midnight)["reasons"] == "midnight"
    assert decision(night("kal:1", "2026-02-13", "23:30"), midnight)["decision"] == "ambiguous"
    assert "no_common_day" in decision(midnight, night("tou:1", "2026-02-13", "19:00"))["reasons"].split()


def test_a_slot_in_a_window_that_is_open_by_day_is_asked_about_and_its_doors_are_not() -> None:
    window = listing("kal:1", "Kinderschminken", **PLACE)
    window["event_dates"] = [occurrence("2026-04-18", "10:00", "18:00")]
    late, early = (
        listing("ver:1", "Kinderschminken", day="2026-04-18", start=start, **PLACE)
        for start in ("15:00", "11:00")
    )

    assert decision(window, late)["reasons"] == "hours_apart"
    assert decision(window, early)["reasons"] is None


def test_two_near_towns_are_two_places_unless_the_venue_is_one() -> None:
    where: dict[str, Any] = {"latitude": 48.09, "longitude": 7.96, "geo_confidence": 0.4}
    one = listing("kal:1", "Spielzeugbörse", city="Waldkirch", **where)
    two = listing("tou:1", "Spielzeugbörse", city="Lahrbach", **where | {"latitude": 48.1})

    assert "neighbours" in decision(one, two)["reasons"].split()
    assert "neighbours" not in (decision({**one, **HALL}, {**two, **HALL})["reasons"] or "")


def test_a_district_that_only_the_venue_suggests_parts_nothing() -> None:
    inn = {"city": "Waldkirch", "venue": "Gasthaus Kollnau"}
    rows = [
        listing("amt:1", "Preisbinokel", start="19:00", **inn),
        listing("kal:1", "Preisbinokel", start="19:00", district="Innenstadt", **inn),
        listing("kal:2", "Hallenflohmarkt", start="10:00", city="Waldkirch", district="Kollnau"),
    ]

    assert resolved(*rows).canonical_events.height == 2


def test_what_begins_while_the_party_lasts_may_be_a_part_of_it() -> None:
    party = listing("tix:1", "90er-Party", **PLACE)
    party["event_dates"] = [occurrence("2026-04-18", "22:00", "03:00")]
    act = listing("soc:1", "90er-Party", day="2026-04-19", start="01:00", **PLACE)
    unended = listing("kal:1", "90er-Party", day="2026-04-18", start="22:00", **PLACE)

    assert "hours_apart" not in (decision(party, act)["reasons"] or "")
    assert "hours_apart" in decision(unended, act)["reasons"].split()


@pytest.mark.parametrize(
    ("one", "other", "more", "joined"),
    [
        ("PyCon 2026", "PyCon US", {"city": "Long Beach", "country": "USA"}, True),
        ("IT Day", "HR Day", {"city": "Rom", "country": "Italy"}, False),
        ("Vortrag Österreich", "Vortrag Norwegen", {"city": "Graz", "country": "AT"}, False),
        ("Der Ring II – Die Walküre", "Die Walküre", PLACE, True),
        ("SV Lautental II", "SV Lautental", PLACE, False),
        ("Flohmarkt in der Altstadt", "Flohmarkt am Stadion", {"city": "Waldkirch"}, False),
    ],
)
def test_what_goes_without_saying_joins_nothing_else(
    one: str, other: str, more: dict[str, Any], *, joined: bool
) -> None:
    told = decision(
        listing("amt:1", one, start="19:00", **more), listing("kal:2", other, start="19:00", **more)
    )

    assert (told["decision"] == "match") is joined


@pytest.mark.parametrize(
    ("source", "text", "decided"),
    [("vhs", "", "ambiguous"), ("kal", "other", "ambiguous"), ("vhs", "other", "no_match")],
)
def test_what_a_source_lists_for_two_audiences_with_two_texts_is_two(
    source: str, text: str, decided: str
) -> None:
    """Another source may leave out for whom it is, and a source may list one thing twice."""
    texts = {
        "": "Im Kurs lernen Erwachsene, was bei Unfällen im Haushalt und im Verkehr zu tun ist, mit vielen Übungen.",
        "other": "Wie man Säuglingen hilft: Verschlucken, Fieberkrampf, Verbrühung. Eine Krankenschwester zeigt Handgriffe.",
    }
    found = decision(
        listing("vhs:1", "Erste Hilfe", start="09:00", description=texts[""], **PLACE),
        listing(f"{source}:2", "Erste Hilfe am Kind", start="09:00", description=texts[text], **PLACE),
    )

    assert found["decision"] == decided
    assert "audience_differs" in found["reasons"]


@pytest.mark.parametrize(("until", "relation"), [("2026-07-31", "b_part_of_a"), ("2026-07-20", None)])
def test_a_run_named_as_an_item_of_a_programme_is_linked_to_it_on_its_days_and_asked_about_on_others(
    until: str, relation: str | None
) -> None:
    whole = occurrence("2026-06-01", last="2026-07-31")
    item = occurrence("2026-06-01", last=until)
    found = decision(
        listing("amt:1", "Kultursommer", city="Waldkirch", event_dates=[whole]),
        listing("kal:2", "Kultursommer – Skulpturenpfad", city="Waldkirch", event_dates=[item]),
    )

    assert found["relation"] == relation
    assert found["decision"] == ("no_match" if relation else "ambiguous")
    assert "runs_of_one" in found["reasons"]
