"""What is kept spares work and changes nothing: tallies of closed rows, and summaries of the past."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from cetegra_usage.measure import Source, Unit, measure, needs, units
from cetegra_usage.measure.history import summarise, summary_days
from cetegra_usage.measure.marts import assemble
from cetegra_usage.measure.tallies import tally
from cetegra_usage.model import Period
from cetegra_usage.settings import Settings, load_settings
from support.rollups import THOROUGH, rolled_up
from support.zones import Zone, zones

if TYPE_CHECKING:
    import polars as pl


@settings(THOROUGH, max_examples=3)
@given(zone=zones(max_days=21), buckets=st.sampled_from((1, 4)))
def test_kept_tallies_and_summaries_change_no_figure(zone: Zone, buckets: int) -> None:
    configured = load_settings(flags={"retention.identified_days": str(zone.identified_days)}, environment={})
    with tempfile.TemporaryDirectory() as folder:
        source = with_summaries(rolled_up(zone, Path(folder), buckets), Path(folder), zone, configured)
        known = {file.day for file in source.rollups if file.table == "known"}
        without = replace(source, rollups=[file for file in source.rollups if file.table != "known"])
        kept: dict[Unit, pl.DataFrame] = {}
        for period in sorted(map(Period.parse, zone.periods())):
            missing = [unit for unit in units(period) if unit not in kept]
            wanted = needs(missing, configured, known)
            read = replace(source, rollups=[file for file in source.rollups if wanted.wants(file.table, file.day)])
            kept |= tally(missing, read, catalogue=zone.catalogue, settings=configured)
            tallies = {unit: kept[unit] for unit in units(period)}
            tables = assemble(period, tallies, read, catalogue=zone.catalogue, settings=configured)
            at_once = measure(period, without, catalogue=zone.catalogue, settings=configured)
            assert {name: table.equals(at_once[name]) for name, table in tables.items()} == dict.fromkeys(tables, True)


def with_summaries(source: Source, folder: Path, zone: Zone, configured: Settings) -> Source:
    """Add a summary of each service for each Sunday, each from the one before and the days since."""
    first = min((day for _, day in zone.partitions), default=zone.today)
    rollups = list(source.rollups)
    for service in source.services:
        for sunday in summary_days(first - timedelta(days=140), zone.today):
            into = folder / f"known-{service}-{sunday}"
            into.mkdir()
            rollups += summarise(service, sunday, rollups, into, settings=configured)
    return replace(source, rollups=rollups)


def test_with_summaries_a_week_reads_the_same_days_however_long_the_past_is() -> None:
    week = Period.parse("2026-W14")
    closing = [unit for unit in units(week) if unit.last == week.last]
    read = needs(closing, Settings(), summary_days(date(2024, 1, 1), week.last))
    assert (read.first, read.last) == (date(2026, 1, 5), date(2026, 4, 5))  # 13 weeks, and two summaries
    assert read.known == {date(2026, 1, 4), date(2026, 2, 8)}
