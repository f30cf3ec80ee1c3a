"""Retention: identified detail of days older than the settings allow goes; the counts of everybody stay.

The ledger says which files are left of a partition; those that it no longer names go as leftovers do. The figures of
rows that closed are kept as tallies, so that no release changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cetegra_usage import ledger
from cetegra_usage.pipeline import leftovers, memory, summaries
from cetegra_usage.pipeline.plan import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cetegra_usage.pipeline.job import Job


@dataclass(frozen=True, slots=True)
class Due:
    """What retention takes.

    Attributes:
        partitions: Those whose identified detail is too old, by id.
        leftovers: Store and path of each file that nothing named before.
    """

    partitions: Sequence[str]
    leftovers: Sequence[tuple[str, str]]

    def as_json(self) -> dict[str, Any]:
        """Return it as the `--json` document shows it."""
        return {
            "partitions": list(self.partitions),
            "leftovers": [{"store": store, "path": path} for store, path in self.leftovers],
        }


def due(job: Job) -> Due:
    """Return what retention would take now; nothing is written."""
    first = job.today - timedelta(days=job.settings.retention.identified_days)
    partitions = [
        partition
        for partition, record in sorted(job.ledger.latest.items())
        if memory.is_identified(record) and parse(partition).day < first
    ]
    return Due(partitions, [(store.name, entry.path) for store, entry in leftovers.find(job)])


def retain(job: Job) -> Due:
    """Apply retention, and return what it took.

    Raises:
        StorageError: A store does not answer, or another run holds the warehouse.
    """
    with job.held(everywhere=True):  # whose end removes what is no longer named
        found = due(job)
        days = timedelta(days=job.settings.retention.identified_days)
        bodies: list[dict[str, Any]] = []
        for partition in found.partitions:
            record = job.ledger.latest[partition]
            bodies.append(ledger.forgetting(record, memory.of_everybody(record), parse(partition).day + days))
        job.make_sure()
        ledger.append(job.stores.warehouse, job.ledger, bodies, datetime.now(UTC))
        summaries.expire(job)
        job.remember()
    return found
