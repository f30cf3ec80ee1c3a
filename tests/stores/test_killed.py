"""Runs that are killed or meet another, on folders and on a real object store: a plain run then mends everything."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from cetegra_usage.errors import StorageError
from cetegra_usage.pipeline import job, leftovers
from support.mortal import run_until
from support.whole import Zone, on_folders, on_server, published, run_all, verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from cetegra_usage.settings import Settings
    from support import servers


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


def test_of_two_runs_at_once_one_works_and_the_other_says_so(zone: Zone, anywhere: Settings) -> None:
    with job.opened(anywhere, zone.today) as later:
        with job.opened(anywhere, zone.today) as first, first.held():
            with pytest.raises(StorageError) as caught:
                run_all(zone, anywhere)
            assert caught.value.what == "another run holds the warehouse"
            assert published(anywhere) == {}
        with later.held():
            pass
