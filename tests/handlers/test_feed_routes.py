"""Feeds and exports over HTTP: what calendar programs send, what they get, and what an address may open."""

import base64
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import feedparser
import pytest
from icalendar import Calendar
from moto import mock_aws
from sqlalchemy import insert

from handlers import publishing_export
from infra.store import Store, keys
from infra.store.tables import links
from tests.handlers.calling import call
from tests.store.uploads import rows, run, save
from tests.unit.listings import listing


@pytest.fixture
def lending(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give a bucket to lend from."""
    monkeypatch.setenv("EVENT_DEDUP_RESULTS_BUCKET", "results")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        place: Any = {"LocationConstraint": "eu-central-1"}
        boto3.client("s3").create_bucket(Bucket="results", CreateBucketConfiguration=place)
        yield


@pytest.fixture
def deployed(lending: None, deployed: Store) -> Store:
    """Give a store of three events, one of them long over."""
    listings = [
        listing("bwb:1", "Jazzkonzert", "2099-05-02", "20:00", city="Waldkirch"),
        listing("bwb:2", "Flohmarkt am Kastelberg", "2099-06-07", city="Emmendingen"),
        listing("bwb:3", "Vortrag über Moorkunde", "2020-07-11", city="Waldkirch"),
    ]
    save(deployed, listings)
    run(deployed)
    return deployed


def summaries(answer: dict[str, Any]) -> list[str]:
    assert answer["statusCode"] == 200, answer["body"]
    return [str(part["SUMMARY"]) for part in Calendar.from_ical(answer["body"]).walk("VEVENT")]


def test_a_calendar_of_a_filter_is_given_once_and_then_only_when_it_changed(deployed: Store) -> None:
    answer = call("/events.ics?city=Waldkirch", {"host": "api.example"})
    tag = {"if-none-match": answer["headers"]["ETag"], "host": "api.example"}
    again = call("/events.ics?city=Waldkirch", tag)
    save(deployed, [listing("rza:1", "Lesung: Der Turm", "2099-08-01", city="Waldkirch")], key="rza_1.json")
    run(deployed)
    later = call("/events.ics?city=Waldkirch", tag)

    assert answer["headers"]["Content-Type"] == "text/calendar; charset=utf-8"
    assert summaries(answer) == ["Jazzkonzert"]
    assert "URL:http://api.example/events/ev_" in answer["body"]
    assert (again["statusCode"], again["body"]) == (304, "")
    assert summaries(later) == ["Jazzkonzert", "Lesung: Der Turm"]


def test_pages_of_a_feed_are_followed_by_their_links(deployed: Store) -> None:
    seen, path = [], "/events.ics?limit=1&since=2020-01-01"
    while path:
        answer = call(path)
        seen += summaries(answer)
        path = answer["headers"].get("Link", "<>").split(">")[0].removeprefix("<")

    assert seen == ["Vortrag über Moorkunde", "Jazzkonzert", "Flohmarkt am Kastelberg"]


def test_linked_data_and_news_are_read_by_their_readers(deployed: Store) -> None:
    linked, news = call("/events.jsonld?since=2090-01-01"), call("/events.rss?title=Termine&q=flohmarkt")

    assert linked["headers"]["Content-Type"].startswith("application/ld+json")
    assert [one["startDate"] for one in json.loads(linked["body"])["@graph"]] == [
        "2099-05-02T20:00:00+02:00",
        "2099-06-07",
    ]
    read = feedparser.parse(news["body"])
    (own,) = [link.href for link in read.feed.links if link.rel == "self"]
    assert own == "http://localhost/events.rss?title=Termine&q=flohmarkt"
    assert (read.feed.title, [entry.title for entry in read.entries]) == (
        "Termine",
        ["Flohmarkt am Kastelberg"],
    )


def test_what_is_part_of_another_event_says_so_on_both_sides(deployed: Store) -> None:
    ids = {
        row[1]: row[0] for row in rows(deployed.engine, "SELECT canonical_id, title FROM canonical_events")
    }
    part, whole = ids["Jazzkonzert"], ids["Flohmarkt am Kastelberg"]
    with deployed.engine.begin() as connection:
        connection.execute(insert(links), {"kind": "part_of", "from_id": part, "to_id": whole})

    graph = json.loads(call("/events.jsonld?since=2090-01-01")["body"])["@graph"]
    only_part = json.loads(call("/events.jsonld?since=2090-01-01&city=Waldkirch")["body"])["@graph"]

    nodes = {node["identifier"]: node for node in graph}
    assert [(one["@id"], one["name"]) for one in nodes[part]["superEvent"]] == [
        (nodes[whole]["@id"], "Flohmarkt am Kastelberg")
    ]
    assert [(one["@id"], one["name"]) for one in nodes[whole]["subEvent"]] == [
        (nodes[part]["@id"], "Jazzkonzert")
    ]
    assert only_part == [nodes[part]]  # what it is part of is named, also where the filter leaves it out


def test_a_key_in_the_address_opens_feeds_to_readers_and_nothing_else_to_anyone(deployed: Store) -> None:
    given = {}
    with deployed.engine.begin() as connection:
        for role in ("reader", "editor", "admin"):
            given[role] = keys.add_key(connection, name=role, role=role, author="test")

    def status(path: str, key: str) -> int:
        return int(call(f"{path}?key={key}", role=None)["statusCode"])

    feeds = ("/events.ics", "/events.jsonld", "/events.rss")
    assert {status(path, given["reader"]) for path in feeds} == {200}
    assert {status(path, given[role]) for path in feeds for role in ("editor", "admin")} == {401}
    assert {status(path, given["reader"]) for path in ("/events", "/export", "/changes")} == {403}
    assert status("/events.ics", "wrong") == 401


@pytest.mark.parametrize("query", ["limit=0", "since=soon", "cursor=abc", "limit=1001", "title=a%0ab"])
def test_a_feed_that_is_asked_for_wrongly_says_so(deployed: Store, query: str) -> None:
    answer = call(f"/events.ics?{query}")

    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (422, "application/problem+json")


def test_an_export_is_the_answer_itself_or_lent_from_the_bucket_and_too_much_is_refused(
    deployed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = call("/export?city=Waldkirch&created_since=2026-01-01T00:00:00Z")
    nothing = call("/export?created_before=2026-01-01T00:00:00")
    monkeypatch.setattr(publishing_export, "MOST_IN_ANSWER", 100)
    lent = call("/export?city=Waldkirch")
    monkeypatch.setattr(publishing_export, "MOST_WHILE_WAITING", 2)
    refused = call("/export")

    assert small["isBase64Encoded"]
    whole = base64.b64decode(small["body"])
    assert titles(whole) == {"Jazzkonzert", "Vortrag über Moorkunde"}
    assert titles(base64.b64decode(nothing["body"])) == set()
    assert lent["statusCode"] == 303
    key = lent["headers"]["Location"].split("?")[0].split("/", 3)[3].removeprefix("results/")
    kept = boto3.client("s3").get_object(Bucket="results", Key=key)["Body"].read()
    assert kept == whole
    assert "X-Amz-Expires=900" in lent["headers"]["Location"] or "Expires=" in lent["headers"]["Location"]
    assert refused["statusCode"] == 413
    assert "event-dedup export" in json.loads(refused["body"])["detail"]


def titles(whole: bytes) -> set[str]:
    with zipfile.ZipFile(BytesIO(whole)) as archive:
        files = [json.loads(archive.read(name)) for name in archive.namelist()]
    return {event["title"] for file in files for event in file["events"]}
