"""Exact marts of a made-up population, straight from its events: for the tests and the benchmark of protection.

Types never change and consent is never withdrawn here, so that every declared link holds to the unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cetegra_usage.model import ALL, Period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ACTIONS = {"opens": "open", "navigations": "navigate", "submits": "submit", "orders": "order"}
CAP = 50


@dataclass(frozen=True)
class Population:
    """Events of some people, and the marts of any period.

    Attributes:
        events: `day`, `service`, `user_type`, `feature`, `action`, `person` (null without consent).
        services: Services, in order.
        user_types: User types, in order.
        features: The service of each feature.
    """

    events: pl.DataFrame
    services: Sequence[str]
    user_types: Sequence[str]
    features: dict[str, str]

    @cached_property
    def _first_seen(self) -> pl.DataFrame:
        named = self.events.filter(pl.col("person").is_not_null())
        return named.group_by("person", "service", "user_type").agg(first=pl.col("day").min())

    @cached_property
    def _first_use(self) -> pl.DataFrame:
        named = self.events.filter(pl.col("person").is_not_null())
        return named.group_by("person", "service", "user_type", "feature").agg(first=pl.col("day").min())

    def grid(self) -> list[tuple[str, str]]:
        """Return every service and type, totals too."""
        return list(product([*self.services, ALL], [*self.user_types, ALL]))

    def feature_grid(self) -> list[tuple[str, str, str]]:
        """Return every row of a table with features: each under its own service and under all, and the totals."""
        return [
            (service, user_type, feature)
            for service, user_type in self.grid()
            for feature in [*self.features, ALL]
            if feature == ALL or service in {ALL, self.features[feature]}
        ]

    def marts(self, period: Period) -> dict[str, pl.DataFrame]:
        """Return the exact marts of a period."""
        weeks = [
            period.last - timedelta(days=(period.last.weekday() + 1) % 7 + 7 * back) for back in reversed(range(13))
        ]
        return {
            "activity": self._activity(period),
            "features": self._features(period),
            "feature_weeks": pl.concat([self._week(period, sunday) for sunday in weeks]),
            "engagement": self._engagement(period),
            "lifecycle": self._lifecycle(period, [sunday for sunday in weeks if period.first <= sunday]),
            "retention": self._retention(period, weeks),
            "consent_changes": self._consent_changes(period),
        }

    def between(self, first: date, last: date) -> pl.DataFrame:
        """Return the events of some days."""
        return self.events.filter(pl.col("day").is_between(first, last))

    def _activity(self, period: Period) -> pl.DataFrame:
        frames: list[pl.DataFrame] = []
        grid = pl.DataFrame(self.grid(), schema=["service", "user_type"], orient="row")
        for day in period.days:
            own = self.between(day, day)
            base = grid.with_columns(period=pl.lit(period.key), day=pl.lit(day))
            for name, part in (("events", own), ("identified_events", _named(own))):
                base = _join(base, _events(part, name, ["service", "user_type"], 1))
            for name, days in (("dau", 1), ("wau", 7), ("mau", 28)):
                window = self.between(day - timedelta(days=days - 1), day)
                base = _join(base, _people(_named(window), name, ["service", "user_type"]))
            frames.append(base)
        return _shown(pl.concat(frames), ["period", "day", "service", "user_type"])

    def _feature_base(self, period: Period) -> pl.DataFrame:
        grid = pl.DataFrame(self.feature_grid(), schema=["service", "user_type", "feature"], orient="row")
        return grid.with_columns(period=pl.lit(period.key))

    def _feature_counts(self, base: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
        keys = ["service", "user_type", "feature"]
        own = self.between(first, last)
        days = (last - first).days + 1
        base = _join(base, _with_total(own, lambda part: _events(part, "events", keys, days)))
        base = _join(base, _with_total(_named(own), lambda part: _people(part, "users", keys)))
        whole = base.filter(pl.col("feature") == ALL).select(
            "service", "user_type", active_users="users", active_users_people="users_people"
        )
        return base.join(whole, on=["service", "user_type"], how="left", maintain_order="left")

    def _features(self, period: Period) -> pl.DataFrame:
        keys = ["service", "user_type", "feature"]
        own = self.between(period.first, period.last)
        base = self._feature_counts(self._feature_base(period), period.first, period.last)
        parts = {name: own.filter(pl.col("action") == action) for name, action in ACTIONS.items()}
        for name, part in (*parts.items(), ("identified_events", _named(own))):
            counted = _with_total(part, lambda piece, name=name: _events(piece, name, keys, len(period.days)))
            base = _join(base, counted)
        inside = pl.col("first").is_between(period.first, period.last)
        new = pl.concat(
            [
                _people(self._first_use.filter(inside), "new_users", keys),
                _people(self._first_seen.filter(inside).with_columns(feature=pl.lit(ALL)), "new_users", keys),
            ]
        )
        base = _join(base, new)
        mean = pl.when(pl.col("users") > 0).then(pl.col("identified_events") / pl.col("users"))
        status = pl.when(pl.col("users") > 0).then(pl.lit("published")).otherwise(pl.lit("undefined"))
        return _shown(base, ["period", *keys]).with_columns(events_per_user=mean, events_per_user_status=status)

    def _week(self, period: Period, sunday: date) -> pl.DataFrame:
        monday = sunday - timedelta(days=6)
        base = self._feature_base(period).with_columns(week=pl.lit(monday))
        return _shown(self._feature_counts(base, monday, sunday), ["period", "week", "service", "user_type", "feature"])

    def _engagement(self, period: Period) -> pl.DataFrame:
        window = _named(self.between(period.last - timedelta(days=27), period.last))
        active = window.group_by("person", "service", "user_type").agg(
            active_days=pl.col("day").n_unique().cast(pl.Int64)
        )
        grid = [(service, user_type, days) for service, user_type in self.grid() for days in range(1, 29)]
        base = pl.DataFrame(grid, schema=["service", "user_type", "active_days"], orient="row")
        keys = ["service", "user_type", "active_days"]
        base = _join(base.with_columns(period=pl.lit(period.key)), _people(active, "users", keys))
        return _shown(base, ["period", *keys])

    def _lifecycle(self, period: Period, sundays: Iterable[date]) -> pl.DataFrame:
        frames: list[pl.DataFrame] = []
        key = ["person", "service", "user_type"]
        for sunday in sundays:
            monday = sunday - timedelta(days=6)
            this = _named(self.between(monday, sunday)).select(key).unique()
            before = _named(self.between(monday - timedelta(days=7), monday - timedelta(days=1))).select(key).unique()
            new = self._first_seen.filter(pl.col("first").is_between(monday, sunday)).select(key)
            base = pl.DataFrame(self.grid(), schema=["service", "user_type"], orient="row")
            base = base.with_columns(period=pl.lit(period.key), week=pl.lit(monday))
            old = this.join(new, on=key, how="anti")
            for name, people in (
                ("new", new),
                ("returning", old.join(before, on=key, how="semi")),
                ("resurrected", old.join(before, on=key, how="anti")),
                ("dormant", before.join(this, on=key, how="anti")),
                ("withdrawn", this.head(0)),
            ):
                base = _join(base, _people(people, name, ["service", "user_type"]))
            frames.append(base)
        return _shown(pl.concat(frames), ["period", "week", "service", "user_type"])

    def _retention(self, period: Period, sundays: Sequence[date]) -> pl.DataFrame:
        frames: list[pl.DataFrame] = []
        key = ["person", "service", "user_type"]
        for place, sunday in enumerate(sundays):
            monday = sunday - timedelta(days=6)
            cohort = self._first_seen.filter(pl.col("first").is_between(monday, sunday))
            for since, later in enumerate(sundays[place:]):
                active = _named(self.between(later - timedelta(days=6), later)).select(key).unique()
                base = pl.DataFrame(self.grid(), schema=["service", "user_type"], orient="row").with_columns(
                    period=pl.lit(period.key), cohort_week=pl.lit(monday), weeks_since=pl.lit(since).cast(pl.Int64)
                )
                base = _join(base, _people(cohort, "cohort_users", ["service", "user_type"]))
                base = _join(
                    base, _people(cohort.join(active, on=key, how="semi"), "active_users", ["service", "user_type"])
                )
                frames.append(base)
        return _shown(pl.concat(frames), ["period", "cohort_week", "service", "user_type", "weeks_since"])

    @staticmethod
    def _consent_changes(period: Period) -> pl.DataFrame:
        """Nobody changes their mind: windows lose only who was not active."""
        none = {f"{measure}{suffix}": 0 for measure in ("granted", "withdrawn") for suffix in ("", "_people", "_top")}
        base = pl.DataFrame([{"period": period.key, "day": day} | none for day in period.days])
        return _shown(base, ["period", "day"])


def population(
    first: date,
    last: date,
    *,
    people: int,
    user_types: int,
    features: int,
    seed: int,
    consent: float = 0.8,
    rate: float = 1.0,
) -> Population:
    """Make a population: two services, types of very unequal size, features of very unequal use.

    Args:
        first: First day.
        last: Last day.
        people: Number of people.
        user_types: Number of types; each has a fraction of the one before.
        features: Number of features over both services.
        seed: What all is drawn from.
        consent: Share of people who consented.
        rate: Mean number of events of a person and day.
    """
    draw = np.random.default_rng(seed)
    services = ["docs", "workspace"]
    names = [f"type{number}" for number in range(user_types)]
    catalogue = {f"f{number:03}": services[number % 2] for number in range(features)}
    share = 0.35 ** np.arange(user_types)
    kind = draw.choice(user_types, people, p=share / share.sum())
    agreed = draw.random(people) < consent
    busy = draw.gamma(0.6, rate / 0.6, people)
    joined = draw.integers(-60, (last - first).days + 1, people)
    likes = draw.permutation(1 / (1 + np.arange(features)) ** 1.1)
    days = (last - first).days + 1
    counts = draw.poisson(busy[:, None] * (np.arange(days) >= joined[:, None]))
    person, day = np.nonzero(counts)
    repeat = counts[person, day]
    person, day = np.repeat(person, repeat), np.repeat(day, repeat)
    feature = draw.choice(features, len(person), p=likes / likes.sum())
    action = draw.choice(4, len(person), p=[0.6, 0.25, 0.1, 0.05])
    keys = np.array(list(catalogue))
    frame = pl.DataFrame(
        {
            "day": [first + timedelta(days=int(offset)) for offset in range(days)],
        }
    )[day.astype(np.uint32)].with_columns(
        service=pl.Series(np.array(services)[feature % 2]),
        user_type=pl.Series(np.array(names)[kind[person]]),
        feature=pl.Series(keys[feature]),
        action=pl.Series(np.array(list(ACTIONS.values()))[action]),
        person=pl.when(pl.Series(agreed[person])).then(pl.Series(person)).otherwise(None),
    )
    return Population(frame, services, names, catalogue)


def _named(events: pl.DataFrame) -> pl.DataFrame:
    return events.filter(pl.col("person").is_not_null())


def _totals(counted: pl.DataFrame, keys: list[str], sums: list[str], top: str | None = None) -> pl.DataFrame:
    """Add the rows of all services and of all types."""
    for dimension in ("service", "user_type"):
        total = (
            counted.with_columns(pl.lit(ALL).alias(dimension))
            .group_by(keys)
            .agg(pl.col(sums).sum(), *([pl.col(top).max()] if top else []))
        )
        counted = pl.concat([counted, total.select(counted.columns)])
    return counted


def _people(persons: pl.DataFrame, name: str, keys: list[str]) -> pl.DataFrame:
    """Count distinct people; those of all services are the sum over services."""
    counted = persons.select("person", *keys, *({"service", "user_type"} - set(keys))).unique().group_by(keys).len(name)
    counted = _totals(counted.with_columns(pl.col(name).cast(pl.Int64)), keys, [name])
    return counted.with_columns(pl.col(name).cast(pl.Float64).alias(f"{name}_people"))


def _events(events: pl.DataFrame, name: str, keys: list[str], days: int) -> pl.DataFrame:
    """Count events, the people that are behind them at least, and the most that one of them made."""
    named = pl.col("person").is_not_null()
    each = events.group_by(*keys, "person").len("made").with_columns(pl.col("made").cast(pl.Int64))
    counted = each.group_by(keys).agg(
        pl.col("made").sum().alias(name),
        (pl.col("person").drop_nulls().n_unique() + pl.col("made").filter(~named).sum() / (CAP * days)).alias(
            f"{name}_people"
        ),
        pl.col("made").filter(named).max().fill_null(0).alias(f"{name}_top"),
    )
    return _totals(counted, keys, [name, f"{name}_people"], f"{name}_top")


def _with_total(events: pl.DataFrame, count: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([count(events), count(events.with_columns(feature=pl.lit(ALL)))])


def _join(base: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    keys = [column for column in base.columns if column in counted.columns]
    return base.join(counted, on=keys, how="left", maintain_order="left")


def _shown(base: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Fill what did not happen with 0, and say that every figure is there."""
    names = [column for column in base.columns if column not in keys and not column.endswith(("_people", "_top"))]
    base = base.with_columns(pl.col(column).fill_null(0) for column in base.columns if column not in keys)
    return base.with_columns(pl.lit("published").alias(f"{name}_status") for name in names).select(
        *keys, pl.exclude(keys)
    )
