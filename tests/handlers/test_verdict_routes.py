"""Verdicts over HTTP: who may, what is answered, and that nothing is done twice, unseen or by halves."""

import json
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from handlers import deciding, questioning
from infra.store import Store
from infra.store import deciding as deciding_store
from infra.store.questions import Waiting, waiting
from tests.handlers.calling import ask, call, got
from tests.store.uploads import POLICY, rows, run, save
from tests.unit.listings import listing

CONCERT = {"start": "20:00", "city": "Waldkirch", "venue": "Kastelberghalle"}


pytestmark = pytest.mark.usefixtures("deployed")


@pytest.fixture
def matched(deployed: Store) -> Store:
    """Give a concert of two listings, in 2099, and two pairs in doubt: one of them in 2098, one that is over."""
    save(
        deployed,
        [
            listing("bwb:1", "Wolfgang Muthspiel Trio", "2099-05-02", **CONCERT),
            listing("bwb:2", "Muthspiel Trio in concert", "2098-05-02", **CONCERT),
            listing("bwb:3", "Muthspiel Trio in concert", "2001-05-02", **CONCERT),
        ],
    )
    save(
        deployed,
        [
            listing("rza:1", "Wolfgang Muthspiel Trio", "2099-05-02", **CONCERT),
            listing("rza:2", "Muthspiel solo", "2098-05-02", **CONCERT),
            listing("rza:3", "Muthspiel solo", "2001-05-02", **CONCERT),
        ],
        key="rza_1.json",
    )
    run(deployed)
    return deployed


def name(text: str) -> dict[str, str]:
    code, _, number = text.partition(":")
    return {"source_code": code, "id": number}


def pair(kind: str, a: str, b: str) -> dict[str, Any]:
    return {"kind": kind, "a": name(a), "b": name(b)}


def send(path: str, body: object = None, *, method: str = "POST", **how: Any) -> tuple[int, Any]:
    how.setdefault("role", "editor")
    status, _, answer = ask(path, method=method, body=body, **how)
    return status, answer


def event_of(store: Store, text: str) -> str:
    code, number = text.split(":")
    query = "SELECT canonical_id FROM canonical_sources WHERE source_code = :code AND id = :number"
    return str(rows(store.engine, query, code=code, number=number)[0][0])


def test_questions_come_the_soonest_first_and_over_ones_last_and_an_answered_one_is_gone(
    matched: Store,
) -> None:
    _, first = send("/review?limit=1", method="GET")
    _, rest = send(f"/review?limit=5&cursor={first['next']}", method="GET")
    asked = [*first["questions"], *rest["questions"]]

    (a, b) = (asked[0][side] for side in "ab")
    told = send("/verdicts", {"verdicts": [pair("must_link", f"{a['source_code']}:{a['id']}", "rza:2")]})
    _, left = send("/review", method="GET")

    assert [question["a"]["id"] for question in asked] == ["2", "3"]
    assert (a["title"], b["title"]) == ("Muthspiel Trio in concert", "Muthspiel solo")
    assert asked[0]["days_until"] > 0 > asked[1]["days_until"]
    assert all(part["meaning"] for part in asked[0]["explanation"]["parts"])
    assert (first["open"], rest["next"]) == (2, None)
    assert told[0] == 201
    assert [question["a"]["id"] for question in left["questions"]] == ["3"]


def test_a_question_is_told_anew_after_a_file_a_verdict_on_one_of_its_events_and_a_take_back(
    matched: Store,
) -> None:
    def told() -> tuple[str, str]:
        question = send("/review", method="GET")[1]["questions"][0]
        return question["a"]["title"], question["events"][0]["version"]

    first = told()
    changed = listing("bwb:2", "Muthspiel Trio plays Bach", "2098-05-02", **CONCERT)
    save(matched, [changed], key="bwb_2.json", processed_at="2026-02-11T09:30:00.000000")
    after_file = told()
    given = send("/verdicts", {"verdicts": [pair("cannot_link", "bwb:2", "bwb:1")]})[1]["verdicts"]
    after_verdict = told()
    send(f"/verdicts/{given[0]['sequence']}", method="DELETE")
    after_take_back = told()

    assert [title for title, _ in (first, after_file)] == [
        "Muthspiel Trio in concert",
        "Muthspiel Trio plays Bach",
    ]
    assert len({version for _, version in (after_file, after_verdict, after_take_back)}) == 3


def test_a_verdict_is_listed_with_its_author_and_taken_back_by_its_number(matched: Store) -> None:
    given = send("/verdicts", {"verdicts": [pair("cannot_link", "bwb:1", "rza:1")], "reason": "two nights"})[
        1
    ]
    number = given["verdicts"][0]["sequence"]

    listed = send("/verdicts?author=ada&kind=cannot_link", method="GET")[1]["verdicts"]
    status, back = send(f"/verdicts/{number}", method="DELETE")
    again, _ = send(f"/verdicts/{number}", method="DELETE")
    everything = send("/verdicts?taken_back=true", method="GET")[1]["verdicts"]

    assert [(one["sequence"], one["author"], one["reason"]) for one in listed] == [
        (number, "ada", "two nights")
    ]
    assert (status, back["taken_back"], again) == (200, [number], 404)
    assert everything[0]["taken_back_by"] == "ada"
    assert rows(matched.engine, "SELECT who, action FROM audit ORDER BY audit_id") == [
        ("ada", "cannot_link"),
        ("ada", "take_back"),
    ]


def test_a_contradiction_is_a_409_that_names_the_chain(matched: Store) -> None:
    link = send("/verdicts", {"verdicts": [pair("must_link", "bwb:1", "bwb:2")]})[1]["verdicts"][0]
    wish = pair("cannot_link", "bwb:2", "bwb:1")

    refused, problem = send("/verdicts", {"verdicts": [wish]})
    looked, shown = send("/verdicts?preview=true", {"verdicts": [wish]})
    saved, _ = send("/verdicts", {"verdicts": [wish], "taking_back": [link["sequence"]]})

    assert (refused, looked, saved) == (409, 200, 201)
    assert problem["contradictions"][0]["contradicts"] == [link]
    assert shown["contradictions"][0]["contradicts"] == [link]


def test_merging_splitting_and_moving_answer_the_events_as_the_run_stores_them(matched: Store) -> None:
    one, other = event_of(matched, "bwb:1"), event_of(matched, "bwb:2")

    merged, answer = send("/events/merge", {"events": [one, other]})
    run(matched)
    together = event_of(matched, "bwb:1") == event_of(matched, "bwb:2") == event_of(matched, "rza:1")
    survivor = event_of(matched, "bwb:1")
    version = ask(f"/events/{survivor}")[2]["version"]
    split, _ = send(
        f"/events/{survivor}/split",
        {"listings": [name("bwb:2")], "taking_back": [v["sequence"] for v in answer["verdicts"]]},
        headers={"If-Match": f'"{version}"'},
    )
    run(matched)
    moved, _ = send(
        f"/events/{event_of(matched, 'bwb:2')}/move",
        {"listings": [name("bwb:2")], "to": event_of(matched, "rza:2")},
    )
    run(matched)

    assert (merged, split, moved) == (201, 201, 201)
    assert together
    assert version in [each["version"] for each in answer["events"]]
    assert event_of(matched, "bwb:2") == event_of(matched, "rza:2") != event_of(matched, "bwb:1")


def test_who_saw_an_older_version_gets_412_and_nothing_is_stored(matched: Store) -> None:
    event = event_of(matched, "bwb:1")
    version = ask(f"/events/{event}")[2]["version"]
    wish = {"kind": "pin", "event": event, "field": "title", "value": "Muthspiel"}

    first, _ = send("/verdicts", {"verdicts": [wish], "versions": {event: version}})
    second, problem = send(
        f"/events/{event}/split", {"listings": [name("rza:1")]}, headers={"If-Match": f'"{version}"'}
    )

    assert (first, second, problem["events"]) == (201, 412, [event])
    assert rows(matched.engine, "SELECT count(*) FROM verdicts") == [(1,)]


@pytest.mark.parametrize("act", ["split", "move"])
def test_the_etag_of_an_event_says_what_was_seen_as_its_version_does(matched: Store, act: str) -> None:
    event, other = event_of(matched, "bwb:1"), event_of(matched, "bwb:2")
    tag = call(f"/events/{event}")["headers"]["ETag"]
    body = {"listings": [name("rza:1")], **({"to": other} if act == "move" else {})}
    foreign = call(f"/events/{other}")["headers"]["ETag"]

    first, second, third = (
        send(f"/events/{event}/{act}", body, headers={"If-Match": seen})[0]
        for seen in (foreign, f"W/{tag}", tag)
    )

    assert (first, second, third) == (412, 201, 412)


def test_an_idempotency_key_does_it_once(matched: Store) -> None:
    body = {"verdicts": [{"kind": "not_an_event", "event": event_of(matched, "bwb:1")}]}
    how: Any = {"method": "POST", "role": "editor", "headers": {"Idempotency-Key": "k-1"}}

    answers = [call("/verdicts", body=body, **how) for _ in range(2)]
    other, _ = send("/verdicts", {"verdicts": []}, headers={"Idempotency-Key": "k-1"})

    assert answers[0]["body"] == answers[1]["body"]
    assert [answer["statusCode"] for answer in answers] == [201, 201]
    assert other == 422
    assert rows(matched.engine, "SELECT count(*) FROM verdicts") == [(2,)]


@pytest.mark.parametrize("value", [10**30, "\ud800", "Jazz"])
def test_a_value_that_no_verdict_can_have_is_refused_with_a_key_or_without(
    matched: Store, value: object
) -> None:
    unpinned = {**pair("must_link", "bwb:1", "bwb:2"), "value": value}
    pinned = {"kind": "pin", "a": name("bwb:1"), "field": "status", "value": value}
    key = {"Idempotency-Key": "k-1"}
    before, _ = send("/verdicts", {"verdicts": []}, headers=key)

    refused = [
        send("/verdicts", {"verdicts": [wish]}, headers=headers)[0]
        for wish in (unpinned, pinned)
        for headers in ({}, key, {"Idempotency-Key": "k-2"})
    ]

    assert (before, refused) == (201, [422] * 6)
    assert rows(matched.engine, "SELECT count(*) FROM verdicts") == [(0,)]


def test_verdicts_are_taken_back_in_bulk_by_filter_after_a_preview(matched: Store) -> None:
    send(
        "/verdicts", {"verdicts": [pair("must_link", "bwb:1", "bwb:2"), pair("must_link", "bwb:2", "bwb:3")]}
    )
    send("/verdicts", {"verdicts": [{"kind": "not_an_event", "a": name("rza:3")}]})

    unnamed, _ = send("/verdicts", method="DELETE")
    _, seen = send("/verdicts?kind=must_link&preview=true", method="DELETE")
    kept = rows(matched.engine, "SELECT count(*) FROM take_backs")
    done, answer = send("/verdicts?kind=must_link&until=2999-01-01T00:00:00Z", method="DELETE")

    assert unnamed == 422
    assert seen["taken_back"] == answer["taken_back"] == [1, 2]
    assert kept == [(0,)]
    assert done == 200
    assert [v["kind"] for v in send("/verdicts", method="GET")[1]["verdicts"]] == ["not_an_event"]


def test_more_verdicts_than_others_can_wait_for_are_not_taken_back_at_once(
    matched: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "MOST_TAKEN_BACK", 1)
    wishes = [pair("must_link", "bwb:2", "rza:2"), pair("must_link", "bwb:3", "rza:3")]
    send("/verdicts", {"verdicts": wishes})

    statuses = [send(f"/verdicts?{which}", method="DELETE")[0] for which in ("author=ada", "kind=must_link")]

    assert statuses == [413, 413]
    assert rows(matched.engine, "SELECT count(*) FROM take_backs") == [(0,)]


@pytest.mark.parametrize("elsewhere", [True, False], ids=["another process", "this process"])
def test_who_would_wait_too_long_for_others_that_decide_is_told_when_to_come_again(
    matched: Store, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    monkeypatch.setattr(deciding_store, "WAIT_S", 0.2)
    wish = {"verdicts": [pair("must_link", "bwb:2", "rza:2")]}

    with ThreadPoolExecutor(1) as threads, matched.engine.connect() as other:
        if elsewhere:
            other.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": deciding_store.DECISION_LOCK})
            answering = threads.submit(call, "/verdicts", method="POST", body=wish, role="editor")
            over = wait([answering], timeout=10).done
            other.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": deciding_store.DECISION_LOCK})
        else:
            with matched.deciding():
                answering = threads.submit(call, "/verdicts", method="POST", body=wish, role="editor")
                over = wait([answering], timeout=10).done
    answer = answering.result()

    assert over
    assert (answer["statusCode"], answer["headers"].get("Retry-After")) == (503, "10")
    assert rows(matched.engine, "SELECT count(*) FROM verdicts") == [(0,)]
    assert send("/verdicts", wish)[0] == 201


@pytest.mark.parametrize(
    "body",
    [
        "[" * 20_000,
        '{"taking_back": [' + "9" * 5_000 + "]}",
        '{"verdicts": ' + "[" * 900 + "]" * 900 + "}",
        '{"verdicts": [{"kind": "pin", "event": "ev_a", "field": "title", "value": '
        + "[" * 900
        + "]" * 900
        + "}]}",
        '{"reason": "\\ud800", "taking_back": [1]}',
    ],
    ids=["open", "digits", "lists", "value", "surrogate"],
)
def test_a_body_that_no_program_sends_is_refused_and_no_fault_of_ours(matched: Store, body: str) -> None:
    headers = {"content-type": "application/json", "idempotency-key": "one"}

    statuses = [
        call(path, headers, method="POST", body=body, role="editor")["statusCode"]
        for path in ("/verdicts", "/policy/plan")
    ]

    assert statuses == [422, 422]


def test_what_is_no_event_is_gone_for_readers_until_that_is_taken_back(matched: Store) -> None:
    event = event_of(matched, "bwb:1")
    number = send("/verdicts", {"verdicts": [{"kind": "not_an_event", "a": name("bwb:1")}]})[1]["verdicts"][
        0
    ]["sequence"]
    run(matched)

    gone = {ask(f"/events/{event}{below}")[0] for below in ("", "/sources", "/decisions")}
    listed = [one["id"] for one in ask("/events")[2]["events"]]
    newest = ask("/changes")[2]["changes"][-1]
    send(f"/verdicts/{number}", method="DELETE")
    run(matched)

    assert (gone, event in listed) == ({410}, False)
    assert (newest["kind"], newest["event"]) == ("withdrawn", None)
    assert ask(f"/events/{event}")[0] == 200


REFUSED: list[tuple[str, Any, int]] = [
    ("/verdicts", {"verdicts": [{"kind": "must_link", "a": name("bwb:1")}]}, 422),
    ("/verdicts", {"verdicts": [pair("must_link", "bwb:1", "bwb:1")]}, 422),
    ("/verdicts", {"verdicts": [pair("must_link", "bwb:1", "bwb:404")]}, 404),
    ("/verdicts", {"verdicts": [{"kind": "pin", "a": name("bwb:1"), "field": "id", "value": "x"}]}, 422),
    (
        "/verdicts",
        {"verdicts": [{"kind": "pin", "a": name("bwb:1"), "field": "title", "value": "\ud800"}]},
        422,
    ),
    (
        "/verdicts",
        {"verdicts": [{"kind": "pin", "a": name("bwb:1"), "field": "title", "value": "\0"}]},
        422,
    ),
    ("/verdicts", {"verdicts": [], "taking_back": [99]}, 404),
    ("/verdicts?preview=true", {"verdicts": [pair("must_link", "bwb:1", "bwb:404")]}, 404),
    ("/events/merge", {"events": ["ev_aaaa", "ev_bbbb"]}, 404),
    ("/events/ev_aaaa/split", {"listings": [name("bwb:1")]}, 404),
    ("/review?cursor=nonsense", None, 422),
]


def test_what_can_not_be_is_told_and_stores_nothing(matched: Store) -> None:
    for path, body, status in REFUSED:
        answered, problem = send(path, body, method="GET" if body is None else "POST")

        assert (answered, problem["status"]) == (status, status), (path, body)
    assert rows(matched.engine, "SELECT count(*) FROM verdicts") == [(0,)]


def test_a_reader_may_not(matched: Store) -> None:
    writes = [("POST", "/verdicts"), ("DELETE", "/verdicts/1"), ("POST", "/events/merge"), ("GET", "/review")]

    refused = [
        send(path, {} if method == "POST" else None, method=method, role="reader")[0]
        for method, path in writes
    ]

    assert refused == [403] * len(writes)
    assert rows(matched.engine, "SELECT count(*) FROM verdicts") == [(0,)]


def test_an_event_that_is_flagged_without_an_open_pair_waits_until_somebody_spoke_of_it(
    matched: Store,
) -> None:
    questions = got("/review", role="editor")["questions"]
    asked = {event["id"] for question in questions for event in question["events"]}
    everything = [event["id"] for event in got("/events")["events"]]
    event, in_question = next(each for each in everything if each not in asked), min(asked)
    with matched.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO flags (canonical_id, flag, detail) VALUES (:id, 'too_large', '41')"),
            [{"id": event}, {"id": in_question}],
        )
        connection.execute(text("UPDATE generations SET ingested = ingested + 1, matched = matched + 1"))

    waiting = got("/review/events", role="editor")
    say = {"verdicts": [{"kind": "not_an_event", "event": event}]}
    call("/verdicts", method="POST", body=say, role="editor")
    settled = got("/review/events", role="editor")

    assert waiting["open"] == 1
    assert waiting["events"][0]["id"] == event
    assert waiting["events"][0]["flags"] == [{"flag": "too_large", "detail": "41"}]
    assert waiting["events"][0]["version"]
    assert (settled["open"], settled["events"]) == (0, [])


def test_a_flagged_event_waits_until_each_of_its_listings_was_spoken_of(matched: Store) -> None:
    event = event_of(matched, "bwb:1")
    send("/verdicts", {"verdicts": [pair("cannot_link", "bwb:1", "bwb:2")]})
    with matched.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO flags (canonical_id, flag, detail) VALUES (:id, 'too_large', '41')"),
            {"id": event},
        )
        connection.execute(text("UPDATE generations SET ingested = ingested + 1, matched = matched + 1"))

    waiting = got("/review/events", role="editor")["events"]
    send("/verdicts", {"verdicts": [pair("must_link", "bwb:1", "rza:1")]})
    settled = got("/review/events", role="editor")["events"]

    assert [each["id"] for each in waiting] == [event]
    assert settled == []


def test_what_looks_like_no_event_is_settled_by_the_word_that_it_is_one_until_that_is_taken_back(
    matched: Store,
) -> None:
    day = "2090-05-02"  # always to come
    save(matched, [listing("tix:v", "Gutschein für das Kellertheater", day, city="Elzach")], key="tix_9.json")
    run(matched)
    event = event_of(matched, "tix:v")

    def waits() -> tuple[bool, bool]:
        listed = got("/review/events", role="editor")["events"]
        return event in {each["id"] for each in listed}, got(f"/events/{event}")["needs_review"]

    looks = waits()
    said = send("/verdicts", {"verdicts": [{"kind": "is_event", "event": event}]})[1]
    at_once = [each["event"]["needs_review"] for each in said["events"]]
    run(matched)
    settled = waits()
    status, refused = send("/verdicts", {"verdicts": [{"kind": "not_an_event", "a": name("tix:v")}]})
    number = said["verdicts"][0]["sequence"]
    send(f"/verdicts/{number}", method="DELETE")
    run(matched)

    assert (looks, at_once, settled, waits()) == ((True, True), [False], (False, False), (True, True))
    assert status == 409
    assert [one["sequence"] for one in refused["contradictions"][0]["contradicts"]] == [number]


def test_of_questions_no_more_bytes_are_kept_than_fit_and_each_is_told_all_the_same(
    matched: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = got("/review", role="editor")["questions"]
    one = max(len(json.dumps(question, ensure_ascii=False).encode()) for question in whole)
    kept = []

    for most in (10 * one, int(1.5 * one), one // 2):
        questioning._TOLD.clear()
        monkeypatch.setattr(questioning, "MOST_TOLD", most)
        first = got("/review?limit=1", role="editor")
        second = got(f"/review?limit=1&cursor={first['next']}", role="editor")
        again = got("/review", role="editor")["questions"]
        assert [*first["questions"], *second["questions"]] == again == whole
        (stored,) = questioning._TOLD.values()
        assert stored.size == sum(len(told.written) for told in stored.known.values()) <= most
        kept.append(len(stored.known))

    assert len(whole) == 2
    assert kept[0] == 2 > kept[2] == 0


THRESHOLDS = POLICY.thresholds
STRICT = POLICY.model_copy(
    update={"thresholds": THRESHOLDS.model_copy(update={"ambiguous": THRESHOLDS.match - 0.01})}
)
"""Asks of no pair, not even of those that a veto leaves just below a match."""


def test_a_run_with_another_policy_renews_the_queue_though_no_listing_came(matched: Store) -> None:
    before = got("/review", role="editor")["open"]

    run(matched, policy=STRICT)

    assert (before, got("/review", role="editor")["open"]) == (2, 0)


def test_what_waits_after_each_word_is_the_same_read_on_or_read_anew(matched: Store) -> None:
    today, known = date(2090, 1, 1), None
    words: list[dict[str, Any]] = [
        pair("cannot_link", "bwb:2", "rza:2"),
        {"kind": "not_an_event", "a": name("bwb:3")},
    ]
    seen: list[int] = []

    def look(known: Waiting | None) -> Waiting:
        with matched.looking() as work:
            read_on = waiting(work.moment, today=today, known=known)
            anew = waiting(work.moment, today=today, known=None)
        assert (read_on.pairs, read_on.flagged) == (anew.pairs, anew.flagged)
        seen.append(len(read_on.pairs))
        return read_on

    known = look(known)
    for word in words:
        send("/verdicts", {"verdicts": [word]})
        known = look(known)
    for number in (2, 1):
        send(f"/verdicts/{number}", method="DELETE")
        known = look(known)
    send("/verdicts", {"verdicts": [pair("must_link", "bwb:2", "rza:2")]})
    run(matched)
    look(known)

    assert seen == [2, 1, 0, 1, 2, 1]
