"""The cells that a table must show, whether or not anything happened in them, and how much of each is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage.measure.units import ENGAGEMENT_DAYS, Unit, status, units
from cetegra_usage.model import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cetegra_usage.definitions import TableDefinition
    from cetegra_usage.measure.source import ServiceCalendar, Source
    from cetegra_usage.measure.units import Window
    from cetegra_usage.model import Catalogue, Period

WITHIN_DAYS = (1, 7, 28)
_DAYS_BACK = {"wau": 6, "mau": 27}


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a table's own dimensions, those beside service, user type and feature.

    Attributes:
        unit: The unit that it belongs to.
        values: The dimensions' values, for example a cohort week and the number of weeks since.
    """

    unit: Unit
    values: Mapping[str, Any]


def rows(table: str, period: Period) -> Iterator[Row]:
    """Yield the rows of a table in a period; one without values where it has no dimensions of its own."""
    for unit in units(period):
        if unit.table != table:
            continue
        match table:
            case "activity" | "consent_changes":
                yield Row(unit, {"day": unit.beginning})
            case "feature_weeks" | "lifecycle":
                yield Row(unit, {"week": unit.beginning})
            case "retention":
                oldest = min(other.beginning for other in units(period) if other.table == table)
                for weeks in range((unit.beginning - oldest).days // 7 + 1):
                    yield Row(unit, {"cohort_week": unit.beginning - timedelta(days=7 * weeks), "weeks_since": weeks})
            case "engagement":
                yield from (Row(unit, {"active_days": days}) for days in range(1, ENGAGEMENT_DAYS + 1))
            case "first_use":
                yield from (Row(unit, {"within_days": days}) for days in WITHIN_DAYS)
            case _:
                yield Row(unit, {})


def windows(measure: str, row: Row) -> tuple[Window, ...]:
    """Return the windows that a count is made from: first and last day of each."""
    unit = row.unit
    own = (unit.beginning, unit.last)
    match unit.table:
        case "activity":
            return ((unit.last - timedelta(days=_DAYS_BACK.get(measure, 0)), unit.last),)
        case "engagement" | "first_use":
            return ((unit.first, unit.last),)
        case "lifecycle" if measure != "new":
            return ((unit.first, unit.beginning - timedelta(days=1)), own)
        case "retention":
            weeks = timedelta(weeks=row.values["weeks_since"])
            cohort = (unit.beginning - weeks, unit.last - weeks)
            return (cohort,) if measure == "cohort_users" else (cohort, own)
        case _:
            return (own,)


def cells(table: TableDefinition, period: Period, catalogue: Catalogue) -> pl.DataFrame:
    """Return the grid of a table without the totals over services: a row a cell, with the table's dimensions."""
    if "notice" in table.grain:
        return pl.DataFrame({"notice": list(catalogue.notices)}, schema={"notice": pl.String})
    types = pl.DataFrame({"user_type": [*catalogue.user_types, ALL]})
    features = [
        (feature.service, key)
        for key, feature in catalogue.features.items()
        if table.name != "funnels" or feature.has_funnel
    ]
    features += [(service, ALL) for service in catalogue.services]
    grid = pl.DataFrame([dict(row.values) for row in rows(table.name, period)] or [{}])
    if "feature" in table.grain:
        grid = grid.join(pl.DataFrame(features, schema=["service", "feature"], orient="row"), how="cross")
    elif "service" in table.grain:
        grid = grid.join(pl.DataFrame({"service": list(catalogue.services)}), how="cross")
    if "user_type" in table.grain:
        grid = grid.join(types, how="cross")
    return grid.select(table.grain)


def statuses(table: TableDefinition, period: Period, source: Source) -> pl.DataFrame:
    """Return for each row of a table and each service (`all` too) the status of each count, `<m>_status`."""
    return pl.DataFrame(
        [
            {**row.values, **service}
            | {f"{m.name}_status": _status(m.name, row, calendars, source) for m in table.counts}
            for row in rows(table.name, period)
            for service, calendars in _services(table, source)
        ]
    )


def _services(table: TableDefinition, source: Source) -> list[tuple[dict[str, str], list[ServiceCalendar]]]:
    if "service" not in table.grain:
        return [({}, [])]
    each = [({"service": service}, [calendar]) for service, calendar in source.services.items()]
    return [*each, ({"service": ALL}, list(source.services.values()))]


def _status(measure: str, row: Row, calendars: list[ServiceCalendar], source: Source) -> str:
    if row.unit.table == "consent_changes":
        is_there = source.consents is not None and row.unit.beginning not in source.consents_missing
        return "published" if is_there else "unavailable"
    if row.unit.table == "feedback":
        return status([source.feedback], windows(measure, row))
    if row.unit.table == "lifecycle" and measure == "withdrawn" and source.consents is None:
        return "unavailable"
    return status(calendars, windows(measure, row))
