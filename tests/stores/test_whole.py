"""The whole run on object stores: the same published bytes as from folders, whatever kills it."""

from __future__ import annotations

import random
import secrets
from datetime import date
from typing import TYPE_CHECKING

import pytest

from cetegra_usage import ledger
from cetegra_usage.pipeline import job, run
from cetegra_usage.settings import CatalogueFile, Landing, Settings, Storage, StoreSettings
from cetegra_usage.store import open_store
from cetegra_usage.synth import generate
from support import servers
from support.mortal import run_until

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST, TODAY = date(2026, 4, 6), date(2026, 4, 12), date(2026, 4, 20)
NAMES = ("landing", "warehouse", "publish")


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week of a small deployment, with one partition that will be quarantined."""
    folder = tmp_path_factory.mktemp("zone")
    generate(folder / "landing", first=FIRST, last=LAST, users=120, faults=["extra_column"])
    return folder


@pytest.fixture(scope="module")
def expected(zone: Path) -> dict[str, bytes]:
    """What a run on folders publishes."""
    folder = zone / "expected"
    settings = on_folders(zone, folder)
    run_all(settings)
    found = published(settings)
    assert any(path.endswith(".parquet") for path in found)
    return found


def on_folders(zone: Path, folder: Path) -> Settings:
    return Settings(
        landing=Landing(url=str(zone / "landing"), country="NO"),
        warehouse=StoreSettings(url=str(folder / "warehouse"), country="NO"),
        publish=StoreSettings(url=str(folder / "publish"), country="NO"),
        catalogue=CatalogueFile(path=str(zone / "landing" / "catalogue.toml")),
        folder=zone,
    )


def on_server(zone: Path, server: servers.Server) -> Settings:
    """Upload the landing zone, and put the other two beside it."""
    bucket = f"b{secrets.token_hex(8)}"
    servers.make_bucket(server, bucket)
    storage = Storage(endpoint=server.endpoint)
    url = f"{server.scheme}://{bucket}"
    upload = open_store("warehouse", StoreSettings(url=f"{url}/landing", country="NO", storage=storage), folder=zone)
    for file in (zone / "landing").rglob("*"):
        if file.is_file():
            upload.put_file(file.relative_to(zone / "landing").as_posix(), file)
    return Settings(
        landing=Landing(url=f"{url}/landing", country="NO", storage=storage),
        warehouse=StoreSettings(url=f"{url}/warehouse", country="NO", storage=storage),
        publish=StoreSettings(url=f"{url}/publish", country="NO", storage=storage),
        catalogue=CatalogueFile(path=str(zone / "landing" / "catalogue.toml")),
        folder=zone,
    )


def run_all(settings: Settings) -> None:
    with job.opened(settings, TODAY) as opened:
        run.run(opened, date.min, LAST)


def published(settings: Settings) -> dict[str, bytes]:
    """Everything that must be the same wherever it is stored: the tables and the usage pages."""
    store = open_store("publish", settings.publish, folder=settings.folder)
    return {
        entry.path: store.read(entry.path)
        for entry in store.list("releases")
        if "/data/" in entry.path or entry.path.endswith("/usage.html")
    }


def verdicts(settings: Settings) -> dict[str, str]:
    """The last verdict on each partition, from a chain that holds."""
    found = ledger.load(open_store("warehouse", settings.warehouse, folder=settings.folder))
    previous = ledger.GENESIS
    for record in found.records:
        assert record.body["previous"] == previous
        assert ledger.digest(record.body) == record.sha256
        previous = record.sha256
    return {partition: record.state for partition, record in found.latest.items()}


def test_the_same_bytes_as_from_folders(zone: Path, expected: dict[str, bytes], server: servers.Server) -> None:
    settings = on_server(zone, server)
    run_all(settings)
    assert published(settings) == expected


@pytest.fixture(params=["folders", "ceph"])
def anywhere(zone: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The zone on folders, and on a real object store."""
    if request.param == "folders":
        return on_folders(zone, tmp_path)
    found: servers.Server = request.getfixturevalue(request.param)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return on_server(zone, found)


def test_killed_runs_lose_nothing(zone: Path, expected: dict[str, bytes], anywhere: Settings) -> None:
    chance = random.Random(6)  # noqa: S311  # no secret: the points at which it is killed
    deaths = [
        run_until(anywhere, TODAY, LAST, writes=chance.randrange(12, 60), after=chance.random() < 0.5) for _ in range(3)
    ]
    assert any(deaths)
    run_all(anywhere)
    assert published(anywhere) == expected
    assert set(verdicts(anywhere).values()) == {"accepted", "quarantined"}
    assert verdicts(anywhere) == verdicts(on_folders(zone, zone / "expected"))
