"""Cases of well-known systems' own tests, as one landing zone: every figure that they expect is measured, exactly.

A case is a user type of its own, so that none sees another; its features bear its name. A line of `events` is
`who when [feature.action session]`: `w3` is the fourth week's Monday, `d12` the thirteenth day, `u0..9` ten people.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import polars as pl
import polars.selectors as cs
import pytest

from cetegra_usage.measure import measure
from cetegra_usage.model import Catalogue, Feature, Period
from cetegra_usage.settings import load_settings
from support.figures import GRAINS, differences
from support.reference import Event, reference
from support.rollups import rolled_up
from support.zones import Zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIRST = date(2026, 3, 2)
WEEKS = 11
FILES = sorted((Path(__file__).parent / "cases").glob("*.toml"))
CASES = {name: case for file in FILES for name, case in tomllib.loads(file.read_text("utf-8")).items()}
ACTIONS = ("open", "navigate", "submit", "order")
FEATURES = {"feature", "from_feature", "to_feature"}


def instant(text: str) -> datetime:
    """Return the instant of `w3`, `d12` or `d12T03:21:34`."""
    day, _, clock = text.partition("T")
    days = int(day[1:]) * {"w": 7, "d": 1}[day[0]]
    return datetime.combine(FIRST + timedelta(days=days), time.fromisoformat(clock or "12:00"), UTC)


def number(name: str) -> int:
    """Return a number that a name always has, spread over all there are."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 1


def events() -> Iterator[Event]:
    """Return every case's events; where two are at one instant, the ids are in the order of the lines."""
    serial = 0
    for name, case in CASES.items():
        for line in case["events"]:
            who, when, *rest = line.split()
            feature, action = (rest[0] if rest else "page.open").split(".")
            people = re.fullmatch(r"(\D+)(\d+)\.\.(\d+)", who)
            everybody = [f"{people[1]}{n}" for n in range(int(people[2]), int(people[3]) + 1)] if people else [who]
            for person in everybody:
                serial += 1
                yield Event(
                    event_id=UUID(int=serial << 80 | 4 << 76 | 2 << 62),
                    occurred_at=instant(when),
                    service="docs",
                    user_type=name,
                    action=action,
                    feature=f"{name}.{feature}",
                    consent=True,
                    pseudonym=number(f"{name} {person}"),
                    session_id=UUID(int=number(f"{name} {rest[1]}") << 64 | 4 << 76 | 2 << 62, version=4)
                    if rest
                    else None,
                )


@pytest.fixture(scope="module")
def zone() -> Zone:
    found = list(events())
    features = sorted({event.feature for event in found})
    days = [FIRST + timedelta(days=n) for n in range(7 * WEEKS)]
    return Zone(
        catalogue=Catalogue(
            services={"docs": "Docs"},
            user_types={name: name for name in CASES},
            features={key: Feature(key, key, "docs", ACTIONS, "team", FIRST) for key in features},
            notices={},
            digest="",
        ),
        events=tuple(found),
        consents=None,
        partitions={("docs", day): "accepted" for day in days},
        today=days[-1] + timedelta(days=1),
    )


@pytest.fixture(scope="module")
def published(zone: Zone, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[Any]]]:
    """Return every table of each week, by the week's number."""
    source = rolled_up(zone, tmp_path_factory.mktemp("known"), buckets=2)
    found: dict[str, dict[str, list[Any]]] = {}
    for week in range(WEEKS):
        period = Period.week(FIRST + timedelta(weeks=week))
        marts = measure(period, source, catalogue=zone.catalogue, settings=load_settings(environment={}))
        shown = {name: mart.drop(cs.ends_with("_people", "_top")) for name, mart in marts.items()}
        found[f"w{week}"] = {
            name: mart.with_columns(period=pl.lit(period.key)).to_dicts() for name, mart in shown.items()
        }
    return found


def keys(name: str, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dimensions of the row that is asked for."""
    found: dict[str, Any] = {}
    for grain in GRAINS[expected["table"]]:
        value = {"service": "docs", "user_type": name}.get(grain) or expected[grain]
        if grain in FEATURES:
            value = f"{name}.{value}"
        found[grain] = instant(value).date() if grain in {"day", "week", "cohort_week"} else value
    return found


def rows(expected: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return one expectation a row, where lists tell several."""
    lists = {name: values for name, values in expected.items() if isinstance(values, list)}
    for several in zip(*lists.values(), strict=True) if lists else [()]:
        yield {**expected, **dict(zip(lists, several, strict=True))}


def find(
    published: Mapping[str, Mapping[str, list[Any]]], expected: Mapping[str, Any], where: dict[str, Any]
) -> list[Any]:
    """Return the row in the release that is named, or in each that shows it."""
    periods = [expected["period"]] if "period" in expected else list(published)
    shown = [row for period in periods for row in published[period][expected["table"]]]
    return [row for row in shown if all(row[name] == value for name, value in where.items())]


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, published: Mapping[str, Mapping[str, list[Any]]]) -> None:
    for expected in (row for table_rows in CASES[name]["expected"] for row in rows(table_rows)):
        where = keys(name, expected)
        measures = {key: expected[key] for key in expected.keys() - where.keys() - {"table", "period"}}
        found = find(published, expected, where)
        assert found, (expected["table"], where)
        for row in found:
            said = {key: row[key] if row[f"{key}_status"] == "published" else row[f"{key}_status"] for key in measures}
            assert said == measures, (expected["table"], row["period"], where)
    for expected in CASES[name].get("absent", ()):
        assert find(published, expected, keys(name, expected)) == []


def test_the_reference_says_the_same_of_them(zone: Zone, published: Mapping[str, Mapping[str, list[Any]]]) -> None:
    last = f"w{WEEKS - 1}"
    expected = reference(zone.world(), Period.week(zone.today - timedelta(days=1)).key)
    assert [line for name in GRAINS for line in differences(name, expected[name], published[last][name])] == []
