"""Real servers for the tests of stores; `make test-stores` installs them."""

from __future__ import annotations

import os
import secrets
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.settings import Storage, StoreSettings
from cetegra_usage.store import open_store
from cetegra_usage.synth import generate
from support import servers
from support.whole import Zone, made

if TYPE_CHECKING:
    from collections.abc import Generator

    from cetegra_usage.store import Store, StoreName


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers", action="store_true", help="fail, in place of skipping, where a server is not installed"
    )


def _start(request: pytest.FixtureRequest, name: str) -> None:
    if servers.installed()[name]:
        return
    if request.config.getoption("--servers", default=False):
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed: make test-stores")


@pytest.fixture(scope="session")
def ceph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[servers.Server]:
    _start(request, "ceph")
    with servers.ceph(tmp_path_factory.mktemp("ceph")) as server:
        yield server


@pytest.fixture(scope="session")
def azurite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[servers.Server]:
    _start(request, "azurite")
    with servers.azurite(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture(params=["ceph", "azurite"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> servers.Server:
    """A real object store whose credentials are in the environment, and nothing else of the clients'."""
    found: servers.Server = request.getfixturevalue(request.param)
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def opened(server: servers.Server) -> servers.Open:
    """Open stores in a bucket of their own."""
    bucket = f"b{secrets.token_hex(8)}"
    servers.make_bucket(server, bucket)

    def open_it(name: StoreName = "warehouse", *, endpoint: str | None = None, prefix: str = "zone") -> Store:
        storage = Storage(endpoint=endpoint or server.endpoint)
        settings = StoreSettings(url=f"{server.scheme}://{bucket}/{prefix}", country="NO", storage=storage)
        return open_store(name, settings, folder=Path())

    return open_it


@pytest.fixture(params=["local", "ceph", "azurite"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A warehouse of every kind."""
    if request.param == "local":
        return open_store("warehouse", StoreSettings(url=str(tmp_path / "w"), country="NO"), folder=tmp_path)
    found: servers.Server = request.getfixturevalue(request.param)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    bucket = f"b{secrets.token_hex(8)}"
    servers.make_bucket(found, bucket)
    settings = StoreSettings(
        url=f"{found.scheme}://{bucket}/a/prefix", country="NO", storage=Storage(endpoint=found.endpoint)
    )
    return open_store("warehouse", settings, folder=tmp_path)


@pytest.fixture(scope="session")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Zone:
    """A week of a small deployment, with one partition that will be quarantined."""
    folder = tmp_path_factory.mktemp("zone")
    last = date(2026, 4, 12)
    generate(folder / "landing", first=date(2026, 4, 6), last=last, users=80, faults=["extra_column"])
    return made(folder, last, date(2026, 4, 20))
