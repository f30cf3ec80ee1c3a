"""The source of a period's figures: the calendars, and the rollups of the days that its tables look at."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from cetegra_usage.measure import RollupFile, ServiceCalendar, Source, needs
from cetegra_usage.measure.history import summary_days
from cetegra_usage.model import each_day
from cetegra_usage.pipeline import consent_log, memory, public, summaries
from cetegra_usage.pipeline.plan import parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cetegra_usage.measure import Unit
    from cetegra_usage.model import Period
    from cetegra_usage.pipeline.job import Job


_FEEDBACK = ""
"""The service of feedback, which is of none."""


def source(job: Job, period: Period, lacking: Sequence[Unit]) -> Source:
    """Bring what a period is measured from here.

    Args:
        job: What is there.
        period: The period.
        lacking: Its units that have no tally that holds: of the others no rollup is read.
    """
    firsts = {service: public.first_day(job, service) for service in job.catalogue.services}
    sundays = summary_days(min((first for first in firsts.values() if first), default=period.last), period.last)
    wanted = needs(lacking, job.settings, sundays)
    rollups: list[RollupFile] = []
    accepted: dict[str, set[date]] = {service: set() for service in (*job.catalogue.services, _FEEDBACK)}
    for record in job.ledger.latest.values():
        partition = parse(record.partition)
        if partition.kind == "consents" or partition.service not in accepted or record.state != "accepted":
            continue
        accepted[partition.service].add(partition.day)
        if any(partition.day in days for days in wanted.tables.values()):  # of others nobody asks which files they have
            rollups += memory.rollup_files(job, record, lambda table, day=partition.day: wanted.wants(table, day))
    for sunday, (service, first) in product(sorted(wanted.known), firsts.items()):
        if first and first <= sunday:
            rollups += summaries.summary(job, service, sunday)
    feedback = ServiceCalendar(public.first_feedback(job), frozenset(accepted.pop(_FEEDBACK)))
    return Source(
        services={service: ServiceCalendar(firsts[service], frozenset(days)) for service, days in accepted.items()},
        feedback=feedback,
        rollups=sorted(rollups, key=lambda file: (file.service, file.day, file.table, file.bucket)),
        consents=[consent_log.file(job)] if consent_log.exists(job) else None,
        consents_missing=consents_missing(job, period.last),
    )


def consents_missing(job: Job, last: date) -> frozenset[date]:
    """Return the days of the log up to `last` that are neither accepted nor counted as empty."""
    judged = {
        public.day_of(record.partition): record.state
        for record in job.ledger.latest.values()
        if record.partition.startswith("consents/")
    }
    landed = {partition.day for partition in job.zone.partitions if partition.kind == "consents"}
    refused = {day for day in landed | set(judged) if day <= last and judged.get(day) != "accepted"}
    absent = consent_log.absent_from(job)
    return frozenset(refused.union(each_day(absent, last) if absent else []))
