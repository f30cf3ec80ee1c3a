"""The whole run on object stores: the same published bytes as from folders, whatever kills it."""

from __future__ import annotations

import random
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.pipeline import job, leftovers
from cetegra_usage.synth import generate
from support.mortal import run_until
from support.whole import Zone, made, on_folders, on_server, published, run_all, verdicts

if TYPE_CHECKING:
    from cetegra_usage.settings import Settings
    from support import servers

SHOP = Path(__file__).parents[3] / "shared" / "real" / "shop"
SHOP_LAST = "day=2024-01-14"
"""Two weeks of its half year: enough for a table of every kind, and quick."""


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Zone:
    """A week of a small deployment, with one partition that will be quarantined."""
    folder = tmp_path_factory.mktemp("zone")
    last = date(2026, 4, 12)
    generate(folder / "landing", first=date(2026, 4, 6), last=last, users=80, faults=["extra_column"])
    return made(folder, last, date(2026, 4, 20))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Zone:
    """The first days of a real web shop."""
    if not SHOP.is_dir():
        pytest.skip(f"the shop's data is not there ({SHOP})")
    folder = tmp_path_factory.mktemp("shop")
    for day in sorted(SHOP.rglob("day=*")):
        if day.name <= SHOP_LAST:
            shutil.copytree(day, folder / "landing" / day.relative_to(SHOP))
    shutil.copy(SHOP / "catalogue.toml", folder / "landing")
    return made(folder, date(2024, 1, 14), date(2024, 1, 20))


@pytest.mark.parametrize("name", ["zone", "shop"])
def test_the_same_bytes_as_from_folders(request: pytest.FixtureRequest, name: str, server: servers.Server) -> None:
    zone: Zone = request.getfixturevalue(name)
    settings = on_server(zone, server)
    run_all(zone, settings)
    assert published(settings) == zone.expected


@pytest.fixture(params=["folders", "ceph"])
def anywhere(zone: Zone, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The zone on folders, and on a real object store."""
    if request.param == "folders":
        return on_folders(zone, tmp_path)
    found: servers.Server = request.getfixturevalue(request.param)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return on_server(zone, found)


def test_killed_runs_lose_nothing_and_leave_nothing(zone: Zone, anywhere: Settings) -> None:
    chance = random.Random(6)  # noqa: S311  # no secret: the points at which it is killed
    deaths = [
        run_until(anywhere, zone.today, zone.last, writes=chance.randrange(12, 60), after=chance.random() < 0.5)
        for _ in range(2)
    ]
    assert any(deaths)
    run_all(zone, anywhere)
    assert published(anywhere) == zone.expected
    assert set(verdicts(anywhere).values()) == {"accepted", "quarantined"}
    assert verdicts(anywhere) == verdicts(on_folders(zone, zone.folder / "expected"))
    with job.opened(anywhere, zone.today) as opened:
        assert leftovers.find(opened) == []
