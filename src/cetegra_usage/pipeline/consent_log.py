"""The accepted consent log as one table, put together day by day, so that a run does not open a file for every day.

    <warehouse>/memory/consents.parquet     day, pseudonym, changed_at, state; in its footer {"days": {day: number of
                                            its record}, "sha256": of the last of these records}

It is made again from the rolled-up partitions where it is not there, or they are others.
"""

from __future__ import annotations

import hashlib
import io
import json
from bisect import bisect_right
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cetegra_usage.model import Partition
from cetegra_usage.pipeline import memory
from cetegra_usage.store import ObjectMissingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from cetegra_usage.ledger import Ledger, Record
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.store import Store

FILE = "memory/consents.parquet"
_MADE_FROM = "made from"
COLUMNS = ("pseudonym", "changed_at", "state")
_NONE = pl.DataFrame(
    schema={"day": pl.Date, "pseudonym": pl.Int64, "changed_at": pl.Datetime("us"), "state": pl.String}
)


class Judged:
    """The last verdict on each day of the log.

    Args:
        latest: The last record of each partition.
    """

    def __init__(self, latest: Mapping[str, Record]) -> None:
        log = [(Partition.parse(name), record) for name, record in latest.items() if name.startswith("consents/")]
        self._log = sorted(log, key=lambda one: one[0].day)
        self._verdicts = np.array([record.verdict for _, record in self._log], dtype=np.int64)

    def after(self, seen: int, day: date) -> Iterator[Partition]:
        """Yield the partitions of the log, by day, that a verdict on a day's events did not know and that can touch it.

        These are the days up to it, and the one that follows, if changes are so early in it that they reach back.

        Args:
            seen: How many records there were when the events were judged.
            day: Theirs.
        """
        until = bisect_right(self._log, day, key=lambda one: one[0].day)
        for place in np.flatnonzero(self._verdicts[:until] > seen):
            yield self._log[place][0]
        for partition, record in self._log[until : until + 1]:
            is_next_day = partition.day == day + timedelta(days=1)
            if is_next_day and record.verdict > seen and record.body["early_changes"]:
                yield partition


def exists(job: Job) -> bool:
    """Whether there is a log, or ever was: without one everybody's consent counts as in force."""
    return job.zone.has_consents or any(partition.startswith("consents/") for partition in job.ledger.latest)


def absent_from(job: Job) -> date | None:
    """Return the first day from which on the log is absent; None where there is none at all.

    An absent day counts as empty once a later one is there, or the patience is over. A day that is not over is never
    taken, and tells nothing of those before it.
    """
    if not exists(job):
        return None
    days = [partition.day for partition in job.zone.partitions if partition.kind == "consents"]
    days += [Partition.parse(partition).day for partition in job.ledger.latest if partition.startswith("consents/")]
    last = max((day for day in days if day < job.today), default=date.min)
    return max(last + timedelta(days=1), job.today - timedelta(days=job.settings.landing.wait_days))


def changes(job: Job) -> pl.DataFrame:
    """Return every accepted change: `day` (of its partition), `pseudonym`, `changed_at`, `state`; ordered.

    Raises:
        StorageError: The warehouse does not answer.
    """
    return pl.read_parquet(_local(job)) if job.consents == days(job.ledger) else _put_together(job)


def file(job: Job) -> Path:
    """Return a local file with what `changes` returns; without a log it has no rows."""
    if job.consents != days(job.ledger):
        _put_together(job)
    return _local(job)


def _local(job: Job) -> Path:
    return job.spec.spool / "consents.parquet"


def _put_together(job: Job) -> pl.DataFrame:
    """Write the local file, and keep it in the warehouse if it is made from others than what was kept."""
    now = days(job.ledger)
    kept, before = _kept(job) if job.consents is None else (pl.read_parquet(_local(job)), job.consents)
    same = {day for day, record in now.items() if before.get(day) == record}
    new = joined(
        (day, path)
        for day in sorted(now.keys() - same)
        for path in memory.fetch_rollups(job, job.ledger.latest[f"consents/{day}"], "consents")
    )
    rows = kept.filter(pl.col("day").is_in([date.fromisoformat(day) for day in same]))
    rows = pl.concat([rows, new]).sort(_NONE.columns)
    data = io.BytesIO()
    made_from = {"days": now, "sha256": last.sha256 if (last := _last(job, now)) else None, "rows": _hash_of(rows)}
    rows.write_parquet(data, metadata={_MADE_FROM: json.dumps(made_from, sort_keys=True)})
    _local(job).write_bytes(data.getbuffer())
    if before != now and job.lease:
        job.stores.warehouse.put(FILE, data.getvalue())
    job.consents = now
    return rows


def _kept(job: Job) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return what is kept, and from which records; nothing where these are of another chain."""
    try:
        rows, made_from = read(job.stores.warehouse)
        before, sha256 = made_from["days"], made_from["sha256"]
    except (ObjectMissingError, pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, KeyError):
        return _NONE, {}
    last = _last(job, before)
    if last is None or last.sha256 != sha256:  # a record's hash stands for all before it
        return _NONE, {}
    return rows, before


def read(store: Store) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return what is kept as one file, and from which records it is made: `days` and `sha256`.

    Raises:
        KeyError, ObjectMissingError, PanicException, PolarsError, ValueError: There is none, it cannot be read, or its
            rows are not those that were kept.
    """
    data = store.read(FILE)
    made_from = json.loads(pl.read_parquet_metadata(io.BytesIO(data))[_MADE_FROM])
    rows = pl.read_parquet(io.BytesIO(data)).select(_NONE.columns)
    if made_from["rows"] != _hash_of(rows):
        raise ValueError
    return rows, made_from


def _hash_of(rows: pl.DataFrame) -> str:
    """Return a hash of the log's rows; another version may make another, and the log is put together again."""
    return hashlib.sha256(rows.hash_rows().to_numpy().tobytes()).hexdigest()


def joined(files: Iterable[tuple[str, Path]]) -> pl.DataFrame:
    """Return the rolled-up days of the log as one table: `day`, `pseudonym`, `changed_at`, `state`; ordered."""
    frames = [
        pl.read_parquet(path).select(pl.lit(date.fromisoformat(day)).alias("day"), *COLUMNS) for day, path in files
    ]
    return pl.concat([_NONE, *frames]).sort(_NONE.columns)


def days(chain: Ledger) -> dict[str, int]:
    """Return the number of the record that holds of each day of the log."""
    return {
        partition.removeprefix("consents/"): record.number
        for partition, record in chain.latest.items()
        if partition.startswith("consents/")
    }


def _last(job: Job, records_of: Mapping[str, int]) -> Record | None:
    """Return the last of some days' records, if the ledger has it."""
    day = max(records_of, key=lambda day: records_of[day], default="")
    partition = f"consents/{day}"
    latest = job.ledger.latest.get(partition)
    records = [*job.ledger.verdicts.get(partition, ()), *([latest] if latest else [])]
    return next((record for record in records if record.number == records_of[day]), None)
