"""Sessions that outlive a browser tab: those of a partition that were there days before."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage import sql
from cetegra_usage.check import evidence, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BYTES_AT_ONCE = 1 << 29
"""Of the rollup `sessions`: some ten million."""


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

    def asked(statement: str, of: tuple[Sequence[Path], Path | None]) -> pl.DataFrame:
        with sql.connect(memory_limit=memory_limit, spill=spill) as connection:
            for macro in numbers.MACROS:
                connection.execute(macro)
            connection.register("common_numbers", common)
            files, folder = of
            if folder is None:
                ended = connection.read_parquet([str(path) for path in files], union_by_name=True)
                ended.project("session_id, first_at AS occurred_at").create_view("accepted")
            else:
                evidence.accepted(connection, files, folder)
            return sql.frame(connection, statement)

    common = pl.read_parquet(own[1] / "sessions_seen.parquet")
    stored = [(files, None) for files in _some_at_once(rollups)]
    seen = itertools.chain(
        (pl.read_parquet(folder / "sessions_seen.parquet") for _, folder in earlier),
        (asked("sessions_seen", one) for one in stored),
    )
    common = pl.concat([common.clear(), *(some.join(common, on="number", how="semi") for some in seen)]).unique()
    if common.is_empty():  # no number is the same: no session is
        return 0
    before = [asked("common_sessions", one) for one in (*earlier, *stored)]
    lives = asked("common_sessions", own).join(pl.concat(before), on="session_id", suffix="_before")
    is_long = pl.col("last_at") - pl.col("first_at_before") > timedelta(days=max_days)
    return lives.filter(is_long)["session_id"].n_unique()


def _some_at_once(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Cut a list of files, so that the ids of each part fit into memory."""
    some: list[Path] = []
    size = 0
    for file in files:
        if some and size + file.stat().st_size > _BYTES_AT_ONCE:
            yield some
            some, size = [], 0
        some.append(file)
        size += file.stat().st_size
    if some:
        yield some
