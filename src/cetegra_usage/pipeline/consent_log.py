"""The accepted consent log as one table, put together day by day, so that a run does not open a file for every day.

    <warehouse>/memory/consents.parquet     day, pseudonym, changed_at, state; in its footer the record of each day

It is made again from the rolled-up partitions where it is not there, or they are others.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage.model import Partition
from cetegra_usage.pipeline import memory
from cetegra_usage.store import ObjectMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from cetegra_usage.pipeline.job import Job

_FILE = "memory/consents.parquet"
_DAYS = "days"
COLUMNS = ("pseudonym", "changed_at", "state")
_NONE = pl.DataFrame(
    schema={"day": pl.Date, "pseudonym": pl.Int64, "changed_at": pl.Datetime("us"), "state": pl.String}
)


def exists(job: Job) -> bool:
    """Whether there is a log, or ever was: without one everybody's consent counts as in force."""
    return job.zone.has_consents or any(partition.startswith("consents/") for partition in job.ledger.latest)


def changes(job: Job) -> pl.DataFrame:
    """Return every accepted change: `day` (of its partition), `pseudonym`, `changed_at`, `state`; ordered.

    Raises:
        StorageError: The warehouse does not answer.
    """
    return pl.read_parquet(file(job))


def file(job: Job) -> Path:
    """Return a local file with what `changes` returns; without a log it has no rows."""
    records = {
        Partition.parse(partition).day: record
        for partition, record in job.ledger.latest.items()
        if partition.startswith("consents/")
    }
    now = {day.isoformat(): record.number for day, record in records.items()}
    local = job.spec.spool / "consents.parquet"
    if job.consents == now:
        return local
    kept, days = _kept(job) if job.consents is None else (pl.read_parquet(local), job.consents)
    same = [day for day in records if days.get(day.isoformat()) == now[day.isoformat()]]
    frames = [
        pl.read_parquet(path).select(pl.lit(day).alias("day"), *COLUMNS)
        for day, record in records.items()
        if day not in set(same)
        for path in memory.fetch_rollups(job, record, "consents")
    ]
    rows = pl.concat([_NONE, kept.filter(pl.col("day").is_in(same)), *frames]).sort(_NONE.columns)
    rows.write_parquet(local, metadata={_DAYS: json.dumps(now, sort_keys=True)})
    if days != now and job.lease:
        job.stores.warehouse.put_file(_FILE, local)
    job.consents = now
    return local


def _kept(job: Job) -> tuple[pl.DataFrame, dict[str, int]]:
    try:
        data = job.stores.warehouse.read(_FILE)
    except ObjectMissingError:
        return _NONE, {}
    return pl.read_parquet(io.BytesIO(data)), json.loads(pl.read_parquet_metadata(io.BytesIO(data))[_DAYS])
