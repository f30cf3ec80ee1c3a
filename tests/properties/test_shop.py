"""Half a year of a real web shop (31,106 events) through the command: every figure as counted again from the rows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest

from cetegra_usage.model import Catalogue, Feature
from support.figures import differences, mistyped, releases, table
from support.reference import Change, Event, Period, World, reference

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = Path(__file__).parents[3] / "shared" / "real" / "shop"
COMMAND = Path(sys.executable).with_name("cetegra-usage")

pytestmark = pytest.mark.skipif(not SHOP.is_dir(), reason=f"the shop's data is not there ({SHOP})")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run the command on a copy of the shop, exact figures; return the release of each period."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copytree(SHOP, folder / "landing")
    settings = folder / "cetegra-usage.toml"
    stores = "".join(f'[{name}]\nurl = "{name}"\ncountry = "NO"\n' for name in ("landing", "warehouse", "publish"))
    catalogue = '[catalogue]\npath = "landing/catalogue.toml"\n'
    settings.write_text(f"{stores}{catalogue}[disclosure]\nthreshold = 1\nrounding = 1\n", "utf-8")
    command = [COMMAND, "run", "--config", settings, "--today", "2024-07-10", "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    partitions = json.loads(done.stdout)["partitions"]
    rows = Counter[str]()
    for partition in partitions:
        rows.update(partition["rows"] if partition["id"].startswith("events/") else {})
    fates = {"landed": 31_106, "accepted": 31_106, "duplicate": 0, "held": 0, "quarantined": 0, "stripped": 0}
    assert dict(rows) == fates
    return releases(folder / "publish")


def rows(kind: str) -> Iterator[dict[str, Any]]:
    for file in sorted(SHOP.glob(f"{kind}/**/*.parquet")):
        yield from pq.ParquetFile(file).read().to_pylist()


@pytest.fixture(scope="module")
def events() -> list[Event]:
    found: list[Event] = []
    for row in rows("events"):
        ids: dict[str, Any] = {name: row[name] and UUID(row[name]) for name in ("event_id", "session_id")}
        found.append(Event(**(row | ids)))
    return found


@pytest.fixture(scope="module")
def world(events: list[Event]) -> World:
    declared = tomllib.loads((SHOP / "catalogue.toml").read_text("utf-8"))
    features = [{"expires": None} | entry | {"actions": tuple(entry["actions"])} for entry in declared["feature"]]
    return World(
        events,
        [Change(**row) for row in rows("consents")],
        {
            ("workspace", date.fromisoformat(day.name[4:])): "accepted"
            for day in SHOP.glob("events/service=workspace/day=*")
        },
        Catalogue(
            services={entry["key"]: entry["title"] for entry in declared["service"]},
            user_types={entry["key"]: entry["title"] for entry in declared["user_type"]},
            features={entry["key"]: Feature(**entry) for entry in features},
            notices={},
            digest="",
        ),
    )


def test_every_week_and_month_is_published(published: dict[str, Path]) -> None:
    weeks = [f"2024-W{number:02}" for number in range(1, 28)]
    assert set(published) >= {*weeks[:-1], *(f"2024-{month:02}" for month in range(1, 7))}


def test_the_months_add_up_to_every_event(published: dict[str, Path]) -> None:
    totals = [
        row
        for month in range(1, 7)
        for row in table(published[f"2024-{month:02}"], "features")
        if row["service"] == row["user_type"] == row["feature"] == "all"
    ]
    assert sum(row["events"] for row in totals) == 31_106
    assert sum(row["identified_events"] for row in totals) == 19_531


def test_users_of_each_feature_and_type_in_every_period(published: dict[str, Path], events: list[Event]) -> None:
    changes = sorted((row["changed_at"], row["state"], row["pseudonym"]) for row in rows("consents"))
    for key, release in published.items():
        first, last = Period.parse(key).span
        inside = sorted((event for event in events if first <= event.day <= last), key=lambda event: event.order)
        state = {pseudonym: state for at, state, pseudonym in changes if at.date() < first}
        type_of = {
            event.pseudonym: event.user_type for event in inside if state.get(event.pseudonym or 0) != "withdrawn"
        }
        type_of.pop(None, None)
        users: dict[tuple[str, str], set[int | None]] = defaultdict(set)
        for event in inside:
            if event.pseudonym in type_of:
                users[event.feature, type_of[event.pseudonym]].add(event.pseudonym)
        found = {
            (row["feature"], row["user_type"]): row["users"]
            for row in table(release, "features")
            if row["service"] == "workspace" and row["users"] and "all" not in {row["feature"], row["user_type"]}
        }
        assert found == {cell: len(people) for cell, people in users.items()}, key


@pytest.mark.parametrize("period", ["2024-W09", "2024-03", "2024-06"])
def test_every_table_agrees_with_the_reference(published: dict[str, Path], world: World, period: str) -> None:
    for name, expected in reference(world, period).items():
        assert differences(name, expected, table(published[period], name)) == []
        assert mistyped(published[period], name) == {}
