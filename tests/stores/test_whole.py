"""The whole run on object stores: the same published bytes as from folders."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.whole import Zone, made, on_server, published, run_all

if TYPE_CHECKING:
    from support import servers

SHOP = Path(__file__).parents[3] / "shared" / "real" / "shop"
SHOP_LAST = "day=2024-01-14"
"""Two weeks of its half year: enough for a table of every kind, and quick."""


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


def test_a_shop_publishes_the_same_bytes_as_from_folders(shop: Zone, server: servers.Server) -> None:
    settings = on_server(shop, server)
    run_all(shop, settings)
    assert published(settings) == shop.expected


@pytest.mark.parametrize("server", ["azurite"], indirect=True)  # runs that are killed have Ceph
def test_a_zone_with_a_fault_publishes_the_same_bytes_as_from_folders(zone: Zone, server: servers.Server) -> None:
    settings = on_server(zone, server)
    run_all(zone, settings)
    assert published(settings) == zone.expected
