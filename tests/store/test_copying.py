import math
from datetime import date
from typing import Any

import polars as pl
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, column, select, table, text

from dedup_core.events import EVENT_SCHEMA, OCCURRENCE
from infra.store import Store
from infra.store.copying import copy_in, copy_out, temporary
from infra.store.tables import source_events

SCHEMA = pl.Schema(
    {
        "words": pl.String(),
        "number": pl.Int64(),
        "share": pl.Float64(),
        "truth": pl.Boolean(),
        "day": pl.Date(),
        "list": pl.List(pl.String()),
        "dates": pl.List(OCCURRENCE),
        "place": pl.Struct({"name": pl.String(), "latitude": pl.Float64()}),
    }
)
SQL = "words text, number bigint, share float8, truth boolean, day date, list jsonb, dates jsonb, place jsonb"

# PostgreSQL holds no \0 and UTF-8 no lone surrogates; both are refused at the door.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
# jsonb writes 1e38 out in full, which no reader of JSON takes for a number any more; nothing of ours is as large.
DEGREES = st.floats(-180, 180)


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


MOMENTS = st.fixed_dictionaries(
    {
        "date": DAYS,
        "start_time": nullable(WORDS),
        "end_time": nullable(WORDS),
        "end_date": nullable(DAYS),
    }
)
ROWS = st.fixed_dictionaries(
    {
        "words": nullable(WORDS),
        "number": nullable(st.integers(-(2**63), 2**63 - 1)),
        "share": nullable(NUMBERS),
        "truth": nullable(st.booleans()),
        "day": nullable(DAYS),
        "list": nullable(st.lists(nullable(WORDS), max_size=3)),
        "dates": nullable(st.lists(MOMENTS, max_size=3)),
        "place": nullable(st.fixed_dictionaries({"name": nullable(WORDS), "latitude": nullable(DEGREES)})),
    }
)
NOTHING = dict.fromkeys(SCHEMA)
AWKWARD = [
    "",
    " ",
    "\\N",
    "\\.",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    ",",
    "\t",
    "a\n\\.\nb",
    "null",
    "t",
    "\\",
    "é\u2028😀",
]


def there_and_back(engine: Engine, frame: pl.DataFrame) -> pl.DataFrame:
    with engine.connect() as connection:
        connection.execute(text(f"CREATE TEMP TABLE copied ({SQL}) ON COMMIT DROP"))
        copy_in(connection, "copied", frame)
        copied = table("copied", *(column(name) for name in frame.columns))
        query = select(*(copied.c[name] for name in frame.columns))
        return copy_out(connection, query, dict(frame.schema))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows=st.lists(ROWS, max_size=5))
@example(rows=[NOTHING | {"words": words, "list": [words], "number": 1} for words in AWKWARD])
@example(rows=[NOTHING, NOTHING | {"words": "", "list": [], "dates": []}, NOTHING])
@example(rows=[NOTHING | {"share": share} for share in (5e-324, -0.0, 0.1 + 0.2, 1.7976931348623157e308)])
def test_what_is_copied_in_comes_out_equal(store: Store, rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA)

    copied = there_and_back(store.engine, frame)

    assert copied.equals(frame), f"{copied.to_dicts()}\n{frame.to_dicts()}"
    assert copied.schema == frame.schema


def test_a_single_column_of_nulls_and_empty_texts_keeps_every_row(store: Store) -> None:
    frame = pl.DataFrame({"words": [None, "", None, "x", ""]}, schema={"words": pl.String})

    copied = there_and_back(store.engine, frame)

    assert copied.equals(frame)


def test_numbers_that_are_none_are_not_made_into_others(store: Store) -> None:
    frame = pl.DataFrame({"share": [math.nan, math.inf, -math.inf, None]})

    copied = there_and_back(store.engine, frame)

    assert copied.equals(frame)


def test_an_empty_frame_copies_nothing_and_reads_with_its_types(store: Store) -> None:
    copied = there_and_back(store.engine, pl.DataFrame(schema=SCHEMA))

    assert copied.is_empty()
    assert copied.schema == SCHEMA


def test_a_text_longer_than_a_message_arrives_whole(store: Store) -> None:
    frame = pl.DataFrame({"words": ["ä\n" * 300_000, "after"]})

    copied = there_and_back(store.engine, frame)

    assert copied.equals(frame)


def test_a_temporary_table_has_the_columns_of_its_model_in_the_order_asked(store: Store) -> None:
    with store.engine.connect() as connection:
        temporary(connection, "chosen_columns", source_events, ["title", "source_code", "event_dates"])

        columns = connection.execute(text("SELECT * FROM chosen_columns")).keys()

    assert list(columns) == ["title", "source_code", "event_dates"]
    assert {"title", "source_code", "event_dates"} < set(EVENT_SCHEMA)
