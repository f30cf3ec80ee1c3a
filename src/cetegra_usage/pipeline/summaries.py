"""Summaries of the past that are kept, so that measuring a week does not read a year.

    <warehouse>/known/<service>/<sunday>/<what it is made from>/<bucket>-of-<buckets>.parquet

They can always be made again from the rollups, and hold pseudonyms as those do: who is forgotten goes from both.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from cetegra_usage import ledger, rollup, sql
from cetegra_usage.measure import KNOWN, RollupFile
from cetegra_usage.measure.history import summarise
from cetegra_usage.pipeline import keeping, memory
from cetegra_usage.pipeline.plan import parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl

    from cetegra_usage.ledger import Record
    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.store import Entry

_WEEK = timedelta(weeks=1)
_KEPT = 6
"""Weeks for which summaries are kept before the latest: a week looks at that one, and at one of five weeks before."""


def summary(job: Job, service: str, sunday: date) -> list[RollupFile]:
    """Bring the summary of a service's days up to a Sunday here; it is made if it is not there.

    Raises:
        QueryError: DuckDB failed on the rollups.
        StorageError: The warehouse does not answer.
    """
    there = _there(job, service)
    before: date | None = None
    files: list[RollupFile] = []
    for weeks in range(_KEPT):
        day = sunday - weeks * _WEEK
        files = _bring(job, service, day, there.get((day, _made_from(job, service, day)), ()))
        if files and not weeks:
            return files
        if files:
            before = day
            break
    for day, record in _days(job, service, sunday):
        if before is None or day > before:
            files += memory.rollup_files(job, record, lambda table: table == "use")
    into = job.spec.spool / keeping.SUMMARIES / service / sunday.isoformat()
    into.mkdir(parents=True)
    made = summarise(service, sunday, files, into, settings=job.settings)
    folder = f"{keeping.SUMMARIES}/{service}/{sunday}/{_made_from(job, service, sunday)}"
    new = {f"{folder}/{file.bucket}-of-{file.buckets}.parquet": file.path for file in made}
    others = {path: _day(path) for path in _named(job, f"{service}/") if path not in new}
    # Of a week that is summed up anew the old one goes, and so do those that are too old, unless they are still read.
    outdated = {path for path, day in others.items() if day < sunday - _KEPT * _WEEK} - job.local.keys()
    old = [path for path, day in others.items() if day == sunday or path in outdated]
    keeping.keep(job, new, gone=old)
    return made


def forget(job: Job, gone: pl.DataFrame) -> None:
    """Write every summary again without who is forgotten.

    Args:
        job: What is there.
        gone: `pseudonym` and `forgotten_before`, as `rollup.without` takes them.
    """
    into = job.spec.spool / "forgetting"
    into.mkdir(exist_ok=True)
    with sql.connect(memory_limit=job.settings.engine.memory_limit) as connection:
        for _, summary_files in groupby(job.stores.warehouse.list(keeping.SUMMARIES), key=_folder):
            made: dict[str, Path] = {}
            damaged: list[str] = []
            for entry in summary_files:
                if not _is_whole(job, entry):
                    damaged.append(entry.path)
                    continue
                for file in rollup.without(connection, {KNOWN: _fetch(job, entry)}, gone, into).values():
                    made[entry.path] = file
            keeping.keep(job, made, gone=damaged)
            for file in made.values():
                file.unlink()


def expire(job: Job) -> None:
    """Remove the summaries of weeks that ended two weeks ago or earlier: they reach back beyond retention."""
    keeping.keep(job, {}, gone=[path for path in _named(job) if _day(path) <= job.today - 2 * _WEEK])


def drop(job: Job) -> None:
    """Remove every summary: they lack somebody who is there again."""
    keeping.keep(job, {}, gone=_named(job))


def _named(job: Job, below: str = "") -> list[str]:
    return [path for path in job.ledger.kept if path.startswith(f"{keeping.SUMMARIES}/{below}")]


def _folder(entry: Entry) -> str:
    return entry.path.rsplit("/", 1)[0]


def _day(path: str) -> date:
    return date.fromisoformat(path.split("/")[2])


def _there(job: Job, service: str) -> dict[tuple[date, str], list[Entry]]:
    """Return the files of each summary of a service that is whole, by its day and what it is made from."""
    found: dict[tuple[date, str], list[Entry]] = {}
    for entry in job.stores.warehouse.list(f"{keeping.SUMMARIES}/{service}"):
        if entry.path in job.ledger.kept:
            found.setdefault((_day(entry.path), entry.path.split("/")[3]), []).append(entry)
    return {key: entries for key, entries in found.items() if len(entries) == _place(entries[0])[1]}


def _bring(job: Job, service: str, sunday: date, entries: Sequence[Entry]) -> list[RollupFile]:
    """Bring the files of a summary here; none where one is not what its record says."""
    files = [RollupFile(service, sunday, KNOWN, *_place(entry), _fetch(job, entry)) for entry in entries]
    return files if all(_is_whole(job, entry) for entry in entries) else []


def _is_whole(job: Job, entry: Entry) -> bool:
    kept = job.ledger.kept.get(entry.path)
    return kept is not None and ledger.sha256_of(_fetch(job, entry)) == kept.sha256


def _fetch(job: Job, entry: Entry) -> Path:
    if entry.path not in job.local:
        job.local[entry.path] = job.stores.warehouse.fetch(entry, job.spec.spool)
    return job.local[entry.path]


def _place(entry: Entry) -> tuple[int, int]:
    """Return a file's bucket, and of how many."""
    bucket, buckets = entry.path.rsplit("/", 1)[-1].split(".")[0].split("-of-")
    return int(bucket), int(buckets)


def _days(job: Job, service: str, sunday: date) -> list[tuple[date, Record]]:
    """Return the accepted partitions that a summary is made from, by day."""
    oldest = sunday - timedelta(days=job.settings.retention.identified_days - 1)
    found = [
        (partition.day, record)
        for record in job.ledger.latest.values()
        if record.state == "accepted"
        and (partition := parse(record.partition)).service == service
        and oldest <= partition.day <= sunday
    ]
    return sorted(found, key=lambda one: one[0])


def _made_from(job: Job, service: str, sunday: date) -> str:
    days = [[day.isoformat(), record.content] for day, record in _days(job, service, sunday)]
    return ledger.digest([job.settings.retention.identified_days, days])[:32]
