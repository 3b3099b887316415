"""The desk's own numbers, told of real rows."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from dedup_core.events import Rejection
from dedup_core.policy import Thresholds
from handlers import desk
from infra.store import Store, Upload
from infra.store.events import Wanted
from tests.store.uploads import POLICY, run, save
from tests.unit.listings import listing

MANY = 1200


def test_all_verdicts_of_a_day_are_counted_however_many_and_only_those_in_force(store: Store) -> None:
    save(store, [listing("bwb:1", "Flohmarkt")])
    said = """
        INSERT INTO verdicts (kind, a_source_code, a_id, author, given_at)
        SELECT 'not_an_event', 'bwb', '1', author, given_at FROM generate_series(1, :many),
            (VALUES ('ada', now()), ('bob', now()), ('ada', now() - interval '3 days')) AS v(author, given_at)
    """
    with store.engine.begin() as connection:
        connection.execute(text(said), {"many": MANY})
        back = "INSERT INTO take_backs (sequence, author) SELECT max(sequence), 'ada' FROM verdicts WHERE author = 'ada' AND given_at > now() - interval '1 day'"
        connection.execute(text(back))

    counted = desk.count_given(store, "ada", datetime.now(UTC) - timedelta(days=1))

    assert counted == MANY - 1


def test_what_is_kept_is_asked_anew_after_a_run_by_another_policy_though_its_data_are_the_same(
    store: Store,
) -> None:
    save(store, [listing("bwb:1", "Flohmarkt am Bahnhof")])
    save(store, [listing("rza:1", "Flohmarkt am Bahnhof")], key="rza_1.json")
    run(store)
    before = desk.count_events(store, Wanted())

    run(store, policy=POLICY.model_copy(update={"thresholds": Thresholds(match=60, ambiguous=59, floor=-6)}))

    assert (before, desk.count_events(store, Wanted())) == (1, 2)


def test_a_file_that_brings_no_run_is_counted_at_once(store: Store) -> None:
    save(store, [listing("bwb:1", "Flohmarkt")])
    run(store)
    before = desk.overview(store)

    upload = Upload("uploads", "torn_1.json", "", None, "0" * 64, 10)
    torn = store.save_quarantined(upload, Rejection("torn_1.json", None, None, "no JSON"), source_code="torn")
    after = desk.overview(store)
    store.mark_replayed(torn.file_id)

    assert [each["quarantined"] for each in (before, after, desk.overview(store))] == [0, 1, 0]
