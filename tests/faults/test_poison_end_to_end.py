"""What passes the door as poison's neighbour, or as the largest that is allowed, must not stop the matcher, either."""

import json
import os
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from dedup_core.normalising import normalise, normaliser_version
from dedup_core.parsing import parse
from dedup_core.policy import default_policy
from dedup_core.validating import source_code_of, validate
from handlers.match import match
from infra.store import Ingested, Store, Upload, reading
from tests.faults.poison import CAP, HARMLESS, LARGEST, LISTINGS, Listing, Poison, file_of, listing
from tests.store.uploads import rows

POLICY = default_policy()
LONGEST_ID, LONGEST_SOURCE_CODE = 200, 100


def put(store: Store, key: str, content: bytes) -> Ingested:
    """Store a file whose name no folder could hold: S3's keys may be longer."""
    parsed = parse(content, intake=POLICY.intake)
    valid = validate(parsed, file=key, source_code=source_code_of(key), intake=POLICY.intake)
    return store.save_file(
        Upload("uploads", key, "", "1", key, len(content)),
        source_code=source_code_of(key),
        processed_at=None,
        events=normalise(valid.listings),
        raw=valid.raw,
        rejected=valid.rejections,
        listings=len(parsed),
        normaliser=normaliser_version(),
    )


def test_what_every_poisoned_file_left_can_be_matched(store: Store) -> None:
    def taken(number: int, poison: Poison) -> Ingested:
        return put(store, f"poison{number}_x.json", poison.content())

    accepted = sum(taken(number, poison).stored for number, poison in enumerate([*LISTINGS, *HARMLESS]))

    report = match(store=store, policy=POLICY)

    assert report.statistics["listings"] == accepted > 100
    (homeless,) = rows(store.engine, "SELECT count(*) FROM source_events LEFT JOIN canonical_sources USING (source_code, id) WHERE canonical_id IS NULL")  # fmt: skip
    assert homeless == (0,)
    assert match(store=store, policy=POLICY).result_hash == report.result_hash


def noise(seed: int, characters: int) -> str:
    """Write text that does not compress, four bytes a character: CJK beyond the basic plane. A long one is made of words."""
    drawn = random.Random(seed)  # noqa: S311
    letters = "".join(chr(drawn.randrange(0x20000, 0x2A6D0)) for _ in range(characters))
    return (
        letters if characters <= 200 else " ".join(letters[at : at + 29] for at in range(0, characters, 30))
    )


def largest(seed: int) -> Listing:
    """Fill every text; together they take a third of what a listing may."""
    texts = {name: noise(number, 12_000) for number, name in enumerate(("title", "short_description", "description"))}  # fmt: skip
    place = {name: noise(10 + number, 12_000) for number, name in enumerate(("name", "city", "district", "street"))}  # fmt: skip
    when = [{"date": "2026-05-02", "start_time": "20:00"}]
    return listing(
        noise(seed, LONGEST_ID), **texts, location=place, event_dates=when, categories=[noise(20, 1000)]
    )


def test_the_largest_that_is_allowed_fits_into_every_column_and_index(store: Store) -> None:
    codes = [noise(code, LONGEST_SOURCE_CODE) for code in (1, 2, 3)]
    for number, code in enumerate(codes):
        listings = [largest(100 + number), largest(200 + number)]
        content = json.dumps({"events": listings}, ensure_ascii=False).encode()
        assert put(store, f"{code}_1.json", content).stored == 2

    report = match(store=store, policy=POLICY)

    assert report.statistics["listings"] == 6
    assert report.statistics["matches"] + report.statistics["ambiguous"] > 0
    with store.reading() as connection:
        (event, *_) = reading.list_events(connection)
        shown = reading.show_event(connection, event["canonical_id"])
    assert shown is not None
    assert shown["content"]["location"]["city"] == noise(11, 12_000)
    assert shown["city"] == noise(11, 12_000)[:200]


def test_a_listing_with_as_many_dates_as_are_allowed_comes_out_again(store: Store) -> None:
    days = pl.date_range(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=999), eager=True)
    when = [{"date": day.isoformat(), "start_time": "20:00"} for day in days]
    put(store, "bwb_1.json", file_of(listing("a", event_dates=when)))

    match(store=store, policy=POLICY)

    with store.reading() as connection:
        (event,) = reading.list_events(connection)
    assert (event["first_day"], event["last_day"]) == (days[0], days[-1])


AT_ONCE = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"}
"""Polars' allocator gives back at once what is freed: what it keeps for ten seconds, in case it is asked again, is no need of ours."""

MEASURING = """
import sys
from pathlib import Path
from infra.store import Store
from tests.faults import poison
from tests.faults.dying import Steps, take_in
from tests.faults.test_poison import most_kibibytes

bomb, store = Path(sys.argv[2]), Store.at(sys.argv[1])
usual = bomb.with_name("usual_1.json")
usual.write_bytes(poison.file_of_many(3000, b'"x":1'))
take_in(store, usual, Steps(None))
before = most_kibibytes()
report = take_in(store, bomb, Steps(None))
print(report.status, report.listings - report.stored - report.rejected, (most_kibibytes() - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("name", LARGEST)
def test_what_is_written_down_of_the_largest_file_takes_less_than_64_mb_over_the_limit(
    database: str, name: str, tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb_1.json"
    bomb.write_bytes(LARGEST[name]())
    run = subprocess.run(
        [sys.executable, "-c", MEASURING, database, str(bomb)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **AT_ONCE},
    )

    status, left, grown = run.stdout.split()

    assert (status, left) == ("stored", "0")
    assert 0 < int(grown) < CAP + 64_000_000
