"""The exact marts alone, without the pipeline around them, are the plain-Python reference's, in one bucket or more."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cetegra_usage.measure import measure
from cetegra_usage.model import Period
from cetegra_usage.settings import load_settings
from support.figures import GRAINS, differences
from support.reference import reference
from support.rollups import THOROUGH, rolled_up
from support.zones import Zone, zones

if TYPE_CHECKING:
    import polars as pl


@settings(THOROUGH, max_examples=6)
@given(zone=zones(), buckets=st.sampled_from((1, 1, 4)))
def test_every_exact_cell_is_the_references(zone: Zone, buckets: int) -> None:
    flags = {"retention.identified_days": str(zone.identified_days)}
    configured = load_settings(flags=flags, environment={})
    with tempfile.TemporaryDirectory() as folder:
        source = rolled_up(zone, Path(folder), buckets)
        world = zone.world()
        periods = zone.periods()
        for period in periods[:: 1 + len(periods) // 3]:  # the reference takes its time: some weeks and a month of each
            marts = measure(Period.parse(period), source, catalogue=zone.catalogue, settings=configured)
            expected = reference(world, period)
            said = [line for name in GRAINS for line in differences(name, expected[name], published(marts[name]))]
            assert said == [], period


def published(mart: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of an exact mart without what protection alone may see."""
    inside = [column for column in mart.columns if column.endswith(("_people", "_top"))]
    return mart.drop(inside).to_dicts()
