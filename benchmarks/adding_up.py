"""Adding up what statements found bucket by bucket: Polars, which the product uses there, beside DuckDB.

    python benchmarks/adding_up.py [buckets]

A day of a hundred million events has 128 buckets; here each has figures of 200 features x 10 types. Prints CPU seconds.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEYS = ("service", "user_type", "feature")
SUMS = ("events", "opens", "navigations", "submits", "orders", "users", "events_of_users", "new_users")
TOPS = ("events_top", "opens_top", "navigations_top", "submits_top", "orders_top")


def found(seed: int) -> pl.DataFrame:
    """Make what one bucket of a service finds of each feature and user type."""
    random = np.random.default_rng(seed)
    cells = [("workspace", f"type_{n % 10}", f"feature_{n // 10}") for n in range(2000)]
    figures = {name: random.integers(0, 1000, len(cells)) for name in (*SUMS, *TOPS)}
    return pl.DataFrame(cells, schema=list(KEYS), orient="row").with_columns(**figures)


def by_polars(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add up as `measure.tallies` does."""
    return pl.concat(frames, how="diagonal").group_by(KEYS).agg(pl.col(TOPS).max(), pl.col(SUMS).sum())


def by_duckdb(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add up in SQL."""
    with duckdb.connect() as connection:
        connection.register("found", pl.concat(frames))
        grouped = connection.table("found").aggregate(
            ", ".join([*KEYS, *(f"max({top}) AS {top}" for top in TOPS), *(f"sum({name}) AS {name}" for name in SUMS)])
        )
        return grouped.pl()


def cpu_seconds(add_up: Callable[[Sequence[pl.DataFrame]], pl.DataFrame], frames: Sequence[pl.DataFrame]) -> float:
    """Return the least CPU time of five runs."""
    spent: list[float] = []
    for _ in range(5):
        start = time.process_time()
        add_up(frames)
        spent.append(time.process_time() - start)
    return min(spent)


if __name__ == "__main__":
    several = [found(seed) for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 128)]
    polars, sql = cpu_seconds(by_polars, several), cpu_seconds(by_duckdb, several)
    print(f"{len(several)} buckets: Polars {polars:.3f} s, DuckDB {sql:.3f} s: {sql / polars:.1f} times as long")
