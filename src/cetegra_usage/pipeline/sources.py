"""The source of a period's figures: the calendars, and the rollups of the days that its tables look at."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from cetegra_usage.measure import RollupFile, ServiceCalendar, Source, needs, units
from cetegra_usage.pipeline import memory, public
from cetegra_usage.pipeline.plan import parse

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from cetegra_usage.model import Period
    from cetegra_usage.pipeline.job import Job


def source(job: Job, period: Period) -> Source:
    """Bring what a period is measured from here.

    Args:
        job: What is there.
        period: The period.
    """
    wanted = needs(units(period), job.settings)
    rollups: list[RollupFile] = []
    accepted: dict[str, set[date]] = {service: set() for service in job.catalogue.services}
    for record in job.ledger.latest.values():
        partition = parse(record.partition)
        if partition.kind != "events" or partition.service not in accepted or record.state != "accepted":
            continue
        accepted[partition.service].add(partition.day)
        files = [file for file in record.rollups if wanted.wants(memory.table_of(file.path), partition.day)]
        buckets = Counter(memory.table_of(file.path) for file in files)
        for file, path in zip(files, memory.fetch(job, record, files), strict=True):
            table = memory.table_of(file.path)
            rollups.append(
                RollupFile(
                    service=partition.service,
                    day=partition.day,
                    table=table,
                    bucket=memory.bucket_of(file.path),
                    buckets=buckets[table],
                    path=path,
                )
            )
    return Source(
        services={
            service: ServiceCalendar(public.first_day(job, service), frozenset(days))
            for service, days in accepted.items()
        },
        rollups=sorted(rollups, key=lambda file: (file.service, file.day, file.table, file.bucket)),
        consents=_consents(job, wanted.last),
        consents_missing=_consents_missing(job, wanted.last),
    )


def _consents(job: Job, last: date) -> list[Path] | None:
    records = [record for record in job.ledger.latest.values() if record.partition.startswith("consents/")]
    if not records and not job.zone.has_consents:
        return None
    return [
        path
        for record in sorted(records, key=lambda record: record.partition)
        if public.day_of(record.partition) <= last + timedelta(days=1)
        for path in memory.fetch(job, record, record.rollups)
    ]


def _consents_missing(job: Job, last: date) -> frozenset[date]:
    """Return the days of the log up to `last` that are neither accepted nor counted as empty."""
    judged = {
        public.day_of(record.partition): record.state
        for record in job.ledger.latest.values()
        if record.partition.startswith("consents/")
    }
    landed = {partition.day for partition in job.zone.partitions if partition.kind == "consents"}
    refused = {day for day in landed | set(judged) if day <= last and judged.get(day) != "accepted"}
    if not landed | set(judged):
        return frozenset()
    day = max(max(landed | set(judged)) + timedelta(days=1), job.today - timedelta(days=job.settings.landing.wait_days))
    while day <= last:
        refused.add(day)
        day += timedelta(days=1)
    return frozenset(refused)
