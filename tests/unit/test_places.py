"""Places: every usual way to write one leads to one key, and two places keep two."""

from typing import Any

import polars as pl
import pytest

from dedup_core.events import LISTING_SCHEMA
from dedup_core.places import Town, place_keys, towns
from tests.unit.listings import listing


def keys(**place: Any) -> dict[str, Any]:
    return place_keys(pl.DataFrame([listing("kal:1", "Konzert", **place)], schema=LISTING_SCHEMA)).row(
        0, named=True
    )


@pytest.mark.parametrize(
    "written", ["Hauptstr. 5", "Hauptstraße 5a", "Hauptstraße 5-7", "HAUPTSTR. 12 / 14", "Haupt­straße 5 b–d"]
)
def test_a_street_is_one_whatever_number_is_written_beside_it(written: str) -> None:
    assert keys(street=written)["street_key"] == keys(street="Hauptstraße")["street_key"]


def test_a_number_that_is_a_streets_name_stays() -> None:
    assert keys(street="Straße des 17. Juni 135")["street_key"] == "strasse des 17 juni"
    assert keys(street="C 4")["street_key"] != keys(street="C 5")["street_key"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Nashville, TN", Town("nashville")),
        ("Kollnau", Town("waldkirch", "kollnau")),
        ("Endingen-Amoltern", Town("endingen am kaiserstuhl", "amoltern")),
        ("Neu-Ulm", Town("neu ulm")),
        ("Groß-Gerau", Town("gross gerau")),
        ("Messe Wien Exhibition Center", Town("wien")),
        ("", Town(None)),
    ],
)
def test_a_name_means_its_town(written: str, meant: Town) -> None:
    assert towns([written]) == [meant]


def test_the_upstreams_town_holds_where_it_is_sure_or_alone() -> None:
    sanitized = {"sanitized_city": "Waldkirch", "sanitized_district": "Kollnau"}

    sure = keys(city="Emmendingen", **sanitized, sanitized_confidence=0.9)
    unsure = keys(city="Emmendingen", **sanitized, sanitized_confidence=0.3)
    alone = keys(**sanitized, sanitized_confidence=0.3)

    assert (sure["city_key"], sure["district_key"]) == ("waldkirch", "kollnau")
    assert (unsure["city_key"], unsure["district_key"]) == ("emmendingen", None)
    assert (alone["city_key"], alone["district_key"]) == ("waldkirch", None)


def test_a_venue_does_not_need_its_towns_name_unless_it_has_no_other() -> None:
    assert keys(venue="Stadthalle Waldkirch", city="Waldkirch") == keys(venue="Stadthalle", city="Waldkirch")
    assert keys(venue="Waldkirch", city="Waldkirch")["venue_key"] is None
    assert keys(venue="Stadthalle Waldkirch", city="Lahrbach")["venue_key"] == "stadthalle waldkirch"


@pytest.mark.parametrize("written", ["siehe Website", "Ort folgt", "N. N.", "diverse Orte"])
def test_a_venue_that_nobody_knows_is_none(written: str) -> None:
    assert keys(venue=written, city="Waldkirch")["venue_key"] is None


def test_what_takes_place_on_the_net_has_the_net_for_a_town_and_no_venue() -> None:
    assert keys(venue="Online")["city_key"] == keys(city="Online")["city_key"] == "online"
    assert keys(venue="Online")["venue_key"] is None
    assert keys(venue="Online", city="Waldkirch")["city_key"] == "waldkirch"
