r"""Copying: whole frames to and from PostgreSQL by COPY, many times faster than rows.

Lists and structs travel as JSON text. What comes back equals what went in, null and empty text apart; what PostgreSQL itself changes
is the JSON of ``jsonb`` columns (spaces, order of keys), and what it can't hold (``\0``) is refused at the door, not here.
"""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Select, Table, text
from sqlalchemy.dialects import postgresql

CHUNK: Final = 1 << 18
"""Bytes a message; pg8000 itself would send 8 kB at once and flush after each."""

PART: Final = 1 << 22
"""Bytes of a frame, about, that are written as text at once: the largest file's would take several times its size."""


def copy_in(connection: Connection, table: str, frame: pl.DataFrame) -> None:
    """Append a frame to a table whose columns have the frame's names. Nested columns become JSON."""
    if frame.is_empty():
        return
    flat = frame.with_columns(
        _as_json(name, dtype) for name, dtype in frame.schema.items() if dtype.is_nested()
    )
    columns = ", ".join(f'"{name}"' for name in frame.columns)
    # Null is a bare \N; a text that reads so is quoted, as all texts are, and stays a text.
    statement = f"COPY {table} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '\\N')"
    _cursor(connection).execute(statement, stream=_chunks(flat))


def _chunks(flat: pl.DataFrame) -> Iterator[memoryview]:
    rows = max(1, flat.height * PART // max(1, int(flat.estimated_size())))
    for some in flat.iter_slices(rows):
        content = BytesIO()
        some.write_csv(content, include_header=False, quote_style="non_numeric", null_value="\\N")
        whole = content.getbuffer()
        yield from (whole[start : start + CHUNK] for start in range(0, len(whole), CHUNK))


def _as_json(name: str, dtype: pl.DataType) -> pl.Expr:
    """Encode a nested column; null stays null. Only structs can be encoded, so the column is wrapped and unwrapped."""
    wrapped = pl.struct(pl.col(name).alias("v")).struct.json_encode()
    unwrapped = wrapped.str.strip_prefix('{"v":').str.head(-1)
    return pl.when(pl.col(name).is_not_null()).then(unwrapped).alias(name)


def copy_out(connection: Connection, query: Select[Any], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Read a query into a frame. schema: the query's columns, in order, with their types; nested ones come as JSON."""
    statement = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    content = BytesIO()
    _cursor(connection).execute(f"COPY ({statement}) TO STDOUT WITH (FORMAT csv)", stream=content)
    if not content.tell():
        return pl.DataFrame(schema=dict(schema))
    content.seek(0)
    as_text = {name: pl.String() if _comes_as_text(dtype) else dtype for name, dtype in schema.items()}
    # PostgreSQL quotes empty text and leaves null bare, and the reader keeps the two apart.
    frame = pl.read_csv(content, has_header=False, schema=as_text)
    return frame.select(_decoded(name, dtype) for name, dtype in schema.items())


def fetched(
    connection: Connection, query: str, values: Mapping[str, object], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """Read the few rows of a query with values of its own into a frame. schema: as for `copy_out`; nested columns come as text."""
    rows = connection.execute(text(query), values).all()
    plain = {name: pl.String() if dtype.is_nested() else dtype for name, dtype in schema.items()}
    frame = pl.DataFrame([tuple(row) for row in rows], schema=plain, orient="row")
    return frame.select(
        pl.col(name).str.json_decode(dtype) if dtype.is_nested() else pl.col(name)
        for name, dtype in schema.items()
    )


def _comes_as_text(dtype: pl.DataType) -> bool:
    return dtype.is_nested() or dtype == pl.Boolean()


def _decoded(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean():
        return (pl.col(name) == "t").alias(name)
    return pl.col(name).str.json_decode(dtype) if dtype.is_nested() else pl.col(name)


def temporary(connection: Connection, name: str, like: Table, columns: Iterable[str]) -> str:
    """Create an empty table of some columns of another, for this transaction."""
    chosen = ", ".join(f'"{column}"' for column in columns)
    query = f"SELECT {chosen} FROM {like.name} WITH NO DATA"  # noqa: S608 - our own names
    connection.execute(text(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS {query}"))
    return name


def _cursor(connection: Connection) -> Any:
    """Give the driver's own cursor: SQLAlchemy has no COPY."""
    return connection.connection.cursor()
