"""Measuring: from the rollups of accepted partitions to the exact tables of a period.

`units` are the rows of a period that close together, `needs` says which rollups they read, `measure` makes the marts.
Its two halves stand in `tallies` and `marts`: what rows are when they close, which is kept as long as `fingerprint`
and `terms` say so, and the tables of a period, made from that. `history` sums up the past, so that it need not be read
again.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from cetegra_usage.measure.source import RollupFile, ServiceCalendar, Source
from cetegra_usage.measure.units import KNOWN, READ_BY, SUMMED_UP, Unit, units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import polars as pl

    from cetegra_usage.model import Catalogue, Partition, Period
    from cetegra_usage.settings import Settings

__all__ = [
    "KNOWN",
    "Contents",
    "Days",
    "Needs",
    "RollupFile",
    "ServiceCalendar",
    "Source",
    "Unit",
    "fingerprint",
    "measure",
    "needs",
    "terms",
    "units",
]


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, both included; of none where `last` is before `first`."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Needs:
    """Which rollups are read.

    Attributes:
        tables: Days by table of the rollups; a table that is not named is not read.
        known: The last days of the summaries (see `history`) that are read as well.
    """

    tables: Mapping[str, Days]
    known: frozenset[date] = frozenset()

    @property
    def first(self) -> date:
        """The first day of all."""
        return min(days.first for days in self.tables.values())

    @property
    def last(self) -> date:
        """The last day of all."""
        return max(days.last for days in self.tables.values())

    def wants(self, table: str, day: date) -> bool:
        """Whether the files of a table and day (of a summary: its last) are read."""
        return day in self.known if table == KNOWN else table in self.tables and day in self.tables[table]


def needs(wanted: Iterable[Unit], settings: Settings, known: Iterable[date] = ()) -> Needs:
    """Return which rollups are read to make the tallies of units.

    Args:
        wanted: Units that have no tally that can be kept: at most `units(period)`.
        settings: How far history goes back.
        known: The last days of the summaries that are there for every service with partitions.
    """
    reach = settings.retention.identified_days, settings.session.max_days
    tables: dict[str, Days] = {}
    used: set[date] = set()
    every = list(wanted)
    for table, readers in READ_BY.items():
        readers_units = [unit for unit in every if unit.table in readers]
        if readers_units:
            first = min(unit.reads_from(table, *reach) for unit in readers_units)
            horizon = min(unit.first_of(table) for unit in readers_units)
            if table in SUMMED_UP and (before := [day for day in known if first <= day < horizon]):
                used.add(max(before))
                first = max(before) + timedelta(days=1)
            tables[table] = Days(first, max(unit.last for unit in readers_units))
    return Needs(tables, frozenset(used))


def measure(
    period: Period,
    source: Source,
    *,
    catalogue: Catalogue,
    settings: Settings,
    kept: Mapping[Unit, pl.DataFrame] | None = None,
    keep: Callable[[Unit, pl.DataFrame], None] | None = None,
) -> dict[str, pl.DataFrame]:
    """Make every exact table of a period at once; see `marts` for their columns.

    Args:
        period: A week or month that is over.
        source: Calendars, the consent log, and the rollups that `needs` names for the units that are not kept.
        catalogue: The grid: services, user types, features.
        settings: `retention.identified_days`, `session.max_days`, `disclosure.event_cap`, `engine.memory_limit`.
        kept: Tallies of units that were made before, and hold.
        keep: Is given each tally that is made.

    Raises:
        QueryError: DuckDB failed on the rollups.
    """
    from cetegra_usage.measure.marts import assemble  # noqa: PLC0415  # heavy: duckdb and polars
    from cetegra_usage.measure.tallies import tally  # noqa: PLC0415

    kept = kept or {}
    lacking = [unit for unit in units(period) if unit not in kept]
    made = tally(lacking, source, catalogue=catalogue, settings=settings) if lacking else {}
    for unit, frame in made.items():
        if keep:
            keep(unit, frame)
    return assemble(period, {**kept, **made}, source, catalogue=catalogue, settings=settings)


class Contents:
    """What is accepted, as hashes that can be asked for a range of days."""

    def __init__(self, contents: Mapping[Partition, str]) -> None:
        """Put the partitions' hashes in order.

        Args:
            contents: A hash of the verdict and accepted rows of each partition. It must not change when detail of
                somebody is taken out of the rollups: a closed row stays what it was.
        """
        self._days: dict[str, list[date]] = {}
        self._hashes: dict[str, list[tuple[str, str]]] = {}
        for partition, content in sorted(contents.items(), key=lambda one: one[0].day):
            self._days.setdefault(partition.kind, []).append(partition.day)
            self._hashes.setdefault(partition.kind, []).append((partition.id, content))

    def of(self, kind: str, days: Days) -> list[tuple[str, str]]:
        """Return id and hash of the partitions of a kind in a range of days, ordered by id."""
        there = self._days.get(kind, [])
        return sorted(self._hashes.get(kind, [])[bisect_left(there, days.first) : bisect_right(there, days.last)])


def terms(unit: Unit, *, catalogue: Catalogue, settings: Settings) -> dict[str, Any]:
    """Return by what a unit's tally is made, beside what is accepted and the statements.

    Args:
        unit: The unit.
        catalogue: Of it: which services are added up to a median, and which features have a funnel.
        settings: How far history goes back, and how exactly the clocks agree.
    """
    if unit.table == "feedback":  # which nothing of usage goes into
        return {}
    declared = {
        "sessions": sorted(catalogue.services),
        "funnels": sorted(key for key, feature in catalogue.features.items() if feature.has_funnel),
    }
    return {
        "identified_days": settings.retention.identified_days,
        "max_days": settings.session.max_days,
        "skew_seconds": settings.consent.skew_seconds,
        "declared": declared.get(unit.table, []),
    }


def fingerprint(unit: Unit, contents: Contents, by: Mapping[str, Any]) -> str:
    """Return the hash of all that a unit's tally is made from by its `terms`."""
    if unit.table == "feedback":
        inputs = contents.of("feedback", Days(unit.beginning, unit.last))
    else:
        since = unit.beginning if unit.table == "consent_changes" else date.min
        inputs = contents.of("consents", Days(since, unit.last))
        first = unit.made_from(by["identified_days"], by["max_days"])
        inputs += contents.of("events", Days(first, unit.last))
    return hashlib.sha256(json.dumps([unit.id, inputs]).encode()).hexdigest()
