"""Rollups are made from one sort; the statements of `sql/rollups` say what they are. Both give the same rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cetegra_usage import sql
from support import rollups
from support.rollups import THOROUGH

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

MIDNIGHT = datetime(2026, 4, 1)  # noqa: DTZ001  # timestamps of rollups are UTC without a zone
STATEMENTS = ("totals", "use", "persons", "session_events", "sessions", "steps", "marks")
SCHEMA = ("event_id", "occurred_at", "service", "user_type", "action", "feature", "pseudonym", "session_id")

# Neighbours that only their last bits tell apart, and times that are the same or nearly: what one number of 64 bits,
# made of first bits, does not order.
PSEUDONYMS = st.sampled_from([None, 2**32 + 1, 2**32 + 2, 2**53, 2**62, 2**62 + 1, 2**63 - 1])
SESSIONS = st.none() | st.sampled_from(
    [UUID(int=first << 112 | 4 << 76 | 2 << 62 | last) for first in (0, 1, 0xFFFF) for last in (0, 1)]
)
MOMENTS = st.sampled_from([0, 1, 1023, 1024, 1025, 43_200_000_000, 86_399_999_999])
EVENT_IDS = st.builds(
    lambda first, last: UUID(int=first << 112 | 4 << 76 | 2 << 62 | last),
    st.sampled_from([0, 0x7FFF, 0x8000, 0xFFFF]),
    st.integers(0, 2**40),
)
ROWS = st.tuples(
    EVENT_IDS,
    MOMENTS.map(lambda moment: MIDNIGHT + timedelta(microseconds=moment)),
    st.just("docs"),
    st.sampled_from(["admin", "basic", "\u00e9lite"]),
    st.sampled_from(["open", "navigate", "submit", "order"]),
    st.sampled_from(["a", "b", "c.d", "e"]),
    PSEUDONYMS,
    SESSIONS,
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.connect() as connection:
        yield connection


@settings(THOROUGH, max_examples=80)
@given(st.lists(ROWS, max_size=60, unique_by=lambda row: row[0]))
def test_the_statements_give_the_same_rows(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple[object, ...]]
) -> None:
    fields = {name: [_plain(row[place]) for row in rows] for place, name in enumerate(SCHEMA)}
    kinds = {"occurred_at": pl.Datetime("us"), "pseudonym": pl.Int64}
    landed = pl.DataFrame(fields, schema={name: kinds.get(name, pl.String) for name in SCHEMA})
    connection.register("landed", landed)
    connection.execute(
        """CREATE OR REPLACE TABLE accepted AS
        SELECT * REPLACE (event_id::UUID AS event_id,
            CASE WHEN pseudonym IS NOT NULL THEN session_id::UUID END AS session_id),
            epoch_us(occurred_at) AS occurred_at_us
        FROM landed"""
    )
    for name in STATEMENTS:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    with TemporaryDirectory() as folder:
        made = rollups.roll_up(connection, Path(folder), MIDNIGHT.date(), 1)
        files = {file.name.split(".")[0]: file for file in made}
        for name in STATEMENTS:
            sql.table(connection, name, **({"day": MIDNIGHT.date()} if name == "totals" else {}))
            if name in files:
                found = connection.read_parquet(str(files[name]))
                expected = connection.table(name)
                assert found.columns == expected.columns
                assert found.types == expected.types
                assert sorted(found.fetchall(), key=str) == sorted(expected.fetchall(), key=str)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value
