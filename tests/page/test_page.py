"""What editors do at the page, from the door to a settled queue; see conftest for what no test lets pass."""

import json
import re
import time
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from urllib.parse import urlencode
from zipfile import ZipFile

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from handlers import desk as desk_queries
from infra.store import reading, verdicts
from infra.store.events import Wanted
from tests.page.conftest import Arrive, Desk, Visitor
from tests.page.payloads import PAYLOADS

PAGES = (
    "",
    "?view=map",
    "?view=calendar&month=2026-03",
    "?q=nosuchword",
    "/review",
    "/review?mode=label",
    "/review/queue",
    "/review/flagged",
    "/verdicts",
    "/audit",
    "/files",
    "/files/2",
    "/runs",
    "/policy",
    "/export",
)
FIRST_PAGE_BYTES = 100_000


def event_of(desk: Desk, source_code: str, listing_id: str) -> str:
    with desk.store.reading() as connection:
        found = reading.event_of(connection, source_code, listing_id)
    assert found is not None
    return found


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    """Wait for the matcher, which runs beside the server."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def matched(desk: Desk) -> bool:
    ingested, done = desk.store.generations()
    return ingested == done


def pair_shown(page: Page) -> str:
    return page.locator("input[name=pair]").first.input_value()


def in_force(desk: Desk, pair: str) -> list[str]:
    """List what is said of a pair that the page showed."""
    a_code, a_id, b_code, b_id = json.loads(pair)
    with desk.store.reading() as connection:
        said = verdicts.list_verdicts(connection, pair=((a_code, a_id), (b_code, b_id)), limit=10)
    return [str(each["kind"]) for each in said]


def press(page: Page, key: str) -> None:
    """Press a key, and wait for the next case."""
    was = pair_shown(page)
    page.keyboard.press(key)
    expect(page.locator("input[name=pair]").first).not_to_have_value(was)
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


def test_every_page_is_accessible_in_both_languages_and_schemes_and_fits_a_phone(
    arrive: Arrive, desk: Desk
) -> None:
    event = event_of(desk, "tickethof", "TH-448377")
    market, other = event_of(desk, "amtskal", "em-2026-0030"), event_of(desk, "bwb", "pdf-4e1f07aa-5-2")
    paths = (
        *PAGES,
        f"/events/{event}",
        f"/events/{event}/arrange",
        f"/events/{market}/arrange?act=merge&to={other}",
    )
    visitor, german, wrong = arrive(width=375), arrive(width=375, language="de-DE", role="admin"), {}

    for path in paths:
        page = visitor.see(path)
        page.wait_for_load_state("networkidle")
        german.see(path).wait_for_load_state("networkidle")
        wide = visitor.too_wide() or german.too_wide()
        found = [f"German: {each}" for each in german.violations()]
        page.emulate_media(color_scheme="dark")
        found += visitor.violations("color-contrast")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 800})
        found += visitor.violations()
        page.set_viewport_size({"width": 375, "height": 800})
        if wide or found:
            wrong[path] = (wide, found)

    assert wrong == {}


def test_the_first_page_is_light(arrive: Arrive) -> None:
    visitor = arrive()
    sizes: list[int] = []
    visitor.page.on(
        "requestfinished",
        lambda request: sizes.append(
            sum(request.sizes()[part] for part in ("responseBodySize", "responseHeadersSize"))
        ),
    )

    visitor.see("").wait_for_load_state("networkidle")

    assert len(sizes) > 3
    assert sum(sizes) < FIRST_PAGE_BYTES


def test_a_key_opens_the_door_and_leads_to_where_one_was_going(arrive: Arrive, desk: Desk) -> None:
    visitor = arrive(role=None)
    page = visitor.see("/files?status=stored")
    page.get_by_label("Your key").fill("ed_wrong")
    visitor.faults.clear()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known")
    visitor.faults.clear()  # the browser tells of the refusal
    page.get_by_label("Your key").fill(desk.keys["editor"])
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(re.compile(r"/desk/files\?status=stored$"))
    cookie = next(each for each in visitor.page.context.cookies() if each["name"] == "event_dedup_key")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.get_by_role("button", name="Sign out").click()
    page = visitor.see("")
    expect(page.get_by_label("Your key")).to_be_visible()


def test_a_form_without_its_token_changes_nothing(editor: Visitor, desk: Desk) -> None:
    pair = '["amtskal","em-2026-0030","bwb","pdf-4e1f07aa-5-2"]'
    asked = editor.page.context.request

    answers = [
        asked.post(f"{desk.address}/desk/review", form={"pair": pair, "say": "same", **token})
        for token in ({}, {"csrf": ""}, {"csrf": "0" * 64})
    ]

    assert [answer.status for answer in answers] == [403, 403, 403]
    with desk.store.reading() as connection:
        assert reading.overview(connection)["ingested_generation"] == desk.store.generations()[1]


def test_the_address_of_the_server_leads_to_the_door(arrive: Arrive, desk: Desk) -> None:
    visitor = arrive(role=None)

    visitor.page.goto(desk.address)

    expect(visitor.page.get_by_label("Your key")).to_be_visible()


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/desk/../admin", "/deskevil", "\\\\evil"]
)
def test_the_door_leads_nowhere_but_into_the_page(editor: Visitor, desk: Desk, wanted: str) -> None:
    answer = editor.page.context.request.post(
        f"{desk.address}/desk/look", form={"back": wanted, "theme": "auto"}, max_redirects=0
    )

    assert (answer.status, answer.headers["location"]) == (303, "/desk")


def test_a_reader_reads_and_is_refused_what_editors_do(arrive: Arrive) -> None:
    visitor = arrive(role="reader")
    page = visitor.see("")

    expect(page.get_by_role("link", name="Review", exact=True)).to_have_count(0)
    page = visitor.see("/review")
    expect(page.get_by_role("heading", name="Your key does not allow this.")).to_be_visible()
    visitor.faults.clear()  # the browser tells of the refusal


def test_what_is_typed_is_completed_and_becomes_a_chip(editor: Visitor, desk: Desk) -> None:
    page = editor.see("")
    page.locator("#q").press_sequentially("waldk")
    option = page.get_by_role("option", name=re.compile("Town Waldkirch"))
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile("city=Waldkirch"))
    there = desk_queries.count_events(desk.store, Wanted(city="Waldkirch"))
    expect(page.locator(".count [role=status]")).to_have_text(f"{there} events")
    page.get_by_role("link", name="Remove the filter Waldkirch").click()
    expect(page.locator(".chip.city")).to_have_count(0)


def test_a_filter_of_its_own_field_is_completed(editor: Visitor) -> None:
    page = editor.see("")
    page.get_by_text("More filters").click()
    source = page.get_by_role("combobox", name="Source", exact=True)
    source.press_sequentially("schau")
    expect(page.locator("#words-source option")).to_have_attribute("value", "schauinsland")
    source.fill("schauinsland")
    page.get_by_role("button", name="Apply").click()

    expect(page.locator(".chip.source")).to_contain_text("schauinsland")


def test_pages_follow_each_other_without_gap_or_repetition(editor: Visitor, desk: Desk) -> None:
    every, page = desk_queries.count_events(desk.store, Wanted()), editor.see("?limit=25&sort=-title")
    seen: list[str] = []

    while True:
        seen += [str(link.get_attribute("href")) for link in page.locator(".what > a").all()]
        onward = page.get_by_role("link", name="Next page")
        if not onward.count():
            break
        onward.click()
        page.wait_for_load_state()

    assert len(seen) == len(set(seen)) == every


def test_the_map_and_the_month_show_what_the_list_has(editor: Visitor, desk: Desk) -> None:
    places = desk_queries.points(desk.store, Wanted(city="Waldkirch"))
    page = editor.see("?view=map&city=Waldkirch")
    expect(page.locator("#map")).to_have_attribute("data-ready", str(len(places)))
    expect(page.locator("#map")).to_have_attribute("data-outlined", re.compile(r"^\d{3}$"))
    expect(page.locator("#map .leaflet-control-scale-line")).to_contain_text("km")

    page = editor.see("?view=calendar&month=2026-03&city=Waldkirch")
    days = desk_queries.days(
        desk.store, Wanted(city="Waldkirch"), date(2026, 2, 23), date(2026, 4, 5), each=4
    )
    shown = page.locator(".month li a")
    assert shown.count() == sum(map(len, days.values())) > 0
    shown.first.click()
    expect(page.locator(".event-head h1")).to_be_visible()


def test_a_place_of_the_map_leads_to_the_events_of_that_place(arrive: Arrive, desk: Desk) -> None:
    editor = arrive(reduced_motion="reduce")  # a click on a map that is moving meets nothing
    places = desk_queries.points(desk.store, Wanted(city="Waldkirch"))
    place = next(each for each in places if 1 < each["n"] < sum(one["n"] for one in places))
    page = editor.see(f"?view=map&city=Waldkirch&spot={place['latitude']},{place['longitude']}")
    expect(page.locator("#map")).to_have_attribute("data-ready", "1")

    page.locator("#map").click()  # a map of one place has it in its middle
    page.locator("#map .leaflet-popup-content a").click()
    page.wait_for_load_state()

    expect(page.locator(".bar .count strong")).to_have_text(str(place["n"]))
    assert page.locator("#results tbody tr").count() == place["n"]
    expect(page.locator(".chip.spot")).to_contain_text("Place on the map")


BESIDE = """rows => rows.map((row) => ["th", ".meaning"].map((name) => {
  const range = document.createRange();
  range.selectNodeContents(row.querySelector(name));
  const { top, bottom } = range.getBoundingClientRect();
  return { top, bottom };
}))"""
"""Where the names and the meanings of rows of evidence are drawn."""


def signed(text: str) -> float:
    return float(text.replace("−", "-").replace("±", ""))


def test_what_a_part_of_the_evidence_means_stands_beside_its_name_and_apart_from_the_next(
    editor: Visitor, desk: Desk
) -> None:
    page = editor.see(f"/events/{event_of(desk, 'tickethof', 'TH-448377')}")
    pair = page.locator(".pairs details").first
    expect(pair).to_have_attribute("open", "")

    rows = pair.locator("table.bars tbody tr:not(.said)").evaluate_all(BESIDE)

    assert len(rows) > 3
    assert max(abs(name["top"] - meaning["top"]) for name, meaning in rows) < 8
    assert all(below["top"] - above["bottom"] > 4 for (_, above), (_, below) in pairwise(rows))


def test_an_event_says_where_each_field_came_from_and_why_it_is_one(editor: Visitor, desk: Desk) -> None:
    page = editor.see(f"/events/{event_of(desk, 'tickethof', 'TH-448377')}")

    title = page.locator(".fields-of > div", has_text="Title").first
    expect(title.locator(".src")).to_have_text(["tickethof"])
    expect(title.locator(".why-so")).to_contain_text("Prefer a title without a status")
    assert "in der Kulturfabrik" in page.locator(".sides mark").all_inner_texts()
    for table in page.locator("table.bars").all():
        shown = list(map(signed, table.locator("td.bits").all_text_contents()))
        assert sum(shown[:-1]) == pytest.approx(shown[-1], abs=0.001)
    expect(page.locator(".graph circle")).to_have_count(3)
    expect(page.locator(".graph line.bridge")).to_have_count(1)
    weakest = page.locator(".pairs details").first
    expect(weakest).to_have_attribute("open", "")
    expect(weakest.locator("summary")).to_contain_text("weakest bridge")
    written = page.locator(".graph .weight.bridge").text_content()
    assert f"{written} bits" in weakest.locator("summary").inner_text()
    said = weakest.locator("tr:has(th:text-is('Title')) + tr.said").inner_text()
    assert said.startswith("Both titles: Nord (rare, 1 in ")
    parts = re.findall(r"[+−]\d+\.\d+", said)
    bits = weakest.locator("tr:has(th:text-is('Title')) td.bits").inner_text()
    assert sum(map(signed, parts)) == pytest.approx(signed(bits), abs=0.001)
    expect(weakest.locator("tr.said", has_text="They begin at the same time.")).to_have_count(1)


def test_the_queue_is_settled_by_keys_and_each_word_can_be_undone(editor: Visitor, desk: Desk) -> None:
    page = editor.see("/review")
    first = pair_shown(page)
    open_before = page.locator("[data-live]").inner_text()

    press(page, "k")
    second = pair_shown(page)
    press(page, "d")
    press(page, "u")
    assert pair_shown(page) == second
    assert page.locator("[data-live]").inner_text() == open_before
    until(lambda: in_force(desk, second) == [])
    press(page, "d")
    until(lambda: in_force(desk, second) == ["cannot_link"])
    press(page, "k")
    press(page, "u")
    assert pair_shown(page) == second
    until(lambda: in_force(desk, second) == [])
    page = editor.see("/review")
    assert pair_shown(page) == first
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Which is not an event?")).to_be_visible()
    page.wait_for_load_state("networkidle")  # the next case is fetched by now
    press(page, "1")
    press(page, "u")
    assert pair_shown(page) == first


def test_a_case_that_was_asked_for_by_its_name_is_not_asked_again_behind_itself(
    editor: Visitor, desk: Desk
) -> None:
    until(lambda: matched(desk))
    first = pair_shown(editor.see("/review"))
    page = editor.see(f"/review?{urlencode({'pair': first})}")
    assert pair_shown(page) == first
    page.wait_for_load_state("networkidle")  # the next case is fetched by now
    press(page, "k")
    second = pair_shown(page)
    press(page, "k")
    third = pair_shown(page)

    assert len({first, second, third}) == 3


def test_who_settles_the_last_case_is_told_so_and_can_undo_it(editor: Visitor, desk: Desk) -> None:
    until(lambda: matched(desk))
    page = editor.see("/review/queue")
    boxes = page.locator("input[name=pair]")
    for box in boxes.all()[1:]:
        box.check()
    page.get_by_role("button", name="The ticked ones are different").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    undo, last = page.url, boxes.first.input_value()
    page = editor.see("/review")
    expect(page.locator("input[name=pair]").first).to_have_value(last)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("d")

    expect(page.get_by_role("heading", name="Nothing more to settle")).to_be_visible()
    assert page.get_by_text("skipped").locator("visible=true").count() == 0
    with page.expect_response(lambda answer: answer.request.method == "GET" and "end=1" in answer.url):
        page.keyboard.press("u")
    expect(page.locator("input[name=pair]").first).to_have_value(last)
    assert in_force(desk, last) == []
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="The end of the queue")).to_be_visible()
    expect(page.get_by_role("link", name="To what was skipped", exact=True)).to_be_visible()
    page.goto(undo)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_load_state("networkidle")
    until(lambda: matched(desk))


def test_an_event_in_doubt_leads_to_its_question(editor: Visitor, desk: Desk) -> None:
    market = event_of(desk, "amtskal", "em-2026-0030")
    page = editor.see(f"/events/{market}")
    page.locator("#links").get_by_role("link", name="Review", exact=True).first.click()

    expect(page.get_by_text("Is this the same event?")).to_be_visible()
    assert "em-2026-0030" in pair_shown(page)


def test_what_is_said_to_be_the_same_becomes_one_event_and_two_again_when_it_is_taken_back(
    editor: Visitor, desk: Desk
) -> None:
    a, b = ("amtskal", "em-2026-0030"), ("bwb", "pdf-4e1f07aa-5-2")
    page = editor.see(f'/review?pair=["{a[0]}","{a[1]}","{b[0]}","{b[1]}"]')
    expect(page.locator(".preview dd", has_text="Wochenmarkt")).to_be_visible()
    press(page, "s")
    until(lambda: event_of(desk, *a) == event_of(desk, *b))

    page = editor.see("/verdicts?mine=yes")
    page.locator("tr", has_text=a[1]).first.get_by_role("button").click()
    page.wait_for_load_state("networkidle")
    until(lambda: event_of(desk, *a) != event_of(desk, *b))
    page = editor.see("/audit")
    assert page.locator("tbody tr").first.locator("td").nth(1).inner_text() == "eva the editor"


def test_a_labeller_sees_no_score(editor: Visitor) -> None:
    page = editor.see("/review?mode=label")

    expect(page.get_by_text("Is this the same event?")).to_be_visible()
    assert page.locator(".bars, .preview").count() == 0
    press(page, "k")
    assert "mode=label" in page.url
    assert page.locator(".bars, .preview").count() == 0


def test_many_are_said_to_be_different_at_once_and_what_contradicts_that_is_shown_and_not_saved(
    editor: Visitor, desk: Desk
) -> None:
    until(lambda: matched(desk))
    page = editor.see("/review/queue")
    pairs = [str(box.get_attribute("value")) for box in page.locator("input[name=pair]").all()]
    page.locator("[data-all]").check()
    page.get_by_role("button", name="The ticked ones are different").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    left = [str(box.get_attribute("value")) for box in page.locator("input[name=pair]").all()]
    undo = page.url
    assert not set(left) & set(pairs)

    page = editor.see(f"/review?pair={pairs[0]}")
    page.keyboard.press("s")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(page.get_by_role("alert")).to_contain_text("eva the editor")
    page.goto(undo)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_load_state("networkidle")
    until(lambda: matched(desk))
    page = editor.see("/review/queue")
    assert {str(box.get_attribute("value")) for box in page.locator("input[name=pair]").all()} == set(pairs)


def test_a_listing_is_split_off_after_a_look_at_before_and_after(editor: Visitor, desk: Desk) -> None:
    until(lambda: matched(desk))
    whole = event_of(desk, "tickethof", "TH-448377")
    page = editor.see(f"/events/{whole}/arrange")
    page.get_by_label("Die Nordlichter in der Kulturfabrik").check()
    page.get_by_role("button", name="Preview the split").click()
    expect(page.get_by_role("heading", name="Before and after")).to_be_visible()
    assert event_of(desk, "bwb", "pdf-4e1f07aa-3-1") == whole
    expect(page.locator(".before-after > div").last.locator(".small-event")).to_have_count(2)

    page.get_by_role("button", name="Do it").click()
    until(lambda: event_of(desk, "bwb", "pdf-4e1f07aa-3-1") != whole)
    page = editor.see("/verdicts")
    page.locator("tr", has_text="pdf-4e1f07aa-3-1").get_by_role("button").first.click()  # of all that it took
    until(lambda: event_of(desk, "bwb", "pdf-4e1f07aa-3-1") == whole)


def test_a_merge_found_by_its_words_and_a_move_are_seen_before_and_after_and_undone_by_one_button_each(
    editor: Visitor, desk: Desk
) -> None:
    market, other, winter = (
        ("amtskal", "em-2026-0030"),
        ("bwb", "pdf-4e1f07aa-5-2"),
        ("schauinsland", "si-3377"),
    )
    until(lambda: matched(desk))
    page = editor.see(f"/events/{event_of(desk, *market)}/arrange")
    page.get_by_label("Title, day or place; or its id or address", exact=True).fill("Wochenmarkt Bahnhof")
    page.get_by_role("button", name="Preview the merge").click()
    page.get_by_role("button", name=re.compile("Wochenmarkt .* Bahnhof")).click()
    expect(page.locator(".before-after > div").first.locator(".small-event")).to_have_count(2)
    expect(page.locator(".before-after > div").last.locator(".small-event")).to_have_count(1)
    page.get_by_role("button", name="Do it").click()
    until(lambda: event_of(desk, *market) == event_of(desk, *other))

    page = editor.see(f"/events/{event_of(desk, *winter)}/arrange")
    page.get_by_label(re.compile("Lena Winter si-3377")).check()
    page.get_by_label(re.compile("To which event")).fill(event_of(desk, *market))
    page.get_by_role("button", name="Preview the move").click()
    expect(page.locator(".before-after > div").last).to_contain_text("si-3377")
    page.get_by_role("button", name="Do it").click()
    until(lambda: event_of(desk, *winter) == event_of(desk, *market))
    for title in ("in a move", "in a merge"):
        page = editor.see("/verdicts")
        page.locator("tr", has_text=title).first.get_by_role("button").click()
        page.wait_for_load_state("networkidle")

    until(lambda: len({event_of(desk, *each) for each in (market, other, winter)}) == 3)
    assert event_of(desk, *winter) == event_of(desk, "tickethof", "TH-448377")


def test_a_file_tells_what_was_refused_and_where_its_listings_are(editor: Visitor) -> None:
    page = editor.see("/files?status=quarantined")
    expect(page.get_by_role("link", name="torn_1.json")).to_be_visible()
    page = editor.see("/files")
    page.get_by_role("link", name=re.compile("amtskal_20")).click()

    expect(page.locator("tbody tr", has_text="2026-06-31")).to_contain_text("expected a day")
    page.get_by_role("link", name="Dorffest Siensbach").click()
    expect(page.locator(".event-head h1")).to_have_text("Dorffest Siensbach")


def test_runs_are_drawn_as_trends(editor: Visitor) -> None:
    page = editor.see("/runs")

    expect(page.locator(".plot canvas")).to_have_count(4)
    assert page.locator("tbody tr").count() >= 3


def test_language_and_colours_are_those_of_the_browser_until_one_is_chosen(arrive: Arrive) -> None:
    visitor = arrive(language="de-DE", color_scheme="dark")
    page = visitor.see("")
    expect(page.get_by_role("heading", name="Veranstaltungen")).to_be_visible()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Farben: wie das System").click()
    page.get_by_role("button", name="English").click()

    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_who_has_only_keys_skips_to_the_content_and_comes_back_from_a_dialog(editor: Visitor) -> None:
    page = editor.see("/review")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText"))
    keys = page.get_by_role("button", name="Keys")
    keys.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")

    expect(keys).to_be_focused()
    found = [text.split()[0] for text in reached if text]
    assert [word for word in found if word in ("Same", "Different", "Skip", "Not")] == [
        "Same",
        "Different",
        "Skip",
        "Not",
    ]


def test_without_javascript_it_is_read_and_a_verdict_can_be_given(arrive: Arrive, desk: Desk) -> None:
    visitor = arrive(java_script_enabled=False)
    for path in PAGES:
        page = visitor.see(path)
        expect(page.get_by_role("heading").first).to_be_visible()
        assert page.locator("main").inner_text().count("\n") > 3, path
    page = visitor.see("?q=umzug")
    page.locator(".what > a").first.click()
    expect(page.locator(".event-head h1")).to_be_visible()
    page = visitor.see("/review")
    case = pair_shown(page)
    page.get_by_role("button", name="Different").click()
    assert pair_shown(page) != case

    page.get_by_role("button", name="Undo").click()
    assert pair_shown(page) == case


def test_what_strangers_write_is_shown_and_never_runs(editor: Visitor, desk: Desk) -> None:
    with desk.store.reading() as connection:
        events = sorted(
            {
                str(reading.event_of(connection, source, f"{payload}{twin}"))
                for payload in PAYLOADS
                for source, twin in (("hostile", "a"), ("foul", "b"))
            }
            - {"None"}
        )
    assert len(events) >= len(PAYLOADS) - 2
    paths = [
        "?source=hostile&limit=200",
        "?view=calendar&month=2027-01",
        "?view=map&source=hostile",
        "/review/queue",
        "/files",
        *(f"/events/{event}" for event in events),
    ]
    paths += [
        f"?q={payload}"
        for payload in (
            "%3Cscript%3Ewindow.__ran=1%3C/script%3E",
            "%22%20autofocus%20onfocus=window.__ran=1%20x=%22",
        )
    ]

    for path in paths:
        page = editor.see(path)
        assert page.evaluate("window.__ran") is None, path
        page.mouse.move(300, 300)
        assert (
            page.locator("script:not([src]), iframe, object, base, style, meta[http-equiv]").count() == 0
        ), path
        assert page.evaluate(
            "[...document.querySelectorAll('*')].every((one) => [...one.attributes].every((each) => !each.name.startsWith('on')))"
        ), path
    assert page.evaluate("window.__ran") is None


def test_a_policy_is_planned_read_and_applied_and_the_old_one_comes_back(arrive: Arrive, desk: Desk) -> None:
    until(lambda: matched(desk))
    page = arrive(role="admin").see("/policy")
    field = page.get_by_label("Every weight, threshold and limit")
    as_it_was = field.input_value()
    field.fill(as_it_was.replace("  match: 10.0", "  match: nonsense"))
    page.get_by_role("button", name="Plan: what would it change?").click()
    expect(page.get_by_role("alert")).to_contain_text("thresholds")

    field.fill(as_it_was.replace("  match: 10.0", "  match: 25.0"))
    page.get_by_role("button", name="Plan: what would it change?").click()
    expect(page.get_by_role("heading", name="What this would change")).to_be_visible()
    planned = page.locator("tbody tr", has_text="Lena Winter")
    expect(planned.first).to_be_visible()
    whole = event_of(desk, "tickethof", "TH-448377")
    assert event_of(desk, "bwb", "pdf-4e1f07aa-3-1") == whole
    page.get_by_role("button", name="Apply this policy").click()
    expect(page.get_by_text("Applied. The next run has it.")).to_be_visible()
    until(lambda: matched(desk))
    assert event_of(desk, "bwb", "pdf-4e1f07aa-3-1") != event_of(desk, "tickethof", "TH-448377")

    field.fill(as_it_was)
    page.get_by_role("button", name="Plan: what would it change?").click()
    page.get_by_role("button", name="Apply this policy").click()
    expect(page.get_by_text("Applied. The next run has it.")).to_be_visible()
    until(lambda: matched(desk))
    assert event_of(desk, "bwb", "pdf-4e1f07aa-3-1") == event_of(desk, "tickethof", "TH-448377")


def test_an_export_of_a_filter_is_a_zip_that_holds_its_events(editor: Visitor, desk: Desk) -> None:
    page = editor.see("?city=Waldkirch")
    page.get_by_role("link", name="Export …").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the zip").click()

    with ZipFile(download.value.path()) as packed:
        files = [json.loads(packed.read(name)) for name in packed.namelist()]
    every = desk_queries.count_events(desk.store, Wanted(city="Waldkirch"))
    assert sum(len(file["events"]) for file in files) == every > 0


def test_a_file_of_a_bucket_is_set_free_from_quarantine_and_that_is_noted(
    editor: Visitor, desk: Desk
) -> None:
    with desk.store.engine.begin() as connection:
        torn = connection.scalar(
            text("UPDATE files SET bucket = 'uploads' WHERE key = 'torn_1.json' RETURNING file_id")
        )
    page = editor.see(f"/files/{torn}")
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_text("Set free")).to_be_visible()
    page = editor.see("/audit")
    expect(page.locator("tbody tr").first).to_contain_text(f"file {torn}")
    assert ("torn_1.json", "") not in {(key, "") for key, _ in desk.store.known_objects("uploads")}


def test_the_next_case_is_there_before_the_verdict_is_stored_and_a_failure_is_told(editor: Visitor) -> None:
    page = editor.see("/review")
    page.wait_for_load_state("networkidle")
    page.route(
        "**/desk/review*",
        lambda route: route.abort() if route.request.method == "POST" else route.continue_(),
    )
    press(page, "d")

    expect(page.get_by_role("alert")).to_contain_text("could not be saved")
    editor.faults.clear()  # the browser tells of the connection that was cut
    page.unroute("**/desk/review*")
