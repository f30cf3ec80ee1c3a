"""Rollups -> tallies: the exact figures of rows that close, service by service and bucket by bucket.

A tally is sparse: cells in which nothing happened are not in it, nor are totals over services, but for medians.
Columns: `service`, the table's dimensions, its counts, and for protection `<m>_known` (identified people behind a
count), `<m>_unidentified` (events behind it without a pseudonym) and `<m>_top` (the most that one person contributed).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from cetegra_usage import sql
from cetegra_usage.measure import reading
from cetegra_usage.measure.reading import Bucket
from cetegra_usage.measure.units import EVENTS, READ_BY
from cetegra_usage.model import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from cetegra_usage.measure.source import RollupFile, Source
    from cetegra_usage.measure.units import Unit
    from cetegra_usage.model import Catalogue
    from cetegra_usage.settings import Settings

KEYS = {
    "service": pl.String,
    "beginning": pl.Date,
    "cohort_week": pl.Date,
    "user_type": pl.String,
    "feature": pl.String,
    "from_feature": pl.String,
    "to_feature": pl.String,
    "active_days": pl.Int64,
    "within_days": pl.Int64,
    "notice": pl.String,
}
"""The columns of a tally that are no figures, with their types; `beginning` is the unit's."""

# The statements behind each table. Those of `EVENTS` have `event_totals` as well, which no person is in.
_OF_PERSONS = {
    "activity": ("event_people", "active_users"),
    "features": ("event_people", "feature_users"),
    "feature_weeks": ("event_people", "feature_users"),
    "engagement": ("engagement_users",),
    "lifecycle": ("lifecycle_users",),
    "retention": ("cohort_users",),
    "first_use": ("first_users",),
}
_OF_SESSIONS = {
    "sessions": ("session_counts", "session_people"),
    "transitions": ("session_transitions",),
    "funnels": ("session_funnels",),
}


def tally(
    units: Sequence[Unit], source: Source, *, catalogue: Catalogue, settings: Settings
) -> dict[Unit, pl.DataFrame]:
    """Make the tallies of units that are over.

    Args:
        units: Units, of one table no two with the same beginning.
        source: The rollups of every day that the units look at.
        catalogue: It says which features have a funnel.
        settings: How far history goes back, and how much memory there is.

    Raises:
        QueryError: DuckDB failed on the rollups.
    """
    wanted: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        wanted[unit.table].append(unit)
    with sql.connect(memory_limit=settings.engine.memory_limit) as connection:
        found = _Tallying(connection, wanted, source, settings).run(catalogue)
    made = {table: _add_up(table, found[table]) for table in wanted}
    return {
        unit: made[unit.table].filter(pl.col("beginning") == unit.beginning).drop("beginning").sort(pl.all())
        for unit in units
    }


@dataclass(frozen=True, slots=True)
class _Tallying:
    """One pass over the rollups: what each statement finds, by table, of each service and bucket."""

    connection: duckdb.DuckDBPyConnection
    wanted: Mapping[str, Sequence[Unit]]
    source: Source
    settings: Settings
    found: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: defaultdict(list))
    lengths: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: defaultdict(list))

    def run(self, catalogue: Catalogue) -> dict[str, list[pl.DataFrame]]:
        connection = self.connection
        reading.prepare(connection)
        reading.read(connection, "consents", self.source.consents or ()).create_view("consent_log")
        sql.table(connection, "withdrawals", skew_seconds=self.settings.consent.skew_seconds)
        keys = {"service": pl.String, "feature": pl.String}
        has_funnel = [(feature.service, key) for key, feature in catalogue.features.items() if feature.has_funnel]
        funnels = pl.DataFrame(has_funnel, schema=keys, orient="row")
        connection.register("funnel_features", funnels.select("feature"))
        if self._begin("consent_changes"):
            self._keep("consent_changes", "changes")
        for unit in self.wanted.get("feedback", ()):  # a period's only one
            days = [file for file in self.source.rollups if unit.beginning <= file.day <= unit.last]
            mine = (file.path for file in days if file.table == "responses")
            reading.read(connection, "responses", mine).create_view("responses")
            self._keep("feedback", "notice_recipients")
        for service in self.source.services:
            files = [file for file in self.source.rollups if file.service == service]
            reading.read(connection, "totals", [f.path for f in files if f.table == "totals"]).create_view("totals")
            for table in EVENTS:
                if self._begin(table):
                    self._keep(table, "event_totals", service)
            buckets = max((file.buckets for file in files if file.table != "totals"), default=1)
            for number in range(buckets):
                self._of_persons(service, files, Bucket(number, buckets))
                self._of_sessions(service, files, Bucket(number, buckets))
        if "funnels" in self.wanted:  # so that it can be told of which features there are none
            none = {"sessions_opened": pl.lit(0, pl.Int64), "beginning": self.wanted["funnels"][0].beginning}
            self.found["funnels"].append(funnels.with_columns(user_type=pl.lit(ALL), **none))
        if self.lengths:
            self.found["sessions"].append(_medians(self.lengths, self.wanted["sessions"][0].beginning))
        return self.found

    def _of_persons(self, service: str, files: Sequence[RollupFile], bucket: Bucket) -> None:
        self._with_history("persons", files, bucket)
        self._with_history("use", files, bucket)
        for table, statements in _OF_PERSONS.items():
            if not self._begin(table):
                continue
            sql.view(self.connection, "lawful_persons")
            sql.view(self.connection, "lawful_use")
            for statement in statements:
                history = {"identified_days": self.settings.retention.identified_days}
                self._keep(table, statement, service, **(history if statement == "cohort_users" else {}))

    def _with_history(self, name: str, files: Sequence[RollupFile], bucket: Bucket) -> None:
        """Make the view `name`: the days of the tables' windows, and of what lies before, each person's last day."""
        units = [unit for table in READ_BY[name] for unit in self.wanted.get(table, ())]
        horizon = min((unit.first_of(name) for unit in units), default=date.max)
        oldest = min((unit.reads_from(name, *self._reach) for unit in units), default=date.max)
        since = [file for file in files if file.day >= horizon]
        before = reading.before(files, name, oldest, horizon)
        reading.read_before(self.connection, name, before, bucket).create_view(f"{name}_before")
        self.connection.execute(f"DROP TABLE IF EXISTS earlier_{name}")
        sql.table(self.connection, f"earlier_{name}")
        recent = reading.read_bucket(self.connection, name, since, bucket)
        recent.union(self.connection.table(f"earlier_{name}")).create_view(name)

    def _of_sessions(self, service: str, files: Sequence[RollupFile], bucket: Bucket) -> None:
        units = [unit for table in _OF_SESSIONS for unit in self.wanted.get(table, ())]
        if not units:
            return
        days = {"first": units[0].beginning, "last": units[0].last}
        begun_before = {"sessions": units[0].reads_from("sessions", *self._reach)}
        for name in ("sessions", "steps", "marks"):
            first = begun_before.get(name, days["first"])
            mine = [file for file in files if first <= file.day <= days["last"]]
            found = reading.read_bucket(self.connection, name, mine, bucket)
            found.create_view("session_days" if name == "sessions" else name)
        sql.view(self.connection, "lived_sessions")
        self.connection.execute("DROP TABLE IF EXISTS period_sessions")
        sql.table(self.connection, "period_sessions", **days)
        if "sessions" in self.wanted:
            lengths = sql.frame(self.connection, "session_lengths")  # one a session, perhaps: kept small
            self.lengths[service].append(lengths.cast({"user_type": pl.Categorical, "sessions": pl.UInt32}))
        for table, statements in _OF_SESSIONS.items():
            if self._begin(table):
                for statement in statements:
                    self._keep(table, statement, service, **(days if sql.load(statement).parameters else {}))

    def _begin(self, table: str) -> bool:
        """Register the spans of a table's units; say whether there are any."""
        units = self.wanted.get(table, ())
        spans = pl.DataFrame(
            [(unit.beginning, unit.reads_from("persons", *self._reach), unit.last) for unit in units],
            schema={"beginning": pl.Date, "first": pl.Date, "last": pl.Date},
            orient="row",
        )
        self.connection.register("spans", spans)
        return bool(units)

    @property
    def _reach(self) -> tuple[int, int]:
        return self.settings.retention.identified_days, self.settings.session.max_days

    def _keep(self, table: str, statement: str, service: str = "", **parameters: Any) -> None:
        frame = sql.frame(self.connection, statement, **parameters).with_columns(service=pl.lit(service))
        if "beginning" not in frame.columns:
            frame = frame.with_columns(beginning=pl.lit(self.wanted[table][0].beginning))
        if table == "activity" and "feature" in frame.columns:
            frame = frame.filter(pl.col("feature") == ALL).drop("feature")
        self.found[table].append(frame.cast(dict.fromkeys(set(frame.columns) - set(KEYS), pl.Int64)))


def _add_up(table: str, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add what buckets and statements found of the same cell."""
    empty = pl.DataFrame(schema={"service": pl.String, "beginning": pl.Date})
    found = pl.concat([empty, *frames], how="diagonal")
    if table == "feature_weeks":
        found = found.select(
            pl.col("^(service|beginning|user_type|feature|events|events_(known|unidentified|top)|users)$")
        )
    keys = [column for column in found.columns if column in KEYS]
    figures = [column for column in found.columns if column not in KEYS]
    tops = [column for column in figures if column.endswith("_top")]
    return found.group_by(keys).agg(pl.col(tops).max().fill_null(0), pl.col(figures).exclude(tops).sum())


def _medians(lengths: Mapping[str, Sequence[pl.DataFrame]], beginning: date) -> pl.DataFrame:
    """Return the median length of sessions, of each service and type and of all together.

    There may be as many lengths as sessions: they are counted by the second first, and looked at one by one only within
    the seconds in which a median lies.
    """
    keys = ["service", "user_type"]
    by_length = pl.concat(
        [pl.concat(frames).lazy().with_columns(service=pl.lit(service)) for service, frames in lengths.items()]
    ).with_columns(pl.col("user_type").cast(pl.String), second=pl.col("microseconds") // 1_000_000)
    seconds = by_length.group_by(*keys, "second").agg(pl.col("sessions").sum()).collect(engine="streaming").lazy()
    counted = (
        _with_all(seconds)
        .group_by(*keys, "second")
        .agg(pl.col("sessions").sum())
        .with_columns(
            count=pl.col("sessions").sum().over(keys),
            upto=pl.col("sessions").cum_sum().over(keys, order_by="second"),
        )
        .with_columns(before=pl.col("upto") - pl.col("sessions"))
    )
    ranks = ((pl.col("count") - 1) // 2, pl.col("count") // 2)
    is_wanted = [(pl.col("upto") > rank) & (pl.col("before") <= rank) for rank in ranks]
    wanted = counted.filter(pl.any_horizontal(is_wanted)).select(*keys, "second", "count", "before").collect()
    upto = pl.col("before") + pl.col("sessions").cum_sum().over(*keys, "second", order_by="microseconds")
    middle = [pl.col("microseconds").filter(pl.col("upto") > rank).min() for rank in ranks]
    return (
        _with_all(by_length)
        .join(wanted.lazy(), on=[*keys, "second"])
        .group_by(*keys, "second", "count", "before", "microseconds")
        .agg(pl.col("sessions").sum())
        .collect(engine="streaming")
        .with_columns(upto=upto)
        .group_by(keys)
        .agg(median_seconds=(middle[0] + middle[1]) / 2_000_000)
        .with_columns(beginning=pl.lit(beginning))
    )


def _with_all(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return rows of each service and type, and once more as those of all services, of all types, and of both."""
    services = pl.concat([rows, rows.with_columns(service=pl.lit(ALL))])
    return pl.concat([services, services.with_columns(user_type=pl.lit(ALL))])
