"""A zone's accepted rows, as the reference has them, rolled up: what measuring starts from, without a pipeline."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import UUID

import polars as pl
from hypothesis import HealthCheck, settings

from cetegra_usage import rollup, sql
from cetegra_usage.measure import RollupFile, ServiceCalendar, Source
from support.reference import settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from support.reference import Change, Event, Response
    from support.zones import Zone

THOROUGH = settings(
    deadline=None,
    derandomize=True,  # the same zones every time: a finding is a failure of the change, not of the day
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def rolled_up(zone: Zone, folder: Path, buckets: int) -> Source:
    """Roll up what the reference accepts of a zone; every other partition in so many buckets, the rest in one."""
    settled = settle(zone.events, zone.consents, zone.catalogue, zone.skew_seconds)
    files: list[RollupFile] = []
    accepted: dict[str, set[Any]] = {service: set() for service in zone.catalogue.services}
    for number, ((service, day), state) in enumerate(sorted(zone.partitions.items())):
        if state != "accepted":
            continue
        accepted[service].add(day)
        into = folder / f"{service}-{day}"
        into.mkdir()
        count = buckets if number % 2 else 1
        for file in _roll_up(settled.get((service, day), ([], None))[0], day, into, count):
            table, bucket, _ = file.name.split(".")
            files.append(RollupFile(service, day, table, int(bucket), count, file))
    for day in (day for day, state in zone.feedback_days.items() if state == "accepted"):
        (file,) = _roll_up_feedback(zone, day, folder / f"feedback-{day}")
        files.append(RollupFile("", day, "responses", 0, 1, file))
    first = {service: min((d for s, d in zone.partitions if s == service), default=None) for service in accepted}
    return Source(
        services={service: ServiceCalendar(first[service], frozenset(days)) for service, days in accepted.items()},
        rollups=files,
        consents=None if zone.consents is None else _roll_up_consents(zone, folder / "consents"),
        feedback=ServiceCalendar(
            min(zone.feedback_days, default=None),
            frozenset(day for day, state in zone.feedback_days.items() if state == "accepted"),
        ),
    )


ACCEPTED = """
CREATE VIEW accepted AS
SELECT * REPLACE (event_id::UUID AS event_id, session_id::UUID AS session_id), epoch_us(occurred_at) AS occurred_at_us
FROM landed"""
GROUPS = "SELECT user_type, feature, action, count(*) AS events FROM accepted GROUP BY ALL"
"""What the check says of rows that are accepted."""
MOMENT = pl.Datetime("us")
EVENTS = {
    "event_id": pl.String,
    "occurred_at": MOMENT,
    "service": pl.String,
    "user_type": pl.String,
    "action": pl.String,
    "feature": pl.String,
    "pseudonym": pl.Int64,
    "session_id": pl.String,
}
FEEDBACK = {
    "event_id": pl.String,
    "occurred_at": MOMENT,
    "notice": pl.String,
    "kind": pl.String,
    "rating": pl.Int64,
    "recipient": pl.Int64,
}
CHANGES = {"pseudonym": pl.Int64, "changed_at": MOMENT, "state": pl.String}


def roll_up(connection: duckdb.DuckDBPyConnection, into: Path, day: date, buckets: int) -> list[Path]:
    """Roll up the view `accepted` in so many buckets, however few its rows are."""
    with mock.patch.object(rollup, "bucket_count", return_value=buckets):
        return rollup.roll_up(connection, into, groups=connection.sql(GROUPS).pl(), day=day)


def _roll_up(events: Sequence[Event], day: date, into: Path, buckets: int) -> list[Path]:
    with sql.connect() as connection:
        connection.register("landed", _frame(events, EVENTS))
        connection.execute(ACCEPTED)
        return roll_up(connection, into, day, buckets)


def _roll_up_feedback(zone: Zone, day: date, into: Path) -> list[Path]:
    into.mkdir()
    rows = [row for row in zone.feedback if row.day == day]
    unknown = {row.notice for row in rows} - set(zone.catalogue.notices)
    with sql.connect() as connection:
        connection.register("landed", _frame(rows, FEEDBACK))
        connection.execute("CREATE VIEW feedback AS SELECT * REPLACE (event_id::UUID AS event_id) FROM landed")
        connection.register("held_notices", pl.DataFrame({"notice": sorted(unknown)}, schema={"notice": pl.String}))
        return rollup.roll_up_feedback(connection, into)


def _roll_up_consents(zone: Zone, into: Path) -> list[Path]:
    into.mkdir()
    with sql.connect() as connection:
        connection.register("consents", _frame(zone.consents or (), CHANGES))
        return rollup.roll_up_consents(connection, into)


def _frame(rows: Sequence[Event] | Sequence[Change] | Sequence[Response], schema: Mapping[str, Any]) -> pl.DataFrame:
    values = [[_plain(getattr(row, name)) for name in schema] for row in rows]
    return pl.DataFrame(values, schema=dict(schema), orient="row")


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
