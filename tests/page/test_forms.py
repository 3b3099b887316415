"""What the page takes and refuses, asked as the gateway asks, with no browser: what no button of it sends, strangers do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from markupsafe import escape
from sqlalchemy import text

from dedup_core.policy import default_policy
from handlers import api, planning, serve, wiring
from handlers.described import described
from handlers.web import assets
from handlers.web.deciding import named, pair_of
from handlers.web.visiting import SESSION, token_of
from infra.match_queue import RememberingQueue
from infra.store import Store, keys
from infra.store.verdicts import NewVerdict
from tests.handlers.calling import gateway_event
from tests.handlers.conftest import CONTEXT, deployed_on
from tests.store.uploads import rows, run, save
from tests.unit.listings import listing, occurrence

FORM = "application/x-www-form-urlencoded"
CONCERT = {"day": "2026-05-02", "start_time": "20:00", "city": "Waldkirch", "venue": "Stadthalle"}


@dataclass(frozen=True)
class Desk:
    """The page on a store. keys: role -> key."""

    store: Store
    keys: dict[str, str]

    def ask(
        self,
        path: str,
        form: dict[str, str] | None = None,
        *,
        role: str | None = "editor",
        headers: dict[str, str] | None = None,
        token: bool = True,
    ) -> dict[str, Any]:
        """Ask for a page, or send a form of it, with its token unless that is left out."""
        key = self.keys[role] if role else None
        sent = {**({"csrf": token_of(key)} if key and token else {}), **(form or {})}
        event = gateway_event(
            f"/desk{path}",
            {"content-type": FORM, "host": "desk.example", **(headers or {})},
            method="GET" if form is None else "POST",
            body=None if form is None else urlencode(sent),
        )
        cookies = [f"{SESSION}={key}"] if key else []
        return api.app.resolve({**event, "cookies": cookies}, CONTEXT)

    def event_of(self, source_code: str, number: str) -> str:
        """Name the event that has a listing."""
        query = "SELECT canonical_id FROM canonical_sources WHERE source_code = :code AND id = :number"
        return str(rows(self.store.engine, query, code=source_code, number=number)[0][0])


@pytest.fixture
def desk(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Give the page on a concert of two listings and a flea market."""
    with deployed_on(database, monkeypatch) as store:
        for source in ("bwb", "rza"):
            save(
                store,
                [listing(f"{source}:1", "Jazz mit dem Bregtal Quintett", **CONCERT)],
                key=f"{source}.json",
            )
        save(store, [listing("tix:1", "Flohmarkt", "2026-06-07", city="Emmendingen")], key="tix.json")
        run(store)
        with store.engine.begin() as connection:
            given = {
                role: keys.add_key(connection, name=f"eva the {role}", role=role, author="test")
                for role in ("reader", "editor", "admin")
            }
        yield Desk(store, given)


def test_a_listing_is_no_pair_with_itself(desk: Desk) -> None:
    one = ("bwb", "1")
    assert pair_of(named(one, one)) is None

    answers = [
        desk.ask(path, {"say": "different", "pair": named(one, one)}) for path in ("/review", "/review/queue")
    ]

    assert [answer["statusCode"] for answer in answers] == [422, 422]
    assert rows(desk.store.engine, "SELECT kind FROM verdicts") == []


def test_a_policy_applied_on_the_page_wakes_the_matcher(desk: Desk) -> None:
    usual = default_policy()
    strict = usual.model_copy(update={"version": "strict"})
    planned = planning.plan(desk.store, strict, usual, most_listings=planning.MOST_WHILE_WAITING)
    queue = wiring.for_deciding().queue
    assert isinstance(queue, RememberingQueue)
    assert queue.take() is None

    form = {"do": "apply", "policy": described(strict), "token": planned.token, "seen": usual.hash}
    answer = desk.ask("/policy", form, role="admin")

    assert answer["statusCode"] == 303
    assert queue.take() == planned.base + 1


def test_a_write_that_a_key_does_not_allow_leaves_a_trace(desk: Desk) -> None:
    tried = [desk.ask("/policy", {"do": "plan"}), desk.ask("/events/ev_1/arrange", {}, role="reader")]
    looked = desk.ask("/review", role="reader")

    assert [answer["statusCode"] for answer in (*tried, looked)] == [403, 403, 403]
    refusals = "SELECT who, subject, detail->>'least' FROM audit WHERE action = 'refused' ORDER BY audit_id"
    assert rows(desk.store.engine, refusals) == [
        ("eva the editor", "POST /desk/policy", "admin"),
        ("eva the reader", "POST /desk/events/<event_id>/arrange", "editor"),
    ]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/events/EVENT/arrange?act=merge&to=%00", {}, 200),
        ("/events/\0/arrange", {}, 404),
        ("?view=calendar&since=0001-01-01", {}, 200),
        ("?view=calendar&since=9999-12-31", {}, 200),
        ("?view=calendar&month=0001-01&since=9999-12-31", {}, 200),
        ("/suggestions?q=jazz", {"hx-current-url": "http://["}, 200),
    ],
)
def test_odd_addresses_are_answered(desk: Desk, path: str, headers: dict[str, str], status: int) -> None:
    answer = desk.ask(path.replace("EVENT", desk.event_of("bwb", "1")), headers=headers)

    assert answer["statusCode"] == status


def test_a_policy_nested_beyond_reading_is_a_faulty_policy(desk: Desk) -> None:
    answer = desk.ask("/policy", {"do": "plan", "policy": "[" * 3000}, role="admin")

    assert answer["statusCode"] == 200
    assert "nested too deeply" in answer["body"]


@pytest.mark.parametrize(
    ("back", "location"),
    [
        ("/desk/x\r\nX-Evil: 1", "/desk"),
        ("/desk/x\x85y", "/desk"),
        ("/desk?q=größe 2%20m&page=2", "/desk?q=gr%C3%B6%C3%9Fe%202%20m&page=2"),
        ("//elsewhere.example/desk/", "/desk"),
    ],
)
def test_who_is_led_back_is_led_into_the_page_by_one_line(desk: Desk, back: str, location: str) -> None:
    looked = desk.ask("/look", {"theme": "dark", "back": back}, role=None)
    entered = desk.ask("/enter", {"key": desk.keys["reader"], "next": back}, role=None)

    assert [answer["headers"]["Location"] for answer in (looked, entered)] == [location, location]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "https://other.example"}, 403),
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://desk.example"}, 303),
        ({"origin": "https://desk.example"}, 303),
        ({}, 303),
    ],
)
def test_another_sites_form_lets_nobody_in(desk: Desk, headers: dict[str, str], status: int) -> None:
    answer = desk.ask("/enter", {"key": desk.keys["reader"]}, role=None, headers=headers)

    assert answer["statusCode"] == status
    assert bool(answer.get("cookies")) == (status == 303)


def test_strangers_use_up_their_own_share_and_no_visitors(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = api.routed(APIGatewayHttpResolver(), serve.limiting(1))
    monkeypatch.setattr(api, "app", app)
    asset = assets.address("page.css")

    strangers = [desk.ask("/enter", role=None)["statusCode"] for _ in range(serve.WINDOW_S + 1)]
    others = [desk.ask(f"/{asset}", role=None), desk.ask("/verdicts"), desk.ask("/enter", role="reader")]
    health = app.resolve(gateway_event("/health"), CONTEXT)

    assert strangers == [200] * serve.WINDOW_S + [429]
    assert [answer["statusCode"] for answer in (*others, health)] == [200] * 4


def test_a_comma_in_an_address_parts_nothing(desk: Desk) -> None:
    pair = named(("bwb", "1"), ("tix", "1"))

    case = desk.ask(f"/review?{urlencode({'pair': pair})}")["body"]
    chips = desk.ask(f"?{urlencode({'q': 'Jazz, Quintett'})}")["body"]

    assert f'name="pair" value="{escape(pair)}"' in case
    assert "Jazz, Quintett" in chips


@pytest.mark.parametrize("act", ["merge", "move"])
def test_what_joins_an_event_that_changed_since_the_preview_is_refused(desk: Desk, act: str) -> None:
    event, to = desk.event_of("bwb", "1"), desk.event_of("tix", "1")
    asked = {"act": act, "to": f"https://desk.example/desk/events/{to}", "listing": '["bwb","1"]'}
    preview = desk.ask(f"/events/{event}/arrange?{urlencode(asked)}")["body"]
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', preview)) | asked
    save(
        desk.store,
        [listing("tix:1", "Flohmarkt im Hof", "2026-06-08", city="Emmendingen")],
        key="tix_2.json",
        processed_at="2026-02-11T20:00:00.000000Z",
    )
    run(desk.store)

    answer = desk.ask(f"/events/{event}/arrange", form)

    assert answer["statusCode"] == 200
    assert "has changed in the meantime" in answer["body"]
    assert rows(desk.store.engine, "SELECT kind FROM verdicts") == []


def _text(answer: dict[str, Any]) -> str:
    """Read a page's text as a reader does: without tags, and each space once."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer["body"]).split())


def test_the_other_event_of_a_merge_is_found_by_its_words_and_its_day_and_a_wrong_id_is_told_as_such(
    desk: Desk,
) -> None:
    concert, market = desk.event_of("bwb", "1"), desk.event_of("tix", "1")
    path = f"/events/{concert}/arrange?act=merge&to="

    by_words, by_day = desk.ask(f"{path}flohmarkt"), desk.ask(f"{path}Emmendingen+7.6.2026")
    by_id = desk.ask(f"{path}https://desk.example/desk/events/{market}")
    wrong, nothing = desk.ask(f"{path}ev_abcdefgh234567"), desk.ask(f"{path}Gletscherwanderung")

    for answer in (by_words, by_day):
        assert f'name="to" value="{market}"' in answer["body"]
        assert "Do it" not in answer["body"]
    assert "Before and after" in by_id["body"]
    assert "Do it" in by_id["body"]
    assert "No event has this id." in wrong["body"]
    assert "No other event is found by these words" in nothing["body"]


def test_the_other_event_of_a_merge_is_found_far_away_where_the_event_itself_has_the_words_too(
    desk: Desk,
) -> None:
    market = desk.event_of("tix", "1")
    save(desk.store, [listing("tix:2", "Flohmarkt", "2026-09-07", city="Emmendingen")], key="tix_2.json")
    run(desk.store)

    found = desk.ask(f"/events/{market}/arrange?act=merge&to=flohmarkt")["body"]

    assert f'name="to" value="{desk.event_of("tix", "2")}"' in found
    assert f'name="to" value="{market}"' not in found
    assert "There are more" not in found


def test_where_others_that_have_the_words_are_far_away_those_near_are_shown_and_it_says_so(
    desk: Desk,
) -> None:
    market = desk.event_of("tix", "1")
    others = [
        listing("tix:2", "Flohmarkt", "2026-06-09", city="Waldkirch"),
        listing("tix:3", "Flohmarkt", "2026-09-07", city="Emmendingen"),
    ]
    save(desk.store, others, key="tix_2.json")
    run(desk.store)
    path = f"/events/{market}/arrange?act=merge&to=flohmarkt"

    found, with_its_day = desk.ask(path)["body"], desk.ask(f"{path}+7.9.2026")["body"]

    assert f'name="to" value="{desk.event_of("tix", "2")}"' in found
    assert "There are more" in found
    assert f'name="to" value="{desk.event_of("tix", "3")}"' in with_its_day
    assert "There are more" not in with_its_day


@pytest.mark.parametrize(("others", "told"), [(12, False), (13, True), (14, True)])
def test_where_more_events_have_the_words_than_the_page_shows_it_says_so(
    desk: Desk, others: int, told: bool
) -> None:
    towns = ["Ulm", "Bonn", "Köln", "Mainz", "Trier", "Worms", "Kassel", "Gotha", "Jena", "Halle", "Leipzig"]
    towns += ["Dresden", "Rostock", "Kiel"]
    market = desk.event_of("tix", "1")
    markets = [
        listing(f"tix:{number}", "Flohmarkt", "2026-06-09", city=town)
        for number, town in enumerate(towns[:others], 2)
    ]
    save(desk.store, markets, key="tix_2.json")
    run(desk.store)

    found = desk.ask(f"/events/{market}/arrange?act=merge&to=flohmarkt")["body"]

    assert found.count('<button name="to"') == 12
    assert ("There are more" in found) is told


def test_one_button_takes_back_all_that_a_merge_gave_and_no_other_takes_back_a_part(desk: Desk) -> None:
    concert, market = desk.event_of("bwb", "1"), desk.event_of("tix", "1")
    desk.ask(f"/events/{concert}/arrange", {"act": "merge", "to": market})

    listed = desk.ask("/verdicts")["body"]
    act = rows(desk.store.engine, "SELECT min(given_with), count(*) FROM verdicts")[0]
    desk.ask("/verdicts", {"given_with": str(act[0])})

    assert act[1] == 2
    assert listed.count('<button aria-label="Take') == 1
    assert "Flohmarkt tix:1" in " ".join(re.sub(r"<[^>]+>", "", listed).split())
    assert "Take all 2 back" in listed
    assert rows(desk.store.engine, "SELECT count(*) FROM take_backs")[0][0] == 2


def test_a_word_that_contradicts_another_is_saved_by_the_button_that_takes_that_one_back(desk: Desk) -> None:
    pair = named(("bwb", "1"), ("tix", "1"))
    desk.ask("/review", {"say": "different", "pair": pair})

    refused = desk.ask("/review", {"say": "same", "pair": pair})
    number = rows(desk.store.engine, "SELECT sequence FROM verdicts")[0][0]
    button = {"say": "same", "pair": pair, "taking_back": str(number)}
    saved = desk.ask("/review", button)

    assert f"Take verdict {number} back, and save" in refused["body"]
    assert "“Jazz mit dem Bregtal Quintett” bwb:1 is another than “Flohmarkt” tix:1" in _text(refused)
    assert f'name="taking_back" value="{number}"' in refused["body"]
    assert saved["statusCode"] == 303
    in_force = "SELECT kind FROM verdicts WHERE sequence NOT IN (SELECT sequence FROM take_backs)"
    assert rows(desk.store.engine, in_force) == [("must_link",)]


def test_a_pinned_field_is_said_to_be_set_by_hand_and_by_whom_and_the_audit_trail_speaks_in_words(
    desk: Desk,
) -> None:
    with desk.store.deciding() as work:
        work.append(
            [NewVerdict("pin", ("tix", "1"), field="title", value='"Trödelmarkt"')], author="ada", act=None
        )
        work.raise_generation()
    run(desk.store)

    shown, audit = desk.ask(f"/events/{desk.event_of('tix', '1')}"), desk.ask("/audit")

    assert "Trödelmarkt by hand (ada)" in _text(shown)
    assert "ada set a field by hand verdict" in _text(audit)
    assert "must_link" not in audit["body"]


def test_a_list_is_paged_back_to_where_it_was_paged_from(desk: Desk) -> None:
    more = [listing(f"tix:{n}", f"Vortrag {n}", f"2026-07-{n:02}", city="Emmendingen") for n in range(10, 31)]
    save(
        desk.store,
        [
            *more,
            *(
                listing(f"tix:{n}", f"Lesung {n}", f"2026-08-{n - 30:02}", city="Elzach")
                for n in range(31, 61)
            ),
        ],
        key="tix_2.json",
    )
    run(desk.store)

    def titles(answer: dict[str, Any]) -> list[str]:
        return re.findall(r'<td class="what"><a [^>]+>([^<]+)', answer["body"])

    def lead(answer: dict[str, Any], to: str) -> dict[str, Any]:
        links = re.findall(rf'rel="{to}" href="/desk([^"]*)"', answer["body"])
        return desk.ask(unescape(links[0]))

    first = desk.ask("?limit=25")
    second = lead(first, "next")
    third = lead(second, "next")
    again = lead(third, "prev")

    assert titles(again) == titles(second)
    assert titles(lead(again, "prev")) == titles(first)
    assert titles(lead(again, "next")) == titles(third)
    assert len({*titles(first), *titles(second), *titles(third)}) == 53


def test_a_flagged_event_without_a_pair_is_reached_from_the_review_and_settled_by_a_word(desk: Desk) -> None:
    concert = desk.event_of("bwb", "1")
    flag = text("INSERT INTO flags (canonical_id, flag, detail) VALUES (:id, 'too_large', '2')")
    with desk.store.engine.begin() as connection:
        connection.execute(flag, {"id": concert})
        connection.execute(text("UPDATE generations SET ingested = ingested + 1, matched = matched + 1"))

    review, listed = desk.ask("/review"), desk.ask("/review/flagged")
    version = re.findall(r'name="version" value="([^"]+)"', listed["body"])[0]
    settled = desk.ask("/review/flagged", {"say": "one", "event": concert, "version": version})

    assert "/review/flagged" in review["body"]
    assert "More listings than an event usually has." in listed["body"]
    assert settled["statusCode"] == 303
    assert concert not in desk.ask("/review/flagged")["body"]
    assert rows(desk.store.engine, "SELECT kind FROM verdicts") == [("must_link",)]


def test_a_single_listing_that_was_flagged_is_called_an_event_and_that_is_undone(desk: Desk) -> None:
    save(desk.store, [listing("gut:1", "Gutschein für das Kellertheater", **CONCERT)], key="gut.json")
    run(desk.store)
    voucher = desk.event_of("gut", "1")

    listed = desk.ask("/review/flagged")["body"]
    settled = desk.ask("/review/flagged", {"say": "one", "event": voucher})
    after = desk.ask(settled["headers"]["Location"].removeprefix("/desk"))["body"]
    desk.ask(settled["headers"]["Location"].removeprefix("/desk"), {"say": "undo"})

    assert 'aria-label="An event: Gutschein für das Kellertheater"' in listed
    assert (f'value="{voucher}"' in listed, f'value="{voucher}"' in after) == (True, False)
    assert rows(desk.store.engine, "SELECT kind FROM verdicts") == [("is_event",)]
    assert voucher in desk.ask("/review/flagged")["body"]


@pytest.mark.parametrize(("word", "verdicts"), [("one", 209), ("no_event", 210)])
def test_undo_takes_back_all_that_was_said_of_a_flagged_event_of_many_listings(
    desk: Desk, word: str, verdicts: int
) -> None:
    alike = [listing(f"gem:{n}", "Jazz mit dem Bregtal Quintett", **CONCERT) for n in range(208)]
    save(desk.store, alike, key="gem.json")
    run(desk.store)
    concert = desk.event_of("bwb", "1")
    with desk.store.engine.begin() as connection:  # so many of one day are never compared
        query = "UPDATE canonical_sources SET canonical_id = :id WHERE source_code IN ('rza', 'gem')"
        connection.execute(text(query), {"id": concert})
    count = "SELECT count(*) FROM "

    settled = desk.ask("/review/flagged", {"say": word, "event": concert})
    given = rows(desk.store.engine, count + "verdicts")[0][0]
    onward = settled["headers"]["Location"].removeprefix("/desk")
    offer = re.findall(r'action="/desk(/review/flagged\?[^"]+)"', desk.ask(onward)["body"])[0]
    undone = [desk.ask(unescape(offer), {"say": "undo"})["statusCode"] for _ in range(2)]

    assert given == verdicts
    assert rows(desk.store.engine, count + "take_backs")[0][0] == verdicts
    assert undone == [303, 422]


def test_undo_on_a_flagged_event_leaves_what_its_author_had_said_before(desk: Desk) -> None:
    save(desk.store, [listing("rzb:1", "Jazz mit dem Bregtal Quintett", **CONCERT)], key="rzb.json")
    run(desk.store)
    concert = desk.event_of("bwb", "1")
    desk.ask("/review", {"say": "same", "pair": named(("bwb", "1"), ("rza", "1"))})

    settled = desk.ask("/review/flagged", {"say": "one", "event": concert})
    desk.ask(settled["headers"]["Location"].removeprefix("/desk"), {"say": "undo"})

    given = rows(desk.store.engine, "SELECT sequence, b_source_code FROM verdicts ORDER BY sequence")
    assert given == [(1, "rza"), (2, "rzb")]
    assert rows(desk.store.engine, "SELECT sequence FROM take_backs") == [(2,)]


@pytest.mark.parametrize("asked", ["", "?act=", "?act=0", "?act=all", "?last=1"])
def test_undo_of_no_act_takes_nothing_back(desk: Desk, asked: str) -> None:
    desk.ask("/review", {"say": "different", "pair": named(("bwb", "1"), ("tix", "1"))})

    answer = desk.ask(f"/review/flagged{asked}", {"say": "undo"})

    assert answer["statusCode"] == 422
    assert rows(desk.store.engine, "SELECT count(*) FROM verdicts")[0][0] == 1
    assert rows(desk.store.engine, "SELECT count(*) FROM take_backs")[0][0] == 0


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("?citty=Waldkirch&sort=title", "knows no “citty”"),
        ("/review?modus=label", "knows no “modus”"),
        ("/files?state=stored&seite=2", "knows no “state, seite”"),
        ("/export?catgory=x", "knows no “catgory”"),
        ("?%3Cb%3E=1", "knows no “&lt;b&gt;”"),
    ],
)
def test_a_misspelt_parameter_is_named_and_carried_no_further(desk: Desk, path: str, told: str) -> None:
    answer = desk.ask(path)

    name = path.partition("?")[2].partition("=")[0]
    assert told in answer["body"]
    assert f"{name}=" not in answer["body"]


@pytest.mark.parametrize(
    "path",
    [
        "?sort=tilte",
        "?limit=30",
        "?view=kalender",
        "?needs_review=ja",
        "?status=gone",
        "/files?status=gone",
        "/review?mode=lable",
        "/export?created_since=yesterday",
        "/export/events.zip?changed_until=2026-02-30",
    ],
)
def test_what_a_known_parameter_can_not_say_is_refused_and_not_taken_for_nothing(
    desk: Desk, path: str
) -> None:
    assert desk.ask(path)["statusCode"] == 422


def test_each_filter_of_one_kind_is_completed_by_words_of_its_kind(desk: Desk) -> None:
    found = {name: desk.ask(f"/words?{name}=wa")["body"] for name in ("city", "category", "source")}

    assert re.findall(r'value="([^"]+)"', found["city"]) == ["Waldkirch"]
    assert found["category"].split() == found["source"].split() == []
    assert re.findall(r'value="([^"]+)"', desk.ask("/words?source=ti")["body"]) == ["tix"]


def test_a_list_has_as_many_rows_as_were_asked_for_and_offers_the_other_numbers(desk: Desk) -> None:
    many = [
        listing(f"tix:{n}", f"Vortrag {n}", f"2026-07-{1 + n % 28:02}", city="Elzach") for n in range(10, 240)
    ]
    save(desk.store, many, key="tix_2.json")
    run(desk.store)

    shown = {size: desk.ask(f"?limit={size}")["body"] for size in (25, 50, 100, 200)}

    assert {size: body.count('<td class="what">') for size, body in shown.items()} == {
        size: size for size in shown
    }
    assert all(f"/desk?limit={size}" in shown[50] for size in (25, 100, 200))


@pytest.mark.parametrize("column", ["first_day", "title", "city", "n_sources", "confidence"])
def test_a_list_turned_round_by_the_head_of_its_column_is_the_same_list_from_its_end(
    desk: Desk, column: str
) -> None:
    def titles(body: str) -> list[str]:
        return re.findall(r'<td class="what"><a [^>]+>([^<]+)', body)

    listed = desk.ask(f"?sort={column}")["body"]
    turning = re.search(r'aria-sort="ascending"><a href="/desk([^"]+)"', listed)
    assert turning is not None
    turned = desk.ask(unescape(turning[1]))["body"]
    back = re.search(r'aria-sort="descending"><a href="/desk([^"]+)"', turned)
    assert back is not None

    assert len(titles(listed)) == 2
    assert titles(turned) == titles(listed)[::-1]
    assert titles(desk.ask(unescape(back[1]))["body"]) == titles(listed)


def test_the_month_has_each_day_of_an_event_and_names_what_began_before_it(desk: Desk) -> None:
    often = [occurrence(day, "18:00") for day in ("2026-04-08", "2026-04-29", "2026-05-06")]
    series = listing("tix:7", "Yogakurs", event_dates=often)
    long = [occurrence("2026-02-03", last="2026-08-30")]
    show = listing("tix:8", "Ausstellung Wald", event_dates=long)
    save(desk.store, [series, show], key="tix_2.json")
    run(desk.store)

    may = desk.ask("?view=calendar&month=2026-05")["body"]

    month, before = may.partition("<table")[2], may.partition("<table")[0]
    assert month.count('<span class="at">18:00</span> Yogakurs') == 2
    assert "Ausstellung Wald" not in month
    assert "Yogakurs" not in before
    assert re.search(r"still on:.*Ausstellung Wald</a> <span class=\"soft\">\(until 30 August\)", before)


def test_times_are_those_of_the_clocks_here(desk: Desk) -> None:
    with desk.store.engine.begin() as connection:
        connection.execute(text("UPDATE changes SET at = '2026-07-01 22:30+00'"))

    shown = desk.ask(f"/events/{desk.event_of('tix', '1')}")["body"]

    assert "2 July 2026, 00:30" in shown


@pytest.mark.parametrize(
    "path", ["", "?view=map", "/review", "/policy", "/nowhere", "/events/none", "/enter", "/points"]
)
def test_no_page_lets_a_script_or_a_style_run_that_is_not_a_file_of_its_own(desk: Desk, path: str) -> None:
    answer = desk.ask(path, role="admin")

    told = dict(
        part.strip().split(" ", 1) for part in answer["headers"]["Content-Security-Policy"].split(";")
    )
    assert told["default-src"] == "'self'"
    assert not any(
        name.endswith("-src") and allowed not in ("'self'", "'none'") for name, allowed in told.items()
    )
    assert (told["base-uri"], told["form-action"], told["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert not re.search(r"<script(?![^>]+src=)|<style|\sstyle=|\son\w+=", answer["body"])


def test_an_event_tells_what_it_is_part_of_and_what_it_contains(desk: Desk) -> None:
    concert, market = desk.event_of("bwb", "1"), desk.event_of("tix", "1")
    with desk.store.engine.begin() as connection:
        link = text("INSERT INTO links (kind, from_id, to_id) VALUES ('part_of', :part, :whole)")
        connection.execute(link, {"part": concert, "whole": market})

    assert "Part of Flohmarkt Sun, 7 June 2026" in _text(desk.ask(f"/events/{concert}"))
    assert "Contains Jazz mit dem Bregtal Quintett" in _text(desk.ask(f"/events/{market}"))


def test_the_address_of_an_event_that_was_merged_leads_to_where_its_listings_are_and_says_so(
    desk: Desk,
) -> None:
    concert, market = desk.event_of("bwb", "1"), desk.event_of("tix", "1")
    desk.ask(f"/events/{concert}/arrange", {"act": "merge", "to": market})
    run(desk.store)
    kept = desk.event_of("tix", "1")
    gone = ({concert, market} - {kept}).pop()

    led = desk.ask(f"/events/{gone}")
    shown = _text(desk.ask(led["headers"]["Location"].removeprefix("/desk")))

    assert led["statusCode"] == 303
    assert f"{gone} was merged into this event." in shown
    assert f"took listings in from {gone}" in shown
