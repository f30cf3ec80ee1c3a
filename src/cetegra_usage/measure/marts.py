"""Tallies -> marts: every cell of the grid with its figure and its status, and what protection must know of it.

Columns of a mart: `period`, the table's dimensions, and for each measure `m` the exact figure (null where it is
unavailable or undefined) and `m_status`, by availability alone. Each count has `m_people`, a lower bound of the number
of people behind it, and where it does not count users `m_top`, the most that one identified person contributed.
Neither may leave `protect`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from cetegra_usage.definitions import PEOPLE, tables
from cetegra_usage.measure import grid
from cetegra_usage.model import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cetegra_usage.definitions import MeasureDefinition, TableDefinition
    from cetegra_usage.measure.source import Source
    from cetegra_usage.measure.units import Unit
    from cetegra_usage.model import Catalogue, Period
    from cetegra_usage.settings import Settings

# Counts of a whole service, whatever feature the row is about: the count that they are where the feature is `all`.
_OVER_FEATURES = {
    ("features", "active_users"): "users",
    ("feature_weeks", "active_users"): "users",
    ("first_use", "users"): "users",
}
# Means: the sum and the number that they are made of. A median stands on the same number.
_MEANS = {
    "events_per_user": ("events_of_users", "users"),
    "events_per_session": ("events", "sessions"),
    "median_seconds": ("median_seconds", "sessions"),
    "mean_rating": ("stars", "rated"),
}
_COMES_WITH = {"rated": "answered"}
"""Numbers that are no measure: the count with whose availability they come and go."""
# Counts behind which stand the same identified people as behind another.
_PEOPLE_OF = {"identified_events": "events"}
_DAYS = {"activity": 1, "feature_weeks": 7}


def assemble(
    period: Period, tallies: Mapping[Unit, pl.DataFrame], source: Source, *, catalogue: Catalogue, settings: Settings
) -> dict[str, pl.DataFrame]:
    """Make the marts of a period from the tallies of its units.

    Args:
        period: The period.
        tallies: The tally of every unit of `units(period)`.
        source: Its calendars say what is there; no rollup is read.
        catalogue: The services, user types and features of the grid.
        settings: `disclosure.event_cap`, for the bound on people behind events without a pseudonym.
    """
    return {
        name: _Mart(table, period, source, catalogue, settings.disclosure.event_cap).make(tallies)
        for name, table in tables().items()
    }


@dataclass(frozen=True)
class _Mart:
    """One table of a period in the making."""

    table: TableDefinition
    period: Period
    source: Source
    catalogue: Catalogue
    event_cap: int

    def make(self, tallies: Mapping[Unit, pl.DataFrame]) -> pl.DataFrame:
        found = self._found(tallies)
        frame = self._where_available(self._cells(found).select(*self.table.grain, *self._parts))
        if "service" in self.table.grain:
            frame = self._where_available(pl.concat([frame, self._over_services(frame)]))
        for median in (measure for measure in self.table.measures if measure.kind == "median"):
            frame = frame.join(found.select(*self.table.grain, median.name), on=self.table.grain, how="left")
        for measure in self.table.measures:
            if source := _OVER_FEATURES.get((self.table.name, measure.name)):
                frame = self._beside(frame, "feature", source, measure.name)
        frame = self._told(self._with_statuses(frame), found)
        for measure in self.table.measures:
            frame = (
                self._with_people(frame, measure) if measure.kind == "count" else self._with_quotient(frame, measure)
            )
        return self._in_order(frame)

    @cached_property
    def _statuses(self) -> pl.DataFrame:
        return grid.statuses(self.table, self.period, self.source)

    @cached_property
    def _parts(self) -> dict[str, str]:
        """What a tally says of each cell: the count with whose availability it comes and goes, by column."""
        parts: dict[str, str] = {}
        for measure in self.table.counts:
            name = measure.name
            if _OVER_FEATURES.get((self.table.name, name), name) == name:
                parts[name] = name
            if measure.of not in PEOPLE and name not in _PEOPLE_OF:
                parts |= {f"{name}_known": name, f"{name}_top": name}
            if measure.of == "events" and measure.who == "everybody":
                parts[f"{name}_unidentified"] = name
        for over, under in (_MEANS[measure.name] for measure in self.table.measures if measure.kind == "mean"):
            parts |= {part: _COMES_WITH.get(under, under) for part in (over, under)}
        return parts

    def _found(self, tallies: Mapping[Unit, pl.DataFrame]) -> pl.DataFrame:
        """Put the tallies of the table's units together, with the table's dimensions."""
        frames: list[pl.DataFrame] = []
        for unit, tally in tallies.items():
            if unit.table == self.table.name:
                own = {"day": unit.beginning, "week": unit.beginning}
                frame = tally.with_columns(
                    **{key: pl.lit(value) for key, value in own.items() if key in self.table.grain}
                )
                if "cohort_week" in frame.columns:
                    weeks = (pl.lit(unit.beginning) - pl.col("cohort_week")).dt.total_days() // 7
                    frame = frame.with_columns(weeks_since=weeks)
                frames.append(frame)
        return pl.concat(frames, how="diagonal")

    def _cells(self, found: pl.DataFrame) -> pl.DataFrame:
        """Put what was found into the grid, 0 where nothing was; totals over services are not in it yet."""
        if self.table.name == "transitions":
            declared = pl.col("from_feature", "to_feature").is_in(list(self.catalogue.features))
            return found.filter(pl.all_horizontal(declared))
        cells = grid.cells(self.table, self.period, self.catalogue)
        lacking = [part for part in self._parts if part not in found.columns]
        found = found.with_columns(pl.lit(0, pl.Int64).alias(part) for part in lacking)
        return cells.join(found, on=self.table.grain, how="left").with_columns(pl.col(list(self._parts)).fill_null(0))

    def _over_services(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add up over services: counts of people too, since nobody is followed from one service to another."""
        tops = [part for part in self._parts if part.endswith("_top")]
        totals = (
            frame.group_by([dimension for dimension in self.table.grain if dimension != "service"])
            .agg(pl.col(tops).max(), pl.col(list(self._parts)).exclude(tops).sum())
            .with_columns(service=pl.lit(ALL))
        )
        return totals.select(frame.columns)

    def _with_statuses(self, frame: pl.DataFrame) -> pl.DataFrame:
        keys = [column for column in self._statuses.columns if column in self.table.grain]
        return frame.join(self._statuses, on=keys, how="left") if keys else frame.join(self._statuses, how="cross")

    def _told(self, frame: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
        """Leave out what nobody can tell any more: of features that had no funnel when the row closed."""
        if self.table.name != "funnels":
            return frame
        is_told = pl.col("feature").is_in([*found["feature"], ALL])
        statuses = [f"{measure.name}_status" for measure in self.table.counts]
        return frame.with_columns(
            *(pl.when(is_told).then(part).alias(part) for part in self._parts),
            *(pl.when(is_told).then(one).otherwise(pl.lit("unavailable")).alias(one) for one in statuses),
        )

    def _where_available(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Leave out the figures of cells that are unavailable."""
        return (
            self._with_statuses(frame)
            .with_columns(
                pl.when(pl.col(f"{measure}_status") != "unavailable").then(part).alias(part)
                for part, measure in self._parts.items()
            )
            .select(frame.columns)
        )

    def _beside(self, frame: pl.DataFrame, dimension: str, column: str, name: str) -> pl.DataFrame:
        """Add to each row a column of the row in which a dimension is `all`."""
        others = [other for other in self.table.grain if other != dimension]
        totals = frame.filter(pl.col(dimension) == ALL).select(*others, pl.col(column).alias(name))
        return frame.drop(name, strict=False).join(totals, on=others, how="left")

    def _with_people(self, frame: pl.DataFrame, measure: MeasureDefinition) -> pl.DataFrame:
        name = measure.name
        if measure.of in PEOPLE:
            return frame.with_columns(pl.col(name).cast(pl.Float64).alias(f"{name}_people"))
        base = _PEOPLE_OF.get(name, name)
        people = pl.col(f"{base}_known").cast(pl.Float64)
        if f"{name}_unidentified" in frame.columns:
            days = _DAYS.get(self.table.name, len(self.period.days))
            people += pl.col(f"{name}_unidentified") / (self.event_cap * days)
        return frame.with_columns(people.alias(f"{name}_people"), pl.col(f"{base}_top").alias(f"{name}_top"))

    def _with_quotient(self, frame: pl.DataFrame, measure: MeasureDefinition) -> pl.DataFrame:
        """Add a ratio, mean or median, with the worst status of its parts; `undefined` where it is one of nothing."""
        if measure.kind == "ratio":
            over, under = str(measure.numerator), str(measure.denominator)
            of_parts = [f"{over}_status", f"{under}_status"]
        else:
            over, under = _MEANS[measure.name]
            of_parts = [f"{_COMES_WITH.get(under, under)}_status"]
        if measure.denominator_over:
            frame = self._beside(frame, measure.denominator_over, under, "_under")
        else:
            frame = frame.with_columns(_under=under)
        status = (
            pl.when(pl.any_horizontal(pl.col(of_parts) == "unavailable"))
            .then(pl.lit("unavailable"))
            .when(pl.col("_under") == 0)
            .then(pl.lit("undefined"))
            .when(pl.any_horizontal(pl.col(of_parts) == "partial"))
            .then(pl.lit("partial"))
            .otherwise(pl.lit("published"))
        )
        value = pl.col(over) if measure.kind == "median" else pl.col(over) / pl.col("_under")
        if measure.kind == "ratio":
            value = pl.min_horizontal(value, pl.lit(1.0))  # a share: who answered may have been shown it before
        is_there = status.is_in(["partial", "published"])
        return frame.with_columns(
            status.alias(f"{measure.name}_status"), pl.when(is_there).then(value).alias(measure.name)
        ).drop("_under")

    def _in_order(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Lay the columns and rows out: rows by dimension, services, types and features as the catalogue lists them."""
        orders = {
            "service": [*self.catalogue.services, ALL],
            "user_type": [*self.catalogue.user_types, ALL],
            "feature": [*self.catalogue.features, ALL],
            "notice": list(self.catalogue.notices),
        }
        orders |= {"from_feature": orders["feature"], "to_feature": orders["feature"]}
        columns = ["period", *self.table.grain]
        for measure in self.table.measures:
            names = (measure.name, f"{measure.name}_status", f"{measure.name}_people", f"{measure.name}_top")
            columns += [name for name in names if name in frame.columns]
        keys = [pl.col(key).cast(pl.Enum(orders[key])) if key in orders else pl.col(key) for key in self.table.grain]
        return frame.sort(keys).with_columns(period=pl.lit(self.period.key)).select(columns)
