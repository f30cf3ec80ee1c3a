"""The whole run on object stores: the same published bytes as from folders, whatever kills it."""

from __future__ import annotations

import random
import secrets
import signal
import subprocess
import sys
import time
from datetime import date
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.pipeline import job, run
from cetegra_usage.settings import CatalogueFile, Landing, Settings, Storage, StoreSettings
from cetegra_usage.store import open_store
from cetegra_usage.synth import generate
from support import servers

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


def test_the_same_bytes_as_from_folders(zone: Path, expected: dict[str, bytes], server: servers.Server) -> None:
    settings = on_server(zone, server)
    run_all(settings)
    assert published(settings) == expected


CHILD = """
import sys
from datetime import date
from pathlib import Path
from cetegra_usage.pipeline import job, run
from cetegra_usage.settings import Settings
settings = Settings.model_validate_json(sys.argv[1]).model_copy(update={"folder": Path(sys.argv[2])})
with job.opened(settings, date.fromisoformat(sys.argv[3])) as opened:
    print("opened", flush=True)
    run.run(opened, date.min, date.fromisoformat(sys.argv[4]))
"""


def killed(settings: Settings, after_seconds: float) -> None:
    """Start a run in a process of its own and kill it after so long, or let it end."""
    words = [settings.model_dump_json(), str(settings.folder), TODAY.isoformat(), LAST.isoformat()]
    with subprocess.Popen([sys.executable, "-c", CHILD, *words], stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"opened\n"
        time.sleep(after_seconds)
        child.send_signal(signal.SIGKILL)


@pytest.fixture(params=["folders", "ceph"])
def anywhere(zone: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The zone on folders, and on a real object store."""
    if request.param == "folders":
        return on_folders(zone, tmp_path)
    found: servers.Server = request.getfixturevalue(request.param)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return on_server(zone, found)


def test_killed_runs_lose_nothing(expected: dict[str, bytes], anywhere: Settings) -> None:
    chance = random.Random(6)  # noqa: S311  # no secret: the points at which it is killed
    for _ in range(4):
        killed(anywhere, chance.uniform(0.1, 8))
    run_all(anywhere)
    assert published(anywhere) == expected
