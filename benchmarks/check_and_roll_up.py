"""Check and roll up of a partition, and Great Expectations' share, as ratios to the floor, in one run.

The floor is DuckDB reading every column of the same file. Run it on a quiet machine:

    .venv/bin/python benchmarks/check_and_roll_up.py [events in millions, default 4]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from cetegra_usage.check import judge, register
from cetegra_usage.model import Partition
from cetegra_usage.pipeline import job as jobs
from cetegra_usage.pipeline import plan, process
from cetegra_usage.settings import load_settings
from cetegra_usage.synth import generate

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = date(2026, 6, 2)
SETTINGS = """\
[landing]
url = "landing"
country = "NO"
[warehouse]
url = "warehouse"
country = "NO"
[publish]
url = "publish"
country = "NO"
[catalogue]
path = "landing/catalogue.toml"
"""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of all threads, and the result."""
    before = time.process_time()
    result = work()
    return time.process_time() - before, result


def main(millions: float) -> None:
    """Print a table of CPU seconds and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generate(
            root / "landing",
            first=DAY,
            last=DAY,
            users=int(millions * 50_000),
            events_per_day=int(millions * 1_500_000),
        )
        (root / "cetegra-usage.toml").write_text(SETTINGS, "utf-8")
        files = sorted(root.glob(f"landing/events/service=workspace/day={DAY}/*.parquet"))
        with jobs.opened(load_settings(root / "cetegra-usage.toml"), date(2026, 7, 1)) as job:
            consents = [item for item in plan.make(job, date.min, DAY).items if item.partition.kind == "consents"]
            process.process(job, consents, process.one_by_one, keep=True)
            process.write_intervals(job)
            landed = job.zone.partitions[Partition("events", "workspace", DAY)]
            order = process.Order(landed, process.evidence.Context(job.spec.intervals), job.catalogue)
            floor, rows = timed(lambda: _floor(files))
            check, examined = timed(lambda: process.examine_batch(job.spec, [order]))
            rolled, _ = timed(lambda: process.roll_up_batch(job.spec, examined))
        counts = {expectation.id: 0 for expectation in register.load().suite("events")}
        first, _ = timed(lambda: judge.judge("events", {"0": counts}))
        few, _ = timed(lambda: judge.judge("events", {"0": counts}))
        some, _ = timed(lambda: judge.judge("events", {str(number): counts for number in range(100)}))
        many, _ = timed(lambda: judge.judge("events", {str(number): counts for number in range(1000)}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows:,} events in one partition; peak memory of the whole run {peak:,.0f} MB")
    print(f"{'':34}{'CPU s':>8}{'x floor':>9}")
    for name, seconds in (
        ("floor: read every column", floor),
        ("check", check),
        ("roll up", rolled),
        ("check + roll up", check + rolled),
        ("GX: import and first judgement", first),
        ("GX: 1 partition", few),
        ("GX: 100 partitions", some),
        ("GX: 1,000 partitions", many),
    ):
        print(f"{name:34}{seconds:8.2f}{seconds / floor:9.1f}")


def _floor(files: list[Path]) -> int:
    with duckdb.connect(config={"threads": "2"}) as connection:
        relation = connection.read_parquet([str(file) for file in files])
        # A hash over all columns reads all of every one, and keeps nothing.
        columns = ", ".join(relation.columns)
        return relation.aggregate(f"count(*) AS events, bit_xor(hash({columns})) AS all_columns").fetchall()[0][0]


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4)
