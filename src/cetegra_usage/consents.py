"""Whom the consent log asks to forget; the intervals and ends of consent are statements: `intervals`, `withdrawals`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cetegra_usage import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    import polars as pl


def forgotten(log: Sequence[Path], today: date, closed: date, skew_seconds: int) -> pl.DataFrame:
    """Return who was still withdrawn when the week and the month of the withdrawal had ended.

    What is known of them may go once the rows that close with that week and month have their tallies.

    Args:
        log: The rolled-up consent log, whole; with no file nobody is forgotten.
        today: The first day that is not over.
        closed: Every row that begins before this day and is over has its tally.
        skew_seconds: How far an event may lie outside its consent.

    Returns:
        `pseudonym` (Int64), `forgotten_before` (Date): what is known of the days before it goes; `withdrawn_on` (Date).

    Raises:
        QueryError: DuckDB failed on the log.
    """
    with sql.connect() as connection:
        connection.execute("CREATE TABLE consent_log (pseudonym BIGINT, changed_at TIMESTAMP, state VARCHAR)")
        for file in log:
            connection.read_parquet(str(file)).project("pseudonym, changed_at, state").insert_into("consent_log")
        sql.table(connection, "withdrawals", skew_seconds=skew_seconds)
        return sql.frame(connection, "forgotten", today=today, closed=closed)
