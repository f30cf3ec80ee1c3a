"""Forgetting: the identified detail of who stays withdrawn goes, once the rows that count them have their tallies.

The files are written anew and named by a record of the ledger; the old ones, which nothing names any more, go when the
warehouse is let go of (see `leftovers`), after a run that died with the next. Should a row that closed be made again,
because data came late, the partitions that it looks at are rolled up once more from the landing zone, as if everything
had landed at once, and forgotten again.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage import consents, ledger, measure, rollup, sql
from cetegra_usage.pipeline import consent_log, memory, summaries, tallied
from cetegra_usage.pipeline.plan import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from cetegra_usage.ledger import Record, StoredFile
    from cetegra_usage.model import Partition, Period
    from cetegra_usage.pipeline.job import Job


def forget(job: Job, closed: date) -> None:
    """Take out of the warehouse who was still withdrawn when the week and the month of the withdrawal had ended.

    Args:
        job: What is there; the warehouse is held. Its ledger grows where somebody goes.
        closed: Every row that begins before this day and is over has its tally.

    Raises:
        QueryError: DuckDB failed on a rollup.
        StorageError: The warehouse does not answer.
    """
    known = job.known
    before = known.forgotten
    ended = _last_end(job.today)
    now = replace(before, ended=ended.isoformat(), closed=min(closed, ended).isoformat())
    new = job.ledger.since(before.records, job.stores.warehouse)
    if now != before or any(parse(record.partition).day < ended for record in new if record.is_verdict):
        gone = consents.forgotten([consent_log.file(job)], job.today, closed, job.settings.consent.skew_seconds)
        left = 0
        if not gone.is_empty():
            known.forgotten = replace(before, left=None)  # should this die, nobody has looked
            memory.keep(job.stores.warehouse, known)
            summaries.forget(job, gone)
            written = _forget(job, gone)
            # Once somebody was found again, everything is searched until nobody is.
            left = _left(job, [record.partition for record in _accepted(job)] if before.left != 0 else written, gone)
        now = replace(now, left=left)
    known.forgotten = replace(now, records=job.ledger.count)
    for period, made in known.periods.items():
        if not any(record.is_verdict for record in job.ledger.since(made.records, job.stores.warehouse)):
            known.periods[period] = replace(made, records=job.ledger.count)  # so that nobody looks there once more
    job.remember()


def lacking(job: Job, periods: Sequence[Period]) -> list[Partition]:
    """Return the partitions out of which somebody went who counts in a row of the periods that is to be made again."""
    kept = tallied.Kept(job)
    if not kept.has_forgotten:
        return []
    units = sorted({unit for period in periods for unit in measure.units(period)})
    holding = kept.of(units)
    return sorted({partition for unit in units if unit not in holding for partition in kept.lacking(unit)})


def _forget(job: Job, gone: pl.DataFrame) -> list[str]:
    """Write the partitions anew in which somebody is who has to go; return them."""
    found = _present(job, gone)
    workers = job.settings.engine.workers or 2
    shares = [found[start::workers] for start in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        made = [body for share in pool.map(lambda share: _shortened(job, share, gone), shares) for body in share]
    job.make_sure()
    job.touched |= {partition for partition, _ in made}
    made.sort(key=lambda entry: entry[0])
    ledger.append(job.stores.warehouse, job.ledger, [body for _, body in made], datetime.now(UTC))
    return [partition for partition, _ in made]


def _accepted(job: Job) -> list[Record]:
    return [
        record
        for partition, record in sorted(job.ledger.latest.items())
        if partition.startswith("events/") and record.state == "accepted"
    ]


def _left(job: Job, partitions: Sequence[str], gone: pl.DataFrame) -> int:
    """Count who had to go and still stands in a file that the ledger now names, in whichever table."""
    found: set[int] = set()
    for partition in partitions:
        record = job.ledger.latest[partition]
        later = gone.filter(pl.col("forgotten_before") > parse(partition).day)
        for file in memory.fetch(job, record.rollups):
            if "pseudonym" in pl.read_parquet_schema(file):
                known = pl.read_parquet(file, columns=["pseudonym"]).cast(pl.Int64)
                found.update(known.join(later, on="pseudonym", how="semi")["pseudonym"])
    return len(found)


def _shortened(
    job: Job, records: Sequence[tuple[Record, date]], gone: pl.DataFrame
) -> list[tuple[str, dict[str, Any]]]:
    """Write partitions anew without who has to go; return for each what the ledger is to say of it."""
    with sql.connect(memory_limit=job.settings.engine.memory_limit) as connection:
        return [
            (record.partition, ledger.forgetting(record, rewritten(connection, job, record, gone), until))
            for record, until in records
        ]


def _present(job: Job, gone: pl.DataFrame) -> list[tuple[Record, date]]:
    """Return the partitions in which somebody is who has to go, each with the last day on which one had withdrawn."""
    by_service: dict[str, dict[date, Record]] = defaultdict(dict)
    for record in _accepted(job):
        partition = parse(record.partition)
        by_service[partition.service][partition.day] = record
    found: list[tuple[Record, date]] = []
    for records in by_service.values():
        files = [file for record in records.values() for file in memory.fetch_rollups(job, record, "persons")]
        if files:
            there = (
                pl.scan_parquet(files)
                .join(gone.lazy(), on="pseudonym")
                .filter(pl.col("day") < pl.col("forgotten_before"))
                .group_by("day")
                .agg(pl.col("withdrawn_on").max())
                .collect(engine="streaming")
            )
            found += [(records[day], until) for day, until in there.sort("day").iter_rows()]
    return found


def rewritten(connection: duckdb.DuckDBPyConnection, job: Job, record: Record, gone: pl.DataFrame) -> list[StoredFile]:
    """Write a partition's files again without who has to go; return all that are left.

    Args:
        connection: Where the statements run.
        job: What is there; the warehouse is held.
        record: What holds of the partition.
        gone: `pseudonym` and `forgotten_before`, as `rollup.without` takes them.
    """
    into = job.spec.folder(parse(record.partition)) / "forgetting"
    into.mkdir(exist_ok=True)
    left: list[StoredFile] = []
    files = zip(record.rollups, memory.fetch(job, record.rollups), strict=True)
    for tables in memory.by_bucket((file.path, (file, path)) for file, path in files):
        made = rollup.without(connection, {table: path for table, (_, path) in tables.items()}, gone, into)
        for table, (file, _) in tables.items():
            is_new = table in made
            left.append(memory.store_rollup(job.stores.warehouse, record.partition, made[table]) if is_new else file)
    return sorted(left, key=lambda file: file.path)


def _last_end(day: date) -> date:
    """Return the last day up to `day` on which a week or a month had just ended."""
    return max(day - timedelta(days=day.weekday()), day.replace(day=1))
