"""Sessions that outlive a browser tab: those of a partition that were there days before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage import sql
from cetegra_usage.check import evidence, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def long_sessions(
    own: tuple[Sequence[Path], Path],
    earlier: Sequence[tuple[Sequence[Path], Path]],
    rollups: Sequence[Path],
    *,
    max_days: int,
    memory_limit: str,
    spill: Path,
) -> int:
    """Return how many sessions of a partition end more than `max_days` after they began in earlier ones: accepted rows.

    Args:
        own: The partition's files, and the folder that it was examined into.
        earlier: The same of earlier partitions that were examined in this run, and accepted.
        rollups: Files of the rollup `sessions` of earlier partitions.
        max_days: The longest plausible life of a tab.
        memory_limit: DuckDB's own bound.
        spill: Folder for what does not fit.

    Raises:
        IncompletePartitionError: Files are no longer what they were.
        QueryError: DuckDB failed.
    """

    def asked(statement: str, of: tuple[Sequence[Path], Path] | None) -> pl.DataFrame:
        with sql.connect(memory_limit=memory_limit, spill=spill) as connection:
            for macro in numbers.MACROS:
                connection.execute(macro)
            connection.register("common_numbers", common)
            if of is None:
                ended = connection.read_parquet([str(path) for path in rollups], union_by_name=True)
                ended.project("session_id, first_at AS occurred_at").create_view("accepted")
            else:
                evidence.accepted(connection, *of)
            return sql.frame(connection, statement)

    common = pl.read_parquet(own[1] / "sessions_seen.parquet")
    seen = [pl.read_parquet(folder / "sessions_seen.parquet") for _, folder in earlier]
    if rollups:
        seen.append(asked("sessions_seen", None))
    common = common.join(pl.concat(seen), on="number", how="semi")
    if common.is_empty():  # no number is the same: no session is
        return 0
    before = [asked("common_sessions", one) for one in (*earlier, *[None] * bool(rollups))]
    lives = asked("common_sessions", own).join(pl.concat(before), on="session_id", suffix="_before")
    is_long = pl.col("last_at") - pl.col("first_at_before") > timedelta(days=max_days)
    return lives.filter(is_long)["session_id"].n_unique()
