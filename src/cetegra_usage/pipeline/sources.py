"""The source of a period's figures: the calendars, and the rollups of the days that its tables look at."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from cetegra_usage.measure import RollupFile, ServiceCalendar, Source, needs, units
from cetegra_usage.pipeline import memory, public

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
    days = needs(units(period), job.settings)
    rollups: list[RollupFile] = []
    accepted: dict[str, set[date]] = {service: set() for service in job.catalogue.services}
    for record in job.ledger.latest.values():
        kind, *service, _ = record.partition.split("/")
        day = public.day_of(record.partition)
        if kind != "events" or service[0] not in accepted or record.state != "accepted":
            continue
        accepted[service[0]].add(day)
        if days.first <= day <= days.last:
            tables = Counter(memory.table_of(file.path) for file in record.rollups)
            rollups += [
                RollupFile(
                    service=service[0],
                    day=day,
                    table=memory.table_of(file.path),
                    bucket=memory.bucket_of(file.path),
                    buckets=tables[memory.table_of(file.path)],
                    path=path,
                )
                for file, path in zip(record.rollups, memory.fetch_all(job, record), strict=True)
            ]
    return Source(
        services={
            service: ServiceCalendar(public.first_day(job, service), frozenset(days))
            for service, days in accepted.items()
        },
        rollups=sorted(rollups, key=lambda file: (file.service, file.day, file.table, file.bucket)),
        consents=_consents(job, days.last),
        consents_missing=_consents_missing(job, days.last),
    )


def _consents(job: Job, last: date) -> list[Path] | None:
    records = [record for record in job.ledger.latest.values() if record.partition.startswith("consents/")]
    if not records and not job.zone.has_consents:
        return None
    return [
        path
        for record in sorted(records, key=lambda record: record.partition)
        if public.day_of(record.partition) <= last + timedelta(days=1)
        for path in memory.fetch_all(job, record)
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
