"""What of a release breaks the expectations of the suite `release`: counted before anything of it is published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage.definitions import PEOPLE
from cetegra_usage.definitions import tables as definitions
from cetegra_usage.pipeline import consent_log, memory
from cetegra_usage.pipeline.plan import parse
from cetegra_usage.residency import EEA
from cetegra_usage.sql import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from cetegra_usage.pipeline.job import Job
    from cetegra_usage.protect import Protection
    from cetegra_usage.sql import Statement

_IDENTIFIERS = {"pseudonym", "session_id", "event_id", "recipient", "company"}
_OF_FEEDBACK = {"feedback", "responses"}
_BESIDE_FEEDBACK = {"declared_notices"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a release is judged by.

    Attributes:
        tables: Its tables by name, as they would be published.
        threshold: The number of people below which no count of users may be shown.
        countries: The country of each store.
        statements: Every statement of the rooms `sql`.
        identified: The days of the partitions of which rollups with pseudonyms are kept.
        oldest: The first day of which they may be.
        left: How many people who had to be forgotten were found in the warehouse when that was done last;
            None where it did not come to its end, or there is no log that could tell of anybody.
    """

    tables: Mapping[str, pl.DataFrame]
    threshold: int
    countries: Sequence[str]
    statements: Sequence[Statement]
    identified: Sequence[date]
    oldest: date
    left: int | None


def subject(job: Job, protection: Protection) -> Subject:
    """Gather what a release is judged by."""
    identified = [record.partition for record in job.ledger.latest.values() if memory.is_identified(record)]
    return Subject(
        tables={name: table.frame for name, table in protection.tables.items()},
        threshold=job.settings.disclosure.threshold,
        countries=[store.residency.country for store in (job.stores.landing, job.stores.warehouse, job.stores.publish)],
        statements=statements(),
        identified=[parse(partition).day for partition in identified],
        oldest=job.today - timedelta(days=job.settings.retention.identified_days),
        left=job.known.forgotten.left if consent_log.exists(job) else None,
    )


def counts(release: Subject) -> dict[str, int | None]:
    """Count what breaks each expectation of the release suite."""
    return {
        "stores_in_the_eea": sum(country not in EEA for country in release.countries),
        "no_identifier_columns": sum(len(_IDENTIFIERS & set(frame.columns)) for frame in release.tables.values()),
        "no_small_cells": None
        if release.threshold == 1
        else sum(
            frame.filter(pl.col(measure.name).is_between(1, release.threshold - 1)).height
            for name, frame in release.tables.items()
            for measure in definitions()[name].counts
            if measure.of in PEOPLE
        ),
        "no_feedback_join": _joins(release.statements),
        "withdrawn_are_gone": release.left,
        "identified_within_retention": sum(day < release.oldest for day in release.identified),
    }


def _joins(statements: Sequence[Statement]) -> int:
    """Count the statements that read feedback, or what others made of it, and anything else but its catalogue."""
    of_feedback, found = set[str](), set(_OF_FEEDBACK)
    while found - of_feedback:
        of_feedback |= found
        found = {statement.name for statement in statements if of_feedback & set(statement.inputs)}
    return sum(
        bool(set(statement.inputs) - of_feedback - _BESIDE_FEEDBACK)
        for statement in statements
        if of_feedback & set(statement.inputs)
    )
