"""What measuring reads: which days are there, and the rollups' files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServiceCalendar:
    """Which days of a service (or of feedback) are there.

    Attributes:
        first: Day of the first partition that landed, whatever its verdict; None if none ever landed.
        accepted: Days whose partition is accepted.
    """

    first: date | None = None
    accepted: frozenset[date] = frozenset()

    def is_before(self, day: date) -> bool:
        """Whether a day lies before the first partition: it counts as empty."""
        return self.first is None or day < self.first

    def is_missing(self, day: date) -> bool:
        """Whether a day should be there and is not: absent, incomplete or quarantined."""
        return not self.is_before(day) and day not in self.accepted


@dataclass(frozen=True, slots=True)
class RollupFile:
    """One file of a partition's rollups, on this machine.

    Attributes:
        service: The partition's service, empty for feedback.
        day: The partition's day.
        table: The rollup's table, for example `use`.
        bucket: Which bucket of the pseudonym it holds.
        buckets: How many buckets the partition has: a power of two.
        path: Where it is.
    """

    service: str
    day: date
    table: str
    bucket: int
    buckets: int
    path: Path


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that the figures of a period are made from.

    Attributes:
        services: Calendar by declared service.
        rollups: The rollup files of the accepted partitions among the days that `needs` names; others are left alone.
        feedback: Calendar of the answers to notices, which are of no service.
        consents: The rolled-up consent log, whole, in any order; None where there is no log.
        consents_missing: Days of the log that landed and are neither accepted nor counted as empty.
    """

    services: Mapping[str, ServiceCalendar]
    rollups: Sequence[RollupFile] = ()
    feedback: ServiceCalendar = field(default_factory=ServiceCalendar)
    consents: Sequence[Path] | None = None
    consents_missing: frozenset[date] = field(default_factory=frozenset)
