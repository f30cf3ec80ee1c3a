"""The exact marts alone, without the pipeline around them, are the plain-Python reference's, however they are bucketed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cetegra_usage import rollup, sql
from cetegra_usage.measure import RollupFile, ServiceCalendar, Source, measure
from cetegra_usage.model import Period
from cetegra_usage.settings import load_settings
from support.figures import GRAINS, differences
from support.reference import reference, settle
from support.zones import CONSENTS, EVENTS, Zone, _column, zones

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from support.reference import Event

THOROUGH = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@settings(THOROUGH, max_examples=60)
@given(zone=zones(), buckets=st.sampled_from((1, 1, 4)))
def test_every_exact_cell_is_the_references(zone: Zone, buckets: int) -> None:
    flags = {"retention.identified_days": str(zone.identified_days)}
    configured = load_settings(flags=flags, environment={})
    with tempfile.TemporaryDirectory() as folder:
        source = rolled_up(zone, Path(folder), buckets)
        world = zone.world()
        for period in zone.periods():
            marts = measure(Period.parse(period), source, catalogue=zone.catalogue, settings=configured)
            expected = reference(world, period)
            said = [line for name in GRAINS for line in differences(name, expected[name], published(marts[name]))]
            assert said == [], period


def published(mart: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of an exact mart without what protection alone may see."""
    inside = [column for column in mart.columns if column.endswith(("_people", "_top"))]
    return mart.drop(inside).to_dicts()


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
        for file in _roll_up(settled.get((service, day), ([], None))[0], into, count):
            table, bucket, _ = file.name.split(".")
            files.append(RollupFile(service, day, table, int(bucket), count, file))
    first = {service: min((d for s, d in zone.partitions if s == service), default=None) for service in accepted}
    return Source(
        services={service: ServiceCalendar(first[service], frozenset(days)) for service, days in accepted.items()},
        rollups=files,
        consents=None if zone.consents is None else _roll_up_consents(zone, folder / "consents"),
    )


def _roll_up(events: Sequence[Event], into: Path, buckets: int) -> list[Path]:
    columns = [name for name in EVENTS.names if name != "consent"]
    rows = _table([{name: getattr(event, name) for name in columns} for event in events], EVENTS, columns)
    with sql.connect() as connection:
        connection.register("landed", rows)
        landed = connection.table("landed").project("* REPLACE (occurred_at AT TIME ZONE 'UTC' AS occurred_at)")
        landed.create_view("accepted")
        return rollup.roll_up(connection, into, rows=rollup.BUCKET_ROWS * (buckets // 2))


def _roll_up_consents(zone: Zone, into: Path) -> list[Path]:
    into.mkdir()
    changes = [{"pseudonym": c.pseudonym, "changed_at": c.changed_at, "state": c.state} for c in zone.consents or ()]
    with sql.connect() as connection:
        connection.register("landed", _table(changes, CONSENTS, CONSENTS.names))
        landed = connection.table("landed").project("* REPLACE (changed_at AT TIME ZONE 'UTC' AS changed_at)")
        landed.create_view("consents")
        return rollup.roll_up_consents(connection, into)


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
    kinds = {name: schema.field(name).type for name in columns}
    return pa.table({name: _column([row[name] for row in rows], kind) for name, kind in kinds.items()})
