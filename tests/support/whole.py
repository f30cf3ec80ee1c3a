"""A whole run wherever its stores are, and what has to be the same everywhere."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from cetegra_usage import ledger
from cetegra_usage.pipeline import job, run
from cetegra_usage.settings import CatalogueFile, Landing, Settings, Storage, StoreSettings
from cetegra_usage.store import open_store
from support import servers

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Zone:
    """A landing zone, and what a run on folders publishes from it."""

    folder: Path
    last: date
    today: date
    expected: dict[str, bytes]


def made(folder: Path, last: date, today: date) -> Zone:
    """Run on folders beside a landing zone in `folder/landing`."""
    bare = Zone(folder, last, today, {})
    settings = on_folders(bare, folder / "expected")
    run_all(bare, settings)
    found = published(settings)
    assert any(path.endswith(".parquet") for path in found)
    return Zone(folder, last, today, found)


def on_folders(zone: Zone, folder: Path) -> Settings:
    """Return settings with warehouse and publish in a folder."""
    landing = zone.folder / "landing"
    return Settings(
        landing=Landing(url=str(landing), country="NO"),
        warehouse=StoreSettings(url=str(folder / "warehouse"), country="NO"),
        publish=StoreSettings(url=str(folder / "publish"), country="NO"),
        catalogue=CatalogueFile(path=str(landing / "catalogue.toml")),
        folder=zone.folder,
    )


def on_server(zone: Zone, server: servers.Server) -> Settings:
    """Upload the landing zone, and put the other two beside it."""
    bucket = f"b{secrets.token_hex(8)}"
    servers.make_bucket(server, bucket)
    storage = Storage(endpoint=server.endpoint)
    url = f"{server.scheme}://{bucket}"
    where = StoreSettings(url=f"{url}/landing", country="NO", storage=storage)
    upload, landing = open_store("warehouse", where, folder=zone.folder), zone.folder / "landing"
    for file in landing.rglob("*"):
        if file.is_file():
            upload.put_file(file.relative_to(landing).as_posix(), file)
    return Settings(
        landing=Landing(url=f"{url}/landing", country="NO", storage=storage),
        warehouse=StoreSettings(url=f"{url}/warehouse", country="NO", storage=storage),
        publish=StoreSettings(url=f"{url}/publish", country="NO", storage=storage),
        catalogue=CatalogueFile(path=str(landing / "catalogue.toml")),
        folder=zone.folder,
    )


def run_all(zone: Zone, settings: Settings) -> None:
    """Run as a user would."""
    with job.opened(settings, zone.today) as opened:
        run.run(opened, date.min, zone.last)


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
