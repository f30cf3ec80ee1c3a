"""A store that fails twice: the task is tried again, and the run passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cetegra_usage.check import evidence
from cetegra_usage.errors import StorageError
from cetegra_usage.project import load_flows
from cetegra_usage.quiet import silence
from cetegra_usage.store.local import LocalStore
from support import landed
from support.landed import change, event

silence()

from prefect.testing.utilities import prefect_test_harness  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from cetegra_usage.store import Entry


@pytest.fixture(scope="module", autouse=True)
def server() -> Generator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = landed.zone(tmp_path)
    landed.land_consents(config, [change(1.0, "granted")])
    landed.land_events(config, [event(1), event(2)])
    return config


def failing(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    left, tries = [times], [0]
    fetch = LocalStore.fetch

    def refused(self: LocalStore, entry: Entry, into: Path) -> Path:
        if entry.path.startswith("events/"):
            tries[0] += 1
            if left[0]:
                left[0] -= 1
                raise StorageError("the store does not answer", why="a test", hint="run again")
        return fetch(self, entry, into)

    monkeypatch.setattr(LocalStore, "fetch", refused)
    return tries


def start(config: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    flows = load_flows()
    monkeypatch.setattr(flows.batch, "retry_delay_seconds", [0, 0, 0])
    settings = flows.load_settings(config)
    return flows.start("run", settings.engine, config=str(config), today=landed.TODAY)


def test_a_store_that_fails_twice(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = failing(monkeypatch, 2)
    (outcome,) = start(config, monkeypatch).outcomes
    assert (outcome.state, outcome.rows.accepted) == ("accepted", 2)
    assert tries == [3]


def test_what_is_no_stores_fault_is_not_tried_again(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = [0]

    def fail(*_: Any) -> None:
        tries[0] += 1
        raise ArithmeticError

    monkeypatch.setattr(evidence, "examine", fail)
    with pytest.raises(ArithmeticError):
        start(config, monkeypatch)
    assert tries == [1]


def test_a_store_that_goes_on_failing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, 99)
    with pytest.raises(StorageError):
        start(config, monkeypatch)
    assert not (config.parent / "publish/manifests").exists()
