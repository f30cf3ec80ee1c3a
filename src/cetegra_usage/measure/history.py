"""What is known of the past, summed up at the end of a week: measuring then costs the same, however long the past is.

A summary has the last day on which each person used each feature: `day`, `pseudonym`, `feature`. It is derived from the
rollups and can always be made again from them; it may be kept as long as they are the same.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from cetegra_usage import sql
from cetegra_usage.measure import reading
from cetegra_usage.measure.source import RollupFile
from cetegra_usage.measure.units import KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cetegra_usage.settings import Settings


def summary_days(first: date, last: date) -> list[date]:
    """Return the Sundays from `first` to `last`: the days through which summaries go."""
    sunday = first + timedelta(days=7 - first.isoweekday())
    return [sunday + timedelta(days=7 * number) for number in range((last - sunday).days // 7 + 1)]


def summarise(
    service: str, through: date, files: Sequence[RollupFile], into: Path, *, settings: Settings
) -> list[RollupFile]:
    """Sum up the days of a service up to and with `through`.

    Args:
        service: The service.
        through: The last day.
        files: The service's rollup files of `use` of the `identified_days` that end with `through`; or its earlier
            summary and those of the days since. The result is the same.
        into: An empty folder.
        settings: How far history goes back, and how much memory there is.

    Returns:
        The files `known.<bucket>.parquet`, to be given to `measure` among the rollups.

    Raises:
        QueryError: DuckDB failed on the rollups.
    """
    oldest = through - timedelta(days=settings.retention.identified_days - 1)
    mine = reading.before(
        [file for file in files if file.service == service], "use", oldest, through + timedelta(days=1)
    )
    buckets = max((file.buckets for file in mine), default=1)
    written: list[RollupFile] = []
    for number in range(buckets):
        with sql.connect(memory_limit=settings.engine.memory_limit) as connection:
            reading.prepare(connection)
            rows = reading.read_before(connection, "use", mine, reading.Bucket(number, buckets))
            rows.create_view("use_before")
            sql.table(connection, KNOWN, oldest=oldest)
            path = into / f"{KNOWN}.{number}.parquet"
            sql.write(connection.table(KNOWN).order("pseudonym, feature"), path)
            written.append(RollupFile(service, through, KNOWN, number, buckets, path))
    return written
