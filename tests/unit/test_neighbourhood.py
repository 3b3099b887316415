"""Neighbourhood: what verdicts lead to is worked out from stored decisions as a whole run would, and no verdict changes a score."""

from functools import cache

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_core.events import VERDICT_SCHEMA, Neighbourhood, Previous, Resolution
from dedup_core.neighbourhood import resettled
from dedup_core.pinning import pinned_value
from dedup_core.pipeline import resolve
from dedup_core.policy import default_policy
from tests.unit.listings import events, listing

POLICY = default_policy()
PLACE = {"start": "20:00", "city": "Waldkirch", "venue": "Kastelberghalle"}
TITLES = ("Wolfgang Muthspiel Trio", "Wolfgang Muthspiel", "Muthspiel Trio live", "Orgelkonzert im Münster")
NAMES = [(source, str(number)) for source in "abc" for number in range(4)]

Row = tuple[object, ...]
ENDS = st.permutations(NAMES).map(lambda order: order[:2])
PAIRS = st.tuples(st.sampled_from(["must_link", "cannot_link"]), ENDS).map(
    lambda said: (said[0], *said[1][0], *said[1][1], None, None)
)
MARKS = st.tuples(st.sampled_from(["not_an_event", "is_event"]), st.sampled_from(NAMES)).map(
    lambda said: (said[0], *said[1], None, None, None, None)
)
PINS = st.tuples(st.sampled_from(NAMES), st.sampled_from(["Jazz", "Rock"])).map(
    lambda said: ("pin", *said[0], None, None, "title", pinned_value("title", said[1]))
)
VERDICTS = st.lists(PAIRS | MARKS | PINS, max_size=6)


def frame(verdicts: list[Row]) -> pl.DataFrame:
    rows = [(*row[:5], number, *row[5:], "ada") for number, row in enumerate(verdicts)]
    return pl.DataFrame(rows, schema=VERDICT_SCHEMA, orient="row")


@cache
def listings() -> pl.DataFrame:
    return events(*(listing(f"{source}:{number}", TITLES[int(number)], **PLACE) for source, number in NAMES))


@cache
def first_run() -> tuple[Resolution, Previous]:
    found = resolve(listings(), frame([]), Previous.nothing(), POLICY)
    known = found.canonical_events.select("canonical_id", "born", "content_hash")
    return found, Previous(found.members, known)


@settings(deadline=None, max_examples=15)
@given(VERDICTS)
def test_what_is_worked_out_of_the_last_decisions_is_what_a_whole_run_says(verdicts: list[Row]) -> None:
    before, previous = first_run()
    homes = before.members.rename({"canonical_id": "home"})
    known = before.events.join(homes, on=["source_code", "id"], maintain_order="left")
    near = Neighbourhood(
        known.with_columns(inside=pl.lit(value=True)), before.decisions, frame(verdicts), previous
    )

    told = resettled(near, POLICY, generation=2)
    run = resolve(listings(), frame(verdicts), previous, POLICY, generation=2)

    hashes = ["canonical_id", "content_hash"]
    assert told.canonical_events.select(hashes).equals(run.canonical_events.select(hashes))
    assert told.members.equals(run.members)
    assert told.difference.lineage.equals(run.difference.lineage)
    assert told.difference.gone.equals(run.difference.gone)
    assert run.decisions.equals(before.decisions)


def test_who_joins_two_events_joins_them_whole() -> None:
    two = events(
        listing("a:1", "Wolfgang Muthspiel Trio", **PLACE),
        listing("b:1", "Wolfgang Muthspiel Trio", **PLACE),
        listing("a:2", "Flohmarkt der Pfadfinder", "2026-09-09", city="Hamburg"),
        listing("b:2", "Flohmarkt der Pfadfinder", "2026-09-09", city="Hamburg"),
    )
    free = resolve(two, frame([]), Previous.nothing(), POLICY)

    joined = resolve(two, frame([("must_link", "a", "1", "a", "2", None, None)]), Previous.nothing(), POLICY)

    assert free.canonical_events["n_sources"].to_list() == [2, 2]
    assert joined.canonical_events["n_sources"].to_list() == [4]
