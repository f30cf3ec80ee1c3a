"""Rollups: the same bytes whatever the order of the rows, and nobody who is forgotten."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from cetegra_usage import rollup, sql
from cetegra_usage.consents import forgotten
from cetegra_usage.rollup import rows
from support import rollups

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

DAY = date(2026, 4, 1)
ACCEPTED = """
CREATE TABLE everything AS
SELECT
    md5(n::VARCHAR)::UUID AS event_id,
    TIMESTAMP '2026-04-01' + to_milliseconds(n * 7919 % 86400000) AS occurred_at,
    epoch_us(occurred_at) AS occurred_at_us,
    'docs' AS service,
    CASE WHEN n % 50 = 0 THEN 'admin' ELSE 'basic' END AS user_type,
    list_extract(['open', 'navigate', 'submit', 'order'], 1 + n % 4) AS action,
    'feature_' || (n // 3 % 5) AS feature,
    CASE WHEN n % 3 > 0 THEN 4294967296 + n % 97 * 7919 END AS pseudonym,
    CASE WHEN n % 3 > 0 THEN md5('session' || n % 97)::UUID END AS session_id
FROM range(4000) AS numbers(n)"""


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = sql.connect()
    connection.execute(ACCEPTED)
    return connection


def roll_up(connection: duckdb.DuckDBPyConnection, into: Path, order: str, buckets: int = 1) -> dict[str, bytes]:
    connection.table("everything").order(order).create_view("accepted")
    into.mkdir()
    files = rollups.roll_up(connection, into, DAY, buckets)
    assert sorted(into.iterdir()) == files
    return {file.name: file.read_bytes() for file in files}


def test_rows_that_memory_shall_not_hold_go_through_files(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = roll_up(connection, tmp_path / "in_memory", "event_id", buckets=4)
    monkeypatch.setattr(rows, "HELD_ROWS", 100)
    assert roll_up(connection, tmp_path / "through_files", "event_id", buckets=4) == in_memory


@pytest.mark.parametrize("buckets", [1, 4])
def test_the_order_of_rows_changes_no_byte(connection: duckdb.DuckDBPyConnection, tmp_path: Path, buckets: int) -> None:
    one = roll_up(connection, tmp_path / "one", "event_id", buckets)
    other = roll_up(connection, tmp_path / "other", "occurred_at DESC, feature", buckets)
    assert one == other
    assert len(one) == 1 + 5 * buckets


def test_buckets_hold_the_same_rows_together(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    roll_up(connection, tmp_path / "whole", "event_id")
    roll_up(connection, tmp_path / "parts", "event_id", buckets=4)
    for table in ("persons", "use"):
        whole = pl.read_parquet(tmp_path / "whole" / f"{table}.*.parquet")
        parts = pl.read_parquet(tmp_path / "parts" / f"{table}.*.parquet")
        assert whole.sort(whole.columns).equals(parts.sort(parts.columns))
        sizes = [len(pl.read_parquet(tmp_path / "parts" / f"{table}.{bucket}.parquet")) for bucket in range(4)]
        assert min(sizes) > 0


@pytest.mark.parametrize(
    ("rows", "buckets"), [(0, 1), (999_999, 1), (1_000_000, 2), (1_999_999, 2), (4_200_000, 8), (100_000_000, 128)]
)
def test_buckets_are_a_power_of_two_and_small(rows: int, buckets: int) -> None:
    assert rollup.bucket_count(rows) == buckets


def test_a_partition_without_rows_has_empty_rollups(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    connection.execute("DELETE FROM everything")
    roll_up(connection, tmp_path / "empty", "event_id")
    assert {len(pl.read_parquet(file)) for file in (tmp_path / "empty").iterdir()} == {0}


def test_who_is_forgotten_is_in_no_file_and_stays_counted(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    whole = roll_up(connection, tmp_path / "whole", "event_id")
    person = 4294967296 + 5 * 7919
    gone = pl.DataFrame({"pseudonym": [person], "forgotten_before": [date(2026, 5, 1)]})
    (tmp_path / "left").mkdir()
    files = {name.split(".")[0]: tmp_path / "whole" / name for name in whole}
    left = rollup.without(connection, files, gone, tmp_path / "left")
    assert sorted(left) == ["marks", "persons", "sessions", "steps", "use"]
    for table in ("persons", "use", "sessions"):
        assert person in pl.read_parquet(files[table])["pseudonym"]
        assert person not in pl.read_parquet(left[table])["pseudonym"]
    sessions = set(pl.read_parquet(left["sessions"])["session"])
    assert set(pl.read_parquet(left["steps"])["session"]) | set(pl.read_parquet(left["marks"])["session"]) == sessions
    assert person.to_bytes(8, "little") not in b"".join(file.read_bytes() for file in left.values())
    again = {name: left.get(name, file) for name, file in files.items()}
    assert rollup.without(connection, again, gone, tmp_path) == {}


def test_forgotten_are_those_still_withdrawn(tmp_path: Path) -> None:
    log = pl.DataFrame(
        {
            "pseudonym": [1, 1, 2, 2, 2],
            "changed_at": pl.Series(
                ["2026-04-01", "2026-04-10", "2026-04-01", "2026-04-10", "2026-04-20"]
            ).str.to_datetime(),
            "state": ["granted", "withdrawn", "granted", "withdrawn", "granted"],
        }
    )
    log.write_parquet(tmp_path / "consents.0.parquet")
    may, june = date(2026, 5, 1), date(2026, 6, 1)
    files = [tmp_path / "consents.0.parquet"]
    assert forgotten(files, date(2026, 4, 30), june, 0).rows() == []
    assert forgotten(files, may, june, 0).rows() == [(1, date(9999, 12, 31), date(2026, 4, 10))]
    assert forgotten(files, may, date(2026, 4, 10), 0).rows() == []
    assert forgotten([], may, june, 0).rows() == []
