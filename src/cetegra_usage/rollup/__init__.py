"""Accepted rows of a partition -> its rollups: small sorted Parquet files, by bucket of the pseudonym.

Tables: `totals` (events of everybody), `persons`, `use`, `sessions`, `steps` and `marks` (of those who consented).
The statement of its name in the room `sql/rollups` says what each is: its grain and columns. `totals` is made from the
groups that the check counted and the kinds of the rows that are read; the others come from one sort of each bucket's
rows (`rows`, `persons`): the same rows for a fraction of the cost.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import parquet

from cetegra_usage import sql
from cetegra_usage.rollup import columns
from cetegra_usage.rollup.persons import tables
from cetegra_usage.rollup.rows import ACTIONS, Words, by_bucket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import duckdb

    from cetegra_usage.rollup.rows import Column

BUCKET_ROWS = 1_000_000
"""A partition of fewer rows has one bucket; of more, as many (a power of two) as keep each below this number."""

_PLAIN = ("session", "session_id", "pseudonym", "first_at", "last_at", "is_opened", "is_finished", "is_completed")
"""Columns of which a dictionary of values would only make a file larger."""
_ORDER = {
    "use": "pseudonym, user_type, feature",
    "persons": "pseudonym",
    "known": "pseudonym, feature",
    "sessions": "session",
    "steps": "session, from_feature, to_feature",
    "marks": "session, feature",
    "consents": "pseudonym, changed_at, state",
    "responses": "recipient, notice",
}
_OF_PEOPLE = {"consents": "*, changed_at::DATE AS day", "responses": "* RENAME (recipient AS pseudonym)"}
_STORED = {"consents": "* EXCLUDE (day)", "responses": "* RENAME (pseudonym AS recipient)"}
"""How tables that don't say `day` and `pseudonym` are read as if they did, and written as they are."""


def bucket_count(rows: int) -> int:
    """Return the number of buckets of a partition of so many rows: 1 below a million, powers of two above."""
    return 1 << (rows // BUCKET_ROWS).bit_length()


def roll_up(connection: duckdb.DuckDBPyConnection, into: Path, *, groups: pl.DataFrame, day: date) -> list[Path]:
    """Write the rollups of one event partition.

    Args:
        connection: Its view `accepted` holds the partition's accepted rows: event_id UUID, occurred_at TIMESTAMP (UTC),
            occurred_at_us BIGINT (the same, microseconds since 1970), user_type, action, feature VARCHAR, pseudonym
            BIGINT or null, session_id UUID or null.
        into: An empty folder.
        groups: How many rows `accepted` has of each `user_type`, `feature` and `action`: `events` (Int64). How many
            there are decides the number of buckets, and with it the memory that is needed.
        day: The partition's day; every row lies in it.

    Returns:
        The files `<table>.<bucket>.parquet`, by name. The same rows give the same bytes, in whatever order they come.

    Raises:
        QueryError: DuckDB failed.
    """
    words = Words(*(groups[name].unique().sort().to_list() for name in ("user_type", "feature")))
    buckets = bucket_count(int(groups["events"].sum()))
    identified = np.zeros(len(words.user_types) * len(words.features) * len(ACTIONS), np.int64)
    files = [into / "totals.0.parquet"]
    with tempfile.TemporaryDirectory(dir=into) as spool:
        for bucket, part in enumerate(by_bucket(connection, words, day, buckets, Path(spool))):
            identified += np.bincount(part.code, minlength=len(identified))
            for table, rolled in tables(part, words, day).items():
                files.append(into / f"{table}.{bucket}.parquet")
                _write(rolled, files[-1])
    _write(_totals(groups, identified, words, day), files[0])
    return sorted(files)


def _totals(groups: pl.DataFrame, identified: Column, words: Words, day: date) -> Any:
    """Return the events of everybody: those of each group, and how many of these carry a pseudonym, by their codes."""
    kinds = {"user_type": words.user_types, "feature": words.features, "action": ACTIONS}
    groups = groups.sort(list(kinds))
    number = {
        name: groups[name].cast(pl.Enum(of)).to_physical().cast(pl.Int64).to_numpy() for name, of in kinds.items()
    }
    code = (number["user_type"] * len(words.features) + number["feature"]) * len(ACTIONS) + number["action"]
    return pa.table(
        {
            "day": columns.days(day, len(code)),
            **{name: columns.texts(number[name], of) for name, of in kinds.items()},
            "events": columns.numbers(groups["events"].to_numpy(), pa.int64()),
            "identified_events": columns.numbers(identified[code], pa.int64()),
        }
    )


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
    rows = connection.view("consents").project("pseudonym, changed_at, state").distinct()
    return _write_whole(rows, "consents", into)


def roll_up_feedback(connection: duckdb.DuckDBPyConnection, into: Path) -> list[Path]:
    """Write the rollup of one feedback partition: what each recipient did with each notice, sorted.

    Args:
        connection: Its views `feedback` and `held_notices` are those of the partition's check.
        into: An empty folder.

    Returns:
        The one file, `responses.0.parquet`.

    Raises:
        QueryError: DuckDB failed.
    """
    sql.table(connection, "responses")
    return _write_whole(connection.table("responses"), "responses", into)


def _write_whole(rows: duckdb.DuckDBPyRelation, table: str, into: Path) -> list[Path]:
    """Write a table that has one bucket, whatever its size."""
    file = into / f"{table}.0.parquet"
    sql.write(rows.order(_ORDER[table]), file)
    return [file]


def without(
    connection: duckdb.DuckDBPyConnection, files: Mapping[str, Path], gone: pl.DataFrame, into: Path
) -> dict[str, Path]:
    """Write rollups again without what is known of some people; events stay counted among those of everybody.

    Args:
        connection: Where the statements run; it may serve one bucket after the other.
        files: The files of one bucket of a partition by table (of the consent log: `consents`, of which a row is of the
            day on which it changed; of feedback: `responses`), or of one bucket of a summary (`known`).
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
    for table in [table for table in _ORDER if table in files]:
        rows = connection.read_parquet(str(files[table]))
        rows.project(_OF_PEOPLE.get(table, "*")).create_view("rollup_rows")
        is_part = table in ("steps", "marks")  # of sessions, which come before them: `remembered` then has those
        connection.execute("DROP TABLE IF EXISTS remembered_parts")
        if not is_part:
            connection.execute("DROP TABLE IF EXISTS remembered")
        statement = "remembered_parts" if is_part else "remembered"
        sql.table(connection, statement)
        left = connection.table(statement)
        if len(left) < len(rows):
            written[table] = into / files[table].name
            sql.write(left.project(_STORED.get(table, "*")).order(_ORDER[table]), written[table])
    return written


def _write(table: Any, file: Path) -> None:
    few_values: Any = [name for name in table.column_names if name not in _PLAIN]
    parquet.write_table(
        table,
        file,
        compression="zstd",
        compression_level=1,
        write_batch_size=1 << 16,  # pyarrow's own, a thousand rows, costs a third more
        use_dictionary=few_values,
        write_statistics=False,  # so that no footer holds an identifier
        store_schema=False,
    )
