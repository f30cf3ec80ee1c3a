"""Measuring: from the rollups of accepted partitions to the exact tables of a period.

`needs` says which days of rollups a period reads; `measure` makes its marts. `tally` and `assemble` are its two halves:
what rows are when they close, which may be kept, and the tables of a period made from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cetegra_usage.measure.source import RollupFile, ServiceCalendar, Source
from cetegra_usage.measure.units import Unit, units

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import polars as pl

    from cetegra_usage.model import Catalogue, Period
    from cetegra_usage.settings import Settings

__all__ = ["Days", "RollupFile", "ServiceCalendar", "Source", "Unit", "measure", "needs", "units"]


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, both included."""

    first: date
    last: date


def needs(wanted: Iterable[Unit], settings: Settings) -> Days:
    """Return the days whose rollups are read to make the tallies of units.

    Args:
        wanted: Units that have no tally yet: at most `units(period)`.
        settings: How far history goes back.
    """
    reach = settings.retention.identified_days, settings.session.max_days
    found = list(wanted)
    return Days(min(unit.reads_from(*reach) for unit in found), max(unit.last for unit in found))


def measure(period: Period, source: Source, *, catalogue: Catalogue, settings: Settings) -> dict[str, pl.DataFrame]:
    """Make every exact table of a period; see `marts` for their columns.

    Args:
        period: A week or month that is over.
        source: Calendars, the consent log, and the rollups of the days that `needs(units(period), settings)` names.
        catalogue: The grid: services, user types, features.
        settings: `retention.identified_days`, `session.max_days`, `disclosure.event_cap`, `engine.memory_limit`.

    Raises:
        QueryError: DuckDB failed on the rollups.
    """
    from cetegra_usage.measure.marts import assemble  # noqa: PLC0415  # heavy: duckdb and polars
    from cetegra_usage.measure.tallies import tally  # noqa: PLC0415

    tallies = tally(units(period), source, catalogue=catalogue, settings=settings)
    return assemble(period, tallies, source, catalogue=catalogue, settings=settings)
