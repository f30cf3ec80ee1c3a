"""Published figures, read as any reader would, and held against the reference cell by cell."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cetegra_usage import definitions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from support.reference import Row

GRAINS = {
    "activity": ("day", "service", "user_type"),
    "features": ("service", "user_type", "feature"),
    "feature_weeks": ("week", "service", "user_type", "feature"),
    "engagement": ("service", "user_type", "active_days"),
    "lifecycle": ("week", "service", "user_type"),
    "retention": ("cohort_week", "service", "user_type", "weeks_since"),
    "sessions": ("service", "user_type"),
    "transitions": ("service", "from_feature", "to_feature"),
    "funnels": ("service", "user_type", "feature"),
    "first_use": ("service", "user_type", "feature", "within_days"),
    "consent_changes": ("day",),
    "feedback": ("notice",),
}
TABLES = {name: table for name, table in definitions.tables().items() if name in GRAINS}
DATES = {"day", "week", "cohort_week"}
NUMBERED = {"active_days", "weeks_since", "within_days"}
NO_COUNTS = {
    *("coverage", "stickiness", "share_of_events", "adoption", "events_per_user"),
    *("retention", "median_seconds", "events_per_session", "completion", "share", "response_rate", "mean_rating"),
}
"""Measures that are ratios, means or medians: DOUBLE, where counts are BIGINT."""


def exact(made: Mapping[str, list[dict[str, Any]]]) -> dict[str, pl.DataFrame]:
    """Return the counts of the reference's tables as frames: `period`, the grain, each count and its status."""
    frames: dict[str, pl.DataFrame] = {}
    for name, table in TABLES.items():
        schema: dict[str, Any] = {"period": pl.String}
        schema |= {one: pl.Date if one in DATES else pl.Int64 if one in NUMBERED else pl.String for one in table.grain}
        for measure in table.counts:
            schema |= {measure.name: pl.Int64, f"{measure.name}_status": pl.String}
        frames[name] = pl.DataFrame([{column: row[column] for column in schema} for row in made[name]], schema=schema)
    return frames


def releases(publish: Path) -> dict[str, Path]:
    """Return the folder of each period's latest release: none where nothing was published."""
    if not (publish / "latest.json").exists():
        return {}
    latest = json.loads((publish / "latest.json").read_text("utf-8"))
    return {release["period"]: publish / release["path"] for release in latest["releases"]}


def table(release: Path, name: str) -> list[Row]:
    """Return a release's table."""
    return pq.read_table(release / "data" / f"{name}.parquet").to_pylist()


def mistyped(release: Path, name: str) -> dict[str, str]:
    """Return the columns of a release's table whose type is not the contract's."""
    fields = {field.name: field.type for field in pq.read_schema(release / "data" / f"{name}.parquet")}
    return {column: str(kind) for column, kind in fields.items() if not _is_right(name, column, kind)}


def _is_right(name: str, column: str, kind: Any) -> bool:
    if column in GRAINS[name] or column == "period" or column.endswith("_status"):
        if column in DATES:
            return pa.types.is_date32(kind)
        return (
            pa.types.is_integer(kind)
            if column in NUMBERED
            else pa.types.is_string(kind) or pa.types.is_large_string(kind)
        )
    return pa.types.is_float64(kind) if column in NO_COUNTS else pa.types.is_int64(kind)


def differences(name: str, expected: Sequence[Row], found: Sequence[Row]) -> list[str]:
    """Say where two versions of a table differ: columns, rows, cells."""
    grain = GRAINS[name]
    wanted = {tuple(str(row[key]) for key in grain): row for row in expected}
    got = {tuple(str(row[key]) for key in grain): row for row in found}
    said = [f"{name}: {len(found) - len(got)} rows come twice"] if len(got) < len(found) else []
    said += [f"{name} {key}: missing" for key in wanted.keys() - got.keys()]
    said += [f"{name} {key}: not expected" for key in got.keys() - wanted.keys()]
    for key in sorted(wanted.keys() & got.keys()):
        if wanted[key].keys() != got[key].keys():
            return [*said, f"{name}: columns {sorted(wanted[key].keys() ^ got[key].keys())} are in one alone"]
        said += [
            f"{name} {key} {column}: expected {value!r}, found {got[key][column]!r}"
            for column, value in wanted[key].items()
            if not _same(value, got[key][column])
        ]
    return said


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-12)
    return one == other
