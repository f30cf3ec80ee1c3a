"""The rollups of one service, bucket by bucket, as views that the statements of `sql/marts` read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import duckdb
from duckdb import ColumnExpression, ConstantExpression, FunctionExpression

from cetegra_usage import sql

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cetegra_usage.measure.source import RollupFile

_COLUMNS = {
    "totals": "day DATE, user_type VARCHAR, feature VARCHAR, action VARCHAR, events BIGINT, identified_events BIGINT",
    "persons": "day DATE, pseudonym BIGINT, user_type VARCHAR",
    "use": """day DATE, pseudonym BIGINT, user_type VARCHAR, feature VARCHAR,
        opens INTEGER, navigations INTEGER, submits INTEGER, orders INTEGER""",
    "sessions": """session INTEGER, day DATE, session_id UUID, pseudonym BIGINT, user_type VARCHAR,
        first_at TIMESTAMP, last_at TIMESTAMP, events INTEGER, first_feature VARCHAR, last_feature VARCHAR""",
    "steps": "day DATE, session INTEGER, from_feature VARCHAR, to_feature VARCHAR, steps INTEGER",
    "marks": "day DATE, session INTEGER, feature VARCHAR, is_opened BOOLEAN, is_finished BOOLEAN, is_completed BOOLEAN",
    "known": "day DATE, pseudonym BIGINT, feature VARCHAR",
    "consents": "pseudonym BIGINT, changed_at TIMESTAMP, state VARCHAR",
    "responses": """day DATE, recipient BIGINT, notice VARCHAR,
        is_shown BOOLEAN, is_opened BOOLEAN, is_dismissed BOOLEAN, is_answered BOOLEAN, rating TINYINT""",
}


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make what stands in where there is no file: an empty table of each kind."""
    for table, columns in _COLUMNS.items():
        connection.execute(f"CREATE TABLE no_{table} ({columns})")


def read(connection: duckdb.DuckDBPyConnection, table: str, files: Iterable[Path]) -> duckdb.DuckDBPyRelation:
    """Return the rows of rollup files of one kind; none if there is no file.

    Raises:
        QueryError: A file cannot be read.
    """
    paths = [str(file) for file in files]
    if not paths:
        return connection.table(f"no_{table}")
    try:
        return connection.read_parquet(paths)
    except duckdb.Error as error:
        kind = type(error).__name__
    raise sql.QueryError(table, kind)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One part of all pseudonyms.

    Attributes:
        number: Which, from 0.
        count: Of how many: a power of two.
    """

    number: int
    count: int


def read_bucket(
    connection: duckdb.DuckDBPyConnection, table: str, files: Iterable[RollupFile], bucket: Bucket
) -> duckdb.DuckDBPyRelation:
    """Return the rows of one bucket, from partitions that have as many buckets, or fewer.

    Args:
        connection: Where `prepare` has been.
        table: A table of persons, or one whose rows are joined to such a one (then there is nothing to tell apart).
        files: Rollup files of a service, of any table and bucket.
        bucket: The bucket; no partition has more of them.
    """
    mine = [file for file in files if file.table == table and file.bucket == bucket.number % file.buckets]
    exact = read(connection, table, (file.path for file in mine if file.buckets == bucket.count))
    wider = [file.path for file in mine if file.buckets < bucket.count]
    if not wider:
        return exact
    rest = read(connection, table, wider)
    if "pseudonym" in rest.columns:
        rest = rest.filter(_bucket_of(ColumnExpression("pseudonym"), bucket) == ConstantExpression(bucket.number))
    return exact.union(rest)


def before(files: Iterable[RollupFile], table: str, oldest: date, horizon: date) -> list[RollupFile]:
    """Return the files that tell who was there from `oldest` on, before `horizon`.

    Args:
        files: Rollup files of a service; those of the table `known` sum up every day up to their own.
        table: `persons` or `use`.
        oldest: The first day that matters.
        horizon: The first day that does not.
    """
    files = list(files)
    known = [file for file in files if file.table == "known" and file.day < horizon]
    through = max((file.day for file in known), default=date.min)
    days = [file for file in files if file.table == table and max(oldest, through) <= file.day < horizon]
    return [file for file in known if file.day == through] + [file for file in days if file.day > through]


def read_before(
    connection: duckdb.DuckDBPyConnection, table: str, files: Iterable[RollupFile], bucket: Bucket
) -> duckdb.DuckDBPyRelation:
    """Return on which days who was there (and, of `use`, used what), from what `before` returned."""
    files = list(files)
    columns = "day, pseudonym" if table == "persons" else "day, pseudonym, feature"
    rows = read_bucket(connection, table, files, bucket).project(columns)
    return rows.union(read_bucket(connection, "known", files, bucket).project(columns))


def _bucket_of(pseudonym: duckdb.Expression, bucket: Bucket) -> duckdb.Expression:
    """Return the number of a pseudonym's bucket, as `rollup.rows` has it."""
    folded = FunctionExpression("xor", pseudonym, FunctionExpression(">>", pseudonym, ConstantExpression(32)))
    return FunctionExpression("&", folded, ConstantExpression(bucket.count - 1))
