"""Accepted rows of a partition -> its rollups: small sorted Parquet files, by bucket of the pseudonym.

Tables: `totals` (events of everybody), `persons`, `use`, `sessions`, `steps` and `marks` (of those who consented).
Each is a statement of the room `sql/rollups`, and so are its columns and grain.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cetegra_usage import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import polars as pl

BUCKET_ROWS = 1_000_000
"""A partition of fewer rows has one bucket; of more, as many (a power of two) as keep each below this number."""

_ACCEPTED = """
CREATE TABLE accepted (
    event_id UUID, occurred_at TIMESTAMP, service VARCHAR, user_type VARCHAR, action VARCHAR, feature VARCHAR,
    pseudonym BIGINT, session_id UUID
)"""
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


def roll_up(connection: duckdb.DuckDBPyConnection, into: Path, *, rows: int) -> list[Path]:
    """Write the rollups of one event partition.

    Args:
        connection: Its view `accepted` holds the partition's accepted rows: event_id UUID, occurred_at TIMESTAMP (UTC),
            user_type, action, feature VARCHAR, pseudonym BIGINT or null, session_id UUID or null.
        into: An empty folder.
        rows: How many rows `accepted` has: it decides the number of buckets, and with it the memory that is needed.

    Returns:
        The files `<table>.<bucket>.parquet`, by name. The same rows give the same bytes, in whatever order they come.

    Raises:
        QueryError: DuckDB failed.
    """
    buckets = bucket_count(rows)
    files = [_write(connection, "totals", into, 0)]
    if buckets == 1:
        return sorted(files + _roll_up_persons(connection, into, 0))
    # DuckDB's default, half a million rows a bucket, holds a hundred million rows in memory before it writes the first.
    connection.execute("SET partitioned_write_flush_threshold = 16384")
    with tempfile.TemporaryDirectory(dir=into) as folder:
        identified = connection.sql(sql.load("identified").text, params={"buckets": buckets})
        sql.write(identified, Path(folder, "identified"), partition_by="bucket")
        for bucket in range(buckets):
            with sql.connect() as apart:
                apart.execute(_ACCEPTED)
                for part in sorted(Path(folder, "identified", f"bucket={bucket}").glob("*.parquet")):
                    apart.read_parquet(str(part)).insert_into("accepted")
                files += _roll_up_persons(apart, into, bucket)
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


def without(files: Mapping[str, Path], gone: pl.DataFrame, into: Path) -> dict[str, Path]:
    """Write rollups again without what is known of some people; events stay counted among those of everybody.

    Args:
        files: The files of one bucket of a partition by table, or of one bucket of a summary (`known`).
        gone: `pseudonym` (Int64) and `forgotten_on` (Date): rows of this person on days before it go.
        into: An empty folder.

    Returns:
        The new files by table, where anything went; where nothing did the table is not in it. A file
        is written anew, not patched, so that no footer or page remembers.

    Raises:
        QueryError: DuckDB failed.
    """
    written: dict[str, Path] = {}
    with sql.connect() as connection:
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


def _roll_up_persons(connection: duckdb.DuckDBPyConnection, into: Path, bucket: int) -> list[Path]:
    sql.table(connection, "session_events")
    return [_write(connection, table, into, bucket) for table in TABLES if table != "totals"]


def _write(connection: duckdb.DuckDBPyConnection, table: str, into: Path, bucket: int) -> Path:
    sql.table(connection, table)
    file = into / f"{table}.{bucket}.parquet"
    sql.write(connection.table(table).order(_ORDER[table]), file)
    return file
