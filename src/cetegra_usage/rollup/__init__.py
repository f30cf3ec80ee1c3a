"""Accepted rows of a partition -> its rollups: small sorted Parquet files, by bucket of the pseudonym.

Tables: `totals` (events of everybody), `persons`, `use`, `sessions`, `steps` and `marks` (of those who consented).
The statement of its name in the room `sql/rollups` says what each is: its grain and columns. `totals` is made by it;
the others come from one sort of each bucket's rows (`rows`, `persons`): the same rows for a fraction of the cost.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyarrow import parquet

from cetegra_usage import sql
from cetegra_usage.rollup.persons import tables
from cetegra_usage.rollup.rows import Words, by_bucket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import duckdb
    import polars as pl

BUCKET_ROWS = 1_000_000
"""A partition of fewer rows has one bucket; of more, as many (a power of two) as keep each below this number."""

_PLAIN = ("session", "session_id", "pseudonym", "first_at", "last_at", "is_opened", "is_finished", "is_completed")
"""Columns of which a dictionary of values would only make a file larger."""
_ORDER = {
    "totals": "user_type, feature, action",
    "use": "pseudonym, user_type, feature",
    "persons": "pseudonym",
    "known": "pseudonym, feature",
    "sessions": "session",
    "steps": "session, from_feature, to_feature",
    "marks": "session, feature",
}
TABLES = ("totals", "use", "persons", "sessions", "steps", "marks")
"""The tables of an event partition's rollups; all but `totals` hold those who consented alone, by bucket."""


def bucket_count(rows: int) -> int:
    """Return the number of buckets of a partition of so many rows: 1 below a million, powers of two above."""
    return 1 << (rows // BUCKET_ROWS).bit_length()


def roll_up(connection: duckdb.DuckDBPyConnection, into: Path, *, rows: int, day: date) -> list[Path]:
    """Write the rollups of one event partition.

    Args:
        connection: Its view `accepted` holds the partition's accepted rows: event_id UUID, occurred_at TIMESTAMP (UTC),
            user_type, action, feature VARCHAR, pseudonym BIGINT or null, session_id UUID or null.
        into: An empty folder.
        rows: How many rows `accepted` has: it decides the number of buckets, and with it the memory that is needed.
        day: The partition's day; every row lies in it.

    Returns:
        The files `<table>.<bucket>.parquet`, by name. The same rows give the same bytes, in whatever order they come.

    Raises:
        QueryError: DuckDB failed.
    """
    sql.table(connection, "totals", day=day)
    totals = connection.table("totals").order(_ORDER["totals"])
    files = [into / "totals.0.parquet"]
    sql.write(totals, files[0])
    words = Words(*(sorted({text for (text,) in totals.project(name).fetchall()}) for name in ("user_type", "feature")))
    with tempfile.TemporaryDirectory(dir=into) as spool:
        for bucket, part in enumerate(by_bucket(connection, words, day, bucket_count(rows), Path(spool))):
            for table, rolled in tables(part, words, day).items():
                files.append(into / f"{table}.{bucket}.parquet")
                _write(rolled, files[-1])
    return sorted(files)


def roll_up_consents(connection: duckdb.DuckDBPyConnection, into: Path) -> list[Path]:
    """Write the rollup of one partition of the consent log: its distinct rows, sorted.

    Args:
        connection: Its view `consents` holds the rows: pseudonym BIGINT, changed_at TIMESTAMP, state VARCHAR.
        into: An empty folder.

    Returns:
        The one file, `consents.0.parquet`.

    Raises:
        QueryError: DuckDB failed.
    """
    file = into / "consents.0.parquet"
    rows = connection.view("consents").project("pseudonym, changed_at, state").distinct()
    sql.write(rows.order("pseudonym, changed_at, state"), file)
    return [file]


def without(
    connection: duckdb.DuckDBPyConnection, files: Mapping[str, Path], gone: pl.DataFrame, into: Path
) -> dict[str, Path]:
    """Write rollups again without what is known of some people; events stay counted among those of everybody.

    Args:
        connection: Where the statements run; it may serve one bucket after the other.
        files: The files of one bucket of a partition by table, or of one bucket of a summary (`known`).
        gone: `pseudonym` (Int64) and `forgotten_before` (Date): rows of this person on days before it go.
        into: An empty folder.

    Returns:
        The new files by table, where anything went; where nothing did the table is not in it. A file
        is written anew, not patched, so that no footer or page remembers.

    Raises:
        QueryError: DuckDB failed.
    """
    written: dict[str, Path] = {}
    connection.register("forgotten", gone)
    for table in [table for table in _ORDER if table in files and table != "totals"]:
        rows = connection.read_parquet(str(files[table]))
        rows.create_view("rollup_rows")
        is_part = table in ("steps", "marks")  # of sessions, which come before them: `remembered` then has those
        connection.execute("DROP TABLE IF EXISTS remembered_parts")
        if not is_part:
            connection.execute("DROP TABLE IF EXISTS remembered")
        statement = "remembered_parts" if is_part else "remembered"
        sql.table(connection, statement)
        left = connection.table(statement)
        if len(left) < len(rows):
            written[table] = into / files[table].name
            sql.write(left.order(_ORDER[table]), written[table])
    return written


def _write(table: Any, file: Path) -> None:
    few_values: Any = [name for name in table.column_names if name not in _PLAIN]
    parquet.write_table(
        table,
        file,
        compression="zstd",
        compression_level=1,
        use_dictionary=few_values,
        write_statistics=False,  # so that no footer holds an identifier
        store_schema=False,
    )
