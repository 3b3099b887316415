import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from sqlalchemy import insert, text

from handlers import api
from handlers.routes import health
from infra.store import Store, keys
from infra.store.tables import changes
from tests.handlers.calling import ask, call, got
from tests.handlers.conftest import forget_wiring
from tests.store.uploads import run, save
from tests.unit.listings import listing

pytestmark = pytest.mark.usefixtures("deployed")


def concert(identity: str, **fields: Any) -> dict[str, Any]:
    place = {"city": "Waldkirch", "venue": "Stadthalle", "street": "Marktplatz", "street_no": "1"}
    return listing(identity, "Jazzkonzert mit dem Bregtal Quintett", "2026-05-02", "20:00", **place | fields)


@pytest.fixture
def matched(deployed: Store) -> Store:
    """Give a store of four events, the concert one of two listings."""
    save(
        deployed,
        [concert("bwb:1"), listing("bwb:2", "Flohmarkt am Kastelberg", "2026-06-07", city="Emmendingen")],
    )
    others = [concert("rza:1"), listing("rza:2", "Vortrag über Moorkunde", "2026-07-11", city="Freiburg")]
    save(
        deployed,
        [*others, listing("rza:3", "Lesung: Der Turm", "2026-08-01", city="Freiburg")],
        key="rza_1.json",
    )
    run(deployed)
    return deployed


def test_events_are_listed_a_page_at_a_time_by_the_link_that_each_page_gives(matched: Store) -> None:
    seen, path = [], "/events?limit=1&sort=-first_day&since=2026-01-01"

    for _ in range(4):
        answer = call(path)
        seen += [event["title"] for event in json.loads(answer["body"])["events"]]
        path = answer["headers"].get("Link", "<>").split(">")[0].removeprefix("<")

    assert path == ""
    assert seen == [
        "Lesung: Der Turm",
        "Vortrag über Moorkunde",
        "Flohmarkt am Kastelberg",
        "Jazzkonzert mit dem Bregtal Quintett",
    ]


@pytest.mark.parametrize("sort", ["status", "-needs_review", "needs_review", "-created_at"])
def test_pages_by_state_and_by_when_events_came_go_on_and_turn_round(matched: Store, sort: str) -> None:
    with matched.engine.begin() as connection:
        connection.execute(text("UPDATE canonical_events SET status = 'moved' WHERE title LIKE 'Vortrag%'"))
        connection.execute(text("UPDATE canonical_events SET needs_review = true WHERE title LIKE 'Jazz%'"))
        column = sort.removeprefix("-")
        meant = connection.execute(
            text(f"SELECT canonical_id FROM canonical_events ORDER BY {column}, canonical_id")
        )
        ordered = list(meant.scalars())
    seen: list[str] = []
    path = f"/events?limit=1&sort={sort}"

    while path:
        answer = call(path)
        seen += [event["id"] for event in json.loads(answer["body"])["events"]]
        path = answer["headers"].get("Link", "<>").split(">")[0].removeprefix("<")
    made_up = urlsafe_b64encode(json.dumps([sort, {"a": 1}, "ev_a"]).encode()).decode()

    assert seen == (ordered[::-1] if sort.startswith("-") else ordered)
    assert ask(f"/events?sort={sort}&cursor={made_up}")[0] == (200 if column == "status" else 422)


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=morkunde", ["Vortrag über Moorkunde"]),
        ("city=Freiburg&until=2026-07-31", ["Vortrag über Moorkunde"]),
        ("source=bwb&city=Emmendingen", ["Flohmarkt am Kastelberg"]),
        ("status=cancelled", []),
        ("updated_since=2999-01-01T00:00:00Z", []),
        ("near=48.0,7.9&radius_km=5", []),
    ],
)
def test_filters_narrow_the_list(matched: Store, query: str, titles: list[str]) -> None:
    assert [event["title"] for event in got(f"/events?{query}")["events"]] == titles


def test_an_event_comes_with_its_listings_the_reasons_and_its_history(matched: Store) -> None:
    event = got("/events?q=jazzkonzert")["events"][0]
    path = f"/events/{event['id']}"

    decision = got(f"{path}/decisions")["decisions"][0]
    parts = decision["explanation"]["parts"]

    assert got(path)["title"] == event["title"]
    assert [(s["source_code"], s["raw"]["id"]) for s in got(f"{path}/sources")["sources"]] == [
        ("bwb", "1"),
        ("rza", "1"),
    ]
    assert sum(part["bits"] or 0 for part in parts) == pytest.approx(
        decision["explanation"]["weight"], abs=0.01
    )
    assert all(part["meaning"] for part in parts)
    assert [change["kind"] for change in got(f"{path}/history")["changes"]] == ["created"]


def test_a_merged_id_leads_to_its_survivor_and_stays_in_the_changes(matched: Store) -> None:
    lecture, reading = (event["id"] for event in got("/events?city=Freiburg")["events"])
    seen = got("/changes")["last"]
    matched.give_verdict("must_link", ("rza", "2"), ("rza", "3"), author="ada")
    run(matched)
    survivor = got("/events?city=Freiburg")["events"][0]["id"]
    gone = ({lecture, reading} - {survivor}).pop()

    for below in ("", "/sources", "/decisions"):
        answer = call(f"/events/{gone}{below}")
        assert (answer["statusCode"], answer["headers"]["Location"]) == (308, f"/events/{survivor}{below}")
    told = {change["canonical_id"]: change for change in got(f"/changes?after={seen}")["changes"]}
    assert told.keys() == {survivor, gone}
    assert (told[gone]["kind"], told[gone]["successors"], told[gone]["event"]) == ("merged", [survivor], None)
    assert told[survivor]["event"]["id"] == survivor


def test_an_id_that_was_split_to_several_is_gone_and_names_them(matched: Store) -> None:
    _, market, lecture, _ = (event["id"] for event in got("/events")["events"])
    row = {"generation": 9, "canonical_id": "ev_split", "kind": "split", "successors": [market, lecture]}
    with matched.engine.begin() as connection:
        connection.execute(insert(changes), row)

    status, kind, problem = ask("/events/ev_split")

    assert (status, kind) == (410, "application/problem+json")
    assert problem["successors"] == sorted([market, lecture])
    assert ask("/events/ev_never")[0] == 404


def test_who_has_just_that_gets_nothing_again_until_it_changes(matched: Store) -> None:
    first = call("/events")
    tag = {"if-none-match": first["headers"]["ETag"]}

    again = call("/events", tag)
    save(matched, [listing("bwb:9", "Vernissage", "2026-09-01", city="Freiburg")], key="bwb_2.json")
    run(matched)

    assert (again["statusCode"], again["body"]) == (304, "")
    assert call("/events", tag)["statusCode"] == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "since=soon",
        "near=1",
        "bbox=1,2,3",
        "sort=id",
        "cursor=%00",
        "cursor=bnVsbA==",
        "status=odd",
    ],
)
def test_what_is_asked_wrongly_is_a_problem_and_not_repeated(matched: Store, query: str) -> None:
    status, kind, problem = ask(f"/events?{query}")

    assert (status, kind) == (422, "application/problem+json")
    assert problem["status"] == 422


@pytest.mark.parametrize(
    ("path", "order"), [("/events?sort=updated_at&", "updated_at"), ("/events.rss?", "-updated_at")]
)
def test_a_made_up_cursor_of_a_time_outside_of_the_calendar_takes_nothing_from_who_asks_next(
    matched: Store, path: str, order: str
) -> None:
    made_up = json.dumps([order, "0001-01-01T00:00:00+23:00", "ev_a"]).encode()
    with matched.engine.begin() as connection:
        key = keys.add_key(connection, name="eva", role="reader", author="t")

    answer = call(f"{path}cursor={urlsafe_b64encode(made_up).decode()}")
    following = [call("/events?limit=1", {"x-api-key": key})["statusCode"] for _ in range(4)]

    assert (answer["statusCode"], following) == (200, [200] * 4)


@pytest.mark.parametrize("nasty", ["%00", "%ED%A0%80", "%27%3B%20DROP%20TABLE%20files", "%25%25%3A", "a%00b"])
@pytest.mark.parametrize("name", ["q", "city", "category", "source"])
def test_no_text_breaks_a_search(matched: Store, name: str, nasty: str) -> None:
    assert ask(f"/events?{name}={nasty}")[0] == 200


def test_with_a_database_at_head_it_is_alive_and_ready() -> None:
    assert ask("/health") == (200, "application/json", {"status": "alive"})
    assert ask("/ready") == (200, "application/json", {"status": "ready"})


def test_with_another_schema_it_is_alive_and_not_ready(deployed: Store) -> None:
    with deployed.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    status, kind, problem = ask("/ready")

    assert ask("/health")[0] == 200
    assert (status, kind) == (503, "application/problem+json")
    assert "run the migrations" in problem["detail"]


def test_without_a_database_it_is_not_ready_and_tells_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_DEDUP_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/nothing")
    forget_wiring()

    status, _, problem = ask("/ready")

    assert status == 503
    assert problem["detail"] == "the database can't be reached"


def test_an_unknown_path_and_a_fault_of_ours_are_problems_and_show_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(opened: Any) -> str | None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(health, "unready", broken)

    assert ask("/nowhere")[:2] == (404, "application/problem+json")
    status, kind, problem = ask("/ready")
    assert (status, kind) == (500, "application/problem+json")
    assert "hunter2" not in json.dumps(problem)


def test_the_committed_openapi_document_is_what_the_code_says() -> None:
    committed = (Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8")

    assert committed == api.document()


def test_answers_have_the_form_that_the_openapi_document_gives(matched: Store) -> None:
    paths = json.loads(api.document())["paths"]
    event = got("/events")["events"][0]["id"]

    for path, operations in paths.items():
        if "get" not in operations:
            continue  # verdicts: their own tests read them
        answers = operations["get"]["responses"]
        if "application/json" not in answers["200"]["content"] or "{" in path.replace("{event_id}", ""):
            continue  # feeds, files and runs: their own tests read them
        validate(
            got(path.replace("{event_id}", event), role="admin"),
            answers["200"]["content"]["application/json"]["schema"],
        )
        _, kind, problem = ask(path.replace("{event_id}", "ev_never") + "?limit=0", role="admin")
        if kind == "application/problem+json":
            validate(problem, answers[str(problem["status"])]["content"][kind]["schema"])


@pytest.mark.parametrize(
    "path",
    [
        "/changes?after=9223372036854775807",
        "/events?since=0001-01-01&until=9999-12-31",
        "/events?updated_since=0001-01-01T00:00:00",
        "/events?updated_since=9999-12-31T23:59:59-23:59",
        "/events?near=999,-999&radius_km=500",
        "/events?near=90,180",
        "/events?bbox=179,-10,-179,10",
        "/events?limit=200&min_confidence=1",
        "/events?q=a",
        "/events?q=%20",
    ],
)
def test_the_ends_of_what_is_allowed_break_nothing(matched: Store, path: str) -> None:
    assert ask(path)[0] in (200, 422)


def test_a_parameter_that_no_route_knows_is_refused_by_name_and_one_that_is_wrong_is_named_as_it_was_sent(
    matched: Store,
) -> None:
    misspelt = call("/events?sinse=2026-01-01&city=Freiburg")
    wrong = call("/events?since=tomorrow")
    deleting = call("/verdicts?kind=must_link&autor=ada", method="DELETE", role="editor")

    told = [json.loads(answer["body"])["errors"] for answer in (misspelt, wrong, deleting)]
    assert [answer["statusCode"] for answer in (misspelt, wrong, deleting)] == [422, 422, 422]
    assert [[each["parameter"] for each in errors] for errors in told] == [["sinse"], ["since"], ["autor"]]
    assert "since" in told[0][0]["reason"]


def test_decided_pairs_are_listed_by_listing_and_decision_a_page_at_a_time_and_across_events(
    matched: Store,
) -> None:
    event = got("/events?q=jazzkonzert")["events"][0]["id"]
    everything = got("/decisions")["decisions"]

    of_one = got("/decisions?source=rza&id=1&decision=match")["decisions"]
    paged, path = [], "/decisions?limit=1"
    while path:
        answer = call(path)
        paged += json.loads(answer["body"])["decisions"]
        path = answer["headers"].get("Link", "<>").split(">")[0].removeprefix("<")

    assert [each["events"] for each in of_one] == [[event, event]]
    assert of_one[0]["explanation"]["decision"] == "match"
    assert paged == everything
    assert call("/decisions?source=rza")["statusCode"] == 422


LARGE = "ä" * 900_000


def test_an_answer_never_outgrows_what_a_function_may_answer_and_its_cursor_goes_on(
    matched: Store,
) -> None:
    with matched.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE canonical_events SET content = content || jsonb_build_object('description', CAST(:large AS text))"
            ),
            {"large": LARGE[:400_000]},
        )
        connection.execute(
            text(
                "UPDATE source_events SET raw = raw || jsonb_build_object('description', CAST(:large AS text))"
            ),
            {"large": LARGE[:600_000]},
        )

    pages = {path: _followed(path) for path in ("/events", "/changes")}
    event = json.loads(pages["/events"][0]["body"])["events"]
    shared = next(
        each["id"]
        for answer in pages["/events"]
        for each in json.loads(answer["body"])["events"]
        if len(each["sources"]) > 1
    )
    pages["sources"] = _followed(f"/events/{shared}/sources")

    assert event
    assert [len(answers) for answers in pages.values()] == [2, 2, 2]
    assert all(len(json.dumps(answer)) < 6 * 2**20 for answers in pages.values() for answer in answers)
    ids = [each["id"] for answer in pages["/events"] for each in json.loads(answer["body"])["events"]]
    changed = [each["change_id"] for a in pages["/changes"] for each in json.loads(a["body"])["changes"]]
    assert len(ids) == len(set(ids)) == 4
    assert len(changed) == len(set(changed)) == 4


def _followed(path: str) -> list[dict[str, Any]]:
    """Ask as long as an answer says that there is more."""
    answers, onward = [], path
    while onward:
        answers.append(call(onward))
        body = json.loads(answers[-1]["body"])
        onward = answers[-1]["headers"].get("Link", "<>").split(">")[0].removeprefix("<")
        if body.get("more"):
            onward = f"/changes?after={body['last']}"
    return answers


def test_what_is_too_large_by_itself_is_refused_in_our_words(matched: Store) -> None:
    with matched.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE canonical_events SET content = content || jsonb_build_object('description', CAST(:large AS text))"
            ),
            {"large": LARGE * 2},
        )

    status, kind, told = ask("/events?limit=1")

    assert (status, kind, told["status"]) == (413, "application/problem+json", 413)
