"""What dead runs leave: in warehouse and publish, and on the machine they ran on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cetegra_usage import landing, ledger
from cetegra_usage.errors import StorageError
from cetegra_usage.model import Partition
from cetegra_usage.pipeline import job, leftovers, process, spool
from cetegra_usage.pipeline.plan import Item
from cetegra_usage.settings import CatalogueFile, Landing, Settings, StoreSettings
from cetegra_usage.store import Entry
from cetegra_usage.synth import generate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cetegra_usage.store import Store

DAY = date(2026, 6, 1)


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zone")
    generate(folder / "landing", first=DAY, last=DAY, users=20)
    return folder


@pytest.fixture
def settings(zone: Path, tmp_path: Path) -> Settings:
    return Settings(
        landing=Landing(url=str(zone / "landing"), country="NO"),
        warehouse=StoreSettings(url=str(tmp_path / "warehouse"), country="NO"),
        publish=StoreSettings(url=str(tmp_path / "publish"), country="NO"),
        catalogue=CatalogueFile(path=str(zone / "landing" / "catalogue.toml")),
    )


def record(partition: str, *paths: str) -> dict[str, Any]:
    rollups = [{"path": path, "bytes": 1, "sha256": "0" * 64} for path in paths]
    return {
        "kind": ledger.VERDICT,
        "partition": partition,
        "state": "accepted",
        "rollups": rollups,
        "vocabulary": "v",
        "consents": 0,
    }


NAMED = {
    "warehouse": [
        "rollups/events/docs/2026-06-01/b-totals.0.parquet",
        "rollups/consents/2026-06-01/c.parquet",
        "memory/vocabularies/v.json",
    ],
    "publish": ["releases/2026-06/r1/usage.html", "releases/2026-06/r2/data/a.csv", "latest.json"],
}
LEFT = {
    "warehouse": [
        "rollups/events/docs/2026-06-01/a-totals.0.parquet",  # of a verdict that no longer holds
        "rollups/events/docs/2026-06-01/x-totals.0.parquet",  # of a run that died before it was named
        "rollups/events/workspace/2026-06-01/y-use.0.parquet",
        "memory/vocabularies/w.json",
    ],
    "publish": ["releases/2026-06/r3/usage.html", "releases/2026-W23/r1/data/a.csv"],
}


def fill(opened: job.Job) -> None:
    """Put what is named and what is not, and the records and the manifest that name it."""
    stores = {"warehouse": opened.stores.warehouse, "publish": opened.stores.publish}
    for paths in (NAMED, LEFT):
        for name, store in stores.items():
            for path in paths[name]:
                store.put(path, b"1")
    bodies = [
        record("consents/2026-06-01", NAMED["warehouse"][1]),
        record("events/docs/2026-06-01", LEFT["warehouse"][0]),
        record("events/docs/2026-06-01", NAMED["warehouse"][0]),
    ]
    ledger.append(opened.stores.warehouse, opened.ledger, bodies, datetime(2026, 6, 2, tzinfo=UTC))
    release = {"period": "2026-06", "revision": 2, "path": "releases/2026-06/r2", "sha256": "0" * 64}
    manifest: Mapping[str, Any] = {"releases": [release], "evidence_head": ledger.GENESIS, "index": ledger.GENESIS}
    opened.stores.publish.put("manifests/1.json", json.dumps(manifest).encode())


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_whoever_held_the_warehouse_leaves_what_is_named_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    with job.opened(settings, DAY) as opened:
        fill(opened)
        (tmp_path / "warehouse" / "ledger" / ".unfinished-1").write_bytes(b"of a write that was killed")
        assert {entry.path for _, entry in leftovers.find(opened)} == {
            *LEFT["warehouse"],
            *LEFT["publish"],
            "ledger/.unfinished-1",
        }
        with opened.held():
            pass
        assert leftovers.find(opened) == []
    lock = "lock/3.json"  # taken, asked for before something is removed, given back
    assert files(tmp_path / "warehouse") == {*NAMED["warehouse"], "ledger/1.json", ledger.SUM, lock}
    assert files(tmp_path / "publish") == {*NAMED["publish"], "manifests/1.json"}


def test_after_a_good_end_only_what_was_touched_is_looked_at_and_after_a_bad_one_everything(settings: Settings) -> None:
    docs, workspace = LEFT["warehouse"][1:3]
    with job.opened(settings, DAY) as opened:
        fill(opened)
        with opened.held():
            pass

        def left_by(touched: set[str]) -> set[str]:
            for path in (docs, workspace):
                opened.stores.warehouse.put(path, b"1")
            opened.touched = touched
            with opened.held():
                pass
            return {entry.path for _, entry in leftovers.find(opened)}

        assert left_by(set()) == {docs, workspace}
        assert left_by({"events/workspace/2026-06-01"}) == {docs}
        with pytest.raises(ZeroDivisionError), opened.held():
            raise ZeroDivisionError
        assert left_by(set()) == set()


def test_who_read_the_ledger_before_another_wrote_to_it_removes_nothing(settings: Settings, tmp_path: Path) -> None:
    with job.opened(settings, DAY) as late:
        with job.opened(settings, DAY) as early:
            fill(early)
            with early.held():
                pass
        before = files(tmp_path / "warehouse") | files(tmp_path / "publish")
        with pytest.raises(StorageError, match="another command"), late.held(everywhere=True):
            pytest.fail("what it names would look like left-overs")
        left = before - (files(tmp_path / "warehouse") | files(tmp_path / "publish"))
    assert not {path for path in left if not path.startswith("lock/")}


def test_who_lost_the_hold_while_it_looked_removes_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with job.opened(settings, DAY) as opened:
        fill(opened)
        find = leftovers.find

        def slept(job: job.Job) -> list[tuple[Store, Entry]]:
            found = find(job)
            taken = {"expires": 0.0, "given_back": True, "owner": "another", "token": "another"}
            opened.stores.warehouse.put("lock/2.json", json.dumps(taken).encode())
            return found

        with monkeypatch.context() as looking:
            looking.setattr(leftovers, "find", slept)
            with pytest.raises(StorageError, match="was lost"), opened.held(everywhere=True):
                pass
        assert len(find(opened)) == len(LEFT["warehouse"]) + len(LEFT["publish"])


def test_work_that_fails_removes_nothing(settings: Settings) -> None:
    with job.opened(settings, DAY) as opened:
        fill(opened)
        with pytest.raises(ZeroDivisionError), opened.held():
            raise ZeroDivisionError
        assert len(leftovers.find(opened)) == len(LEFT["warehouse"]) + len(LEFT["publish"])


SPOOLER = """
import time
from cetegra_usage.pipeline.spool import spool
with spool() as folder:
    (folder / "landed.parquet").write_bytes(b"1")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_the_folder_of_a_killed_command_goes_with_the_next_and_that_of_a_living_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(spool, "_YOUNG_SECONDS", 0.0)
    words = [sys.executable, "-c", SPOOLER]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    ) as other:
        assert other.stdout
        folder = Path(other.stdout.readline().strip())
        with spool.spool():
            assert (folder / "landed.parquet").exists()
        other.send_signal(signal.SIGKILL)
        other.wait()
    with spool.spool() as own:
        assert list(tmp_path.iterdir()) == [own]
    assert list(tmp_path.iterdir()) == []


def item(service: str, day: int, size: int) -> Item:
    partition = Partition("events", service, date.fromordinal(DAY.toordinal() + day))
    return Item(partition, "new", "", landing.Landed(partition, (Entry("x", size, ""),), None), None)


def test_a_wave_is_bounded_and_never_parts_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WAVE", 5)
    monkeypatch.setattr(process, "WAVE_BYTES", 100)
    sizes = [10, 10, 10, 10, 60, 30, 200]
    items = [item(service, day, size // 2) for service in ("docs", "workspace") for day, size in enumerate(sizes)]
    waves = list(process.waves(items))
    days = [[found.partition.day.toordinal() - DAY.toordinal() for found in wave] for wave in waves]
    assert days == [[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5], [6, 6]]
    assert list(process.waves([])) == []
